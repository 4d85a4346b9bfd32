//! How is a TOML document taken apart so that every error can name its line?
//!
//! A thin layer over the parsed tree: a table knows what it is called in words
//! and which keys it may have; each value knows its place in the text.

use core::ops::Range;

use quorumscope_core::types::Span;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ScenarioError, unknown};
use super::units;

/// A value with its place.
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

/// The text that is read.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// All of it.
    pub(crate) text: &'a str,
}

/// A table and what it is called in words.
#[derive(Clone)]
pub(crate) struct Table<'a, 'd> {
    /// The text that it stands in.
    pub(crate) source: Source<'a>,
    /// As in "unknown key in …".
    pub(crate) what: &'static str,
    place: Range<usize>,
    table: &'d DeTable<'a>,
}

impl<'a> Source<'a> {
    /// An error at a place.
    pub(crate) fn error(self, place: &Range<usize>, message: impl Into<String>) -> ScenarioError {
        ScenarioError::at(self.text, place, message)
    }

    /// A table whose keys are all known.
    pub(crate) fn table<'d>(
        self,
        what: &'static str,
        value: &'d Value<'a>,
        keys: &[&str],
    ) -> Result<Table<'a, 'd>, ScenarioError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(self.expected(value, &format!("{what} as a table")));
        };
        Table { source: self, what, place: value.span(), table }.check(keys)
    }

    /// "expected …, found …".
    pub(crate) fn expected(self, value: &Value<'_>, what: &str) -> ScenarioError {
        self.error(&value.span(), format!("expected {what}, found {}", value.get_ref().type_str()))
    }

    /// A text.
    pub(crate) fn string(self, value: &Value<'_>) -> Result<String, ScenarioError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.expected(value, "a text in quotes")),
        }
    }

    /// Texts in quotes, one at least.
    pub(crate) fn strings(self, value: &Value<'_>) -> Result<Vec<String>, ScenarioError> {
        match value.get_ref() {
            DeValue::Array(all) if !all.is_empty() => all.iter().map(|one| self.string(one)).collect(),
            _ => Err(self.expected(value, "texts in quotes, as [\"x\", \"y\"]")),
        }
    }

    /// True or false.
    pub(crate) fn boolean(self, value: &Value<'_>) -> Result<bool, ScenarioError> {
        match value.get_ref() {
            DeValue::Boolean(answer) => Ok(*answer),
            _ => Err(self.expected(value, "true or false")),
        }
    }

    /// The word `true`; false would mean that nothing is said.
    pub(crate) fn only_true(self, value: &Value<'_>) -> Result<(), ScenarioError> {
        match self.boolean(value)? {
            true => Ok(()),
            false => Err(self.error(&value.span(), "only true has a meaning here; leave the line out instead")),
        }
    }

    /// A whole number.
    pub(crate) fn integer(self, value: &Value<'_>, most: u64) -> Result<u64, ScenarioError> {
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.expected(value, "a whole number"));
        };
        match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if number <= most => Ok(number),
            _ => Err(self.error(&value.span(), format!("expected a whole number from 0 to {most}"))),
        }
    }

    /// A whole number that fits 32 bits.
    pub(crate) fn small(self, value: &Value<'_>) -> Result<u32, ScenarioError> {
        let number = self.integer(value, u64::from(u32::MAX))?;
        u32::try_from(number).map_err(|_| self.expected(value, "a smaller number"))
    }

    /// A duration.
    pub(crate) fn span(self, value: &Value<'_>) -> Result<Span, ScenarioError> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.expected(value, "a duration as \"150ms\""));
        };
        units::read_span(text).map_err(|message| self.error(&value.span(), message))
    }

    /// A range of durations, or one duration for both ends.
    pub(crate) fn range(self, value: &Value<'_>) -> Result<(Span, Span), ScenarioError> {
        let (low, high) = match value.get_ref() {
            DeValue::String(_) => (self.span(value)?, self.span(value)?),
            DeValue::Array(ends) if ends.len() == 2 => (self.span(&ends[0])?, self.span(&ends[1])?),
            _ => return Err(self.expected(value, "two durations as [\"5ms\", \"15ms\"]")),
        };
        if low > high {
            return Err(self.error(&value.span(), "the shortest duration of a range stands first"));
        }
        Ok((low, high))
    }

    /// A rate in parts per million.
    pub(crate) fn rate(self, value: &Value<'_>) -> Result<u32, ScenarioError> {
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(self.expected(value, "a rate as 0.05")),
        };
        units::read_ppm(text).map_err(|message| self.error(&value.span(), message))
    }

    /// A rate that is a chance: at most 1.
    pub(crate) fn chance(self, value: &Value<'_>) -> Result<u32, ScenarioError> {
        match self.rate(value)? {
            ppm if ppm <= 1_000_000 => Ok(ppm),
            _ => Err(self.error(&value.span(), "a chance is at most 1")),
        }
    }

    /// One of a closed list of names.
    pub(crate) fn one_of<T: Copy>(
        self,
        what: &str,
        value: &Value<'_>,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, ScenarioError> {
        let word = self.string(value)?;
        all.iter().copied().find(|choice| name(*choice) == word).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|choice| name(*choice)).collect();
            self.error(&value.span(), unknown(what, &word, known))
        })
    }
}

impl<'a, 'd> Table<'a, 'd> {
    /// The whole document.
    pub(crate) fn document(source: Source<'a>, table: &'d DeTable<'a>, keys: &[&str]) -> Result<Self, ScenarioError> {
        Self { source, what: "a scenario", place: 0..0, table }.check(keys)
    }

    fn check(self, keys: &[&str]) -> Result<Self, ScenarioError> {
        for (key, _) in self.table {
            let word: &str = key.get_ref();
            if !keys.contains(&word) {
                let message = unknown("key", word, keys.iter().copied());
                return Err(self.source.error(&key.span(), format!("{message} (in {})", self.what)));
            }
        }
        Ok(self)
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'d Value<'a>> {
        self.table.get(key)
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &str) -> Result<&'d Value<'a>, ScenarioError> {
        self.get(key).ok_or_else(|| self.error(format!("{} needs \"{key}\"", self.what)))
    }

    /// Where a key stands in the text; the table's place where it is left out.
    pub(crate) fn place_of(&self, key: &str) -> Range<usize> {
        self.iter().find(|(name, ..)| *name == key).map_or_else(|| self.place.clone(), |(_, place, _)| place)
    }

    /// An error at the table's place.
    pub(crate) fn error(&self, message: impl Into<String>) -> ScenarioError {
        self.source.error(&self.place, message)
    }

    /// The value of a key, read, or what stands for it where it is left out.
    pub(crate) fn read<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(Source<'a>, &'d Value<'a>) -> Result<T, ScenarioError>,
    ) -> Result<T, ScenarioError> {
        self.get(key).map_or(Ok(default), |value| read(self.source, value))
    }

    /// The keys among `choices` that are there.
    pub(crate) fn present<'k>(&self, choices: &[&'k str]) -> Vec<&'k str> {
        choices.iter().copied().filter(|key| self.table.contains_key(*key)).collect()
    }

    /// All keys with their places and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'d str, Range<usize>, &'d Value<'a>)> + use<'a, 'd> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    /// The elements of a list of tables; none where the key is left out.
    pub(crate) fn list(&self, key: &str) -> Result<&'d [Value<'a>], ScenarioError> {
        match self.get(key).map(|value| (value, value.get_ref())) {
            None => Ok(&[]),
            Some((_, DeValue::Array(values))) => Ok(values),
            Some((value, _)) => Err(self.source.expected(value, &format!("a list, written as [[{key}]]"))),
        }
    }
}
