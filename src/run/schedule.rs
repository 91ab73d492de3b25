//! Every node once, each after those it needs.

use std::{collections::BTreeMap, sync::mpsc, thread};

use super::{
    RunRequest, Summary,
    context::RunContext,
    step_run::{Ending, Finished},
};
use crate::{error::ErrorKind, event::Event, store::Artifact};

/// How the steps of a run ended.
pub(super) struct Outcome {
    /// What became of the nodes.
    pub summary: Summary,
    /// The worst kind of failure, if there was one.
    pub worst: Option<ErrorKind>,
    /// Whether a node was stopped or not begun because of a stop.
    pub interrupted: bool,
    /// What the steps gave that ended well, and the store has.
    pub results: BTreeMap<usize, Artifact>,
}

/// As much as a main thread has: training goes deep into graphs of operations.
pub(super) const STACK: usize = 8 << 20;

/// Where a node is.
enum State {
    /// It has not begun.
    Waiting,
    /// It is running, on a thread of its own.
    Running,
    /// It has ended with a result.
    Finished(Finished),
    /// It has ended, or never begun, without a result.
    Unavailable(Reason),
}

/// Why a node has no result.
#[derive(Clone)]
enum Reason {
    /// It, or a node that it needs, was stopped or not begun because of a stop.
    Stopped,
    /// It is this node, which failed, or it needs it.
    Failed(String),
    /// It was not begun, or needs one that was not, since this node had failed.
    NotBegun(String),
}

/// How many steps have a thread at the same time; a sweep may have thousands that could.
const MAX_AT_WORK: usize = 64;

struct Schedule<'a> {
    request: &'a RunRequest<'a>,
    wanted: &'a [usize],
    states: BTreeMap<usize, State>,
    summary: Summary,
    worst: Option<ErrorKind>,
    first_failed: Option<String>,
    interrupted: bool,
}

/// Runs each of the `wanted` steps as soon as what it needs is there, on a thread of its own.
pub(super) fn run_steps(request: &RunRequest<'_>, wanted: &[usize]) -> Outcome {
    let context = RunContext::new(request, wanted);
    let mut schedule = Schedule {
        request,
        wanted,
        states: wanted.iter().map(|&index| (index, State::Waiting)).collect(),
        summary: Summary::default(),
        worst: None,
        first_failed: None,
        interrupted: false,
    };
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            for (index, inputs) in schedule.begin() {
                let (send, context) = (send.clone(), &context);
                let work = move || {
                    // The receiver outlives all threads of the scope.
                    let _ = send.send((index, context.run_step(index, inputs)));
                };
                let name = request.plan.steps()[index].id.clone();
                thread::Builder::new()
                    .name(name)
                    .stack_size(STACK)
                    .spawn_scoped(scope, work)
                    .expect("the system can start a thread");
            }
            if !schedule.states.values().any(|state| matches!(state, State::Running)) {
                break;
            }
            let (index, ending) = receive.recv().expect("this function keeps a sender");
            schedule.record(index, ending);
        }
    });
    context.tell_replaced();
    let Schedule { summary, worst, interrupted, .. } = schedule;
    Outcome { summary, worst, interrupted, results: context.into_results() }
}

/// What the nodes that a node needs gave, by port.
pub(super) type Inputs = BTreeMap<String, Finished>;

impl Schedule<'_> {
    /// The steps that can begin now; those that can't any more are left out for good.
    fn begin(&mut self) -> Vec<(usize, Inputs)> {
        let mut ready = Vec::new();
        let mut at_work = self.states.values().filter(|state| matches!(state, State::Running)).count();
        for &index in self.wanted {
            if !matches!(self.states[&index], State::Waiting) {
                continue;
            }
            if let Some(reason) = self.blocked_by(index) {
                self.skip(index, reason);
            } else if at_work < MAX_AT_WORK
                && let Some(inputs) = self.inputs(index)
            {
                at_work += 1;
                self.states.insert(index, State::Running);
                ready.push((index, inputs));
            }
        }
        ready
    }

    /// Why a step will never begin.
    fn blocked_by(&mut self, index: usize) -> Option<Reason> {
        for (_, input) in &self.request.plan.steps()[index].inputs {
            if let State::Unavailable(reason) = &self.states[input] {
                return Some(reason.clone());
            }
        }
        let failed = self.first_failed.clone().filter(|_| !self.request.options.keep_going);
        if failed.is_none() && self.request.stop.requested() {
            self.interrupted = true;
            return Some(Reason::Stopped);
        }
        failed.map(Reason::NotBegun)
    }

    fn skip(&mut self, index: usize, reason: Reason) {
        let node = self.request.plan.steps()[index].id.clone();
        let skipped = |because: &str, needs| Event::NodeSkipped { node, because: because.to_owned(), needs };
        match &reason {
            Reason::Stopped => {}
            Reason::Failed(because) => (self.request.emit)(skipped(because, true)),
            Reason::NotBegun(because) => (self.request.emit)(skipped(because, false)),
        }
        self.summary.skipped += 1;
        self.states.insert(index, State::Unavailable(reason));
    }

    fn inputs(&self, index: usize) -> Option<Inputs> {
        let done = |(port, input): &(String, usize)| match &self.states[input] {
            State::Finished(done) => Some((port.clone(), done.clone())),
            _ => None,
        };
        self.request.plan.steps()[index].inputs.iter().map(done).collect()
    }

    fn record(&mut self, index: usize, ending: Ending) {
        let node = &self.request.plan.steps()[index].id;
        let state = match ending {
            Ending::Cached(done) => {
                self.summary.cached += 1;
                State::Finished(done)
            }
            Ending::Made(done) => {
                self.summary.ran += 1;
                State::Finished(done)
            }
            Ending::Interrupted => {
                self.interrupted = true;
                self.summary.skipped += 1;
                State::Unavailable(Reason::Stopped)
            }
            Ending::Failed(kind) => {
                self.summary.failed += 1;
                self.worst = Some(worse(self.worst, kind));
                self.first_failed.get_or_insert_with(|| node.clone());
                State::Unavailable(Reason::Failed(node.clone()))
            }
        };
        self.states.insert(index, state);
    }
}

/// Of two kinds of failure, that which the run ends with: trouble with the store first, then what failed, then what only
/// differs from the lock.
fn worse(before: Option<ErrorKind>, kind: ErrorKind) -> ErrorKind {
    match (before, kind) {
        (Some(ErrorKind::Store), _) | (_, ErrorKind::Store) => ErrorKind::Store,
        (Some(ErrorKind::Failed), _) => ErrorKind::Failed,
        (_, kind) => kind,
    }
}
