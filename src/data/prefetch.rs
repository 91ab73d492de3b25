//! Work done ahead by threads, and handed over in order.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

/// The results of `work(0)`, `work(1)`, … in order, made by other threads before they are asked for.
///
/// At most `window` results are begun and not yet taken. Dropping it stops the threads.
pub(crate) struct Prefetch<T> {
    shared: Arc<Shared<T>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Told when a result was finished.
    finished: Condvar,
    /// Told when a result was taken, or no more results are wanted.
    taken: Condvar,
}

struct State<T> {
    /// The next position to begin.
    next: usize,
    /// The next position to hand over.
    wanted: usize,
    /// One behind the last position.
    end: usize,
    window: usize,
    done: BTreeMap<usize, thread::Result<T>>,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Does `work` for every position of `positions`, on `threads` threads, at most `window` ahead.
    pub(crate) fn new(
        positions: std::ops::Range<usize>,
        threads: usize,
        window: usize,
        work: impl Fn(usize) -> T + Send + Sync + 'static,
    ) -> Self {
        let threads = threads.max(1).min(positions.len());
        let state = State {
            next: positions.start,
            wanted: positions.start,
            end: positions.end.max(positions.start),
            window: window.max(threads),
            done: BTreeMap::new(),
        };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), finished: Condvar::new(), taken: Condvar::new() });
        let work = Arc::new(work);
        let spawn = |_| {
            let (shared, work) = (shared.clone(), work.clone());
            thread::spawn(move || shared.serve(&*work))
        };
        let threads = (0..threads).map(spawn).collect();
        Self { shared, threads }
    }
}

impl<T> Shared<T> {
    /// Nothing panics while the lock is held, so a poisoned lock still guards sound data.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, work: &impl Fn(usize) -> T) {
        while let Some(position) = self.claim() {
            let result = catch_unwind(AssertUnwindSafe(|| work(position)));
            self.lock().done.insert(position, result);
            self.finished.notify_one();
        }
    }

    /// The next position, as soon as the window reaches it.
    fn claim(&self) -> Option<usize> {
        let mut state = self.lock();
        while state.next < state.end && state.next >= state.wanted + state.window {
            state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let position = state.next;
        (position < state.end).then(|| {
            state.next += 1;
            position
        })
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let mut state = self.shared.lock();
        if state.wanted >= state.end {
            return None;
        }
        let wanted = state.wanted;
        let result = loop {
            match state.done.remove(&wanted) {
                Some(result) => break result,
                None => state = self.shared.finished.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        state.wanted += 1;
        drop(state);
        self.shared.taken.notify_all();
        Some(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<T> Drop for Prefetch<T> {
    fn drop(&mut self) {
        self.shared.lock().end = 0;
        self.shared.taken.notify_all();
        for thread in self.threads.drain(..) {
            // The thread catches the panics of the work and has none of its own.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let work = |position: usize| {
                thread::sleep(Duration::from_micros(((position * 7919) % 13) as u64 * 50));
                position * position
            };
            let results: Vec<usize> = Prefetch::new(3..60, threads, 4, work).collect();
            assert_eq!(results, (3..60).map(|position| position * position).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_position_is_worked_on_once_and_none_behind_the_end() {
        let begun = Arc::new(Mutex::new(Vec::new()));
        let list = begun.clone();
        assert_eq!(Prefetch::new(3..9, 2, 4, move |position| list.lock().unwrap().push(position)).count(), 6);
        begun.lock().unwrap().sort_unstable();
        assert_eq!(*begun.lock().unwrap(), [3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn no_thread_outlives_what_it_works_for() {
        let held = Arc::new(());
        let work = held.clone();
        let mut ahead = Prefetch::new(0..1000, 2, 5, move |_| Arc::strong_count(&work));
        ahead.next();
        drop(ahead);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn nothing_runs_further_ahead_than_the_window() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counter = begun.clone();
        let mut ahead = Prefetch::new(0..1000, 2, 5, move |_| counter.fetch_add(1, Ordering::SeqCst));
        ahead.next();
        thread::sleep(Duration::from_millis(30));
        assert!(begun.load(Ordering::SeqCst) <= 6, "{begun:?}");
        drop(ahead);
        assert!(begun.load(Ordering::SeqCst) <= 8, "{begun:?}");
    }

    #[test]
    fn a_panic_of_the_work_reaches_the_reader() {
        let mut ahead = Prefetch::new(0..9, 2, 2, |position| assert_ne!(position, 1, "one"));
        assert!(ahead.next().is_some());
        assert!(catch_unwind(AssertUnwindSafe(|| ahead.next())).is_err());
    }

    #[test]
    fn no_positions_are_no_results() {
        assert_eq!(Prefetch::new(5..5, 3, 1, |position| position).next(), None);
    }
}
