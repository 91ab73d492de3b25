//! A file that an export writes.

use std::{fs, path::Path};

use crate::error::{Error, Result};

/// A file to be written: what a format makes of a model is one of these, or several in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its place below the result's folder, with `/` between folders.
    pub path: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl OutputFile {
    /// Writes it below `folder`, with the folders between.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(&self.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Error::io("make", parent, error))?;
        fs::write(&path, &self.bytes).map_err(|error| Error::io("write", &path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_with_its_folders() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["model.xml", "model_openvino/data/model.bin"] {
            OutputFile { path: path.to_owned(), bytes: path.as_bytes().to_vec() }
                .write(folder.path())
                .unwrap();
            assert_eq!(fs::read(folder.path().join(path)).unwrap(), path.as_bytes());
        }
        let below_a_file = OutputFile { path: "model.xml/model.bin".to_owned(), bytes: Vec::new() };
        assert!(below_a_file.write(folder.path()).is_err());
    }
}
