//! Which images of a dataset came, went, or are others than before, by name.

use std::{collections::BTreeMap, fs, path::Path};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    data::{Index, Split},
    nodes::artifacts::DATASET,
    plan::Step,
    progress::Stop,
    run::SourceSnapshot,
    shown,
    store::{Artifact, Store},
};

/// Digests of images by their paths in the dataset.
pub(super) type Images = BTreeMap<String, String>;

/// In what the images of a dataset are not those of before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ChangedImages {
    /// Those that are new.
    pub(super) came: Vec<String>,
    /// Those that are no longer there.
    pub(super) went: Vec<String>,
    /// Those whose content is another one.
    pub(super) changed: Vec<String>,
}

/// The images that a dataset node's result names; none if it is the result of another kind of node.
pub(super) fn images(artifact: &Artifact) -> Option<Images> {
    let bytes = fs::read(artifact.path("index.json").ok()?).ok()?;
    let index: Index = serde_json::from_slice(&bytes).ok()?;
    let samples = Split::ALL.into_iter().flat_map(|split| index.split(split));
    Some(samples.map(|sample| (sample.location.name().to_owned(), sample.digest.clone())).collect())
}

/// The images that lie now where a step of a plan looks for them; none if it looks for none.
pub(super) fn images_now(step: &Step, base: &Path, store: &Store) -> Option<Images> {
    if step.node.output() != DATASET {
        return None;
    }
    let snapshot = SourceSnapshot::take(step.node.as_ref(), base, store.files(), &Stop::default()).ok()?;
    let files = snapshot.files.values().flat_map(|source| source.files.iter());
    Some(files.map(|file| (file.name.clone(), file.digest.to_string())).collect())
}

impl ChangedImages {
    /// What became of the images `before`.
    pub(super) fn between(before: &Images, after: &Images) -> Self {
        let other = |name: &&String| before.get(*name).is_some_and(|digest| *digest != after[*name]);
        Self {
            came: after.keys().filter(|name| !before.contains_key(*name)).cloned().collect(),
            went: before.keys().filter(|name| !after.contains_key(*name)).cloned().collect(),
            changed: after.keys().filter(other).cloned().collect(),
        }
    }

    /// Whether the images are the same.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A line for each of the three that there is: `2 images came: train/7/a.png, train/7/b.png`.
    pub(super) fn lines(&self) -> Vec<String> {
        let all = [(&self.came, "came"), (&self.went, "went"), (&self.changed, "changed")];
        let some = all.into_iter().filter(|(names, _)| !names.is_empty());
        some.map(|(names, verb)| {
            format!("{} {verb}: {}", shown::count(names.len(), "image"), shown::few(names))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_go_and_change() {
        let images = |all: &[(&str, &str)]| -> Images {
            all.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
        };
        let before = images(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = images(&[("b", "2"), ("c", "4"), ("d", "1"), ("e", "1")]);
        let changed = ChangedImages::between(&before, &after);
        assert_eq!(changed.lines(), ["2 images came: d, e", "1 image went: a", "1 image changed: c"]);
        assert!(ChangedImages::between(&before, &before).is_empty());
    }
}
