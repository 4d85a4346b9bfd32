//! Which words, rule and section belong to an event about the hybrid's phases?
//!
//! Arms stand in the order of [`Event`]. Words are in `words::hybrid`; what
//! happens in the two rounds is in `hybrid`, what happens in PBFT in `pbft`.

use core::fmt::Display;

use quorumscope_core::bft::hybrid::{Event, StopReason, Until};
use quorumscope_core::types::{NodeId, Sequence, Term};

use super::Explanation;
use crate::trace::words::epoch::paper::EPOCHS;
use crate::trace::words::hybrid::{event as text, level, paper, principle};
use crate::trace::words::{fill, list};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    let said = |template: &'static str, values: &[(&str, &dyn Display)]| {
        let mut all: Vec<(&str, &dyn Display)> = vec![("node", &node)];
        all.extend_from_slice(values);
        Explanation::of(fill(template, &all))
    };
    match event {
        Event::ThreatChanged { from, to, worst } => {
            let (before, now) = (level(*from), level(*to));
            let values: [(&str, &dyn Display); 2] = [("before", &before), ("level", &now)];
            let explanation = match worst {
                Some(worst) if to > from => said(text::THREAT_OF, &[values[0], values[1], ("worst", worst)]),
                None if to > from => said(text::THREAT_RISES, &values),
                Some(_) | None => said(text::THREAT_FALLS, &values),
            };
            explanation.because(principle::THREAT, paper::THREAT)
        }
        Event::Alarmed { count, needed } => {
            said(text::ALARMED, &[("count", count), ("needed", needed)]).because(principle::ALARM, paper::THREAT)
        }
        Event::AlarmHeard { from, count, needed } => {
            said(text::ALARM_HEARD, &[("from", from), ("count", count), ("needed", needed)])
                .because(principle::ALARM, paper::THREAT)
        }
        Event::Stopped { reason } => match reason {
            StopReason::Alarms(by) => said(text::STOPPED_BY_ALARMS, &[("by", &list(by))]),
            StopReason::OthersStopped(by) => said(text::STOPPED_BY_OTHERS, &[("by", &list(by))]),
            StopReason::Decided => said(text::STOPPED_BY_DECISION, &[]),
        }
        .because(principle::STOPPED, paper::SWITCH),
        Event::StopHeard { from, shows, count, needed } => {
            let shows = certificate(*shows).unwrap_or_else(|| text::SHOWS_NONE.into());
            said(text::STOP_HEARD, &[("from", from), ("shows", &shows), ("count", count), ("needed", needed)])
                .because(principle::STOPPED, paper::SWITCH)
        }
        Event::Opened { by, goes_on } => {
            let end = certificate(*goes_on).unwrap_or_else(|| text::FROM_NOTHING.into());
            said(text::OPENED, &[("by", &list(by)), ("end", &end)]).because(principle::OPENED, paper::SWITCH)
        }
        Event::Switched { last, held } => {
            let template = if *held { text::SWITCHED_HELD } else { text::SWITCHED };
            said(template, &[("last", last)]).because(principle::SWITCHED, paper::SWITCH)
        }
        Event::Returned { era, last } => {
            said(text::RETURNED, &[("era", era), ("last", last)]).because(principle::RETURNED, paper::RETURN)
        }
        Event::ChangeWaits { until } => match until {
            Until::Calm => said(text::CHANGE_WAITS_CALM, &[]),
            Until::Rounds => said(text::CHANGE_WAITS_ROUNDS, &[]),
        }
        .because(principle::CHANGE_IN_CALM, EPOCHS),
        Event::ChangeFree => said(text::CHANGE_FREE, &[]).because(principle::CHANGE_IN_CALM, EPOCHS),
        Event::EndedByConclusion { sequence } => {
            said(text::ENDED_BY_CONCLUSION, &[("sequence", sequence)]).because(principle::CHANGE_IN_CALM, EPOCHS)
        }
    }
}

fn certificate(rank: Option<(Term, Sequence)>) -> Option<String> {
    rank.map(|(term, sequence)| fill(text::SHOWS, &[("term", &term.0), ("sequence", &sequence)]))
}
