//! What is promised to happen in no order: under engines each order comes in some execution. Which of several ready cases a
//! select takes, and which of several sleepers goes on first.
#![cfg(any(feature = "loom", feature = "shuttle", feature = "graph"))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "results are collected outside the model"
)]

use selvedge::chan::{bounded, select, select_biased};
use selvedge_check::{Checker, Primitives};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn choices(pick: fn() -> usize) -> BTreeSet<usize> {
    outcomes(Checker::new().primitives(Primitives::Real), pick)
}

/// Returns what the program returns in some execution.
fn outcomes<T: Ord + Clone + Send + 'static>(checker: Checker, pick: fn() -> T) -> BTreeSet<T> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&seen);
    checker.ignore_environment().check(move || {
        let chosen = pick();
        into.lock().expect("no panic").insert(chosen);
    });
    let seen = seen.lock().expect("no panic");
    seen.clone()
}

/// Selects among two cases that receive and one that sends, all of which are ready.
macro_rules! pick {
    ($select:ident) => {
        || {
            let ((tx, rx), (other, another), (into, _open)) = (bounded(1), bounded(1), bounded(1));
            tx.send(0).expect("room");
            other.send(1).expect("room");
            $select! {
                recv(rx) -> got => got.expect("a value"),
                recv(another) -> got => got.expect("a value"),
                send(into, 2) -> sent => { sent.expect("room"); 2 }
            }
        }
    };
}

#[test]
fn every_ready_case_is_chosen_in_some_execution() {
    assert_eq!(choices(pick!(select)), BTreeSet::from([0, 1, 2]));
}

/// The model `sync::a_fair_unlock_hands_the_lock_over` with an unlock that is not fair fails.
#[test]
fn an_unfair_unlock_lets_others_in_in_some_execution() {
    let body = selvedge_models::models::sync::an_unfair_unlock_lets_others_in;
    for report in Checker::new().primitives(Primitives::Real).ignore_environment().run(body) {
        assert!(report.to_string().contains("somebody barged in"), "{report}");
    }
}

#[test]
fn a_biased_select_takes_the_first_that_is_ready() {
    assert_eq!(choices(pick!(select_biased)), BTreeSet::from([0]));
}

/// Three members of a bubble that sleep until one moment, in the six orders in which they may go on. ST-10.
#[cfg(feature = "graph")]
#[test]
fn sleepers_of_one_moment_go_on_in_every_order() {
    use selvedge::rt::sync::Arc;
    use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use selvedge_check::Engine;
    use std::time::Duration;

    let order = || {
        selvedge::testing::bubble(|b| {
            let next = Arc::new(AtomicUsize::new(0));
            let sleepers = [(); 3].map(|()| {
                let next = Arc::clone(&next);
                b.spawn(move || {
                    selvedge::rt::thread::sleep(Duration::from_secs(3600));
                    next.fetch_add(1, Relaxed) // Relaxed: a number; the joins order the rest.
                })
            });
            sleepers.map(|sleeper| sleeper.join().expect("no panic"))
        })
    };
    // One change of threads that nothing asks for is enough, and keeps the search short: a member that goes on runs until it
    // ends, and then the others wait for the scheduler in any order.
    let checker = Checker::new().engines([Engine::Graph]).preemption_bound(1);
    let all = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    assert_eq!(outcomes(checker, order), BTreeSet::from(all));
}
