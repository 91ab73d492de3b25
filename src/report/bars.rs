//! A bar for each node that works, and lines above for what happened.

use std::{collections::BTreeMap, sync::Mutex, time::Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Reporter, lines::progress, pace::Pace, words::Line};
use crate::{event::Event, width};

/// Bars, for a terminal.
pub struct Bars {
    colour: bool,
    screen: MultiProgress,
    nodes: Mutex<BTreeMap<String, (ProgressBar, Pace)>>,
}

impl Bars {
    /// Draws on standard output, with colours if `colour`.
    pub fn new(colour: bool) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        Self { colour, screen, nodes: Mutex::new(BTreeMap::new()) }
    }

    fn begin(&self, node: &str) {
        let bar = self.screen.add(ProgressBar::new(0));
        bar.set_style(self.style("{spinner} {prefix} {wide_msg}"));
        bar.set_prefix(node.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        let mut nodes = self.nodes.lock().expect(UNBROKEN);
        nodes.insert(node.to_owned(), (bar, Pace::new(Instant::now())));
    }

    fn step(&self, node: &str, stage: &str, done: u64, total: u64, unit: &str) {
        let mut nodes = self.nodes.lock().expect(UNBROKEN);
        let Some((bar, pace)) = nodes.get_mut(node) else { return };
        let speed = pace.step(stage, done, total, Instant::now());
        if bar.length() == Some(0) {
            bar.set_style(self.style("{spinner} {prefix} [{bar:24}] {wide_msg}"));
        }
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(progress(stage, done, total, unit, speed));
    }

    fn end(&self, node: &str) {
        if let Some((bar, _)) = self.nodes.lock().expect(UNBROKEN).remove(node) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }

    fn style(&self, template: &str) -> ProgressStyle {
        let template =
            if self.colour { template.replace("{spinner}", "{spinner:.cyan}") } else { template.to_owned() };
        let style = ProgressStyle::with_template(&template).expect("the templates are well formed");
        style.progress_chars("━╸─")
    }
}

const UNBROKEN: &str = "no holder of this lock panics";

impl Reporter for Bars {
    fn report(&self, event: &Event) {
        match event {
            Event::NodeProgress { node, stage, done, total, unit } => {
                self.step(node, stage, *done, *total, unit);
            }
            Event::NodeStarted { node, .. } => self.begin(node),
            Event::NodeFinished { node, .. }
            | Event::NodeFailed { node, .. }
            | Event::NodeInterrupted { node } => self.end(node),
            _ => {}
        }
        if let Some(line) = Line::of(event) {
            // A terminal that went away is no reason to stop the work.
            let _ = self.screen.println(line.folded(self.colour, width::of_stdout()));
        }
    }
}
