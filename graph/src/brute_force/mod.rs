//! Random programs of steps and accesses: the machine explores exactly the executions that brute force finds, each once,
//! and no run comes to nothing.

mod executions;
mod explored;
mod program;

use self::executions::{Execution, Memory, executions};
use self::explored::{explore, replays, sampled, within};
use self::program::{Deed, Program, STATES, critical_sections, random, random_alike};
use crate::explore::twin::{TWIN, Twin};
use fastrand::Rng;
use std::collections::BTreeSet;

/// Compares the executions of random programs; `accesses` in ten of their operations are accesses. Returns what is wrong.
fn compare(seed: u64, programs: u32, accesses: u8, memory: Memory) -> Result<(), String> {
    compare_drawn(seed, programs, memory, |numbers| random(numbers, accesses))
}

/// Compares the executions of random programs whose threads sleep and whose steps are timed, where time is discrete.
fn compare_timed(seed: u64, programs: u32, accesses: u8, memory: Memory) -> Result<(), String> {
    compare_drawn(seed, programs, memory, |numbers| random(numbers, accesses).timed(numbers))
}

fn compare_drawn(
    seed: u64,
    programs: u32,
    memory: Memory,
    draw: impl Fn(&mut Rng) -> Program,
) -> Result<(), String> {
    let mut numbers = Rng::with_seed(seed);
    for number in 0..programs {
        let program = draw(&mut numbers);
        let expected = executions(&program, memory);
        let explored = explore(&program, memory, number % 4 == 0);
        let all = || executions(&Program { retries: None, ..program.clone() }, memory);
        let fault = if explored.blocked > 0 && !explored.cut {
            "has runs that come to nothing"
        } else if explored.found.values().any(|times| *times > 1) {
            "comes to an execution twice"
        } else if explored.found.keys().any(|execution| !expected.contains(execution)) {
            "has an execution too many"
        } else if explored.found.len() < expected.len() {
            "lacks an execution"
        } else if program.retries.is_some() && explored.cut != (all().len() > expected.len()) {
            "says wrongly whether an execution is left out"
        } else {
            continue;
        };
        return Err(format!("program {number} {fault}: {program:?}"));
    }
    Ok(())
}

/// Compares the executions of random programs, some of whose threads are alike, but for which of these threads is which.
/// Returns what is wrong.
fn compare_alike(seed: u64, programs: u32, accesses: u8, memory: Memory) -> Result<(), String> {
    compare_drawn_alike(seed, programs, memory, |numbers| random_alike(numbers, accesses))
}

fn compare_drawn_alike(
    seed: u64,
    programs: u32,
    memory: Memory,
    draw: impl Fn(&mut Rng) -> Program,
) -> Result<(), String> {
    let mut numbers = Rng::with_seed(seed);
    for number in 0..programs {
        let program = draw(&mut numbers);
        let all = executions(&program, memory);
        let explored = explore(&program, memory, number % 4 == 0);
        let sets = |executions: &mut dyn Iterator<Item = &Execution>| -> BTreeSet<Execution> {
            executions.map(|execution| execution.canonical(&program)).collect()
        };
        let fault = if explored.blocked > 0 && !explored.cut {
            "has runs that come to nothing"
        } else if explored.found.values().any(|times| *times > 1) {
            "comes to an execution twice"
        } else if explored.found.keys().any(|execution| !all.contains(execution)) {
            "has an execution too many"
        } else if sets(&mut explored.found.keys()) != sets(&mut all.iter()) {
            "misses an execution"
        } else {
            continue;
        };
        return Err(format!("program {number} {fault}: {program:?}"));
    }
    Ok(())
}

#[test]
fn steps_alone_are_explored_once_each() {
    assert_eq!(compare(1, 2_000, 0, Memory::Relaxed), Ok(()));
}

#[test]
fn steps_and_relaxed_accesses_are_explored_once_each() {
    assert_eq!(compare(2, 1_000, 5, Memory::Relaxed), Ok(()));
}

#[test]
fn steps_and_accesses_in_one_order_are_explored_once_each() {
    assert_eq!(compare(3, 1_000, 5, Memory::Sequential), Ok(()));
}

#[test]
fn timed_steps_and_accesses_are_explored_once_each() {
    assert_eq!(compare_timed(10, 2_000, 0, Memory::Relaxed), Ok(()));
    assert_eq!(compare_timed(11, 1_000, 5, Memory::Relaxed), Ok(()));
    assert_eq!(compare_timed(12, 1_000, 5, Memory::Sequential), Ok(()));
}

#[test]
fn every_twin_of_time_is_told_from_it() {
    for twin in
        [Twin::TimesOutAtOnce, Twin::LatestComesFirst, Twin::ForgetsEarlierTimes, Twin::ReadsLaterTimes]
    {
        TWIN.set(Some(twin));
        let found = compare_timed(10, 2_000, 3, Memory::Relaxed);
        TWIN.set(None);
        assert!(found.is_err(), "{twin:?} explores what the machine explores");
    }
}

#[test]
fn no_execution_is_missed_but_for_which_thread_is_which() {
    assert_eq!(compare_alike(6, 1_000, 0, Memory::Relaxed), Ok(()));
    assert_eq!(compare_alike(7, 600, 4, Memory::Relaxed), Ok(()));
    assert_eq!(compare_alike(8, 600, 4, Memory::Sequential), Ok(()));
    assert_eq!(compare_alike(9, 600, 8, Memory::Relaxed), Ok(()));
    let timed = |numbers: &mut Rng| random_alike(numbers, 3).timed(numbers);
    assert_eq!(compare_drawn_alike(13, 1_000, Memory::Relaxed, timed), Ok(()));
}

#[test]
fn every_twin_of_the_symmetry_is_told_from_it() {
    for (twin, accesses) in [(Twin::NoneComesFirst, 0), (Twin::EveryPlaceIsFixed, 8)] {
        TWIN.set(Some(twin));
        let found = compare_alike(6, 2_000, accesses, Memory::Relaxed);
        TWIN.set(None);
        assert!(found.is_err(), "{twin:?} misses nothing");
    }
}

/// Compares random programs whose threads may begin anew twice, once, or not at all. Returns what is wrong.
fn compare_within_retries(seed: u64, programs: u32, accesses: u8) -> Result<(), String> {
    let bounded =
        |numbers: &mut Rng, program: Program| Program { retries: Some(numbers.u32(..3)), ..program };
    let drawn = |numbers: &mut Rng| {
        let program = random(numbers, accesses);
        bounded(numbers, program)
    };
    compare_drawn(seed, programs, Memory::Relaxed, drawn)?;
    compare_drawn(seed, programs / 2, Memory::Sequential, drawn)?;
    let timed = |numbers: &mut Rng| drawn(numbers).timed(numbers);
    compare_drawn(seed, programs, Memory::Relaxed, timed)?;
    let alike = |numbers: &mut Rng| {
        let program = random_alike(numbers, accesses);
        bounded(numbers, program)
    };
    compare_drawn_alike(seed, programs / 2, Memory::Relaxed, alike)
}

/// Invariant R1 of `machine::retries`.
#[test]
fn executions_within_a_bound_on_retries_are_explored_once_each() {
    for accesses in [0, 5, 9] {
        assert_eq!(
            compare_within_retries(14, 400, accesses),
            Ok(()),
            "{accesses} accesses in ten operations"
        );
    }
}

#[test]
fn every_twin_of_the_bound_on_retries_is_told_from_it() {
    for twin in [Twin::RetryEndsTheRun, Twin::RetryIsNotNoted] {
        TWIN.set(Some(twin));
        let found = compare_within_retries(14, 1_000, 5);
        TWIN.set(None);
        assert!(found.is_err(), "{twin:?} explores what the machine explores");
    }
}

/// Threads whose first operation is an update are explored in one order.
#[test]
fn one_order_of_threads_that_are_alike_stands_for_all() {
    let explored = |threads, each| {
        let program = Program { alike: 0..threads, ..critical_sections(threads, each) };
        explore(&program, Memory::Relaxed, false).found.len()
    };
    assert_eq!([explored(2, 1), explored(3, 1), explored(4, 1), explored(3, 2)], [1, 1, 1, 15]);
}

#[test]
fn every_twin_is_told_from_the_machine() {
    for twin in [Twin::OffersTheEndOnly, Twin::OffersTheEndAfterWaiting, Twin::WaitIsRead, Twin::WaitIsUnread]
    {
        TWIN.set(Some(twin));
        let found = compare(1, 2_000, 0, Memory::Relaxed);
        TWIN.set(None);
        assert!(found.is_err(), "{twin:?} explores what the machine explores");
    }
}

/// A thread that could lock again and lets another do so first is preempted. One that waits for the lock is not.
#[test]
fn only_a_thread_that_could_go_on_is_preempted() {
    let program = critical_sections(3, 2);
    assert_eq!([0, 1, 2, 3].map(|preemptions| within(&program, preemptions)), [6, 24, 60, 90]);
}

/// A thread that sleeps is not preempted.
#[test]
fn a_thread_goes_on_before_others_until_it_sleeps() {
    let mut program = critical_sections(2, 1);
    for op in program.threads.iter_mut().flatten() {
        op.deed = Deed::Step { object: 0, table: [Some(0); STATES], ordered: false, within: None };
    }
    assert_eq!([0, 1].map(|preemptions| within(&program, preemptions)), [2, 4]);
    program.discrete = true;
    program.threads.iter_mut().for_each(|thread| thread[1].sleep = 1);
    assert_eq!(within(&program, 0), 4);
}

#[test]
fn executions_run_again_by_their_tokens() {
    let mut numbers = Rng::with_seed(4);
    for number in 0..300 {
        let program = random(&mut numbers, 4);
        let program = if number % 3 == 0 { program.timed(&mut numbers) } else { program };
        let memory = if number % 2 == 0 { Memory::Relaxed } else { Memory::Sequential };
        assert!(replays(&program, memory), "program {number}: {program:?}");
    }
}

#[test]
fn samples_are_executions() {
    let mut numbers = Rng::with_seed(5);
    for number in 0..100 {
        let program = random(&mut numbers, 3);
        let program = if number % 3 == 0 { program.timed(&mut numbers) } else { program };
        let expected = executions(&program, Memory::Relaxed);
        for execution in sampled(&program, Memory::Relaxed, 5) {
            assert!(expected.contains(&execution), "program {number} has {execution:?}: {program:?}");
        }
    }
}
