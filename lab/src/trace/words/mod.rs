//! In which words does the laboratory speak to people?
//!
//! The one catalogue: every sentence is a template with named places
//! (`{node}`), so that a translation replaces this folder and nothing else.
//! Which template belongs to what is decided in `why`, `face` and `narrate`.
//! Names of the papers (`AppendEntries`, `prevLogIndex`) are not translated.
//! Here is what fills templates, and the small words for numbers and lists; the
//! sentences are in `node` (what a node did), `pbft`, `hotstuff` and `run` (what else happened),
//! rules in `rule`, and the short words of pictures and lists in `screen`.

use core::fmt::{Display, Write as _};

use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::Verdict;
use quorumscope_core::types::{LogIndex, NodeId, Span, Term};

pub(crate) mod board;
pub(crate) mod conflict;
pub(crate) mod epoch;
pub(crate) mod evidence;
pub(crate) mod hotstuff;
pub(crate) mod hybrid;
pub(crate) mod lanes;
mod node;
pub(crate) mod pbft;
mod rule;
mod run;
mod screen;
pub(crate) mod trick;

pub(crate) use node::{event, snapshot};
pub use rule::{paper, principle};
pub(crate) use run::{question, record};
pub(crate) use screen::{face, line};

/// Puts values into the named places of a template.
pub(crate) fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => write!(text, "{value}").expect("writing to a string does not fail"),
            None => write!(text, "{{{name}}}").expect("writing to a string does not fail"),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

/// `212 ms`, `1.5 ms`, `300 µs`.
pub(crate) fn span(span: Span) -> String {
    match (span.0 / 1_000, span.0 % 1_000 / 100) {
        (0, _) => format!("{} µs", span.0),
        (millis, 0) => format!("{millis} ms"),
        (millis, tenths) => format!("{millis}.{tenths} ms"),
    }
}

/// An entry as position and term: `(7, t1)`.
pub(crate) fn pair(index: LogIndex, term: Term) -> String {
    format!("({index}, {term})")
}

/// A log's last entry: `(7, t1)`, or `(empty)`.
pub(crate) fn last_entry((index, term): (LogIndex, Term)) -> String {
    if index == LogIndex::ZERO { "(empty)".into() } else { pair(index, term) }
}

/// `entry 6`, `entries 6–8`.
pub(crate) fn entries(first: LogIndex, last: LogIndex) -> String {
    if first == last { format!("entry {first}") } else { format!("entries {first}–{last}") }
}

/// `1 entry`, `3 entries`.
pub(crate) fn count_of_entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// `1 block`, `3 blocks`.
pub(crate) fn blocks(count: u64) -> String {
    if count == 1 { "1 block".into() } else { format!("{count} blocks") }
}

/// `1 request`, `3 requests`.
pub(crate) fn requests(count: u64) -> String {
    if count == 1 { "1 request".into() } else { format!("{count} requests") }
}

/// `1 byte`, `3 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

/// `1 read`, `3 reads`.
pub(crate) fn reads(count: u32) -> String {
    if count == 1 { "1 read".into() } else { format!("{count} reads") }
}

/// `1 vote`, `3 votes`.
pub(crate) fn votes(count: usize) -> String {
    if count == 1 { "1 vote".into() } else { format!("{count} votes") }
}

/// `1 link`, `6 links`.
pub(crate) fn links(count: usize) -> String {
    if count == 1 { "1 link".into() } else { format!("{count} links") }
}

/// `voters n1, n2; together with voters n3; learners n4; observers n5`.
pub(crate) fn members(members: &Membership) -> String {
    let Membership { voters, outgoing, learners, observers, edges } = members;
    let part = |name: &str, nodes: &[NodeId]| (!nodes.is_empty()).then(|| format!("{name} {}", list(nodes)));
    let outgoing = part("together with voters", outgoing);
    let edges: Vec<NodeId> = edges.iter().map(|edge| edge.node).collect();
    let (observers, edges) = (part("observers", observers), part("edges", &edges));
    let parts = [part("voters", voters), outgoing, part("learners", learners), observers, edges];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What an operator asks for: `ask n1 to add n4, promote n3, remove n2`.
pub(crate) fn change_of_members(node: NodeId, change: &MembershipChange) -> String {
    let MembershipChange { add, promote, remove, observe, edge } = change;
    let part = |verb: &str, nodes: &[NodeId]| (!nodes.is_empty()).then(|| format!("{verb} {}", list(nodes)));
    let observe = part("observe with", observe);
    let edges: Vec<NodeId> = edge.iter().map(|edge| edge.node).collect();
    let parts =
        [part("add", add), part("promote", promote), part("remove", remove), observe, part("subscribe", &edges)];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!("{node} is asked to change the members: {parts}")
}

/// What a client was told, after the words for its verdict; what is done says so, and with which answer.
pub(crate) fn told(verdict: Verdict, result: &str) -> String {
    let template = match (verdict, result) {
        (Verdict::Ok, "" | "done") => record::IS_DONE,
        (Verdict::Ok, face::NOTHING) => record::FOUND_NOTHING,
        (Verdict::Ok, refusal) if refusal.starts_with(face::REFUSED_BEGINS) => record::IS_REFUSED,
        (Verdict::Ok, _) => record::ANSWERED_WITH,
        (Verdict::Failed | Verdict::Unknown | Verdict::Early, "" | "done") => return String::new(),
        (Verdict::Failed | Verdict::Unknown | Verdict::Early, _) => record::RESULT,
    };
    fill(template, &[("result", &result)])
}

/// What a node answered: who found nothing is told so in words that can stand alone.
pub(crate) fn answered(words: &str) -> &str {
    if words == face::NOTHING { record::NOTHING_THERE } else { words }
}

/// A replica's reply to a client's request: what it says, and how many of those that have to agree do by then.
pub(crate) fn reply(
    template: &str,
    [client, number, by]: [&dyn Display; 3],
    result: &str,
    (equal, needed): (u32, u32),
) -> String {
    let result = told(Verdict::Ok, result);
    let values: [(&str, &dyn Display); 6] = [
        ("client", client),
        ("by", by),
        ("number", number),
        ("result", &result),
        ("equal", &equal),
        ("needed", &needed),
    ];
    fill(template, &values)
}

/// `1 of them may lie`: how many liars among these voters the protocols bear.
pub(crate) fn may_lie(voters: &[NodeId]) -> String {
    match Byzantine::of(voters, false).faulty() {
        0 => epoch::NONE_MAY_LIE.into(),
        most => fill(epoch::MAY_LIE, &[("most", &most)]),
    }
}

/// `n1, n2, n4`; `nobody` where the list is empty.
pub(crate) fn list(nodes: &[NodeId]) -> String {
    if nodes.is_empty() {
        return "nobody".into();
    }
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_reads_as_a_sentence() {
        let of = |result| told(Verdict::Ok, result);
        assert_eq!(["", "done"].map(of), ["is done"; 2]);
        assert_eq!(of("nothing"), "is done; nothing stood there");
        assert_eq!((answered(face::NOTHING), answered("1")), ("done; nothing stood there", "1"));
        assert_eq!(of("open v1"), "is done, with the answer open v1");
        assert_eq!(of("refused: the version now is 2"), "was refused: the version now is 2");
        assert_eq!((told(Verdict::Failed, ""), told(Verdict::Unknown, "gave up")), (String::new(), ": gave up".into()));
    }

    #[test]
    fn places_are_filled_once_and_values_are_not_read_again() {
        assert_eq!(fill("{a} and {b}", &[("a", &"{b}"), ("b", &2)]), "{b} and 2");
    }

    #[test]
    fn a_place_without_a_value_and_a_lonely_brace_stay_as_they_are() {
        assert_eq!(fill("{a} {", &[]), "{a} {");
    }

    #[test]
    fn spans_are_read_in_the_unit_that_fits() {
        assert_eq!(span(Span(212_000)), "212 ms");
        assert_eq!(span(Span(1_560)), "1.5 ms");
        assert_eq!(span(Span(300)), "300 µs");
    }
}
