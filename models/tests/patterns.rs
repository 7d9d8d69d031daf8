//! Every model of a pattern is explored to its end: the documentation of the patterns says so. And what a pattern is for is found
//! where a program does without it.
#![cfg(feature = "graph")]

use selvedge_check::{Engine, Verdict};
use selvedge_models::models::MODELS;
use selvedge_models::run::{Effort, run_model};
use std::time::Duration;

#[test]
fn the_graph_engine_explores_each_model_of_a_pattern_to_its_end() {
    let models: Vec<_> = MODELS.iter().filter(|model| model.name.starts_with("patterns::")).collect();
    assert!(models.len() > 15, "only {} models", models.len());
    // The largest one has some 8,000 executions, which end by themselves; the limit is for a machine that does much else.
    let effort = Effort { time_limit: Duration::from_secs(120), ..Effort::STANDARD };
    let mut open = Vec::new();
    for model in models {
        let report = run_model(model, Engine::Graph, &effort, Default::default());
        println!("{}: {report}", model.name);
        if !matches!(report.verdict, Verdict::Exhaustive) {
            open.push(format!("{}: {report}", model.name));
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
}

/// Fetches that push their results to one list by themselves, where a crawl calls its callback for one at a time. PA-08.
#[test]
fn callbacks_that_share_a_list_without_a_lock_are_a_race() {
    use selvedge::rt::cell::UnsafeCell;
    use selvedge::rt::sync::Arc;
    use selvedge::rt::thread;
    use selvedge_check::{Checker, FailureKind};

    struct List(UnsafeCell<Vec<u32>>);
    // SAFETY: it is not: two threads push at once, which the engine finds before either does.
    unsafe impl Sync for List {}

    Checker::new().ignore_environment().engines([Engine::Graph]).expect_failure(FailureKind::Race).check(
        || {
            let list = Arc::new(List(UnsafeCell::new(Vec::new())));
            let theirs = Arc::clone(&list);
            let push = |list: &List, page| {
                list.0.with_mut(|list| {
                    // SAFETY: the engine runs one thread at a time.
                    unsafe { (*list).push(page) }
                })
            };
            let other = thread::spawn(move || push(&theirs, 1));
            push(&list, 2);
            other.join().expect("no panic");
        },
    );
}

/// An exit that is dropped, and a goroutine of it that panics.
#[test]
fn a_panic_that_nobody_waits_for_fails_the_model() {
    use selvedge_check::{Checker, FailureKind};
    use selvedge_go::patterns::Exit;

    let run = |is_waited_for: bool| {
        let body = move || {
            let exit = Exit::new();
            exit.go(|_quit| panic!("lost"));
            if is_waited_for {
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| exit.wait()));
                assert!(caught.is_err(), "the panic comes to who waits");
            }
        };
        Checker::new().ignore_environment().engines([Engine::Graph]).run(body).pop().expect("one engine")
    };
    let lost = run(false);
    let failure = &lost.verdict.failure().unwrap_or_else(|| panic!("{lost}")).failure;
    assert_eq!(failure.kind, FailureKind::Panic);
    assert!(failure.message.contains("nobody has seen a panic: lost"), "{lost}");
    let seen = run(true);
    assert!(matches!(seen.verdict, Verdict::Exhaustive), "{seen}");
}
