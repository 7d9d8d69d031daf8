//! Vector clocks of events, in one flat array.
//!
//! Each event has three rows, with a number for each thread: how many of that thread's first events happen before
//! the event (`hb`), how many are in its causal prefix (`porf`), and how many happen before an event that acquires
//! from it (`message`; empty but for writes). Under a model whose happens-before is not that by which races are
//! judged, two more rows hold the `hb` and `message` of the latter.

use crate::event::{EventId, ThreadId};
use core::ops::Range;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clocks {
    numbers: Vec<u32>,
    /// Numbers in a row.
    width: usize,
    /// Rows of an event.
    rows: usize,
}

const HB: usize = 0;
const PORF: usize = 1;
const MESSAGE: usize = 2;
const RACES_HB: usize = 3;
const RACES_MESSAGE: usize = 4;

/// The two rows of a happens-before.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    hb: usize,
    message: usize,
}

impl Rows {
    /// Those of the model.
    pub(crate) const MODEL: Rows = Rows { hb: HB, message: MESSAGE };
    /// Those by which races are judged, where they are not the model's.
    pub(crate) const RACES: Rows = Rows { hb: RACES_HB, message: RACES_MESSAGE };
}

impl Clocks {
    /// Returns clocks of no events; `own` tells whether races have rows of their own.
    pub(crate) fn new(own: bool) -> Clocks {
        Clocks { numbers: Vec::new(), width: 4, rows: if own { 5 } else { 3 } }
    }

    #[inline]
    fn start(&self, id: EventId, row: usize) -> usize {
        (id as usize * self.rows + row) * self.width
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

    /// Returns the happens-before clock by which races are judged.
    #[inline]
    pub(crate) fn races(&self, id: EventId) -> &[u32] {
        self.row(id, if self.rows > RACES_HB { RACES_HB } else { HB })
    }

    /// Makes room for the rows of so many more events.
    pub(crate) fn reserve(&mut self, events: usize) {
        self.numbers.reserve(events * self.rows * self.width);
    }

    /// Makes room for the rows of one more event.
    pub(crate) fn push(&mut self, thread: ThreadId) {
        self.widen(thread as usize + 1);
        self.numbers.resize(self.numbers.len() + self.rows * self.width, 0);
    }

    pub(crate) fn truncate(&mut self, events: u32) {
        self.numbers.truncate(events as usize * self.rows * self.width);
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

    /// Begins the rows of an event as its predecessor's, without messages.
    #[inline]
    pub(crate) fn inherit(&mut self, id: EventId, before: Option<EventId>) {
        self.inherit_rows(id, before, HB..MESSAGE);
        if self.rows > RACES_HB {
            self.inherit_rows(id, before, RACES_HB..RACES_MESSAGE);
        }
    }

    /// Copies the rows from the predecessor, and empties the row after them, which is a message.
    #[inline(always)]
    fn inherit_rows(&mut self, id: EventId, before: Option<EventId>, rows: Range<usize>) {
        let (to, message) = (self.start(id, rows.start), self.start(id, rows.end));
        match before {
            Some(before) => {
                let from = self.start(before, rows.start)..self.start(before, rows.end);
                self.numbers.copy_within(from, to);
            }
            None => self.numbers[to..message].fill(0),
        }
        self.numbers[message..message + self.width].fill(0);
    }

    /// Sets how many events of `thread` happen before `id` and are in its prefix.
    #[inline]
    pub(crate) fn count(&mut self, id: EventId, thread: ThreadId, events: u32) {
        let own = self.rows > RACES_HB;
        let mut set = |row: usize| {
            let at = self.start(id, row) + thread as usize;
            self.numbers[at] = events;
        };
        set(HB);
        set(PORF);
        if own {
            set(RACES_HB);
        }
    }

    #[inline(always)]
    fn join(&mut self, (id, row): (EventId, usize), (other, from): (EventId, usize)) {
        let (to, from) = (self.start(id, row), self.start(other, from));
        let (mine, theirs) = if from < to {
            let (before, after) = self.numbers.split_at_mut(to);
            (&mut after[..self.width], &before[from..from + self.width])
        } else {
            let (before, after) = self.numbers.split_at_mut(from);
            (&mut before[to..to + self.width], &after[..self.width])
        };
        for (mine, theirs) in mine.iter_mut().zip(theirs) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Puts `other`, and all before it, into the causal prefix of `id`.
    pub(crate) fn follow(&mut self, id: EventId, other: EventId) {
        self.join((id, PORF), (other, PORF));
    }

    /// Lets `id` acquire the message of the write `other`.
    pub(crate) fn acquire(&mut self, rows: Rows, id: EventId, other: EventId) {
        self.join((id, rows.hb), (other, rows.message));
    }

    /// Lets `other` happen before `id`.
    pub(crate) fn order(&mut self, rows: Rows, id: EventId, other: EventId) {
        self.join((id, rows.hb), (other, rows.hb));
    }

    /// Lets all that happens before `other` happen before every event that acquires from `id`.
    pub(crate) fn publish(&mut self, rows: Rows, id: EventId, other: EventId) {
        self.join((id, rows.message), (other, rows.hb));
    }

    /// Passes the message of `other` on with `id` (a release sequence).
    pub(crate) fn pass_on(&mut self, rows: Rows, id: EventId, other: EventId) {
        self.join((id, rows.message), (other, rows.message));
    }

    /// Appends the rows that `other` has for `id`.
    pub(crate) fn copy_from(&mut self, other: &Clocks, id: EventId) {
        let start = other.start(id, HB);
        self.numbers.extend_from_slice(&other.numbers[start..start + other.rows * other.width]);
    }

    /// Forgets all events, makes the rows as wide as those of `other`, and room for so many events.
    pub(crate) fn clear_as(&mut self, other: &Clocks, events: usize) {
        (self.width, self.rows) = (other.width, other.rows);
        self.numbers.clear();
        self.numbers.reserve(events * self.rows * self.width);
    }
}
