//! Whether the threads of a model ever meet: act on one object, one of them writing, with neither before the other
//! by starting and joining threads. A run in which no two threads do says little, and its report says so.

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
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Write,
    Add,
    /// An `Arc` counts its owners in its own code: almost every model does it, and shares nothing by it.
    Count,
}

impl Deed {
    /// What a read-modify-write does.
    pub(super) fn of(op: Rmw, site: Site) -> Deed {
        let of_arc = || is_own_source(site.file()) && site.file().ends_with("rt/sync/arc.rs");
        match op {
            Rmw::Add(_) | Rmw::Sub(_) if of_arc() => Deed::Count,
            Rmw::Add(_) => Deed::Add,
            _ => Deed::Write,
        }
    }

    /// Whether it matters which of two comes first. A clone of an `Arc` is an addition on the line of the caller.
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
    /// Notes what the current thread does; whether another thread has met it there.
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
    /// The current thread acts on an object. Once two threads have met, nothing more is noted.
    pub(super) fn visit(&self, place: Place, deed: Deed) {
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
