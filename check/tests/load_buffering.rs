//! Which weakened orderings load buffering may need, which no engine explores.
#![cfg(feature = "graph")]

use selvedge::rt::sync::atomic::{AtomicUsize, Ordering, Ordering::*, fence};
use selvedge::rt::thread;
use selvedge_check::audit::{Candidate, Outcome, candidates};
use selvedge_check::{Change, Checker, Engine};

fn graph() -> Checker {
    Checker::new().engines([Engine::Graph])
}

/// Returns the label of each change of a model to Relaxed, or of a fence to nothing, in the order of the source.
fn labels(model: impl Fn() + Clone + Send + Sync + 'static) -> Vec<&'static str> {
    let (report, uses) = graph().survey(model.clone());
    assert!(report.verdict.passed(), "{report}");
    let here: Vec<_> = uses.into_iter().filter(|met| met.site.file() == file!()).collect();
    let takes_all = |candidate: &Candidate| {
        matches!(candidate.mutation.change, Change::Order(Relaxed) | Change::DropFence)
    };
    let label = |candidate: Candidate| {
        let changed = graph().mutate(candidate.mutation);
        let (report, exposed) = changed.survey_load_buffering(model.clone());
        Outcome::of(&report, "m").with_load_buffering(exposed.is_some()).label()
    };
    candidates(&here).into_iter().filter(takes_all).map(label).collect()
}

const NEEDED: &str = "needed";
const NOT_SHOWN: &str = "not shown needed";
const BUFFERING: &str = "not shown needed (load buffering not modelled)";

/// Runs the two threads of load buffering, with these orderings of the first one's load and store.
fn load_buffering(load: Ordering, store: Ordering) {
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let seen = y.load(Relaxed);
            x.store(1, Relaxed);
            seen
        });
        let seen = x.load(load);
        y.store(1, store);
        assert!(seen + other.join().expect("it ends") < 2);
    });
}

#[test]
fn the_only_ordering_between_a_load_and_a_store_may_be_needed() {
    assert_eq!(labels(|| load_buffering(Acquire, Relaxed)), [BUFFERING]);
    assert_eq!(labels(|| load_buffering(Relaxed, Release)), [BUFFERING]);
}

#[test]
fn one_of_two_orderings_is_enough_for_a_pair() {
    assert_eq!(labels(|| load_buffering(Acquire, Release)), [NOT_SHOWN, NOT_SHOWN]);
}

#[test]
fn message_passing_has_no_read_before_a_write() {
    let model = |says: bool| {
        move || {
            let (data, ready) = (AtomicUsize::new(0), AtomicUsize::new(0));
            thread::scope(|scope| {
                scope.spawn(|| {
                    data.store(1, Relaxed);
                    ready.store(1, Release);
                });
                let seen = (ready.load(Acquire), data.load(Relaxed));
                assert!(!says || seen != (1, 0));
            });
        }
    };
    assert_eq!(labels(model(false)), [NOT_SHOWN, NOT_SHOWN]);
    assert_eq!(labels(model(true)), [NEEDED, NEEDED]);
}

#[test]
fn a_fence_keeps_a_load_before_a_store() {
    let model = || {
        let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| (y.load(Relaxed), x.store(1, Relaxed)));
            x.load(Relaxed);
            fence(Acquire);
            y.store(1, Relaxed);
        });
    };
    assert_eq!(labels(model), [BUFFERING]);
}

#[test]
fn a_cycle_may_lead_through_three_threads() {
    let model = || {
        let [x, y, z] = [0; 3].map(AtomicUsize::new);
        thread::scope(|scope| {
            scope.spawn(|| (y.load(Relaxed), z.store(1, Relaxed)));
            scope.spawn(|| (z.load(Relaxed), x.store(1, Relaxed)));
            x.load(Acquire);
            y.store(1, Relaxed);
        });
    };
    assert_eq!(labels(model), [BUFFERING]);
}

#[test]
fn threads_that_follow_each_other_close_no_cycle() {
    let model = || {
        let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            let first = scope.spawn(|| (y.load(Relaxed), x.store(1, Relaxed)));
            first.join().expect("it ends");
            x.load(Acquire);
            y.store(1, Relaxed);
        });
    };
    assert_eq!(labels(model), [NOT_SHOWN]);
}

#[test]
fn one_object_is_coherent_by_itself() {
    let model = || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| (x.load(Relaxed), x.store(1, Relaxed)));
            x.load(Acquire);
            x.store(2, Relaxed);
        });
    };
    assert_eq!(labels(model), [NOT_SHOWN]);
}
