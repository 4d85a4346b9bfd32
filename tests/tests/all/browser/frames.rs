//! How long does the page's script take for a frame?
//!
//! Measured and printed, never asserted: a time is a fact about a machine.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::{Look, browse_alone};

/// So many frames make the figure.
const FRAMES: usize = 600;

#[test]
fn script_times_of_frames_are_measured_at_normal_speed() {
    browse_alone(Look::WIDE, async |page, server| {
        page.open(&server.page).await;
        page.click("play").await;
        let mut times: Vec<f64> = Vec::new();
        let begun = Instant::now();
        while times.len() < FRAMES {
            assert!(begun.elapsed() < Duration::from_secs(80), "only {} frames in {:?}", times.len(), begun.elapsed());
            tokio::time::sleep(Duration::from_millis(250)).await;
            times.extend(page.read::<Vec<f64>>("return window.__quorumscope_frames()").await);
        }
        let took = begun.elapsed();
        assert!(page.seen().await.leader().is_some(), "an election was among them");
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        // Past the harness, which keeps what passing tests print to itself.
        let _ = writeln!(
            std::io::stderr(),
            "script time a frame at 1440x900, five nodes, normal speed: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms \
             ({} frames in {took:.1?})",
            at(0.5),
            at(0.99),
            at(1.0),
            times.len()
        );
    });
}
