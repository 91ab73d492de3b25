//! One request: what a server sends goes to the end of a file.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use ureq::{
    Agent, Body,
    http::{Response, StatusCode, header},
    tls::{RootCerts, TlsConfig},
};

use super::{LEAST, MAX_BYTES, Patience, Url, size};
use crate::{
    error::{Error, Result},
    files,
    progress::Progress,
};

/// How long to wait for a server to be found and to take the call.
const CONNECT: Duration = Duration::from_secs(15);
/// How long to wait for it to say something more.
const SILENCE: Duration = Duration::from_secs(30);
/// How many other places in a row it may point to.
const REDIRECTS: u32 = 10;

/// Why a request did not bring the whole file.
pub(super) enum Fault {
    /// Another try would bring no more.
    Final(Error),
    /// It broke off; another try may go on.
    Cut(Error),
}

impl Fault {
    /// Why the file did not come.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Final(error) | Self::Cut(error) => error,
        }
    }
}

/// Asks for what `part` does not have yet, and adds it. If there is nothing more, `part` may be the
/// whole file or too much: its digest decides.
pub(super) fn receive(
    url: &Url,
    part: &Path,
    patience: &Patience,
    progress: &Progress<'_>,
) -> Result<(), Fault> {
    let have = size(part);
    let mut request = agent(url).get(url.as_str());
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| Fault::Cut(unreachable(url, &error)))?;
    let (start, total) = match response.status() {
        StatusCode::OK => (0, length(&response)),
        StatusCode::PARTIAL_CONTENT => match range(&response) {
            Some((start, total)) if start == have => (have, total),
            _ => return Err(Fault::Cut(start_again(url, part)?)),
        },
        StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => return Ok(()),
        status => return Err(refused(url, status)),
    };
    let free = part.parent().and_then(files::free_space).unwrap_or(u64::MAX);
    let limit = match total {
        Some(total) => measured(url, start, total, free)?,
        // Nobody knows how long it will become: it must not fill the disk.
        None => patience.untold.min(free / 2),
    };
    let file = if start == 0 { File::create(part) } else { File::options().append(true).open(part) };
    let file = file.map_err(|error| Fault::Final(Error::io("write", part, error)))?;
    let pace = Pace { window: patience.window, since: Instant::now(), bytes: 0 };
    Download { url, part, file, done: start, total, limit, spoiled: false, pace, progress }
        .copy(response.into_body())
}

/// How long the file may become of which `start` bytes are there: as long as was told, if there is room.
fn measured(url: &Url, start: u64, total: u64, free: u64) -> Result<u64, Fault> {
    if total > MAX_BYTES {
        let message = format!("{url} gives more than {MAX_BYTES} bytes, more than any model has");
        return Err(Fault::Final(Error::new(message)));
    }
    let missing = total.saturating_sub(start);
    if missing > free {
        let message = format!("{url} gives {missing} bytes more, and the disk has room for {free}");
        let help = "free some space (`kiln cache prune`), or name another place with `--store DIR`";
        return Err(Fault::Final(Error::new(message).help(help)));
    }
    Ok(total)
}

/// Of one URL: who only ever asks this machine needs no https, but is not sent elsewhere.
pub(super) fn agent(url: &Url) -> Agent {
    // Certificates that the system trusts: many a company's network has one of its own.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .https_only(!url.is_local())
        .max_redirects(if url.is_local() { 0 } else { REDIRECTS })
        .http_status_as_error(false)
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE));
    // A proxy that the environment names can't reach this machine's own servers.
    let config = if url.is_local() { config.proxy(None) } else { config };
    config.build().new_agent()
}

/// A file on its way.
struct Download<'a> {
    url: &'a Url,
    part: &'a Path,
    file: File,
    /// In bytes.
    done: u64,
    /// In bytes, if the server says.
    total: Option<u64>,
    /// How long it may become, in bytes.
    limit: u64,
    /// Whether what is there is of no use.
    spoiled: bool,
    pace: Pace,
    progress: &'a Progress<'a>,
}

impl Download<'_> {
    /// Leaves only what can be gone on from, or is whole.
    fn copy(mut self, body: Body) -> Result<(), Fault> {
        let result = self.receive(body);
        if result.is_err() && !self.can_go_on() {
            // What can't be removed is no worse than before, and why it broke off is what counts.
            let _ = fs::remove_file(self.part);
        }
        result
    }

    /// A server that does not say how long the file is seldom gives a part of it.
    fn can_go_on(&self) -> bool {
        !self.spoiled && self.total.is_some()
    }

    fn spoil(&mut self, error: Error) -> Fault {
        self.spoiled = true;
        Fault::Final(error)
    }

    fn receive(&mut self, body: Body) -> Result<(), Fault> {
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            self.progress.check().map_err(Fault::Final)?;
            match reader.read(&mut buffer) {
                Ok(0) => return self.finish(),
                Ok(count) => self.keep(&buffer[..count])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::Cut(self.broke_off().because(error))),
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let count = bytes.len() as u64;
        if self.done + count > self.limit {
            return Err(self.spoil(self.too_much()));
        }
        // A full disk is no better for a part of a file.
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.spoil(Error::io("write", self.part, error)))?;
        self.done += count;
        let kilobytes = |bytes: u64| usize::try_from(bytes.div_ceil(1000)).unwrap_or(usize::MAX);
        let total = self.total.unwrap_or(self.done);
        self.progress.step("download", kilobytes(self.done), kilobytes(total), "kB");
        if self.pace.keeps_up(count) { Ok(()) } else { Err(Fault::Cut(self.too_slow())) }
    }

    fn too_much(&self) -> Error {
        let (url, limit) = (self.url, self.limit);
        let error = match self.total {
            Some(_) => Error::new(format!("{url} gives more than the {limit} bytes that it announced")),
            None => {
                Error::new(format!("{url} does not say how much it gives, and gave more than {limit} bytes"))
            }
        };
        error.help("nothing of it is kept; fetch the file yourself, look at it, and give its path")
    }

    fn too_slow(&self) -> Error {
        let seconds = self.pace.window.as_secs();
        Error::new(format!("{} gave less than {} kB in {seconds} seconds", self.url, LEAST / 1000))
            .help("what arrived is kept where the next run can go on from it; try again later")
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.total.is_some_and(|total| self.done < total) {
            return Err(Fault::Cut(self.broke_off()));
        }
        self.file.sync_all().map_err(|error| Fault::Final(Error::io("write", self.part, error)))
    }

    fn broke_off(&self) -> Error {
        let broke_off =
            |done: String| Error::new(format!("the download of {} broke off after {done}", self.url));
        match self.total {
            Some(total) => broke_off(format!("{} of {total} bytes", self.done))
                .help("what arrived is kept; the next run goes on from there"),
            None => broke_off(format!("{} bytes", self.done)).help("the next run starts over"),
        }
    }
}

/// How fast bytes come.
struct Pace {
    /// How long [`LEAST`] bytes may take.
    window: Duration,
    /// The beginning of this window, and what came since.
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Counts bytes that came; `false` if it were too few in a whole window.
    fn keeps_up(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        if self.since.elapsed() < self.window {
            return true;
        }
        let enough = self.bytes >= LEAST;
        (self.since, self.bytes) = (Instant::now(), 0);
        enough
    }
}

/// The length of the body, if it is told.
pub(super) fn length(response: &Response<Body>) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Where the body begins in the file, and how long the file is if that is told: `bytes 5-9/10`.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
}

/// Gives up what is there, because the server does not go on from its end.
fn start_again(url: &Url, part: &Path) -> Result<Error, Fault> {
    fs::remove_file(part).map_err(|error| Fault::Final(Error::io("remove", part, error)))?;
    Ok(Error::new(format!("{url} gave another part of the file than it was asked for"))
        .help("the next run starts over"))
}

pub(super) fn unreachable(url: &Url, error: &ureq::Error) -> Error {
    Error::new(format!("cannot reach {url}: {error}"))
        .help("check the network and the URL; or fetch the file yourself, and give its path")
}

pub(super) fn refused(url: &Url, status: StatusCode) -> Fault {
    let error = Error::new(format!("{url} answers HTTP {status}"));
    match status.as_u16() {
        404 | 410 => Fault::Final(error.help("there is no such file; check the URL")),
        401 | 403 => {
            Fault::Final(error.help("Kiln sends no password; fetch the file yourself, and give its path"))
        }
        429 | 500.. => Fault::Cut(error.help("the server has a problem; try again later")),
        _ => Fault::Final(error.help("fetch the file yourself, and give its path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(total: u64, free: u64) -> Result<u64, String> {
        let url = Url::parse("https://example.org/a.pt").unwrap();
        measured(&url, 1000, total, free).map_err(|fault| match fault {
            Fault::Final(error) => format!("{error}; {}", error.hint().unwrap_or_default()),
            Fault::Cut(_) => panic!("another try would bring no more"),
        })
    }

    #[test]
    fn a_disk_without_room_is_told_before_anything_is_written() {
        assert_eq!(told(5000, 4000), Ok(5000));
        insta::assert_snapshot!(told(5000, 3999).unwrap_err(), @"https://example.org/a.pt gives 4000 bytes more, and the disk has room for 3999; free some space (`kiln cache prune`), or name another place with `--store DIR`");
        assert!(told(MAX_BYTES + 1, u64::MAX).is_err());
    }
}
