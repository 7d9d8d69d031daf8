//! shuttle, depth-first, finds first and then exhausts: schedules at random come before the rest of the search.
#![cfg(feature = "shuttle")]
#![allow(clippy::disallowed_types, reason = "results are collected outside the model")]

use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, Phase, Report, Strategy, Verdict};
use std::sync::atomic::AtomicU64;

fn checker() -> Checker {
    Checker::new().ignore_environment().engines([Engine::Shuttle(Strategy::DepthFirst)])
}

/// Two threads that increment a counter so often each. Returns the values that the second thread saw.
fn increments(times: usize) -> Vec<usize> {
    let counter = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&counter);
    let increment = move |counter: &AtomicUsize| (0..times).map(|_| counter.fetch_add(1, Relaxed)).collect();
    let other = thread::spawn(move || increment(&theirs));
    let _: Vec<usize> = increment(&counter);
    other.join().expect("it does not panic")
}

/// Fails if the first choice is another than the search tries first.
fn fails_early() {
    let choice = selvedge::rt::choose(2);
    let _ = increments(20);
    assert_eq!(choice, 0, "the other choice");
}

/// Fails if the two threads take turns: three preemptions.
fn fails_at_three_preemptions() {
    assert!(!increments(4).windows(2).all(|pair| pair[1] - pair[0] == 2), "in turns");
}

fn phase(report: &Report) -> Option<Phase> {
    report.verdict.failure().and_then(|found| found.phase)
}

#[test]
fn schedules_at_random_find_what_an_early_choice_decides() {
    let found = || checker().name("early").seed(7).run(fails_early).remove(0);
    let (report, again) = (found(), found());
    let Some(Phase::Schedules { strategy, schedule, seed: 7 }) = phase(&report) else { panic!("{report}") };
    assert_eq!((strategy, phase(&again)), (Strategy::Pct, phase(&report)));
    assert!(
        report.to_string().contains(&format!("by shuttle-pct, schedule {schedule} of seed 7")),
        "{report}"
    );
    let token = &report.verdict.failure().expect("found").token;
    assert!(token.contains("~seed=7@"), "{token}");
    let replayed = checker().name("early").replay(token).run(fails_early).remove(0);
    assert_eq!(&replayed.verdict.failure().expect("it fails again").token, token);
    let plain = checker().find_first(false).max_executions(report.executions);
    assert!(plain.run(fails_early).remove(0).verdict.passed());
}

#[test]
fn an_exhausted_model_has_the_counts_of_the_search() {
    let model = || drop(increments(5));
    let searched = |on: bool| checker().preemption_bound(None).find_first(on).run(model).remove(0);
    let (with, without) = (searched(true), searched(false));
    assert!(matches!(with.verdict, Verdict::Exhaustive), "{with}");
    assert_eq!((with.executions, with.coverage), (without.executions, Some(1.0)));
    assert!(with.executions > 256, "{with}");
}

#[test]
fn all_phases_together_keep_to_the_limit_and_the_coverage_is_an_estimate() {
    let mut before = 0.0;
    for limit in [100, 300, 700, 3_000] {
        let begun = std::sync::Arc::new(AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&begun);
        let report = checker().preemption_bound(None).max_executions(limit).run(move || {
            counted.fetch_add(1, Relaxed);
            drop(increments(8));
        });
        assert_eq!(begun.load(Relaxed), limit, "{}", report[0]);
        let Verdict::Searched { bounds, .. } = &report[0].verdict else { panic!("{}", report[0]) };
        assert_eq!(bounds.contains("also tried: "), limit > 256, "{bounds}");
        let coverage = report[0].coverage.expect("a limit ended the search");
        assert!((before..1.0).contains(&coverage) && bounds.contains("% explored"), "{bounds}");
        before = coverage;
    }
}

#[test]
fn a_bound_of_the_user_bounds_the_schedules_too() {
    let within =
        |bound: Option<usize>| checker().preemption_bound(bound).run(fails_at_three_preemptions).remove(0);
    assert!(within(Some(2)).verdict.passed(), "{}", within(Some(2)));
    assert!(!within(None).verdict.passed());
}
