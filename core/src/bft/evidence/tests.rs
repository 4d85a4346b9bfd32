//! Which words convict, which do not, and nothing that a stranger does to them convicts anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::{Begun, Evidence, Known, Left, NoProof, Offence, Signed, Watch, Word, encoded, offence};
use crate::bft::hotstuff::{BlockId, Header, QuorumCertificate};
use crate::bft::hybrid::rounds::Mark;
use crate::bft::pbft::{Subject, Value};
use crate::bft::testing::{CLUSTER, TestRing, TestSigner};
use crate::crypto::{Claim, Domain, Family, Forged, Hash256, Identity, Signature, Signer as _, Verifier as _};
use crate::types::{NodeId, Sequence, Term};

/// Words that were said in a run, of each node, each once; what is forged is left out.
#[derive(Default)]
pub(crate) struct Gathered {
    said: BTreeMap<NodeId, BTreeMap<Vec<u8>, Signed>>,
    headers: BTreeMap<Hash256, Header>,
    /// In the order in which they were said.
    order: Vec<(NodeId, Signed)>,
}

impl Gathered {
    pub(crate) fn take(&mut self, domain: &Domain, by: NodeId, signed: Signed) {
        let known = self.said.entry(by).or_default();
        let name = encoded(&signed.word);
        let claim =
            || Claim { by: Identity::Node(by), statement: signed.word.statement(domain), signature: signed.signature };
        if !known.contains_key(&name) && TestRing.verify(&[claim()]).is_ok() {
            known.insert(name, signed.clone());
            self.order.push((by, signed));
        }
    }

    pub(crate) fn show(&mut self, header: Header) {
        self.headers.insert(header.hash(), header);
    }

    pub(crate) fn words(&self) -> usize {
        self.order.len()
    }

    /// Whom any two words convict, or one, and of what. Each verdict is judged by the keys.
    pub(crate) fn convicted(&self, domain: &Domain) -> BTreeMap<NodeId, BTreeSet<Offence>> {
        let mut convicted: BTreeMap<NodeId, BTreeSet<Offence>> = BTreeMap::new();
        for (by, said) in &self.said {
            let long = said.values().filter_map(|signed| self.with_header(signed));
            let words: Vec<Signed> = said.values().cloned().chain(long).collect();
            let mut found = |one: &Signed, other: Option<&Signed>, offence: Offence| {
                if convicted.entry(*by).or_default().insert(offence) {
                    let evidence = Evidence::of(*by, domain, one.clone(), other.cloned()).expect("a contradiction");
                    let again = Evidence::decode(&evidence.encode()).expect("its own encoding");
                    let verdict = again.judge(domain.cluster, &TestRing).expect("signed words");
                    assert_eq!((verdict.culprit, verdict.offence), (*by, offence));
                }
            };
            for (at, one) in words.iter().enumerate() {
                if let Some(offence) = offence::alone(&one.word) {
                    found(one, None, offence);
                }
                for other in &words[at + 1..] {
                    if let Some(offence) = offence::together(&one.word, &other.word) {
                        found(one, Some(other), offence);
                    }
                }
            }
        }
        convicted
    }

    fn with_header(&self, signed: &Signed) -> Option<Signed> {
        let Word::Vote(block) = &signed.word else { return None };
        let header = self.headers.get(&block.block)?.clone();
        Some(Signed { word: Word::VoteFor(Box::new(header)), signature: signed.signature })
    }

    /// Whom a watch finds out that hears all of it and remembers so many words of each.
    pub(crate) fn watched(&self, domain: &Domain, capacity: usize) -> BTreeSet<NodeId> {
        let mut watch = Watch::new(*domain, capacity);
        self.headers.values().for_each(|header| watch.show(header.clone()));
        let mut found = BTreeSet::new();
        for (by, signed) in &self.order {
            if let Some(evidence) = watch.hear(*by, signed.clone()) {
                assert!(evidence.judge(domain.cluster, &TestRing).is_ok());
                assert!(found.insert(evidence.culprit()), "once");
            }
            assert!(watch.len() <= self.said.len() * (capacity + 3));
        }
        found
    }
}

fn domain(family: Family) -> Domain {
    Domain { cluster: CLUSTER, configuration: 2, instance: 3, family }
}

fn signed(word: Word) -> Signed {
    let statement = word.statement(&domain(word.family()));
    Signed { word, signature: TestSigner(Identity::Node(NodeId(1))).sign(&statement) }
}

fn evidence(one: Word, other: Option<Word>) -> Option<Evidence> {
    Evidence::of(NodeId(1), &domain(one.family()), signed(one), other.map(signed))
}

fn verdict(one: Word, other: Word) -> Option<Offence> {
    let found = evidence(one.clone(), Some(other.clone()));
    assert_eq!(found, evidence(other, Some(one)), "the order makes no difference");
    found.map(|evidence| evidence.judge(CLUSTER, &TestRing).expect("signed").offence)
}

fn hash(byte: u8) -> Hash256 {
    Hash256([byte; 32])
}

fn at(view: u64, sequence: u64, value: u8) -> Subject {
    Subject { view: Term(view), sequence: Sequence(sequence), hash: hash(value) }
}

fn left(view: u64, low: u64, prepared: &[Subject]) -> Word {
    let snapshot = if low == 0 { Hash256::ZERO } else { hash(200) };
    let known = Known { low: Sequence(low), snapshot, prepared: prepared.to_vec() };
    Word::ViewChange(Box::new(Left { view: Term(view), replica: NodeId(1), known }))
}

fn block(view: u64, name: u8) -> BlockId {
    BlockId { view: Term(view), block: hash(name) }
}

fn vote_for(view: u64, justify: u64) -> Word {
    let justify = QuorumCertificate { view: Term(justify), block: hash(9), ..QuorumCertificate::default() };
    Word::VoteFor(Box::new(Header { view: Term(view), justify: Arc::new(justify), batch: hash(8) }))
}

fn mark(term: u64, sequence: u64, history: u8) -> Mark {
    Mark { term: Term(term), sequence: Sequence(sequence), hash: hash(history) }
}

fn acknowledged(mark: Mark, named: Option<Mark>) -> Word {
    Word::Acknowledged { mark, named }
}

fn voted_in(term: u64, prepared: Option<Mark>) -> Word {
    Word::VotedIn { term: Term(term), prepared }
}

fn stopped(prepared: Option<Mark>) -> Word {
    Word::Stopped { replica: NodeId(1), stable: Default::default(), prepared }
}

/// PROTOCOLS, "Hybrid", 1, 2 and 4.
#[test]
fn in_the_rounds_one_history_a_place_and_no_certificate_kept_back() {
    let named = acknowledged(mark(2, 7, 1), Some(mark(2, 6, 1)));
    for honest in [voted_in(3, Some(mark(2, 6, 1))), voted_in(4, Some(mark(3, 1, 1))), voted_in(2, None)] {
        assert_eq!(verdict(named.clone(), honest), None);
    }
    assert_eq!(verdict(named.clone(), stopped(Some(mark(2, 6, 1)))), None);
    assert_eq!(verdict(named.clone(), acknowledged(mark(3, 7, 2), None)), None, "another term");
    assert_eq!(verdict(named.clone(), acknowledged(mark(2, 8, 2), None)), None, "another place");
    let voted_again = verdict(voted_in(3, None), voted_in(3, Some(mark(2, 6, 1))));
    assert_eq!(voted_again, None, "it may have learned of one in between");
    assert_eq!(verdict(named.clone(), voted_in(3, None)), Some(Offence::HidHistory));
    assert_eq!(verdict(named, stopped(Some(mark(2, 5, 1)))), Some(Offence::HidHistory));
}

fn timeout(view: u64, high: u64) -> Word {
    Word::Timeout { view: Term(view), high: Term(high) }
}

#[test]
fn two_values_for_one_number_in_one_view_convict_whatever_the_phases() {
    let phases: [fn(Subject) -> Word; 3] = [Word::PrePrepare, Word::Prepare, Word::Commit];
    for (one, other) in phases.iter().flat_map(|one| phases.iter().map(move |other| (one, other))) {
        assert_eq!(verdict(one(at(3, 7, 1)), other(at(3, 7, 2))), Some(Offence::TwoValues));
        for innocent in [at(3, 7, 1), at(4, 7, 2), at(3, 8, 2)] {
            assert_eq!(verdict(one(at(3, 7, 1)), other(innocent)), None);
        }
    }
}

/// PROTOCOLS: "neither a prepared certificate for n of view ≥ v nor a checkpoint ≥ n".
#[test]
fn a_view_change_that_hides_what_its_sender_has_committed_convicts() {
    let commit = || Word::Commit(at(3, 7, 1));
    for hiding in [left(4, 0, &[]), left(9, 6, &[at(3, 8, 1)]), left(4, 6, &[at(2, 7, 1)]), left(4, 6, &[at(3, 7, 2)])]
    {
        assert_eq!(verdict(commit(), hiding), Some(Offence::HidPrepared));
    }
    for honest in [
        left(3, 0, &[]),
        left(2, 0, &[]),
        left(4, 7, &[]),
        left(4, 8, &[]),
        left(4, 0, &[at(1, 2, 9), at(3, 7, 1)]),
        left(9, 6, &[at(8, 7, 2)]),
    ] {
        assert_eq!(verdict(commit(), honest), None);
    }
    assert_eq!(verdict(Word::Prepare(at(3, 7, 1)), left(4, 0, &[])), None, "what is not prepared need not be told");
    assert_eq!(verdict(left(4, 0, &[]), left(4, 8, &[])), None, "it may have been restarted in between");
}

#[test]
fn a_new_view_convicts_its_primary_where_it_does_not_follow_and_where_there_are_two() {
    let changes = || {
        let known = |low: u64, prepared: &[Subject]| match left(0, low, prepared) {
            Word::ViewChange(left) => left.known,
            other => panic!("{other:?}"),
        };
        vec![
            (NodeId(1), known(0, &[at(1, 1, 1), at(2, 4, 1)])),
            (NodeId(2), known(2, &[at(3, 4, 2), at(1, 5, 5)])),
            (NodeId(3), known(0, &[])),
        ]
    };
    let begun = |assigned: &[(u64, Hash256)]| {
        let assigned = assigned.iter().map(|(sequence, hash)| (Sequence(*sequence), *hash)).collect();
        Word::NewView(Box::new(Begun { view: Term(4), changes: changes(), assigned }))
    };
    let null = Value::null().hash();
    let founded = [(3, null), (4, hash(2)), (5, hash(5))];
    assert_eq!(evidence(begun(&founded), None), None);
    let unfounded: [&[(u64, Hash256)]; 4] =
        [&[], &founded[..2], &[(3, null), (4, hash(1)), (5, hash(5))], &[(3, hash(1)), (4, hash(2)), (5, hash(5))]];
    for assigned in unfounded {
        let found = evidence(begun(assigned), None).expect("it does not follow");
        assert_eq!(found.judge(CLUSTER, &TestRing).map(|verdict| verdict.offence), Ok(Offence::UnfoundedNewView));
        assert_eq!(found.claims(CLUSTER).len(), 1);
    }
    let began = |view, content| Word::Began { view: Term(view), content: hash(content) };
    assert_eq!(verdict(began(4, 1), began(4, 2)), Some(Offence::TwoNewViews));
    assert_eq!(verdict(began(4, 1), began(5, 2)), None);
    assert_eq!(verdict(began(4, 1), began(4, 1)), None);
}

/// A judge computes no more than [`super::MAX_WINDOW`] numbers for each view change, whatever it is given.
#[test]
fn a_new_view_over_numbers_that_no_window_holds_is_not_computed() {
    for prepared in [at(1, u64::MAX - 1, 1), at(1, super::MAX_WINDOW + 8, 1), at(1, 3, 1)] {
        let known = Known { low: Sequence(7), snapshot: hash(1), prepared: vec![prepared] };
        let begun = Begun { view: Term(2), changes: vec![(NodeId(1), known)], assigned: Vec::new() };
        assert_eq!(evidence(Word::NewView(Box::new(begun)), None), None);
    }
}

#[test]
fn two_blocks_of_one_view_convict_their_leader_and_their_voter() {
    let roles: [fn(BlockId) -> Word; 2] = [Word::Proposal, Word::Vote];
    for (one, other) in roles.iter().flat_map(|one| roles.iter().map(move |other| (one, other))) {
        assert_eq!(verdict(one(block(3, 1)), other(block(3, 2))), Some(Offence::TwoBlocks));
        assert_eq!(verdict(one(block(3, 1)), other(block(3, 1))), None);
        assert_eq!(verdict(one(block(3, 1)), other(block(4, 2))), None);
    }
}

#[test]
fn a_timeout_that_tells_of_less_than_an_earlier_vote_proves_convicts() {
    for hidden in [timeout(5, 3), timeout(9, 0)] {
        assert_eq!(verdict(vote_for(5, 4), hidden), Some(Offence::HidCertificate));
    }
    for honest in [timeout(5, 4), timeout(6, 5), timeout(4, 3)] {
        assert_eq!(verdict(vote_for(5, 4), honest), None);
    }
    assert_eq!(verdict(timeout(5, 3), timeout(5, 4)), None, "it may have learned of one in between");
    assert_eq!(verdict(Word::Vote(block(5, 1)), timeout(5, 4)), None, "it has voted and given up then");
}

/// PROTOCOLS: "Bad signatures, tampering in transit and timing never convict".
#[test]
fn whoever_changes_a_signed_word_or_moves_it_frames_nobody() {
    let (one, other) = (signed(Word::Prepare(at(3, 7, 1))), signed(Word::Prepare(at(3, 7, 2))));
    let pbft = domain(Family::Pbft);
    let judge = |evidence: Option<Evidence>| evidence.expect("words that contradict").judge(CLUSTER, &TestRing);
    let forged = |node| Err(NoProof::Forged(Forged { by: Identity::Node(NodeId(node)) }));
    assert!(judge(Evidence::of(NodeId(1), &pbft, one.clone(), Some(other.clone()))).is_ok());
    for changed in [Word::Prepare(at(3, 7, 9)), Word::Commit(at(3, 7, 2)), Word::PrePrepare(at(3, 7, 2))] {
        let changed = Signed { word: changed, ..other.clone() };
        assert_eq!(judge(Evidence::of(NodeId(1), &pbft, one.clone(), Some(changed))), forged(1));
    }
    assert_eq!(judge(Evidence::of(NodeId(2), &pbft, one.clone(), Some(other.clone()))), forged(2), "another's words");
    for moved in [Domain { configuration: 0, ..pbft }, Domain { instance: 4, ..pbft }] {
        assert_eq!(judge(Evidence::of(NodeId(1), &moved, one.clone(), Some(other.clone()))), forged(1));
    }
    let there = Evidence::of(NodeId(1), &pbft, one, Some(other)).expect("a contradiction");
    assert_eq!(there.judge(CLUSTER + 1, &TestRing), forged(1), "another cluster");
}

#[test]
fn a_view_change_in_anothers_name_is_no_evidence() {
    let Word::ViewChange(mut other) = left(4, 0, &[]) else { panic!("a view change") };
    other.replica = NodeId(2);
    assert_eq!(evidence(Word::Commit(at(3, 7, 1)), Some(Word::ViewChange(other))), None);
}

#[test]
fn evidence_has_one_encoding() {
    let found = evidence(Word::Vote(block(3, 1)), Some(Word::Vote(block(3, 2)))).expect("two votes");
    let bytes = found.encode();
    assert!(bytes.len() < 300, "{}", bytes.len());
    assert_eq!(Evidence::decode(&bytes), Ok(found.clone()));
    assert_eq!(found.hash(), Hash256::of(&bytes));
    let swapped = Evidence {
        first: found.second.clone().expect("two words"),
        second: Some(found.first.clone()),
        ..found.clone()
    };
    assert_eq!(swapped.judge(CLUSTER, &TestRing), Err(NoProof::Malformed));
    assert_eq!(Evidence::decode(&[&bytes[..], &[0]].concat()), Err(NoProof::Malformed), "more than it");
    // The first number, 1, written in two bytes.
    assert_eq!(Evidence::decode(&[&[0x81, 0], &bytes[1..]].concat()), Err(NoProof::Malformed), "a longer form");
    assert_eq!(Evidence::decode(&vec![0; super::MAX_BYTES + 1]), Err(NoProof::Malformed));
}

#[test]
fn a_flood_of_words_displaces_the_flooders_own_alone() {
    let mut watch = Watch::new(domain(Family::Pbft), 8);
    assert_eq!(watch.hear(NodeId(2), signed(Word::Prepare(at(1, 1, 1)))), None);
    for sequence in 1..1_000 {
        assert_eq!(watch.hear(NodeId(1), signed(Word::Prepare(at(1, sequence, 1)))), None);
        assert!(watch.len() <= 9);
    }
    assert!(watch.hear(NodeId(2), signed(Word::Commit(at(1, 1, 2)))).is_some());
    assert_eq!(watch.hear(NodeId(1), signed(Word::Commit(at(1, 1, 2)))), None, "it is forgotten");
    assert!(watch.hear(NodeId(1), signed(Word::Commit(at(1, 999, 2)))).is_some());
    assert_eq!(watch.hear(NodeId(1), signed(Word::Commit(at(1, 999, 2)))), None, "once");
}

#[test]
fn a_watch_finds_every_offence_in_either_order() {
    let known = Known { prepared: vec![at(1, 1, 1)], ..Known::default() };
    let begun = Begun { view: Term(2), changes: vec![(NodeId(1), known)], assigned: Vec::new() };
    let Word::VoteFor(header) = vote_for(5, 4) else { panic!("a vote") };
    let short = Word::Vote(BlockId { view: Term(5), block: header.hash() });
    let pairs = [
        (Offence::TwoValues, Word::Prepare(at(3, 7, 1)), Word::Commit(at(3, 7, 2))),
        (Offence::HidPrepared, Word::Commit(at(3, 7, 1)), left(4, 0, &[])),
        (Offence::TwoNewViews, Word::Began { view: Term(1), content: hash(1) }, {
            Word::Began { view: Term(1), content: hash(2) }
        }),
        (Offence::TwoBlocks, Word::Vote(block(3, 1)), Word::Proposal(block(3, 2))),
        (Offence::HidCertificate, short, timeout(6, 3)),
        (Offence::UnfoundedNewView, Word::NewView(Box::new(begun)), Word::Prepare(at(3, 7, 1))),
        (Offence::TwoHistories, acknowledged(mark(2, 7, 1), None), acknowledged(mark(2, 7, 2), None)),
        (Offence::HidHistory, acknowledged(mark(2, 7, 1), Some(mark(2, 6, 1))), voted_in(3, Some(mark(2, 5, 1)))),
        (Offence::HidHistory, acknowledged(mark(2, 7, 1), Some(mark(2, 6, 1))), stopped(None)),
        (Offence::TwoStops, stopped(None), stopped(Some(mark(2, 5, 1)))),
    ];
    let mut found = BTreeSet::new();
    for (offence, one, other) in pairs {
        for words in [[&one, &other], [&other, &one]] {
            let mut watch = Watch::new(domain(one.family()), 8);
            watch.show((*header).clone());
            let evidence = words.into_iter().find_map(|word| watch.hear(NodeId(1), signed(word.clone())));
            let verdict = evidence.expect("found out").judge(CLUSTER, &TestRing).expect("signed");
            assert_eq!(verdict.offence, offence);
            found.insert(offence);
        }
    }
    assert_eq!(found, Offence::ALL.into_iter().collect());
}

fn some_subject() -> impl Strategy<Value = Subject> {
    (0..3u64, 1..4u64, 0..3u8).prop_map(|(view, sequence, value)| at(view, sequence, value))
}

fn some_word() -> impl Strategy<Value = Word> {
    let known = || {
        (0..3u64, proptest::collection::vec(some_subject(), 0..3)).prop_map(|(low, prepared)| {
            match left(0, low, &prepared) {
                Word::ViewChange(left) => left.known,
                other => panic!("{other:?}"),
            }
        })
    };
    let assigned = proptest::collection::vec((1..4u64, 0..3u8), 0..3);
    let begun =
        (1..3u64, proptest::collection::vec(known(), 0..3), assigned).prop_map(|(view, known, assigned)| Begun {
            view: Term(view),
            changes: (1..).map(NodeId).zip(known).collect(),
            assigned: assigned.into_iter().map(|(sequence, value)| (Sequence(sequence), hash(value))).collect(),
        });
    let some_block = || (1..4u64, 0..3u8).prop_map(|(view, name)| block(view, name));
    prop_oneof![
        some_subject().prop_map(Word::PrePrepare),
        some_subject().prop_map(Word::Prepare),
        some_subject().prop_map(Word::Commit),
        (1..4u64, known()).prop_map(|(view, known)| {
            Word::ViewChange(Box::new(Left { view: Term(view), replica: NodeId(1), known }))
        }),
        begun.prop_map(|begun| Word::NewView(Box::new(begun))),
        (1..3u64, 0..3u8).prop_map(|(view, content)| Word::Began { view: Term(view), content: hash(content) }),
        some_block().prop_map(Word::Proposal),
        some_block().prop_map(Word::Vote),
        (1..5u64, 0..4u64).prop_map(|(view, justify)| vote_for(view, justify)),
        (1..5u64, 0..4u64).prop_map(|(view, high)| timeout(view, high)),
    ]
}

proptest! {
    #[test]
    fn evidence_is_alike_in_either_order_comes_back_from_its_bytes_and_holds_under_its_own_key_alone(
        one in some_word(), other in some_word(), spoilt in any::<proptest::sample::Index>(),
    ) {
        prop_assert_eq!(offence::together(&one, &one), None, "nobody contradicts itself by saying it again");
        let Some(found) = evidence(one.clone(), Some(other.clone())) else { return Ok(()) };
        let swapped = evidence(other, Some(one));
        prop_assert_eq!(Some(&found), swapped.as_ref());
        prop_assert!(found.judge(CLUSTER, &TestRing).is_ok());
        let bytes = found.encode();
        prop_assert_eq!(Evidence::decode(&bytes), Ok(found));
        let mut spoilt_bytes = bytes.to_vec();
        spoilt_bytes[spoilt.index(bytes.len())] ^= 1;
        if let Ok(changed) = Evidence::decode(&spoilt_bytes) {
            prop_assert!(changed.judge(CLUSTER, &TestRing).is_err());
        }
    }

    #[test]
    fn no_bytes_make_a_judge_fail(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(evidence) = Evidence::decode(&bytes) {
            prop_assert!(evidence.judge(CLUSTER, &TestRing).is_err());
        }
    }
}

#[test]
fn a_signature_of_zeros_convicts_nobody() {
    let unsigned = |word| Signed { word, signature: Signature([0; 64]) };
    let words = (unsigned(Word::Vote(block(3, 1))), unsigned(Word::Vote(block(3, 2))));
    let framed = Evidence::of(NodeId(1), &domain(Family::HotStuff), words.0, Some(words.1)).expect("two votes");
    assert!(matches!(framed.judge(CLUSTER, &TestRing), Err(NoProof::Forged(_))));
}
