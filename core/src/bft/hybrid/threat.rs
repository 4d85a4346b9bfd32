//! How threatened does a replica feel?
//!
//! Signs of lies are counted for each authenticated peer: what comes on its
//! channel and does not hold. Nobody can raise another one's count. A count
//! leaks: one sign is forgotten after each so long, so that a bad link here and
//! there adds up to nothing, and no count is remembered beyond the window. The
//! level is that of the worst peer. A conviction is *critical* at once; terms in
//! a row in which nothing happens are *high*, whoever's fault they are.
//!
//! The way back is for the calm: a replica is calm once its level was below
//! *high* for the dwell time, counted from when the level falls by the clock and
//! not from when somebody looks. The dwell time doubles with each switch, so that
//! a liar that waits for the return gets fewer and fewer of them, up to a cap, so
//! that the way back is never closed.
//!
//! Signs and timing convict nobody: they say when to be careful, and are never
//! evidence. Integers alone, on the replica's own monotonic clock.

use serde::{Deserialize, Serialize};

use crate::types::{Mono, NodeId, Span};

/// How bad it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// One or two signs.
    Low,
    /// Three to five: no changes of members any more.
    Medium,
    /// Six and more, or nobody leads: time for BFT.
    High,
    /// Somebody has lied: it is proven.
    Critical,
}

/// Signs of one peer from which on a level holds.
const LOW_FROM: u64 = 1;
const MEDIUM_FROM: u64 = 3;
const HIGH_FROM: u64 = 6;

/// No more are counted: a flood is not remembered longer than the window.
const MOST: u64 = 10;

/// Terms in a row without the execution of what waits, from which on the level is high.
const FRUITLESS_TERMS: u32 = 2;

impl Level {
    /// The level of so many signs of one peer.
    #[must_use]
    pub fn of(signs: u64) -> Self {
        match signs {
            0 => Self::None,
            LOW_FROM..MEDIUM_FROM => Self::Low,
            MEDIUM_FROM..HIGH_FROM => Self::Medium,
            HIGH_FROM.. => Self::High,
        }
    }
}

/// How long it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Settings {
    /// A tenth of it after each sign one is forgotten; a conviction, and terms without a result, after all of it.
    pub window: Span,
    /// How long the level has to be below *high* before the first return; twice as long after each further switch.
    pub dwell: Span,
    /// What the dwell time grows to at the most.
    pub longest_dwell: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: Span::from_secs(60), dwell: Span::from_secs(120), longest_dwell: Span::from_secs(4 * 3_600) }
    }
}

impl Settings {
    /// The dwell time after so many returns. `grows`: the rule `hybrid.dwell-doubles`.
    #[must_use]
    pub fn dwell_after(&self, returns: u64, grows: bool) -> Span {
        let doublings = if grows { returns.min(32) } else { 0 };
        Span(self.dwell.0.saturating_mul(1 << doublings).min(self.longest_dwell.0.max(self.dwell.0)))
    }

    fn leak(&self) -> u64 {
        (self.window.0 / MOST).max(1)
    }
}

/// What is remembered of one peer: how many signs there were at some time.
#[derive(Clone, Copy, Debug)]
struct Count {
    peer: NodeId,
    signs: u64,
    /// Up to when the leak is counted.
    since: Mono,
}

impl Count {
    /// The count as it is now.
    fn at(self, now: Mono, settings: &Settings) -> Self {
        let leaked = (now - self.since).0 / settings.leak();
        if leaked >= self.signs {
            return Self { signs: 0, since: now, ..self };
        }
        Self { signs: self.signs - leaked, since: self.since + Span(leaked * settings.leak()), ..self }
    }
}

/// Signs of lies at one replica, since it started.
#[derive(Clone, Debug)]
pub struct Monitor {
    settings: Settings,
    counts: Vec<Count>,
    /// The last conviction, and the last time that terms in a row were fruitless.
    convicted: Option<Mono>,
    fruitless: Option<Mono>,
}

impl Monitor {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, counts: Vec::new(), convicted: None, fruitless: None }
    }

    /// A signature did not hold on this authenticated peer's channel, or what it said has no sense.
    pub fn suspect(&mut self, peer: NodeId, now: Mono) {
        let settings = self.settings;
        match self.counts.iter_mut().find(|count| count.peer == peer) {
            Some(count) => {
                *count = count.at(now, &settings);
                count.signs = (count.signs + 1).min(MOST);
            }
            None => self.counts.push(Count { peer, signs: 1, since: now }),
        }
    }

    /// Evidence has convicted somebody.
    pub fn convict(&mut self, now: Mono) {
        self.convicted = Some(now);
    }

    /// So many terms in a row have not executed the oldest request that waits.
    pub fn terms_without_result(&mut self, terms: u32, now: Mono) {
        if terms >= FRUITLESS_TERMS {
            self.fruitless = Some(now);
        }
    }

    /// The signs that are remembered, by peer; nothing of peers without any.
    pub fn signs(&self, now: Mono) -> impl Iterator<Item = (NodeId, u64)> {
        let counts = self.counts.iter().map(move |count| (count.peer, count.at(now, &self.settings).signs));
        counts.filter(|(_, signs)| *signs > 0)
    }

    /// The level of one peer's signs.
    #[must_use]
    pub fn level_of(&self, peer: NodeId, now: Mono) -> Level {
        let count = self.counts.iter().find(|count| count.peer == peer);
        count.map_or(Level::None, |count| Level::of(count.at(now, &self.settings).signs))
    }

    /// From when on the level is below *high* where no more signs come; `None` where it never was that high, as far
    /// as is remembered.
    #[must_use]
    pub fn calm_from(&self) -> Option<Mono> {
        let (window, leak) = (self.settings.window, self.settings.leak());
        let lasts = [self.convicted, self.fruitless].into_iter().flatten().map(|since| since + window);
        let high = self.counts.iter().filter(|count| count.signs >= HIGH_FROM);
        lasts.chain(high.map(|count| count.since + Span((count.signs + 1 - HIGH_FROM) * leak))).max()
    }

    /// The replica's own level.
    #[must_use]
    pub fn level(&self, now: Mono) -> Level {
        let lasts = |since: Option<Mono>| since.is_some_and(|since| now - since < self.settings.window);
        if lasts(self.convicted) {
            return Level::Critical;
        }
        let worst = self.counts.iter().map(|count| Level::of(count.at(now, &self.settings).signs)).max();
        let fruitless = if lasts(self.fruitless) { Level::High } else { Level::None };
        worst.unwrap_or_default().max(fruitless)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Settings = Settings { window: Span(1_000), dwell: Span(300), longest_dwell: Span(1_000) };

    fn after(signs: u64) -> Monitor {
        let mut monitor = Monitor::new(WINDOW);
        (0..signs).for_each(|_| monitor.suspect(NodeId(2), Mono(0)));
        monitor
    }

    /// MISSION: low (1–2 signature failures), medium (3–5), high (6–10), critical (tampering or equivocation).
    #[test]
    fn the_levels_are_those_of_the_mission() {
        let levels: Vec<Level> = (0..=12).map(|signs| after(signs).level(Mono(0))).collect();
        let mut expected = vec![Level::None, Level::Low, Level::Low, Level::Medium, Level::Medium, Level::Medium];
        expected.resize(13, Level::High);
        assert_eq!(levels, expected);
        let mut monitor = after(1);
        monitor.convict(Mono(0));
        assert_eq!((monitor.level(Mono(999)), monitor.level(Mono(1_000))), (Level::Critical, Level::None));
    }

    #[test]
    fn one_sign_is_forgotten_after_each_tenth_of_the_window_and_a_flood_within_all_of_it() {
        let monitor = after(6);
        let levels = [99, 100, 399, 400, 599, 600].map(|at| monitor.level(Mono(at)));
        use Level::{High, Low, Medium, None};
        assert_eq!(levels, [High, Medium, Medium, Low, Low, None]);
        assert_eq!(after(1_000_000).level(Mono(1_000)), None);
        let mut slow = Monitor::new(WINDOW);
        (0..1_000).for_each(|at| slow.suspect(NodeId(2), Mono(at * 100)));
        assert_eq!(slow.level(Mono(99_900)), Low, "one in a tenth of the window is forgotten as fast as it comes");
    }

    #[test]
    fn signs_are_counted_for_each_peer_by_itself() {
        let mut monitor = after(2);
        (0..2).for_each(|_| monitor.suspect(NodeId(3), Mono(0)));
        assert_eq!(monitor.level(Mono(0)), Level::Low);
        let of = [2, 3, 4].map(|peer| monitor.level_of(NodeId(peer), Mono(0)));
        assert_eq!(of, [Level::Low, Level::Low, Level::None]);
        assert_eq!(monitor.signs(Mono(0)).collect::<Vec<_>>(), [(NodeId(2), 2), (NodeId(3), 2)]);
        assert_eq!(monitor.signs(Mono(1_000)).next(), None, "what is forgotten is not shown");
    }

    /// PROTOCOLS, "Hybrid", 2: "two such terms in a row are threat high".
    #[test]
    fn two_terms_in_a_row_without_a_result_are_high() {
        let mut monitor = Monitor::new(WINDOW);
        monitor.terms_without_result(1, Mono(0));
        assert_eq!(monitor.level(Mono(0)), Level::None);
        monitor.terms_without_result(2, Mono(0));
        assert_eq!((monitor.level(Mono(0)), monitor.level(Mono(1_000))), (Level::High, Level::None));
    }

    #[test]
    fn calm_begins_when_the_level_falls_below_high_whoever_looks_when() {
        let mut monitor = Monitor::new(WINDOW);
        assert_eq!(monitor.calm_from(), None);
        (0..8).for_each(|_| monitor.suspect(NodeId(2), Mono(50)));
        let calm = monitor.calm_from().expect("it was high");
        assert_eq!((monitor.level(Mono(calm.0 - 1)), monitor.level(calm)), (Level::High, Level::Medium));
        monitor.convict(Mono(70));
        assert_eq!(monitor.calm_from(), Some(Mono(1_070)));
    }

    /// PROTOCOLS, "Hybrid", 5: "a dwell time that doubles with each switch".
    #[test]
    fn the_dwell_time_doubles_with_each_switch_up_to_a_cap() {
        let of = |grows| [0, 1, 2, 60].map(|returns| WINDOW.dwell_after(returns, grows).0);
        assert_eq!(of(true), [300, 600, 1_000, 1_000]);
        assert_eq!(of(false), [300; 4], "without the rule a liar gets a switch each time as soon as the first");
    }
}
