//! What a harness that records operations may ask: which thread runs, and which operation comes before which.

use super::threads::Threads;
use super::{Current, Moment, ThreadId, current};

/// How the run on this OS thread orders what different threads do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeline {
    /// By real time, or by the order of an interleaving, which serves as well.
    RealTime,
    /// By happens-before alone, which [`is_before_now`] decides.
    HappensBefore,
    /// By each thread's program order, and by starting and joining threads, which [`is_before_now`] decides.
    ProgramOrder,
}

/// Returns how the current run orders what different threads do.
pub fn timeline() -> Timeline {
    match current() {
        Current::Outside | Current::Native(_) => Timeline::RealTime,
        Current::Model(session) if session.backend.graph().is_some() => Timeline::HappensBefore,
        Current::Model(session) if session.backend.memory().is_some() => Timeline::ProgramOrder,
        Current::Model(_) => Timeline::RealTime,
    }
}

/// Returns the current thread's number in its execution; `None` outside any.
pub fn this_thread() -> Option<ThreadId> {
    match current() {
        Current::Outside => None,
        Current::Native(run) => Some(run.this_thread()),
        Current::Model(session) => Some(session.this_thread()),
    }
}

/// Returns how many operations the current thread has made in this execution; 0 outside any.
pub fn own_steps() -> u64 {
    match current() {
        Current::Model(session) => session.state.borrow_mut().threads.steps(),
        Current::Outside | Current::Native(_) => 0,
    }
}

/// Returns the current moment of the current thread's program order, for [`is_before_now`]; `None` where there is only
/// real time.
pub fn moment() -> Option<Moment> {
    let Current::Model(session) = current() else { return None };
    match session.backend.graph() {
        Some(graph) => Some(graph.moment()),
        None => Some(session.state.borrow_mut().threads.note_moment()),
    }
}

/// Returns whether a moment of the same execution is known to come before what the current thread does now.
pub fn is_before_now(moment: Moment) -> bool {
    let Current::Model(session) = current() else { return false };
    match session.backend.graph() {
        Some(graph) => graph.is_ordered(moment),
        None => session.state.borrow_mut().threads.clock().contains(moment),
    }
}

/// For each thread, how many of its noted moments come before: by program order, and by starting and joining threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Vec<u32>);

impl Clock {
    pub(super) fn join(&mut self, other: &Clock) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }

    pub(super) fn contains(&self, moment: Moment) -> bool {
        self.0.get(moment.thread as usize).is_some_and(|events| *events >= moment.events)
    }
}

impl Threads {
    pub(super) fn note_moment(&mut self) -> Moment {
        let thread = self.current;
        let clock = self.clock();
        clock.0.resize(clock.0.len().max(thread + 1), 0);
        clock.0[thread] += 1;
        Moment { thread: thread as u32, events: clock.0[thread] }
    }
}
