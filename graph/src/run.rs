//! One run of the program: how far each thread has come, and what it waits for.
//!
//! A run first *replays* the graph: each thread's operations take their values from the events that are
//! there already. When all of them have been replayed, the run adds new ones, always of the first thread
//! that can go on. A thread that is through with its recorded events waits at the *frontier* until the
//! others are.

use crate::event::{EventId, LocationId, NONE, Site, ThreadId};
use crate::graph::Graph;
use crate::race::{Cell, CellAccess, Epoch};
use crate::snapshot::Snapshot;

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
    /// It goes round in vain, and waits for a newer write than those it has read.
    Spins(Spin),
    /// It has gone round as often as it may, and lets all others go first. `forever`: it would only go round
    /// again.
    Yields { site: Site, forever: bool },
    /// Replaying, it goes round in a loop; it goes on only if others wait for it.
    Pauses,
    /// It made a false assumption.
    Stopped,
    /// It has ended.
    Done,
}

/// A thread that goes round in vain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spin {
    pub(crate) site: Site,
    /// The reads of its last round, if they stand in the graph.
    pub(crate) reads: Vec<EventId>,
    /// If they were taken out of it: the locations that they read, and how many writes those had.
    pub(crate) seen: Vec<(LocationId, usize)>,
    /// The round took a choice, and other rounds take another.
    pub(crate) chose: bool,
    /// The thread has promised that its rounds are all alike.
    pub(crate) promised: bool,
}

/// A line to which a thread may come back, and the state in which it was there last.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) site: Site,
    /// How many events the thread had had.
    pub(crate) events: u32,
    /// How many writes to cells it had begun.
    pub(crate) cell_writes: u32,
    pub(crate) state: Snapshot,
    /// What its rounds have cost so far; see [`Options::rounds`](crate::Options::rounds).
    pub(crate) spent: u32,
}

/// A thread goes round without the graph, to see whether it only repeats itself.
#[derive(Clone, Debug)]
pub(crate) struct Rehearsal {
    pub(crate) site: Site,
    /// The first event of the round, and the next one.
    pub(crate) begun: u32,
    pub(crate) at: u32,
    /// How often it is still to go round.
    pub(crate) left: u32,
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
    /// Writes to cells that it has begun.
    pub(crate) cell_writes: u32,
    /// The lines that it has passed at which it lets others go first.
    pub(crate) lines: Vec<Line>,
    /// What the last round of a promised wait read in vain, if it was one read.
    pub(crate) in_vain: Option<(LocationId, EventId)>,
    /// Its wait has come to its deadline.
    pub(crate) timed_out: bool,
    /// The lines at which a weak compare-exchange of its failed for no reason, and its state then.
    pub(crate) failures: Vec<Line>,
    /// How often it was let go round because no other thread could run.
    pub(crate) idle_rounds: u32,
    /// It has let all others go on as far as they could.
    pub(crate) let_go: bool,
    /// It was let go on from this line though its state says that it would only go round again.
    pub(crate) doubted: Option<Site>,
}

impl ThreadState {
    fn absent() -> ThreadState {
        ThreadState {
            status: Status::Absent,
            cursor: 0,
            spawned: 0,
            made: 0,
            time: 0,
            cell_writes: 0,
            lines: Vec::new(),
            in_vain: None,
            timed_out: false,
            failures: Vec::new(),
            idle_rounds: 0,
            let_go: false,
            doubted: None,
        }
    }

    /// Returns what the machine keeps of the thread's state.
    pub(crate) fn kept(&self) -> [u64; 3] {
        [self.spawned as u64, self.made as u64, self.time]
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
    /// A thread has gone round more often than it may, and has written: the others are to have ended.
    pub(crate) beyond: Option<(ThreadId, Site)>,
    /// The current thread rehearses.
    pub(crate) rehearsal: Option<Rehearsal>,
    /// The run leads nowhere.
    pub(crate) dead: bool,
    pub(crate) failure: Option<String>,
    /// The current thread has overflowed its stack, of so many bytes.
    pub(crate) overflow: Option<usize>,
    /// The two accesses to a cell that race.
    pub(crate) race: Vec<CellAccess>,
    /// The order in which events happened, by their threads.
    pub(crate) order: Vec<ThreadId>,
    pub(crate) cells: Vec<Cell>,
    /// Where each location was made, if not before the run.
    pub(crate) births: Vec<Option<(Epoch, Option<Site>)>>,
}

impl Run {
    pub(crate) fn begin(&mut self, graph: &Graph) {
        self.threads.clear();
        self.threads.resize(graph.threads.len(), ThreadState::absent());
        // The root has happened.
        self.threads[0].cursor = 1;
        self.current = 0;
        self.remaining = graph.len() - 1;
        self.urgent = None;
        self.reschedule = false;
        self.beyond = None;
        self.rehearsal = None;
        self.dead = false;
        self.failure = None;
        self.overflow = None;
        self.race.clear();
        self.order.clear();
        self.cells.clear();
        self.births.clear();
    }

    pub(crate) fn me(&mut self) -> &mut ThreadState {
        &mut self.threads[self.current as usize]
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch { thread: self.current, events: self.threads[self.current as usize].cursor }
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
            Status::Spins(spin) => spin.seen.iter().any(|(location, seen)| newer(*location, *seen)),
            Status::Pauses => self.remaining == 0,
            Status::Absent | Status::Waits(_) | Status::Yields { .. } | Status::Stopped | Status::Done => {
                false
            }
        }
    }

    /// The thread to go on next: in a replay any that can; later one that spun; then the first by its path.
    pub(crate) fn next(&self, graph: &Graph) -> Option<ThreadId> {
        let mut ready = (0..self.threads.len() as ThreadId).filter(|thread| self.is_ready(graph, *thread));
        if self.remaining > 0 {
            let recorded = |thread: ThreadId| graph.threads[thread as usize].events.len();
            let replays =
                ready.find(|thread| (self.threads[*thread as usize].cursor as usize) < recorded(*thread));
            // Others may wait for the end of a thread that has nothing recorded, or nothing more.
            let ends = |thread: &ThreadId| match &self.threads[*thread as usize].status {
                Status::Pauses | Status::Spins(_) => true,
                status => *status == Status::Ready && recorded(*thread) == 0,
            };
            return replays.or_else(|| (0..self.threads.len() as ThreadId).find(ends));
        }
        if self.urgent.is_some() {
            return self.urgent;
        }
        // A thread whose wait may be over goes first: its reads are not in the graph, where what another does
        // later could revisit them.
        let order = |thread: &ThreadId| (!self.is_spinning(*thread), &graph.threads[*thread as usize].path);
        if graph.nested || self.threads.iter().any(|thread| matches!(thread.status, Status::Spins(_))) {
            ready.min_by(|a, b| order(a).cmp(&order(b)))
        } else {
            ready.next()
        }
    }

    fn is_spinning(&self, thread: ThreadId) -> bool {
        matches!(self.threads[thread as usize].status, Status::Spins(_))
    }

    /// Whether a thread that spins can go on.
    pub(crate) fn spinner_is_ready(&self, graph: &Graph) -> bool {
        (0..self.threads.len() as ThreadId)
            .any(|thread| self.is_spinning(thread) && self.is_ready(graph, thread))
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
