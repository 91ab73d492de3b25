//! Places of a text that were looked for: each look reads the text again, so each is done once, and only so many.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::problem::DocPath;
use crate::{budget::Budget, yaml};

/// How many bytes are read again, at most: a thousand looks at a page or two, a few at a megabyte.
const BYTES: u64 = 16 << 20;

/// What was found. It belongs to one text, and is not part of what a source says.
#[derive(Debug)]
pub(super) struct Looks(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    found: BTreeMap<(DocPath, bool, usize), Option<Range<usize>>>,
    budget: Budget,
}

impl Looks {
    /// The bytes of a key or value; also none when too much was read already.
    pub(super) fn find(
        &self,
        text: &str,
        path: &DocPath,
        key: bool,
        occurrence: usize,
    ) -> Option<Range<usize>> {
        let mut seen = self.lock();
        let place = (path.clone(), key, occurrence);
        if let Some(found) = seen.found.get(&place) {
            return found.clone();
        }
        seen.budget.take(text.len() as u64 + 1).ok()?;
        let found = yaml::find(text, path, key, occurrence);
        seen.found.insert(place, found.clone());
        found
    }

    /// How many more places of the text can be looked for.
    pub(super) fn left(&self, text: &str) -> usize {
        usize::try_from(self.lock().budget.left() / (text.len() as u64 + 1)).unwrap_or(usize::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self(Mutex::new(Seen { found: BTreeMap::new(), budget: Budget::new(BYTES) }))
    }
}

impl Clone for Looks {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Looks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Looks {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_looked_for_once_and_large_texts_seldom() {
        let (looks, text) = (Looks::default(), format!("a: 1\nb: 2\n#{}", "x".repeat(1 << 20)));
        let before = looks.left(&text);
        assert!((2..100).contains(&before));
        for _ in 0..1_000 {
            assert_eq!(looks.find(&text, &["b"].into(), true, 0), Some(5..6));
        }
        assert_eq!(looks.left(&text), before - 1);
        let miss = |i: usize| looks.find(&text, &DocPath::default().join(i), false, 0);
        (0..1_000).for_each(|i| assert_eq!(miss(i), None));
        assert_eq!(looks.left(&text), 0);
        assert_eq!(looks.find(&text, &["b"].into(), true, 0), Some(5..6), "known places stay known");
    }
}
