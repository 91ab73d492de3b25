//! How long work tells how far it is, and learns that it should stop.
//!
//! Both halves of the program use this and neither names the other: a room reports [`Update`]s
//! to a [`Progress`], the engine turns them into events, a reporter shows them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::error::{Error, Result};

/// Something a long piece of work has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// `done` of `total` `unit`s of `stage` are finished, e.g. 48 of 80 `images` of `epoch 3/100`.
    Step { stage: String, done: u64, total: u64, unit: &'static str },
    /// A line worth keeping, e.g. an epoch's metrics.
    Note(String),
    /// What came of the work in one line, e.g. a score: a note that is kept with the result.
    Headline(String),
    /// A number by which the result is compared with others, e.g. `top1`: kept with the result.
    Metric(String, f64),
    /// Something the user should look at, though the work goes on.
    Warning(String),
}

/// A flag that asks work to stop at its next safe point; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the work to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked the work to stop.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Fails if somebody asked the work to stop.
    ///
    /// # Errors
    /// [`Error::interrupted`], then.
    pub fn check(&self) -> Result<()> {
        if self.requested() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// Where long work reports to.
#[derive(Clone, Copy)]
pub struct Progress<'a> {
    sink: &'a (dyn Fn(Update) + Sync),
    stop: &'a Stop,
}

impl<'a> Progress<'a> {
    /// Reports go to `sink`; `stop` is looked at between pieces of work.
    pub fn new(sink: &'a (dyn Fn(Update) + Sync), stop: &'a Stop) -> Self {
        Self { sink, stop }
    }

    /// `done` of `total` `unit`s of `stage` are finished.
    pub fn step(&self, stage: impl Into<String>, done: usize, total: usize, unit: &'static str) {
        (self.sink)(Update::Step { stage: stage.into(), done: done as u64, total: total as u64, unit });
    }

    /// Says a line worth keeping.
    pub fn note(&self, line: impl Into<String>) {
        (self.sink)(Update::Note(line.into()));
    }

    /// Says what came of the work, in one line that is told again where the result is found in the store. A
    /// piece of work has one.
    pub fn headline(&self, line: impl Into<String>) {
        (self.sink)(Update::Headline(line.into()));
    }

    /// Gives a number by which the result is compared with others; one that is not finite is no such number.
    pub fn metric(&self, name: impl Into<String>, value: f64) {
        if value.is_finite() {
            (self.sink)(Update::Metric(name.into(), value));
        }
    }

    /// Says something the user should look at.
    pub fn warn(&self, line: impl Into<String>) {
        (self.sink)(Update::Warning(line.into()));
    }

    /// Whether the work should stop at its next safe point.
    pub fn stopped(&self) -> bool {
        self.stop.requested()
    }

    /// The flag that asks the work to stop.
    pub fn stop(&self) -> &'a Stop {
        self.stop
    }

    /// Fails if the work should stop.
    ///
    /// # Errors
    /// [`Error::interrupted`], then.
    pub fn check(&self) -> Result<()> {
        if self.stopped() { Err(Error::interrupted()) } else { Ok(()) }
    }
}
