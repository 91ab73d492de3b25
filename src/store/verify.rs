//! Reading everything again.

use std::{cell::RefCell, path::Path};

use rayon::prelude::*;

use super::{Key, Manifest, Store, manifest_files};
use crate::error::Result;

/// What a check of the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many results were looked at.
    pub results: usize,
    /// How many bytes were read.
    pub bytes: u64,
    /// What was wrong; the files in question are in quarantine now, and their nodes will run again.
    pub damage: Vec<String>,
}

impl Store {
    /// Reads every blob that a result needs, and every record; puts what is wrong in quarantine.
    ///
    /// # Errors
    /// Of kind store, when what was learnt can't be written down.
    pub fn verify(&self) -> Result<Verified> {
        let files = manifest_files(&self.root);
        let found: Vec<Verified> = files.par_iter().map(|path| self.verify_one(path)).collect();
        let mut all = Verified { results: found.len(), ..Verified::default() };
        for one in found {
            all.bytes += one.bytes;
            all.damage.extend(one.damage);
        }
        self.save()?;
        Ok(all)
    }

    fn verify_one(&self, path: &Path) -> Verified {
        let damage = RefCell::new(Vec::new());
        let say = |line| damage.borrow_mut().push(line);
        let Some(key) = key_of(path) else {
            say(format!("{} is no record of a result; {}", path.display(), self.quarantine(path)));
            return Verified { damage: damage.into_inner(), ..Verified::default() };
        };
        let manifest = self.read(key, &say).filter(|manifest| self.is_whole(manifest, true, &say));
        let bytes = manifest.as_ref().map_or(0, Manifest::size);
        Verified { results: 1, bytes, damage: damage.into_inner() }
    }
}

/// The key that the path of a record says.
fn key_of(path: &Path) -> Option<Key> {
    let shelf = path.parent()?.file_name()?.to_str()?;
    format!("{shelf}{}", path.file_stem()?.to_str()?).parse().ok()
}
