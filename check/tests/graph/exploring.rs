//! Exploring: executions, choices, statics, memory.

use super::{checker, count, kind, results, run};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicI8, AtomicPtr, AtomicU64, AtomicUsize};
use selvedge::rt::{alloc::TrackedBox, choose, hint, thread};
use selvedge_check::{FailureKind, Verdict};
use std::collections::BTreeSet;
use std::sync::Mutex;

#[test]
fn three_threads_of_two_increments_have_ninety_executions() {
    assert_eq!(
        count(|| {
            let counter = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        counter.fetch_add(1, Relaxed);
                        counter.fetch_add(1, Relaxed);
                    });
                }
            });
            assert_eq!(counter.load(Relaxed), 6);
        }),
        90 // 6! / 2!³
    );
}

#[test]
fn choices_are_branches() {
    assert_eq!(results(|| (choose(3), choose(2))).len(), 6);
    assert_eq!(
        count(|| {
            choose(3);
            choose(2);
        }),
        6
    );
}

#[test]
fn a_weak_compare_exchange_may_fail_for_no_reason_unless_told_not_to() {
    let attempt = || {
        let x = AtomicUsize::new(0);
        let result = x.compare_exchange_weak(0, 1, Relaxed, Relaxed);
        assert_eq!(x.load(Relaxed), usize::from(result.is_ok()));
    };
    assert_eq!(count(attempt), 2);
    let strict = checker().spurious_failures(false).run(attempt).remove(0);
    assert_eq!(strict.executions, 1);
    // The exchange fails spuriously again only in another state, so a retry loop ends. (In the first round the stack
    // may not yet hold the value that the exchange found.)
    let executions = count(|| {
        let x = AtomicUsize::new(0);
        while x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_err() {}
    });
    assert!((2..=3).contains(&executions), "{executions}");
}

#[test]
fn a_failing_compare_exchange_may_read_an_old_store() {
    let outcomes = results(|| {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                x.store(1, Relaxed);
                x.store(2, Relaxed);
            });
            x.compare_exchange(7, 8, Relaxed, Relaxed)
        })
    });
    assert_eq!(outcomes, BTreeSet::from([Err(0), Err(1), Err(2)]));
}

#[test]
fn sixty_four_threads_run() {
    assert_eq!(
        count(|| {
            let shared = AtomicUsize::new(0);
            thread::scope(|scope| {
                for number in 0..64 {
                    let (shared, own) = (&shared, AtomicUsize::new(0));
                    let counts = move || if number < 62 { &own } else { shared }.fetch_add(1, Relaxed);
                    scope.spawn(counts);
                }
            });
        }),
        2
    );
}

#[test]
fn threads_that_make_threads_are_explored_once() {
    // Two children of two children, all on one counter: 4! orders.
    assert_eq!(
        count(|| {
            let counter = AtomicUsize::new(0);
            let grandchild = || counter.fetch_add(1, Relaxed);
            thread::scope(|outer| {
                for _ in 0..2 {
                    outer.spawn(|| {
                        thread::scope(|inner| {
                            inner.spawn(grandchild);
                            inner.spawn(grandchild);
                        });
                    });
                }
            });
        }),
        24
    );
}

#[test]
fn every_store_stays_in_the_history() {
    let outcomes = results(|| {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| (1..=20).for_each(|n| x.store(n, Relaxed)));
            x.load(Relaxed)
        })
    });
    assert_eq!(outcomes.len(), 21);
}

#[test]
fn narrow_and_wide_values_keep_their_bits() {
    let report = run(|| {
        let (narrow, wide) = (AtomicI8::new(-1), AtomicU64::new(u64::MAX));
        assert_eq!((narrow.fetch_add(-127, Relaxed), narrow.load(Relaxed)), (-1, -128));
        assert_eq!((narrow.fetch_min(5, Relaxed), narrow.fetch_max(5, Relaxed)), (-128, -128));
        assert_eq!((wide.fetch_add(1, Relaxed), wide.load(Relaxed)), (u64::MAX, 0));
    });
    assert!(report.verdict.passed(), "{report}");
}

static COUNTER: AtomicUsize = AtomicUsize::const_new(5);

#[test]
fn a_static_starts_each_execution_afresh_for_any_number_of_jobs() {
    for jobs in [1, 2] {
        let report = checker().jobs(jobs).run(|| {
            let others = [(); 2].map(|()| thread::spawn(|| COUNTER.fetch_add(1, Relaxed)));
            let seen: BTreeSet<usize> = others.map(|other| other.join().expect("no panic")).into();
            assert_eq!((seen, COUNTER.load(Relaxed)), (BTreeSet::from([5, 6]), 7));
        });
        assert!(matches!(report[0].verdict, Verdict::Exhaustive), "{}", report[0]);
        assert_eq!(report[0].executions, 2);
    }
}

struct Node {
    value: AtomicUsize,
}

fn publish(order: selvedge::rt::sync::atomic::Ordering) -> impl Fn() + Send + Sync + 'static {
    move || {
        let at = AtomicPtr::new(core::ptr::null_mut());
        thread::scope(|scope| {
            scope.spawn(|| {
                let node = TrackedBox::new(Node { value: AtomicUsize::new(3) });
                at.store(TrackedBox::into_raw(node), order);
            });
            let node: *mut Node = at.load(Acquire);
            if !node.is_null() {
                // SAFETY: the node lives until the end of the model.
                assert_eq!(unsafe { &*node }.value.load(Relaxed), 3);
            }
        });
        // SAFETY: `at` holds the only node, and the other threads have been joined.
        drop(unsafe { TrackedBox::from_raw(at.load(Relaxed)) });
    }
}

#[test]
fn a_fresh_node_published_without_release_is_a_race() {
    assert!(matches!(run(publish(Release)).verdict, Verdict::Exhaustive));
    assert_eq!(kind(&run(publish(Relaxed))), Some(FailureKind::Race));
}

#[test]
fn a_race_with_the_making_of_a_cell_names_where_it_was_made() {
    let report = run(|| {
        let at = AtomicPtr::new(core::ptr::null_mut());
        thread::scope(|scope| {
            scope.spawn(|| {
                let cell = Box::new(Shared(UnsafeCell::new(0)));
                at.store(Box::into_raw(cell), Relaxed);
            });
            let cell: *mut Shared = at.load(Relaxed);
            if !cell.is_null() {
                // SAFETY: the cell is never freed, and the engine reports the race of this access.
                unsafe { &*cell }.0.with(|_| ());
            }
        });
    });
    assert_eq!(kind(&report), Some(FailureKind::Race), "{report}");
    let failure = &report.verdict.failure().expect("a race").failure;
    let made = include_str!("exploring.rs")
        .lines()
        .position(|line| line.contains("Box::new(Shared(UnsafeCell::new(0)))"));
    assert_eq!(failure.sites.last().map(|site| site.line() as usize), made.map(|line| line + 1), "{report}");
}

#[test]
fn memory_freed_while_another_thread_may_still_use_it_is_a_race() {
    fn model(order: selvedge::rt::sync::atomic::Ordering) -> impl Fn() + Send + Sync + 'static {
        move || {
            let node = TrackedBox::into_raw(TrackedBox::new(Node { value: AtomicUsize::new(0) }));
            let shared = (AtomicPtr::new(node), AtomicBool::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    // SAFETY: the node is freed after this, if the flag orders it.
                    unsafe { &*shared.0.load(Relaxed) }.value.store(1, Relaxed);
                    shared.1.store(true, order);
                });
                while !shared.1.load(Acquire) {
                    hint::spin_loop();
                }
                // SAFETY: the other thread has used the node before it set the flag, if the flag orders it.
                drop(unsafe { TrackedBox::from_raw(shared.0.load(Relaxed)) });
            });
        }
    }
    assert!(matches!(run(model(Release)).verdict, Verdict::Exhaustive));
    assert_eq!(kind(&run(model(Relaxed))), Some(FailureKind::Race));
}

#[test]
fn seqcst_is_neither_too_weak_nor_too_strong() {
    fn dekker(store: selvedge::rt::sync::atomic::Ordering) -> impl Fn() + Send + Sync + 'static {
        move || {
            let (flags, data) = ([AtomicBool::new(false), AtomicBool::new(false)], UnsafeCell::new(0));
            let (flags, data) = (Arc::new(flags), Arc::new(Shared(data)));
            let enter = move |me: usize, flags: &[AtomicBool; 2], data: &Shared| {
                flags[me].store(true, store);
                if !flags[1 - me].load(SeqCst) {
                    // SAFETY: at most one of the two threads finds the other's flag unset.
                    data.0.with_mut(|data| unsafe { *data += 1 });
                }
            };
            let theirs = (Arc::clone(&flags), Arc::clone(&data));
            let other = thread::spawn(move || enter(1, &theirs.0, &theirs.1));
            enter(0, &flags, &data);
            other.join().expect("no panic");
        }
    }
    assert!(matches!(run(dekker(SeqCst)).verdict, Verdict::Exhaustive));
    assert_eq!(kind(&run(dekker(Release))), Some(FailureKind::Race));
}

struct Shared(UnsafeCell<u32>);
// SAFETY: the model's protocol orders all accesses, and the engine reports those that it does not order.
unsafe impl Send for Shared {}
// SAFETY: the model's protocol decides which thread may touch the value, and the engine checks that.
unsafe impl Sync for Shared {}

#[test]
fn bounds_cut_and_say_so() {
    let model = || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    (0..3).for_each(|_| {
                        x.fetch_add(1, Relaxed);
                    })
                });
            }
        });
    };
    assert_eq!(count(model), 20);
    let none = checker().preemption_bound(Some(0)).run(model).remove(0);
    assert!(
        matches!(&none.verdict, Verdict::Searched { bounds, .. } if bounds.contains("at most 0 preemptions"))
    );
    assert_eq!(none.executions, 2);
    let short = checker().event_bound(Some(8)).run(model).remove(0);
    assert!(
        matches!(&short.verdict, Verdict::Refused { why } if why.contains("at most 8 events")),
        "{short}"
    );
    assert_eq!(short.executions, 0);
}

/// Neither thread need see the other's store, which no interleaving explains; their additions have an order
/// nevertheless.
#[test]
fn a_bound_counts_preemptions_of_weak_executions_too() {
    let model = || {
        let (flags, sum) = ([AtomicUsize::new(0), AtomicUsize::new(0)], AtomicUsize::new(0));
        let (flags, sum) = (&flags, &sum);
        thread::scope(|scope| {
            for mine in [0, 1] {
                scope.spawn(move || {
                    flags[mine].store(1, Relaxed);
                    flags[1 - mine].load(Relaxed);
                    (0..3).for_each(|_| {
                        sum.fetch_add(1, Relaxed);
                    });
                });
            }
        });
    };
    // The additions have 20 orders for all values of the loads.
    assert_eq!(count(model), 4 * 20);
    let bounded = |bound| checker().preemption_bound(Some(bound)).run(model).remove(0).executions;
    // Without a preemption at most one thread sees the other's store; if none does, either thread may be first.
    assert_eq!(bounded(0), 4);
    let counts = [0, 1, 2, 3, 4, 5, 6].map(bounded);
    assert!(counts.is_sorted());
    assert_eq!(counts[6], 80);
}

#[test]
fn a_failure_replays_from_its_token() {
    let model = || {
        let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                x.store(1, Relaxed);
                y.store(1, Relaxed);
            });
            let (y, x) = (y.load(Relaxed), x.load(Relaxed));
            assert!((y, x) != (1, 0), "the stores were seen in the wrong order");
        });
    };
    let report = run(model);
    let found = report.verdict.failure().expect("relaxed stores have no order");
    assert!(found.token.starts_with("graph:") && found.note.is_none(), "{report}");
    let again = checker().replay(&found.token).run(model).remove(0);
    assert_eq!(kind(&again), Some(FailureKind::Panic), "{again}");
    let text = again.to_string();
    assert!(text.contains("load y.Relaxed → 1") && text.contains("load x.Relaxed → 0"), "{text}");
}

#[test]
fn a_program_that_is_not_deterministic_is_refused() {
    let runs = std::sync::Arc::new(Mutex::new(0));
    let report = run(move || {
        let mut runs = runs.lock().expect("no panic");
        *runs += 1;
        let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let odd = *runs % 2 == 1;
        drop(runs);
        thread::scope(|scope| {
            scope.spawn(|| x.fetch_add(1, Relaxed));
            if odd {
                x.load(Relaxed)
            } else {
                y.load(Relaxed)
            };
        });
    });
    assert!(
        matches!(&report.verdict, Verdict::Refused { why } if why.contains("not deterministic")),
        "{report}"
    );
}

#[test]
fn what_the_engine_cannot_judge_is_refused() {
    let report = run(|| {
        let other = thread::spawn(|| AtomicUsize::new(0).load(Relaxed));
        let _ = other.is_finished();
    });
    assert!(matches!(&report.verdict, Verdict::Refused { why } if why.contains("is_finished")), "{report}");
}

#[test]
fn a_panic_in_a_thread_that_others_wait_for_is_caught_by_join() {
    let report = run(|| {
        let x = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&x);
        let other = thread::spawn(move || assert_eq!(theirs.fetch_add(1, Relaxed), 0, "not the first"));
        let first = x.fetch_add(1, Relaxed) == 0;
        assert_eq!(other.join().is_err(), first);
    });
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(report.executions % 2, 0);
}
