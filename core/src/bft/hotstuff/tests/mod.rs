//! Claims of the HotStuff paper and of DiemBFT v4, and bugs that others have shipped, as tests.
//!
//! `cluster` is a small world under one seed: delays, loss, slow disks, crashes.
//! A scheme of its own signs where many seeds run; `paper` and `traps` build
//! messages by hand.

mod arbitrary;
mod beside;
mod catch_up;
mod cluster;
mod craft;
mod epochs;
mod evidence;
mod executor;
mod liars;
mod live;
mod paper;
mod random;
mod traps;
