//! Random programs of steps and accesses: the machine explores exactly the executions that brute force finds, each once,
//! and no run comes to nothing.

#![allow(clippy::disallowed_types, reason = "the engine is below `selvedge::rt`")]

mod brute;
mod engine;
mod program;

use brute::{Memory, executions};
use engine::{explore, replays};
use fastrand::Rng;
use program::random;

/// Compares the executions of random programs; `accesses` in ten of their operations are accesses.
fn compare(seed: u64, programs: u32, accesses: u8, memory: Memory) {
    let mut numbers = Rng::with_seed(seed);
    for number in 0..programs {
        let program = random(&mut numbers, accesses);
        let expected = executions(&program, memory);
        let explored = explore(&program, memory, number % 4 == 0);
        let lacks: Vec<_> =
            expected.iter().filter(|execution| !explored.found.contains_key(execution)).collect();
        assert!(lacks.is_empty(), "program {number} lacks {lacks:?}: {program:?}");
        for (execution, times) in &explored.found {
            assert!(expected.contains(execution), "program {number} has {execution:?}: {program:?}");
            assert_eq!(*times, 1, "program {number} comes to {execution:?} again: {program:?}");
        }
        assert_eq!(explored.blocked, 0, "program {number} has runs that come to nothing: {program:?}");
    }
}

#[test]
fn executions_run_again_by_their_tokens() {
    let mut numbers = Rng::with_seed(4);
    for number in 0..300 {
        let program = random(&mut numbers, 4);
        let memory = if number % 2 == 0 { Memory::Relaxed } else { Memory::Sequential };
        assert!(replays(&program, memory), "program {number}: {program:?}");
    }
}

#[test]
fn steps_alone_are_explored_once_each() {
    compare(1, 2_000, 0, Memory::Relaxed);
}

#[test]
fn steps_and_relaxed_accesses_are_explored_once_each() {
    compare(2, 1_000, 5, Memory::Relaxed);
}

#[test]
fn steps_and_accesses_in_one_order_are_explored_once_each() {
    compare(3, 1_000, 5, Memory::Sequential);
}
