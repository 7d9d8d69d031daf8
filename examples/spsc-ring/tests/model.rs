//! Checks the ring: `cargo test`, and with `--features graph`, `loom` or `shuttle`.

use selvedge::rt::thread;
use selvedge_check::Checker;
use spsc_ring::ring;

/// Two values through one slot: the second waits for the first to be taken, so the counters hand
/// the slot over in both directions.
fn values_arrive_once_and_in_order() {
    let (mut producer, mut consumer) = ring(1);
    let thread = thread::spawn(move || {
        for value in ["a", "b"].map(String::from) {
            let mut value = value;
            while let Err(back) = producer.push(value) {
                value = back;
                thread::yield_now();
            }
        }
    });
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match consumer.pop() {
            Some(value) => seen.push(value),
            None => thread::yield_now(),
        }
    }
    thread.join().expect("the producer does not panic");
    assert_eq!((seen, consumer.pop()), (vec!["a".to_string(), "b".to_string()], None));
}

/// What is still in the ring is dropped with it.
fn values_left_behind_are_freed() {
    use selvedge::rt::sync::Arc;
    let (mut producer, consumer) = ring(2);
    let value = Arc::new(());
    producer.push(Arc::clone(&value)).expect("there is room");
    let thread = thread::spawn(move || drop(producer));
    drop(consumer);
    thread.join().expect("dropping does not panic");
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn the_ring_is_correct() {
    Checker::new().name("values arrive").check(values_arrive_once_and_in_order);
    Checker::new().name("values left behind").check(values_left_behind_are_freed);
}

/// The models can fail: each weakened ordering is found.
#[test]
#[cfg(any(feature = "loom", feature = "graph"))]
fn every_weakened_ordering_is_a_race() {
    use selvedge::rt::sync::atomic::Ordering::Relaxed;
    use selvedge_check::{Change, Engine, FailureKind, site_of};

    let source = include_str!("../src/lib.rs");
    for label in ["read-head", "write-tail", "read-tail", "write-head"] {
        let mutation = site_of(source, "spsc-ring/src/lib.rs", label, Change::Order(Relaxed));
        Checker::new()
            .name(label)
            .engines(Engine::available().into_iter().filter(|engine| engine.sees_orderings()))
            .mutate(mutation.expect("the site exists"))
            .expect_failure(FailureKind::Race)
            .check(values_arrive_once_and_in_order);
    }
}
