//! Whether two threads of a model ever *meet*: whether both act on one object, one of them writing, and starting and joining
//! threads puts neither action before the other. A run in which no two threads meet shows little, and its report says so.

use super::threads::Threads;
use super::{Moment, Rmw, Session, Site, is_own_source};
use core::sync::atomic::Ordering::Relaxed;
use std::collections::HashMap;

/// An object of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Atomic(u32),
    Cell(u32),
    Token(usize),
    Object(u32),
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Write,
    Add,
    /// An `Arc` counts its owners. Almost every model does this, and shares nothing by it.
    Count,
}

impl Deed {
    /// Returns what a read-modify-write does.
    pub(super) fn of(op: Rmw, site: Site) -> Deed {
        let of_arc = || is_own_source(site.file()) && site.file().ends_with("rt/sync/arc.rs");
        match op {
            Rmw::Add(_) | Rmw::Sub(_) if of_arc() => Deed::Count,
            Rmw::Add(_) => Deed::Add,
            _ => Deed::Write,
        }
    }

    /// Returns whether the order of two deeds matters. (A clone of an `Arc` is an addition on the line of its caller.)
    fn conflicts(self, other: Deed) -> bool {
        use Deed::{Add, Count, Read};
        !matches!((self, other), (Read, Read) | (Count, Count | Add) | (Add, Count))
    }
}

/// The last deed of its kind of one thread.
struct Visit {
    moment: Moment,
    deed: Deed,
}

/// For each object the last deed of each kind of each thread.
#[derive(Default)]
pub(super) struct Meetings(HashMap<Place, Vec<Visit>>);

impl Meetings {
    /// Notes what the current thread does, and returns whether it meets another thread there.
    fn visit(&mut self, threads: &mut Threads, place: Place, deed: Deed) -> bool {
        let moment = threads.note_moment();
        let visits = self.0.entry(place).or_default();
        let clock = threads.clock();
        let met = visits.iter().any(|visit| visit.deed.conflicts(deed) && !clock.contains(visit.moment));
        let mine = |visit: &&mut Visit| visit.moment.thread == moment.thread && visit.deed == deed;
        match visits.iter_mut().find(mine) {
            Some(visit) => visit.moment = moment,
            None => visits.push(Visit { moment, deed }),
        }
        met
    }
}

impl Session {
    /// Notes that the current thread acts on an object, until two threads have met.
    pub(super) fn visit(&self, place: Place, deed: Deed) {
        self.disturb();
        if self.met.get() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if !state.threads.only_main() && state.meetings.visit(&mut state.threads, place, deed) {
            self.met.set(true);
            // Relaxed: a statistic.
            self.counters.met.fetch_add(1, Relaxed);
        }
    }
}
