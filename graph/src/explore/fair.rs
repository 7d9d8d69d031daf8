//! Fair schedules, as a bound on executions.
//!
//! A thread *yields* where it calls `spin_loop` or `yield_now`. A schedule of an execution, an order of its events that
//! extends `po ∪ rf ∪ co`, is *fair* if
//! - between a thread's yield and where it goes on another thread has an event, and so has each other thread that had none
//!   between this yield and the one before; but for threads that have no enabled event. That a thread begins, or goes on after
//!   a yield, is an event of its own here, which does nothing;
//! - a thread that has yielded reads no write again that it had read or made before the yield, if the schedule has a newer
//!   one by then.
//!
//! An execution is within the bound if it has a fair schedule. As in loom, a thread that yields goes on after one operation of
//! another thread, not after all of them. So a loop that writes in each round ends as soon as no other thread has an event
//! left to let it go round once more.
//!
//! Which executions are within the bound is a question to graphs: [`judge`] looks for a fair schedule before a run adds
//! anything to its graph. As long as the graph grows, its threads take their turns fairly ([`Turns`]), so it stays within the
//! bound. The part of an execution that a revisit keeps may have a fair schedule only with the events that are yet to be added
//! again ([`Judgement::Open`]); it is then judged with each new event.

use super::switches::has_spawned;
use crate::event::{Event, EventId, Kind, NONE, Reading};
use crate::graph::{Graph, Thread};
use foldhash::fast::FixedState;
use std::cmp::Reverse;
use std::collections::HashSet;

/// How many places a search for a fair schedule visits. A graph whose search needs more counts as beyond the bound.
const PLACES: usize = 2_000;

/// A set of threads. Threads of higher numbers are in none.
pub(crate) type Set = u64;

pub(crate) fn set_of(thread: usize) -> Set {
    1_u64.checked_shl(thread as u32).unwrap_or(0)
}

/// Which threads have to let others go first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Turns {
    threads: Vec<Turn>,
}

/// When a thread may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Turn {
    /// Whether the thread has yielded, and has had no event since.
    has_yielded: bool,
    /// The threads that have had an event since the thread yielded; all, if it never has.
    since: Set,
    /// Those that had no event between its last two yields, and have had none since.
    owed: Set,
}

impl Turn {
    const FIRST: Turn = Turn { has_yielded: false, since: Set::MAX, owed: 0 };
}

impl Turns {
    fn turn(&self, thread: usize) -> Turn {
        self.threads.get(thread).copied().unwrap_or(Turn::FIRST)
    }

    /// Notes an event of a thread.
    pub(crate) fn happened(&mut self, thread: usize) {
        for (other, turn) in self.threads.iter_mut().enumerate() {
            if other == thread {
                turn.has_yielded = false;
            } else {
                turn.since |= set_of(thread);
                turn.owed &= !set_of(thread);
            }
        }
    }

    /// Notes that a thread yields. Two yields with nothing between them are one.
    pub(crate) fn yielded(&mut self, thread: usize) {
        if self.threads.len() <= thread {
            self.threads.resize(thread + 1, Turn::FIRST);
        }
        let turn = &mut self.threads[thread];
        if !turn.has_yielded {
            *turn = Turn { has_yielded: true, since: 0, owed: !turn.since };
        }
    }

    /// Returns whether a thread has to let others go first, of those that have an enabled event.
    pub(crate) fn waits(&self, thread: usize, enabled: Set) -> bool {
        let (turn, others) = (self.turn(thread), enabled & !set_of(thread));
        turn.has_yielded && others != 0 && (turn.since == 0 || turn.owed & others != 0)
    }

    /// Returns whether no thread has had an event since this thread's yield.
    pub(crate) fn has_just_yielded(&self, thread: usize) -> bool {
        let turn = self.turn(thread);
        turn.has_yielded && turn.since == 0
    }
}

/// What is known of a graph.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// The graph has a fair schedule, at whose end these are the turns.
    Fair(Turns),
    /// The graph may have a fair schedule with the events that threads are yet to add. The turns are those without.
    Open(Turns),
    /// The graph has no fair schedule, nor has any that it may grow to.
    Unfair,
}

/// Judges a graph. `going` are the threads that may add events.
pub(crate) fn judge(graph: &Graph, going: Set) -> Judgement {
    if graph.threads.iter().all(|thread| thread.yields.is_empty()) {
        return Judgement::Fair(Turns::default());
    }
    let seen = &seen(graph);
    let constrained = &constrained(graph, seen);
    let closed = Search { graph, going, keeps_co: true, is_open: false, seen, constrained };
    match closed.judge() {
        Judgement::Unfair if !closed.has_any_order() => Search { keeps_co: false, ..closed }.judge(),
        judgement => judgement,
    }
}

/// Returns for each event whether it is a read of a write that the thread had read or made before its last yield.
fn seen(graph: &Graph) -> Vec<bool> {
    let mut seen = vec![false; graph.events.len()];
    for Thread { events, yields, .. } in graph.threads.iter().filter(|thread| !thread.yields.is_empty()) {
        for (index, id) in events.iter().enumerate() {
            let event = graph.event(*id);
            let yielded = yields.iter().rfind(|at| **at as usize <= index);
            let Some(yielded) = yielded.filter(|_| is_plain_read(graph, *id)) else { continue };
            let before = &events[..*yielded as usize];
            let saw = |earlier: &EventId| {
                let earlier_event = graph.event(*earlier);
                *earlier == event.source
                    || earlier_event.is_read()
                        && (earlier_event.location, earlier_event.source) == (event.location, event.source)
            };
            if before.iter().any(saw) {
                seen[*id as usize] = true;
            }
        }
    }
    seen
}

/// Returns for each thread how many of its events come before its last yield, or to the last read that a newer write makes
/// stale: to there fairness constrains it.
fn constrained(graph: &Graph, seen: &[bool]) -> Vec<u32> {
    let of = |thread: &Thread| {
        let last_seen = thread.events.iter().rposition(|id| seen[*id as usize]);
        let last_yield = thread.yields.last().map(|at| at + 1);
        last_yield.max(last_seen.map(|index| index as u32 + 1)).unwrap_or(0)
    };
    graph.threads.iter().map(of).collect()
}

fn is_plain_read(graph: &Graph, id: EventId) -> bool {
    graph.event(id).is_read() && !graph.event(id).is_step() && graph.other_half(id) == id
}

/// A place in a schedule: how many events of each thread have happened, and whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    cursors: Vec<u32>,
    /// The threads that have gone on from where they began or yielded, and have had no event since.
    gone_on: Set,
    turns: Turns,
}

/// A search for a fair schedule.
#[derive(Clone, Copy)]
struct Search<'a> {
    graph: &'a Graph,
    going: Set,
    /// Whether the schedule extends `co`, too, which few executions under weak models do not let it.
    keeps_co: bool,
    /// Whether threads that may add events count as having added what the schedule needs.
    is_open: bool,
    /// For each event whether it reads what its thread had seen before its last yield.
    seen: &'a [bool],
    /// For each thread how many of its events may be constrained.
    constrained: &'a [u32],
}

impl Search<'_> {
    /// Judges the graph.
    fn judge(&self) -> Judgement {
        if self.going == 0 {
            return self.schedule().map_or(Judgement::Unfair, Judgement::Fair);
        }
        // Most graphs have this one.
        if let Some(turns) = self.first_schedule() {
            return Judgement::Fair(turns);
        }
        // Each schedule of this search is one of the open search.
        match (Search { is_open: true, ..*self }).schedule() {
            Some(turns) => self.schedule().map_or(Judgement::Open(turns), Judgement::Fair),
            None => Judgement::Unfair,
        }
    }

    /// Goes the first way at each place, as far as it leads.
    fn first_schedule(&self) -> Option<Turns> {
        let mut place = self.first();
        while !self.is_at_the_end(&place) {
            let next = self.ways(&place).into_iter().next()?;
            self.go_on(&mut place, next);
        }
        Some(place.turns)
    }

    /// Looks for a fair schedule, and returns the turns at its end.
    fn schedule(&self) -> Option<Turns> {
        let mut visited: HashSet<Place, FixedState> = HashSet::default();
        let mut places = vec![self.first()];
        while let Some(mut place) = places.pop() {
            let mut ways = self.ways(&place);
            while let [only] = ways[..] {
                self.go_on(&mut place, only);
                ways = self.ways(&place);
            }
            if ways.is_empty() {
                if self.is_at_the_end(&place) {
                    return Some(place.turns);
                }
                continue;
            }
            if visited.contains(&place) {
                continue;
            }
            if visited.len() == PLACES {
                return None;
            }
            // The first way is tried first.
            for thread in ways.into_iter().rev() {
                let mut next = place.clone();
                self.go_on(&mut next, thread);
                places.push(next);
            }
            visited.insert(place);
        }
        None
    }

    /// Returns whether there is a schedule, fair or not.
    fn has_any_order(&self) -> bool {
        let mut place = self.first();
        while !self.is_at_the_end(&place) {
            let may_go =
                |thread: &usize| self.next(&place, *thread).is_some_and(|id| self.may_happen(&place, id));
            let Some(thread) = (0..place.cursors.len()).find(may_go) else { return false };
            self.go_on(&mut place, thread);
        }
        true
    }

    fn first(&self) -> Place {
        let threads = self.graph.threads.len();
        let mut place = Place { cursors: vec![0; threads], gone_on: 0, turns: Turns::default() };
        for thread in 0..threads {
            self.pass(&mut place, thread);
        }
        place
    }

    /// Returns the thread's next event.
    fn next(&self, place: &Place, thread: usize) -> Option<EventId> {
        self.graph.threads[thread].events.get(place.cursors[thread] as usize).copied()
    }

    fn is_at_the_end(&self, place: &Place) -> bool {
        (0..place.cursors.len()).all(|thread| self.next(place, thread).is_none())
    }

    /// Returns the threads that may go on, of which one has to be next: first those that yield most often from here on, so
    /// that the others' events are left to come between.
    fn ways(&self, place: &Place) -> Vec<usize> {
        let enabled = self.enabled(place);
        let waits = |thread: usize| self.waits(place, thread, enabled);
        let all_wait = (0..place.cursors.len()).all(|thread| enabled & set_of(thread) == 0 || waits(thread));
        let may_go = |thread: &usize| {
            let next = self.next(place, *thread);
            let may_happen = |id| self.may_happen(place, id) && !self.is_stale(place, id);
            next.is_some_and(|id| {
                self.rests(place, *thread) && self.is_spawned(place, *thread) || may_happen(id)
            }) && (all_wait || !waits(*thread))
        };
        let mut ways: Vec<usize> = (0..place.cursors.len()).filter(may_go).collect();
        // A thread that is not constrained any more may go later: its events do no more to it then, and as much for a thread
        // that has yielded. So one thread that is constrained goes on as long as it can. If none is, any order will do.
        let mut constrained = (0..place.cursors.len()).filter(|thread| self.is_constrained(place, *thread));
        match (constrained.next(), constrained.next()) {
            (None, _) => ways.truncate(1),
            (Some(only), None) if ways.contains(&only) => return vec![only],
            _ => ways
                .sort_by_key(|thread| (Reverse(self.yields_left(place, *thread)), self.next(place, *thread))),
        }
        ways
    }

    fn is_constrained(&self, place: &Place, thread: usize) -> bool {
        place.cursors[thread] < self.constrained[thread]
    }

    fn yields_left(&self, place: &Place, thread: usize) -> usize {
        let yields = &self.graph.threads[thread].yields;
        yields.iter().filter(|at| **at > place.cursors[thread]).count()
    }

    fn waits(&self, place: &Place, thread: usize, enabled: Set) -> bool {
        let fills = |other: usize| self.going & set_of(other) != 0 && self.next(place, other).is_none();
        let is_filled = self.is_open && (0..place.cursors.len()).any(|other| other != thread && fills(other));
        let waits = place.turns.waits(thread, enabled);
        // A thread that may add events may have added one here; a thread that is owed one has to have it all the same.
        waits
            && !(is_filled
                && place.turns.has_just_yielded(thread)
                && place.turns.turn(thread).owed & enabled == 0)
    }

    /// Returns the threads that have an enabled event, whether or not it is the one that the graph has.
    fn enabled(&self, place: &Place) -> Set {
        let is_enabled = |thread: &usize| match self.next(place, *thread) {
            Some(id) => {
                let may_go_on = || self.may_happen(place, id) || !self.blocks(place, id);
                self.is_spawned(place, *thread) && (self.rests(place, *thread) || may_go_on())
            }
            None => !self.is_open && self.going & set_of(*thread) != 0,
        };
        (0..place.cursors.len()).filter(is_enabled).fold(0, |enabled, thread| enabled | set_of(thread))
    }

    /// Returns whether the thread is where it begins or yields. That it goes on from there counts as an event, which does
    /// nothing.
    fn rests(&self, place: &Place, thread: usize) -> bool {
        let cursor = place.cursors[thread];
        place.gone_on & set_of(thread) == 0 && (cursor == 0 || self.graph.threads[thread].yields_at(cursor))
    }

    fn is_spawned(&self, place: &Place, thread: usize) -> bool {
        has_spawned(self.graph, thread, |event| self.has_happened(place, event))
    }

    /// Returns whether an event, which may not happen yet, would have to wait.
    fn blocks(&self, place: &Place, id: EventId) -> bool {
        let event = self.graph.event(id);
        match event.kind {
            Kind::Join | Kind::Observe => true,
            Kind::Read if event.is_step() => {
                let steps = &self.graph.location(event.location).writes;
                let made = steps.iter().filter(|step| self.has_happened(place, **step)).count() as u32;
                event.read.wanted.checked_shr(made).is_none_or(|places| places & 1 != 0)
            }
            _ => event.read.reading == Reading::Await,
        }
    }

    /// Returns whether a read is of a write that the thread had seen before it yielded, and there is a newer one.
    fn is_stale(&self, place: &Place, id: EventId) -> bool {
        let Event { location, source, .. } = *self.graph.event(id);
        self.seen[id as usize] && {
            let newer = self.graph.location(location).writes.get(self.graph.position_of(source) as usize);
            newer.is_some_and(|newer| self.has_happened(place, *newer))
        }
    }

    fn has_happened(&self, place: &Place, id: EventId) -> bool {
        id == NONE || {
            let event = self.graph.event(id);
            event.index < place.cursors[event.thread as usize]
        }
    }

    /// Returns whether all that must come before an event has happened.
    fn may_happen(&self, place: &Place, id: EventId) -> bool {
        let event = self.graph.event(id);
        let done = |other: EventId| self.has_happened(place, other);
        if event.index == 0 && !has_spawned(self.graph, event.thread as usize, done) {
            return false;
        }
        match event.kind {
            Kind::Join | Kind::Observe | Kind::Read if !done(event.source) => false,
            Kind::Read | Kind::Write | Kind::RmwWrite => {
                let write = self.graph.event(self.graph.other_half(id));
                let before = || self.graph.write_at(write.location, write.position - 1);
                !self.keeps_co || !write.is_write() || write.position == 0 || done(before())
            }
            _ => true,
        }
    }

    /// Lets a thread have its next event, or go on from where it rests.
    fn go_on(&self, place: &mut Place, thread: usize) {
        if self.rests(place, thread) {
            place.gone_on |= set_of(thread);
            return place.turns.happened(thread);
        }
        place.gone_on &= !set_of(thread);
        let id = self.graph.threads[thread].events[place.cursors[thread] as usize];
        let is_whole = self.graph.event(id).kind != Kind::Read || self.graph.other_half(id) == id;
        place.cursors[thread] += if is_whole { 1 } else { 2 };
        place.turns.happened(thread);
        self.pass(place, thread);
    }

    /// Lets a thread pass its yields, and its waits, which are no events of a schedule.
    fn pass(&self, place: &mut Place, thread: usize) {
        loop {
            let cursor = place.cursors[thread];
            if self.graph.threads[thread].yields_at(cursor) {
                place.turns.yielded(thread);
            }
            match self.next(place, thread) {
                Some(id) if self.graph.event(id).kind == Kind::Wait => place.cursors[thread] += 1,
                _ => return,
            }
        }
    }
}
