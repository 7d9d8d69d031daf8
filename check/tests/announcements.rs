//! The lines that a check prints, as the user of `cargo test` sees them.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, FailureKind};
use std::process::Command;
use std::time::Duration;

fn adders() {
    add_in_threads(2);
}

fn add_in_threads(times: usize) {
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..times).for_each(|_| _ = sum.fetch_add(1, SeqCst)));
        }
    });
}

fn checker(name: &str) -> Checker {
    Checker::new().ignore_environment().iterations(10).name(name)
}

#[test]
fn child_passes() {
    checker("passing").preemption_bound(Some(1)).check(adders);
}

/// More schedules than shuttle's search explores before it draws some at random.
#[test]
fn child_draws_schedules() {
    checker("drawing").max_executions(400).check(|| add_in_threads(8));
}

#[test]
fn child_runs_out_of_time() {
    checker("hasty").time_limit(Duration::ZERO).check(adders);
}

#[test]
fn child_fails_as_expected() {
    let explorers = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    let failing = checker("failing").engines(explorers).expect_failure(FailureKind::Panic);
    if Engine::available().len() > 1 {
        failing.check(|| {
            adders();
            panic!("as expected");
        });
    }
}

#[test]
fn child_checks_a_scenario() {
    use selvedge::rt::sync::atomic::AtomicI64;
    use selvedge_check::spec::{Counter, CounterOp::Add};
    use selvedge_check::{Program, Scenario};
    let make = || AtomicI64::new(0);
    let counter = Scenario::new("adder", Counter, make, |counter: &AtomicI64, operation| match operation {
        Add(amount) => counter.fetch_add(*amount, SeqCst),
        _ => counter.load(SeqCst),
    });
    let program = Program { first: vec![], threads: vec![vec![Add(1)], vec![Add(2)]], last: vec![] };
    counter.checker(checker("a scenario names its own")).check_program(&program);
}

#[test]
fn a_scenario_that_passes_prints_a_line_for_each_engine() {
    let lines = lines(&printed("child_checks_a_scenario"), "adder");
    for (engine, line) in Engine::available().iter().zip(lines) {
        let verdict = match engine {
            Engine::Native => "stressed",
            Engine::Graph => "exhaustive",
            // Two preemptions at most.
            _ => "searched",
        };
        assert!(line.ends_with(&format!("programs: 1, of these 1 {verdict}")), "{line}");
    }
}

/// The variable that makes a test fail: another test sets it when it runs that test.
const CHILD: &str = "SELVEDGE_TEST_OF_A_FAILURE";

#[test]
fn child_fails() {
    if std::env::var_os(CHILD).is_some() {
        Checker::new().name("it's a model").iterations(10).check(|| {
            let sum = AtomicUsize::new(0);
            assert_eq!(sum.fetch_add(1, SeqCst), 1);
        });
    }
}

#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn the_line_that_replays_a_failure_runs_as_it_is_printed() {
    let this = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new(this);
    let output = command.args(["--exact", "child_fails"]).env(CHILD, "1").output().expect("it can be run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let replays: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("replay it: ")).collect();
    let explorers: Vec<_> =
        Engine::available().into_iter().filter(|engine| *engine != Engine::Native).collect();
    assert_eq!(replays.len(), explorers.len(), "{text}");
    for (line, engine) in replays.into_iter().zip(explorers) {
        let output = Command::new("sh").args(["-c", line]).env(CHILD, "1").output().expect("a shell");
        let printed = String::from_utf8(output.stderr).expect("UTF-8");
        let ran = printed.lines().filter(|line| line.starts_with("it's a model: "));
        let failed = format!("it's a model: {engine}: FAILED: panic in execution 1");
        assert!(
            ran.clone().count() == 1 && ran.clone().all(|line| line.starts_with(&failed)),
            "{line}:\n{printed}"
        );
    }
}

/// Returns what one of the tests of this file prints.
fn printed(test: &str) -> String {
    let this = std::env::current_exe().expect("a test is a program");
    let output = Command::new(this).args(["--exact", test, "--nocapture"]).output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// Returns the line of each engine that begins with this text.
fn lines(text: &str, model: &str) -> Vec<String> {
    let line = |engine: &Engine| {
        let start = format!("{model}: {engine}: ");
        let found = text.lines().find(|line| line.starts_with(&start));
        found.unwrap_or_else(|| panic!("no line of {engine}:\n{text}")).to_string()
    };
    Engine::available().iter().map(line).collect()
}

#[test]
fn a_check_that_passes_prints_a_line_for_each_engine() {
    let text = printed("child_passes");
    for (engine, line) in Engine::available().iter().zip(lines(&text, "passing")) {
        match engine {
            Engine::Native => assert!(line.contains("stressed, 10 runs"), "{line}"),
            _ => assert!(line.contains("searched") && line.contains("at most 1 preemptions"), "{line}"),
        }
    }
    assert!(!text.contains("warning"), "{text}");
}

#[test]
fn schedules_that_are_drawn_and_pass_print_nothing_of_their_own() {
    let text = printed("child_draws_schedules");
    for (engine, line) in Engine::available().iter().zip(lines(&text, "drawing")) {
        let drew = line.contains("shuttle-random");
        assert!(drew || !matches!(engine, Engine::Shuttle(_)), "{line}");
    }
    assert!(text.lines().all(|line| line.starts_with("drawing: ")), "{text}");
}

#[test]
fn a_run_that_time_cut_is_warned_of_with_what_to_do() {
    let text = printed("child_runs_out_of_time");
    for (engine, line) in Engine::available().iter().zip(lines(&text, "hasty")) {
        let (one, stopped) = (line.contains(", 1 "), line.contains("stopped after 0ns"));
        assert!(one && (stopped || *engine == Engine::Native), "{line}");
        let warning = format!("hasty: warning: {engine} ran out of time");
        let warning = text.lines().find(|line| line.starts_with(&warning));
        let warning = warning.unwrap_or_else(|| panic!("no warning of {engine}:\n{text}"));
        assert!(warning.contains("Checker::time_limit") && warning.contains("SELVEDGE_"), "{warning}");
    }
}

#[test]
#[cfg(all(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_failure_that_is_expected_is_one_line() {
    let text = printed("child_fails_as_expected");
    for engine in [Engine::Graph, Engine::Loom] {
        let line = format!("failing: {engine}: FAILED: panic in execution 1");
        assert!(text.lines().any(|printed| printed.starts_with(&line)), "{text}");
    }
}
