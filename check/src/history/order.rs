//! The partial order of a history's operations.

use super::Entry;

/// What a total order of all operations must respect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Criterion {
    /// An operation that returned before another was called precedes it (Herlihy and Wing, 1990).
    Linearizable,
    /// Each thread's operations stay in order; those of different threads may change places (Lamport, 1979).
    SequentiallyConsistent,
    /// Two operations with a moment of rest between them stay in order, even those of different threads; all others may
    /// change places, even those of one thread (Aspnes, Herlihy and Shavit, 1994).
    QuiescentlyConsistent,
}

/// Operations in lanes. Those of one lane follow each other, and each has a clock: how many operations of each other lane
/// precede it.
pub(super) struct Lanes {
    /// For each lane its operations, by their index among the entries.
    pub(super) lanes: Vec<Vec<usize>>,
    /// For each lane and operation its clock.
    pub(super) before: Vec<Vec<Vec<u32>>>,
}

impl Lanes {
    pub(super) fn new<O, A>(entries: &[Entry<O, A>], chosen: &[usize], criterion: Criterion) -> Lanes {
        match criterion {
            Criterion::QuiescentlyConsistent => between_rests(entries, chosen),
            Criterion::Linearizable => by_thread(entries, chosen, true),
            Criterion::SequentiallyConsistent => by_thread(entries, chosen, false),
        }
    }
}

fn by_thread<O, A>(entries: &[Entry<O, A>], chosen: &[usize], across: bool) -> Lanes {
    let threads = chosen.iter().map(|at| entries[*at].thread + 1).max().unwrap_or(0);
    let mut lanes = vec![Vec::new(); threads];
    chosen.iter().for_each(|at| lanes[entries[*at].thread].push(*at));
    // The number of an operation among those of its thread in the whole history: an entry's clock counts these.
    let mut number = vec![0_u32; entries.len()];
    let mut counts = vec![0_u32; entries.iter().map(|entry| entry.thread + 1).max().unwrap_or(0)];
    for (at, entry) in entries.iter().enumerate() {
        number[at] = counts[entry.thread];
        counts[entry.thread] += 1;
    }
    let before_in = |entry: &Entry<O, A>, other: usize| -> u32 {
        if !across || other == entry.thread {
            return 0; // The order within a lane is kept without a clock.
        }
        let lane = &lanes[other];
        let count = match &entry.before {
            Some(clock) => {
                let known = clock.get(other).copied().unwrap_or(0);
                lane.partition_point(|at| number[*at] < known)
            }
            None => lane.partition_point(|at| entries[*at].returned.is_some_and(|time| time < entry.called)),
        };
        count as u32
    };
    let of_lane = |lane: &Vec<usize>| {
        let clock = |at: &usize| (0..threads).map(|other| before_in(&entries[*at], other)).collect();
        lane.iter().map(clock).collect()
    };
    let before = lanes.iter().map(of_lane).collect();
    Lanes { lanes, before }
}

/// Returns lanes for blocks of operations with a moment of rest between them: the n-th operation of each block is in
/// lane n.
fn between_rests<O, A>(entries: &[Entry<O, A>], chosen: &[usize]) -> Lanes {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut busy_until = 0;
    for at in chosen {
        let entry = &entries[*at];
        if blocks.is_empty() || entry.called > busy_until {
            blocks.push(Vec::new());
        }
        busy_until = busy_until.max(entry.returned.unwrap_or(u64::MAX));
        if let Some(block) = blocks.last_mut() {
            block.push(*at);
        }
    }
    let width = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let mut lanes = vec![Vec::new(); width];
    let mut before = vec![Vec::new(); width];
    for block in blocks {
        let so_far: Vec<u32> = lanes.iter().map(|lane: &Vec<usize>| lane.len() as u32).collect();
        for (lane, at) in block.into_iter().enumerate() {
            lanes[lane].push(at);
            before[lane].push(so_far.clone());
        }
    }
    Lanes { lanes, before }
}
