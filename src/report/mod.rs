//! WHAT IS SHOWN: events as text on a terminal, as plain lines in a pipe, or as JSON.

mod bars;
mod json;
mod lines;
mod pace;
mod stdout;
pub mod words;

use std::io::{self, IsTerminal as _};

pub use self::{
    bars::Bars,
    json::Json,
    lines::Lines,
    stdout::{Stdout, remember, written},
};
use crate::{event::Event, shown, width};

/// Shows events. Called from several threads.
pub trait Reporter: Send + Sync {
    /// Shows one event, in the reporter's own way.
    fn report(&self, event: &Event);
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Bars on a terminal, plain lines otherwise.
    #[default]
    Auto,
    /// One line for each thing that happens.
    Plain,
    /// One JSON object for each thing that happens, on a line of its own.
    Json,
    /// Nothing but failures and warnings.
    Quiet,
}

/// The reporter for standard output.
pub fn for_stdout(format: Format) -> Box<dyn Reporter> {
    let terminal = io::stdout().is_terminal();
    let width = width::of_stdout();
    let colour = terminal && shown::takes_colours();
    match format {
        Format::Auto if terminal => Box::new(Bars::new(colour)),
        Format::Auto | Format::Plain => Box::new(Lines::new(Stdout, colour).within(width)),
        Format::Json => Box::new(Json::new(Stdout)),
        Format::Quiet => Box::new(Lines::new(Stdout, colour).within(width).only_trouble()),
    }
}
