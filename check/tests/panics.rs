//! A report names a panic before the waits that never end because of that panic.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge::sync::ErrGroup;
use selvedge_check::{Checker, Engine, FailureKind};
use std::time::Duration;

/// Runs the model under every engine that is compiled in; each must report the panic `bang` of this thread.
fn panics(thread: usize, model: impl Fn() + Send + Sync + Clone + 'static) {
    for engine in Engine::available() {
        panics_under(engine, thread, model.clone());
    }
}

fn panics_under(engine: Engine, thread: usize, model: impl Fn() + Send + Sync + 'static) {
    let checker = Checker::new().ignore_environment().engines([engine]).iterations(20);
    let report = checker.hang_limit(Duration::from_millis(500)).run(model).remove(0);
    let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(found.failure.kind, FailureKind::Panic, "{report}");
    assert_eq!(found.failure.thread, thread, "{report}");
    assert!(found.failure.message.contains("bang"), "{report}");
}

fn bang() {
    AtomicBool::new(true).load(Relaxed);
    panic!("bang");
}

/// A handle whose drop joins its thread.
struct JoinsInDrop(Option<thread::JoinHandle<()>>);

impl Drop for JoinsInDrop {
    fn drop(&mut self) {
        let _ = self.0.take().expect("dropped once").join();
    }
}

#[test]
fn of_a_detached_thread_whose_message_never_comes() {
    panics(1, || {
        drop(thread::spawn(bang));
        Parker::new().park();
    });
}

#[test]
fn of_a_detached_thread_that_has_ended_before_it_is_detached() {
    panics(1, || {
        let thread = thread::spawn(bang);
        let _ = thread::spawn(|| AtomicBool::new(true).load(Relaxed)).join();
        drop(thread);
        Parker::new().park();
    });
}

#[test]
fn of_a_thread_whose_handle_waits_with_its_owner() {
    panics(1, || {
        let _thread = thread::spawn(bang);
        Parker::new().park();
    });
}

#[test]
fn of_one_thread_while_another_is_joined() {
    panics(1, || {
        let _thread = thread::spawn(bang);
        let _ = thread::spawn(|| Parker::new().park()).join();
    });
}

#[test]
fn of_a_scopes_body_whose_thread_waits() {
    panics(0, || {
        thread::scope(|scope| {
            scope.spawn(|| Parker::new().park());
            bang();
        });
    });
}

#[test]
fn of_the_body_while_its_destructor_waits() {
    panics(0, || {
        let _joins = JoinsInDrop(Some(thread::spawn(|| Parker::new().park())));
        bang();
    });
}

#[test]
fn of_a_thread_for_whose_flag_another_looks_for_ever() {
    panics(1, || {
        let thread = thread::spawn(bang);
        let flag = AtomicBool::new(false);
        while !flag.load(Relaxed) {
            thread::yield_now();
        }
        let _ = thread.join();
    });
}

#[test]
fn of_a_group_for_which_nobody_waits() {
    for engine in Engine::available() {
        let checker = Checker::new().ignore_environment().engines([engine]).iterations(20);
        let report = checker.run(|| {
            let group = ErrGroup::<()>::new();
            group.go(|_stop| {
                bang();
                Ok(())
            });
        });
        let found = report[0].verdict.failure().unwrap_or_else(|| panic!("{}", report[0]));
        assert_eq!(found.failure.kind, FailureKind::Panic, "{}", report[0]);
        assert!(found.failure.message.contains("bang"), "{}", report[0]);
    }
}

#[test]
fn a_panic_that_is_seen_is_none_of_the_runs() {
    for engine in Engine::available() {
        let checker = Checker::new().ignore_environment().engines([engine]).iterations(20);
        let report = checker.run(|| {
            assert!(thread::spawn(bang).join().is_err());
            let scoped = || thread::scope(|scope| drop(scope.spawn(bang)));
            assert!(std::panic::catch_unwind(scoped).is_err());
            let grouped = || {
                let group = ErrGroup::<()>::new();
                group.go(|_stop| {
                    bang();
                    Ok(())
                });
                group.wait()
            };
            assert!(std::panic::catch_unwind(grouped).is_err());
        });
        assert!(report[0].verdict.passed(), "{}", report[0]);
    }
}
