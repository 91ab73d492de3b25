//! How many steps may work at once.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex},
    time::Duration,
};

use crate::{
    error::{Error, Result},
    progress::Stop,
};

/// Lets a number of nodes in at once; of those that wait, the first in the plan goes first.
pub(super) struct Semaphore {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free: usize,
    waiting: BTreeSet<usize>,
}

/// The right to work; dropping it lets the next one in.
pub(super) struct Permit<'g>(&'g Semaphore);

const UNBROKEN: &str = "no holder of this lock panics";

impl Semaphore {
    /// Room for `places` nodes.
    pub(super) fn new(places: usize) -> Self {
        Self { state: Mutex::new(State { free: places, waiting: BTreeSet::new() }), changed: Condvar::new() }
    }

    /// Waits for a place for step `index`.
    ///
    /// # Errors
    /// Of kind interrupted, when the run is stopped meanwhile.
    pub(super) fn acquire(&self, index: usize, stop: &Stop) -> Result<Permit<'_>> {
        let mut state = self.state.lock().expect(UNBROKEN);
        state.waiting.insert(index);
        while state.free == 0 || state.waiting.first() != Some(&index) {
            if stop.requested() {
                state.waiting.remove(&index);
                self.changed.notify_all();
                return Err(Error::interrupted());
            }
            state = self.changed.wait_timeout(state, Duration::from_millis(50)).expect(UNBROKEN).0;
        }
        state.waiting.remove(&index);
        state.free -= 1;
        self.changed.notify_all();
        Ok(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().expect(UNBROKEN).free += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn the_first_in_the_plan_goes_first() {
        let (semaphore, stop) = (Semaphore::new(1), Stop::default());
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            let held = semaphore.acquire(0, &stop).unwrap();
            for index in [3, 1, 2] {
                let (semaphore, stop, send) = (&semaphore, &stop, send.clone());
                scope.spawn(move || {
                    let _permit = semaphore.acquire(index, stop).unwrap();
                    send.send(index).unwrap();
                });
            }
            while semaphore.state.lock().unwrap().waiting.len() < 3 {
                thread::yield_now();
            }
            drop(held);
        });
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_stop_ends_the_wait() {
        let (semaphore, stop) = (Semaphore::new(0), Stop::default());
        stop.request();
        assert!(semaphore.acquire(0, &stop).is_err());
        assert!(semaphore.state.lock().unwrap().waiting.is_empty());
    }
}
