//! How does a scenario say what is wrong with it?
//!
//! One clear line: where, what, and the nearest name that would have been right.

use core::fmt;
use core::ops::Range;

/// A scenario that cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The line of the document, from 1, where the error has a place.
    pub line: Option<u32>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl ScenarioError {
    /// An error without a place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: one_line(&message.into()) }
    }

    /// An error at a place in the text.
    pub(crate) fn at(text: &str, place: &Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..place.start.min(text.len())).unwrap_or(text);
        let line = u32::try_from(before.bytes().filter(|byte| *byte == b'\n').count() + 1).ok();
        Self { line, message: one_line(&message.into()) }
    }

    /// The error as `file:line: message`.
    #[must_use]
    pub fn in_file(&self, file: &str) -> String {
        match self.line {
            Some(line) => format!("{file}:{line}: {}", self.message),
            None => format!("{file}: {}", self.message),
        }
    }
}

fn one_line(message: &str) -> String {
    message.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The known name that a misspelled one most likely means.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            // Half a name that is right says more than as many letters that happen to agree.
            (!lower.starts_with(&word), strsim::damerau_levenshtein(&word, &lower), name)
        })
        .filter(|(differs, distance, name)| !differs || *distance <= name.len().max(word.len()) / 2)
        .min()
        .map(|(.., name)| name)
}

/// "unknown …; did you mean …?", or the list of what there is.
#[must_use]
pub fn unknown<'a>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(name) => format!("unknown {what} \"{word}\"; did you mean \"{name}\"?"),
        None => {
            let known: Vec<&str> = known.into_iter().collect();
            format!("unknown {what} \"{word}\"; known: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_nonsense_is_near_nothing() {
        assert_eq!(nearest("partion", ["partition", "heal", "propose"]), Some("partition"));
        assert_eq!(nearest("Leader", ["leader", "followers"]), Some("leader"));
        assert_eq!(nearest("xyzzyxyzzy", ["heal"]), None);
    }

    #[test]
    fn an_error_is_one_line_that_names_its_place() {
        let error = ScenarioError::at("a\nb\nc", &(4..5), "first\n\n second");
        assert_eq!(error.to_string(), "line 3: first; second");
        assert_eq!(error.in_file("x.toml"), "x.toml:3: first; second");
    }
}
