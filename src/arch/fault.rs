//! What is wrong with a model YAML, and where: as data, for whoever shows it.

use crate::{
    suggest,
    yaml::path::{DocPath, Segment},
};

/// What kind of mistake it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A key that is not known there.
    UnknownKey,
    /// A key, or an argument, that must be there.
    Missing,
    /// A value of the wrong type.
    WrongType,
    /// A number, or a count of items, that is out of range.
    OutOfRange,
    /// A module that doesn't exist.
    UnknownModule,
    /// Something that the format knows and Kiln doesn't build.
    Unsupported,
    /// Rows that make no network: numbers that don't fit each other.
    Misfit,
}

/// One mistake in a model YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of mistake it is.
    pub kind: FaultKind,
    /// Where the wrong thing is; empty for the whole file.
    pub path: DocPath,
    /// Whether the last key of the path is wrong, and not its value.
    pub key: bool,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// What is wrong right there, or what was probably meant.
    pub label: String,
    /// What to do about the mistake, where something can be said.
    pub help: Option<String>,
}

impl Fault {
    /// A mistake in the value at `path`.
    pub fn new(kind: FaultKind, path: &[Segment], message: impl Into<String>) -> Self {
        Self {
            kind,
            path: DocPath(path.to_vec()),
            key: false,
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// The row that it is in, e.g. `backbone[3]: `; empty if it is in none.
    pub fn row(&self) -> String {
        match &self.path.0[..] {
            [key @ Segment::Key(_), row @ Segment::Item(_), ..] => {
                format!("{}: ", DocPath([key, row].map(Clone::clone).to_vec()))
            }
            _ => String::new(),
        }
    }

    /// Adds what is wrong right there.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds the word that was probably meant, if one of `known` is close; else `otherwise`.
    #[must_use]
    pub fn meant(self, word: &str, known: &[&str], otherwise: &str) -> Self {
        let near = suggest::closest(word, known.iter().copied());
        self.label(near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?")))
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same mistake, of the key and not of its value.
    #[must_use]
    pub fn of_key(mut self) -> Self {
        self.key = true;
        self
    }
}
