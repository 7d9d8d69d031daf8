//! Locks, permits, conditions, groups and what another thread makes once, waited for under a context on plain threads.

use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Context, Custom, Error, background, with_cancel, with_timeout};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{
    Cond, ErrGroup, Lazy, Mutex, Once, OnceFunc, OnceValue, RwMutex, Semaphore, SingleFlight, WaitGroup,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// A context that is done when its sender is dropped.
struct UntilDropped(Receiver<()>);

impl Custom for UntilDropped {
    fn done(&self) -> &Receiver<()> {
        &self.0
    }

    fn err(&self) -> Option<Error> {
        self.0.is_closed().then_some(Error::Canceled)
    }
}

/// Runs `wait` under contexts that come to be done while it waits: by hand, from above, by a deadline, and as another type says.
fn ends_with_each(wait: impl Fn(&Context) -> Option<Error> + Sync) {
    let (context, cancel) = with_cancel(&background());
    let (below, _below) = with_timeout(&context, HOUR);
    thread::scope(|scope| {
        let waiters = [&context, &below].map(|context| scope.spawn(|| wait(context)));
        // A waiter hangs on its context while it waits.
        while context.kindred() < 2 || below.kindred() < 1 {
            thread::yield_now();
        }
        cancel.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), Some(Error::Canceled));
        }
    });
    assert_eq!(wait(&context), Some(Error::Canceled), "it is done already");
    assert_eq!((context.kindred(), below.kindred()), (0, 0));
    let (context, _cancel) = with_timeout(&background(), MOMENT);
    assert_eq!(wait(&context), Some(Error::DeadlineExceeded));
    let (tx, rx) = bounded(0);
    let context = Context::custom(UntilDropped(rx));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&context));
        drop(tx);
        assert_eq!(waiter.join().expect("no panic"), Some(Error::Canceled));
    });
}

#[test]
fn a_wait_for_a_lock_ends_with_its_context() {
    let lock = Mutex::new(1);
    let held = lock.lock();
    ends_with_each(|context| lock.lock_ctx(context).err());
    drop(held);
    assert_eq!(*lock.lock_ctx(&background()).expect("it is never done"), 1);
    assert!(lock.try_lock().is_some(), "nothing was lost");
}

#[test]
fn a_wait_to_read_ends_with_its_context() {
    let lock = RwMutex::new(1);
    let held = lock.write();
    ends_with_each(|context| lock.read_ctx(context).err());
    drop(held);
    assert_eq!(*lock.read_ctx(&background()).expect("it is never done"), 1);
    assert!(lock.try_write().is_some(), "nothing was lost");
}

#[test]
fn a_wait_to_write_ends_with_its_context_and_lets_readers_through() {
    let lock = RwMutex::new(1);
    let held = lock.read();
    ends_with_each(|context| lock.write_ctx(context).err());
    assert!(lock.try_read().is_some(), "no writer waits");
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let writer = scope.spawn(|| lock.write_ctx(&context).err());
        // A reader is refused when a writer waits.
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        let behind = scope.spawn(|| *lock.read());
        cancel.cancel();
        assert_eq!(writer.join().expect("no panic"), Some(Error::Canceled));
        assert_eq!(behind.join().expect("no panic"), 1, "beside the reader that has the lock");
    });
    drop(held);
    *lock.write_ctx(&background()).expect("it is never done") += 1;
    assert_eq!(lock.try_read().as_deref(), Some(&2));
}

/// XS-07.
#[test]
fn a_wait_for_permits_ends_with_its_context_and_lets_others_through() {
    let places = Semaphore::new(1);
    ends_with_each(|context| places.acquire_ctx(2, context).err());
    assert_eq!(places.available(), 1);
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let many = scope.spawn(|| places.acquire_ctx(2, &context).err());
        while context.kindred() == 0 {
            thread::yield_now();
        }
        // It comes after the one that wants two, and most often waits behind it.
        let one = scope.spawn(|| places.acquire(1).count());
        cancel.cancel();
        assert_eq!(many.join().expect("no panic"), Some(Error::Canceled));
        assert_eq!(one.join().expect("no panic"), 1);
    });
    assert_eq!(places.available(), 1);
}

#[test]
fn a_wait_for_a_condition_ends_with_its_context_and_takes_no_signal() {
    let (lock, changed) = (Mutex::new(()), Cond::new());
    ends_with_each(|context| changed.wait_ctx(&mut lock.lock(), context).err());
    assert!(!changed.signal(), "nobody waits any more");
    let (context, _cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| changed.wait_ctx(&mut lock.lock(), &context));
        while !changed.signal() {
            thread::yield_now();
        }
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_wait_for_a_group_ends_with_its_context() {
    let group = WaitGroup::new();
    let task = group.task();
    ends_with_each(|context| group.wait_ctx(context).err());
    let (context, _cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| group.wait_ctx(&context));
        drop(task);
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    });
}

/// What tells that a closure has begun, and what lets it end.
type Held = (Receiver<()>, Sender<()>);

/// Returns a closure that waits until it is let end.
fn held() -> (impl Fn() -> i32 + Send + Sync, Held) {
    let ((begins, begun), (go_on, waits)) = (bounded(0), bounded::<()>(0));
    let hold = move || {
        begins.send(()).expect("the test waits for it");
        assert!(waits.recv().is_err());
        7
    };
    (hold, (begun, go_on))
}

/// Waits under contexts while a closure runs, which nothing interrupts, and after its end.
fn ends_while_one_runs(
    run: impl FnOnce() -> i32 + Send,
    wait: impl Fn(&Context) -> Option<Error> + Sync,
    (begun, go_on): Held,
) {
    thread::scope(|scope| {
        let runs = scope.spawn(run);
        begun.recv().expect("it begins");
        ends_with_each(&wait);
        drop(go_on);
        assert_eq!(runs.join().expect("no panic"), 7);
    });
    assert_eq!(wait(&background()), None);
    let (context, cancel) = with_cancel(&background());
    cancel.cancel();
    assert_eq!(wait(&context), Some(Error::Canceled), "a context that is done comes first");
}

#[test]
fn a_wait_for_what_another_thread_makes_ends_with_its_context() {
    let (hold, held_by) = held();
    let (once, is_run_twice) = (Once::new(), || unreachable!("a closure runs, or has run"));
    let run = || {
        let mut made = 0;
        once.call(|| made = hold());
        made
    };
    ends_while_one_runs(run, |context| once.call_ctx(context, is_run_twice).err(), held_by);

    let (hold, held_by) = held();
    let value = OnceValue::new(hold);
    ends_while_one_runs(|| *value.get(), |context| value.get_ctx(context).err(), held_by);
    assert_eq!(value.get_ctx(&background()), Ok(&7));

    let (hold, held_by) = held();
    let function = OnceFunc::new(move || assert_eq!(hold(), 7));
    let run = || {
        function.call();
        7
    };
    ends_while_one_runs(run, |context| function.call_ctx(context).err(), held_by);

    let (hold, held_by) = held();
    let lazy = Lazy::new(hold);
    ends_while_one_runs(|| *lazy, |context| Lazy::force_ctx(&lazy, context).err(), held_by);
}

/// XS-11.
#[test]
fn a_wait_for_a_flight_ends_with_its_context_and_the_flight_goes_on() {
    let (hold, held_by) = held();
    let group = SingleFlight::new();
    let joins = |context: &Context| group.run_ctx(context, "key", || 8).err();
    ends_while_one_runs(|| group.run("key", hold), joins, held_by);
    assert_eq!(group.run_ctx(&background(), "key", || 9), Ok(9), "that flight has ended");
}

#[test]
fn the_first_call_under_a_context_runs_its_closure_to_the_end() {
    let (context, cancel) = with_cancel(&background());
    let (once, mut ran) = (Once::new(), 0);
    let called = once.call_ctx(&context, || {
        cancel.cancel();
        ran += 1;
    });
    assert_eq!((called, ran, once.is_done()), (Ok(()), 1, true));
    let value = OnceValue::<i32, _>::new(|| panic!("no value"));
    let get = || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| value.get_ctx(&background()).ok()));
    assert!(get().is_err() && get().is_err(), "each call panics");
    let misused = std::panic::AssertUnwindSafe(|| {
        let once = Once::new();
        once.call(|| _ = once.call_ctx(&background(), || ()));
    });
    assert!(std::panic::catch_unwind(misused).is_err(), "it would wait for itself");
}

#[test]
fn a_group_whose_wait_has_ended_early_is_waited_for_again() {
    let (go_on, waits) = bounded::<()>(0);
    let mut group = ErrGroup::new();
    group.go(move |_stop| waits.recv().map_err(|_| "closed"));
    for _ in 0..3 {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (same, error) = group.wait_ctx(&context).expect_err("a closure waits");
        assert_eq!(error, Error::DeadlineExceeded);
        group = same;
    }
    drop(go_on);
    assert_eq!(group.wait_ctx(&background()).expect("it is never done"), Err("closed"));
}

/// Locks and permits change hands while the contexts of those that wait are cancelled. XS-06.
#[test]
fn nothing_is_lost_where_hand_overs_meet_cancellations() {
    let shared = Arc::new((Mutex::new(0_u32), Semaphore::new(2), RwMutex::new(())));
    for round in 0..200 {
        let (context, cancel) = with_cancel(&background());
        let value = OnceValue::new(thread::yield_now);
        let got: u32 = thread::scope(|scope| {
            let workers = [(); 3].map(|()| {
                scope.spawn(|| {
                    let locked = shared.0.lock_ctx(&context).map(|mut count| *count += 1).is_ok();
                    let permits = shared.1.acquire_ctx(2, &context).is_ok();
                    let reads = shared.2.read_ctx(&context).is_ok();
                    let writes = shared.2.write_ctx(&context).is_ok();
                    let made = value.get_ctx(&context).is_ok();
                    [locked, permits, reads, writes, made].map(u32::from).iter().sum::<u32>()
                })
            });
            let held = (shared.0.lock(), shared.2.read());
            (0..round % 50).for_each(|_| thread::yield_now());
            drop(held);
            cancel.cancel();
            workers.map(|worker| worker.join().expect("no panic")).iter().sum()
        });
        value.get();
        assert!(got <= 15 && shared.0.try_lock().is_some() && shared.2.try_write().is_some());
        assert_eq!((shared.1.available(), context.kindred()), (2, 0));
    }
}
