//! How a failure is shown: in the model's own calls, with its threads' names.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{explorers, kind, run};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Acquire, SeqCst};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, FailureKind};

/// The report of a failed channel program names the user's calls.
#[test]
fn steps_are_folded_to_the_calls_of_the_model() {
    for engine in explorers() {
        let report = run(engine, || {
            let (tx, rx) = selvedge::chan::bounded::<u32>(1);
            let named = thread::Builder::new().name("sender".to_string());
            let sender = named.spawn(move || tx.send(1)).expect("a thread");
            let _ = sender.join();
            let received = rx.recv();
            assert_eq!(received, Ok(2));
        });
        let text = report.to_string();
        for call in [" send  check/tests/reports.rs:", " recv  check/tests/reports.rs:"] {
            assert_eq!(text.matches(call).count(), 1, "{text}");
        }
        assert!(text.contains("T1 is `sender`"), "{text}");
        assert!(!text.contains("chan/algorithm/send.rs"), "{text}");
        let all = format!("{report:#}");
        assert!(all.contains("primitives/src/chan/") && all.len() > text.len(), "{all}");
    }
}

#[test]
fn a_named_thread_keeps_its_name() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let named = |name: &str| thread::Builder::new().name(name.to_string());
        let deadlock = run(engine, move || {
            named("waiter").spawn(|| Parker::new().park()).expect("a thread").join().expect("no panic");
        });
        assert!(deadlock.to_string().contains("T1 (waiter) waits: park"), "{deadlock}");
        let panic = run(engine, move || {
            let spawned = named("breaker").spawn(|| {
                assert_eq!(thread::current().name(), Some("breaker"));
                panic!("broken");
            });
            drop(spawned);
        });
        assert!(panic.to_string().contains("T1 (breaker) panicked: broken"), "{panic}");
    }
}

#[test]
fn a_report_names_pointers_and_folds_what_repeats() {
    use selvedge::rt::sync::atomic::AtomicPtr;
    for engine in explorers() {
        let checker = Checker::new().ignore_environment().engines([engine]).max_operations(3_000);
        let report = checker.preemption_bound(Some(0)).run(|| {
            let flag = Arc::new((AtomicUsize::new(0), AtomicPtr::<u64>::new(core::ptr::null_mut())));
            let theirs = Arc::clone(&flag);
            let value = Box::into_raw(Box::new(7_u64));
            flag.1.store(value, SeqCst);
            // SAFETY: the pointer comes from the `into_raw` before it.
            drop(unsafe { Box::from_raw(flag.1.load(SeqCst)) });
            let thread = thread::spawn(move || {
                while theirs.0.load(Acquire) == 0 {
                    thread::yield_now();
                }
            });
            while flag.0.load(Acquire) == 0 {
                selvedge::rt::hint::spin_loop();
            }
            thread.join().expect("no panic");
        });
        let report = &report[0];
        let text = report.to_string();
        assert_eq!(kind(report), Some(FailureKind::Livelock), "{text}");
        assert!(text.contains(".SeqCst ← p0") && text.contains(".SeqCst → p0"), "{text}");
        assert!(text.lines().count() < 60, "{text}");
    }
}
