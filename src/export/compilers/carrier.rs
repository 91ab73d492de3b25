//! How a compiled file says what it is.

use std::{fs, path::Path};

use crate::{
    error::{Error, Result},
    export::{Model, OutputFile, folder, input_file},
};

/// Where the metadata go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carrier {
    /// Before the file: the length of their JSON in four bytes, the last first, then the JSON.
    Head,
    /// In a `metadata.yaml`, in the folder that has what was made: as a file, or as its own.
    Folder,
}

impl Carrier {
    /// Puts what was made at `place`, with what it should say of the model.
    ///
    /// # Errors
    /// If it can't be read or written.
    pub(super) fn carry(self, made: &Path, place: &Path, model: &Model<'_>) -> Result<()> {
        match self {
            Self::Folder => into_folder(made, place, model),
            Self::Head => {
                let bytes = with_head(&model.metadata_json().to_string(), &input_file::bytes(made)?)?;
                fs::write(place, bytes).map_err(|error| Error::io("write", place, error))
            }
        }
    }
}

fn with_head(json: &str, file: &[u8]) -> Result<Vec<u8>> {
    let length = i32::try_from(json.len())
        .map_err(|error| Error::new("the class names are too long").because(error))?;
    Ok([&length.to_le_bytes(), json.as_bytes(), file].concat())
}

fn into_folder(made: &Path, place: &Path, model: &Model<'_>) -> Result<()> {
    let is_folder = made.is_dir();
    let inside = place.join(made.file_name().unwrap_or_default());
    if !is_folder {
        fs::create_dir_all(place).map_err(|error| Error::io("make", place, error))?;
    }
    let to = if is_folder { place } else { &inside };
    fs::rename(made, to).map_err(|error| Error::io("move", made, error))?;
    let OutputFile { bytes, .. } = folder::metadata("", model);
    OutputFile { path: folder::METADATA.to_owned(), bytes }.write(place)
}
