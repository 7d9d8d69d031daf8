//! Vector clocks of events, in one flat array.
//!
//! Each event has three rows, with a number for each thread: how many of that thread's first events
//! happen before it (`hb`), how many are in its causal prefix (`porf`), and how many happen before
//! every event that acquires from it (`message`; empty but for writes).

use crate::event::{EventId, ThreadId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clocks {
    numbers: Vec<u32>,
    /// Numbers in a row.
    width: usize,
}

const ROWS: usize = 3;
const HB: usize = 0;
const PORF: usize = 1;
const MESSAGE: usize = 2;

impl Default for Clocks {
    fn default() -> Clocks {
        Clocks { numbers: Vec::new(), width: 4 }
    }
}

impl Clocks {
    #[inline]
    fn start(&self, id: EventId, row: usize) -> usize {
        (id as usize * ROWS + row) * self.width
    }

    #[inline]
    fn row(&self, id: EventId, row: usize) -> &[u32] {
        let start = self.start(id, row);
        &self.numbers[start..start + self.width]
    }

    #[inline]
    pub(crate) fn hb(&self, id: EventId) -> &[u32] {
        self.row(id, HB)
    }

    #[inline]
    pub(crate) fn porf(&self, id: EventId) -> &[u32] {
        self.row(id, PORF)
    }

    /// Makes room for the rows of one more event.
    pub(crate) fn push(&mut self, thread: ThreadId) {
        self.widen(thread as usize + 1);
        self.numbers.resize(self.numbers.len() + ROWS * self.width, 0);
    }

    pub(crate) fn truncate(&mut self, events: u32) {
        self.numbers.truncate(events as usize * ROWS * self.width);
    }

    /// Makes room for this many threads.
    pub(crate) fn widen(&mut self, threads: usize) {
        if threads <= self.width {
            return;
        }
        let (old, new) = (self.width, threads.next_power_of_two());
        let mut numbers = Vec::with_capacity(self.numbers.len() / old * new);
        for row in self.numbers.chunks_exact(old) {
            numbers.extend_from_slice(row);
            numbers.resize(numbers.len() + new - old, 0);
        }
        self.numbers = numbers;
        self.width = new;
    }

    /// Begins the rows of an event as its predecessor's, without a message.
    pub(crate) fn inherit(&mut self, id: EventId, before: Option<EventId>) {
        let (width, to) = (self.width, self.start(id, HB));
        match before {
            Some(before) => {
                let from = self.start(before, HB);
                self.numbers.copy_within(from..from + 2 * width, to);
            }
            None => self.numbers[to..to + 2 * width].fill(0),
        }
        self.numbers[to + 2 * width..to + 3 * width].fill(0);
    }

    /// Sets how many events of `thread` happen before `id` and are in its prefix.
    pub(crate) fn count(&mut self, id: EventId, thread: ThreadId, events: u32) {
        for row in [HB, PORF] {
            let at = self.start(id, row) + thread as usize;
            self.numbers[at] = events;
        }
    }

    fn join(&mut self, (id, row): (EventId, usize), (other, from): (EventId, usize)) {
        let (to, from) = (self.start(id, row), self.start(other, from));
        for at in 0..self.width {
            let number = self.numbers[from + at];
            if number > self.numbers[to + at] {
                self.numbers[to + at] = number;
            }
        }
    }

    /// Puts `other`, and all before it, into the causal prefix of `id`.
    pub(crate) fn follow(&mut self, id: EventId, other: EventId) {
        self.join((id, PORF), (other, PORF));
    }

    /// Lets `id` acquire the message of the write `other`.
    pub(crate) fn acquire(&mut self, id: EventId, other: EventId) {
        self.join((id, HB), (other, MESSAGE));
    }

    /// Lets `other` happen before `id`.
    pub(crate) fn order(&mut self, id: EventId, other: EventId) {
        self.join((id, HB), (other, HB));
    }

    /// Lets all that happens before `other` happen before every event that acquires from `id`.
    pub(crate) fn publish(&mut self, id: EventId, other: EventId) {
        self.join((id, MESSAGE), (other, HB));
    }

    /// Passes the message of `other` on with `id` (a release sequence).
    pub(crate) fn pass_on(&mut self, id: EventId, other: EventId) {
        self.join((id, MESSAGE), (other, MESSAGE));
    }

    /// Appends the rows that `other` has for `id`.
    pub(crate) fn copy_from(&mut self, other: &Clocks, id: EventId) {
        let start = other.start(id, HB);
        self.numbers.extend_from_slice(&other.numbers[start..start + ROWS * other.width]);
    }

    /// Returns no clocks, with room for as many threads.
    pub(crate) fn like(other: &Clocks, events: usize) -> Clocks {
        Clocks { numbers: Vec::with_capacity((events + 8) * ROWS * other.width), width: other.width }
    }
}
