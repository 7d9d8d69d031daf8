//! One run of the program: how far each thread has come, and what it waits for.
//!
//! A run first *replays* the graph: each thread's operations take their values from the events that are
//! there already. When all of them have been replayed, the run adds new ones, always of the first thread
//! that can go on. A thread that is through with its recorded events waits at the *frontier* until the
//! others are.

use crate::event::{Event, EventId, LocationId, NONE, Site, ThreadId};
use crate::graph::Graph;
use crate::machine::CellAccess;
use crate::race::{Cell, Moment};

/// What a thread does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Status {
    /// It has not been made in this run.
    Absent,
    /// It can go on.
    Ready,
    /// Replaying, it is about to read from an event that has not been replayed.
    Behind(EventId),
    /// It has replayed its events.
    Frontier,
    /// It waits for the end of another thread.
    Join(ThreadId),
    /// It waits for a write to this location, which has had so many.
    Disabled(LocationId, usize),
    /// The same, until a moment in virtual time.
    Timed { location: LocationId, seen: usize, deadline: u64 },
    /// It has read, and waits for another value to read.
    Waits(EventId),
    /// It spins, and waits for a newer write than those it has read.
    Spins(Spin),
    /// It lets all others go first.
    Yields(Site),
    /// Replaying, it goes round in a loop; it goes on only if others wait for it.
    Pauses,
    /// It made a false assumption.
    Stopped,
    /// It has ended.
    Done,
}

/// A thread that spins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spin {
    pub(crate) site: Site,
    /// The reads of the last round. Either they stand in the graph, or they were taken out of it.
    pub(crate) reads: Vec<EventId>,
    pub(crate) taken_out: Vec<OutOfGraph>,
    /// The locations read, and how many writes they had.
    pub(crate) seen: Vec<(LocationId, usize)>,
}

/// An event that was taken out of the graph, because the thread will repeat it.
#[derive(Clone, Debug)]
pub(crate) struct OutOfGraph(pub(crate) Event);

impl PartialEq for OutOfGraph {
    fn eq(&self, other: &OutOfGraph) -> bool {
        (self.0.thread, self.0.index) == (other.0.thread, other.0.index)
    }
}

/// A thread in this run.
#[derive(Clone, Debug)]
pub(crate) struct ThreadState {
    pub(crate) status: Status,
    /// How many of its events have happened in this run.
    pub(crate) cursor: u32,
    /// Threads and locations that it has made.
    pub(crate) spawned: usize,
    pub(crate) made: usize,
    /// Virtual time, in nanoseconds.
    pub(crate) time: u64,
    /// The event with which the current round of a loop began.
    pub(crate) round: u32,
    /// Where each line that loops wait at was last passed.
    pub(crate) passed: Vec<(Site, u32)>,
    /// What the last round read in vain, if it was one read.
    pub(crate) in_vain: Option<(LocationId, EventId)>,
    /// Its wait has come to its deadline.
    pub(crate) timed_out: bool,
    /// Its last weak compare-exchange failed for no reason.
    pub(crate) failed_spuriously: bool,
    /// How often it went round though no other thread could run.
    pub(crate) idle_rounds: u32,
}

impl ThreadState {
    fn absent() -> ThreadState {
        ThreadState {
            status: Status::Absent,
            cursor: 0,
            spawned: 0,
            made: 0,
            time: 0,
            round: 0,
            passed: Vec::new(),
            in_vain: None,
            timed_out: false,
            failed_spuriously: false,
            idle_rounds: 0,
        }
    }
}

/// A run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) threads: Vec<ThreadState>,
    pub(crate) current: ThreadId,
    /// Events still to be replayed.
    pub(crate) remaining: u32,
    /// A thread whose read was revisited, and which now has to write before anybody else moves.
    pub(crate) urgent: Option<ThreadId>,
    /// The current thread has to let the first one that can go on do so.
    pub(crate) reschedule: bool,
    /// The run leads nowhere.
    pub(crate) dead: bool,
    pub(crate) failure: Option<String>,
    /// The two accesses to a cell that race.
    pub(crate) race: Vec<CellAccess>,
    /// The order in which events happened, by their threads.
    pub(crate) order: Vec<ThreadId>,
    pub(crate) cells: Vec<Cell>,
    /// Where each location was made, if not before the run.
    pub(crate) births: Vec<Option<(Moment, Option<Site>)>>,
}

impl Run {
    pub(crate) fn begin(&mut self, graph: &Graph) {
        self.threads.clear();
        self.threads.resize(graph.threads.len(), ThreadState::absent());
        // The root has happened.
        self.threads[0].cursor = 1;
        self.threads[0].round = 1;
        self.current = 0;
        self.remaining = graph.len() - 1;
        self.urgent = None;
        self.reschedule = false;
        self.dead = false;
        self.failure = None;
        self.race.clear();
        self.order.clear();
        self.cells.clear();
        self.births.clear();
    }

    pub(crate) fn me(&mut self) -> &mut ThreadState {
        &mut self.threads[self.current as usize]
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { thread: self.current, events: self.threads[self.current as usize].cursor }
    }

    /// The current thread's last event in this run, or the one that made it.
    pub(crate) fn last_event(&self, graph: &Graph) -> EventId {
        let thread = &graph.threads[self.current as usize];
        match self.threads[self.current as usize].cursor {
            0 => thread.spawn,
            cursor => thread.events[cursor as usize - 1],
        }
    }

    /// Whether an event has happened in this run.
    pub(crate) fn has_happened(&self, graph: &Graph, id: EventId) -> bool {
        if id == NONE {
            return true;
        }
        let event = graph.event(id);
        self.threads[event.thread as usize].cursor > event.index
    }

    /// The recorded event that the current thread is to replay next.
    pub(crate) fn next_recorded(&self, graph: &Graph) -> Option<EventId> {
        let cursor = self.threads[self.current as usize].cursor as usize;
        graph.threads[self.current as usize].events.get(cursor).copied()
    }

    /// Notes that the current thread's next event has happened: replayed or new.
    pub(crate) fn happened(&mut self, replayed: bool) {
        self.order.push(self.current);
        self.threads[self.current as usize].cursor += 1;
        self.remaining -= u32::from(replayed);
    }

    /// Whether `thread` can go on.
    pub(crate) fn is_ready(&self, graph: &Graph, thread: ThreadId) -> bool {
        let newer = |location: LocationId, seen: usize| graph.location(location).writes.len() > seen;
        match &self.threads[thread as usize].status {
            Status::Ready => true,
            Status::Behind(source) => self.has_happened(graph, *source),
            Status::Frontier => self.remaining == 0,
            Status::Join(other) => self.threads[*other as usize].status == Status::Done,
            Status::Disabled(location, seen) | Status::Timed { location, seen, .. } => {
                newer(*location, *seen)
            }
            // Reads that stand in the graph can only be revisited, in another branch.
            Status::Spins(spin) => {
                spin.reads.is_empty() && spin.seen.iter().any(|(location, seen)| newer(*location, *seen))
            }
            Status::Pauses => self.remaining == 0,
            Status::Absent | Status::Waits(_) | Status::Yields(_) | Status::Stopped | Status::Done => false,
        }
    }

    /// The thread to go on next: in a replay any that can, later the first by its path.
    pub(crate) fn next(&self, graph: &Graph) -> Option<ThreadId> {
        let mut ready = (0..self.threads.len() as ThreadId).filter(|thread| self.is_ready(graph, *thread));
        if self.remaining > 0 {
            let recorded = |thread: ThreadId| graph.threads[thread as usize].events.len();
            let replays =
                ready.find(|thread| (self.threads[*thread as usize].cursor as usize) < recorded(*thread));
            // Others may wait for the end of a thread that has nothing recorded, or nothing more.
            let ends = |thread: &ThreadId| {
                let status = &self.threads[*thread as usize].status;
                *status == Status::Pauses || (*status == Status::Ready && recorded(*thread) == 0)
            };
            return replays.or_else(|| (0..self.threads.len() as ThreadId).find(ends));
        }
        if self.urgent.is_some() {
            return self.urgent;
        }
        if graph.nested {
            ready.min_by(|a, b| graph.threads[*a as usize].path.cmp(&graph.threads[*b as usize].path))
        } else {
            ready.next()
        }
    }
}

impl Run {
    /// Makes room for this many threads.
    pub(crate) fn make_room(&mut self, threads: usize) {
        if self.threads.len() < threads {
            self.threads.resize(threads, ThreadState::absent());
        }
    }
}
