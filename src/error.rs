//! The one error type of everything that is not a mistake in a pipeline file.
//!
//! Mistakes in a pipeline file are [`crate::spec::Problem`]s: many at a time, each with a place.
//! An [`Error`] is a single thing that stopped the program, told in one sentence, with a hint.

use std::{fmt, io, path::Path};

/// A result whose error is Kiln's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error means for the exit code (`kiln help exit-codes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A node, or a command doing a node's work, failed: exit code 1.
    Failed,
    /// The command line is wrong: exit code 2.
    Usage,
    /// The pipeline file is wrong; its problems were already shown: exit code 3.
    Invalid,
    /// The store can't be read or written: exit code 5.
    Store,
    /// A result is not what the lock says, or not what it was: exit code 4.
    Drift,
    /// Ctrl-C or SIGTERM: exit code 130 or 143.
    Interrupted,
}

impl ErrorKind {
    /// What the program says to the shell; 130 for each kind of interruption.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Drift => 4,
            Self::Store => 5,
            Self::Interrupted => 130,
        }
    }
}

/// One thing that stopped the program: what happened, why, and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A failure told in one sentence, lower case, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into(), help: None, source: None }
    }

    /// The command line asks for something that can't be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, ..Self::new(message) }
    }

    /// The pipeline file is wrong, and its problems have been shown.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, ..Self::new(message) }
    }

    /// The store can't be read or written.
    pub fn store(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Store, ..Self::new(message) }
    }

    /// The user, or the system, asked the program to stop.
    pub fn interrupted() -> Self {
        Self { kind: ErrorKind::Interrupted, ..Self::new("interrupted") }
    }

    /// `cannot <action> <path>`, because of `source`; `action` is a verb such as `read`.
    pub fn io(action: &str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::new(format!("cannot {action} {}", crate::shown::path(path.as_ref()))).because(source)
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, of another kind.
    #[must_use]
    pub fn of_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// What the error means for the exit code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What led to it, the nearest cause first, each told in its own words.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }

    /// The error and its causes on one line: `cannot read a.png: no permission`.
    pub fn chain(&self) -> String {
        [vec![self.message.clone()], self.causes()].concat().join(": ")
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl miette::Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }
}
