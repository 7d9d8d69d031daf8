//! One run of the program: how far each thread has come, and what each thread waits for.
//!
//! A run first *replays* the graph: the threads' operations take their values from the events that the graph has
//! already. When all events have been replayed, the run adds new ones, always of the first thread that can go on.
//! A thread that has replayed its recorded events waits at the *frontier* until the other threads have done so too.

use crate::event::{EventId, LocationId, NONE, Site, ThreadId};
use crate::explore::fair::{Set, Turns, set_of};
use crate::graph::Graph;
use crate::race::{Cell, CellAccess, Epoch};
use crate::snapshot::Snapshot;
use crate::step::{States, StepName};

/// What a thread is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Status {
    /// The thread has not been made in this run.
    Absent,
    /// The thread can go on.
    Ready,
    /// The thread replays a read of an event that has not been replayed yet.
    Behind(EventId),
    /// The thread has replayed its events.
    Frontier,
    /// The thread waits for the end of another thread.
    Join(ThreadId),
    /// The thread waits for a write to this location, which has had so many writes; or until a moment in virtual time.
    Disabled { location: LocationId, seen: usize, until: Option<u64> },
    /// The thread waits for a new step on one of these objects, which have had so many.
    DisabledAny(Vec<(LocationId, usize)>),
    /// The thread waits for another value than this read has found, or until a moment in virtual time.
    Waits { read: EventId, until: Option<u64> },
    /// The thread sleeps until a moment in virtual time.
    Sleeps(u64),
    /// The thread repeats a round, and waits for a newer write than those that it has read.
    Spins(Spin),
    /// The thread has gone round as often as it may, and lets all others go first. `forever`: it would only repeat
    /// the round.
    Yields { site: Site, forever: bool },
    /// The thread goes round a loop during a replay, and goes on only if others wait for it.
    Pauses,
    /// The thread has yielded, and lets other threads go first.
    Held,
    /// The thread has made a false assumption, or its run is a dead end.
    Stopped,
    /// The thread has ended.
    Done,
}

/// A thread that repeats a round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spin {
    pub(crate) site: Site,
    /// The reads of the last round, if they are in the graph.
    pub(crate) reads: Vec<EventId>,
    /// The locations of the reads that were taken out of the graph, and how many writes each location had.
    pub(crate) seen: Vec<(LocationId, usize)>,
    /// Whether the round made a choice, which other rounds make otherwise.
    pub(crate) chose: bool,
    /// Whether the thread has promised that its rounds are all alike.
    pub(crate) promised: bool,
}

/// A line to which a thread may come back, and the thread's state when it last was there.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) site: Site,
    /// How many events the thread had had.
    pub(crate) events: u32,
    /// How many writes to cells the thread had begun.
    pub(crate) cell_writes: u32,
    pub(crate) state: Snapshot,
    /// The cost of the rounds so far, which [`Options::rounds`](crate::Options::rounds) bounds.
    pub(crate) spent: u32,
}

/// A thread's rounds without the graph, which show whether the thread only repeats itself.
#[derive(Clone, Debug)]
pub(crate) struct Rehearsal {
    pub(crate) site: Site,
    /// The first event of the round, and the next one.
    pub(crate) begun: u32,
    pub(crate) at: u32,
    /// How many rounds the rehearsal still has.
    pub(crate) left: u32,
}

/// A thread in this run.
#[derive(Clone, Debug)]
pub(crate) struct ThreadState {
    pub(crate) status: Status,
    /// How many of the thread's events have happened in this run.
    pub(crate) cursor: u32,
    /// Threads and locations that the thread has made.
    pub(crate) spawned: usize,
    pub(crate) made: usize,
    /// Virtual time, in nanoseconds.
    pub(crate) time: u64,
    /// Writes to cells that the thread has begun.
    pub(crate) cell_writes: u32,
    /// The lines with `spin` that the thread has passed.
    pub(crate) lines: Vec<Line>,
    /// The location and the source of the last round of a promised wait, if the round was one read.
    pub(crate) in_vain: Option<(LocationId, EventId)>,
    /// The lines at which the thread's weak compare-exchanges failed spuriously, with its state then.
    pub(crate) failures: Vec<Line>,
    /// How often the thread was let go round because no other thread could run.
    pub(crate) idle_rounds: u32,
    /// How often the thread's operations have begun anew, if that is bounded.
    pub(crate) retries: u32,
    /// Whether the thread has let all others go on as far as they could.
    pub(crate) let_go: bool,
    /// Whether the thread makes a step that another branch makes where this one never is enabled.
    pub(crate) assumes: bool,
    /// The line from which the thread was let go on though its state says that it would only repeat the round.
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
            failures: Vec::new(),
            idle_rounds: 0,
            retries: 0,
            let_go: false,
            assumes: false,
            doubted: None,
        }
    }

    /// Becomes that of a thread which has not been made in the run that begins.
    fn begin(&mut self) {
        let ThreadState { mut lines, mut failures, .. } = core::mem::replace(self, ThreadState::absent());
        lines.clear();
        failures.clear();
        (self.lines, self.failures) = (lines, failures);
    }

    /// Returns whether the graph has more events of the thread than it has made.
    fn has_more(&self, graph: &Graph, me: ThreadId) -> bool {
        (self.cursor as usize) < graph.threads[me as usize].events.len()
    }

    /// Returns the moment at which the thread goes on if nothing comes before, if there is one.
    pub(crate) fn until(&self) -> Option<u64> {
        match self.status {
            Status::Disabled { until, .. } | Status::Waits { until, .. } => until,
            Status::Sleeps(until) => Some(until),
            _ => None,
        }
    }

    /// Returns what the machine keeps of the thread's state.
    pub(crate) fn kept(&self) -> [u64; 4] {
        [self.spawned as u64, self.made as u64, self.time, self.retries.into()]
    }
}

/// A run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) threads: Vec<ThreadState>,
    pub(crate) current: ThreadId,
    /// The time that it is for all threads, in nanoseconds, if time is discrete.
    pub(crate) clock: Option<u64>,
    /// Events still to be replayed.
    pub(crate) remaining: u32,
    /// A thread whose read was revisited, and which has to write before any other thread moves.
    pub(crate) urgent: Option<ThreadId>,
    /// Whether the current thread has to let the first thread that can go on do so.
    pub(crate) reschedule: bool,
    /// A thread that has gone round more often than it may, and has written: a new event of another thread is cut.
    pub(crate) beyond: Option<(ThreadId, Site)>,
    /// The current thread's rehearsal.
    pub(crate) rehearsal: Option<Rehearsal>,
    /// Whether the run is given up: it leads to no execution.
    pub(crate) dead: bool,
    pub(crate) failure: Option<String>,
    /// The size in bytes of the stack that the current thread has overflowed.
    pub(crate) overflow: Option<usize>,
    /// The two accesses to a cell that race.
    pub(crate) race: Vec<CellAccess>,
    /// The order in which events happened, by their threads.
    pub(crate) order: Vec<ThreadId>,
    pub(crate) cells: Vec<Cell>,
    /// The states of objects.
    pub(crate) states: States,
    /// What the steps are called, by the numbers of their reads.
    names: Vec<Option<StepName>>,
    /// The epoch and the line at which each location was made, if not before the run.
    pub(crate) births: Vec<Option<(Epoch, Option<Site>)>>,
    /// Whose turn it is, under a bound to fair schedules, once the graph has been judged.
    pub(crate) turns: Option<Turns>,
    /// Whether the graph is within that bound only with the events that are yet to be added.
    pub(crate) is_open: bool,
}

impl Run {
    pub(crate) fn begin(&mut self, graph: &Graph) {
        self.threads.truncate(graph.threads.len());
        self.threads.iter_mut().for_each(ThreadState::begin);
        self.make_room(graph.threads.len());
        // The root has happened.
        self.threads[0].cursor = 1;
        self.current = 0;
        self.clock = graph.discrete.then(|| graph.last_time());
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
        self.order.reserve(graph.events.len().max(16));
        self.cells.clear();
        self.states.clear();
        self.names.clear();
        self.births.clear();
        self.turns = None;
        self.is_open = false;
    }

    pub(crate) fn me(&mut self) -> &mut ThreadState {
        &mut self.threads[self.current as usize]
    }

    /// Moves the current thread's time to that of all threads, if time is discrete. Returns the thread's time.
    pub(crate) fn now(&mut self) -> u64 {
        let clock = self.clock.unwrap_or(0);
        let me = self.me();
        me.time = me.time.max(clock);
        me.time
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch { thread: self.current, events: self.threads[self.current as usize].cursor }
    }

    /// Returns the current thread's last event in this run, or the event that made the thread.
    pub(crate) fn last_event(&self, graph: &Graph) -> EventId {
        let thread = &graph.threads[self.current as usize];
        match self.threads[self.current as usize].cursor {
            0 => thread.spawn,
            cursor => thread.events[cursor as usize - 1],
        }
    }

    /// Names the step whose read is `read`, or the observation.
    pub(crate) fn name_step(&mut self, read: EventId, name: StepName) {
        let at = read as usize;
        if self.names.len() <= at {
            self.names.resize(at + 1, None);
        }
        self.names[at] = Some(name);
    }

    /// Returns what the step is called whose read is `read`, or the observation, if it has happened in this run.
    pub(crate) fn name_of(&self, read: EventId) -> Option<StepName> {
        self.names.get(read as usize).copied().flatten()
    }

    /// Returns whether an event has happened in this run.
    pub(crate) fn has_happened(&self, graph: &Graph, id: EventId) -> bool {
        if id == NONE {
            return true;
        }
        let event = graph.event(id);
        self.threads[event.thread as usize].cursor > event.index
    }

    /// Returns the recorded event that the current thread is to replay next.
    pub(crate) fn next_recorded(&self, graph: &Graph) -> Option<EventId> {
        let cursor = self.threads[self.current as usize].cursor as usize;
        graph.threads[self.current as usize].events.get(cursor).copied()
    }

    /// Notes that the current thread's next event, a recorded one, has happened.
    #[inline]
    pub(crate) fn replayed(&mut self) {
        self.happened();
        self.count_replayed();
    }

    /// Counts a replayed event. After the last one a revisited read-modify-write has to write first. Where there are
    /// steps, it is the turn of the thread whose turn it is in this graph, which need not be the current one. Elsewhere the
    /// current thread goes on: it is interrupted less often in what a bound on preemptions then explores.
    #[inline]
    pub(crate) fn count_replayed(&mut self) {
        self.remaining -= 1;
        self.reschedule |= self.remaining == 0 && (self.urgent.is_some() || !self.states.is_empty());
    }

    /// Notes that the current thread's next event, a new one, has happened.
    #[inline]
    pub(crate) fn happened(&mut self) {
        self.order.push(self.current);
        self.threads[self.current as usize].cursor += 1;
        if let Some(turns) = &mut self.turns {
            turns.happened(self.current as usize);
        }
    }

    /// Returns whether `thread` can go on.
    pub(crate) fn is_ready(&self, graph: &Graph, thread: ThreadId) -> bool {
        let newer = |location: LocationId, seen: usize| graph.location(location).writes.len() > seen;
        let has_come = |until: Option<u64>| until.is_some() && until <= self.clock;
        match &self.threads[thread as usize].status {
            Status::Ready => true,
            Status::Behind(source) => self.has_happened(graph, *source),
            Status::Frontier => self.remaining == 0,
            Status::Join(other) => self.threads[*other as usize].status == Status::Done,
            Status::Disabled { location, seen, until } => newer(*location, *seen) || has_come(*until),
            Status::Sleeps(until) => has_come(Some(*until)),
            Status::DisabledAny(objects) => objects.iter().any(|(object, seen)| newer(*object, *seen)),
            // A read in the graph finds another write only by a revisit, in another branch.
            Status::Spins(spin) => {
                spin.seen.iter().any(|(location, seen)| newer(*location, *seen))
                    || graph.discrete && spin.reads.iter().any(|read| graph.is_outlived(*read))
            }
            Status::Waits { read, until } => {
                let goes_on = || self.threads[thread as usize].has_more(graph, thread);
                graph.discrete && (goes_on() || graph.is_outlived(*read) || has_come(*until))
            }
            Status::Pauses => self.remaining == 0,
            Status::Held => self.remaining == 0 && !self.is_held(graph, thread),
            Status::Absent | Status::Yields { .. } | Status::Stopped | Status::Done => false,
        }
    }

    /// Returns the thread to go on next: during a replay any that can; later one that spun; then the first by its path.
    pub(crate) fn next(&self, graph: &Graph) -> Option<ThreadId> {
        let threads = 0..self.threads.len() as ThreadId;
        if self.remaining > 0 {
            let recorded = |thread: ThreadId| graph.threads[thread as usize].events.len();
            let has_more = |thread: ThreadId| self.threads[thread as usize].has_more(graph, thread);
            let replays = threads.clone().find(|thread| has_more(*thread) && self.is_ready(graph, *thread));
            // Other threads may wait for the end of a thread that has no recorded events left.
            let ends = |thread: &ThreadId| match &self.threads[*thread as usize].status {
                Status::Pauses | Status::Spins(_) => true,
                status => *status == Status::Ready && recorded(*thread) == 0,
            };
            return replays.or_else(|| threads.clone().find(ends));
        }
        if self.urgent.is_some() {
            return self.urgent;
        }
        // A thread whose wait may be over goes first: its reads are not in the graph, so a later write of another
        // thread could not revisit them.
        let order = |thread: &ThreadId| (!self.is_spinning(*thread), &graph.threads[*thread as usize].path);
        let mut ready = threads.filter(|thread| self.is_ready(graph, *thread));
        if let Some(turns) = &self.turns {
            let held = |thread: &ThreadId| {
                let is_held = self.threads[*thread as usize].status == Status::Held;
                is_held.then(|| turns.has_just_yielded(*thread as usize))
            };
            return ready.min_by(|a, b| (held(a), order(a)).cmp(&(held(b), order(b))));
        }
        if graph.nested || self.threads.iter().any(|thread| matches!(thread.status, Status::Spins(_))) {
            ready.min_by(|a, b| order(a).cmp(&order(b)))
        } else {
            ready.next()
        }
    }

    /// Returns whether a thread that has yielded has to let others go first.
    pub(crate) fn is_held(&self, graph: &Graph, thread: ThreadId) -> bool {
        let goes_on = |other: &ThreadId| {
            *other != thread
                && self.threads[*other as usize].status != Status::Held
                && self.is_ready(graph, *other)
        };
        let others = || (0..self.threads.len() as ThreadId).filter(goes_on);
        let others = || others().fold(0, |set: Set, other| set | set_of(other as usize));
        self.turns.as_ref().is_some_and(|turns| turns.waits(thread as usize, others()))
    }

    fn is_spinning(&self, thread: ThreadId) -> bool {
        matches!(self.threads[thread as usize].status, Status::Spins(_))
    }

    /// Returns whether a thread can go on that spins, or that waits for its step.
    pub(crate) fn waiter_is_ready(&self, graph: &Graph) -> bool {
        let waits = |thread: &ThreadState| match &thread.status {
            Status::Spins(_) | Status::DisabledAny(_) => true,
            Status::Disabled { location, .. } => graph.location(*location).is_object,
            _ => false,
        };
        let mut threads = self.threads.iter().enumerate();
        threads.any(|(number, thread)| waits(thread) && self.is_ready(graph, number as ThreadId))
    }
}

impl Run {
    /// Makes room for this many threads.
    pub(crate) fn make_room(&mut self, threads: usize) {
        if self.threads.len() < threads {
            self.threads.resize_with(threads, ThreadState::absent);
        }
    }
}
