//! A panic of the harness is located at the line of the caller: the test's, not one of the harness's own.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

use selvedge::rt::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use selvedge_check::spec::{Counter, CounterOp, Fifo, Queue};
use selvedge_check::{Checker, Engine, Entry, Program, Scenario};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

std::thread_local! {
    /// The line at which this thread has panicked last.
    static SITE: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Fails unless `f` panics at the line on which this is called.
#[track_caller]
fn panics_here(f: impl FnOnce()) {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let at = info.location().map(|location| (location.file().to_string(), location.line()));
            SITE.with(|site| site.set(at));
            before(info);
        }));
    });
    let here = Location::caller();
    SITE.with(Cell::take);
    catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    let site = SITE.with(Cell::take).expect("the hook has seen the panic");
    assert_eq!(site, (here.file().to_string(), here.line()));
}

fn fails() {
    assert_eq!(AtomicUsize::new(0).load(SeqCst), 1);
}

fn native() -> Checker {
    Checker::new().ignore_environment().engines([Engine::Native]).iterations(1)
}

#[test]
fn a_failing_check_is_located_at_its_line() {
    panics_here(|| native().check(fails));
    panics_here(|| selvedge_check::check(fails));
    panics_here(|| native().expect_failure(selvedge_check::FailureKind::Race).check(fails));
}

#[test]
fn bad_settings_are_located_at_the_line_of_the_run() {
    panics_here(|| _ = native().engines([]).run(fails));
    panics_here(|| native().engines([]).check(fails));
    panics_here(|| _ = native().engines([]).survey(fails));
    panics_here(|| _ = native().replay("no token"));
    panics_here(|| _ = native().jobs(0));
    panics_here(|| _ = native().shard(3, 2));
    panics_here(|| _ = Fifo::<u8>::bounded(0));
    panics_here(|| _ = Queue::<u8>::bounded(0));
    panics_here(|| _ = Entry::called(0, (), 2).returned((), 1));
}

/// A counter that begins with the wrong number.
fn never_right() -> Scenario<Counter, AtomicI64> {
    let get = |counter: &AtomicI64, _: &CounterOp| counter.load(SeqCst);
    Scenario::new("never_right", Counter, || AtomicI64::new(1), get).checker(native())
}

#[test]
fn a_program_that_fails_is_located_at_the_line_of_the_check() {
    let program = Program { first: vec![CounterOp::Get], threads: vec![], last: vec![] };
    panics_here(|| never_right().check_program(&program));
}

#[test]
#[cfg(feature = "proptest")]
fn a_program_that_is_drawn_and_fails_is_located_at_the_line_of_the_check() {
    use proptest::strategy::{Just, Strategy};
    let get = || Just(CounterOp::Get);
    panics_here(|| never_right().check(get()));
    panics_here(|| never_right().check_roles([get().boxed()]));
}

#[test]
#[cfg(feature = "shuttle")]
fn progress_that_is_not_made_is_located_at_the_line_of_the_claim() {
    let waits = selvedge_check::Progress::new("waits", || AtomicUsize::new(0))
        .thread(|flag: &AtomicUsize| flag.store(1, SeqCst))
        .thread(|flag| selvedge::rt::wait_until(|| flag.load(SeqCst) == 1));
    panics_here(|| waits.check_lock_free());
    panics_here(|| waits.check_obstruction_free());
    panics_here(|| waits.check_wait_free(0));
}

#[test]
fn a_bound_on_preemptions_is_a_number_or_an_option() {
    let _ = native().preemption_bound(3).preemption_bound(Some(3)).preemption_bound(None);
    let _ = native().event_bound(3).event_bound(Some(3)).event_bound(None);
}
