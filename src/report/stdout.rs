//! Standard output. What can't be written there is remembered: the work goes on, and the program ends with an error.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Mutex, PoisonError},
};

use crate::error::{Error, Result};

/// The first write that failed.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Standard output; who writes to it may pass over errors, for [`written`] tells the first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes).inspect_err(remember)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().inspect_err(remember)
    }
}

/// Remembers that standard output could not be written, unless its reader went away: that one knows.
pub fn remember(error: &io::Error) {
    if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) {
        return;
    }
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    failed.get_or_insert_with(|| {
        error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
    });
}

/// Whether all that was said on standard output got there, or its reader wanted no more.
///
/// # Errors
/// The first thing that went wrong.
pub fn written() -> Result<()> {
    // An error is remembered, and told below.
    let _ = Stdout.flush();
    let failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match failed {
        None => Ok(()),
        Some(error) => Err(Error::new("cannot write to standard output")
            .because(error)
            .help("the output is incomplete; results under `runs/` are not affected")),
    }
}
