//! Events, counts, times and sizes as people say them.

use std::{path::Path, time::Duration};

use crate::{
    event::{Event, KeptPoint},
    paths, shown, width,
};

/// What a line is about, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Work that goes on or went well.
    Good,
    /// News that needs no attention.
    Calm,
    /// A warning, or anything else that deserves a look.
    Careful,
    /// A failure of a node or of the run.
    Bad,
}

/// An event as one line: a word that says what happened, and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Decides the colour of the word.
    pub tone: Tone,
    /// What happened, e.g. `Cached`.
    pub word: &'static str,
    /// To what, and how.
    pub text: String,
}

/// How wide the column of words is.
const WIDTH: usize = 11;

impl Line {
    /// The line of an event; progress has none.
    pub fn of(event: &Event) -> Option<Self> {
        let line = |tone, word, text| Some(Self { tone, word, text });
        match event {
            Event::RunStarted { pipeline, nodes, project, because } => {
                let text = format!(
                    "{pipeline}, {}, in {} ({because})",
                    shown::count(*nodes, "node"),
                    shown::text(project)
                );
                line(Tone::Good, "Pipeline", text)
            }
            Event::DeviceChosen { device, because } => {
                line(Tone::Calm, "Device", format!("{device}, since {}", shown::text(because)))
            }
            Event::RunWarning { line: text } => {
                line(Tone::Careful, "Warning", shown::text(text).into_owned())
            }
            Event::NodeCached { node, kind, .. } => line(Tone::Calm, "Cached", format!("{node} ({kind})")),
            Event::NodeStarted { node, kind, reason, resumed, .. } => {
                let word = if *resumed { "Resuming" } else { "Running" };
                line(Tone::Good, word, format!("{node} ({kind}): {}", shown::text(reason)))
            }
            Event::NodeWaiting { node, twin: None, .. } => {
                line(Tone::Calm, "Waiting", format!("{node}: another run is making the same result"))
            }
            Event::NodeWaiting { node, twin: Some(twin), .. } => line(
                Tone::Calm,
                "Waiting",
                format!("{node}: `{twin}` has the same recipe, and the work is done once"),
            ),
            Event::NodeProgress { .. } | Event::NodeMetric { .. } => None,
            Event::NodeNote { node, line: text } => {
                line(Tone::Calm, "Note", format!("{node}: {}", shown::text(text)))
            }
            Event::NodeWarning { node, line: text } => {
                line(Tone::Careful, "Warning", format!("{node}: {}", shown::text(text)))
            }
            Event::NodeDrift { node, fact, locked, now } => line(
                Tone::Bad,
                "Drift",
                format!("{node}: {}", drift(fact, locked.as_deref(), now.as_deref())),
            ),
            Event::NodeFinished { node, kind, seconds, stored, .. } => {
                let aside = if *stored { "" } else { ", not stored" };
                line(Tone::Good, "Finished", format!("{node} ({kind}) in {}{aside}", time(*seconds)))
            }
            Event::NodeFailed { node, error, help } => {
                let margin = " ".repeat(WIDTH + " help: ".len());
                let shown = |help: &String| format!("\n{:WIDTH$} help: {}", "", shown::lines(help, &margin));
                let help = help.as_ref().map(shown).unwrap_or_default();
                line(Tone::Bad, "Failed", format!("{node}: {}{help}", shown::text(error)))
            }
            Event::NodeSkipped { node, because, needs: true } => {
                line(Tone::Careful, "Skipped", format!("{node}: it needs `{because}`, which failed"))
            }
            Event::NodeSkipped { node, because, needs: false } => {
                let why = format!("not begun, since `{because}` failed (`--keep-going` goes on)");
                line(Tone::Careful, "Skipped", format!("{node}: {why}"))
            }
            Event::NodeInterrupted { node } => {
                line(Tone::Careful, "Interrupted", format!("{node}: the next run goes on from here"))
            }
            Event::PointsKept { by, next, of, kept } => {
                let point = |one: &KeptPoint| format!("{} ({:.4})", one.point, one.value);
                let kept: Vec<_> = kept.iter().map(point).collect();
                let count =
                    format!("{} of {of} {} on", kept.len(), if kept.len() == 1 { "goes" } else { "go" });
                line(Tone::Good, "Halving", format!("{count} with {next}, by {by}: {}", kept.join(", ")))
            }
            Event::ResultsReplaced { nodes, keys } => {
                let key = |key: &String| key[..key.len().min(12)].to_owned();
                let both = nodes.iter().zip(keys).map(|(node, full)| format!("{node} ({})", key(full)));
                let text = both.collect::<Vec<_>>().join(", ");
                let first = keys.first().map(key).unwrap_or_default();
                line(Tone::Careful, "Replaced", format!("{text}; `kiln restore {first}` brings one back"))
            }
            Event::RunFinished { pipeline, ran, cached, failed, skipped, seconds, results } => {
                let counts = counts(*ran, *cached, *failed, *skipped);
                // Without a failure, only a stop leaves nodes out.
                let (tone, word) = match (*failed, *skipped) {
                    (0, 0) => (Tone::Good, "Done"),
                    (0, _) => (Tone::Careful, "Stopped"),
                    _ => (Tone::Bad, "Done"),
                };
                line(
                    tone,
                    word,
                    format!(
                        "{pipeline} in {}: {counts}; results in {}",
                        time(*seconds),
                        shown::path(paths::from_here(Path::new(results)))
                    ),
                )
            }
        }
    }

    /// As [`Self::text`], broken between words where it is longer than `width`.
    pub fn folded(&self, colour: bool, width: Option<usize>) -> String {
        width::hung(&self.text(colour), width, WIDTH + 1)
    }

    /// The line as text, with ANSI colours if `colour`.
    pub fn text(&self, colour: bool) -> String {
        let Self { tone, word, text } = self;
        if !colour {
            return format!("{word:>WIDTH$} {text}");
        }
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Calm => "1;36",
            Tone::Careful => "1;33",
            Tone::Bad => "1;31",
        };
        format!("\x1b[{code}m{word:>WIDTH$}\x1b[0m {text}")
    }
}

/// `epochs is 100 in the lock, and 50 now`.
fn drift(fact: &str, locked: Option<&str>, now: Option<&str>) -> String {
    let fact = shown::text(fact);
    match (locked.map(shown::fact), now.map(shown::fact)) {
        (Some(_), None) if fact == "node" => "the lock has it, and the pipeline does not".to_owned(),
        (None, Some(_)) if fact == "node" => "the lock does not have it".to_owned(),
        (Some(locked), Some(now)) => format!("{fact} is {locked} in the lock, and {now} now"),
        (Some(locked), None) => format!("{fact} is {locked} in the lock, and there is none now"),
        (None, now) => format!("{fact} is {} now, and the lock has none", now.unwrap_or_default()),
    }
}

/// `3 ran, 4 cached`; failures and what was left out only where there are any.
fn counts(ran: usize, cached: usize, failed: usize, skipped: usize) -> String {
    let mut parts = vec![format!("{ran} ran"), format!("{cached} cached")];
    parts.extend((failed > 0).then(|| format!("{failed} failed")));
    parts.extend((skipped > 0).then(|| format!("{skipped} skipped")));
    parts.join(", ")
}

/// `8 ms`, `2.5 s`, `1 min 5 s`, `2 h 3 min`.
pub fn time(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        s if s < 59.95 => format!("{s:.1} s"),
        _ if whole < 3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// `12 B`, `3.4 MiB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1023.95 || unit == "TiB" {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    unreachable!("the last unit takes everything")
}

/// `now`, `5 min ago`, `3 h ago`, `12 days ago`.
pub fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => "now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} ago", shown::count((seconds / 86_400) as usize, "day")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_acts_on_no_terminal_and_forges_no_line() {
        let evil = || "a\u{1b}[31m\n       Done p in 1 s".to_owned();
        let events = [
            Event::NodeNote { node: "n".into(), line: evil() },
            Event::NodeWarning { node: "n".into(), line: evil() },
            Event::NodeFailed { node: "n".into(), error: evil(), help: Some(evil()) },
        ];
        let lines = events.map(|event| Line::of(&event).unwrap().text(false));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn times_and_sizes() {
        let times: Vec<_> = [0.0083, 0.9996, 2.49, 59.96, 65.2, 3600.0, 7384.0].map(time).to_vec();
        assert_eq!(times, ["8 ms", "1.0 s", "2.5 s", "1 min 0 s", "1 min 5 s", "1 h 0 min", "2 h 3 min"]);
        let sizes: Vec<_> = [12, 1023, 1024, 3_565_158, 20 << 30, u64::MAX].map(size).to_vec();
        assert_eq!(sizes, ["12 B", "1023 B", "1.0 KiB", "3.4 MiB", "20.0 GiB", "16777216.0 TiB"]);
        let ages: Vec<_> = [5, 300, 7300, 90_000, 200_000].map(|s| ago(Duration::from_secs(s))).to_vec();
        assert_eq!(ages, ["now", "5 min ago", "2 h ago", "1 day ago", "2 days ago"]);
    }
}
