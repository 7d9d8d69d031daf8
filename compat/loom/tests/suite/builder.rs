//! Settings, by the builder and by the environment.

use super::loom::model::Builder;
use super::loom::sync::Arc;
use super::loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use super::loom::{explore, skip_branch, stop_exploring, thread};
use selvedge_check::Verdict;
use std::panic::catch_unwind;
use std::process::Command;
use std::time::Duration;

/// Two threads increment twice each.
fn increments() {
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&count);
    let increment = |count: &AtomicUsize| (0..2).for_each(|_| _ = count.fetch_add(1, SeqCst));
    let thread = thread::spawn(move || increment(&theirs));
    increment(&count);
    thread.join().unwrap();
    assert_eq!(count.load(SeqCst), 4);
}

fn verdict(set: impl Fn(&mut Builder)) -> Verdict {
    let mut builder = Builder::default();
    set(&mut builder);
    builder.checker().ignore_environment().run(increments).remove(0).verdict
}

fn bounds(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Searched { bounds, .. } => bounds,
        other => panic!("{}", other.label()),
    }
}

#[test]
fn everything_is_explored_unless_a_setting_bounds_it() {
    assert!(matches!(verdict(|_| ()), Verdict::Exhaustive));
    let permutations = verdict(|builder| builder.max_permutations = Some(2));
    assert!(bounds(&permutations).contains("2 executions"), "{}", bounds(&permutations));
    let preemptions = verdict(|builder| builder.preemption_bound = Some(0));
    assert!(bounds(&preemptions).contains("preemption"), "{}", bounds(&preemptions));
    let time = verdict(|builder| builder.max_duration = Some(Duration::ZERO));
    assert!(!matches!(time, Verdict::Exhaustive) && time.passed());
    assert!(!verdict(|builder| builder.max_branches = 3).passed());
}

#[test]
fn settings_without_a_meaning_here_change_nothing() {
    let verdict = verdict(|builder| {
        builder.max_threads = 1;
        builder.expect_explicit_explore = true;
        (builder.location, builder.log) = (true, true);
    });
    assert!(matches!(verdict, Verdict::Exhaustive));
    assert!(
        super::executions(|| {
            stop_exploring();
            skip_branch();
            increments();
            explore();
        }) > 1
    );
}

/// Two threads take turns.
fn turns() {
    let turn = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&turn);
    let take = |turn: &AtomicUsize, mine: usize| {
        for round in 0..4 {
            while turn.load(SeqCst) != 2 * round + mine {
                thread::yield_now();
            }
            turn.store(2 * round + mine + 1, SeqCst);
        }
    };
    let thread = thread::spawn(move || take(&theirs, 1));
    take(&turn, 0);
    thread.join().unwrap();
}

#[test]
fn a_bound_that_no_execution_keeps_to_is_widened() {
    let bounded = Builder::new().checker().ignore_environment().preemption_bound(0);
    let report = bounded.run(turns).remove(0);
    assert!(matches!(report.verdict, Verdict::Refused { .. }), "{report}");
    let mut builder = Builder::new();
    builder.preemption_bound = Some(0);
    builder.check(turns);
}

#[test]
fn a_failure_panics_with_its_report() {
    let failing = || {
        super::loom::model(|| {
            increments();
            panic!("the warp is torn");
        });
    };
    let panic = catch_unwind(failing).expect_err("the model fails");
    let text = panic.downcast_ref::<String>().expect("a report");
    assert!(text.contains("the warp is torn") && text.contains("SELVEDGE_REPLAY"), "{text}");
}

/// Run as a child, with variables.
#[test]
fn child_increments() {
    super::loom::model(increments);
}

/// Runs the test above in a process of its own, and returns whether it passed and what it printed.
fn child(variable: &str, value: &str) -> (bool, String) {
    let this = std::env::current_exe().expect("the test's own program");
    let child = Command::new(this)
        .args(["--exact", "builder::child_increments", "--nocapture"])
        .env(variable, value)
        .output()
        .expect("the child runs");
    let text = [child.stdout, child.stderr].concat();
    (child.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn variables_of_loom_are_understood() {
    let expect = |variable, value, passes, text| {
        let (passed, printed) = child(variable, value);
        assert!(passed == passes && printed.contains(text), "{variable}={value}: {printed}");
    };
    expect("LOOM_MAX_PREEMPTIONS", "0", true, "preemption");
    expect("LOOM_MAX_PERMUTATIONS", "2", true, "2 executions");
    expect("LOOM_MAX_DURATION", "0", true, "ran out of time");
    expect("LOOM_MAX_DURATION", "600", true, "exhaustive");
    expect("LOOM_MAX_BRANCHES", "3", false, "FAILED");
    expect("LOOM_MAX_BRANCHES", "100", true, "exhaustive");
    expect("LOOM_CHECKPOINT_INTERVAL", "x", false, "LOOM_CHECKPOINT_INTERVAL");
    expect("LOOM_LOG", "1", true, "exhaustive");
}

#[test]
fn an_interrupted_search_goes_on_from_its_file() {
    let file = std::env::temp_dir().join(format!("selvedge-loom-{}", std::process::id()));
    let mut builder = Builder::new();
    builder.checkpoint_file(file.to_str().expect("a path of text")).max_permutations = Some(2);
    builder.check(increments);
    assert!(file.exists(), "what is left to explore is in the file");
    builder.max_permutations = None;
    builder.check(increments);
    assert!(!file.exists(), "nothing is left");
}
