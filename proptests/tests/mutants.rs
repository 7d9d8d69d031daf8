//! Channels and contexts that were broken on purpose are found by random programs, and the program that shows a broken channel
//! shrinks to a few lines.
#![cfg(feature = "shuttle")]

use core::cell::RefCell;
use core::fmt::Debug;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use quickcheck::{Gen, QuickCheck, TestResult};
use selvedge_check::{Change, Checker, Engine, FailureKind, Mutation, Primitives, Report, site_of};
use selvedge_proptests::concurrent::{Program, run};
use selvedge_proptests::rim::contexts::{self, Step};
use selvedge_proptests::rim::smaller::Steps;
use selvedge_proptests::rim::{chan, user::Misdeed};

const SEED: u64 = 0x5e17ed6e;
const PROGRAMS: u64 = 200;
const SHIFT: u32 = 5;

selvedge::rt::thread_local! {
    /// The last program that failed on this thread: once quickcheck has shrunk it, the smallest.
    static SMALLEST: RefCell<Option<(Program, Report)>> = RefCell::new(None);
}

/// Makes a checker with random schedules from a fixed seed: what fails once fails again, so that shrinking gets far.
fn checker() -> Checker {
    let engine = Engine::Shuttle(selvedge_check::Strategy::Random);
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

/// Draws programs of the rim, which pass as they are, until one fails with the mutation.
fn is_found<P: Clone + Debug + Send + Sync + 'static>(
    programs: impl Strategy<Value = P>,
    run: fn(&P) -> isize,
    mutation: &Mutation,
) -> bool {
    let mut runner = TestRunner::deterministic();
    let failing = |program: &P, checker: Checker| {
        let program = program.clone();
        let report = checker.iterations(1).run(move || _ = run(&program)).remove(0);
        (!report.verdict.passed()).then_some(report)
    };
    (0..PROGRAMS).any(|_| {
        let program = programs.new_tree(&mut runner).expect("nothing is filtered out").current();
        let as_it_is = failing(&program, checker());
        assert!(as_it_is.is_none(), "it fails as it is: {program:?}{as_it_is:?}");
        failing(&program, checker().mutate(mutation.clone())).is_some()
    })
}

/// Random programs on one thread find a select that does not keep the place of the send that it has chosen.
#[test]
fn a_chosen_send_that_keeps_no_place() {
    let source = include_str!("../../primitives/src/chan/select/case_send.rs");
    let site = site_of(source, "src/chan/select/case_send.rs", "take-place-late", Change::DropStore);
    let mutation = site.expect("a chosen send takes its place");
    assert!(is_found(chan::programs(20), chan::run, &mutation), "none of {PROGRAMS} programs noticed");
}

/// Leaves out what an engine takes for a failure, or makes happen at any moment: panics of threads, what is forgotten or detached,
/// and deadlines.
fn tamed(program: contexts::Program) -> contexts::Program {
    let tame = |step| match step {
        Step::After(at, _) => Step::After(at, Misdeed::None),
        Step::Timeout(at, _) => Step::Make(at, false),
        Step::Drop(at, _) => Step::Drop(at, false),
        Step::DropHandle(at, _) | Step::Detach(at) => Step::DropHandle(at, false),
        Step::DropStop(at, _) => Step::DropStop(at, false),
        step => step,
    };
    Steps(program.0.into_iter().map(tame).collect())
}

/// Random programs find that a context which is done leaves its channel open, and that a stop says it came in time, though its closure
/// runs.
#[test]
fn contexts_that_do_not_do_what_they_say() {
    let node = include_str!("../../primitives/src/context/node.rs");
    let after = include_str!("../../primitives/src/context/after.rs");
    let twins = [
        site_of(node, "src/context/node.rs", "close-signal", Change::Twin),
        site_of(after, "src/context/after.rs", "say-stopped", Change::Twin),
    ];
    for twin in twins {
        let mutation = twin.expect("a line with a twin");
        let programs = contexts::programs(40).prop_map(tamed);
        assert!(
            is_found(programs, contexts::run, &mutation),
            "none of {PROGRAMS} programs notices {mutation:?}"
        );
    }
}
