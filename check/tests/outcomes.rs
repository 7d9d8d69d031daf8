//! The engines against each other: on programs with SeqCst accesses only, loom must find every
//! outcome that the depth-first search finds, and no other.
#![cfg(all(feature = "loom", feature = "shuttle"))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "results are collected outside the model"
)]

use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, Strategy};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

type Outcome = Vec<usize>;

fn outcomes(engine: Engine, bound: Option<usize>, program: fn() -> Outcome) -> BTreeSet<Outcome> {
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&found);
    let checker = Checker::new().ignore_environment().engines([engine]).preemption_bound(bound);
    checker.check(move || {
        let outcome = program();
        into.lock().expect("no panic").insert(outcome);
    });
    let found = found.lock().expect("no panic");
    found.clone()
}

fn agree(bound: Option<usize>, program: fn() -> Outcome, expected: usize) {
    let shuttle = outcomes(Engine::Shuttle(Strategy::DepthFirst), bound, program);
    let loom = outcomes(Engine::Loom, bound, program);
    assert_eq!(loom, shuttle);
    assert_eq!(loom.len(), expected);
}

/// Runs both halves at the same time and returns what both saw.
fn pair(one: impl Fn() -> Outcome + Sync, two: impl Fn() -> Outcome) -> Outcome {
    thread::scope(|scope| {
        let one = scope.spawn(&one);
        let two = two();
        let mut outcome = one.join().expect("no panic");
        outcome.extend(two);
        outcome
    })
}

fn writer_loads_first() -> Outcome {
    let x = AtomicUsize::new(0);
    pair(
        || {
            let seen = x.load(SeqCst);
            x.store(1, SeqCst);
            vec![seen]
        },
        || vec![x.load(SeqCst)],
    )
}

fn load_then_exchange() -> Outcome {
    let x = AtomicUsize::new(0);
    let half = |mine: usize| {
        let seen = x.load(SeqCst);
        let found = x.compare_exchange(0, mine, SeqCst, SeqCst).unwrap_or_else(|found| 10 + found);
        vec![seen, found]
    };
    pair(|| half(1), || half(2))
}

fn ring_of_two() -> Outcome {
    let (head, tail) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let push = || {
        let at = tail.load(SeqCst);
        let room = at - head.load(SeqCst) < 2;
        if room {
            tail.store(at + 1, SeqCst);
        }
        room as usize
    };
    let pop = || {
        let at = head.load(SeqCst);
        let any = tail.load(SeqCst) != at;
        if any {
            head.store(at + 1, SeqCst);
        }
        any as usize
    };
    pair(|| (0..3).map(|_| push()).collect(), || (0..3).map(|_| pop()).collect())
}

fn three_counters() -> Outcome {
    let n = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| [n.fetch_add(1, SeqCst), n.load(SeqCst)]));
        let mut outcome = vec![n.fetch_add(1, SeqCst)];
        for thread in threads {
            outcome.extend(thread.join().expect("no panic"));
        }
        outcome
    })
}

#[test]
fn a_writer_that_loads_first_hides_no_outcome() {
    agree(None, writer_loads_first, 2);
}

#[test]
fn two_loads_each_before_an_exchange_hide_no_outcome() {
    agree(None, load_then_exchange, 4);
}

#[test]
fn a_ring_has_all_its_outcomes() {
    agree(Some(3), ring_of_two, 11);
}

#[test]
fn counters_have_all_their_outcomes() {
    agree(None, three_counters, 22);
}
