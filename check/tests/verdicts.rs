//! What each engine concludes about small programs.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{checker, explorers, kind};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::{alloc::TrackedBox, choose, thread};
#[cfg(feature = "shuttle")]
use selvedge_check::Strategy;
use selvedge_check::{Checker, Engine, FailureKind, Report, Verdict};

const LOOM: Engine = Engine::Loom;
#[cfg(feature = "shuttle")]
const SHUTTLE: Engine = Engine::Shuttle(Strategy::DepthFirst);

fn run(engine: Engine, model: impl Fn() + Send + Sync + 'static) -> Report {
    checker(engine).preemption_bound(None).run(model).remove(0)
}

fn two_adders() -> Arc<AtomicUsize> {
    let sum = Arc::new(AtomicUsize::new(0));
    let threads = [1, 2].map(|n| {
        let sum = Arc::clone(&sum);
        thread::spawn(move || sum.fetch_add(n, Relaxed))
    });
    for thread in threads {
        thread.join().expect("no panic");
    }
    sum
}

#[test]
fn a_correct_program_passes_and_the_verdict_says_how_far() {
    for engine in explorers() {
        let report = run(engine, || assert_eq!(two_adders().load(Relaxed), 3));
        match report.verdict {
            Verdict::Searched { executions, ref bounds } if engine == LOOM => {
                assert!(executions > 1 && bounds.contains("misses"), "{report}")
            }
            Verdict::Exhaustive if engine != LOOM => assert!(report.executions > 1, "{report}"),
            _ => panic!("{report}"),
        }
    }
}

#[test]
fn a_lost_update_is_found_and_its_token_replays_it() {
    let model = || {
        let n = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&n);
        let thread = thread::spawn(move || theirs.store(theirs.load(SeqCst) + 1, SeqCst));
        n.store(n.load(SeqCst) + 1, SeqCst);
        thread.join().expect("no panic");
        assert_eq!(n.load(SeqCst), 2, "an increment was lost");
    };
    for engine in explorers() {
        let report = run(engine, model);
        let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(found.failure.kind, FailureKind::Panic, "{report}");
        assert!(found.failure.message.contains("an increment was lost"), "{report}");
        assert!(found.failure.steps.iter().any(|step| step.operation == "store"), "{report}");
        assert!(found.note.is_none(), "{report}");
        let again = checker(engine).replay(&found.token).run(model).remove(0);
        let replayed = again.verdict.failure().unwrap_or_else(|| panic!("{again}"));
        assert_eq!(replayed.failure.message, found.failure.message);
        let texts =
            |steps: &[selvedge_check::Step]| steps.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&replayed.failure.steps), texts(&found.failure.steps));
    }
}

#[test]
fn a_deadlock_names_who_waits_where() {
    for engine in explorers() {
        let report = run(engine, || {
            let locks = Arc::new((Mutex::new(()), Mutex::new(())));
            let theirs = Arc::clone(&locks);
            let thread = thread::spawn(move || {
                let _one = theirs.1.lock();
                let _two = theirs.0.lock();
            });
            let _one = locks.0.lock();
            let _two = locks.1.lock();
            drop((_one, _two));
            thread.join().expect("no panic");
        });
        assert_eq!(kind(&report), Some(FailureKind::Deadlock), "{report}");
        let failure = &report.verdict.failure().expect("just seen").failure;
        assert_eq!(failure.blocked.len(), 2, "{report}");
        assert!(
            failure.blocked.iter().all(|blocked| blocked.site.file().ends_with("verdicts.rs")),
            "{report}"
        );
    }
}

#[test]
fn a_thread_that_waits_in_a_primitive_is_reported_with_its_callers_line() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let first_line = line!();
        let report = run(engine, || {
            let (tx, rx) = selvedge::chan::bounded::<u32>(0);
            let _ = tx.try_send(1); // returns, so it is not where the thread waits
            let _ = rx.recv();
            drop(tx);
        });
        assert_eq!(kind(&report), Some(FailureKind::Deadlock), "{report}");
        let blocked = &report.verdict.failure().expect("just seen").failure.blocked;
        assert!(blocked[0].site.file().ends_with("chan/algorithm/recv.rs"), "{report}");
        let caller = blocked[0].called_at.expect("the line is known");
        assert!(caller.file().ends_with("verdicts.rs") && caller.line() == first_line + 4, "{report}");
    }
}

#[test]
fn a_thread_that_waits_after_the_body_returned_is_a_leak() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            thread::spawn(|| Parker::new().park());
        });
        assert_eq!(kind(&report), Some(FailureKind::Leak), "{report}");
    }
}

#[test]
fn an_allocation_that_nobody_frees_is_a_leak_and_a_double_free_is_told() {
    for engine in explorers() {
        let report = run(engine, || {
            TrackedBox::into_raw(TrackedBox::new(AtomicUsize::new(1)));
        });
        assert_eq!(kind(&report), Some(FailureKind::Leak), "{report}");
        let report = run(engine, || {
            let raw = TrackedBox::into_raw(TrackedBox::new(1_u64));
            // SAFETY: the second one is the bug under test; the engine stops before it is dropped.
            let (one, two) = unsafe { (TrackedBox::from_raw(raw), TrackedBox::from_raw(raw)) };
            drop((one, two));
        });
        // The model has no operations but allocations, and these are enough for a verdict.
        assert_eq!(kind(&report), Some(FailureKind::DoubleFree), "{report}");
        let report = run(engine, || {
            let raw = TrackedBox::into_raw(TrackedBox::new(AtomicUsize::new(1)));
            // SAFETY: `raw` comes from `into_raw`, and is freed once, here.
            drop(unsafe { TrackedBox::from_raw(raw) });
            // SAFETY: none: this is the bug under test. The engine keeps the memory.
            unsafe { &*raw }.load(Relaxed);
        });
        assert_eq!(kind(&report), Some(FailureKind::UseAfterFree), "{report}");
        let report = run(engine, || {
            let slice: Box<[AtomicUsize]> = [1, 2, 3].map(AtomicUsize::new).into();
            let raw = TrackedBox::into_raw(TrackedBox::from(slice));
            // SAFETY: `raw` comes from `into_raw`, and is freed once, here.
            drop(unsafe { TrackedBox::from_raw(raw) });
            // SAFETY: none: this is the bug under test. The engine keeps the memory.
            unsafe { &(*raw)[2] }.load(Relaxed);
        });
        assert_eq!(kind(&report), Some(FailureKind::UseAfterFree), "{report}");
    }
}

#[test]
fn an_access_to_memory_that_is_being_reused_races() {
    for engine in explorers().into_iter().filter(|engine| !matches!(engine, Engine::Shuttle(_))) {
        let report = run(engine, || {
            let node = Box::into_raw(Box::new((AtomicUsize::new(0), AtomicUsize::new(0))));
            // SAFETY: the thread that reads last frees the node.
            let shared = unsafe { &*node };
            let done = thread::spawn(move || {
                shared.0.store(1, Release);
                // The bug under test: the node belongs to the other thread already.
                shared.1.load(Acquire)
            });
            while shared.0.load(Acquire) == 0 {
                thread::yield_now();
            }
            // SAFETY: none: the read after the free is the bug under test. The engine keeps the memory.
            unsafe { &mut *node }.1.with_mut(|word| *word = 0);
            done.join().expect("no panic");
            // SAFETY: both threads have been joined, so only the body has the pointer.
            drop(unsafe { Box::from_raw(node) });
        });
        assert_eq!(kind(&report), Some(FailureKind::Race), "{report}");
    }
}

struct Shared(UnsafeCell<u32>);
// SAFETY: the models under test decide whether accesses are ordered, and the engine reports those that are not.
unsafe impl Sync for Shared {}
// SAFETY: the value is a number.
unsafe impl Send for Shared {}

fn publish(order: Ordering) -> impl Fn() + Send + Sync + 'static {
    move || {
        let shared = Arc::new((Shared(UnsafeCell::new(0)), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            // SAFETY: the reader looks only after it has seen the flag, if the flag is published.
            theirs.0.0.with_mut(|value| unsafe { *value = 7 });
            theirs.1.store(1, order);
        });
        if shared.1.load(Acquire) == 1 {
            // SAFETY: the flag is set, so the writer is done, if the flag is published.
            assert_eq!(shared.0.0.with(|value| unsafe { *value }), 7);
        }
        thread.join().expect("no panic");
    }
}

#[test]
fn a_race_on_a_cell_names_both_sites() {
    for engine in explorers().into_iter().filter(|engine| engine.sees_races()) {
        let report = run(engine, publish(Ordering::Release));
        assert!(report.verdict.passed(), "{report}");
        let report = run(engine, publish(Relaxed));
        assert_eq!(kind(&report), Some(FailureKind::Race), "{report}");
        let sites = &report.verdict.failure().expect("just seen").failure.sites;
        assert_eq!(sites.len(), 2, "{report}");
        assert_ne!(sites[0].line(), sites[1].line(), "{report}");
    }
}

#[test]
#[cfg(feature = "shuttle")]
fn shuttle_cannot_see_that_race() {
    let report = run(SHUTTLE, publish(Relaxed));
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
}

#[cfg(feature = "shuttle")]
type CellAndWord = Arc<(Shared, AtomicUsize)>;

/// Returns what the body of a model finds right after it has made a thread, in all interleavings.
#[cfg(feature = "shuttle")]
fn found_after_spawn(look: fn(&CellAndWord, &thread::JoinHandle<()>) -> usize) -> Vec<usize> {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let into = seen.clone();
    let report = run(SHUTTLE, move || {
        let shared = Arc::new((Shared(UnsafeCell::new(0)), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            // SAFETY: the bug under test, which under shuttle is no race in memory: one OS thread runs all.
            theirs.0.0.with_mut(|value| unsafe { *value = 1 });
            theirs.1.store(1, Relaxed);
        });
        into.lock().expect("no panic").insert(look(&shared, &thread));
        thread.join().expect("no panic");
    });
    assert!(report.verdict.passed(), "{report}");
    seen.lock().expect("no panic").iter().copied().collect()
}

#[test]
#[cfg(feature = "shuttle")]
fn a_new_thread_may_be_ahead_of_whatever_its_maker_does_next() {
    // SAFETY: the bug under test, which under shuttle is no race in memory: one OS thread runs all.
    let cell = found_after_spawn(|shared, _| shared.0.0.with(|value| unsafe { *value }) as usize);
    // SAFETY: the bug under test, which under shuttle is no race in memory: one OS thread runs all.
    let word = found_after_spawn(|shared, _| unsafe { shared.1.unsync_load() });
    let another = found_after_spawn(|shared, _| {
        thread::spawn(|| ()).join().expect("no panic");
        // SAFETY: the bug under test, which under shuttle is no race in memory: one OS thread runs all.
        shared.0.0.with(|value| unsafe { *value }) as usize
    });
    let done = found_after_spawn(|_, thread| thread.is_finished().into());
    assert_eq!([cell, word, another, done], [(); 4].map(|()| vec![0, 1]));
}

/// Only the first plain access after a spawn is a scheduling decision.
#[test]
#[cfg(feature = "shuttle")]
fn plain_accesses_cost_no_interleavings() {
    let executions = |reads: usize| {
        let report = run(SHUTTLE, move || {
            let shared = Arc::new((Shared(UnsafeCell::new(0)), AtomicUsize::new(0)));
            let theirs = Arc::clone(&shared);
            let thread = thread::spawn(move || theirs.1.fetch_add(1, Relaxed));
            shared.1.fetch_add(1, Relaxed);
            for _ in 0..reads {
                // SAFETY: no thread of the model writes to the cell.
                shared.0.0.with(|value| unsafe { *value });
            }
            thread.join().expect("no panic");
        });
        assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
        report.executions
    };
    assert_eq!(executions(0), executions(10));
}

#[test]
fn store_buffering_by_seqcst_accesses_is_no_false_alarm() {
    let model = || {
        let both = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let theirs = Arc::clone(&both);
        let thread = thread::spawn(move || {
            theirs.0.store(1, SeqCst);
            theirs.1.load(SeqCst)
        });
        both.1.store(1, SeqCst);
        let here = both.0.load(SeqCst);
        let there = thread.join().expect("no panic");
        assert!(here + there > 0);
    };
    for engine in explorers() {
        let report = run(engine, model);
        assert!(report.verdict.passed(), "{report}");
    }
}

#[test]
fn spinning_for_what_never_comes_is_a_livelock() {
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]).max_operations(500);
        let report = checker.run(|| {
            let flag = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&flag);
            let thread = thread::spawn(move || {
                while theirs.load(Acquire) == 0 {
                    thread::yield_now()
                }
            });
            while flag.load(Acquire) == 0 {
                selvedge::rt::hint::spin_loop();
            }
            thread.join().expect("no panic");
        });
        assert_eq!(kind(&report[0]), Some(FailureKind::Livelock), "{}", report[0]);
    }
}

#[test]
fn work_beyond_the_bound_is_refused_not_failed() {
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]).max_operations(500);
        let report = checker.run(|| {
            let n = AtomicUsize::new(0);
            for _ in 0..1_000 {
                n.fetch_add(1, Relaxed);
            }
        });
        let Verdict::Refused { why } = &report[0].verdict else { panic!("{}", report[0]) };
        assert!(why.contains("500 operations"), "{why}");
    }
}

#[test]
fn a_model_without_an_operation_is_refused() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let n = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let theirs = n.clone();
            let thread = std::thread::spawn(move || theirs.fetch_add(1, Relaxed));
            thread.join().expect("no panic");
        });
        let Verdict::Refused { why } = &report.verdict else { panic!("{report}") };
        assert!(why.contains("no operation"), "{why}");
    }
}

#[test]
fn choices_are_branches() {
    for engine in explorers() {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
        let into = seen.clone();
        let report = run(engine, move || {
            let pair = (choose(2), choose(3));
            into.lock().expect("no panic").insert(pair);
            AtomicUsize::new(0).load(Relaxed);
        });
        assert!(report.verdict.passed(), "{report}");
        assert_eq!(seen.lock().expect("no panic").len(), 6, "{report}");
    }
}

#[test]
fn a_bound_on_preemptions_cuts_every_search_and_is_named() {
    // The body must be interrupted between its two stores.
    let model = || {
        let word = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&word);
        let thread = thread::spawn(move || assert_ne!(theirs.load(SeqCst), 1));
        word.store(1, SeqCst);
        word.store(2, SeqCst);
        thread.join().expect("no panic");
    };
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]);
        let none = checker.clone().preemption_bound(Some(0)).run(model).remove(0);
        let Verdict::Searched { bounds, .. } = &none.verdict else { panic!("{none}") };
        assert!(bounds.contains("at most 0 preemptions"), "{none}");
        let one = checker.preemption_bound(Some(1)).run(model).remove(0);
        assert_eq!(kind(&one), Some(FailureKind::Panic), "{one}");
    }
}

/// A failure under loom is reported from the run that found it, since loom would have to repeat all executions before.
#[test]
#[cfg(feature = "loom")]
fn a_failure_under_loom_is_shown_without_another_exploration() {
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = runs.clone();
    let checker = checker(LOOM).shrink(false);
    let report = checker.max_executions(200).run(move || {
        counted.fetch_add(1, Relaxed);
        let order = Arc::new(Mutex::new(Vec::new()));
        let threads = [1, 2, 3].map(|n| {
            let order = Arc::clone(&order);
            thread::spawn(move || order.lock().push(n))
        });
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_ne!(*order.lock(), [1, 3, 2]);
    });
    let report = &report[0];
    let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
    assert!(found.failure.execution > 1 && !found.failure.steps.is_empty(), "{report}");
    assert_eq!((report.executions, runs.load(Relaxed)), (found.failure.execution, found.failure.execution));
}

#[test]
fn what_is_run_again_to_be_shown_does_not_count() {
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]);
        let report = checker.run(|| {
            let n = AtomicUsize::new(0);
            assert_eq!(n.fetch_add(1, Relaxed), 1);
        });
        assert_eq!((kind(&report[0]), report[0].executions), (Some(FailureKind::Panic), 1), "{}", report[0]);
    }
}

/// loom explores once for each vector of choices.
#[test]
fn a_limit_counts_the_executions_of_all_choices() {
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]).max_executions(5);
        let model = || {
            choose(10);
            AtomicUsize::new(0).load(Relaxed);
        };
        let report = checker.run(model).remove(0);
        assert_eq!(report.executions, 5, "{report}");
        let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
        assert!(bounds.contains("stopped after 5 executions"), "{bounds}");
    }
}

#[test]
#[cfg(feature = "shuttle")]
fn samples_say_how_many_and_from_which_seed() {
    for strategy in [Strategy::Random, Strategy::Pct, Strategy::Urw] {
        let checker = Checker::new().ignore_environment().engines([Engine::Shuttle(strategy)]);
        let report =
            checker.iterations(50).seed(7).run(|| assert_eq!(two_adders().load(Relaxed), 3)).remove(0);
        assert!(matches!(report.verdict, Verdict::Sampled { schedules: 50, seed: 7 }), "{report}");
    }
}

/// The models' threads run one after the other, which no random strategy refuses.
#[test]
#[cfg(feature = "shuttle")]
fn a_model_in_which_nothing_is_concurrent_can_be_sampled() {
    let alone = || assert_eq!(AtomicUsize::new(1).load(Relaxed), 1);
    let in_turn = move || thread::spawn(alone).join().expect("no panic");
    let perhaps = move || {
        if choose(4) == 3 {
            assert_eq!(two_adders().load(Relaxed), 3);
        } else {
            in_turn();
        }
    };
    for strategy in [Strategy::Random, Strategy::Pct, Strategy::Urw] {
        let engine = Engine::Shuttle(strategy);
        let checker = Checker::new().ignore_environment().engines([engine]).iterations(30).seed(7);
        for report in [checker.run(alone), checker.run(in_turn), checker.run(perhaps)].concat() {
            assert!(matches!(report.verdict, Verdict::Sampled { schedules: 30, .. }), "{report}");
        }
    }
}

/// A search in which no execution comes to its end is refused.
#[test]
#[cfg(feature = "graph")]
fn a_search_without_an_execution_is_refused() {
    let checker = Checker::new().ignore_environment().engines([Engine::Graph]);
    let run = |bound| {
        let report = checker.clone().event_bound(Some(bound)).run(|| {
            assert_eq!(two_adders().load(Relaxed), 3);
        });
        report[0].clone()
    };
    let Verdict::Refused { why } = run(2).verdict else { panic!("{}", run(2)) };
    assert!(why.contains("no execution came to its end") && why.contains("2 events"), "{why}");
    assert!(run(100).verdict.passed(), "{}", run(100));
}
