//! Which tensors are still what they were: what is written over another tensor ends it.

use std::ops::Range;

use crate::error::{Error, Result};

/// The tensors in memory, and where they lie.
#[derive(Debug, Default)]
pub(super) struct Alive(Vec<(i32, Range<u64>)>);

impl Alive {
    /// Puts a tensor into memory.
    pub(super) fn put(&mut self, value: i32, bytes: Range<u64>) {
        self.0.retain(|(_, other)| other.end <= bytes.start || bytes.end <= other.start);
        self.0.push((value, bytes));
    }

    /// Refuses a tensor over which another was written.
    ///
    /// # Errors
    /// If there is no such tensor any more.
    pub(super) fn must_have(&self, value: i32) -> Result<()> {
        match self.0.iter().any(|(other, _)| *other == value) {
            true => Ok(()),
            false => Err(Error::new(format!("value {value} is used after another was written over it"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_over_is_gone() {
        let mut alive = Alive::default();
        alive.put(1, 0..16);
        alive.put(2, 16..32);
        alive.put(3, 15..16);
        assert!(alive.must_have(1).is_err() && alive.must_have(2).is_ok() && alive.must_have(3).is_ok());
    }
}
