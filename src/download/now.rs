//! What lies behind a URL now, whatever it is.

use std::{fs, io::Read as _, io::Write as _, path::Path, path::PathBuf, time::Duration};

use super::{Sha256, Url, http};
use crate::{
    error::{Error, Result},
    progress::Progress,
};

/// How long all of it may take.
const TIME: Duration = Duration::from_mins(10);

/// Fetches what `url` gives now, at most `limit` bytes, and keeps it in `folder` under its digest.
///
/// # Errors
/// If nothing comes, not all of it, or more; of kind interrupted when stopped. Nothing is kept then.
pub fn fetch_now(url: &Url, limit: u64, folder: &Path, progress: &Progress<'_>) -> Result<(PathBuf, Sha256)> {
    let bytes = receive(url, limit, progress)?;
    fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    let failed = |error| Error::io("write", folder, error);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    let digest = Sha256::of(file.path())?;
    let path = folder.join(digest.to_string());
    file.persist(&path).map_err(|error| Error::io("write", &path, error.error))?;
    Ok((path, digest))
}

fn receive(url: &Url, limit: u64, progress: &Progress<'_>) -> Result<Vec<u8>> {
    let request = http::agent(url).get(url.as_str()).config().timeout_global(Some(TIME)).build();
    let response = request.call().map_err(|error| http::unreachable(url, &error))?;
    if response.status() != 200 {
        return Err(http::refused(url, response.status()).into_error());
    }
    let told = http::length(&response);
    let mut body = response.into_body().into_reader();
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    let broke_off = |bytes: &[u8]| Error::new(format!("{url} broke off after {} bytes", bytes.len()));
    while told.unwrap_or(0).max(bytes.len() as u64) <= limit {
        progress.check()?;
        match body.read(&mut buffer) {
            Ok(0) if told.is_some_and(|told| (bytes.len() as u64) < told) => return Err(broke_off(&bytes)),
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(broke_off(&bytes).because(error)),
        }
    }
    Err(Error::new(format!("{url} gives more than {limit} bytes"))
        .help("fetch the file yourself, and give its path"))
}
