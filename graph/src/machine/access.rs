//! Operations on memory.

use super::rounds::{ONE_WAY, SAME_STATE, wrote_since};
use super::{Machine, State};
use crate::Order;
use crate::event::{Event, EventId, Kind, LocationId, Read, Reading, SPURIOUS, Site, Value};
use crate::explore::loop_cut::LoopCut;
use crate::explore::options::{Added, Ways};
use crate::race::Race;
use crate::run::{Line, Status};
use crate::snapshot::{Frames, Snapshot};
use std::time::Duration;

/// The result of a replayed read.
enum Replayed {
    Value(Value),
    Wait(Status),
    Failed(Value),
}

/// A read about to be made.
struct Request<'a> {
    location: LocationId,
    read: Read,
    update: &'a dyn Fn(Value) -> Value,
    /// The frames of the caller of a weak compare-exchange.
    weak: Option<Frames>,
    /// The end of a wait in discrete virtual time, in nanoseconds.
    deadline: Option<u64>,
    site: Site,
}

impl Request<'_> {
    /// Returns the read at a moment of virtual time: a wait that has come to its end only looks.
    fn read_at(&self, time: u64) -> Read {
        match self.deadline {
            Some(deadline) if deadline <= time => Read { reading: Reading::Compare, ..self.read },
            _ => self.read,
        }
    }
}

impl Machine {
    /// Loads a value.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn load(&self, location: LocationId, order: Order, site: Site) -> Result<Value, Race> {
        let read = Read::new(Reading::Load, 0, order, order);
        let found =
            self.read(Request { location, read, update: &|value| value, weak: None, deadline: None, site })?;
        Ok(found.unwrap_or_else(|value| value))
    }

    /// Replaces a value by what `update` makes of it (a read-modify-write); returns the old value.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn update(
        &self,
        location: LocationId,
        update: &dyn Fn(Value) -> Value,
        order: Order,
        site: Site,
    ) -> Result<Value, Race> {
        let read = Read::new(Reading::Update, 0, order, order);
        let found = self.read(Request { location, read, update, weak: None, deadline: None, site })?;
        Ok(found.unwrap_or_else(|value| value))
    }

    /// Replaces `wanted` by `new`; returns the old value, or the other value that it finds. `weak`: the exchange may
    /// fail spuriously.
    ///
    /// # Errors
    /// The access with which this access races.
    #[allow(clippy::too_many_arguments, reason = "they are what a compare-exchange has")]
    pub fn compare_exchange(
        &self,
        location: LocationId,
        wanted: Value,
        new: Value,
        (success, failure): (Order, Order),
        weak: Option<Frames>,
        site: Site,
    ) -> Result<Result<Value, Value>, Race> {
        let read = Read::new(Reading::Compare, wanted, success, failure);
        self.read(Request { location, read, update: &|_| new, weak, deadline: None, site })
    }

    /// Waits for a value, and exchanges it for a new one.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn await_exchange(
        &self,
        location: LocationId,
        wanted: Value,
        new: Value,
        order: Order,
        site: Site,
    ) -> Result<(), Race> {
        let read = Read::new(Reading::Await, wanted, order, order);
        self.read(Request { location, read, update: &|_| new, weak: None, deadline: None, site }).map(|_| ())
    }

    /// Waits for a value until a deadline in virtual time, and exchanges it for a new one; returns `false` if the
    /// deadline came first. Where time is not discrete, either may come first.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn await_exchange_until(
        &self,
        location: LocationId,
        (wanted, new): (Value, Value),
        order: Order,
        deadline: Duration,
        site: Site,
    ) -> Result<bool, Race> {
        let deadline = u64::try_from(deadline.as_nanos()).unwrap_or(u64::MAX);
        let (reading, deadline) = match self.options.discrete_time {
            true => (Reading::Await, Some(deadline)),
            false => (Reading::Compare, None),
        };
        let read = Read::new(reading, wanted, order, Order::Relaxed);
        let found = self.read(Request { location, read, update: &|_| new, weak: None, deadline, site })?;
        Ok(found.is_ok())
    }

    /// Reads a location, and writes it if the operation does. Returns `Err(value)` for a comparison that fails.
    fn read(&self, request: Request<'_>) -> Result<Result<Value, Value>, Race> {
        self.check_birth(request.location)?;
        if let Some(found) = self.rehearse_read(request.location, &request.read, request.update) {
            return Ok(found);
        }
        loop {
            let Some(recorded) = self.turn() else {
                match self.new_read(&request)? {
                    Ok(outcome) => return Ok(outcome),
                    Err(status) => self.wait(status),
                }
                continue;
            };
            match self.replay_read(recorded, &request) {
                Replayed::Wait(status) => self.wait(status),
                Replayed::Failed(value) => return Ok(Err(value)),
                Replayed::Value(value) => {
                    self.check_race(recorded)?;
                    if !request.read.writes(value) {
                        return Ok(if request.read.reading == Reading::Load {
                            Ok(value)
                        } else {
                            Err(value)
                        });
                    }
                    self.write_half(recorded, (request.update)(value), request.site)?;
                    return Ok(Ok(value));
                }
            }
        }
    }

    fn new_read(&self, request: &Request<'_>) -> Result<Result<Result<Value, Value>, Status>, Race> {
        let weak = self.may_fail_spuriously(request);
        let (location, event) =
            (request.location, self.event(Kind::Read, request.read.success, request.site));
        let read = Read { weak, ..request.read_at(event.time) };
        let event = Event { location, read, ..event };
        let until = request.deadline.filter(|deadline| *deadline > event.time);
        let added = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let me = run.me();
            let in_vain = me.in_vain.take().filter(|(at, _)| *at == location);
            let skip = in_vain.map(|(_, source)| source);
            let ways = Ways { update: request.update, skip };
            let added = exploration.add_read(event, &ways);
            if added == Added::NotYet {
                let seen = exploration.graph.location(location).writes.len();
                return Ok(Err(Status::Disabled { location, seen, until }));
            }
            added
        };
        let id = self.note_added(added)?;
        self.note_one_way(id);
        let (value, fails) = self.note_read(id);
        self.note_spurious(id, request);
        if read.reading == Reading::Await && read.waits(value) {
            return Ok(Err(Status::Waits { read: id, until }));
        }
        let failed = fails || (read.reading != Reading::Load && !read.writes(value));
        Ok(Ok(if failed { Err(value) } else { Ok(value) }))
    }

    fn note_one_way(&self, id: EventId) {
        let mut state = self.state.borrow_mut();
        if state.exploration.had_one_way {
            state.exploration.graph.events[id as usize].position = ONE_WAY;
        }
    }

    /// Moves the reading thread's time to that of the write. Returns the value, and whether the operation fails spuriously.
    pub(super) fn note_read(&self, id: EventId) -> (Value, bool) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let event = *exploration.graph.event(id);
        let fails = event.argument != 0;
        let time = match event.source {
            crate::event::NONE => 0,
            source => exploration.graph.event(source).time,
        };
        let me = run.me();
        me.time = me.time.max(time);
        exploration.graph.events[id as usize].time = me.time;
        (event.value, fails)
    }

    /// Returns whether the compare-exchange may fail spuriously. It may not if the thread has only come back to try
    /// again, in the state in which it failed spuriously before; and not too often at one line.
    fn may_fail_spuriously(&self, request: &Request<'_>) -> bool {
        let Some(frames) = request.weak.filter(|_| self.options.spurious_failures) else { return false };
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let base = self.threads.borrow().base(run.current);
        let me = &run.threads[run.current as usize];
        let Some(line) = me.failures.iter().find(|line| line.site == request.site) else { return true };
        let same = line.state.clone().update(frames, base, me.kept());
        let events = &exploration.graph.threads[run.current as usize].events;
        if same && !wrote_since(&exploration.graph, events, line, me.cell_writes) {
            return false;
        }
        let may = line.spent < self.options.rounds;
        if !may {
            exploration.loops_cut.insert((LoopCut::SpuriousFailures, request.site));
        }
        may
    }

    /// Keeps the state of a thread whose compare-exchange has failed spuriously.
    fn note_spurious(&self, id: EventId, request: &Request<'_>) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let Some(frames) = request.weak.filter(|_| exploration.graph.event(id).argument == SPURIOUS) else {
            return;
        };
        let base = self.threads.borrow().base(run.current);
        let me = run.me();
        let (events, cell_writes) = (me.cursor, me.cell_writes);
        let at = me.failures.iter().position(|line| line.site == request.site).unwrap_or_else(|| {
            me.failures.push(Line {
                site: request.site,
                events,
                cell_writes,
                state: Snapshot::default(),
                spent: 0,
            });
            me.failures.len() - 1
        });
        let mut snapshot = core::mem::take(&mut me.failures[at].state);
        let same = snapshot.update(frames, base, me.kept());
        let line = &mut me.failures[at];
        line.spent += if same { SAME_STATE } else { 1 };
        line.state = snapshot;
        (line.events, line.cell_writes) = (events, cell_writes);
    }

    fn replay_read(&self, id: EventId, request: &Request<'_>) -> Replayed {
        let event = *self.state.borrow().exploration.graph.event(id);
        if event.kind != Kind::Read || event.location != request.location {
            self.diverged("a read", Some(request.site));
        }
        if !self.has_happened(event.source) {
            return Replayed::Wait(Status::Behind(event.source));
        }
        {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let graph = &mut exploration.graph;
            let value = graph.value_of(event.location, event.source);
            let fails = event.argument != 0;
            let read = Read { weak: event.read.weak, ..request.read_at(event.time) };
            let read = if fails { read.failing() } else { read };
            let stored = &mut graph.events[id as usize];
            stored.read = read;
            stored.value = value;
            stored.site = Some(request.site);
            if stored.order != read.order(value) {
                graph.set_source(id, event.source);
            }
            run.replayed();
        }
        let noted = self.note_read(id);
        self.note_spurious(id, request);
        match noted {
            (value, true) => Replayed::Failed(value),
            (value, false) if request.read_at(event.time).waits(value) => {
                let until = request.deadline.filter(|deadline| *deadline > event.time);
                Replayed::Wait(Status::Waits { read: id, until })
            }
            (value, false) => Replayed::Value(value),
        }
    }

    /// Replays the write half of a replayed read-modify-write, or adds it if the read was revisited.
    #[inline]
    pub(super) fn write_half(&self, read: EventId, value: Value, site: Site) -> Result<(), Race> {
        let recorded = {
            let state = self.state.borrow();
            state.run.next_recorded(&state.exploration.graph)
        };
        if let Some(recorded) = recorded {
            return self.replay_write(recorded, Kind::RmwWrite, value, site);
        }
        loop {
            let waits = {
                let mut state = self.state.borrow_mut();
                let me = state.run.current;
                let waits = state.run.remaining > 0;
                state.run.urgent = waits.then_some(me);
                state.run.reschedule = !waits;
                waits
            };
            if !waits {
                break;
            }
            self.wait(Status::Frontier);
        }
        let added = {
            let mut state = self.state.borrow_mut();
            let exploration = &mut state.exploration;
            let first_item = exploration.items.len();
            let added = exploration.add_update(read, value);
            exploration.share_weight(first_item);
            added
        };
        self.note_added(added).map(|_| ())
    }

    fn replay_write(&self, id: EventId, kind: Kind, value: Value, site: Site) -> Result<(), Race> {
        {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let event = &mut exploration.graph.events[id as usize];
            if event.kind != kind {
                drop(state);
                self.diverged("a write", Some(site));
            }
            event.value = value;
            event.site = Some(site);
            run.replayed();
        }
        self.check_race(id)
    }

    /// Stores a value.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn store(&self, location: LocationId, value: Value, order: Order, site: Site) -> Result<(), Race> {
        self.check_birth(location)?;
        if let Some(recorded) = self.turn() {
            if self.state.borrow().exploration.graph.event(recorded).location != location {
                self.diverged("a store", Some(site));
            }
            return self.replay_write(recorded, Kind::Write, value, site);
        }
        let event = Event { location, value, ..self.event(Kind::Write, order, site) };
        let added = self.state.borrow_mut().exploration.add_write(event);
        self.note_added(added).map(|_| ())
    }

    /// Adds a fence.
    pub fn fence(&self, order: Order, site: Site) {
        if self.rehearsed(|event| event.kind == Kind::Fence && event.order == order).is_some() {
            return;
        }
        if let Some(recorded) = self.turn() {
            return self.replay_other(recorded, Kind::Fence, "a fence", site);
        }
        let event = self.event(Kind::Fence, order, site);
        let added = self.state.borrow_mut().exploration.add_only(event);
        let _ = self.note_added(added);
    }

    /// Returns a number below `ways`, each number in a branch of its own.
    pub fn choose(&self, ways: u32, site: Site) -> u32 {
        if let Some(choice) = self.rehearsed(|event| event.kind == Kind::Choice && event.argument < ways) {
            return choice.argument;
        }
        if let Some(recorded) = self.turn() {
            self.replay_other(recorded, Kind::Choice, "a choice", site);
            return self.state.borrow().exploration.graph.event(recorded).argument;
        }
        let event = self.event(Kind::Choice, Order::Plain, site);
        let added = self.state.borrow_mut().exploration.add_choice(event, ways);
        let _ = self.note_added(added);
        let Added::Event(id) = added else { return 0 };
        self.state.borrow().exploration.graph.event(id).argument
    }

    pub(super) fn replay_other(&self, id: EventId, kind: Kind, what: &str, site: Site) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let event = &mut exploration.graph.events[id as usize];
        if event.kind != kind {
            drop(state);
            self.diverged(what, Some(site));
        }
        event.site = Some(site);
        run.replayed();
    }
}
