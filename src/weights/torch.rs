//! PyTorch's zip archives: `<root>/data.pkl` and one entry per storage under `<root>/data/`.
//!
//! Entries are stored, not compressed; storages are little-endian. Names of entries are only ever compared.

use std::{
    borrow::Cow,
    cell::Cell,
    io::{self, Cursor, Read, Seek, SeekFrom},
    rc::Rc,
};

use zip::{
    CompressionMethod, ZipArchive,
    read::{ArchiveOffset, Config},
    result::ZipError,
};

use super::{cut_short, damaged, item::Pickle, malformed, pickle, shown, tensors::Storages};
use crate::{
    budget::{Budget, Spent},
    error::{Error, Result},
};

/// Kiln's own entry beside those of PyTorch, which does not look at it.
pub(super) const DESCRIPTION: &str = "kiln.json";
/// The entry that programs have, and checkpoints have not.
pub(super) const CONSTANTS: &str = "constants.pkl";
/// The most that is read to list the entries, in bytes: the list of the largest known checkpoint, which has two
/// networks and what an optimizer keeps, has half a million.
const MAX_LIST: u64 = 8 << 20;

/// An archive; storages are read when asked for.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Counted<'a>>,
    root: String,
    size: usize,
}

impl<'a> Archive<'a> {
    /// Opens the archive of a checkpoint and reads its pickle.
    ///
    /// # Errors
    /// If the bytes are not a zip archive written by PyTorch, or it is a program.
    pub(super) fn open(bytes: &'a [u8]) -> Result<(Self, Pickle)> {
        let mut archive = Self::of(bytes)?;
        if archive.has(CONSTANTS) {
            return Err(Error::new("it is a TorchScript program, not a checkpoint")
                .help("save the model's `state_dict()` with torch.save instead"));
        }
        let pickle = archive.pickle()?;
        Ok((archive, pickle))
    }

    /// Opens the archive.
    ///
    /// # Errors
    /// If the bytes are not a zip archive written by PyTorch.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self> {
        let left = Rc::new(Cell::new(Budget::new(MAX_LIST)));
        let counted = Counted { bytes: Cursor::new(bytes), left: Rc::clone(&left) };
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, counted).map_err(|error| no_list(&error))?;
        // Entries may overlap: of all of them, no more is read than the file has, and as much for their heads.
        left.set(Budget::new(2 * bytes.len() as u64));
        let mut archive = Self { root: root(&zip)?, zip, size: bytes.len() };
        if archive.has("byteorder") && archive.entry("byteorder")?.starts_with(b"big") {
            return Err(malformed("big-endian numbers, which Kiln does not read"));
        }
        Ok(archive)
    }

    /// What was pickled.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn pickle(&mut self) -> Result<Pickle> {
        pickle::parse(&self.entry("data.pkl")?)
    }

    /// What Kiln itself wrote about the model.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn description(&mut self) -> Result<Option<String>> {
        if !self.has(DESCRIPTION) {
            return Ok(None);
        }
        self.text(DESCRIPTION).map(Some)
    }

    /// The text of an entry.
    ///
    /// # Errors
    /// If there is none, or it is damaged or no text.
    pub(super) fn text(&mut self, name: &str) -> Result<String> {
        String::from_utf8(self.entry(name)?).map_err(|_| malformed("a description that is not UTF-8"))
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{}{name}", self.root)).is_some()
    }

    /// The bytes of an entry, checked against the archive's checksum.
    fn entry(&mut self, name: &str) -> Result<Vec<u8>> {
        let full = format!("{}{name}", self.root);
        let index = self.zip.index_for_name(&full);
        let index = index.ok_or_else(|| damaged(format!("its archive has no {}", shown(&full))))?;
        let wrong = |error: ZipError| damaged(format!("its entry {} can't be read: {error}", shown(&full)));
        if self.zip.by_index_raw(index).map_err(wrong)?.compression() != CompressionMethod::Stored {
            return Err(malformed("compressed entries, which PyTorch never writes"));
        }
        let mut entry = self.zip.by_index(index).map_err(wrong)?;
        let size = usize::try_from(entry.size()).ok().filter(|size| *size <= self.size);
        let size = size.ok_or_else(|| malformed("entries that are larger than the file"))?;
        let mut bytes = Vec::with_capacity(size);
        entry.by_ref().take(size as u64 + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.into()))?;
        if bytes.len() != size {
            return Err(malformed("an entry of another size than announced"));
        }
        Ok(bytes)
    }
}

impl Storages for Archive<'_> {
    fn bytes(&mut self, key: &str) -> Result<Cow<'_, [u8]>> {
        self.entry(&format!("data/{key}")).map(Cow::Owned)
    }
}

/// Bytes of which only so many may be read: who looks for a list of entries in a hostile file would go over it
/// again and again.
struct Counted<'a> {
    bytes: Cursor<&'a [u8]>,
    left: Rc<Cell<Budget>>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        let mut left = self.left.get();
        let taken = left.take(count as u64);
        self.left.set(left);
        taken.map(|()| count).map_err(io::Error::other)
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

/// What stands before `data.pkl` in the names: the file's stem, or `archive/`.
fn root(zip: &ZipArchive<Counted<'_>>) -> Result<String> {
    let names = zip.file_names_raw().filter_map(|name| std::str::from_utf8(name).ok());
    let mut roots = names.filter_map(|name| name.strip_suffix("data.pkl").filter(|root| root.ends_with('/')));
    let root = roots.next().ok_or_else(|| {
        Error::new("it is a zip archive, but not one written by PyTorch")
            .help("if the weights are in it, unpack it and name the file")
    })?;
    Ok(root.to_owned())
}

/// The list of the entries stands at an archive's end.
fn no_list(error: &ZipError) -> Error {
    let spent =
        matches!(error, ZipError::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<Spent>()));
    match spent {
        true => malformed("a list of entries that is longer than any model's"),
        false => cut_short("its zip archive has no readable end"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_counted() {
        let left = Rc::new(Cell::new(Budget::new(5)));
        let mut counted = Counted { bytes: Cursor::new(b"abcdefgh"), left };
        let mut four = [0; 4];
        counted.read_exact(&mut four).unwrap();
        counted.seek(SeekFrom::Start(0)).unwrap();
        assert!(counted.read_exact(&mut four).is_err());
    }
}
