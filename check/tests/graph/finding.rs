//! A search that finds first and then exhausts: what each phase finds, and that the others stay as they are.

use super::{checker, count, kind};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge_check::{FailureKind, Phase, Report, Verdict};
use std::sync::atomic::AtomicU64;

/// Two threads that increment a counter so often each. Returns the values that the second thread saw.
fn increments(times: usize) -> Vec<usize> {
    let counter = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&counter);
    let increment = move |counter: &AtomicUsize| (0..times).map(|_| counter.fetch_add(1, Relaxed)).collect();
    let other = thread::spawn(move || increment(&theirs));
    let _: Vec<usize> = increment(&counter);
    other.join().expect("it does not panic")
}

/// Fails if the first choice is another than the search tries first; six threads that come in any order come after it.
fn fails_early() {
    let choice = selvedge::rt::choose(2);
    in_any_order::<6>();
    assert_eq!(choice, 0, "the other choice");
}

/// So many threads that increment a counter once each.
fn in_any_order<const THREADS: usize>() {
    let counter = Arc::new(AtomicUsize::new(0));
    let threads = [(); THREADS].map(|()| {
        let theirs = Arc::clone(&counter);
        thread::spawn(move || theirs.fetch_add(1, Relaxed))
    });
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Fails if the second thread does all it does at one moment in the middle of the first one.
fn fails_at_one_preemption() {
    let seen = increments(12);
    assert_ne!(seen, (3..15).collect::<Vec<_>>(), "in the middle");
}

fn phase(report: &Report) -> Option<Phase> {
    report.verdict.failure().and_then(|found| found.phase)
}

#[test]
fn descents_find_what_an_early_choice_decides() {
    let finding = checker().seed(7);
    let report = finding.run(fails_early).remove(0);
    let Some(Phase::Descents { descent, seed: 7 }) = phase(&report) else { panic!("{report}") };
    let said = format!("by random descents, descent {descent} of seed 7");
    assert!(descent > 0 && report.to_string().contains(&said) && report.line().contains(&said), "{report}");
    for bound in [None, Some(0), Some(1), Some(2)] {
        let plain =
            finding.clone().find_first(false).preemption_bound(bound).max_executions(report.executions);
        assert!(plain.run(fails_early).remove(0).verdict.passed(), "{bound:?}");
    }
}

#[test]
fn a_bounded_search_finds_what_one_preemption_shows() {
    let report = checker().run(fails_at_one_preemption).remove(0);
    assert_eq!(phase(&report), Some(Phase::Preemptions(1)), "{report}");
    assert!(report.to_string().contains("with at most 1 preemption"), "{report}");
    let plain = checker().find_first(false).max_executions(report.executions);
    assert!(plain.run(fails_at_one_preemption).remove(0).verdict.passed());
}

#[test]
fn a_small_search_ends_before_the_other_phases_begin() {
    let report = checker().run(|| assert_ne!(increments(3), [3, 4, 5], "last")).remove(0);
    assert_eq!(phase(&report), Some(Phase::Everything), "{report}");
    let without = checker().find_first(false).run(fails_at_one_preemption as fn()).remove(0);
    assert_eq!(phase(&without), None, "{without}");
}

#[test]
fn a_seed_stands_in_the_token_which_replays_exactly() {
    let found = |seed| checker().name("early").seed(seed).run(fails_early).remove(0);
    let (first, second) = (found(7), found(7));
    let token = first.verdict.failure().expect("found").token.clone();
    assert!(token.contains("~seed=7@"), "{token}");
    assert_eq!(second.verdict.failure().expect("found again").token, token);
    assert_eq!((first.executions, phase(&first)), (second.executions, phase(&second)));
    let again = checker().name("early").replay(&token).run(fails_early).remove(0);
    let replayed = again.verdict.failure().expect("it fails again");
    assert_eq!((kind(&again), &replayed.token), (Some(FailureKind::Panic), &token));
    let plain = token.replace("~seed=7", "");
    assert_eq!(kind(&checker().name("early").replay(&plain).run(fails_early)[0]), Some(FailureKind::Panic));
}

#[test]
fn an_exhausted_model_has_the_counts_of_the_search_of_everything() {
    let model = || drop(increments(6));
    let with = checker().run(model).remove(0);
    let without = checker().find_first(false).run(model).remove(0);
    assert!(matches!(with.verdict, Verdict::Exhaustive), "{with}");
    assert_eq!(
        (with.executions, with.blocked, with.events),
        (without.executions, without.blocked, without.events)
    );
    assert_eq!((with.executions, with.coverage), (924, Some(1.0)));
    assert_eq!(count(model), checker().jobs(3).run(model)[0].executions);
}

#[test]
fn all_phases_together_keep_to_the_limit_on_executions() {
    for limit in [100, 300, 700, 1_300, 2_000] {
        let begun = std::sync::Arc::new(AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&begun);
        let report = checker().max_executions(limit).run(move || {
            counted.fetch_add(1, Relaxed);
            increments(8);
        });
        assert_eq!(begun.load(Relaxed), limit, "{}", report[0]);
        let Verdict::Searched { bounds, .. } = &report[0].verdict else { panic!("{}", report[0]) };
        assert!(bounds.contains(&format!("stopped after {limit} executions")), "{bounds}");
        assert_eq!(bounds.contains("also tried: "), limit > 256, "{bounds}");
    }
}

#[test]
fn the_coverage_is_near_the_share_explored_and_whole_only_at_the_end() {
    const ALL: f64 = 12_870.0;
    let mut before = 0.0;
    for limit in [500, 1_000, 4_000, 8_000, 100_000] {
        let report = checker().max_executions(limit).run(|| drop(increments(8))).remove(0);
        let (coverage, share) = (report.coverage.expect("descents tell"), report.executions as f64 / ALL);
        assert!((share / 2.0..=share * 2.0).contains(&coverage), "{coverage} for {share}: {report}");
        assert!(coverage >= before, "{report}");
        assert_eq!(matches!(report.verdict, Verdict::Exhaustive), coverage == 1.0, "{report}");
        before = coverage;
    }
    let without = checker().find_first(false).max_executions(500).run(|| drop(increments(8))).remove(0);
    assert_eq!(without.coverage, None, "{without}");
}

#[test]
fn a_bound_of_the_user_bounds_every_phase() {
    let report = checker().preemption_bound(2).max_executions(600).run(in_any_order::<14>).remove(0);
    let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
    let tried = bounds.split_once("also tried: ").map_or("", |(_, tried)| tried);
    assert!(tried.contains("at most 0 preemptions "), "{bounds}");
    assert!(tried.contains("at most 1 preemption ") && !tried.contains("at most 2"), "{bounds}");
}

#[test]
fn only_the_first_share_and_only_the_first_run_look_besides_everything() {
    let share = |shard| {
        let report = checker().shard(shard, 2).max_executions(2_000).run(in_any_order::<14>).remove(0);
        report.to_string().contains("also tried: ")
    };
    assert!(share(1) && !share(2));
    let file = std::env::temp_dir().join(format!("selvedge-finding-{}", std::process::id()));
    let part =
        || checker().name("part").max_executions(700).checkpoint(&file).run(|| drop(increments(9))).remove(0);
    let (first, second) = (part(), part());
    std::fs::remove_file(&file).expect("there is more to do");
    assert!(first.to_string().contains("also tried: ") && !second.to_string().contains("also tried: "));
    assert!(second.executions >= first.executions + 700, "{second}");
}
