//! What Kiln must know about a model beside its numbers, as JSON inside the file.
//!
//! An object: `format` (1), and `arch`, `arch_name`, `names`, `size`, `transforms`, `training` where
//! known. Other programs skip it and read the arrays.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ModelFile, Weights, json};
use crate::error::{Error, Result};

/// The name under which it stands in the file.
pub(super) const KEY: &str = "kiln";
/// The version of what stands there.
const FORMAT: u32 = 1;

/// What stands under [`KEY`].
#[derive(Serialize, Deserialize)]
pub(super) struct Description {
    format: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transforms: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training: Option<Value>,
}

impl Description {
    /// The JSON for `model`.
    pub(super) fn text_of(model: &ModelFile) -> String {
        let ModelFile { arch, arch_name, names, size, transforms, training, .. } = model.clone();
        let description = Self { format: FORMAT, arch_name, arch, names, size, transforms, training };
        serde_json::to_string(&description).expect("strings and JSON are plain data")
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// If it is not what Kiln writes, or what a newer one does.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |error| Error::new(format!("its `{KEY}` metadata is wrong: {error}"));
        let value: Value = json::parse(text).map_err(wrong)?;
        let format = value.get("format").and_then(Value::as_u64);
        if format.is_some_and(|format| format > u64::from(FORMAT)) {
            return Err(
                Error::new("it was written by a newer Kiln").help("read it with a version at least as new")
            );
        }
        serde_json::from_value(value).map_err(wrong)
    }

    /// The model of these weights.
    pub(super) fn with(self, weights: Weights) -> ModelFile {
        let Self { format: _, arch_name, arch, names, size, transforms, training } = self;
        ModelFile { arch, arch_name, names, size, transforms, training, weights, remark: None }
    }
}
