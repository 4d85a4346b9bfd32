//! What happened at a replica of the hybrid, and why?
//!
//! What is about its phases; what happens within one is told by the protocol of
//! that phase. Typed, in the past tense, with the values that decided. Events are
//! found by comparing what is with what was told last, once a step: nothing else
//! depends on them.

use serde::{Deserialize, Serialize};

use super::message::Phase;
use super::threat::Level;
use super::{Effects, Hybrid};
use crate::rules::Rules;
use crate::types::{LogIndex, NodeId, Now, Sequence, Term};

/// Something that a replica did or noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// It feels more threatened, or less.
    ThreatChanged {
        /// The level before.
        from: Level,
        /// The level now.
        to: Level,
        /// On whose channel the most signs came, where it is one peer's doing.
        worst: Option<NodeId>,
    },
    /// It has said that it feels threatened.
    Alarmed {
        /// How many have said so, itself included.
        count: u32,
        /// How many end the two rounds.
        needed: u32,
    },
    /// Another replica has said that it feels threatened.
    AlarmHeard {
        /// Which.
        from: NodeId,
        /// How many have said so.
        count: u32,
        /// How many end the two rounds.
        needed: u32,
    },
    /// It acknowledges nothing more in the two rounds, for good.
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// A replica's stop statement is here.
    StopHeard {
        /// Whose.
        from: NodeId,
        /// The highest certificate that it shows.
        shows: Option<(Term, Sequence)>,
        /// How many statements are here.
        count: u32,
        /// How many decide what PBFT begins with.
        needed: u32,
    },
    /// It is decided what PBFT begins with.
    Opened {
        /// Whose stop statements count.
        by: Vec<NodeId>,
        /// The highest certificate among them, where the history ends that goes on; `None` where there is none.
        goes_on: Option<(Term, Sequence)>,
    },
    /// PBFT has begun.
    Switched {
        /// Behind this index.
        last: LogIndex,
        /// Whether a part of what it begins with is gone everywhere, so that it waits for a later state.
        held: bool,
    },
    /// PBFT has ended, and two rounds go on from its state.
    Returned {
        /// How often the cluster has returned.
        era: u64,
        /// Behind this index, as far as it knows.
        last: LogIndex,
    },
    /// A change of voters that it has been asked for waits.
    ChangeWaits {
        /// What for.
        until: Until,
    },
    /// The change waits no longer: the two rounds may order it.
    ChangeFree,
    /// The history that goes on after the two rounds has a change of voters in it: the epoch ends there, and PBFT does
    /// not begin.
    EndedByConclusion {
        /// The place of the change.
        sequence: Sequence,
    },
}

/// What a change of voters waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Until {
    /// It leads, and feels threatened: until its level is below *medium*, or another one leads.
    Calm,
    /// PBFT orders requests: until the two rounds are back.
    Rounds,
}

/// Why a replica stops the two rounds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StopReason {
    /// f+1 feel threatened, one of them honest.
    Alarms(Vec<NodeId>),
    /// f+1 have stopped, one of them honest.
    OthersStopped(Vec<NodeId>),
    /// It is decided already what comes next.
    Decided,
}

/// What was told last.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    era: u64,
    phase: Phase,
    pub(super) level: Level,
    /// Signs by peer, for people: nothing is decided by them here.
    pub(super) signs: Vec<(NodeId, u64)>,
    alarms: Vec<NodeId>,
    stops: Vec<NodeId>,
    waits: Option<Until>,
    has_ended: bool,
}

impl<R: Rules> Hybrid<R> {
    /// Tells nothing of what was before: for one that starts.
    pub(super) fn note_from_here(&mut self) {
        let (phase, alarms, stops) = (self.phase(), self.alarmed(), self.heard_stops());
        let has_ended = self.rounds.ended().is_some();
        self.told = Told { era: self.era, phase, alarms, stops, has_ended, ..Told::default() };
    }

    /// Who has said that it feels threatened.
    pub(super) fn alarmed(&self) -> Vec<NodeId> {
        let said = self.quorum.voters().iter().zip(&self.alarms);
        said.filter(|(_, said)| said.is_some()).map(|(voter, _)| *voter).collect()
    }

    /// Whose stop statements are here.
    pub(super) fn heard_stops(&self) -> Vec<NodeId> {
        self.stops.iter().flatten().map(|stop| stop.replica).collect()
    }

    /// Tells what has changed since the last step.
    pub(super) fn note_changes(&mut self, now: Now, out: &mut Effects) {
        self.note_threat(now, out);
        if self.era > self.told.era {
            let (era, last) = (self.era, self.log().last_index());
            out.note(|| Event::Returned { era, last }.into());
            let signs = core::mem::take(&mut self.told.signs);
            self.told = Told { era, level: self.told.level, signs, waits: self.told.waits, ..Told::default() };
        }
        let (alarms, stops, phase) = (self.alarmed(), self.heard_stops(), self.phase());
        let count = |list: &[NodeId]| u32::try_from(list.len()).unwrap_or(u32::MAX);
        if alarms.len() > self.told.alarms.len() {
            let (count, needed) = (count(&alarms), self.quorum.one_honest());
            for from in alarms.iter().copied().filter(|from| !self.told.alarms.contains(from)) {
                let own = from == self.id;
                out.note(|| match own {
                    true => Event::Alarmed { count, needed }.into(),
                    false => Event::AlarmHeard { from, count, needed }.into(),
                });
            }
        }
        if phase > Phase::Rounds && self.told.phase == Phase::Rounds {
            let reason = self.stop_reason(&alarms, &stops);
            out.note(|| Event::Stopped { reason }.into());
        }
        if stops.len() > self.told.stops.len() {
            let (count, needed) = (count(&stops), self.quorum.needed());
            for stop in self.stops.iter().flatten().filter(|stop| !self.told.stops.contains(&stop.replica)) {
                let shows = stop.prepared.as_ref().map(|prepared| prepared.mark.rank());
                out.note(|| Event::StopHeard { from: stop.replica, shows, count, needed }.into());
            }
        }
        if phase >= Phase::Opened && self.told.phase < Phase::Opened {
            self.note_opening(out);
        }
        if phase == Phase::Bft && self.told.phase < Phase::Bft {
            let (last, held) = (self.log().last_index(), self.held);
            out.note(|| Event::Switched { last, held }.into());
        }
        (self.told.alarms, self.told.stops, self.told.phase) = (alarms, stops, phase);
        self.note_change(phase, out);
    }

    /// Tells what becomes of a change of voters.
    fn note_change(&mut self, phase: Phase, out: &mut Effects) {
        let waits = match phase {
            Phase::Rounds if self.rounds.keeps_change() => Some(Until::Calm),
            Phase::Bft if !self.changes.is_empty() => Some(Until::Rounds),
            Phase::Rounds | Phase::Bft => None,
            // What waits goes along, or is in the history that goes on.
            Phase::Stopped | Phase::Opened => self.told.waits,
        };
        if waits != self.told.waits {
            out.note(|| waits.map_or(Event::ChangeFree, |until| Event::ChangeWaits { until }).into());
            self.told.waits = waits;
        }
        if let Some((sequence, _)) = self.rounds.ended().filter(|_| !self.told.has_ended) {
            if phase == Phase::Opened {
                out.note(|| Event::EndedByConclusion { sequence }.into());
            }
            self.told.has_ended = true;
        }
    }

    fn note_threat(&mut self, now: Now, out: &mut Effects) {
        let (from, to) = (self.told.level, self.monitor.level(now.mono));
        self.told.signs.clear();
        self.told.signs.extend(self.monitor.signs(now.mono));
        if from == to {
            return;
        }
        let of_peers = self.quorum.voters().iter().map(|peer| (self.monitor.level_of(*peer, now.mono), *peer));
        let worst = of_peers.filter(|(level, _)| *level == to && to > Level::None).map(|(_, peer)| peer).next();
        out.note(|| Event::ThreatChanged { from, to, worst }.into());
        self.told.level = to;
    }

    fn stop_reason(&self, alarms: &[NodeId], stops: &[NodeId]) -> StopReason {
        let others: Vec<NodeId> = stops.iter().copied().filter(|from| *from != self.id).collect();
        let is_enough = |list: &[NodeId]| list.len() as u64 >= u64::from(self.quorum.one_honest());
        if is_enough(&others) && !is_enough(alarms) {
            StopReason::OthersStopped(others)
        } else if self.opened.is_some() && !is_enough(alarms) {
            StopReason::Decided
        } else {
            StopReason::Alarms(alarms.to_vec())
        }
    }

    fn note_opening(&self, out: &mut Effects) {
        let Some(stops) = self.opened.as_ref().and_then(|opened| self.statements_in(&opened.value)) else {
            return;
        };
        let by = stops.iter().map(|stop| stop.replica).collect();
        let goes_on = super::history::begin(&stops).prepared.map(|prepared| prepared.mark.rank());
        out.note(|| Event::Opened { by, goes_on }.into());
    }
}

impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Hybrid(event)
    }
}
