//! Every node once, each after those it needs.

use std::{collections::BTreeMap, sync::mpsc, thread};

use super::{
    Job, Summary,
    turn::{Done, Turn, Workshop},
};
use crate::{error::ErrorKind, event::Event};

/// How a walk ended.
pub struct Ended {
    /// What became of the nodes.
    pub summary: Summary,
    /// The worst kind of failure, if there was one.
    pub trouble: Option<ErrorKind>,
    /// Whether a node was stopped or not begun because of a stop.
    pub interrupted: bool,
}

/// As much as a main thread has: training goes deep into graphs of operations.
pub(super) const STACK: usize = 8 << 20;

/// Where a node is.
enum State {
    /// It has not begun.
    Open,
    /// It is running, on a thread of its own.
    Busy,
    /// It has ended with a result.
    Done(Done),
    /// It has ended, or never begun, without a result.
    Lost(Loss),
}

/// Why a node has no result.
#[derive(Clone)]
enum Loss {
    /// It, or a node that it needs, was stopped or not begun because of a stop.
    Stopped,
    /// It is this node, which failed, or it needs it.
    Failed(String),
    /// It was not begun, or needs one that was not, since this node had failed.
    NotBegun(String),
}

struct Walk<'a> {
    job: &'a Job<'a>,
    wanted: &'a [usize],
    states: BTreeMap<usize, State>,
    summary: Summary,
    trouble: Option<ErrorKind>,
    first_failed: Option<String>,
    interrupted: bool,
}

/// Gives each of the `wanted` steps its turn, on a thread of its own.
pub fn walk(job: &Job<'_>, wanted: &[usize]) -> Ended {
    let workshop = Workshop::new(job, wanted);
    let mut walk = Walk {
        job,
        wanted,
        states: wanted.iter().map(|&index| (index, State::Open)).collect(),
        summary: Summary::default(),
        trouble: None,
        first_failed: None,
        interrupted: false,
    };
    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        loop {
            for (index, inputs) in walk.begin() {
                let (send, workshop) = (send.clone(), &workshop);
                let work = move || {
                    // The receiver outlives all threads of the scope.
                    let _ = send.send((index, workshop.turn(index, inputs)));
                };
                let name = job.plan.steps()[index].id.clone();
                thread::Builder::new()
                    .name(name)
                    .stack_size(STACK)
                    .spawn_scoped(scope, work)
                    .expect("the system can start a thread");
            }
            if !walk.states.values().any(|state| matches!(state, State::Busy)) {
                break;
            }
            let (index, turn) = receive.recv().expect("this function keeps a sender");
            walk.settle(index, turn);
        }
    });
    workshop.tell_replaced();
    Ended { summary: walk.summary, trouble: walk.trouble, interrupted: walk.interrupted }
}

/// What the nodes that a node needs gave, by port.
pub type Inputs = BTreeMap<String, Done>;

impl Walk<'_> {
    /// The steps that can begin now; those that can't any more are left out for good.
    fn begin(&mut self) -> Vec<(usize, Inputs)> {
        let mut ready = Vec::new();
        for &index in self.wanted {
            if !matches!(self.states[&index], State::Open) {
                continue;
            }
            if let Some(loss) = self.hindrance(index) {
                self.leave_out(index, loss);
            } else if let Some(inputs) = self.inputs(index) {
                self.states.insert(index, State::Busy);
                ready.push((index, inputs));
            }
        }
        ready
    }

    /// Why a step will never begin.
    fn hindrance(&mut self, index: usize) -> Option<Loss> {
        for (_, input) in &self.job.plan.steps()[index].inputs {
            if let State::Lost(loss) = &self.states[input] {
                return Some(loss.clone());
            }
        }
        let failed = self.first_failed.clone().filter(|_| !self.job.options.keep_going);
        if failed.is_none() && self.job.stop.requested() {
            self.interrupted = true;
            return Some(Loss::Stopped);
        }
        failed.map(Loss::NotBegun)
    }

    fn leave_out(&mut self, index: usize, loss: Loss) {
        let node = self.job.plan.steps()[index].id.clone();
        let skipped = |because: &str, needs| Event::NodeSkipped { node, because: because.to_owned(), needs };
        match &loss {
            Loss::Stopped => {}
            Loss::Failed(because) => (self.job.emit)(skipped(because, true)),
            Loss::NotBegun(because) => (self.job.emit)(skipped(because, false)),
        }
        self.summary.skipped += 1;
        self.states.insert(index, State::Lost(loss));
    }

    fn inputs(&self, index: usize) -> Option<Inputs> {
        let done = |(port, input): &(String, usize)| match &self.states[input] {
            State::Done(done) => Some((port.clone(), done.clone())),
            _ => None,
        };
        self.job.plan.steps()[index].inputs.iter().map(done).collect()
    }

    fn settle(&mut self, index: usize, turn: Turn) {
        let node = &self.job.plan.steps()[index].id;
        let state = match turn {
            Turn::Cached(done) => {
                self.summary.cached += 1;
                State::Done(done)
            }
            Turn::Made(done) => {
                self.summary.ran += 1;
                State::Done(done)
            }
            Turn::Interrupted => {
                self.interrupted = true;
                self.summary.skipped += 1;
                State::Lost(Loss::Stopped)
            }
            Turn::Failed(kind) => {
                self.summary.failed += 1;
                let store = kind == ErrorKind::Store || self.trouble == Some(ErrorKind::Store);
                self.trouble = Some(if store { ErrorKind::Store } else { kind });
                self.first_failed.get_or_insert_with(|| node.clone());
                State::Lost(Loss::Failed(node.clone()))
            }
        };
        self.states.insert(index, state);
    }
}
