//! All executions of a program, found by doing its operations in every order.
//!
//! Each thread's next operation is added in every way: a step behind the last step of its object, a read of any write, a
//! write at any place, as coherence allows. Nothing is added before what it depends on, so `po ∪ rf` and the objects' orders
//! have no cycle together. Executions that come of several orders are one.

use super::program::{Deed, Program};
use std::collections::{BTreeMap, BTreeSet};

/// An operation that has been done: its thread, and how many the thread had done before.
pub(crate) type Place = (usize, usize);

/// What a thread has done: each operation's position in the program, for a read its source, and the time.
pub(crate) type Deeds = Vec<(usize, Option<Option<Place>>, u8)>;

/// An execution: what each thread did, and the orders of objects and locations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Execution {
    pub(crate) threads: Vec<Deeds>,
    pub(crate) orders: BTreeSet<Vec<Place>>,
}

impl Execution {
    /// Returns the first of the executions that are this one but for which of the threads that are alike is which.
    pub(crate) fn canonical(&self, program: &Program) -> Execution {
        let first = program.alike.start;
        let orders = permutations(program.alike.len());
        let renamed = orders.iter().map(|order| {
            self.renamed(|thread| {
                let place = thread.checked_sub(first).and_then(|place| order.get(place));
                place.map_or(thread, |place| first + place)
            })
        });
        renamed.min().expect("there is at least the order that leaves all as it is")
    }

    /// Returns the execution with the threads renamed.
    fn renamed(&self, name: impl Fn(usize) -> usize) -> Execution {
        let place = |(thread, index): Place| (name(thread), index);
        let mut renamed = self.clone();
        for (thread, deeds) in self.threads.iter().enumerate() {
            let deeds =
                deeds.iter().map(|(at, source, time)| (*at, source.map(|source| source.map(place)), *time));
            renamed.threads[name(thread)] = deeds.collect();
        }
        let order = |order: &Vec<Place>| order.iter().copied().map(place).collect();
        renamed.orders = self.orders.iter().map(order).collect();
        renamed
    }
}

/// Returns all orders of the numbers below `count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |shorter: Vec<usize>| {
        (0..count).map(move |at| {
            let mut longer = shorter.clone();
            longer.insert(at, last);
            longer
        })
    };
    permutations(last).into_iter().flat_map(insert).collect()
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Graph {
    threads: Vec<Deeds>,
    time: u8,
    results: Vec<Vec<u8>>,
    objects: Vec<Vec<Place>>,
    locations: Vec<Vec<Place>>,
    states: Vec<u8>,
    /// The state that each step left.
    left: BTreeMap<Place, u8>,
    written: BTreeMap<Place, u8>,
    /// What happens before each operation, itself included.
    before: BTreeMap<Place, BTreeSet<Place>>,
}

/// Which executions are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Memory {
    /// Accesses are Relaxed.
    Relaxed,
    /// All operations take effect in one order.
    Sequential,
}

pub(crate) fn executions(program: &Program, memory: Memory) -> BTreeSet<Execution> {
    let threads = program.threads.len();
    let first = Graph {
        threads: vec![Vec::new(); threads],
        results: vec![Vec::new(); threads],
        objects: vec![Vec::new(); program.all_objects()],
        locations: vec![Vec::new(); program.locations],
        states: vec![0; program.all_objects()],
        ..Graph::default()
    };
    let (mut ends, mut seen, mut left) = (BTreeSet::new(), BTreeSet::new(), vec![first]);
    while let Some(graph) = left.pop() {
        if !seen.insert(graph.clone()) {
            continue;
        }
        let mut next = Vec::new();
        (0..threads).for_each(|thread| extend(program, memory, &graph, thread, &mut next));
        let moments = (0..threads).flat_map(|thread| moments(program, &graph, thread));
        if let (true, Some(time)) = (next.is_empty(), moments.filter(|moment| *moment > graph.time).min()) {
            next.push(Graph { time, ..graph.clone() });
        }
        if next.is_empty() && is_within(program, &graph) {
            let orders = graph.objects.iter().chain(&graph.locations).filter(|order| !order.is_empty());
            ends.insert(Execution { threads: graph.threads.clone(), orders: orders.cloned().collect() });
        }
        left.extend(next);
    }
    ends
}

/// Returns whether no thread begins anew more often than it may.
fn is_within(program: &Program, graph: &Graph) -> bool {
    let odd = |results: &Vec<u8>| results.iter().filter(|result| **result % 2 == 1).count();
    program.retries.is_none_or(|bound| graph.results.iter().all(|results| odd(results) <= bound as usize))
}

/// Returns the operation that a thread comes to, and the moment at which it does.
fn next_of(program: &Program, graph: &Graph, thread: usize) -> Option<(usize, Deed, u8)> {
    let last = graph.results[thread].last().copied().unwrap_or(0);
    let (at, time) = graph.threads[thread].last().map_or((0, 0), |(at, _, time)| (at + 1, *time));
    let (at, deed, sleep) = program.next(thread, at, last)?;
    Some((at, deed, time + sleep))
}

/// Returns the moments for which a thread waits: that at which it comes to its operation, and the end of a timed step.
fn moments(program: &Program, graph: &Graph, thread: usize) -> Vec<u8> {
    let Some((_, deed, begun)) = next_of(program, graph, thread) else { return Vec::new() };
    let end = match deed {
        Deed::Step { within, .. } => within.map(|within| begun + within),
        _ => None,
    };
    [begun].into_iter().chain(end).collect()
}

/// Adds the next operation of a thread in every way.
fn extend(program: &Program, memory: Memory, graph: &Graph, thread: usize, next: &mut Vec<Graph>) {
    let Some((at, deed, begun)) = next_of(program, graph, thread) else { return };
    if begun > graph.time {
        return;
    }
    let last = graph.results[thread].last().copied().unwrap_or(0);
    let place = (thread, graph.threads[thread].len());
    let mut before = match place.1.checked_sub(1) {
        Some(earlier) => graph.before[&(thread, earlier)].clone(),
        None => BTreeSet::new(),
    };
    before.insert(place);
    let mut add =
        |source: Option<Option<Place>>, result: u8, before: &BTreeSet<Place>, change: &dyn Fn(&mut Graph)| {
            let mut graph = graph.clone();
            graph.threads[thread].push((at, source, graph.time));
            graph.results[thread].push(result);
            graph.before.insert(place, before.clone());
            change(&mut graph);
            next.push(graph);
        };
    match deed {
        Deed::Step { object, table, ordered, within } => {
            let state = graph.states[object];
            let is_late = within.is_some_and(|within| graph.time >= begun + within);
            let Some(new) = table[state as usize].or(is_late.then_some(state)) else { return };
            let source = graph.objects[object].last().copied();
            if let Some(source) = source.filter(|_| ordered) {
                before.extend(&graph.before[&source]);
            }
            add(Some(source), state, &before, &|graph| {
                graph.objects[object].push(place);
                graph.states[object] = new;
                graph.left.insert(place, new);
            });
        }
        Deed::Observe { object, steps, ordered } => {
            let Some(source) = graph.objects[object].get(steps - 1).copied() else { return };
            if ordered {
                before.extend(&graph.before[&source]);
            }
            add(Some(Some(source)), graph.left[&source], &before, &|_| ());
        }
        Deed::Load { location } | Deed::Store { location } | Deed::Add { location } => {
            let writes = &graph.locations[location];
            let known = match memory {
                Memory::Relaxed => newest_known(graph, location, &before),
                Memory::Sequential => writes.len(),
            };
            let earlier = writes.iter().filter(|write| time_of(graph, **write) < graph.time).count();
            let known = known.max(earlier);
            for from in known..=writes.len() {
                let source = from.checked_sub(1).map(|at| writes[at]);
                let value = source.map_or(0, |source| graph.written[&source]);
                // No write may come between an addition and its source.
                let taken = writes.get(from).is_some_and(|next| adds(program, graph, *next));
                match deed {
                    Deed::Load { .. } => add(Some(source), value, &before, &|_| ()),
                    _ if taken => (),
                    Deed::Store { .. } => add(None, value_kept(last), &before, &|graph| {
                        graph.locations[location].insert(from, place);
                        graph.written.insert(place, program.stored(thread, at));
                    }),
                    _ => add(Some(source), value, &before, &|graph| {
                        graph.locations[location].insert(from, place);
                        graph.written.insert(place, value.wrapping_add(1));
                    }),
                }
            }
        }
    }
}

/// A store has no result of its own.
fn value_kept(last: u8) -> u8 {
    last
}

fn time_of(graph: &Graph, (thread, index): Place) -> u8 {
    graph.threads[thread][index].2
}

fn adds(program: &Program, graph: &Graph, (thread, index): Place) -> bool {
    let (at, ..) = graph.threads[thread][index];
    matches!(program.threads[thread][at].deed, Deed::Add { .. })
}

/// Returns how many writes of a location are older than, or are, the newest that is known after `before`.
fn newest_known(graph: &Graph, location: usize, before: &BTreeSet<Place>) -> usize {
    let writes = &graph.locations[location];
    let position = |place: &Place| writes.iter().position(|write| write == place).map(|at| at + 1);
    let known = before.iter().filter(|(thread, index)| *index < graph.threads[*thread].len());
    let newest = known.filter_map(|place| {
        let (_, source, _) = graph.threads[place.0][place.1];
        position(place).max(source.flatten().as_ref().and_then(position))
    });
    newest.max().unwrap_or(0)
}
