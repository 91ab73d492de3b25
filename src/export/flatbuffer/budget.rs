//! What a reader may still take of a file.

use crate::error::{Error, Result};

/// Bytes of a file that may still be read. Tables can refer to the same numbers again and again; since each byte counts
/// every time, what is read is never larger than the file.
#[derive(Debug)]
pub(in crate::export) struct Budget(usize);

impl Budget {
    /// For a file of so many bytes.
    pub(in crate::export) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes so many.
    ///
    /// # Errors
    /// If there are not so many left.
    pub(in crate::export) fn take(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| Error::new("it uses numbers twice"))?;
        Ok(())
    }
}
