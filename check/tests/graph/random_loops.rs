//! Random loops that wait or try, compared with the unrolled loops, which have no `spin_loop` that would let the engine
//! leave rounds out.

use super::{checker, outcomes};
use selvedge::rt::hint::{self, Backoff};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering, fence};
use selvedge::rt::thread;
use selvedge_check::Verdict;
use std::collections::BTreeSet;

/// The body of the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Reads one location.
    One,
    /// Reads two locations, and waits for both.
    Both,
    /// Reads one location until it is set, and then another one.
    InTurn,
    /// Takes a lock by a swap, and reads what the lock protects.
    SwapLock,
    /// Takes a lock by a compare-exchange, and reads what the lock protects.
    ExchangeLock,
}

#[derive(Clone, Debug)]
struct Program {
    shape: Shape,
    /// The locations and the values that the other threads store.
    stores: Vec<Vec<(usize, usize)>>,
    load: Ordering,
    fence: Option<Ordering>,
    /// Whether the loop keeps each value that it has seen.
    remembers: bool,
    /// Whether the loop counts its tries in a box.
    boxed: bool,
    /// Whether the thread reads before the loop.
    looks_first: bool,
    /// The number of tries after which the loop gives up.
    tries: Option<usize>,
    pause: usize,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn program(random: &mut Random) -> Program {
    let shape = random.pick(&[Shape::One, Shape::Both, Shape::InTurn, Shape::SwapLock, Shape::ExchangeLock]);
    let mut stores: Vec<Vec<(usize, usize)>> = match random.below(3) {
        0 => vec![vec![(0, 1), (1, 1)]],
        1 => vec![vec![(0, 1)], vec![(1, 1)]],
        _ => vec![vec![(1, 1), (0, 2), (0, 1)]],
    };
    if matches!(shape, Shape::SwapLock | Shape::ExchangeLock) {
        stores.truncate(1);
        stores[0].truncate(2);
    }
    Program {
        shape,
        stores,
        load: random.pick(&[Relaxed, Acquire, SeqCst]),
        fence: random.pick(&[None, None, Some(Acquire), Some(SeqCst)]),
        remembers: shape != Shape::Both && random.below(3) == 0,
        boxed: random.below(4) == 0,
        looks_first: random.below(2) == 0,
        tries: random.pick(&[None, Some(1), Some(2), Some(3)]),
        pause: random.below(3),
    }
}

/// The values that the loop saw, and whether the loop came to its end.
type Outcome = (Vec<usize>, bool);

impl Program {
    /// `unrolled`: the loop does not tell the engine that it waits.
    fn run(&self, unrolled: bool) -> Outcome {
        // Location 2 is the lock.
        let memory = [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)];
        let locks = matches!(self.shape, Shape::SwapLock | Shape::ExchangeLock);
        let memory = &memory;
        thread::scope(|scope| {
            for stores in &self.stores {
                scope.spawn(move || {
                    if locks {
                        // What it finds is for the loop to find out: no wait here.
                        if memory[2].swap(1, Acquire) == 1 {
                            return;
                        }
                    }
                    stores.iter().for_each(|(at, value)| memory[*at].store(*value, Release));
                    if locks {
                        memory[2].store(0, Release);
                    }
                });
            }
            self.loops(memory, unrolled)
        })
    }

    fn loops(&self, memory: &[AtomicUsize; 3], unrolled: bool) -> Outcome {
        let mut seen = Vec::new();
        if self.looks_first {
            seen.push(memory[0].load(Relaxed));
        }
        let (mut count, mut boxed) = (0, Box::new(0));
        let mut stage = 0;
        loop {
            let done = self.round(memory, &mut stage, &mut seen);
            if let Some(order) = self.fence {
                fence(order);
            }
            if done {
                seen.push(10 + memory[1].load(Relaxed));
                return (seen, true);
            }
            // A loop that only waits has no count.
            let limit = self.tries.or(unrolled.then_some(5));
            if let Some(limit) = limit {
                let tries = if self.boxed { &mut *boxed } else { &mut count };
                *tries += 1;
                if *tries >= limit {
                    return (seen, false);
                }
            }
            match self.pause {
                _ if unrolled => (),
                0 => hint::spin_loop(),
                1 => thread::yield_now(),
                _ => Backoff::new().snooze(),
            }
        }
    }

    fn round(&self, memory: &[AtomicUsize; 3], stage: &mut usize, seen: &mut Vec<usize>) -> bool {
        let load = |at: usize, seen: &mut Vec<usize>| {
            let value = memory[at].load(self.load);
            if self.remembers && seen.last() != Some(&value) {
                seen.push(value);
            }
            value == 1
        };
        match self.shape {
            Shape::One => load(0, seen),
            Shape::Both => load(0, seen) & load(1, seen),
            Shape::InTurn => {
                *stage += usize::from(load(*stage, seen));
                *stage == 2
            }
            Shape::SwapLock | Shape::ExchangeLock => {
                let taken = match self.shape {
                    Shape::SwapLock => memory[2].swap(1, Acquire) == 0,
                    _ => memory[2].compare_exchange(0, 1, Acquire, Relaxed).is_ok(),
                };
                if taken {
                    seen.push(memory[0].load(Relaxed));
                    memory[2].store(0, Release);
                }
                taken
            }
        }
    }
}

/// What the unrolled program comes to; of one that only waits, where it does not give up.
fn expected(program: &Program) -> BTreeSet<Outcome> {
    let unrolled = program.clone();
    let (found, report) = outcomes(checker().preemption_bound(None), move || unrolled.run(true));
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{program:?}: {report}");
    found.into_iter().filter(|(_, done)| *done || program.tries.is_some()).collect()
}

#[test]
fn random_loops_come_to_what_they_come_to_unrolled() {
    let mut random = Random(20);
    let (mut exhaustive, mut searched) = (0, 0);
    for _ in 0..600 {
        let program = program(&mut random);
        let expected = expected(&program);
        let model = program.clone();
        let (found, report) = outcomes(checker().preemption_bound(None), move || model.run(false));
        match &report.verdict {
            Verdict::Exhaustive => {
                assert_eq!(found, expected, "{program:?}: {report}");
                exhaustive += 1;
            }
            Verdict::Searched { bounds, .. } => {
                assert!(found.is_subset(&expected), "{program:?}: {report}");
                assert!(bounds.contains("random_loops.rs:"), "{program:?}: {report}");
                searched += 1;
            }
            _ => panic!("{program:?}: {report}"),
        }
    }
    assert!(exhaustive > 560, "{exhaustive} exhaustive, {searched} searched");
}
