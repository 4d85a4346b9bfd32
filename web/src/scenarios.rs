//! Which runs come with the page?
//!
//! Scenario files like any other, with the words that belong to them. The first
//! is what a first visit opens on. Those of [`MORE`] are the files that teach on
//! the command line as well; a test holds their titles to the files' names.

/// A scenario that comes with the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Built {
    /// Its name in forms.
    pub id: &'static str,
    /// Its title; the scenario's own name.
    pub title: &'static str,
    /// What it shows, a paragraph each; what the scenario says about itself where there is none.
    pub text: &'static [&'static str],
    /// What is worth trying.
    pub tries: &'static [&'static str],
    /// The scenario.
    pub toml: &'static str,
}

/// The first steps.
pub static FIRST: [Built; 6] = [
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

/// Scenarios that teach one feature each.
pub static MORE: [Built; 28] = [
    Built {
        id: "members",
        title: "Members come and go",
        text: &[],
        tries: &[
            "Jump to the marks at 1.5 s and step: while “joint” stands over the ring, it takes a majority of each half.",
            "Select the leader and ask for your own change under “Change members in one step”.",
        ],
        toml: include_str!("../../tests/scenarios/members.toml"),
    },
    Built {
        id: "observers",
        title: "Observers answer reads and never vote",
        text: &[],
        tries: &[
            "Select n4 and read x there: its answer waits for a round of the leader.",
            "Split the leader off with both observers. Why is that no quorum?",
        ],
        toml: include_str!("../../tests/scenarios/observers.toml"),
    },
    Built {
        id: "zones",
        title: "Nodes far from the leader are fed by a voter near them",
        text: &[
            "n1 and n2 stand in one zone, n3, n4 and n5 in another, 40 ms away, and n1 leads. What n4 and n5 need crosses the long way once: n1 sends n3 a short order, and n3 sends the entries.",
            "The answers of n4 and n5 go to n1, so that one node knows who has what. n1 and n2 are two of three voters: they commit before the other zone has heard of it.",
        ],
        tries: &[
            "At 2 s nothing of n1 itself gets to n4 and n5. Step and see which way x = 1 takes.",
            "At 3.6 s n3 crashes. Who feeds the two from then on?",
            "Select n1 and open what it knows of its followers: how does it know what n5 has?",
            "At 5 s a client reads at n4. What is that answer waiting for?",
        ],
        toml: include_str!("../../tests/scenarios/zones.toml"),
    },
    Built {
        id: "edge",
        title: "An edge holds a part of the state",
        text: &[
            "n4 has no vote and subscribes to the keys under cart. It begins with that part of the state as a snapshot.",
            "After that it gets the whole log, but the bodies of its own keys alone: for all other commands it has place, term and digest. So it can say that nothing is missing.",
        ],
        tries: &[
            "Select n4 at 2.4 s: what does it subscribe to, and what was left out?",
            "Compare its row of the log with the others: a striped field stands where a body was left out.",
            "At 2.5 s cart/2 is read at n4, and then user. Why does it refuse one of them?",
        ],
        toml: include_str!("../../tests/scenarios/edge.toml"),
    },
    Built {
        id: "snapshot",
        title: "A node comes back after the log is gone",
        text: &[],
        tries: &[
            "Jump to the restart of n3 and watch the blocks S travel: in the log they take the place of entries that nobody has any more.",
            "Cut the link while parts are on their way, and mend it. Where does the transfer go on?",
        ],
        toml: include_str!("../../tests/scenarios/snapshot.toml"),
    },
    Built {
        id: "reads",
        title: "Reads beside the log",
        text: &[],
        tries: &[
            "Compare how long each read took, and how many messages it cost.",
            "Read “stale” at the cut-off leader after the others have written.",
        ],
        toml: include_str!("../../tests/scenarios/reads.toml"),
    },
    Built {
        id: "transfer",
        title: "Leadership is handed over",
        text: &[],
        tries: &[
            "Follow ◆ T: the target asks for votes at once, and nobody waits for a timer.",
            "Select a follower and hand it the lead yourself.",
        ],
        toml: include_str!("../../tests/scenarios/transfer.toml"),
    },
    Built {
        id: "check-quorum",
        title: "A leader that reaches nobody steps down",
        text: &[],
        tries: &["Select the cut-off leader: which round did a quorum answer last, and how long ago?"],
        toml: include_str!("../../tests/scenarios/check-quorum.toml"),
    },
    Built {
        id: "leader-zones",
        title: "Leadership goes where it is wanted",
        text: &[
            "n1 and n2 are to lead, n3 if they cannot, n4 and n5 only in need. n5 wins the first election all the same: votes know nothing of zones.",
            "Once all has been calm for a while, the leader looks for a node of a better zone whose log is complete, and hands over.",
        ],
        tries: &[
            "Jump to the first two crowns of the timeline: how long does n5 lead, and who follows it?",
            "At 4 s n1 and n2 crash. Watch n3 take over, and hand back once n2 has returned.",
            "Hand the lead to n4 yourself. How long does it stay there?",
        ],
        toml: include_str!("../../tests/scenarios/leader-zones.toml"),
    },
    Built {
        id: "one-way-cut",
        title: "A link that works in one direction",
        text: &[],
        tries: &["Which direction is cut? Select the arrow between the nodes."],
        toml: include_str!("../../tests/scenarios/one-way-cut.toml"),
    },
    Built {
        id: "wide-area",
        title: "Three continents",
        text: &[],
        tries: &[
            "Select the first crown on the timeline: how long did the cluster wait before anybody asked for votes?",
            "Select set x = 1 at the right. How long did its client wait, and how many times did a message cross the sea for it?",
        ],
        toml: include_str!("../../tests/scenarios/wide-area.toml"),
    },
    Built {
        id: "fast-path",
        title: "An answer that came too early",
        text: &[
            "This client asks for relaxed commands: the leader answers as soon as its own disk has them, and says that they are not yet safe.",
            "The first command reaches a majority a moment later. The second reaches a leader that is cut off: the others elect another and commit something else in its place. The command is lost, although it was answered, and the client had been told so.",
        ],
        tries: &[
            "Look at set x = lost at the right, at 1.1 s and again at the end.",
            "Select the entry of the old leader at 1.1 s: is it committed?",
            "Heal the links earlier. Can the command be saved?",
        ],
        toml: include_str!("../../tests/scenarios/fast-path.toml"),
    },
    Built {
        id: "unknown-outcome",
        title: "Nobody can tell whether it happened",
        text: &[],
        tries: &["Look at both operations at the right: one is in the log, one is not, and both are “unknown”."],
        toml: include_str!("../../tests/scenarios/unknown-outcome.toml"),
    },
    Built {
        id: "overload",
        title: "A leader takes no more than it may hold",
        text: &[],
        tries: &["Read what each of the three clients' commands was told."],
        toml: include_str!("../../tests/scenarios/overload.toml"),
    },
    Built {
        id: "window",
        title: "The window holds entries back",
        text: &[],
        tries: &["Select the leader at 2.5 s: its table of followers names what it holds back."],
        toml: include_str!("../../tests/scenarios/window.toml"),
    },
    Built {
        id: "ttl",
        title: "A value expires by log time",
        text: &[
            "x may live for one second. It goes at the same entry on every replica, although n3's clock runs ten seconds ahead: log time decides, which the leader stamps, and no replica's own clock.",
        ],
        tries: &["Select a node and open its state: x goes everywhere at the same entry."],
        toml: include_str!("../../tests/scenarios/ttl.toml"),
    },
    Built {
        id: "workflow",
        title: "A case moves by one version at a time",
        text: &[
            "Two workers move one case along, and each change names the version that it makes. A change that is sent again is done once; another change of a version that is made already is refused.",
        ],
        tries: &[
            "Send “update case c1 v5 done” and then v6. Which one is done?",
            "Read “c1” at a follower, then “c1/owner”. What does a stale read save?",
        ],
        toml: include_str!("../../tests/scenarios/workflow.toml"),
    },
    Built {
        id: "cluster-state",
        title: "Who is in the cluster, and what runs where",
        text: &[
            "A cluster agrees on who is in it and what runs where. A controller of epoch 2 takes over, and what the one of epoch 1 still sends is fenced off. What an agent holds for a while is free again by log time.",
        ],
        tries: &["Send “epoch 1 leave node a” at the end. Why is it refused?"],
        toml: include_str!("../../tests/scenarios/cluster-state.toml"),
    },
    Built {
        id: "pbft-silent-primary",
        title: "PBFT: the primary falls silent",
        text: &[],
        tries: &[
            "Step through the first request: one pre-prepare, prepares from everybody to everybody, then commits. Who needs how many?",
            "Select a replica at 1.5 s: why did it leave its view?",
            "Crash n2 as well, before 4 s. What goes on with two of four, and what not?",
        ],
        toml: include_str!("../../tests/scenarios/pbft-silent-primary.toml"),
    },
    Built {
        id: "pbft-two-liars",
        title: "PBFT: two of four lie",
        text: &[],
        tries: &[
            "Look at the lanes after 1 s: who sends what to n3, and what to n4?",
            "Jump to the red triangle. What do n3 and n4 hold at the same place? Look at their logs, and at their states.",
            "Which replica told the client that the coin is Ann's, and which that it is Bob's?",
            "Undo, and let n1 alone lie: open “PBFT: the primary falls silent”, make one node Byzantine, then another one with it.",
        ],
        toml: include_str!("../../tests/scenarios/pbft-two-liars.toml"),
    },
    Built {
        id: "pbft-state-transfer",
        title: "PBFT: a replica gets a proven state",
        text: &[],
        tries: &[
            "Restart n4 and follow the parts of the state. Which hash do they have to have, and who has signed it?",
        ],
        toml: include_str!("../../tests/scenarios/pbft-state-transfer.toml"),
    },
    Built {
        id: "pbft-members",
        title: "PBFT: a voter is replaced",
        text: &[],
        tries: &[
            "Jump to the flag ⚑: another epoch begins. Select n5 and ask why it votes; then n4, which is retired.",
            "Follow the state to n5 after 2 s. Whose signatures prove it?",
            "Undo nothing: select n4, restart it, and ask as the operator for its vote in the place of n1's.",
        ],
        toml: include_str!("../../tests/scenarios/pbft-members.toml"),
    },
    Built {
        id: "pbft-replaces-convicted",
        title: "PBFT: a convicted liar is replaced",
        text: &[],
        tries: &[
            "Select n1 after 1 s: how does it lie, since when, and what was proven?",
            "Jump to the flag ⚑. What is n1 from there on, and who votes in its place?",
        ],
        toml: include_str!("../../tests/scenarios/pbft-replaces-convicted.toml"),
    },
    Built {
        id: "hotstuff-members",
        title: "HotStuff: a voter is replaced",
        text: &[],
        tries: &[
            "Look at the blocks before the flag ⚑: the last two are empty. What are they for?",
            "In the new epoch views begin at 1 again. What does the first block follow?",
        ],
        toml: include_str!("../../tests/scenarios/hotstuff-members.toml"),
    },
    Built {
        id: "hotstuff-silent-leader",
        title: "HotStuff: a silent leader costs a view",
        text: &[],
        tries: &[
            "Follow one request: a proposal, votes to its leader, a certificate to the next. How many blocks until it is committed?",
            "Step to a view of n3 after 1 s. What do the timeouts carry?",
        ],
        toml: include_str!("../../tests/scenarios/hotstuff-silent-leader.toml"),
    },
    Built {
        id: "hybrid-under-attack",
        title: "Hybrid: a liar leads, and the cluster goes over to PBFT",
        text: &[],
        tries: &[
            "Watch the bars under the nodes after 1.5 s: what counts for a threat, and on whose channel did it come?",
            "Jump to the first ⇄ on the timeline. What stood in the grids before it, and what after?",
        ],
        toml: include_str!("../../tests/scenarios/hybrid-under-attack.toml"),
    },
    Built {
        id: "hybrid-convicted",
        title: "Hybrid: a liar is convicted and never leads again",
        text: &[],
        tries: &[
            "Jump to the first ⇄ and go on until n1 wears a § beside its mask. Select it: what was proven, and who knows?",
            "Jump to ↩. Whose turn would it have been to lead, and who leads?",
        ],
        toml: include_str!("../../tests/scenarios/hybrid-convicted.toml"),
    },
    Built {
        id: "hybrid-members",
        title: "Hybrid: what was asked for under threat is done in calm",
        text: &[],
        tries: &[
            "The run lasts 40 s: choose the speed max, and press Play.",
            "At 4 s the operator asks for n5 in the place of n1. What does n2 say that it waits for, and what is ordered meanwhile?",
            "Jump to ↩ and on to the flag ⚑. What is n1 from there on, and in which epoch and term is n5?",
        ],
        toml: include_str!("../../tests/scenarios/hybrid-members.toml"),
    },
];

/// All of them, in the order of the list.
pub fn all() -> impl Iterator<Item = &'static Built> {
    FIRST.iter().chain(&MORE)
}

/// The scenario of this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Built> {
    all().find(|built| built.id == id)
}

/// The scenario of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Built> {
    all().find(|built| built.title == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_lab::scenario::Scenario;

    #[test]
    fn every_title_is_the_name_of_its_scenario_and_every_scenario_says_what_it_shows() {
        for built in all() {
            let scenario = Scenario::from_toml(built.toml).expect("it can be read");
            assert_eq!(scenario.name, built.title);
            assert!(!built.text.is_empty() || !scenario.about.is_empty(), "{}", built.title);
        }
    }
}
