//! What does the panel at the left say, apart from the lessons' own texts?

/// The panel at the left.
pub mod lesson {
    /// Over the title.
    pub const SCENARIO: &str = "Scenario";
    /// Over the title of a live cluster.
    pub const LIVE: &str = "Live cluster";
    /// Over the list.
    pub const TRY: &str = "Try this";
    /// Over a run that is not seen yet.
    pub const COMPUTING: &str = "Not there yet";
    /// A live cluster.
    pub const LIVE_TEXT: &str =
        "These are native nodes. They talk through the relay, and what you see are the records that they send.";
    /// What to try with it.
    pub const LIVE_TRIES: [&str; 3] = [
        "Select the leader and crash it. Once their timers have run out, the others elect the next.",
        "Press Space to stand still, choose 1/40 and play it again slowly.",
        "Set a key, then read it back through another node.",
    ];
    /// A scenario from a link or a file.
    pub const OWN: &str = "This run came with a link. All that was done in it is a step of its scenario: step through it, or change it from any moment on.";
    /// What to try with it.
    pub const OWN_TRIES: [&str; 2] =
        ["Jump from mark to mark with Shift → and Shift ←.", "Select what looks odd and read why it is so."];
}

/// A run of one's own.
pub mod own {
    /// Opens the form.
    pub const TITLE: &str = "Start a run of your own";
    /// What the run is called.
    pub const NAME: &str = "A run of your own";
    /// The protocol.
    pub const PROTOCOL: &str = "protocol";

    /// A protocol, and what it bears.
    #[must_use]
    pub fn protocol(name: quorumscope_lab::scenario::ProtocolName) -> &'static str {
        use quorumscope_lab::scenario::ProtocolName;
        match name {
            ProtocolName::Raft => "Raft",
            ProtocolName::Pbft => "PBFT",
            ProtocolName::HotStuff => "HotStuff",
            ProtocolName::Hybrid => "Hybrid",
        }
    }

    /// The state machine.
    pub const MACHINE: &str = "state machine";
    /// Timings.
    pub const PROFILE: &str = "profile";
    /// Who votes.
    pub const VOTERS: &str = "voters";
    /// Who may join.
    pub const SPARE: &str = "spare nodes";
    /// Begins.
    pub const START: &str = "Start";
    /// What it is.
    pub const TEXT: &str =
        "Nothing is planned in this run: do what you like with it. Spare nodes join when you add them.";
}
