//! Is what is shown what is?
//!
//! Everything shown is a fold of records. Here the fold of a run's records is
//! held against the world itself, whole, after each event and each step.

use std::panic::resume_unwind;
use std::thread;

use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::Run;
use quorumscope_lab::scenario::profile::Profile;
use quorumscope_lab::sim::Coverage;
use quorumscope_lab::trace::view::View;

use crate::heavy::{SWEEPS, Sweep};

#[test]
fn a_fold_of_the_records_is_the_view_of_the_world_after_every_event_of_heavy_seeds() {
    for sweep in &SWEEPS {
        // Every second seed on a thread of its own: the gate waits for this test.
        let (even, odd) = thread::scope(|scope| {
            let odd = scope.spawn(|| compare_all(sweep, 1));
            (compare_all(sweep, 0), odd.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        let mut coverage = even.coverage;
        coverage.add(&odd.coverage);
        println!("{}: {} views compared", sweep.protocol.name(), even.compared + odd.compared);
        // So few seeds as are folded of the others cannot meet everything.
        let must = if sweep.folded < 100 { Vec::new() } else { Profile::Heavy.must_cover(sweep.protocol) };
        let untouched: Vec<_> = coverage.iter().filter(|(name, count)| must.contains(name) && *count == 0).collect();
        assert_eq!(untouched, [], "faults that never happened were not tested");
    }
}

#[derive(Default)]
struct Seen {
    compared: u64,
    coverage: Coverage,
}

fn compare_all(sweep: &Sweep, first: u64) -> Seen {
    let mut seen = Seen::default();
    for seed in (first..sweep.folded).step_by(2) {
        let mut run = sweep.run(seed, Scheme::Cheap);
        let mut view = View::default();
        loop {
            compare(&mut run, &mut view, seed);
            seen.compared += 1;
            if !run.step() {
                break;
            }
        }
        assert_eq!(run.error(), None, "seed {seed}");
        seen.coverage.add(run.simulation().coverage());
    }
    seen
}

fn compare(run: &mut Run, view: &mut View, seed: u64) {
    for record in run.take_records() {
        view.fold(&record);
    }
    let world = run.simulation().view();
    // Between records time goes on, and numbers are taken for records that are not made.
    (view.at, view.last) = (world.at, world.last);
    if *view != world {
        panic!("seed {seed} at {}: {}", world.at, difference(view, &world));
    }
}

fn difference(fold: &View, world: &View) -> String {
    if let Some((id, node)) = world.nodes.iter().find(|(id, node)| fold.nodes.get(id) != Some(node)) {
        return format!("{id}: fold {:#?}\nworld {node:#?}", fold.nodes.get(id));
    }
    format!(
        "messages equal: {}, clients: {}, cuts: {}, decided: {}, violations: {}, ended: {}",
        fold.messages == world.messages,
        fold.clients == world.clients,
        fold.cut == world.cut,
        fold.decided == world.decided,
        fold.violations == world.violations,
        fold.ended == world.ended,
    )
}
