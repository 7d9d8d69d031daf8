//! Tokens: names of executions, from which a replay runs them again.
//!
//! `0*5-1*3-0*2/7=1.12=0s`: thread 0 does five events, thread 1 three, thread 0 two more. Every read takes
//! the newest write and every write becomes the newest, but for the exceptions: event 7 reads (or stands at)
//! place 1 in modification order, counting from the initial value, 0; event 12 reads place 0 and fails
//! spuriously. `tso:` before it says that the execution is one of the model `tso`; without such a word it is one of
//! the default model. `%m0+m1` behind it says that the first two locations that the body makes are one object's: they
//! are in one of the [groups](crate::groups).

use crate::event::{Event, EventId, Kind, LocationId, NONE, SPURIOUS, ThreadId};
use crate::explore::switches;
use crate::graph::Graph;
use crate::groups::Groups;
use crate::run::{Run, Status};
use crate::{Model, UnknownModel};
use core::cell::Cell;
use core::fmt;
use core::str::FromStr;

/// How often a replay asks threads to go on before the next event, at most.
const ASKED_AT_MOST: u32 = 10_000;

/// The name of one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    model: Model,
    schedule: Vec<(ThreadId, u32)>,
    /// In the order of their events.
    exceptions: Vec<Exception>,
    groups: Groups,
}

/// An event at which the execution does not take the newest place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exception {
    /// The number of the event in the order of the execution.
    event: u32,
    way: Way,
}

/// The way that an event takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way {
    /// The place in modification order; for a choice the way chosen.
    place: u32,
    /// Whether a compare-exchange fails spuriously.
    spurious: bool,
}

/// A token being followed.
#[derive(Clone, Debug)]
pub(crate) struct Guide {
    token: Token,
    /// The current part of the schedule, and how many of its events have happened.
    part: usize,
    done: u32,
    /// Events so far.
    events: u32,
    /// How often the guide has named a thread to go on since the last event.
    idle: Cell<u32>,
    /// Whether the program has taken a step that the token does not have.
    pub(crate) astray: bool,
}

impl Token {
    /// Returns the token of the graph in the order of the run.
    pub(crate) fn of(graph: &Graph, run: &Run) -> Token {
        Token::in_order(graph, &run.order)
    }

    /// Returns the token of the graph as an interleaving with few context switches, in which every read reads the
    /// newest write; `None` if the graph has no interleaving.
    pub(crate) fn interleaved(graph: &Graph, run: &Run) -> Option<Token> {
        interleaving(graph, run).map(|order| Token::in_order(graph, &order))
    }

    fn in_order(graph: &Graph, order: &[ThreadId]) -> Token {
        let mut token = Token { model: graph.model, ..Token::default() };
        let mut happened = vec![false; graph.events.len()];
        for (number, (thread, id)) in as_replayed(graph, order).into_iter().enumerate() {
            match token.schedule.last_mut() {
                Some((last, count)) if *last == thread => *count += 1,
                _ => token.schedule.push((thread, 1)),
            }
            let Some(id) = id else { continue };
            if let Some(way) = exceptional_way(graph, graph.event(id), &happened) {
                token.exceptions.push(Exception { event: number as u32, way });
            }
            happened[id as usize] = true;
        }
        token
    }

    /// The memory model that the execution is one of.
    pub(crate) fn model(&self) -> Model {
        self.model
    }

    /// Returns the token as one of an execution in which things are in these groups.
    pub(crate) fn grouping(self, groups: &Groups) -> Token {
        Token { groups: groups.clone(), ..self }
    }

    /// The groups in which things are.
    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn guide(&self) -> Guide {
        Guide { token: self.clone(), part: 0, done: 0, events: 0, idle: Cell::new(0), astray: false }
    }
}

/// Returns the events of a run in the order in which a replay makes them, with their threads: waits are no events there,
/// and the halves of a read-modify-write, which a revisit separates, are made at once. A step of the run that came to no
/// event has none.
fn as_replayed(graph: &Graph, order: &[ThreadId]) -> Vec<(ThreadId, Option<EventId>)> {
    let mut made = Vec::with_capacity(order.len());
    let mut cursors = vec![0; graph.threads.len()];
    let mut ahead = vec![false; graph.threads.len()];
    cursors[0] = 1;
    for thread in order {
        if core::mem::take(&mut ahead[*thread as usize]) {
            continue;
        }
        let events = &graph.threads[*thread as usize].events;
        let cursor = &mut cursors[*thread as usize];
        *cursor += events[*cursor..].iter().take_while(|id| graph.event(**id).kind == Kind::Wait).count();
        let id = events.get(*cursor).copied();
        made.push((*thread, id));
        *cursor += usize::from(id.is_some());
        let write = id.map(|id| graph.other_half(id)).filter(|write| Some(*write) != id);
        if let Some(write) = write {
            made.push((*thread, Some(write)));
            *cursor += 1;
            ahead[*thread as usize] = true;
        }
    }
    if graph.discrete {
        // The run may have made events of different times again in another order.
        made.sort_by_key(|(_, id)| id.map_or(u64::MAX, |id| graph.event(id).time));
    }
    made
}

/// Returns the threads of the graph's events in an interleaving; `None` if the run did not do all of the events.
fn interleaving(graph: &Graph, run: &Run) -> Option<Vec<ThreadId>> {
    let mut left = vec![0; graph.threads.len()];
    run.order.iter().for_each(|thread| left[*thread as usize] += 1);
    left[0] += 1; // The root.
    // A replay makes no events of waits.
    let counts = |id: &EventId| graph.event(*id).kind != Kind::Wait;
    let count = |events: &[EventId]| events.iter().filter(|id| counts(id)).count();
    let did_all = graph.threads.iter().zip(&left).all(|(thread, left)| count(&thread.events) <= *left);
    let events = switches::interleaving(graph).filter(|_| did_all)?;
    let mut order: Vec<ThreadId> =
        events.into_iter().filter(counts).map(|id| graph.event(id).thread).collect();
    order.iter().for_each(|thread| left[*thread as usize] -= 1);
    // A step that came to no event, such as the access that failed, comes last.
    let last = run.order.iter().rev().filter(|thread| {
        let count = &mut left[**thread as usize];
        let beyond = *count > 0;
        *count -= usize::from(beyond);
        beyond
    });
    let last: Vec<ThreadId> = last.copied().collect();
    order.extend(last.into_iter().rev());
    order.remove(0);
    Some(order)
}

/// Returns the place of a read's source or of a write among what has happened, unless the place is the newest.
fn exceptional_way(graph: &Graph, event: &Event, happened: &[bool]) -> Option<Way> {
    let before = |location: LocationId, position: u32| {
        let writes = &graph.location(location).writes;
        let count =
            |writes: &[EventId]| writes.iter().filter(|write| happened[**write as usize]).count() as u32;
        (count(&writes[..position as usize]), count(writes))
    };
    match event.kind {
        Kind::Read => {
            let position = if event.source == NONE { 0 } else { graph.event(event.source).position };
            let (place, newest) = before(event.location, position);
            let spurious = event.argument == SPURIOUS;
            (place != newest || spurious).then_some(Way { place, spurious })
        }
        // The last write of a run that was given up may have no place.
        Kind::Write if event.position > 0 => {
            let (place, newest) = before(event.location, event.position - 1);
            (place != newest).then_some(Way { place: place + 1, spurious: false })
        }
        Kind::Choice => (event.argument != 0).then_some(Way { place: event.argument, spurious: false }),
        _ => None,
    }
}

impl Guide {
    /// Returns whether the threads only repeat rounds, so that the next event of the token never comes.
    pub(crate) fn is_lost(&self) -> bool {
        self.idle.get() > ASKED_AT_MOST
    }

    fn exception(&self) -> Option<Way> {
        let at =
            self.token.exceptions.binary_search_by_key(&self.events, |exception| exception.event).ok()?;
        Some(self.token.exceptions[at].way)
    }

    /// Returns which of these reads to make.
    pub(crate) fn read(&mut self, graph: &Graph, reads: &[Event]) -> Option<Event> {
        let Way { place, spurious } = match self.exception() {
            Some(way) => way,
            None => {
                let newest = graph.location(reads.first()?.location).writes.len() as u32;
                Way { place: newest, spurious: false }
            }
        };
        let fits = |read: &&Event| {
            graph.position_of(read.source) == place && (read.argument == SPURIOUS) == spurious
        };
        let found = reads.iter().find(fits);
        self.astray |= found.is_none();
        found.or(reads.last()).copied()
    }

    /// Returns which of these places a write takes.
    pub(crate) fn place(&mut self, places: &[u32]) -> Option<u32> {
        let Some(Way { place, .. }) = self.exception() else { return places.last().copied() };
        self.astray |= !places.contains(&place);
        places.iter().find(|known| **known == place).or(places.last()).copied()
    }

    /// Returns what a choice below `ways` comes to.
    pub(crate) fn choice(&mut self, ways: u32) -> u32 {
        let choice = self.exception().map_or(0, |way| way.place);
        self.astray |= choice >= ways;
        choice.min(ways - 1)
    }

    fn scheduled(&self) -> Option<ThreadId> {
        self.token.schedule.get(self.part).map(|(thread, _)| *thread)
    }

    pub(crate) fn is_turn_of(&self, thread: ThreadId) -> bool {
        self.scheduled().is_none_or(|scheduled| scheduled == thread)
    }

    /// Returns whether the schedule has more events of this thread.
    pub(crate) fn has_more_of(&self, thread: ThreadId) -> bool {
        self.token.schedule.iter().skip(self.part).any(|(scheduled, _)| *scheduled == thread)
    }

    pub(crate) fn happened(&mut self, thread: ThreadId) {
        self.events += 1;
        self.idle.set(0);
        if let Some((scheduled, count)) = self.token.schedule.get(self.part) {
            self.astray |= *scheduled != thread;
            self.done += 1;
            if self.done >= *count {
                self.part += 1;
                self.done = 0;
            }
        }
    }

    /// Returns the thread to go on next.
    pub(crate) fn next(&self, graph: &Graph, run: &Run) -> Option<ThreadId> {
        self.idle.set(self.idle.get() + 1);
        let last = self.token.schedule.last().map(|(thread, _)| *thread);
        let first = self.scheduled().or(last).filter(|thread| (*thread as usize) < run.threads.len());
        if let Some(first) = first {
            let pauses =
                matches!(run.threads[first as usize].status, Status::Yields { .. } | Status::Spins(_));
            if run.is_ready(graph, first) || (pauses && self.has_more_of(first)) {
                return Some(first);
            }
        }
        if self.scheduled().is_none() {
            return run.next(graph);
        }
        // The scheduled thread waits for a thread that has only to end.
        let fresh = |thread: &ThreadId| {
            let state = &run.threads[*thread as usize];
            state.status != Status::Frontier
                && run.is_ready(graph, *thread)
                && state.cursor == 0
                && !self.has_more_of(*thread)
        };
        (0..run.threads.len() as ThreadId).find(fresh)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.model != Model::default() {
            write!(f, "{}:", self.model)?;
        }
        for (number, (thread, count)) in self.schedule.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "-" })?;
            write!(f, "{thread}")?;
            if *count > 1 {
                write!(f, "*{count}")?;
            }
        }
        for (number, Exception { event, way }) in self.exceptions.iter().enumerate() {
            f.write_str(if number == 0 { "/" } else { "." })?;
            write!(f, "{event}={}{}", way.place, if way.spurious { "s" } else { "" })?;
        }
        if !self.groups.is_empty() {
            write!(f, "%{}", self.groups)?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Token, String> {
        let (model, text) = match text.split_once(':') {
            Some((model, text)) => (model.parse().map_err(|error: UnknownModel| error.to_string())?, text),
            None => (Model::default(), text),
        };
        let (text, groups) = text.split_once('%').unwrap_or((text, ""));
        let (schedule, exceptions) = text.split_once('/').unwrap_or((text, ""));
        let mut token = Token { model, groups: groups.parse()?, ..Token::default() };
        for part in schedule.split('-').filter(|part| !part.is_empty()) {
            let (thread, count) = part.split_once('*').unwrap_or((part, "1"));
            let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{part}` in the schedule"));
            token.schedule.push((number(thread)?, number(count)?));
        }
        for part in exceptions.split('.').filter(|part| !part.is_empty()) {
            let wrong = || format!("`{part}` in the exceptions");
            let (event, place) = part.split_once('=').ok_or_else(wrong)?;
            let spurious = place.ends_with('s');
            let place = place.trim_end_matches('s').parse().map_err(|_| wrong())?;
            let event = event.parse().map_err(|_| wrong())?;
            token.exceptions.push(Exception { event, way: Way { place, spurious } });
        }
        if token.exceptions.windows(2).any(|pair| pair[0].event >= pair[1].event) {
            return Err("exceptions out of order".to_string());
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_their_text() {
        for text in ["0", "0*5-1*3-0*2/7=1.12=0s", "3*2/0=4", "tso:0*5-1", "0*5-1%m0+m1", "0*5/1=0%0m1+1m1"] {
            assert_eq!(text.parse::<Token>().map(|token| token.to_string()), Ok(text.to_string()));
        }
    }

    #[test]
    fn bad_tokens_say_where() {
        for (text, wrong) in [
            ("x*2", "`x*2` in the schedule"),
            ("0/3", "`3` in the exceptions"),
            ("0/3=1.2=1", "out of order"),
            ("x:0", "no memory model `x`"),
            ("0%3", "`3` in the groups"),
        ] {
            assert!(text.parse::<Token>().is_err_and(|error| error.contains(wrong)), "{text}");
        }
    }
}
