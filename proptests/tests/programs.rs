//! Several threads: random programs keep a channel's promises (GO-SEMANTICS points 1 to 8, 14 and 15,
//! as far as the answers of a channel show them).

use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult};
use selvedge_check::{Checker, Engine, Primitives};
use selvedge_proptests::concurrent::{Operation, Program, run};
use std::collections::BTreeSet;

const SEED: u64 = 0x5e17ed6e;

/// The size of the segments that `bounded` makes, and one that small programs cross.
const USUAL: u32 = 5;
#[cfg(feature = "shuttle")]
const SMALL: u32 = 1;

fn keeps_its_promises(checker: Checker, shift: u32, program: Program) -> TestResult {
    let theirs = program.clone();
    let report = checker.ignore_environment().run(move || drop(run(&theirs, shift))).remove(0);
    if report.verdict.passed() {
        TestResult::passed()
    } else {
        // quickcheck names the program only if it could be shrunk.
        TestResult::error(format!("{program:?}{report}"))
    }
}

fn quickcheck(programs: u64, property: fn(Program) -> TestResult) {
    QuickCheck::new()
        .tests(programs)
        .min_tests_passed(programs)
        .rng(Gen::from_size_and_seed(10, SEED))
        .quickcheck(property);
}

#[test]
fn on_real_threads() {
    quickcheck(150, |program| {
        keeps_its_promises(
            Checker::new().primitives(Primitives::Real).engines([Engine::Native]).iterations(40),
            USUAL,
            program,
        )
    });
}

#[test]
#[cfg(feature = "shuttle")]
fn in_random_schedules() {
    use selvedge_check::Strategy::{Pct, Random};
    quickcheck(150, |program| {
        for strategy in [Random, Pct] {
            let checker = Checker::new()
                .primitives(Primitives::Real)
                .engines([Engine::Shuttle(strategy)])
                .iterations(100)
                .seed(SEED);
            let result = keeps_its_promises(checker, SMALL, program.clone());
            if result.is_failure() {
                return result;
            }
        }
        TestResult::passed()
    });
}

#[test]
#[cfg(feature = "shuttle")]
fn in_the_schedules_with_few_preemptions() {
    use selvedge_check::Strategy::DepthFirst;
    quickcheck(40, |program| {
        let checker = Checker::new()
            .primitives(Primitives::Real)
            .engines([Engine::Shuttle(DepthFirst)])
            .preemption_bound(Some(1));
        keeps_its_promises(checker.max_executions(1_500), USUAL, program)
    });
}

#[test]
fn the_programs_get_everywhere() {
    #[allow(clippy::disallowed_types, reason = "collects what happened in the models, outside of them")]
    let seen = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let mut random = Gen::from_size_and_seed(10, SEED);
    for _ in 0..300 {
        let (program, into) = (Program::arbitrary(&mut random), seen.clone());
        let checker = Checker::new()
            .primitives(Primitives::Real)
            .ignore_environment()
            .engines([Engine::Native])
            .iterations(1);
        checker.check(move || {
            let kinds = run(&program, USUAL).entries().into_iter().map(|entry| entry.answer.kind());
            into.lock().expect("no panic").extend(kinds.map(|kind| (program.capacity > 0, kind)));
        });
    }
    let everywhere = [
        "sent",
        "received",
        "full",
        "empty",
        "send timed out",
        "recv timed out",
        "not sent",
        "nothing left",
        "closed",
        "already closed",
    ];
    let seen = seen.lock().expect("no panic");
    for buffered in [false, true] {
        for kind in everywhere {
            assert!(seen.contains(&(buffered, kind)), "never `{kind}`, buffered: {buffered}");
        }
    }
}

#[test]
fn a_program_prints_as_one_would_write_it() {
    let threads = vec![
        vec![Operation::Send, Operation::TryRecv],
        vec![Operation::RecvTimeout, Operation::TrySend, Operation::Close],
    ];
    let printed = format!("{:?}", Program { capacity: 1, threads });
    assert_eq!(
        printed.trim(),
        "let (tx, rx) = bounded(1);\n\
         spawn(|| { tx.send(11); rx.try_recv(); });\n\
         spawn(|| { rx.recv_timeout(time); tx.try_send(22); tx.close(); });\n\
         // once nobody can go on: tx.close(), join, and receive the rest"
    );
}

#[test]
fn shrinking_only_makes_smaller_and_ends() {
    let mut random = Gen::from_size_and_seed(10, SEED);
    for _ in 0..50 {
        let mut program = Program::arbitrary(&mut random);
        for _ in 0..100 {
            let Some(smaller) = program.shrink().next() else { break };
            assert!(smaller.operations() <= program.operations() && smaller.capacity <= program.capacity);
            program = smaller;
        }
        assert_eq!((program.operations(), program.capacity), (1, 0), "{program:?}");
    }
}
