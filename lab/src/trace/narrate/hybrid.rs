//! Which lines does the hybrid add to the list of events?
//!
//! Terms, threats and everything about the switch are headlines; what is prepared
//! and committed are details, as in PBFT.

use core::fmt::Display;

use quorumscope_core::bft::hybrid::rounds;
use quorumscope_core::bft::hybrid::{Event, Until, threat};
use quorumscope_core::types::NodeId;

use super::{Line, detail, headline};
use crate::trace::words::hybrid::{level, line as text};
use crate::trace::words::{fill, requests};

/// The line for what `node` noted about its phases.
pub(super) fn note(node: NodeId, event: &Event) -> Option<Line> {
    let said = |template, values: &[(&str, &dyn Display)]| {
        let mut all: Vec<(&str, &dyn Display)> = vec![("node", &node)];
        all.extend_from_slice(values);
        fill(template, &all)
    };
    match event {
        Event::ThreatChanged { to, .. } => {
            let line = said(text::THREAT, &[("level", &level(*to))]);
            if *to >= threat::Level::High { headline(line) } else { detail(line) }
        }
        Event::Alarmed { count, needed } => headline(said(text::ALARMED, &[("count", count), ("needed", needed)])),
        Event::Stopped { .. } => headline(said(text::STOPPED, &[])),
        Event::Opened { .. } => headline(said(text::OPENED, &[])),
        Event::Switched { last, .. } => headline(said(text::SWITCHED, &[("last", last)])),
        Event::Returned { last, .. } => headline(said(text::RETURNED, &[("last", last)])),
        Event::ChangeWaits { until: Until::Calm } => headline(said(text::CHANGE_WAITS_CALM, &[])),
        Event::ChangeWaits { until: Until::Rounds } => headline(said(text::CHANGE_WAITS_ROUNDS, &[])),
        Event::ChangeFree => headline(said(text::CHANGE_FREE, &[])),
        Event::EndedByConclusion { sequence } => headline(said(text::ENDED_BY_CONCLUSION, &[("sequence", sequence)])),
        Event::AlarmHeard { .. } | Event::StopHeard { .. } => None,
    }
}

/// The line for what `node` noted in the two rounds.
pub(super) fn round(node: NodeId, event: &rounds::Event) -> Option<Line> {
    use rounds::Event;
    let said = |template, values: &[(&str, &dyn Display)]| {
        let mut all: Vec<(&str, &dyn Display)> = vec![("node", &node)];
        all.extend_from_slice(values);
        fill(template, &all)
    };
    match event {
        Event::Proposed { sequence, requests: count, .. } => {
            detail(said(text::PROPOSED, &[("requests", &requests(*count)), ("sequence", sequence)]))
        }
        Event::LinkRefused { sequence, .. } => headline(said(text::REFUSED, &[("sequence", sequence)])),
        Event::Prepared { sequence, .. } => detail(said(text::PREPARED, &[("sequence", sequence)])),
        Event::Committed { sequence, .. } => detail(said(text::COMMITTED, &[("sequence", sequence)])),
        Event::CheckpointStable { sequence, .. } => detail(said(text::STABLE, &[("sequence", sequence)])),
        Event::Wished { term, .. } => headline(said(text::WISHED, &[("term", &term.0)])),
        Event::TermEntered { term, leader, .. } if *leader == node => {
            headline(said(text::LEADS, &[("term", &term.0)]))
        }
        Event::TermEntered { term, leader, .. } => {
            detail(said(text::ENTERED, &[("term", &term.0), ("leader", leader)]))
        }
        Event::TransferBegan { sequence, from, .. } => {
            headline(said(text::TRANSFER_BEGAN, &[("sequence", sequence), ("from", from)]))
        }
        Event::TransferSpoilt { .. } => headline(said(text::TRANSFER_SPOILT, &[])),
        Event::Transferred { sequence, .. } => headline(said(text::TRANSFERRED, &[("sequence", sequence)])),
        Event::Forged { from } => headline(said(text::FORGED, &[("from", from)])),
        Event::Recovered { .. }
        | Event::RequestsRelayed { .. }
        | Event::LinkAccepted { .. }
        | Event::Executed { .. }
        | Event::CaughtUp { .. }
        | Event::TermAdopted { .. }
        | Event::VoteCounted { .. }
        | Event::CheckpointTaken { .. }
        | Event::AskedForMissing { .. }
        // The switch is told by the hybrid itself.
        | Event::Stopped { .. }
        | Event::Ignored { .. } => None,
    }
}
