//! A channel that was broken on purpose is found by random programs, and the program that shows it
//! shrinks to a few lines.
#![cfg(feature = "shuttle")]

use core::cell::RefCell;
use quickcheck::{Gen, QuickCheck, TestResult};
use selvedge_check::{Change, Checker, Engine, FailureKind, Mutation, Primitives, Report, Strategy, site_of};
use selvedge_proptests::concurrent::{Program, run};

const SEED: u64 = 0x5e17ed6e;
const PROGRAMS: u64 = 200;
const SHIFT: u32 = 5;

selvedge::rt::thread_local! {
    /// The last program that failed on this thread: once quickcheck has shrunk it, the smallest.
    static SMALLEST: RefCell<Option<(Program, Report)>> = RefCell::new(None);
}

/// Makes a checker with random schedules from a fixed seed: what fails once fails again, so that shrinking gets far.
fn checker() -> Checker {
    let engine = Engine::Shuttle(Strategy::Random);
    Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .engines([engine])
        .iterations(200)
        .seed(SEED)
}

fn survives(program: Program, mutation: Mutation) -> TestResult {
    let theirs = program.clone();
    let report = checker().mutate(mutation).run(move || drop(run(&theirs, SHIFT))).remove(0);
    if report.verdict.passed() {
        return TestResult::passed();
    }
    SMALLEST.with(|smallest| smallest.replace(Some((program, report))));
    TestResult::failed()
}

/// Hunts a mutant that forgets to wake somebody, and expects a small program that hangs.
fn hunt(mutant: fn(Program) -> TestResult) {
    let mut quickcheck = QuickCheck::new().tests(PROGRAMS).rng(Gen::from_size_and_seed(10, SEED));
    assert!(quickcheck.quicktest(mutant).is_err(), "none of {PROGRAMS} programs noticed");
    let (program, report) = SMALLEST.with(RefCell::take).expect("the failure was noted");
    println!("{program:?}{report}");
    assert!(program.threads.len() <= 3 && program.operations() <= 4, "still large: {program:?}");
    let kind = report.verdict.failure().map(|found| found.failure.kind);
    assert_eq!(kind, Some(FailureKind::Deadlock), "{report}");
}

#[test]
fn a_sender_that_is_not_told_that_its_value_was_taken() {
    hunt(|program| {
        let source = include_str!("../../primitives/src/chan/algorithm/recv.rs");
        let site = site_of(source, "src/chan/algorithm/recv.rs", "wake-sender", Change::DropUnpark);
        survives(program, site.expect("taking from a waiting sender wakes it"))
    });
}

#[test]
fn a_sender_that_is_not_told_of_new_room() {
    hunt(|program| {
        let source = include_str!("../../primitives/src/chan/algorithm/expand.rs");
        let site = site_of(source, "src/chan/algorithm/expand.rs", "wake-sender", Change::DropUnpark);
        survives(program, site.expect("the expansion of the buffer wakes a sender"))
    });
}

#[test]
fn a_receiver_that_is_not_told_of_its_value() {
    hunt(|program| {
        let source = include_str!("../../primitives/src/chan/algorithm/send.rs");
        let site = site_of(source, "src/chan/algorithm/send.rs", "wake-receiver", Change::DropUnpark);
        survives(program, site.expect("sending to a waiting receiver wakes it"))
    });
}

/// Random programs on one thread find a select that does not keep the place of the send that it has chosen.
#[test]
fn a_chosen_send_that_keeps_no_place() {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use selvedge_proptests::rim::chan;
    let source = include_str!("../../primitives/src/chan/select/case_send.rs");
    let site = site_of(source, "src/chan/select/case_send.rs", "take-place-late", Change::DropStore);
    let mutation = site.expect("a chosen send takes its place");
    let mut runner = TestRunner::deterministic();
    let programs = chan::programs(20);
    let passes = |program: &chan::Program, checker: Checker| {
        let program = program.clone();
        let report = checker.iterations(1).run(move || _ = chan::run(&program)).remove(0);
        report.verdict.passed()
    };
    let is_found = (0..PROGRAMS).any(|_| {
        let program = programs.new_tree(&mut runner).expect("nothing is filtered out").current();
        assert!(passes(&program, checker()), "it fails as it is: {program:?}");
        !passes(&program, checker().mutate(mutation.clone()))
    });
    assert!(is_found, "none of {PROGRAMS} programs noticed");
}
