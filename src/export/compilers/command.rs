//! Runs a program and waits for it; no shell takes part.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::program;
use crate::{
    error::{Error, Result},
    progress::Progress,
    shown,
};

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of what it says is told where it fails: lines, and bytes that are looked at for them.
const LAST_LINES: usize = 8;
const LAST_BYTES: u64 = 8 << 10;

/// A program at work, which ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program with these arguments in `folder`, for as long as it takes. What it says goes into a file beside the
/// folder.
///
/// # Errors
/// If it is not there or fails, with the last lines of what it said; or if the user asks to stop, which ends it.
pub(super) fn run(
    (name, arguments): (&str, &[String]),
    folder: &Path,
    progress: &Progress<'_>,
) -> Result<()> {
    let program = program::find(name)
        .ok_or_else(|| Error::new(format!("there is no program `{}` here", shown::text(name))))?;
    let log = folder.with_extension("log");
    let (mut running, began) = (start(&program, arguments, folder, &log)?, Instant::now());
    loop {
        let ended = running.0.try_wait().map_err(|error| Error::io("wait for", &program, error))?;
        // Before anything is said of how it ended: Ctrl-C may have ended it, too.
        progress.check()?;
        if let Some(status) = ended {
            return if status.success() { Ok(()) } else { Err(failed(name, status, &log)) };
        }
        progress.step(format!("{}, {} s", shown::text(name), began.elapsed().as_secs()), 0, 1, "files");
        thread::sleep(PAUSE);
    }
}

fn start(program: &Path, arguments: &[String], folder: &Path, log: &Path) -> Result<Running> {
    let write = |error| Error::io("write", log, error);
    let said = File::create(log).map_err(write)?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(said.try_clone().map_err(write)?)
        .stderr(said)
        .spawn();
    child.map(Running).map_err(|error| Error::io("start", program, error))
}

fn failed(name: &str, status: ExitStatus, log: &Path) -> Error {
    let said = last_lines(log).unwrap_or_default();
    let said = if said.is_empty() {
        "it said nothing".to_owned()
    } else {
        format!("the last that it said:\n{said}")
    };
    Error::new(format!("`{}` failed ({status}); {said}", shown::text(name)))
}

/// The last lines of a file, each escaped.
fn last_lines(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES))).ok()?;
    let mut bytes = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    Some(last.iter().map(|line| format!("  {}", shown::text(line))).collect::<Vec<_>>().join("\n"))
}
