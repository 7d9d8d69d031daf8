//! Which of several ready cases a select takes: under every engine each case in some execution.
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
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&seen);
    Checker::new().primitives(Primitives::Real).ignore_environment().check(move || {
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
