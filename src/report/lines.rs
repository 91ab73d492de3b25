//! One line for each thing that happens, and now and then one about progress.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{
    Reporter,
    pace::{Pace, Speed},
    words::{Line, Tone, time},
};
use crate::event::Event;

/// How long a node works between two lines about its progress.
const EVERY: Duration = Duration::from_secs(5);

/// Plain lines, for pipes and logs.
pub struct Lines<W: Write + Send> {
    colour: bool,
    only_trouble: bool,
    /// Where lines are broken, in characters.
    width: Option<usize>,
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    nodes: BTreeMap<String, (Pace, Instant)>,
}

impl<W: Write + Send> Lines<W> {
    /// Writes to `out`, with ANSI colours if `colour`.
    pub fn new(out: W, colour: bool) -> Self {
        Self {
            colour,
            only_trouble: false,
            width: None,
            state: Mutex::new(State { out, nodes: BTreeMap::new() }),
        }
    }

    /// Leaves out all that went well.
    #[must_use]
    pub fn only_trouble(mut self) -> Self {
        self.only_trouble = true;
        self
    }

    /// Breaks lines that are longer than a terminal is wide.
    #[must_use]
    pub fn within(mut self, width: Option<usize>) -> Self {
        self.width = width;
        self
    }

    fn report_at(&self, event: &Event, now: Instant) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        let line = match event {
            Event::NodeProgress { node, stage, done, total, unit } => {
                let (pace, shown) = state.nodes.entry(node.clone()).or_insert_with(|| (Pace::new(now), now));
                let speed = pace.step(stage, *done, *total, now);
                if now.duration_since(*shown) < EVERY {
                    return;
                }
                *shown = now;
                let text = format!("{node}: {}", progress(stage, *done, *total, unit, speed));
                Some(Line { tone: Tone::Calm, word: "Progress", text })
            }
            event => Line::of(event),
        };
        let wanted = |line: &Line| !self.only_trouble || matches!(line.tone, Tone::Bad | Tone::Careful);
        if let Some(line) = line.filter(wanted) {
            // That nothing can be written is no reason to stop the work.
            let _ = writeln!(state.out, "{}", line.folded(self.colour, self.width));
            let _ = state.out.flush();
        }
    }
}

impl<W: Write + Send> Reporter for Lines<W> {
    fn report(&self, event: &Event) {
        self.report_at(event, Instant::now());
    }
}

/// `epoch 3/100, 48 of 80 images, 120 images/s, 1 min 5 s left`.
pub(super) fn progress(stage: &str, done: u64, total: u64, unit: &str, speed: Speed) -> String {
    let mut text = format!("{stage}, {done} of {total} {unit}");
    if let Some(rate) = speed.rate {
        text.push_str(&format!(", {} {unit}/s", significant(rate)));
    }
    if let Some(left) = speed.left {
        let seconds = left.as_secs_f64().ceil();
        let left = if seconds < 60.0 { format!("{seconds} s") } else { time(seconds) };
        text.push_str(&format!(", {left} left"));
    }
    text
}

/// A number with about two digits that count.
fn significant(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(events: &[(u64, Event)]) -> String {
        let lines = Lines::new(Vec::new(), false);
        let start = Instant::now();
        for (seconds, event) in events {
            lines.report_at(event, start + Duration::from_secs(*seconds));
        }
        String::from_utf8(lines.state.into_inner().unwrap().out).unwrap()
    }

    #[test]
    fn a_run_reads_like_this() {
        let (fit, train) = (|| "fit".to_owned(), || "train".to_owned());
        let step = |number, done| Event::NodeProgress {
            node: fit(),
            stage: format!("epoch {number}/3"),
            done,
            total: 80,
            unit: "images".into(),
        };
        let events = [
            (
                0,
                Event::RunStarted {
                    pipeline: "mnist160".into(),
                    nodes: 4,
                    project: "/home/me/digits".into(),
                    because: "it has `.git`".into(),
                },
            ),
            (0, Event::NodeCached { node: "digits".into(), kind: "dataset".into(), key: "0".repeat(64) }),
            (0, Event::NodeWaiting { node: fit(), key: String::new(), twin: None }),
            (0, Event::NodeWaiting { node: fit(), key: String::new(), twin: Some("again".into()) }),
            (
                0,
                Event::NodeStarted {
                    node: fit(),
                    kind: train(),
                    key: String::new(),
                    reason: "epochs: 2 -> 3".into(),
                    resumed: true,
                },
            ),
            (1, step(1, 0)),
            (2, step(1, 40)),
            (7, step(1, 80)),
            (7, Event::NodeNote { node: fit(), line: "epoch 1/3: loss 2.3".into() }),
            (8, step(2, 8)),
            (9, Event::NodeWarning { node: fit(), line: "class `7` has one image".into() }),
            (
                9,
                Event::NodeFinished {
                    node: fit(),
                    kind: train(),
                    key: String::new(),
                    seconds: 9.2,
                    stored: false,
                },
            ),
            (
                9,
                Event::NodeFailed {
                    node: "score".into(),
                    error: "no such thing".into(),
                    help: Some("try".into()),
                },
            ),
            (9, Event::NodeSkipped { node: "best".into(), because: "score".into(), needs: true }),
            (9, Event::NodeSkipped { node: "guess".into(), because: "score".into(), needs: false }),
            (9, Event::NodeInterrupted { node: "onnx".into() }),
            (
                9,
                Event::ResultsReplaced {
                    nodes: vec![fit(), "score".into()],
                    keys: vec!["a".repeat(64), "b".repeat(64)],
                },
            ),
            (
                9,
                Event::RunFinished {
                    pipeline: "mnist160".into(),
                    ran: 1,
                    cached: 1,
                    failed: 1,
                    skipped: 1,
                    seconds: 9.4,
                    results: "/home/me/digits/runs/mnist160".into(),
                },
            ),
        ];
        insta::assert_snapshot!(shown(&events));
    }
}
