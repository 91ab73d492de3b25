//! A mistake in a pipeline file: what is wrong, where, why, and what was probably meant.

use std::{fmt, sync::Arc};

use super::{Source, codes};

/// A step of a [`DocPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// An item of a sequence, from 0.
    Item(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

/// A place in a document, e.g. `nodes.fit.epochs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocPath(pub Vec<Segment>);

impl DocPath {
    /// This path, one step further.
    #[must_use]
    pub fn join(&self, segment: impl Into<Segment>) -> Self {
        let mut path = self.clone();
        path.0.push(segment.into());
        path
    }

    /// The last key on the way, e.g. `train` of `nodes.prep.train[2]`; empty for the whole document.
    pub fn last_key(&self) -> &str {
        let keys = self.0.iter().rev().filter_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Item(_) => None,
        });
        keys.into_iter().next().unwrap_or_default()
    }

    /// The path of what contains this; the whole document contains itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// `other`, seen from this path.
    #[must_use]
    pub fn under(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }
}

impl<S: Into<Segment>, const N: usize> From<[S; N]> for DocPath {
    fn from(segments: [S; N]) -> Self {
        Self(segments.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for DocPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if i == 0 => write!(f, "{key}")?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// What a problem points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The key at a path.
    Key(DocPath),
    /// The value at a path.
    Value(DocPath),
    /// Bytes `start..end` of the text.
    Bytes(usize, usize),
}

impl Place {
    /// The same place, with its path seen from `base`.
    #[must_use]
    pub fn under(&self, base: &DocPath) -> Self {
        match self {
            Self::Key(path) => Self::Key(base.under(path)),
            Self::Value(path) => Self::Value(base.under(path)),
            Self::Bytes(start, end) => Self::Bytes(*start, *end),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// E.g. `E0102`; `kiln explain E0102` tells more.
    pub code: &'static str,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// The wrong thing.
    pub at: Place,
    /// What stands under the caret: what was probably meant, or what is wrong here.
    pub label: String,
    /// Other places that are the reason, each with its label.
    pub related: Vec<(Place, String)>,
    /// What to do.
    pub help: Option<String>,
    /// The file that its places are in, where that is another than the pipeline.
    pub file: Option<Arc<Source>>,
}

impl Problem {
    /// A problem with a code, a place and a sentence.
    pub fn new(code: &'static str, at: Place, message: impl Into<String>) -> Self {
        let (label, related) = (String::new(), Vec::new());
        Self { code, message: message.into(), at, label, related, help: None, file: None }
    }

    /// A rule of a kind's own that its keys break.
    pub fn rule(at: Place, message: impl Into<String>) -> Self {
        Self::new(codes::RULE, at, message)
    }

    /// Adds what stands under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a place that is the reason.
    #[must_use]
    pub fn related(mut self, at: Place, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem, its places in a file beside the pipeline.
    #[must_use]
    pub fn within(mut self, file: &Arc<Source>) -> Self {
        self.file = Some(Arc::clone(file));
        self
    }

    /// The file that its places are in, if `pipeline` is what was read.
    pub fn source<'a>(&'a self, pipeline: &'a Source) -> &'a Source {
        self.file.as_deref().unwrap_or(pipeline)
    }

    /// The same problem, with its places seen from `base`.
    #[must_use]
    pub fn under(mut self, base: &DocPath) -> Self {
        self.at = self.at.under(base);
        for (place, _) in &mut self.related {
            *place = place.under(base);
        }
        self
    }
}
