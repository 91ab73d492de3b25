//! What the keys of a kind are to the recipe, in one table for each kind.

use serde::Serialize;

/// What a node gives to those that refer to it. The types there are stand in `nodes/`, beside the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "&'static str")]
pub struct ArtifactType {
    /// As in records, e.g. `dataset`.
    pub name: &'static str,
    /// With its article, for a sentence: `a dataset`, `a network to train`.
    pub phrase: &'static str,
}

impl From<ArtifactType> for &'static str {
    fn from(artifact: ArtifactType) -> Self {
        artifact.name
    }
}

/// What a key of a kind is to the recipe. A key without a role is a parameter: it enters the recipe as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// The name of a node that gives one of these. Counts by the digest of what that node gives.
    Input(&'static [ArtifactType]),
    /// An [`KeyRole::Input`] that may be left out.
    OptionalInput(&'static [ArtifactType]),
    /// An [`KeyRole::Input`] that may be left out because another node tells: `from: "model"` means the node at
    /// the same key of this node's `model`. The plan sees to it that there is one.
    InheritedInput {
        /// What the node may give.
        accepts: &'static [ArtifactType],
        /// The key of the node that tells.
        from: &'static str,
    },
    /// A path, or an address, whose text stays out of the recipe where [`super::Node::sources`] says that the
    /// files there count, or [`super::Node::pinned`] that another key has their digest.
    Source,
    /// Changes how the work is done but not its result; stays out of the recipe.
    Runtime,
}

impl KeyRole {
    /// What a node may give that the key refers to; none if it refers to no node.
    pub fn accepts(self) -> Option<&'static [ArtifactType]> {
        match self {
            Self::Input(accepts) | Self::OptionalInput(accepts) | Self::InheritedInput { accepts, .. } => {
                Some(accepts)
            }
            Self::Source | Self::Runtime => None,
        }
    }
}
