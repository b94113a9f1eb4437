use std::collections::VecDeque;

use super::hold::{Hold, Owned};

use crate::sync::Mutex;

/// Bounds how many loads are in flight.
pub(crate) struct LoadGate {
    inner: Mutex<Gate>,
    in_flight_max: usize,
    waiting_max: usize,
}

#[derive(Default)]
struct Gate {
    in_flight: usize,
    waiting: VecDeque<Hold<Owned>>,
}

/// What the gate says to a load.
pub(crate) enum Admitted {
    /// Begin now, and say when it is over.
    Now(Hold<Owned>),
    /// It begins when another is over.
    Later,
    /// Too many wait already.
    Full(Hold<Owned>),
}

impl LoadGate {
    pub(crate) fn new(in_flight_max: usize, waiting_max: usize) -> Self {
        Self { inner: Mutex::new(Gate::default()), in_flight_max, waiting_max }
    }

    pub(crate) fn admit(&self, hold: Hold<Owned>) -> Admitted {
        let mut gate = self.inner.lock();
        if gate.in_flight < self.in_flight_max {
            gate.in_flight += 1;
            return Admitted::Now(hold);
        }
        if gate.waiting.len() >= self.waiting_max {
            return Admitted::Full(hold);
        }
        gate.waiting.push_back(hold);
        Admitted::Later
    }

    /// One load is over; gives the next, which takes its place.
    pub(crate) fn over(&self) -> Option<Hold<Owned>> {
        let mut gate = self.inner.lock();
        let next = gate.waiting.pop_front();
        if next.is_none() {
            gate.in_flight -= 1;
        }
        next
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.inner.lock().in_flight
    }
}
