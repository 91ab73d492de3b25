//! The archive behind a flatbuffer. Who reads the file from its front never sees it.

use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};

use zip::{
    CompressionMethod, DateTime, ZipArchive, ZipWriter,
    result::{ZipError, ZipResult},
    write::SimpleFileOptions,
};

use crate::error::{Error, Result};

/// The entry that says what the file is, as in the reference's files.
const METADATA: &str = "metadata.json";

/// The file with an archive of its metadata behind it.
pub(super) fn append(network: Vec<u8>, metadata: &str) -> Result<Vec<u8>> {
    archived(network, metadata).map_err(|error| Error::new("the metadata can't be appended").because(error))
}

fn archived(network: Vec<u8>, metadata: &str) -> ZipResult<Vec<u8>> {
    let mut file = Cursor::new(network);
    file.seek(SeekFrom::End(0))?;
    let mut zip = ZipWriter::new(file);
    // Without a date: the same model must give the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    zip.start_file(METADATA, options)?;
    zip.write_all(metadata.as_bytes())?;
    Ok(zip.finish()?.into_inner())
}

/// The metadata in the archive behind a flatbuffer, if there is one.
///
/// # Errors
/// If they can't be read.
pub(super) fn metadata(file: &[u8]) -> Result<Option<String>> {
    let wrong = |error: ZipError| Error::new(format!("its {METADATA} can't be read")).because(error);
    let Ok(mut archive) = ZipArchive::new(Cursor::new(file)) else { return Ok(None) };
    let mut text = String::new();
    match archive.by_name(METADATA) {
        Ok(mut entry) => entry.read_to_string(&mut text).map_err(|error| wrong(error.into()))?,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    Ok(Some(text))
}
