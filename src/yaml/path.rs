//! Places in a document.

use std::fmt;

use serde_json::Value;

/// A step of a [`DocPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// An item of a sequence, from 0.
    Item(usize),
}

impl Segment {
    /// What stands there in `value`.
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Key(key) => value.as_object()?.get(key),
            Self::Item(item) => value.as_array()?.get(*item),
        }
    }

    /// What stands there in `value`, to be changed.
    pub fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match self {
            Self::Key(key) => value.as_object_mut()?.get_mut(key),
            Self::Item(item) => value.as_array_mut()?.get_mut(*item),
        }
    }
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

    /// What stands at this path in `value`.
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, segment| segment.of(value))
    }

    /// What stands at this path in `value`, to be changed.
    pub fn of_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        self.0.iter().try_fold(value, |value, segment| segment.of_mut(value))
    }

    /// The way from `base`, which it begins with, to here.
    #[must_use]
    pub fn seen_from(&self, base: &Self) -> Self {
        Self(self.0[base.0.len().min(self.0.len())..].to_vec())
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
