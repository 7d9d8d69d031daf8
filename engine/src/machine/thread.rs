//! Operations on threads: making them, waiting for them, spinning.

use super::{Machine, State};
use crate::Order;
use crate::event::{Event, EventId, Kind, Site, ThreadId};
use crate::run::{OutOfGraph, Spin, Status};

impl Machine {
    /// Makes a thread that runs `body`. What the caller did happens before it.
    pub fn spawn(&self, body: Box<dyn FnOnce()>, site: Site) -> ThreadId {
        let recorded = self.turn();
        let child = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let (me, k) = (run.current, run.me().spawned);
            run.me().spawned += 1;
            exploration.graph.child_of(me, k)
        };
        let spawn = match recorded {
            Some(recorded) => {
                self.replay_other(recorded, Kind::Spawn, "a spawn", site);
                recorded
            }
            None => {
                let event = Event { argument: child, ..self.event(Kind::Spawn, Order::Plain, site) };
                let added = self.state.borrow_mut().exploration.add_only(event);
                match self.added(added) {
                    Ok(spawn) => spawn,
                    Err(_) => unreachable!("a spawn accesses no location"),
                }
            }
        };
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        exploration.graph.threads[child as usize].spawn = spawn;
        let time = run.me().time;
        let length = exploration.graph.threads.len();
        run.make_room(length);
        let state = &mut run.threads[child as usize];
        state.status = Status::Ready;
        state.time = time;
        self.threads.borrow_mut().make(child, body);
        child
    }

    /// Waits for the end of a thread. What it did happens before this returns.
    pub fn join(&self, thread: ThreadId, site: Site) {
        loop {
            let recorded = self.turn();
            let done = self.state.borrow().run.threads[thread as usize].status == Status::Done;
            if !done {
                self.wait(Status::Join(thread));
                continue;
            }
            match recorded {
                Some(recorded) => self.replay_other(recorded, Kind::Join, "a join", site),
                None => {
                    let source = self.state.borrow().exploration.graph.last(thread);
                    let event =
                        Event { argument: thread, source, ..self.event(Kind::Join, Order::Plain, site) };
                    let added = self.state.borrow_mut().exploration.add_only(event);
                    let _ = self.added(added);
                }
            }
            let mut state = self.state.borrow_mut();
            let time = state.run.threads[thread as usize].time;
            let me = state.run.me();
            me.time = me.time.max(time);
            return;
        }
    }

    /// Whether a thread has ended.
    pub fn is_done(&self, thread: ThreadId) -> bool {
        self.state.borrow().run.threads[thread as usize].status == Status::Done
    }

    /// Stops the current thread for good, and the execution is not counted.
    pub fn stop(&self) -> ! {
        loop {
            self.wait(Status::Stopped);
        }
    }

    /// The current thread goes round in a loop until another thread does something. If it has done nothing
    /// but read since it was at this line last, it goes on only when there is something newer to read.
    ///
    /// `promised`: the caller has said that it is in a loop, so that also the first time counts, with what
    /// was read last. Otherwise the line may be passed once and never again.
    pub fn spin(&self, promised: bool, site: Site) {
        if self.passes() {
            return self.begin_round(site);
        }
        match self.round(promised, site) {
            Round::First => (),
            Round::Changed => self.state.borrow_mut().run.me().idle_rounds = 0,
            Round::Nothing => self.wait(Status::Yields(site)),
            Round::Stale => self.dead_end(),
            Round::Waits(reads) => self.wait_for_news(site, reads),
        }
        self.begin_round(site);
    }

    fn begin_round(&self, site: Site) {
        let mut state = self.state.borrow_mut();
        let me = state.run.me();
        me.round = me.cursor;
        let cursor = me.cursor;
        match me.passed.iter_mut().find(|(known, _)| *known == site) {
            Some((_, passed)) => *passed = cursor,
            None => me.passed.push((site, cursor)),
        }
    }

    /// Whether the current thread is known to go on from here.
    fn passes(&self) -> bool {
        let is_known = || {
            let state = self.state.borrow();
            let me = state.run.current;
            state.run.next_recorded(&state.exploration.graph).is_some() || state.exploration.has_more_of(me)
        };
        if is_known() {
            return true;
        }
        // Whoever is through with its recorded events waits for the others before it is judged; but they may
        // wait for its end.
        while self.state.borrow().run.remaining > 0 {
            self.wait(Status::Pauses);
            if self.state.borrow().run.remaining > 0 {
                return true;
            }
        }
        self.turn().is_some()
    }

    /// What the current thread has done since its round began.
    fn round(&self, promised: bool, site: Site) -> Round {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let graph = &exploration.graph;
        // A read-modify-write that leaves the value as it was changes nothing.
        let changes = |id: &EventId| {
            let event = graph.event(*id);
            match event.kind {
                Kind::Read | Kind::Fence => false,
                Kind::RmwWrite => graph.event(graph.before(*id)).value != event.value,
                _ => true,
            }
        };
        let events = &graph.threads[run.current as usize].events;
        let last_change = events.iter().rposition(changes).map_or(0, |at| at + 1);
        let passed = run.me().passed.iter().find(|(known, _)| *known == site).map(|(_, passed)| *passed);
        let round = match passed {
            Some(passed) => passed as usize,
            None if promised => last_change.max(run.me().round as usize),
            None => return Round::First,
        };
        run.me().round = round as u32;
        if events.len() == round {
            return Round::Nothing;
        }
        if last_change > round {
            return Round::Changed;
        }
        let reads: Vec<EventId> =
            events[round..].iter().copied().filter(|id| graph.event(*id).is_read()).collect();
        let is_newest = |id: &EventId| {
            let event = graph.event(*id);
            let source = graph.position_of(event.source);
            let own = graph.is_taken(event.location, source)
                && graph.before(graph.write_at(event.location, source + 1)) == *id;
            source + u32::from(own) == graph.location(event.location).writes.len() as u32
        };
        if reads.iter().all(is_newest) { Round::Waits(reads) } else { Round::Stale }
    }

    /// Waits until there is something newer to read than these reads have read. If each of them had one way
    /// only, they are taken out of the graph again: the thread repeats them anyway.
    fn wait_for_news(&self, site: Site, reads: Vec<EventId>) {
        let spin = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let graph = &exploration.graph;
            let seen = reads.iter().map(|id| {
                let location = graph.event(*id).location;
                (location, graph.location(location).writes.len())
            });
            let seen = seen.collect();
            let round = run.me().round;
            let events = run.me().cursor - round;
            let first = graph.len() - events;
            let at_the_end = graph.threads[run.current as usize].events[round as usize..]
                .iter()
                .zip(first..)
                .all(|(event, end)| *event == end);
            let alone = |id: &EventId| graph.event(*id).position == ALONE;
            if run.me().idle_rounds == 0
                && at_the_end
                && events as usize == reads.len()
                && reads.iter().all(alone)
            {
                let taken_out = reads.iter().map(|id| OutOfGraph(*graph.event(*id))).collect();
                run.me().in_vain = match reads[..] {
                    [read] => Some((graph.event(read).location, graph.event(read).source)),
                    _ => None,
                };
                run.me().cursor = round;
                run.order.truncate(run.order.len() - events as usize);
                exploration.graph.cut(first);
                Spin { site, reads: Vec::new(), taken_out, seen }
            } else {
                Spin { site, reads, taken_out: Vec::new(), seen }
            }
        };
        self.wait(Status::Spins(spin));
    }
}

/// Marks a read that had one way only.
pub(super) const ALONE: u32 = 1;

/// What a thread did in a round of a loop.
enum Round {
    /// It may be no round at all.
    First,
    /// Nothing at all.
    Nothing,
    /// It may have changed something.
    Changed,
    /// It has read something that is not the newest: a round that another branch does without.
    Stale,
    /// It has read the newest.
    Waits(Vec<EventId>),
}
