//! In which words is told what a liar does?

use crate::adversary::Trick;

pub(crate) const LIES: &str = "{nodes} lies";
pub(crate) const LIE: &str = "{nodes} lie";
pub(crate) const FEW: &str = "{they}. Up to {most} of {voters} may, and everything that is promised still holds.";
pub(crate) const TOO_MANY: &str =
    "{they}, and at most {most} of {voters} may: nothing is promised any more, and honest nodes may come to disagree.";

pub(crate) fn of(trick: Trick) -> &'static str {
    match trick {
        Trick::Twins => "two copies under one key, each of which talks to one side: it equivocates in everything",
        Trick::Withhold => "some hear nothing of it",
        Trick::Delay => "what it says comes late",
        Trick::Replay => "what it said long ago comes again",
        Trick::OtherCluster => "what it says is signed for another cluster",
        Trick::Corrupt => "bytes of what it says are flipped",
        Trick::Repeat => "what it says comes many times",
        Trick::Silent => "it says nothing at all",
        Trick::Censor => "requests of a client are not taken",
        Trick::Inflate => "it speaks of views far ahead",
        Trick::Forge => "its certificates have made-up signatures of others",
        Trick::FalseReply => "clients are told other results than came out",
        Trick::HidePrepared => "its view changes say nothing of what was prepared",
        Trick::FalseNewView => "its new views do not follow from the view changes",
        Trick::FalseAlarm => "it says that it feels threatened, and is not",
        Trick::BadParent => "its blocks follow one that is not the highest certified",
        Trick::VoteTwice => "it votes for two blocks of one view",
        Trick::VoteAll => "it votes for whatever is proposed",
        Trick::ForgeRival => "its blocks follow nothing, and their certificates have made-up signatures of others",
        Trick::SignThrice => "its blocks follow nothing, and their certificates name it alone, several times",
        Trick::Rename => "it takes an old certificate for one of a later view",
        Trick::FalseTime => "its blocks are stamped with the beginning of time",
        Trick::FalseOpening => "it orders something else than stop statements where PBFT is to begin",
        Trick::FalseEnd => "it says that PBFT has ended, and that nothing has happened",
    }
}
