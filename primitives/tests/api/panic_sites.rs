//! A panic that the documentation promises for misuse is located at the line of the misuse, in the caller's file.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these tests are no models")]

use selvedge::atomic::AtomicCounter;
use selvedge::chan::{Channel, Select, bounded};
use selvedge::reclaim::Domain;
use selvedge::rt::{choose, thread};
use selvedge::sync::{Barrier, Cond, ErrGroup, Mutex, Once, Semaphore, SingleFlight, WaitGroup};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

std::thread_local! {
    /// Where this thread has panicked last.
    static SITE: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Fails unless `misuse` panics at the line on which this is called.
#[track_caller]
fn panics_here(misuse: impl FnOnce()) {
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
    catch_unwind(AssertUnwindSafe(misuse)).expect_err("it panics");
    let site = SITE.with(Cell::take).expect("the hook has seen the panic");
    assert_eq!(site, (here.file().to_string(), here.line()));
}

#[test]
fn misuse_of_sync_is_told_at_its_own_line() {
    let group = WaitGroup::new();
    panics_here(|| group.done());
    group.add(u32::MAX);
    panics_here(|| group.add(1));
    let semaphore = Semaphore::new(u64::MAX);
    panics_here(|| semaphore.release(1));
    assert_eq!(semaphore.available(), u64::MAX, "none are added");
    panics_here(|| _ = Barrier::new(0));
    panics_here(|| _ = Barrier::const_new(0));
    panics_here(|| _ = ErrGroup::<()>::with_limit(0));
    let once = Once::new();
    once.call(|| panics_here(|| once.call(|| ())));
    let once = Once::new();
    once.call_once(|| panics_here(|| once.call_once(|| ())));
}

#[test]
fn a_condition_with_two_locks_is_told_at_the_line_of_the_second_wait() {
    let (one, two, changed) = (Mutex::new(0), Mutex::new(0), Cond::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut one = one.lock();
            *one = 1;
            changed.wait_while(&mut one, |n| *n == 1);
        });
        // When the lock is free again, the other thread waits.
        while *one.lock() == 0 {
            thread::yield_now();
        }
        panics_here(|| changed.wait(&mut two.lock()));
        panics_here(|| _ = changed.wait_timeout(&mut two.lock(), std::time::Duration::MAX));
        panics_here(|| changed.wait_while(&mut two.lock(), |_| true));
        *one.lock() = 2;
        changed.notify_all();
    });
}

#[test]
fn a_closure_that_asks_for_itself_is_told_at_the_line_where_it_does() {
    let group = SingleFlight::<u32, ()>::new();
    group.run(1, || panics_here(|| group.run(1, || ())));
}

#[test]
fn misuse_of_channels_is_told_at_its_own_line() {
    let channel = Channel::new(1);
    channel.close();
    panics_here(|| channel.send(1));
    panics_here(|| channel.close());
    panics_here(|| _ = Select::new().select());
    panics_here(|| _ = Select::new().ready());
    panics_here(|| Select::new().remove(0));
    let (tx, rx) = bounded(1);
    let (other, _rx) = bounded(1);
    let mut select = Select::new();
    select.send(&tx);
    panics_here(|| _ = select.select().send(&other, 1));
    select.recv(&rx);
    tx.send(1).expect("there is room");
    panics_here(|| _ = select.select().recv(&_rx));
}

#[test]
fn misuse_of_what_lies_below_is_told_at_its_own_line() {
    panics_here(|| _ = AtomicCounter::new(2, 1));
    panics_here(|| _ = AtomicCounter::const_new(2, 1));
    panics_here(|| _ = Domain::<Box<i32>>::new().collecting_every(0));
    panics_here(|| _ = choose(0));
}
