//! Problems beside the text they are about: for people, and as data.

use std::{cmp::Reverse, fmt, ops::Range};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    drawing::Drawing,
    problem::{Place, Problem},
    source::Source,
};
use crate::{shown, width};

/// How many problems of a file are shown; the others are counted.
pub const CAP: usize = 20;

/// How many problems are put in order; finding a place means reading the file again.
const SORTED: usize = 200;

/// How problems are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum MessageFormat {
    /// With the lines of the file, for people.
    #[default]
    Human,
    /// One JSON object a file, on one line.
    Json,
}

/// How text for people is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The width at which text is wrapped, in characters.
    pub width: usize,
    /// Whether colours and other escapes may be used.
    pub colour: bool,
}

impl Style {
    /// Without colour, 80 characters wide: the same on every machine.
    pub const PLAIN: Self = Self { width: 80, colour: false };

    /// For standard error: as wide as a terminal is, at most 80 characters; coloured, unless the user asks for `NO_COLOR`.
    pub fn of_stderr() -> Self {
        let terminal = width::of_stderr();
        let width = terminal.map_or(Self::PLAIN.width, |width| width.min(Self::PLAIN.width));
        Self { width, colour: terminal.is_some() && shown::takes_colours() }
    }
}

/// The problems in the order of their places, those of other texts last, without repetitions; of very many, the first are in order.
pub fn sorted(source: &Source, problems: &[Problem]) -> Vec<Problem> {
    // Half of the looks are left for the places that are shown.
    let (first, rest) = problems.split_at(problems.len().min(SORTED).min(source.looks_left() / 2));
    let mut sorted: Vec<Problem> = first.to_vec();
    sorted.sort_by_cached_key(|problem| {
        let range = source.locate(&problem.at);
        let text = problem.source(source);
        let other = (!std::ptr::eq(text, source)).then(|| text.name().to_owned());
        (other, range.start, Reverse(range.end), problem.code, problem.message.clone())
    });
    sorted.dedup();
    sorted.extend_from_slice(rest);
    sorted
}

/// The problems as text, each with the lines it is about.
pub fn human(source: &Source, problems: &[Problem], style: Style) -> String {
    let theme = if style.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(style.width)
        .with_links(false)
        .with_context_lines(1)
        .with_break_words(false);
    let problems = sorted(source, problems);
    let mut text = String::new();
    for problem in problems.iter().take(CAP) {
        let shown = Shown::new(source, problem);
        handler.render_report(&mut text, &shown).expect("writing into a string can't fail");
        text.push('\n');
    }
    if problems.len() > CAP {
        text.push_str(&format!("… and {}\n", shown::count(problems.len() - CAP, "more problem")));
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The problems of a file as data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileReport {
    /// The file as given.
    pub file: String,
    /// Whether nothing is wrong.
    pub valid: bool,
    /// The first [`CAP`] problems, by place.
    pub problems: Vec<ProblemReport>,
    /// How many more there are.
    pub omitted: usize,
}

/// A problem as data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemReport {
    /// The code of the mistake, e.g. `E0102`; `kiln explain E0102` tells more.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The place of the key, value or bytes that are wrong.
    pub at: Span,
    /// Other places that are the reason for the mistake.
    pub related: Vec<Span>,
    /// How to mend it, where something can be said.
    pub help: Option<String>,
    /// The change that mends it, where only one thing can have been meant.
    pub fix: Option<FixReport>,
}

/// A change as data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FixReport {
    /// What is replaced, or the empty place where something is added.
    pub at: Span,
    /// What comes there.
    pub replacement: String,
}

/// A place as data.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Span {
    /// The path of the file that the place is in, as it was given.
    pub file: String,
    /// The line that the place starts in, counted from 1.
    pub line: usize,
    /// The column that the place starts at, in characters from 1.
    pub column: usize,
    /// Where it starts, in bytes of the file from 0.
    pub start: usize,
    /// Where it ends, in bytes; the first byte after it.
    pub end: usize,
    /// What is said about it.
    pub label: String,
}

/// The problems as data.
pub fn report(source: &Source, problems: &[Problem]) -> FileReport {
    let problems = sorted(source, problems);
    FileReport {
        file: source.name().to_owned(),
        valid: problems.is_empty(),
        omitted: problems.len().saturating_sub(CAP),
        problems: problems.iter().take(CAP).map(|problem| problem_report(source, problem)).collect(),
    }
}

fn problem_report(source: &Source, problem: &Problem) -> ProblemReport {
    let place = |place: &Place, label: &str| {
        let source = place.source(source);
        span(source, source.locate(place), label)
    };
    let fix = problem.fix.as_ref().and_then(|fix| Some((fix.title(), fix.edit(source)?)));
    ProblemReport {
        code: problem.code,
        message: problem.message.clone(),
        at: place(&problem.at, &problem.label),
        related: problem.related.iter().map(|(at, label)| place(at, label)).collect(),
        help: problem.help.clone(),
        fix: fix.map(|(title, edit)| FixReport {
            at: span(edit.source, edit.range, &title),
            replacement: edit.text,
        }),
    }
}

fn span(source: &Source, range: Range<usize>, label: &str) -> Span {
    let (line, column) = source.line_column(range.start);
    let (start, end) = (range.start + source.before(), range.end + source.before());
    Span { file: source.name().to_owned(), line, column, start, end, label: label.to_owned() }
}

/// A problem as miette draws it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    source: Option<Drawing<'a>>,
    labels: Vec<LabeledSpan>,
}

impl<'a> Shown<'a> {
    fn new(source: &'a Source, problem: &'a Problem) -> Self {
        let told = std::iter::once((&problem.at, &problem.label))
            .chain(problem.related.iter().map(|(place, label)| (place, label)));
        let (places, texts): (Vec<_>, Vec<_>) =
            told.map(|(place, label)| ((place.source(source), source.locate(place)), label)).unzip();
        let Some(drawing) = Drawing::new(&places) else {
            return Self { problem, source: None, labels: Vec::new() };
        };
        let labels = places.iter().zip(texts).enumerate().filter_map(|(i, ((source, range), label))| {
            let text = (!label.is_empty()).then(|| label.clone());
            let range = drawing.range(source, range)?;
            let new = if i == 0 { LabeledSpan::new_primary_with_span } else { LabeledSpan::new_with_span };
            Some(new(text, range))
        });
        let labels = labels.collect();
        Self { problem, source: Some(drawing), labels }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(self.problem.code))
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
