//! Which two operations went wrong, and what should have ordered them.

use super::{EventId, Execution, Source};
use core::sync::atomic::Ordering::{self, AcqRel, Acquire, Release, SeqCst};
use std::collections::{BTreeMap, BTreeSet};

/// A read-from pair between two threads that orders nothing, though it stands where an order is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) write: EventId,
    pub(super) read: EventId,
}

impl Execution {
    /// Marks the read of an old value that best explains why `thread` failed, and the write that the read missed, as
    /// culprits, unless there are culprits already. The last such read of `thread` comes first, then those of the other
    /// threads. An execution that is an interleaving has no such read.
    pub fn blame_old_values(&mut self, thread: usize) {
        if !self.culprits.is_empty() {
            return;
        }
        let count = self.threads.len();
        let threads = (0..count).map(|n| (thread + n) % count.max(1));
        let reads = threads.flat_map(|thread| {
            let events = self.threads[thread].events.len();
            (0..events).rev().map(move |index| EventId { thread, index })
        });
        let order = Order::of(self);
        let pair = reads.into_iter().find_map(|read| {
            let write = self.missed_by(read)?;
            order.leads(write, read).then_some([read, write])
        });
        self.culprits.extend(pair.into_iter().flatten());
    }

    /// Returns whether the execution is an interleaving of its threads' events in which each read finds the value written
    /// last: then every memory model allows it, whatever the orderings.
    pub fn is_interleaving(&self) -> bool {
        let order = Order::of(self);
        let mut waits: BTreeMap<EventId, usize> = self.ids().map(|id| (id, 0)).collect();
        for to in order.0.values().flatten() {
            *waits.entry(*to).or_default() += 1;
        }
        let mut open: Vec<EventId> =
            waits.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
        let mut left = waits.len();
        while let Some(at) = open.pop() {
            left -= 1;
            for to in order.0.get(&at).into_iter().flatten() {
                let count = waits.entry(*to).or_default();
                *count -= 1;
                if *count == 0 {
                    open.push(*to);
                }
            }
        }
        left == 0
    }

    /// Marks the event of `thread` at the place `here`, and the event of another thread at the place `there` that is not
    /// ordered before it, as culprits, unless there are culprits already. A place is file, line and column.
    pub fn blame_race(&mut self, thread: usize, here: (&str, u32, u32), there: (&str, u32, u32)) {
        if !self.culprits.is_empty() {
            return;
        }
        let is_at = |id: &EventId, place: (&str, u32, u32)| {
            let site = self.event(*id).site.as_ref();
            site.is_some_and(|site| (site.file.as_str(), site.line, site.column) == place)
        };
        let second = self.ids().filter(|id| id.thread == thread && is_at(id, here)).last();
        let second = second.filter(|_| thread < self.threads.len());
        let other = |id: &EventId| id.thread != thread && is_at(id, there);
        let first = second
            .and_then(|second| self.ids().filter(other).find(|first| !self.happens_before(*first, second)));
        self.culprits.extend(second.zip(first).into_iter().flat_map(|(second, first)| [second, first]));
    }

    /// Returns the write that replaces the value which an event reads, if it is another event's.
    fn overwrites(&self, read: EventId) -> Option<EventId> {
        let event = self.event(read);
        let writes = &self.locations.get(event.location?)?.writes;
        let next = match event.reads_from? {
            Source::Initial => 0,
            Source::Write(write) => writes.iter().position(|other| *other == write)? + 1,
        };
        writes.get(next).copied().filter(|write| *write != read)
    }

    /// Returns the write of another thread that comes after the one from which `read` takes its value.
    fn missed_by(&self, read: EventId) -> Option<EventId> {
        let event = self.event(read);
        // A read-modify-write reads the newest value there is.
        if event.written.is_some() {
            return None;
        }
        let source = event.reads_from?;
        let writes = &self.locations.get(event.location?)?.writes;
        let newer = match source {
            Source::Initial => 0,
            Source::Write(write) => writes.iter().position(|other| *other == write)? + 1,
        };
        let missed = writes.get(newer..)?.iter().find(|write| write.thread != read.thread)?;
        // A later write of the same thread, or one that the read comes before, is nothing that the read could have seen.
        (!self.happens_before(read, *missed)).then_some(*missed)
    }

    /// Returns the lines of a report that say what went wrong between the culprits, with both source lines.
    pub fn summary(&self) -> Vec<String> {
        let mut said = self.explanation().into_iter();
        let accesses = self.culprits.iter().rev().map(|id| {
            let event = self.event(*id);
            let mut line = format!("  T{} {}", id.thread, self.describe(event));
            if let Some(site) = &event.site {
                line.push_str(&format!("  {site}"));
                line.extend(site.text.iter().flat_map(|code| ["  ", code.as_str()]));
            }
            line
        });
        said.next().into_iter().chain(accesses).chain(said).collect()
    }

    /// Returns, in words, what went wrong between the culprits; the first line names the two, the others say why nothing
    /// orders them.
    pub(super) fn explanation(&self) -> Vec<String> {
        let [second, first] = self.culprits[..] else { return Vec::new() };
        let (read, written) = (self.event(second).read, self.event(first).written);
        let mut lines = match (read, written, self.event(second).cell) {
            (Some(_), Some(_), None) if self.event(second).written.is_none() => {
                vec![format!(
                    "T{} reads an old value: it does not see the `{}` of T{}",
                    second.thread,
                    self.describe(self.event(first)),
                    first.thread
                )]
            }
            _ => vec![format!("nothing orders the two accesses of T{} and T{}", first.thread, second.thread)],
        };
        lines.extend(self.gap().map(|gap| self.why(&gap)));
        lines
    }

    /// Returns the pair that would order the two culprits if it synchronized.
    pub(super) fn gap(&self) -> Option<Gap> {
        let [second, first] = self.culprits[..] else { return None };
        let before = |a: EventId, b: EventId| a == b || self.happens_before(a, b) || is_po_before(a, b);
        let mut gaps = self.ids().filter_map(|read| match self.event(read).reads_from {
            Some(Source::Write(write)) if write.thread != read.thread => Some(Gap { write, read }),
            _ => None,
        });
        gaps.find(|Gap { write, read }| {
            !self.happens_before(*write, *read)
                && (before(first, *write) && before(*read, second) && *read != second)
        })
    }

    fn why(&self, gap: &Gap) -> String {
        let (write, read) = (self.event(gap.write), self.event(gap.read));
        let publishes = write.order.is_some_and(is_release);
        let acquires = read.order.is_some_and(is_acquire);
        let what = match (publishes, acquires) {
            (false, true) => format!(
                "the write is {}, and only a Release (or a fence before it) publishes",
                name(write.order)
            ),
            (true, false) => format!(
                "the read is {}, and only an Acquire (or a fence after it) receives",
                name(read.order)
            ),
            _ => format!("the write is {} and the read {}", name(write.order), name(read.order)),
        };
        let place = |id: EventId| match &self.event(id).site {
            Some(site) => format!(" ({site})"),
            None => String::new(),
        };
        format!(
            "T{} `{}`{} reads from T{} `{}`{} without synchronizing: {what}",
            gap.read.thread,
            self.describe(read),
            place(gap.read),
            gap.write.thread,
            self.describe(write),
            place(gap.write),
        )
    }
}

/// What comes before what in every interleaving that would have an execution's values: program order, reads after the
/// writes that they read, writes in modification order, reads before the writes that overwrite what they read.
struct Order(BTreeMap<EventId, Vec<EventId>>);

impl Order {
    fn of(execution: &Execution) -> Order {
        let mut next: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        let mut add = |from: EventId, to: EventId| next.entry(from).or_default().push(to);
        for id in execution.ids() {
            let event = execution.event(id);
            if id.index > 0 {
                add(EventId { index: id.index - 1, ..id }, id);
            }
            if let Some(Source::Write(write)) = event.reads_from {
                add(write, id);
            }
            if let Some(over) = execution.overwrites(id) {
                add(id, over);
            }
        }
        for location in &execution.locations {
            location.writes.windows(2).for_each(|pair| add(pair[0], pair[1]));
        }
        execution.edges_between_threads().into_iter().for_each(|(from, to)| add(from, to));
        Order(next)
    }

    /// Returns whether a way leads from one event to another one.
    fn leads(&self, from: EventId, to: EventId) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                open.extend(self.0.get(&at).into_iter().flatten());
            }
        }
        false
    }
}

fn is_po_before(a: EventId, b: EventId) -> bool {
    a.thread == b.thread && a.index < b.index
}

fn is_release(order: Ordering) -> bool {
    matches!(order, Release | AcqRel | SeqCst)
}

fn is_acquire(order: Ordering) -> bool {
    matches!(order, Acquire | AcqRel | SeqCst)
}

fn name(order: Option<Ordering>) -> String {
    order.map_or("plain".to_string(), |order| format!("{order:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Location, Values, example};
    use super::*;

    #[test]
    fn the_pair_that_should_have_ordered_a_race_is_named() {
        let lines = example::race().explanation();
        assert_eq!(lines[0], "nothing orders the two accesses of T0 and T1");
        assert!(
            lines[1].starts_with("T1 `load flag.Acquire = true`")
                && lines[1].contains("the write is Relaxed, and only a Release"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_read_of_an_old_value_is_blamed_with_the_write_that_it_missed() {
        let mut execution = example::race();
        let store = EventId { thread: 0, index: 1 };
        let load = EventId { thread: 1, index: 0 };
        execution.culprits.clear();
        execution.blame_old_values(1);
        assert_eq!(execution.culprits, [], "the load reads the newest value");
        let event = &mut execution.threads[1].events[0];
        (event.read, event.reads_from) = (Some(0), Some(Source::Initial));
        execution.blame_old_values(1);
        assert_eq!(execution.culprits, [], "the load may come before the store");
        assert!(execution.is_interleaving());
        // The reader has been told that the store is made: the cell accesses stand for a flag.
        let flag = Location {
            number: 4,
            name: "told".to_string(),
            values: Values::Bool,
            initial: 0,
            writes: vec![],
        };
        execution.locations.push(flag);
        let told = |read: bool| Event {
            operation: if read { "load" } else { "store" },
            location: Some(1),
            object: None,
            cell: None,
            order: Some(Ordering::Relaxed),
            read: read.then_some(1),
            written: (!read).then_some(1),
            reads_from: read.then_some(Source::Write(EventId { thread: 0, index: 2 })),
            ..execution.threads[0].events[0].clone()
        };
        let [store_told, load_told] = [false, true].map(told);
        execution.threads[0].events.push(store_told);
        execution.threads[1].events.insert(0, load_told);
        execution.locations[1].writes.push(EventId { thread: 0, index: 2 });
        for (index, clock) in [(0, [0, 1]), (1, [0, 2]), (2, [0, 3])] {
            execution.threads[1].events[index].happens_before = clock.to_vec();
        }
        let load = EventId { index: 1, ..load };
        execution.blame_old_values(1);
        assert_eq!(execution.culprits, [load, store]);
        assert!(!execution.is_interleaving());
        let lines = execution.explanation();
        assert!(lines[0].contains("T1 reads an old value"), "{lines:?}");
        assert!(
            lines[1].contains("T1 `load told.Relaxed = true`") && lines[1].contains("the read Relaxed"),
            "{lines:?}"
        );
    }
}
