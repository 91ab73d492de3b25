//! Where a dataset's images come from: a [`Reader`] lists them and reads one. [`open`] chooses it by what lies at a
//! path, and nothing else learns which it is.

mod folder;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use image::RgbImage;
use serde::{Deserialize, Serialize};

pub use self::folder::Folder;
use super::{
    Sample, Split,
    decode::{decode_bytes, decode_needed},
    findings::Finding,
    reduction::Needed,
};
use crate::{
    error::{Error, Result},
    paths,
    progress::Stop,
    shown,
};

/// The reader of one kind of source, if what lies at a path is of that kind.
type Open = fn(&Path) -> Option<Arc<dyn Reader>>;

/// Every kind of source. The first that takes a path has it.
const SOURCES: &[Open] = &[folder::open];

/// The reader for what lies at `root`.
///
/// # Errors
/// When it can't be looked at, or no kind of source takes it.
pub fn open(root: &Path) -> Result<Arc<dyn Reader>> {
    std::fs::metadata(root).map_err(|source| Error::io("read", root, source))?;
    SOURCES.iter().find_map(|open| open(root)).ok_or_else(|| {
        let message = format!("{} is not a folder of images", shown::path(root));
        Error::new(message).help("name the folder that holds train/<class>/ and val/<class>/")
    })
}

/// The files that decide what the source at `root` gives: when one of them changes, it is another dataset.
///
/// # Errors
/// When no kind of source takes it, it can't be read, or `stop` is requested.
pub fn files(root: &Path, stop: &Stop) -> Result<Vec<PathBuf>> {
    open(root)?.files(stop)
}

/// A file of a source, as the engine saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative to the source's root, as [`crate::paths`] writes it.
    pub name: String,
    /// How many bytes the file has.
    pub size: u64,
    /// BLAKE3 of the content, in hex.
    pub digest: String,
    /// Why its content can't be read, if so.
    pub fault: Option<String>,
}

/// Where an image lies in its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Location {
    /// In a file of its own, relative to the source's root, as [`crate::paths`] writes it.
    File(String),
}

impl Location {
    /// What the image is called in tables, pictures and messages, e.g. `val/cat/1.png`; `/` divides folders.
    pub fn name(&self) -> &str {
        match self {
            Self::File(path) => path,
        }
    }

    /// Whether it lies below the source's root; one that was read from a file need not.
    pub fn stays_below(&self) -> bool {
        match self {
            Self::File(path) => paths::stays_below(&paths::from_text(path)),
        }
    }
}

/// Reads one kind of source. A new one is a file here, and a line in the table of sources.
pub trait Reader: fmt::Debug + Send + Sync {
    /// Where the source lies, for messages.
    fn root(&self) -> &Path;

    /// The files that decide what the source gives, in order.
    ///
    /// # Errors
    /// When the source can't be read, or `stop` is requested.
    fn files(&self, stop: &Stop) -> Result<Vec<PathBuf>>;

    /// The images among the source's [`Self::files`], with what the source says about each; at least one. No image is
    /// opened.
    ///
    /// # Errors
    /// When there is no image with a class, the source says two things, it can't be read, or `stop` is requested.
    fn list(&self, files: &[File], stop: &Stop) -> Result<Listing>;

    /// The bytes of one image, in whatever format.
    ///
    /// # Errors
    /// When they can't be read.
    fn read(&self, location: &Location) -> Result<Vec<u8>>;

    /// Where an image lies, for messages, and for formats that only the file's name tells.
    fn path(&self, location: &Location) -> PathBuf;
}

/// What a source has: its images and their classes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Class names in code-point order.
    pub classes: Vec<String>,
    /// The images with a class, in the order of the files.
    pub images: Vec<Listed>,
    /// What the owner should know of the source itself: what is left out, what is named strangely.
    pub findings: Vec<Finding>,
    /// Why no image validates, if so: `there are no val folders`.
    pub why_none_validate: String,
    /// What may be meant if there is only one class, as the end of a sentence; empty if nothing is.
    pub instead_of_one_class: String,
}

/// One image of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What the source says it is for.
    pub split: Split,
    /// The image; its class is one of [`Listing::classes`].
    pub sample: Sample,
    /// Why its content can't be read, if so.
    pub fault: Option<String>,
}

impl dyn Reader + '_ {
    /// The pixels of one image.
    ///
    /// # Errors
    /// When it can't be read or decoded.
    pub fn decode(&self, location: &Location) -> Result<RgbImage> {
        decode_bytes(&self.read(location)?, &self.path(location))
    }

    /// The pixels of one image that had `size` bytes when it was indexed.
    ///
    /// # Errors
    /// When it has another size now, or can't be read or decoded.
    pub fn decode_unchanged(&self, location: &Location, size: u64) -> Result<RgbImage> {
        self.decode_unchanged_as_needed(location, size, Needed::all)
    }

    /// As [`Self::decode_unchanged`], as far as it is needed: `needed` says, by width and height, what is.
    ///
    /// # Errors
    /// As [`Self::decode_unchanged`].
    pub fn decode_unchanged_as_needed(
        &self,
        location: &Location,
        size: u64,
        needed: impl Fn((u32, u32)) -> Needed,
    ) -> Result<RgbImage> {
        let (bytes, path) = (self.read(location)?, self.path(location));
        if bytes.len() as u64 != size {
            return Err(changed(&path, size, bytes.len()));
        }
        decode_needed(&bytes, &path, needed)
    }
}

fn changed(path: &Path, then: u64, now: usize) -> Error {
    let path = path.display();
    Error::new(format!("{path} changed since it was indexed: it had {then} bytes and has {now}"))
        .help("leave the images alone during a run; start the run again, so that they are indexed again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_stored_as_the_path_that_it_was() {
        let text = r#"{"path":"val/cat/1.png","class":3,"size":9,"digest":"ab"}"#;
        let sample: Sample = serde_json::from_str(text).unwrap();
        assert_eq!(sample.location, Location::File("val/cat/1.png".into()));
        assert_eq!(serde_json::to_string(&sample).unwrap(), text);
    }

    #[test]
    fn a_location_may_not_lead_out_of_the_source() {
        let stays = |path: &str| Location::File(path.into()).stays_below();
        assert!(stays("a/1.png") && stays("..a.png"));
        assert!(!stays("../1.png") && !stays("/etc/1.png") && !stays("a/../../1.png") && !stays(""));
    }
}
