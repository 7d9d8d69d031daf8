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

/// The last read or write of one thread.
struct Visit {
    moment: Moment,
    write: bool,
}

/// For each object the last read and the last write of each thread.
#[derive(Default)]
pub(super) struct Meetings(HashMap<Place, Vec<Visit>>);

impl Meetings {
    /// Notes what the current thread does; whether another thread has met it there.
    fn visit(&mut self, threads: &mut Threads, place: Place, write: bool) -> bool {
        let moment = threads.note_moment();
        let visits = self.0.entry(place).or_default();
        let clock = threads.clock();
        let met = visits.iter().any(|visit| (visit.write || write) && !clock.contains(visit.moment));
        let mine = |visit: &&mut Visit| visit.moment.thread == moment.thread && visit.write == write;
        match visits.iter_mut().find(mine) {
            Some(visit) => visit.moment = moment,
            None => visits.push(Visit { moment, write }),
        }
        met
    }
}

/// Whether this counts the owners of an `Arc`: almost every model does, and shares nothing by it.
pub(super) fn counts_owners(op: Rmw, site: Site) -> bool {
    let counts = matches!(op, Rmw::Add(_) | Rmw::Sub(_));
    counts && is_own_source(site.file()) && site.file().ends_with("rt/sync/arc.rs")
}

impl Session {
    /// The current thread acts on an object. Once two threads have met, nothing more is noted.
    pub(super) fn visit(&self, place: Place, write: bool) {
        if self.met.get() {
            return;
        }
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if !state.threads.only_main() && state.meetings.visit(&mut state.threads, place, write) {
            self.met.set(true);
            // Relaxed: a statistic.
            self.counters.met.fetch_add(1, Relaxed);
        }
    }
}
