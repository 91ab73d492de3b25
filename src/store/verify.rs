//! Reading all of the store again, to find what is damaged.

use std::{cell::RefCell, collections::BTreeSet};

use rayon::prelude::*;

use super::{Key, MANIFESTS, Manifest, Store, shelved};
use crate::{error::Result, shown};

/// What a check of the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many results were looked at.
    pub results: usize,
    /// How many bytes were read.
    pub bytes: u64,
    /// What was wrong; the files in question are in quarantine now, and their nodes will run again.
    pub damage: Vec<String>,
    /// What lies among the records and is none; it was left alone.
    pub strange: Vec<String>,
}

impl Store {
    /// Reads every blob that a result needs, and every record; puts what is wrong in quarantine.
    ///
    /// # Errors
    /// Of kind store, when what was learnt can't be written down.
    pub fn verify(&self) -> Result<Verified> {
        let keys = self.records();
        let found: Vec<Verified> = keys.par_iter().map(|key| self.verify_one(*key)).collect();
        let mut all = Verified { results: found.len(), strange: self.strange(&keys), ..Verified::default() };
        for one in found {
            all.bytes = all.bytes.saturating_add(one.bytes);
            all.damage.extend(one.damage);
        }
        self.save()?;
        Ok(all)
    }

    fn verify_one(&self, key: Key) -> Verified {
        let damage = RefCell::new(Vec::new());
        let say = |line| damage.borrow_mut().push(line);
        let manifest = self.read(key, &say).filter(|manifest| self.is_whole(manifest, true, &say));
        let bytes = manifest.as_ref().map_or(0, Manifest::size);
        Verified { bytes, damage: damage.into_inner(), ..Verified::default() }
    }

    fn strange(&self, keys: &[Key]) -> Vec<String> {
        let records: BTreeSet<_> = keys.iter().map(|key| self.manifest_path(*key)).collect();
        let found = shelved(&self.root.join(MANIFESTS)).into_iter().map(|(_, found)| found);
        let strange =
            found.filter(|found| !records.contains(&found.path) && !super::prune::is_temporary(found));
        strange
            .map(|found| {
                format!("{} is not a record of a result; it was left alone", shown::path(&found.path))
            })
            .collect()
    }
}
