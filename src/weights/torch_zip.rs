//! PyTorch's zip archives, written: entries are stored, aligned to 64 bytes and without a date, so that the same
//! model gives the same bytes.

use std::io::{Cursor, Write as _};

use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipResult, write::SimpleFileOptions};

use crate::error::{Error, Result};

/// The folder that all entries lie in.
const ROOT: &str = "model";
/// Where PyTorch wants the numbers to begin.
const ALIGNMENT: u16 = 64;

/// Entries so far.
pub(super) struct TorchZip(ZipWriter<Cursor<Vec<u8>>>);

impl TorchZip {
    /// A pickle, the bytes of its storages `0`, `1`, … in order, and what every archive says of itself.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn new(pickle: &[u8], storages: impl IntoIterator<Item = Vec<u8>>) -> Result<Self> {
        let mut zip = Self(ZipWriter::new(Cursor::new(Vec::new())));
        zip.add("data.pkl", pickle)?;
        zip.add("byteorder", b"little")?;
        for (key, bytes) in storages.into_iter().enumerate() {
            zip.add(&format!("data/{key}"), &bytes)?;
        }
        zip.add("version", b"3\n")?;
        Ok(zip)
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// If there are more bytes than an archive can hold.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.entry(name, bytes).map_err(|error| unwritten(&error))
    }

    fn entry(&mut self, name: &str, bytes: &[u8]) -> ZipResult<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .with_alignment(ALIGNMENT);
        self.0.start_file(format!("{ROOT}/{name}"), options)?;
        Ok(self.0.write_all(bytes)?)
    }

    /// The archive's bytes.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        self.0.finish().map(Cursor::into_inner).map_err(|error| unwritten(&error))
    }
}

fn unwritten(error: &zip::result::ZipError) -> Error {
    Error::new(format!("the weights can't be written: {error}"))
}
