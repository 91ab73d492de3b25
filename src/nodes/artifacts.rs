//! What nodes give to each other.

use crate::node::ArtifactType;

/// Labelled images: an index of a folder.
pub const DATASET: ArtifactType = ArtifactType { name: "dataset", phrase: "a dataset" };
/// A train and an eval chain.
pub const TRANSFORMS: ArtifactType = ArtifactType { name: "transforms", phrase: "transforms" };
/// A network without weights.
pub const ARCHITECTURE: ArtifactType = ArtifactType { name: "architecture", phrase: "a network to train" };
/// A network with weights, class names and preprocessing.
pub const MODEL: ArtifactType = ArtifactType { name: "model", phrase: "a model with weights" };
/// Numbers about a model on a dataset.
pub const METRICS: ArtifactType = ArtifactType { name: "metrics", phrase: "metrics" };
/// Classes for images.
pub const PREDICTIONS: ArtifactType = ArtifactType { name: "predictions", phrase: "predictions" };
/// A file for another program.
pub const EXPORT: ArtifactType = ArtifactType { name: "export", phrase: "an exported file" };
