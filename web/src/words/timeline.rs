//! What does the timeline say?

/// The timeline.
pub mod time {
    /// Play.
    pub const PLAY: &str = "Play";
    /// Pause.
    pub const PAUSE: &str = "Pause";
    /// One event forward.
    pub const FORWARD: &str = "One event forward";
    /// One event back.
    pub const BACK: &str = "One event back";
    /// To the next mark.
    pub const NEXT: &str = "To the next mark";
    /// To the mark before.
    pub const PREVIOUS: &str = "To the mark before";
    /// Speed.
    pub const SPEED: &str = "Speed";
    /// The fastest speed.
    pub const FASTEST: &str = "max";
    /// The cursor.
    pub const CURSOR: &str = "Time";
    /// A wider window.
    pub const WIDER: &str = "Show more time";
    /// A narrower window.
    pub const NARROWER: &str = "Show less time";
    /// Follow the live cluster again.
    pub const FOLLOW: &str = "Follow live";
}

/// The timeline's texts.
pub mod marks {
    use quorumscope_core::types::Term;
    use quorumscope_lab::trace::face;
    use quorumscope_lab::trace::timeline::TermBand;

    /// The cursor's time.
    #[must_use]
    pub fn clock(micros: f64) -> String {
        if micros < 10_000_000.0 {
            format!("{:.1} ms", micros / 1_000.0)
        } else {
            format!("{:.3} s", micros / 1_000_000.0)
        }
    }

    /// Where the cursor is among the records.
    #[must_use]
    pub fn position(position: u64, records: u64) -> String {
        format!("record {position} of {records}")
    }

    /// A band.
    #[must_use]
    pub fn band(era: &str, band: &TermBand) -> String {
        format!("{} · {} leads", face::term(era, band.epoch, band.term), band.leader)
    }

    /// A narrow band.
    #[must_use]
    pub fn short_band(term: Term) -> String {
        term.within_instance().0.to_string()
    }

    /// A speed.
    #[must_use]
    pub fn speed(name: &str, fastest: bool) -> String {
        if fastest { super::time::FASTEST.into() } else { format!("{name} ×") }
    }
}
