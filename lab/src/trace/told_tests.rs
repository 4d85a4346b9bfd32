//! Is what a client was only told shown as told, until it is proven?

use quorumscope_core::record::{Body, Verdict};
use quorumscope_core::types::{ClientId, NodeId};

use super::face::{self, Sign};
use super::narrate;
use super::view::{OperationView, View};
use super::words::face::NOT_PROVEN;
use crate::scenario::{Run, Scenario};

/// The first in turn answers its clients falsely, every second time.
fn lied_to(protocol: &str, seed: u64) -> Run {
    let text = format!(
        r#"
protocol = "{protocol}"
signer = "cheap"
nodes = 4
seed = {seed}
until = "3s"
[[client]]
id = "c1"
operations = 30
think = ["5ms", "40ms"]
[[step]]
at = "1ms"
byzantine = {{ node = "n1", as = ["false-reply"] }}
"#
    );
    Run::new(&Scenario::from_toml(&text).expect("a scenario")).expect("it can run")
}

fn operations(view: &View) -> &[OperationView] {
    &view.clients[&ClientId(1)].operations
}

/// How many distinct replicas have told what the newest of them has, with what is known of them alone.
fn agree(operation: &OperationView) -> usize {
    let newest = operation.heard.last().map(|word| &word.result);
    operation.heard.iter().filter(|word| Some(&word.result) == newest).count()
}

#[test]
fn nothing_is_shown_as_done_before_one_honest_replica_has_surely_said_so() {
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let (mut not_proven, mut contradicted, mut lines) = (0, 0, 0);
        for seed in 1..=5 {
            let mut run = lied_to(protocol, seed);
            let mut view = View::default();
            while run.step() {
                for record in run.take_records() {
                    view.fold(&record);
                    match &record.body {
                        Body::Heard { needed, .. } => {
                            assert_eq!(*needed, 2, "of four replicas one may lie");
                            let line = narrate::line(&record, |_| None);
                            lines += u32::from(line.is_some_and(|line| line.text.contains(NOT_PROVEN)));
                        }
                        Body::Told { verdict: Verdict::Ok, number, .. } => {
                            let operation = operations(&view).iter().find(|known| known.number == *number);
                            assert!(operation.is_some_and(|known| agree(known) >= 2), "{protocol}, seed {seed}");
                        }
                        _ => {}
                    }
                    for operation in operations(&view).iter().filter(|known| known.told.is_none()) {
                        let (sign, words) = face::operation(operation);
                        assert_ne!(sign, Some(Sign::Plus));
                        assert_eq!(words == NOT_PROVEN, !operation.heard.is_empty());
                        not_proven += u32::from(sign == Some(Sign::Question));
                    }
                }
            }
            let lie = |known: &&OperationView| {
                let said = known.heard.iter().find(|word| word.by == NodeId(1));
                said.is_some_and(|word| word.equal < 2) && known.told.is_some()
            };
            contradicted += operations(&view).iter().filter(lie).count();
            assert!(operations(&view).iter().filter(|known| known.told.is_some()).count() >= 20);
        }
        assert!(not_proven > 0 && lines > 0, "{protocol}: single replies were seen");
        assert!(contradicted > 0, "{protocol}: what n1 alone has told was not believed");
    }
}
