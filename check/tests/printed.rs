//! The test that a failing program is printed as compiles as it stands, and says where it fails.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]

use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge_check::{Checker, Engine, Scenario, Spec, Strategy};

/// A step of a counter, or a question for the number of steps.
#[derive(Clone, Debug)]
enum Step {
    Forward(u8),
    Count,
}

struct Steps;

impl Spec for Steps {
    type State = usize;
    type Operation = Step;
    type Answer = usize;

    fn initial(&self) -> usize {
        0
    }

    fn apply(&self, state: &mut usize, operation: &Step) -> Option<usize> {
        let before = *state;
        if let Step::Forward(by) = operation {
            *state += usize::from(*by);
        }
        Some(before)
    }
}

/// A counter whose step is a load and a store.
fn steps() -> Scenario<Steps, AtomicUsize> {
    let explorers = [Engine::Graph, Engine::Loom, Engine::Shuttle(Strategy::DepthFirst)];
    let explorers = explorers.into_iter().filter(|engine| engine.is_available());
    let make = || AtomicUsize::new(0);
    let perform = |count: &AtomicUsize, step: &Step| {
        let before = count.load(SeqCst);
        if let Step::Forward(by) = step {
            count.store(before + usize::from(*by), SeqCst);
        }
        before
    };
    let checker = Checker::new().ignore_environment().engines(explorers);
    Scenario::new("steps", Steps, make, perform).checker(checker)
}

/// The program as it is printed, with which the test below compares.
mod pasted {
    use super::steps;

    #[should_panic(expected = "a program fails")]
    /// Fails under graph (panic), loom (panic), shuttle (panic).
    #[test]
    fn steps_regression() {
        use crate::Step::*;
        steps().check_program(&selvedge_check::Program {
            first: vec![],
            threads: vec![vec![Forward(1)], vec![Forward(2)]],
            last: vec![Count],
        });
    }
}

#[test]
#[cfg(all(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_failing_program_is_printed_as_a_test_that_compiles() {
    use Step::{Count, Forward};
    let threads = vec![vec![Forward(1)], vec![Forward(2)]];
    let program = selvedge_check::Program { first: vec![], threads, last: vec![Count] };
    let failing = steps().run_program(&program).expect_err("an addition may be lost").to_string();
    let dense = |text: &str| text.split_whitespace().collect::<String>().replace(",]", "]");
    let printed = dense(failing.split("as a test:").nth(1).expect("a test"));
    assert!(dense(include_str!("printed.rs")).contains(&printed), "{failing}");
}

#[test]
#[cfg(all(feature = "loom", feature = "shuttle"))]
fn it_says_which_engines_pass() {
    use selvedge::rt::sync::atomic::Ordering::Relaxed;
    let make = || (AtomicUsize::new(0), AtomicUsize::new(0));
    // Two words that agree only where no access is reordered.
    let perform = |count: &(AtomicUsize, AtomicUsize), step: &Step| match step {
        Step::Forward(_) => {
            count.0.store(1, Relaxed);
            count.1.store(1, Relaxed);
            0
        }
        Step::Count => {
            let second = count.1.load(Relaxed);
            assert!(count.0.load(Relaxed) >= second, "out of order");
            0
        }
    };
    struct Anything;
    impl Spec for Anything {
        type State = ();
        type Operation = Step;
        type Answer = usize;
        fn initial(&self) {}
        fn apply(&self, (): &mut (), _: &Step) -> Option<usize> {
            Some(0)
        }
    }
    let engines = [Engine::Loom, Engine::Shuttle(Strategy::DepthFirst)];
    let scenario = Scenario::new("words", Anything, make, perform)
        .checker(Checker::new().ignore_environment().engines(engines));
    let threads = vec![vec![Step::Forward(1)], vec![Step::Count]];
    let failing = scenario
        .run_program(&selvedge_check::Program { first: vec![], threads, last: vec![] })
        .expect_err("weak");
    assert!(failing.to_string().contains("/// Fails under loom (panic); not under shuttle."), "{failing}");
}
