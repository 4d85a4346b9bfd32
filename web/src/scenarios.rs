//! Which runs come with the page?
//!
//! Scenario files like any other, with the words that belong to them. The first
//! is what a first visit opens on.

/// A scenario that comes with the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Built {
    /// Its name in forms.
    pub id: &'static str,
    /// Its title; the scenario's own name.
    pub title: &'static str,
    /// What it shows, a paragraph each.
    pub text: &'static [&'static str],
    /// What is worth trying.
    pub tries: &'static [&'static str],
    /// The scenario.
    pub toml: &'static str,
}

/// All of them.
pub static ALL: [Built; 6] = [
    Built {
        id: "first-election",
        title: "The first election",
        text: &[
            "Five nodes have just started. None of them leads, and each waits for a leader: the arc round a node is its timer.",
            "Whoever's timer runs out first asks the others whether it could win, then asks for their votes. Three of five votes make a leader.",
        ],
        tries: &[
            "Press play. One node asks (▲ P, then ◆ V) and gathers votes: the dots inside it.",
            "Once somebody leads, ask for set x = 1 at the right and watch it reach the logs.",
            "Crash the leader. Who is next, and in which term?",
            "Scrub back and crash another node instead. Undo brings the first story back.",
        ],
        toml: include_str!("../scenarios/first-election.toml"),
    },
    Built {
        id: "leader-lost",
        title: "A leader is lost",
        text: &[
            "A leader has replicated two entries when it crashes. Nobody is told: the others only notice that they hear nothing any more.",
            "What was committed must survive. The vote sees to that: a node refuses a candidate whose log is behind its own.",
        ],
        tries: &[
            "Jump to the crash (✕ on the timeline) and step from there.",
            "Select a voter and read why it said yes.",
            "Restart the old leader. It comes back as a follower and adopts the new term.",
        ],
        toml: include_str!("../scenarios/leader-lost.toml"),
    },
    Built {
        id: "cut-off-leader",
        title: "A cut-off leader cannot commit",
        text: &[
            "A partition leaves the leader with one follower. It does not know, and goes on taking requests.",
            "With two of five it reaches no quorum: its entries stay dashed. The three on the other side elect a leader of a higher term.",
        ],
        tries: &[
            "Compare the logs of both sides before the links heal.",
            "Select the dashed entry of the old leader: is it committed, and why not?",
            "Watch the heal at 1.7 s. Whose entries are removed?",
        ],
        toml: include_str!("../scenarios/cut-off-leader.toml"),
    },
    Built {
        id: "lossy",
        title: "A bad network",
        text: &[
            "Messages take from 4 to 40 ms, overtake each other, one in seven is lost (✕), some arrive twice.",
            "Elections take longer, and clients ask more than once. Each request is applied once all the same.",
        ],
        tries: &[
            "Try other seeds: the same settings, another history.",
            "Follow one lost append. How does the leader find out?",
        ],
        toml: include_str!("../scenarios/lossy.toml"),
    },
    Built {
        id: "three",
        title: "Three nodes, one down",
        text: &["Three nodes bear the loss of one: two of three are a majority, and entries are committed as before."],
        tries: &[
            "Crash a second node and ask for something. What can the last one do?",
            "Restart one of them and see the entry through.",
        ],
        toml: include_str!("../scenarios/three.toml"),
    },
    Built {
        id: "no-majority",
        title: "Two of five are enough",
        text: &[
            "Here a rule is switched off: two votes of five make a leader, and two copies of an entry commit it.",
            "Two majorities always share a node; two pairs need not. Split the cluster, and each side goes its own way.",
        ],
        tries: &[
            "Play until a check at the right turns red, or jump there: the red triangle on the timeline.",
            "Step back from it. Which two nodes decided on each side?",
        ],
        toml: include_str!("../scenarios/no-majority.toml"),
    },
];

/// The scenario of this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Built> {
    ALL.iter().find(|built| built.id == id)
}

/// The scenario of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Built> {
    ALL.iter().find(|built| built.title == name)
}
