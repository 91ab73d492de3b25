//! Images in folders: the place of an image says its class, and perhaps its split.

mod layout;
mod remarks;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use self::layout::{Placed, layout};
use super::{File, Listed, Listing, Location, Reader};
use crate::{
    data::{Sample, decode, image_files},
    error::{Error, Result},
    paths,
    progress::Stop,
    shown,
};

/// A folder with `<split>/<class>/` folders, or with `<class>/` folders alone.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// A reader, if there is a folder.
pub(super) fn open(root: &Path) -> Option<Arc<dyn Reader>> {
    root.is_dir().then(|| Arc::new(Folder::new(root)) as Arc<dyn Reader>)
}

impl Folder {
    /// The folder at `root`; it is not looked at yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Reader for Folder {
    fn root(&self) -> &Path {
        &self.root
    }

    fn files(&self, stop: &Stop) -> Result<Vec<PathBuf>> {
        image_files::list(&self.root, stop)
    }

    fn list(&self, files: &[File], stop: &Stop) -> Result<Listing> {
        let layout = layout(files)?;
        if layout.placed.is_empty() {
            return Err(no_classes(&self.root, files.len()));
        }
        let left_out = image_files::look(&self.root, stop)?.left_out;
        Ok(Listing {
            images: layout.placed.iter().map(|placed| listed(files, *placed)).collect(),
            findings: remarks::all(&self.root, &layout, &left_out),
            why_none_validate: remarks::why_none_validate(&layout),
            instead_of_one_class: remarks::instead_of_one_class(files, &layout),
            classes: layout.classes,
        })
    }

    fn read(&self, location: &Location) -> Result<Vec<u8>> {
        decode::read(&self.path(location))
    }

    fn path(&self, location: &Location) -> PathBuf {
        let Location::File(path) = location;
        self.root.join(paths::from_text(path))
    }
}

fn listed(files: &[File], Placed { file, split, class }: Placed) -> Listed {
    let File { name, size, digest, fault } = &files[file];
    let location = Location::File(name.clone());
    Listed {
        split,
        sample: Sample { location, class, size: *size, digest: digest.clone() },
        fault: fault.clone(),
    }
}

fn no_classes(root: &Path, files: usize) -> Error {
    let shown = shown::path(root);
    let message = match files {
        0 => format!("there are no images in {shown}"),
        1 => format!("the only image in {shown} is not in a class folder"),
        _ => format!("none of the {files} images in {shown} lies in a class folder"),
    };
    Error::new(message).help("put the images into <class>/ folders, or into train/<class>/ and val/<class>/")
}
