//! The bound on how often the operations of a thread begin anew.

use super::*;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use selvedge::rt::{hint, thread};

/// More cells than threads come to within the bounds of these tests.
const CELLS: usize = 12;

const EMPTY: usize = 0;
const FULL: usize = 1;
const BROKEN: usize = 2;

/// A sender and a receiver with tickets for the same cells, as those of a channel: the receiver breaks the cell to which its
/// sender has not come, and both begin anew. Returns how often each did, with a receiver that begins anew `patience` times
/// at most.
fn exchange(patience: usize) -> Vec<usize> {
    let cells = [const { EMPTY }; CELLS].map(AtomicUsize::new);
    let change = |cell: usize, to| cells[cell].compare_exchange(EMPTY, to, AcqRel, Acquire).is_ok();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut cell = 0;
            while !change(cell, FULL) {
                cell += 1;
                hint::retry();
            }
            cell
        });
        let mut cell = 0;
        while cell < patience && change(cell, BROKEN) {
            cell += 1;
            hint::retry();
        }
        vec![sender.join().expect("no panic"), cell]
    })
}

fn within(retries: impl Into<Option<u32>>, patience: usize) -> (BTreeSet<Vec<usize>>, Report) {
    outcomes(checker().retry_bound(retries), move || exchange(patience))
}

fn bounds(report: &Report) -> Option<&str> {
    match &report.verdict {
        Verdict::Searched { bounds, .. } => Some(bounds),
        _ => None,
    }
}

/// Both begin anew equally often, as often as the bound says: neither more nor less.
#[test]
fn a_loop_without_end_is_cut_at_the_bound() {
    for (retries, named) in [
        (0, "at most 0 retries of a thread"),
        (1, "at most 1 retry of a thread"),
        (4, "at most 4 retries of a thread"),
    ] {
        let (met, report) = within(retries, CELLS);
        assert_eq!(bounds(&report), Some(named), "{report}");
        assert_eq!(met, (0..=retries as usize).map(|cell| vec![cell, cell]).collect(), "{report}");
    }
}

/// A loop that ends within the bound is explored to its end, and the verdict names no bound.
#[test]
fn a_loop_within_the_bound_is_exhausted() {
    let (all, report) = within(None, 2);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(all, (0..=2).map(|cell| vec![cell, cell]).collect());
    let (met, bounded) = within(2, 2);
    assert!(matches!(bounded.verdict, Verdict::Exhaustive), "{bounded}");
    assert_eq!((met, bounded.executions), (all, report.executions));
    assert_eq!(bounds(&within(1, 2).1), Some("at most 1 retry of a thread"));
}

/// A fault that needs three retries is found with three, and missed with two, which the verdict says.
#[test]
fn a_fault_beyond_the_bound_is_missed_and_one_within_it_is_found() {
    let searched = |retries: u32| {
        let faulty = || assert!(exchange(CELLS)[0] < 3, "the sender began anew three times");
        checker().retry_bound(retries).run(faulty).remove(0)
    };
    let missed = searched(2);
    assert_eq!(bounds(&missed), Some("at most 2 retries of a thread"), "{missed}");
    let found = searched(3);
    assert_eq!(kind(&found), Some(FailureKind::Panic), "{found}");
}

/// A thread that is stopped holds others up; that is no deadlock of the program. What the others do is explored: here a fault
/// after which nothing waits for the thread.
#[test]
fn a_thread_that_is_stopped_is_no_deadlock_and_lets_others_go_on() {
    let waits = || {
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                hint::retry();
                done.store(1, Relaxed);
            });
            selvedge::rt::wait_until(|| done.load(Relaxed) == 1);
        });
    };
    let report = checker().retry_bound(0).run(waits).remove(0);
    assert!(matches!(report.verdict, Verdict::Refused { .. }), "{report}");
    let fails = || {
        thread::spawn(hint::retry);
        panic!("a fault of another thread");
    };
    let report = checker().retry_bound(0).run(fails).remove(0);
    assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
}

/// The failure's token is replayed where the thread is stopped, and comes to the same failure.
#[test]
fn the_token_of_a_failure_beside_a_stopped_thread_is_replayed() {
    fn model() {
        let value = std::sync::Arc::new(AtomicUsize::new(0));
        let theirs = std::sync::Arc::clone(&value);
        let other = thread::spawn(move || {
            theirs.store(1, Relaxed);
            hint::retry();
            hint::retry();
        });
        assert_eq!(value.load(Relaxed), 0, "the other thread has written");
        drop(other);
    }
    let bounded = || checker().name("beside_a_stopped_thread").retry_bound(1);
    let report = bounded().run(model).remove(0);
    let token = report.verdict.failure().map(|found| found.token.clone()).expect("a failure");
    let again = bounded().replay(&token).run(model).remove(0);
    assert_eq!(kind(&again), Some(FailureKind::Panic), "{again}");
}

/// Under other engines nothing is cut.
#[cfg(feature = "shuttle")]
#[test]
fn another_engine_takes_no_notice_of_retries() {
    let shuttle = checker().engines([Engine::Shuttle(selvedge_check::Strategy::DepthFirst)]);
    let (met, report) = outcomes(shuttle.preemption_bound(None).retry_bound(0), || exchange(2));
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(met, (0..=2).map(|cell| vec![cell, cell]).collect());
}
