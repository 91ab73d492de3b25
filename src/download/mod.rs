//! FILES FROM ELSEWHERE: an https URL and a SHA-256 become a file on this machine.
//!
//! What arrives is kept under its digest, so a file is fetched once whoever asks for it and wherever
//! from. What broke off goes on where it stopped, in this run or in the next one. Without a SHA-256, what lies there
//! now is fetched, whatever it is ([`fetch_now`]).

mod http;
mod now;
mod sha256;
mod url;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use self::http::Fault;
pub use self::{now::fetch_now, sha256::Sha256, url::Url};
use crate::{
    error::{Error, Result},
    progress::Progress,
};

/// Largest file that is fetched, in bytes.
pub const MAX_BYTES: u64 = 4 << 30;

/// What is put up with before a download is given up.
struct Patience {
    /// How long to wait before each new try, after several in a row that brought less than is [`WORTH`] one.
    pauses: [Duration; 3],
    /// How long a server may take for [`LEAST`] bytes.
    window: Duration,
    /// The most that is taken from a server that does not say how much it gives, in bytes.
    untold: u64,
}

const PATIENCE: Patience = Patience {
    pauses: [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)],
    window: Duration::from_mins(1),
    untold: 1 << 30,
};
/// What must come in a [window](Patience::window), in bytes: a thousand in a second.
const LEAST: u64 = 60_000;
/// How many bytes are worth one more try without counting it.
const WORTH: u64 = 1 << 20;

/// The file behind `url` whose digest is `sha256`, in `folder`; one that is there already needs no
/// network. Who calls must keep others from fetching the same file into the same folder.
///
/// # Errors
/// If the file can't be had, is another one, is larger than [`MAX_BYTES`], the disk's free space or what was
/// announced, or comes too slowly; of kind interrupted when stopped. What arrived so far is kept for the next
/// try if that can go on from it, and else removed.
pub fn fetch(url: &Url, sha256: &Sha256, folder: &Path, progress: &Progress<'_>) -> Result<PathBuf> {
    fetch_with(&PATIENCE, url, sha256, folder, progress)
}

fn fetch_with(
    patience: &Patience,
    url: &Url,
    sha256: &Sha256,
    folder: &Path,
    progress: &Progress<'_>,
) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
    let path = folder.join(sha256.to_string());
    let part = folder.join(format!("{sha256}.part"));
    [&path, &part].into_iter().try_for_each(|path| remove_foreign(path))?;
    if path.is_file() && Sha256::of(&path)? == *sha256 {
        touch(&path);
        return Ok(path);
    }
    loop {
        let resumed = size(&part) > 0;
        receive(patience, url, &part, progress)?;
        let found = Sha256::of(&part)?;
        if found == *sha256 {
            fs::rename(&part, &path).map_err(|error| Error::io("rename", &part, error))?;
            return Ok(path);
        }
        fs::remove_file(&part).map_err(|error| Error::io("remove", &part, error))?;
        // What an earlier run left may have been of another file: once more, from the start.
        if !resumed {
            return Err(another_file(url, sha256, &found));
        }
    }
}

/// A link may lie there, or something else that is not Kiln's own: nothing is written through it.
fn remove_foreign(part: &Path) -> Result<()> {
    match fs::symlink_metadata(part) {
        Ok(metadata) if !metadata.is_file() => {
            fs::remove_file(part).map_err(|error| Error::io("remove", part, error))
        }
        _ => Ok(()),
    }
}

/// Receives all of the file, in as many tries as it takes while they bring something.
fn receive(patience: &Patience, url: &Url, part: &Path, progress: &Progress<'_>) -> Result<()> {
    let (mut begun, mut fruitless) = (false, 0);
    loop {
        progress.check()?;
        let before = size(part);
        let error = match http::receive(url, part, patience, progress) {
            Ok(()) => return Ok(()),
            Err(Fault::Final(error)) => return Err(error),
            Err(Fault::Cut(error)) => error,
        };
        let gained = size(part).saturating_sub(before);
        begun |= gained > 0;
        if gained >= WORTH {
            fruitless = 0;
        }
        let Some(pause) = patience.pauses.get(fruitless).filter(|_| begun) else { return Err(error) };
        wait(*pause, progress)?;
        fruitless += 1;
    }
}

fn wait(time: Duration, progress: &Progress<'_>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < time {
        progress.check()?;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// In bytes; 0 if there is no file.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Marks a file as just used: prune takes those used longest ago. Who can't mark does not mind.
fn touch(path: &Path) {
    let file = fs::File::options().append(true).open(path);
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

fn another_file(url: &Url, wanted: &Sha256, found: &Sha256) -> Error {
    Error::new(format!("{url} gives a file with the SHA-256 {found}, not {wanted}")).help(
        "if you trust the file that is there now, write its SHA-256; if not, ask where it should come from",
    )
}

#[cfg(test)]
mod tests;
