//! A failure is shown with few context switches, and its token replays the steps that are shown.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests run models; they are none"
)]

mod common;

use common::checker;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::thread;
use selvedge_check::{Checker, Counterexample, Engine, Strategy, Verdict};

fn found(checker: &Checker, model: fn()) -> Counterexample {
    let report = checker.run(model).remove(0);
    match report.verdict {
        Verdict::Failed(found) => *found,
        _ => panic!("{report}"),
    }
}

/// Three threads that each store noise, and lose an addition if one thread comes between the two halves of another's
/// addition: two context switches are needed, one of them forced by the end of a thread.
fn loses_an_addition() {
    let (sum, noise) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                (0..4).for_each(|n| noise.store(n, SeqCst));
                let before = sum.load(SeqCst);
                sum.store(before + 1, SeqCst);
                (0..4).for_each(|n| noise.store(n, SeqCst));
            });
        }
    });
    assert_eq!(sum.load(SeqCst), 3);
}

/// Returns how often the steps change from one thread to another, joins of the body left out.
fn switches(found: &Counterexample) -> usize {
    let steps: Vec<_> = found.failure.steps.iter().filter(|step| step.operation != "join").collect();
    steps.windows(2).filter(|pair| pair[0].thread != pair[1].thread).count()
}

#[test]
fn a_failure_is_shown_with_the_fewest_context_switches() {
    let engines = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    let random = Engine::Shuttle(Strategy::Random);
    for engine in engines.chain([random]).filter(|engine| engine.is_available()) {
        let short = found(&checker(engine), loses_an_addition);
        // The body, three threads one after the other with one of them in two parts, the body: 5 changes.
        assert_eq!(switches(&short), 5, "{engine}: {short}");
        if engine == random {
            let long = found(&checker(engine).shrink(false), loses_an_addition);
            assert!(switches(&long) > 10 && long.token.len() > short.token.len(), "{long}\n{short}");
        }
        let again = found(&checker(engine).replay(&short.token), loses_an_addition);
        assert_eq!((again.failure.message, again.token), (short.failure.message, short.token));
    }
}

#[test]
fn a_token_names_its_model_and_version() {
    let engine = *Engine::available().last().expect("an explorer is compiled in");
    let named = checker(engine).name("the first: of two");
    let token = found(&named, loses_an_addition).token;
    assert!(token.ends_with(&format!("@{}:the first: of two", env!("CARGO_PKG_VERSION"))), "{token}");
    let other = checker(engine).name("the second").replay(&token);
    let panic = std::panic::catch_unwind(|| other.run(loses_an_addition)).expect_err("of another model");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("belongs to another model, `the first: of two`"), "{text}");
    let unnamed = found(&checker(engine), loses_an_addition).token;
    assert!(unnamed.ends_with(":a_token_names_its_model_and_version"), "the test's name: {unnamed}");
}

#[test]
#[cfg(feature = "shuttle")]
fn a_token_that_does_not_fit_is_told() {
    let engine = Engine::Shuttle(Strategy::DepthFirst);
    let token = found(&checker(engine).name("model"), loses_an_addition).token;
    let longer = token.replace('@', "-9*2@");
    let report = checker(engine).name("model").replay(&longer).run(|| {
        thread::spawn(|| AtomicUsize::new(0).load(SeqCst)).join().expect("no panic");
    });
    let Verdict::Searched { bounds, .. } = &report[0].verdict else { panic!("{}", report[0]) };
    assert!(bounds.contains("does not fit"), "{bounds}");
}
