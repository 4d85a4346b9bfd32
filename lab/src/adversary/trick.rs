//! Which lies have a name?
//!
//! A scenario names them, an exploration draws them, and a counter of each name
//! says how often it was done.

use crate::scenario::ProtocolName;

/// One way to lie. Several of them are done one after the other to each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trick {
    /// Two copies of the honest node under one key, each of which talks to one side of the others: equivocation in
    /// every phase of every protocol ("Twins: BFT Systems Made Robust", Bano et al. 2021).
    Twins,
    /// Some hear nothing of it.
    Withhold,
    /// What it says comes late.
    Delay,
    /// What it said long ago comes again.
    Replay,
    /// What it says is signed for another cluster.
    OtherCluster,
    /// Bytes are flipped on the way.
    Corrupt,
    /// What it says comes many times.
    Repeat,
    /// It says nothing at all.
    Silent,
    /// Requests of a client are not taken.
    Censor,
    /// Views far ahead.
    Inflate,
    /// Certificates with made-up signatures of others.
    Forge,
    /// Clients are told other results than came out.
    FalseReply,
    /// PBFT: a view change that says nothing of what was prepared. Hybrid: votes and stop statements too.
    HidePrepared,
    /// PBFT: a new view that does not follow from its view changes.
    FalseNewView,
    /// Hybrid: an alarm without a threat.
    FalseAlarm,
    /// HotStuff: a block on a parent that is not the highest certified one.
    BadParent,
    /// HotStuff: votes for two blocks of one view.
    VoteTwice,
    /// HotStuff: a vote for whatever is proposed.
    VoteAll,
    /// HotStuff: a leader's block that follows nothing, and a certificate of it with made-up signatures.
    ForgeRival,
    /// HotStuff: the same with a certificate that names the liar alone, as often as it takes.
    SignThrice,
    /// HotStuff: an old certificate under the number of a later view.
    Rename,
    /// HotStuff: a block stamped with the beginning of time.
    FalseTime,
    /// Hybrid: something else than stop statements is ordered where PBFT is to begin.
    FalseOpening,
    /// Hybrid: PBFT is said to have ended, with a state in which nothing has happened.
    FalseEnd,
}

impl Trick {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Twins,
        Self::Withhold,
        Self::Delay,
        Self::Replay,
        Self::OtherCluster,
        Self::Corrupt,
        Self::Repeat,
        Self::Silent,
        Self::Censor,
        Self::Inflate,
        Self::Forge,
        Self::FalseReply,
        Self::HidePrepared,
        Self::FalseNewView,
        Self::FalseAlarm,
        Self::BadParent,
        Self::VoteTwice,
        Self::VoteAll,
        Self::ForgeRival,
        Self::SignThrice,
        Self::Rename,
        Self::FalseTime,
        Self::FalseOpening,
        Self::FalseEnd,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Twins => "twins",
            Self::Withhold => "withhold",
            Self::Delay => "delay",
            Self::Replay => "replay",
            Self::OtherCluster => "other-cluster",
            Self::Corrupt => "corrupt",
            Self::Repeat => "repeat",
            Self::Silent => "silent",
            Self::Censor => "censor",
            Self::Inflate => "inflate",
            Self::Forge => "forge",
            Self::FalseReply => "false-reply",
            Self::HidePrepared => "hide-prepared",
            Self::FalseNewView => "false-new-view",
            Self::FalseAlarm => "false-alarm",
            Self::BadParent => "bad-parent",
            Self::VoteTwice => "vote-twice",
            Self::VoteAll => "vote-all",
            Self::ForgeRival => "forge-rival",
            Self::SignThrice => "sign-thrice",
            Self::Rename => "rename",
            Self::FalseTime => "false-time",
            Self::FalseOpening => "false-opening",
            Self::FalseEnd => "false-end",
        }
    }

    /// The trick of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trick| trick.name() == name)
    }

    /// Whether nodes of this protocol can lie so. Nodes of Raft believe each other: one liar is enough to break it.
    #[must_use]
    pub fn fits(self, protocol: ProtocolName) -> bool {
        let only: &[ProtocolName] = match self {
            Self::HidePrepared | Self::FalseNewView => &[ProtocolName::Pbft, ProtocolName::Hybrid],
            Self::FalseAlarm | Self::FalseOpening | Self::FalseEnd => &[ProtocolName::Hybrid],
            Self::BadParent
            | Self::VoteTwice
            | Self::VoteAll
            | Self::ForgeRival
            | Self::SignThrice
            | Self::Rename
            | Self::FalseTime => &[ProtocolName::HotStuff],
            Self::Twins
            | Self::Withhold
            | Self::Delay
            | Self::Replay
            | Self::OtherCluster
            | Self::Corrupt
            | Self::Repeat
            | Self::Silent
            | Self::Censor
            | Self::Inflate
            | Self::Forge
            | Self::FalseReply => &ProtocolName::ALL,
        };
        protocol.signs() && only.contains(&protocol)
    }

    /// Those of a protocol.
    pub fn of(protocol: ProtocolName) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |trick| trick.fits(protocol))
    }
}
