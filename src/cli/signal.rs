//! Ctrl-C and SIGTERM: the first asks the work to stop, the second ends the program at once.

use std::{
    process,
    sync::atomic::{AtomicI32, Ordering},
    thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    error::{Error, Result},
    progress::Stop,
};

/// The first signal that came, or 0.
static FIRST: AtomicI32 = AtomicI32::new(0);

/// Some senders signal a process and then its group: that is one wish, not two.
const ECHO: Duration = Duration::from_millis(300);

/// Requests `stop` at the first signal; a second one ends the program.
///
/// A kill at any moment is safe, so the second signal needs no care.
///
/// # Errors
/// When the system does not allow it.
pub(super) fn listen(stop: &Stop) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Error::new("cannot listen to signals").because(error))?;
    let stop = stop.clone();
    thread::spawn(move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            match first {
                None => {
                    first = Some(Instant::now());
                    FIRST.store(signal, Ordering::SeqCst);
                    stop.request();
                }
                Some(first) if first.elapsed() < ECHO => {}
                #[expect(clippy::disallowed_methods, reason = "a second signal asks for exactly that")]
                Some(_) => process::exit(128 + signal),
            }
        }
    });
    Ok(())
}

/// What an interrupted program says to the shell: 128 and the number of the signal, 130 for Ctrl-C.
pub(super) fn exit_code() -> u8 {
    match FIRST.load(Ordering::SeqCst) {
        0 => 130,
        signal => u8::try_from(128 + signal).unwrap_or(130),
    }
}
