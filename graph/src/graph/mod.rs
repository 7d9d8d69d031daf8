//! Execution graphs.
//!
//! Events stand in one vector in the order in which they were added, so that an event's number is its
//! stamp, going back to an earlier state is a truncation, and a stamp comparison is a comparison of
//! numbers. Program order is a list for each thread, modification order a list for each location.

mod clocks;
mod happens_before;
mod restrict;
mod thread;

use self::clocks::{Clocks, Rows};
use self::happens_before::Computation;
pub(crate) use self::thread::Thread;
use crate::Model;
use crate::event::{Event, EventId, Kind, LocationId, NONE, ThreadId, Value};
use crate::groups::Thing;
use crate::step::StepId;
use serde::{Deserialize, Serialize};

/// The bit that the numbers of statics' locations have. All numbers fit into the 24 bits that `selvedge::rt` has for
/// them.
const STATIC: LocationId = 1 << 23;

/// How many events the first run of a machine can add before it makes room for more.
const ROOM: usize = 16;

/// Where a graph keeps a location.
enum Kept {
    /// Among the locations that the program makes.
    Made(usize),
    /// Among the locations of statics.
    Static(usize),
}

impl Kept {
    #[inline]
    fn of(id: LocationId) -> Kept {
        match id & STATIC {
            0 => Kept::Made(id as usize),
            _ => Kept::Static((id & !STATIC) as usize),
        }
    }

    #[inline]
    fn number(&self) -> LocationId {
        match self {
            Kept::Made(at) => *at as LocationId,
            Kept::Static(at) => *at as LocationId | STATIC,
        }
    }
}

/// A location of an execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Location {
    /// Its writes in modification order, without the initial value.
    pub(crate) writes: Vec<EventId>,
    /// Its reads, in the order in which they were added.
    pub(crate) reads: Vec<EventId>,
    pub(crate) initial: Value,
    /// How many of the accesses in the graph are plain.
    pub(crate) plain: u32,
    /// Whether the location is an object, which has steps.
    pub(crate) is_object: bool,
}

/// An execution graph.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Graph {
    pub(crate) model: Model,
    pub(crate) events: Vec<Event>,
    pub(crate) clocks: Clocks,
    pub(crate) threads: Vec<Thread>,
    locations: Vec<Location>,
    statics: Vec<Location>,
    /// Sequentially consistent accesses and fences, in the order in which they were added.
    pub(crate) seq_cst: Vec<EventId>,
    /// The fences among them.
    pub(crate) fences: Vec<EventId>,
    /// The waits for steps and the observations, in the order of their numbers.
    pub(crate) watches: Vec<EventId>,
    /// Whether threads make threads, so that numbers need not follow paths.
    pub(crate) nested: bool,
    /// Whether the events are in the order of their times, all of one time before those of later ones.
    pub(crate) discrete: bool,
}

impl Graph {
    /// Returns the graph with which executions begin.
    pub(crate) fn new(model: Model) -> Graph {
        let mut graph = Graph::empty(model);
        graph.make_room(ROOM);
        graph.threads.push(Thread { spawn: NONE, ..Thread::default() });
        graph.add(Event::new(Kind::Root, crate::Order::Plain));
        graph
    }

    fn make_room(&mut self, events: usize) {
        self.events.reserve(events);
        self.clocks.reserve(events);
    }

    /// Returns a graph without any event, to be overwritten.
    pub(crate) fn empty(model: Model) -> Graph {
        Graph {
            model,
            events: Vec::new(),
            clocks: Clocks::new(model.has_own_happens_before()),
            threads: Vec::new(),
            locations: Vec::new(),
            statics: Vec::new(),
            seq_cst: Vec::new(),
            fences: Vec::new(),
            watches: Vec::new(),
            nested: false,
            discrete: false,
        }
    }

    /// Returns whether the graph is the one with which executions begin.
    pub(crate) fn is_new(&self) -> bool {
        self.events.len() == 1
            && self.threads.len() == 1
            && self.locations.is_empty()
            && self.statics.is_empty()
    }

    pub(crate) fn len(&self) -> u32 {
        self.events.len() as u32
    }

    #[inline]
    pub(crate) fn event(&self, id: EventId) -> &Event {
        &self.events[id as usize]
    }

    #[inline]
    pub(crate) fn location(&self, id: LocationId) -> &Location {
        match Kept::of(id) {
            Kept::Made(at) => &self.locations[at],
            Kept::Static(at) => &self.statics[at],
        }
    }

    #[inline]
    pub(crate) fn location_mut(&mut self, id: LocationId) -> &mut Location {
        match Kept::of(id) {
            Kept::Made(at) => &mut self.locations[at],
            Kept::Static(at) => &mut self.statics[at],
        }
    }

    /// Returns all locations with their numbers.
    pub(crate) fn all_locations(&self) -> impl Iterator<Item = (LocationId, &Location)> {
        let made = self.locations.iter().enumerate();
        let statics = self.statics.iter().enumerate();
        let made = made.map(|(at, location)| (Kept::Made(at).number(), location));
        made.chain(statics.map(|(at, location)| (Kept::Static(at).number(), location)))
    }

    /// Returns the event before `id` in its thread, or the event that made the thread.
    #[inline]
    pub(crate) fn before(&self, id: EventId) -> EventId {
        thread::before(&self.threads, self.event(id))
    }

    /// Returns the last event of a thread, or the event that made the thread.
    #[inline]
    pub(crate) fn last(&self, thread: ThreadId) -> EventId {
        let thread = &self.threads[thread as usize];
        thread.events.last().copied().unwrap_or(thread.spawn)
    }

    /// Returns the value that a read from `source` finds.
    #[inline]
    pub(crate) fn value_of(&self, location: LocationId, source: EventId) -> Value {
        if source == NONE { self.location(location).initial } else { self.event(source).value }
    }

    /// Returns the place of a write in modification order; 0 is the initial value.
    #[inline]
    pub(crate) fn position_of(&self, source: EventId) -> u32 {
        if source == NONE { 0 } else { self.event(source).position }
    }

    /// Returns the write at a place in modification order.
    #[inline]
    pub(crate) fn write_at(&self, location: LocationId, position: u32) -> EventId {
        match position {
            0 => NONE,
            _ => self.location(location).writes[position as usize - 1],
        }
    }

    /// Returns whether a read-modify-write follows the write at `position`, so that no other write can.
    #[inline]
    pub(crate) fn is_taken(&self, location: LocationId, position: u32) -> bool {
        let next = self.location(location).writes.get(position as usize);
        next.is_some_and(|next| self.event(*next).kind == Kind::RmwWrite)
    }

    /// Returns whether `a` is in the causal (`porf`) prefix of `b`, or is `b`.
    #[inline]
    pub(crate) fn in_prefix(&self, a: EventId, b: EventId) -> bool {
        let event = self.event(a);
        self.clocks.porf(b)[event.thread as usize] > event.index
    }

    /// Returns whether `a` happens before `b`, or is `b`.
    #[inline]
    pub(crate) fn happens_before(&self, a: EventId, b: EventId) -> bool {
        let event = self.event(a);
        self.clocks.hb(b)[event.thread as usize] > event.index
    }

    /// Returns whether `a` happens before `b`, or is `b`, as races are judged.
    #[inline]
    pub(crate) fn happens_before_for_races(&self, a: EventId, b: EventId) -> bool {
        let event = self.event(a);
        self.clocks.races(b)[event.thread as usize] > event.index
    }

    /// Returns the other half of a read-modify-write; the event itself if it is none, or its other half is not there.
    #[inline]
    pub(crate) fn other_half(&self, id: EventId) -> EventId {
        let event = self.event(id);
        let events = &self.threads[event.thread as usize].events;
        match event.kind {
            Kind::RmwWrite => events[event.index as usize - 1],
            Kind::Read => {
                let next = events.get(event.index as usize + 1).copied();
                next.filter(|next| self.event(*next).kind == Kind::RmwWrite).unwrap_or(id)
            }
            _ => id,
        }
    }

    /// Adds an event at the end of its thread. [`place`](Self::place) puts a write into modification order.
    pub(crate) fn add(&mut self, mut event: Event) -> EventId {
        let id = self.len();
        let thread = &mut self.threads[event.thread as usize];
        event.index = thread.events.len() as u32;
        let before = thread.events.last().copied().unwrap_or(thread.spawn);
        event.release_fence = match before {
            NONE => NONE,
            _ if event.index == 0 => NONE,
            before => self.events[before as usize].release_fence,
        };
        if event.kind == Kind::Fence && event.order.releases() {
            event.release_fence = id;
        }
        thread.events.push(id);
        if event.is_seq_cst() {
            self.seq_cst.push(id);
            if event.kind == Kind::Fence {
                self.fences.push(id);
            }
        }
        if matches!(event.kind, Kind::Read | Kind::Write | Kind::RmwWrite) {
            let location = self.location_mut(event.location);
            location.plain += u32::from(event.order == crate::Order::Plain);
            if event.kind == Kind::Read {
                location.reads.push(id);
            }
        }
        if matches!(event.kind, Kind::Wait | Kind::Observe) {
            self.watches.push(id);
        }
        self.events.push(event);
        self.clocks.push(event.thread);
        self.compute_clock(id);
        id
    }

    fn compute_clock(&mut self, id: EventId) {
        let Graph { model, clocks, events, threads, .. } = self;
        Computation { model: *model, clocks, events, threads }.run(id);
    }

    /// Puts a write at a place in modification order, from 1.
    pub(crate) fn place(&mut self, id: EventId, position: u32) {
        let location = self.event(id).location;
        let at = position as usize - 1;
        let length = {
            let writes = &mut self.location_mut(location).writes;
            writes.insert(at, id);
            writes.len()
        };
        self.renumber(location, at, length);
    }

    /// Takes a write out of modification order.
    pub(crate) fn displace(&mut self, id: EventId) {
        let Event { location, position, .. } = *self.event(id);
        if position == 0 {
            return;
        }
        let at = position as usize - 1;
        let length = {
            let writes = &mut self.location_mut(location).writes;
            writes.remove(at);
            writes.len()
        };
        self.events[id as usize].position = 0;
        self.renumber(location, at, length);
    }

    fn renumber(&mut self, location: LocationId, from: usize, to: usize) {
        for at in from..to {
            let write = self.location(location).writes[at];
            self.events[write as usize].position = at as u32 + 1;
        }
    }

    /// Lets a read take its value from another write.
    pub(crate) fn set_source(&mut self, id: EventId, source: EventId) {
        let Event { location, read, order, .. } = *self.event(id);
        let value = self.value_of(location, source);
        let new_order = read.order(value);
        if new_order.is_seq_cst() != order.is_seq_cst() {
            match self.seq_cst.binary_search(&id) {
                Ok(at) => drop(self.seq_cst.remove(at)),
                Err(at) => self.seq_cst.insert(at, id),
            }
        }
        let event = &mut self.events[id as usize];
        event.source = source;
        event.value = value;
        event.order = new_order;
        self.compute_clock(id);
    }

    /// Turns the read of a step that is disabled into a wait.
    pub(crate) fn make_wait(&mut self, read: EventId) {
        self.events[read as usize].kind = Kind::Wait;
        let location = self.events[read as usize].location;
        self.location_mut(location).reads.retain(|other| *other != read);
        let at = self.watches.partition_point(|other| *other < read);
        self.watches.insert(at, read);
    }

    /// Lets the steps in `after` happen before the step whose read is `id`, the last event of its thread. They are in its
    /// causal prefix.
    pub(crate) fn order_after(&mut self, id: EventId, after: &[StepId]) {
        for StepId { thread, index } in after {
            // The write half: all of the earlier step.
            let earlier = self.threads[*thread as usize].events.get(*index as usize + 1).copied();
            let earlier = earlier.filter(|earlier| *earlier != id && self.in_prefix(*earlier, id));
            let earlier = earlier.expect("a step comes after steps that the state which it was given knows");
            self.clocks.order(Rows::MODEL, id, earlier);
            if self.model.has_own_happens_before() {
                self.clocks.order(Rows::RACES, id, earlier);
            }
        }
    }

    /// Goes back to the state with this many events.
    pub(crate) fn cut(&mut self, length: u32) {
        while self.len() > length {
            let id = self.len() - 1;
            let event = *self.event(id);
            if event.is_write() {
                self.displace(id);
            }
            if matches!(event.kind, Kind::Read | Kind::Write | Kind::RmwWrite) {
                let location = self.location_mut(event.location);
                location.plain -= u32::from(event.order == crate::Order::Plain);
                if event.is_read() {
                    location.reads.pop();
                }
            }
            if matches!(event.kind, Kind::Wait | Kind::Observe) {
                self.watches.pop();
            }
            if self.seq_cst.last() == Some(&id) {
                self.seq_cst.pop();
            }
            if self.fences.last() == Some(&id) {
                self.fences.pop();
            }
            if event.kind == Kind::Spawn {
                self.threads[event.argument as usize].spawn = NONE;
            }
            self.threads[event.thread as usize].events.pop();
            self.events.pop();
        }
        self.clocks.truncate(length);
    }

    /// Returns the location that `thread` makes as its `k`-th.
    pub(crate) fn made_by(&mut self, thread: ThreadId, k: usize) -> LocationId {
        if let Some(location) = self.threads[thread as usize].made.get(k) {
            return *location;
        }
        self.locations.push(Location::default());
        let location = self.locations.len() as u32 - 1;
        self.threads[thread as usize].made.push(location);
        location
    }

    /// Returns a location by its maker.
    pub(crate) fn thing(&self, location: LocationId) -> Thing {
        if let Kept::Static(at) = Kept::of(location) {
            return Thing::Static(at as u32);
        }
        let of_thread = |thread: &Thread| thread.made.iter().position(|made| *made == location);
        let made = self.threads.iter().find_map(|thread| Some((thread, of_thread(thread)?)));
        let (thread, made) = made.expect("each location that is no static has been made by a thread");
        Thing::Made { path: thread.path.clone(), made: made as u32 }
    }

    /// Returns the location of the `n`-th static.
    pub(crate) fn static_location(&mut self, n: usize) -> LocationId {
        while self.statics.len() <= n {
            self.statics.push(Location::default());
        }
        Kept::Static(n).number()
    }

    /// Returns the thread that `parent` makes as its `k`-th.
    pub(crate) fn child_of(&mut self, parent: ThreadId, k: usize) -> ThreadId {
        if let Some(child) = self.threads[parent as usize].children.get(k) {
            return *child;
        }
        let child = self.threads.len() as ThreadId;
        let mut path = self.threads[parent as usize].path.clone();
        path.push(k as u32);
        self.nested |= path.len() > 1;
        self.threads.push(Thread { spawn: NONE, path, ..Thread::default() });
        self.threads[parent as usize].children.push(child);
        self.clocks.widen(self.threads.len());
        child
    }
}
