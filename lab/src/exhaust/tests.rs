//! What an exhaustive search must find, and what it must not.

use quorumscope_core::raft::Rule;

use super::*;

fn search(bounds: Bounds) -> (Standing, Search) {
    let mut search = Search::new(bounds).expect("valid bounds");
    let standing = loop {
        match search.advance(10_000) {
            Standing::Running => {}
            standing => break standing,
        }
    };
    (standing, search)
}

#[test]
fn probe() {
    let (standing, search) = search(Bounds { terms: 1, ..Bounds::default() });
    println!("{standing:?} {:?}", search.figures());
    for rule in [Rule::OneVotePerTerm, Rule::MajorityQuorum] {
    let (standing, mut search) = super::tests::search(Bounds { terms: 1, rules_off: vec![rule], ..Bounds::default() });
    println!("{standing:?} {:?}", search.figures());
    println!("{:#?}", search.counterexample());
    }
}
