//! Which lies need to know nothing of a protocol?
//!
//! Messages are left out, delayed, said again, repeated, and spoiled. What is
//! done to replies is here too: they are the same in all protocols.

use quorumscope_core::bft::Reply;
use quorumscope_core::crypto::Signer;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::Span;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Deceive, Liar, Said, Trick, place};

/// How late delayed messages are.
const LATE: (Span, Span) = (Span::from_millis(1), Span::from_millis(800));

/// How often a repeated message comes again, at the least and beyond.
const REPEATS: (u64, u64) = (2, 8);

/// How often flipped bytes are tried until they can be read again: most of what is flipped is a signature's.
const TRIES: u32 = 8;

/// Does one trick to one message.
pub(super) fn pass<P: Deceive>(
    liar: &mut Liar<P>,
    config: &P::Config,
    trick: Trick,
    said: Said<P::Message>,
    next: &mut Vec<Said<P::Message>>,
    done: &mut dyn FnMut(Trick),
) {
    match trick {
        Trick::Twins | Trick::Censor | Trick::FalseReply => next.push(said),
        Trick::Silent => done(trick),
        Trick::Withhold if liar.plan.is_against(said.to) => done(trick),
        Trick::Withhold => next.push(said),
        Trick::Delay if liar.rng.below(2) == 0 => {
            done(trick);
            let late = Span(said.late.0 + liar.rng.span(LATE).0);
            next.push(Said { late, ..said });
        }
        Trick::Replay if liar.rng.below(4) == 0 => {
            let again = liar.memory.get(place(&mut liar.rng, liar.memory.len())).cloned();
            let again = again.map(|message| Said { message, ..said.clone() });
            next.push(said);
            if let Some(again) = again {
                done(trick);
                next.push(again);
            }
        }
        Trick::Corrupt if liar.rng.below(4) == 0 => {
            if let Some(message) = P::corrupted(&said.message, &mut liar.rng) {
                done(trick);
                next.push(Said { message, ..said });
            }
        }
        Trick::Repeat if liar.rng.below(8) == 0 => {
            done(trick);
            for _ in 0..=REPEATS.0 + liar.rng.below(REPEATS.1) {
                next.push(said.clone());
            }
        }
        Trick::Delay | Trick::Replay | Trick::Corrupt | Trick::Repeat => next.push(said),
        Trick::OtherCluster
        | Trick::Inflate
        | Trick::Forge
        | Trick::HidePrepared
        | Trick::FalseNewView
        | Trick::FalseAlarm
        | Trick::BadParent
        | Trick::VoteTwice
        | Trick::VoteAll
        | Trick::ForgeRival
        | Trick::SignThrice
        | Trick::Rename
        | Trick::FalseTime
        | Trick::FalseOpening
        | Trick::FalseEnd => {
            let lies = if is_always_told(trick) || liar.rng.below(2) == 0 {
                P::lie(trick, &said.message, &mut liar.means(config))
            } else {
                None
            };
            let Some(lies) = lies else { return next.push(said) };
            done(trick);
            next.extend(lies.into_iter().map(|message| Said { message, ..said.clone() }));
        }
    }
}

/// Lies that everybody must hear in full, or they lead to nothing.
fn is_always_told(trick: Trick) -> bool {
    matches!(
        trick,
        Trick::ForgeRival
            | Trick::SignThrice
            | Trick::Rename
            | Trick::FalseTime
            | Trick::FalseOpening
            | Trick::FalseEnd
    )
}

/// The message with some bytes flipped, where that can still be read and says something else.
pub(super) fn corrupt<M: Serialize + DeserializeOwned + PartialEq>(message: &M, rng: &mut Rng) -> Option<M> {
    let bytes = postcard::to_allocvec(message).ok()?;
    (0..TRIES).find_map(|_| {
        let mut flipped = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = place(rng, flipped.len());
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        postcard::from_bytes(&flipped).ok().filter(|read| read != message)
    })
}

/// Another result, another place or a view far ahead, signed anew.
pub(crate) fn false_reply(cluster: u64, reply: &Reply, signer: &dyn Signer, rng: &mut Rng) -> Reply {
    let mut lie = reply.clone();
    match rng.below(3) {
        0 => lie.view.0 = lie.view.0.saturating_add(1 + rng.below(1_000)),
        1 => lie.index = lie.index.next(),
        _ => {
            let mut result = lie.result.to_vec();
            if let Some(byte) = result.last_mut() {
                *byte ^= 1;
            }
            lie.result = result.into();
        }
    }
    lie.signed(cluster, signer)
}

impl<P: Deceive> Liar<P> {
    /// What a client is told in the place of a reply; `None` where that is the truth.
    pub(crate) fn replies(&mut self, cluster: u64, reply: &Reply) -> Option<Reply> {
        if !self.plan.has(Trick::FalseReply) || self.rng.below(2) == 0 {
            return None;
        }
        let (_, signer) = self.plan.signers.iter().find(|(node, _)| *node == self.me)?;
        Some(false_reply(cluster, reply, signer.as_ref(), &mut self.rng))
    }
}
