//! Failures, and runs under several engines, that must not end the process or affect a later run.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{checker, explorers, kind};
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;
use selvedge_check::{Engine, FailureKind, Report, Verdict};

fn run(engine: Engine, model: impl Fn() + Send + Sync + 'static) -> Report {
    checker(engine).iterations(20).max_executions(5_000).run(model).remove(0)
}

/// An object whose destructor stores, unlocks, wakes and frees.
struct Busy {
    tx: Sender<u32>,
    _rx: Receiver<u32>,
    count: Arc<AtomicUsize>,
    lock: Arc<Mutex<u32>>,
    wake: Option<Unparker>,
}

impl Busy {
    fn new() -> Busy {
        let parker = Parker::new();
        let (tx, rx) = bounded(1);
        Busy {
            tx,
            _rx: rx,
            count: Arc::new(AtomicUsize::new(0)),
            lock: Arc::new(Mutex::new(0)),
            wake: Some(parker.unparker()),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.tx.try_send(1);
        let _ = self.tx.send_timeout(2, std::time::Duration::from_secs(1));
        self.count.fetch_add(1, SeqCst);
        *self.lock.lock() += 1;
        if let Some(unparker) = self.wake.take() {
            unparker.unpark();
        }
    }
}

fn passes(engine: Engine) {
    let report = run(engine, || {
        let n = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&n);
        let thread = thread::spawn(move || theirs.fetch_add(1, Relaxed));
        thread.join().expect("no panic");
        assert_eq!(n.load(Relaxed), 1);
    });
    assert!(report.verdict.passed(), "{report}");
}

#[test]
fn a_failing_model_with_busy_destructors_gives_a_report() {
    for engine in explorers() {
        let report = run(engine, || {
            let busy = Busy::new();
            let held = Arc::clone(&busy.lock);
            let _guard = held.lock();
            let _in_thread = thread::spawn(|| {
                let _busy = Busy::new();
                thread::yield_now();
            });
            assert!(busy.count.load(SeqCst) > 0, "as it should fail");
        });
        assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
        let report = run(engine, || {
            let busy = Busy::new();
            let _one = busy.lock.lock();
            let _two = busy.lock.lock(); // for ever
        });
        assert_eq!(kind(&report), Some(FailureKind::Deadlock), "{report}");
        passes(engine);
    }
}

#[test]
fn a_caught_panic_inside_a_model_is_no_failure() {
    for engine in explorers() {
        let report = run(engine, || {
            let caught = std::panic::catch_unwind(|| {
                let _busy = Busy::new();
                panic!("caught below");
            });
            assert!(caught.is_err());
            let busy = Busy::new();
            assert_eq!(busy.count.load(SeqCst), 0);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

#[test]
fn what_destructors_did_while_unwinding_holds_afterwards() {
    for engine in explorers() {
        let report = run(engine, || {
            let lock = Arc::new(Mutex::new(0));
            let (tx, rx) = bounded(1);
            let theirs = Arc::clone(&lock);
            let thread = thread::spawn(move || {
                let seen = rx.recv();
                *theirs.lock() += 1;
                seen
            });
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                struct Sends(Sender<u32>);
                impl Drop for Sends {
                    fn drop(&mut self) {
                        self.0.send(7).expect("the receiver is there");
                    }
                }
                let _sends = Sends(tx);
                let mut guard = lock.lock();
                *guard += 1;
                panic!("caught below");
            }));
            assert!(caught.is_err());
            *lock.lock() += 1;
            assert_eq!(thread.join().expect("no panic"), Ok(7));
            assert_eq!(*lock.lock(), 3);
        });
        assert!(report.verdict.passed() && report.executions > 1, "{report}");
    }
}

#[test]
fn a_destructor_that_waits_while_unwinding_does_not_hide_the_panic() {
    struct Waits(Receiver<u32>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    for engine in explorers() {
        let report = run(engine, || {
            let (tx, rx) = bounded(1);
            let _waits = Waits(rx);
            let _keeps_it_open = thread::spawn(move || {
                thread::yield_now();
                tx.send(1)
            });
            panic!("the first thing to know");
        });
        assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
        assert!(report.to_string().contains("the first thing to know"), "{report}");
    }
}

#[test]
fn a_panic_of_a_thread_is_what_join_returns_and_fails_the_model_if_nobody_joins() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let thread = thread::spawn(|| {
                AtomicUsize::new(0).load(Relaxed);
                panic!("told by join")
            });
            assert!(thread.join().is_err());
        });
        assert!(report.verdict.passed(), "{report}");
        let report = run(engine, || {
            let thread = thread::spawn(|| panic!("nobody looks"));
            drop(thread);
        });
        assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
        assert!(report.to_string().contains("nobody looks"), "{report}");
    }
}

#[test]
fn an_object_kept_past_its_execution_drops_quietly() {
    for engine in explorers() {
        let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let into = kept.clone();
        let report = run(engine, move || {
            let atomic = AtomicUsize::new(1);
            atomic.store(2, Relaxed);
            // Objects of earlier executions are dropped in the middle of this one.
            let mut into = into.lock().expect("no panic");
            into.clear();
            into.push((atomic, Mutex::new(3), Parker::new().unparker()));
        });
        assert!(report.verdict.passed(), "{report}");
        let (atomic, mutex, unparker) = kept.lock().expect("no panic").pop().expect("one was kept");
        unparker.unpark();
        assert_eq!((atomic.load(Relaxed), atomic.fetch_add(1, Relaxed), *mutex.lock()), (2, 2, 3));
    }
}

#[test]
fn a_native_object_inside_a_model_is_refused() {
    for engine in explorers() {
        let outside = Arc::new(AtomicUsize::new(0));
        let report = run(engine, move || {
            outside.fetch_add(1, Relaxed);
        });
        let Verdict::Refused { why } = &report.verdict else { panic!("{report}") };
        assert!(why.contains("made outside the model") && why.contains("robustness.rs"), "{why}");
    }
}

#[test]
fn native_loom_shuttle_native_in_one_process() {
    let outside = AtomicUsize::new(5);
    passes(Engine::Native);
    for engine in explorers() {
        passes(engine);
    }
    for engine in explorers().into_iter().rev() {
        passes(engine);
    }
    passes(Engine::Native);
    assert_eq!(outside.fetch_add(1, SeqCst), 5);
}

#[test]
fn runs_may_be_concurrent_and_nested() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            for engine in explorers() {
                scope.spawn(move || passes(engine));
            }
        }
    });
    for outer in explorers() {
        let report = run(outer, || {
            AtomicUsize::new(0).load(Relaxed);
            explorers().into_iter().for_each(passes);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

#[test]
#[cfg(feature = "loom")]
fn more_threads_than_loom_has_are_refused_with_the_number() {
    let five = || {
        let threads = [(); 5].map(|()| thread::spawn(|| AtomicUsize::new(0).load(Relaxed)));
        for thread in threads {
            thread.join().expect("no panic");
        }
    };
    let report = run(Engine::Loom, five);
    let Verdict::Refused { why } = &report.verdict else { panic!("{report}") };
    assert!(why.contains("5 threads at most"), "{why}");
    passes(Engine::Loom);
}

#[test]
fn scoped_threads_borrow_and_are_waited_for_even_if_the_scope_panics() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let n = AtomicUsize::new(0);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                thread::scope(|scope| {
                    scope.spawn(|| n.fetch_add(1, Relaxed));
                    scope.spawn(|| n.fetch_add(1, Relaxed));
                    panic!("after spawning");
                })
            }));
            assert!(result.is_err());
            assert_eq!(n.load(Relaxed), 2);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

#[test]
fn a_scoped_thread_that_panics_fails_the_scope() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    AtomicUsize::new(0).load(Relaxed);
                    panic!("inside");
                });
            });
        });
        assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
    }
}

#[test]
fn bodies_and_threads_may_use_a_hundred_kilobytes_of_stack() {
    #[inline(never)]
    fn deep(n: &AtomicUsize) -> u8 {
        let room = std::hint::black_box([1_u8; 100 * 1024]);
        n.fetch_add(1, Relaxed);
        thread::yield_now();
        room[n.load(Relaxed)]
    }
    for engine in explorers() {
        let report = run(engine, || {
            let n = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| assert_eq!(deep(&n), 1));
                assert_eq!(deep(&n), 1);
            });
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic!("{}", deep(&n))));
            assert!(caught.is_err());
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

#[inline(never)]
fn recurses(levels: usize) -> usize {
    let room = std::hint::black_box([1_u8; 1024]);
    let below = if levels > 0 { recurses(levels - 1) } else { 0 };
    below + usize::from(room[levels % 1024])
}

#[test]
fn a_thread_has_the_stack_that_it_asks_for_under_every_engine() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let n = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&n);
            let builder = thread::Builder::new().stack_size(4 << 20);
            let deep = builder.spawn(move || theirs.fetch_add(recurses(1000), Relaxed));
            n.load(Relaxed);
            deep.expect("there is memory").join().expect("no panic");
            assert_eq!(n.load(Relaxed), 1001);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

/// loom's coroutines have a handler of their own for overflows.
#[test]
#[cfg(all(feature = "graph", target_os = "linux"))]
fn an_overflow_is_a_report_after_other_engines_have_run() {
    for engine in explorers().into_iter().rev().chain([Engine::Native]) {
        passes(engine);
        let report = run(Engine::Graph, || {
            let n = AtomicUsize::new(100_000);
            recurses(n.load(Relaxed));
        });
        assert_eq!(kind(&report), Some(FailureKind::StackOverflow), "{report}");
    }
}

static COUNT: AtomicUsize = AtomicUsize::const_new(10);

#[test]
fn a_static_starts_each_execution_afresh() {
    for engine in explorers() {
        let report = run(engine, || {
            let thread = thread::spawn(|| COUNT.fetch_add(1, Relaxed));
            COUNT.fetch_add(1, Relaxed);
            thread.join().expect("no panic");
            assert_eq!(COUNT.load(Relaxed), 12);
        });
        assert!(report.verdict.passed() && report.executions > 1, "{report}");
    }
}

selvedge::rt::thread_local! {
    static LOCAL: std::cell::Cell<usize> = std::cell::Cell::new(0);
}

#[test]
fn thread_locals_are_fresh_in_each_thread_of_each_execution() {
    for engine in explorers() {
        let report = run(engine, || {
            let bump = || LOCAL.with(|n| n.replace(n.get() + 1));
            assert_eq!((bump(), bump()), (0, 1));
            assert_eq!(thread::spawn(bump).join().expect("no panic"), 0);
            AtomicUsize::new(0).load(Relaxed);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

selvedge::rt::thread_local! {
    static FIRST: Logs = Logs::new("first");
    static LAST: Logs = Logs::new("last");
    static PLAIN: std::cell::Cell<usize> = const { std::cell::Cell::new(1) };
}

/// Notes, when its thread ends, which of the thread's values are there.
struct Logs(&'static str, std::cell::RefCell<Option<Arc<selvedge::rt::sync::Mutex<Vec<String>>>>>);

impl Logs {
    fn new(name: &'static str) -> Logs {
        Logs(name, std::cell::RefCell::new(None))
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let there = |key: &'static thread::LocalKey<Logs>| key.try_with(|_| ()).is_ok();
        let line = format!("{} {} {} {}", self.0, there(&FIRST), there(&LAST), PLAIN.get());
        self.1.take().expect("the thread has set it").lock().push(line);
    }
}

#[test]
fn a_threads_locals_are_dropped_in_stds_order_and_stay_dropped() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let log = Arc::new(selvedge::rt::sync::Mutex::new(Vec::new()));
            let theirs = log.clone();
            let thread = thread::spawn(move || {
                PLAIN.set(2);
                FIRST.with(|first| *first.1.borrow_mut() = Some(theirs.clone()));
                LAST.with(|last| *last.1.borrow_mut() = Some(theirs));
            });
            thread.join().expect("no panic");
            assert_eq!(*log.lock(), ["last true false 2", "first false false 2"]);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

/// An object whose destructor takes its time before it counts the drop.
struct Late(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Drop for Late {
    fn drop(&mut self) {
        (0..100).for_each(|_| std::thread::yield_now());
        self.0.fetch_add(1, Relaxed);
    }
}

std::thread_local! {
    static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn join_returns_after_the_threads_locals_are_dropped() {
    let joins = || {
        let dropped = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
        for _ in 0..20 {
            let (one, another) = (Late(dropped.clone()), Late(dropped.clone()));
            let before = dropped.load(Relaxed);
            let thread = thread::spawn(move || LATE.set(Some(one)));
            thread.join().expect("no panic");
            assert_eq!(dropped.load(Relaxed), before + 1);
            thread::scope(|scope| {
                let scoped = scope.spawn(move || LATE.set(Some(another)));
                scoped.join().expect("no panic");
                assert_eq!(dropped.load(Relaxed), before + 2);
            });
        }
    };
    joins();
    let report = run(Engine::Native, joins);
    assert!(report.verdict.failure().is_none(), "{report}");
}

#[test]
fn reports_are_silent() {
    // A subprocess prints no panic of a failing model, in any order of the engines.
    if std::env::var_os("SELVEDGE_TEST_SILENCE").is_some() {
        for engine in explorers().into_iter().chain(explorers().into_iter().rev()) {
            assert!(!run(engine, || panic!("captured")).verdict.passed());
            passes(engine);
            assert!(std::panic::catch_unwind(|| panic!("printed as ever")).is_err());
        }
        return;
    }
    let this = std::env::current_exe().expect("a test has a path");
    let output = std::process::Command::new(this)
        .args(["--exact", "reports_are_silent", "--nocapture", "--test-threads=1"])
        .env("SELVEDGE_TEST_SILENCE", "1")
        .output()
        .expect("the test can run itself");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(
        !text.contains("captured") && !text.contains("Task failed") && !text.contains("shuttle"),
        "{text}"
    );
    assert_eq!(text.matches("printed as ever").count(), 2 * explorers().len(), "{text}");
}
