//! An image behind a URL.

use std::path::{Path, PathBuf};

use super::super::model;
use crate::{
    download::{self, Sha256, Url},
    error::{Error, Result},
    files,
    node::Context,
    progress::Progress,
    signature::{HEAD, Signature},
};

/// The largest image that is fetched, in bytes.
const LIMIT: u64 = 100 << 20;

/// Whether a source is meant as a URL rather than a path.
pub fn is_url(source: &str) -> bool {
    Url::is_meant_by(source)
}

/// The image behind `url`: the one with the SHA-256 `digest`, which may be here already, or what lies there now.
///
/// # Errors
/// If it can't be had, or is no image.
pub(super) fn fetch(cx: &Context<'_>, url: &str, digest: Option<&str>) -> Result<PathBuf> {
    let parsed = Url::parse(url)?;
    let digest = digest.map(str::parse::<Sha256>).transpose().map_err(Error::new)?;
    let path = match digest {
        Some(digest) => model::fetch(cx, &parsed, &digest)?,
        None => download::fetch_now(&parsed, LIMIT, cx.downloads, &cx.progress)?.0,
    };
    must_be_image(url, &path)?;
    Ok(path)
}

/// The SHA-256 of the image that lies behind `url` now; it is kept in `downloads`.
///
/// # Errors
/// If it can't be had, or is no image.
pub fn look(url: &str, downloads: &Path, progress: &Progress<'_>) -> Result<String> {
    let (path, digest) = download::fetch_now(&Url::parse(url)?, LIMIT, downloads, progress)?;
    must_be_image(url, &path)?;
    Ok(digest.to_string())
}

/// A page that says sorry is answered with status 200 by many.
fn must_be_image(url: &str, path: &Path) -> Result<()> {
    match kind(path) {
        Some(Signature::Other(kind)) => Err(Error::new(format!("{url} gives {kind}, not an image"))
            .help("give the address of the image itself, not of a page that shows it")),
        _ => Ok(()),
    }
}

/// What a file is by its first bytes, if it can be read and told.
pub(super) fn kind(path: &Path) -> Option<Signature> {
    use std::io::Read as _;
    let mut head = Vec::new();
    files::open(path).ok()?.take(HEAD as u64).read_to_end(&mut head).ok()?;
    Signature::of(&head)
}
