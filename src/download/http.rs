//! One request: what a server sends goes to the end of a file.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write as _},
    path::Path,
    time::Duration,
};

use ureq::{
    Agent, Body,
    http::{Response, StatusCode, header},
    tls::{RootCerts, TlsConfig},
};

use super::{MAX_BYTES, Url, size};
use crate::{
    error::{Error, Result},
    progress::Progress,
};

/// How long to wait for a server to be found and to take the call.
const CONNECT: Duration = Duration::from_secs(15);
/// How long to wait for it to say something more.
const SILENCE: Duration = Duration::from_secs(30);
/// How many other places in a row it may point to.
const REDIRECTS: u32 = 10;

/// Why a request did not bring the whole file.
pub enum Fault {
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
pub fn receive(url: &Url, part: &Path, progress: &Progress<'_>) -> Result<(), Fault> {
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
    let file = if start == 0 { File::create(part) } else { File::options().append(true).open(part) };
    let file = file.map_err(|error| Fault::Final(Error::io("write", part, error)))?;
    Download { url, part, file, done: start, total, progress }.copy(response.into_body())
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
    progress: &'a Progress<'a>,
}

impl Download<'_> {
    fn copy(mut self, body: Body) -> Result<(), Fault> {
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        self.check_size(self.total.unwrap_or(0))?;
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
        self.check_size(self.done + bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(|error| Fault::Final(Error::io("write", self.part, error)))?;
        self.done += bytes.len() as u64;
        let kilobytes = |bytes: u64| usize::try_from(bytes.div_ceil(1000)).unwrap_or(usize::MAX);
        let total = self.total.unwrap_or(self.done);
        self.progress.step("download", kilobytes(self.done), kilobytes(total), "kB");
        Ok(())
    }

    fn check_size(&self, bytes: u64) -> Result<(), Fault> {
        if bytes <= MAX_BYTES {
            return Ok(());
        }
        let message = format!("{} gives more than {MAX_BYTES} bytes, more than any model has", self.url);
        Err(Fault::Final(Error::new(message)))
    }

    fn finish(self) -> Result<(), Fault> {
        if self.total.is_some_and(|total| self.done < total) {
            return Err(Fault::Cut(self.broke_off()));
        }
        self.file.sync_all().map_err(|error| Fault::Final(Error::io("write", self.part, error)))
    }

    fn broke_off(&self) -> Error {
        let done = match self.total {
            Some(total) => format!("{} of {total} bytes", self.done),
            None => format!("{} bytes", self.done),
        };
        Error::new(format!("the download of {} broke off after {done}", self.url))
            .help("what arrived is kept; the next run goes on from there")
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
        .help("the next run begins anew"))
}

pub(super) fn unreachable(url: &Url, error: &ureq::Error) -> Error {
    Error::new(format!("cannot reach {url}: {error}"))
        .help("look at the network and the URL; or fetch the file yourself, and give its path")
}

pub(super) fn refused(url: &Url, status: StatusCode) -> Fault {
    let error = Error::new(format!("{url} answers HTTP {status}"));
    match status.as_u16() {
        404 | 410 => Fault::Final(error.help("there is no such file; look at the URL")),
        401 | 403 => {
            Fault::Final(error.help("Kiln sends no password; fetch the file yourself, and give its path"))
        }
        429 | 500.. => Fault::Cut(error.help("the server is in trouble; try again later")),
        _ => Fault::Final(error.help("fetch the file yourself, and give its path")),
    }
}
