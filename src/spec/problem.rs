//! A mistake in a pipeline file: what is wrong, where, why, and what was probably meant.

use std::{borrow::Cow, sync::Arc};

use super::{Source, codes, fix::Fix};
use crate::shown;
pub use crate::yaml::path::{DocPath, Segment};

/// What a problem points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The key at a path.
    Key(DocPath),
    /// The value at a path.
    Value(DocPath),
    /// Bytes `start..end` of the text.
    Bytes(usize, usize),
    /// A place in another text than the pipeline file's own.
    In(Arc<Source>, Box<Place>),
}

impl Place {
    /// The same place, with its path seen from `base`; one of another text stays as it is.
    #[must_use]
    pub fn under(&self, base: &DocPath) -> Self {
        match self {
            Self::Key(path) => Self::Key(base.under(path)),
            Self::Value(path) => Self::Value(base.under(path)),
            Self::Bytes(..) | Self::In(..) => self.clone(),
        }
    }

    /// The text that it is in, if `pipeline` is the file's own.
    pub fn source<'a>(&'a self, pipeline: &'a Source) -> &'a Source {
        match self {
            Self::In(other, _) => other,
            _ => pipeline,
        }
    }

    /// The same place, in `file`.
    fn within(self, file: &Arc<Source>) -> Self {
        match self {
            Self::In(..) => self,
            place => Self::In(Arc::clone(file), Box::new(place)),
        }
    }
}

/// One mistake. Its words are one line each, but for the help, with what can't be seen escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// E.g. `E0102`; `kiln explain E0102` tells more.
    pub code: &'static str,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// The key, value or bytes that are wrong: what the caret points at.
    pub at: Place,
    /// What stands under the caret: what was probably meant, or what is wrong here.
    pub label: String,
    /// Other places that are the reason, each with its label.
    pub related: Vec<(Place, String)>,
    /// How to mend it, in one or more lines, where something can be said.
    pub help: Option<String>,
    /// What mends it, where only one thing can have been meant.
    pub fix: Option<Fix>,
}

impl Problem {
    /// A problem with a code, a place and a sentence.
    pub fn new(code: &'static str, at: Place, message: impl Into<String>) -> Self {
        let (label, related) = (String::new(), Vec::new());
        let message = line(message.into());
        Self { code, message, at, label, related, help: None, fix: None }
    }

    /// A rule of a kind's own that its keys break.
    pub fn rule(at: Place, message: impl Into<String>) -> Self {
        Self::new(codes::RULE, at, message)
    }

    /// Adds what stands under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = line(label.into());
        self
    }

    /// Adds a place that is the reason.
    #[must_use]
    pub fn related(mut self, at: Place, label: impl Into<String>) -> Self {
        self.related.push((at, line(label.into())));
        self
    }

    /// Adds a line to what there is to do.
    #[must_use]
    pub(super) fn more_help(self, more: &str) -> Self {
        match self.help.clone() {
            Some(help) => self.help(format!("{help}\n{more}")),
            None => self.help(more),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        let lines: Vec<_> = help.into().lines().map(|help| line(help.to_owned())).collect();
        self.help = Some(lines.join("\n"));
        self
    }

    /// Adds what mends it, if anything does without a choice.
    #[must_use]
    pub fn fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    /// The same problem, its places in a file beside the pipeline.
    #[must_use]
    pub fn within(self, file: &Arc<Source>) -> Self {
        self.map_places(|place| place.within(file))
    }

    /// The text that its first place is in, if `pipeline` is what was read.
    pub fn source<'a>(&'a self, pipeline: &'a Source) -> &'a Source {
        self.at.source(pipeline)
    }

    /// The same problem, with its places seen from `base`.
    #[must_use]
    pub fn under(self, base: &DocPath) -> Self {
        self.map_places(|place| place.under(base))
    }

    /// The same problem, all that is said as `to` gives it.
    pub(super) fn map_words(mut self, to: &impl Fn(&str) -> String) -> Self {
        self.message = to(&self.message);
        self.label = to(&self.label);
        self.related.iter_mut().for_each(|(_, label)| *label = to(label));
        self.help = self.help.map(|help| to(&help));
        self
    }

    /// The same problem, each place as `to` gives it.
    pub(super) fn map_places(mut self, to: impl Fn(Place) -> Place) -> Self {
        self.at = to(self.at);
        self.related = self.related.into_iter().map(|(place, label)| (to(place), label)).collect();
        self.fix = self.fix.map(|fix| fix.map_place(&to));
        self
    }
}

/// A text on one line, as it may be shown.
fn line(text: String) -> String {
    match shown::text(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_a_file_stay_on_their_line() {
        let problem = Problem::new(codes::RULE, Place::Bytes(0, 0), "unknown key `a\u{1b}[31m\nb`")
            .label("\u{a0}")
            .help("one\ntwo\u{7}");
        assert_eq!(problem.message, "unknown key `a\\u{1b}[31m\\nb`");
        assert_eq!(problem.label, "\\u{a0}");
        assert_eq!(problem.help.unwrap(), "one\ntwo\\u{7}");
    }
}
