//! The file that a model becomes in a format.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    device_name::DeviceName,
    error::{Error, Result},
    export::{Content, Format, Options},
    nodes::{export::write_network, exported},
    weights::{self, ModelFile},
};

/// A model, and the format that it is written in, with the format's own choices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    /// The model's file.
    pub model: PathBuf,
    /// The format.
    pub format: &'static Format,
    /// Side of the square images that the file is for, in pixels; the model's own unless given.
    pub size: Option<usize>,
    /// The folder that the file is written into.
    pub folder: PathBuf,
}

impl Written {
    /// Where the file lies then; a folder where the format has several files.
    pub fn file(&self) -> PathBuf {
        self.folder.join(self.format.file)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If the model can't be read or is an exported network itself, the format can't express it, or the file can't be
    /// written.
    pub fn write(&self) -> Result<()> {
        match &self.format.content {
            Content::Weights(bytes_of) => self.weights(*bytes_of),
            Content::Network(network) => {
                let model = exported::open(&self.model, DeviceName::Cpu)?.at_size(self.size)?;
                write_network(network, Options::default(), &model, &self.folder)
            }
            Content::Compiled(_) => {
                let made = format!("Kiln can't run {}, which another program makes", self.format.file);
                Err(Error::new(made).help("its own programs measure it"))
            }
        }
    }

    fn weights(&self, bytes_of: fn(&ModelFile) -> Result<Vec<u8>>) -> Result<()> {
        let mut model = weights::read(&self.model)?;
        model.size = self.size.or(model.size);
        let bytes = bytes_of(&model)?;
        let wrong = |what, path: &Path, error| Error::io(what, path, error);
        fs::create_dir_all(&self.folder).map_err(|error| wrong("create", &self.folder, error))?;
        fs::write(self.file(), bytes).map_err(|error| wrong("write", &self.file(), error))
    }
}
