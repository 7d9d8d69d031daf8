//! Contexts on goroutines: what waits blocks a goroutine, and what runs later is one.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::on_each;
use selvedge::chan::{Receiver, bounded, select};
use selvedge::context::{Context, Custom, Error, after_func, background, with_cancel, with_timeout};
use selvedge::sync::{ErrGroup, Mutex, OnceValue, Semaphore, WaitGroup};
use selvedge_go::{go, gosched, num_goroutine, spawn};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

#[test]
fn a_cancellation_wakes_a_thousand_goroutines() {
    on_each(|| {
        let (root, cancel) = with_cancel(&background());
        let group = WaitGroup::new();
        for n in 0..1000 {
            let (context, handle) = if n % 2 == 0 { with_cancel(&root) } else { with_timeout(&root, HOUR) };
            group.go(move || {
                let _handle = handle;
                assert!(context.done().recv().is_err());
                assert_eq!(context.err(), Some(Error::Canceled));
            });
        }
        cancel.cancel();
        group.wait();
        assert_eq!(root.kindred(), 0);
    });
}

#[test]
fn a_deadline_wakes_goroutines_in_selects() {
    on_each(|| {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (_tx, rx) = bounded::<()>(0);
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let (context, rx) = (context.clone(), rx.clone());
                spawn(move || {
                    select! {
                        recv(rx) -> _ => None,
                        recv(context.done()) -> _ => context.err(),
                    }
                })
            })
            .collect();
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), Some(Error::DeadlineExceeded));
        }
    });
}

#[test]
fn contexts_cost_no_goroutines() {
    on_each(|| {
        let before = num_goroutine();
        let (root, cancel) = with_timeout(&background(), HOUR);
        let below: Vec<_> = (0..1000).map(|_| with_timeout(&root, HOUR)).collect();
        below.iter().for_each(|(context, _)| assert!(!context.done().is_closed()));
        assert_eq!(num_goroutine(), before);
        cancel.cancel();
        assert!(below.iter().all(|(context, _)| context.done().is_closed()));
    });
}

#[test]
fn a_closure_runs_on_a_goroutine_though_nobody_looks_at_the_clock() {
    on_each(|| {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (tx, rx) = bounded(1);
        let theirs = context.clone();
        drop(after_func(&context, move || tx.send(theirs.err()).expect("main waits")));
        assert_eq!(rx.recv(), Ok(Some(Error::DeadlineExceeded)));
    });
}

#[test]
fn an_error_in_a_group_stops_goroutines_that_send() {
    on_each(|| {
        let (group, context) = ErrGroup::with_context(&background());
        let (tx, rx) = bounded(0);
        for n in 0..10 {
            let (context, tx) = (context.clone(), tx.clone());
            group.go(move |_stop| if tx.send_ctx(&context, n).is_ok() { Ok(()) } else { Err("stopped") });
        }
        go(move || _ = rx.recv());
        group.go(|_stop| Err("the first error"));
        assert!(group.wait().is_err());
        assert_eq!(context.err(), Some(Error::Canceled));
    });
}

/// A context that only has a channel.
struct OnlyChannel(Receiver<()>);

impl Custom for OnlyChannel {
    fn done(&self) -> &Receiver<()> {
        &self.0
    }

    fn err(&self) -> Option<Error> {
        self.0.is_closed().then_some(Error::Canceled)
    }
}

/// CX-21.
#[test]
fn contexts_cost_no_goroutine_but_below_one_that_only_has_a_channel() {
    on_each(|| {
        let (root, cancel) = with_cancel(&background());
        let below: Vec<_> = (0..1000).map(|_| with_timeout(&root, HOUR)).collect();
        let closures: Vec<_> = below.iter().map(|(context, _)| after_func(context, || ())).collect();
        assert_eq!(num_goroutine(), 1);
        assert!(closures.iter().all(selvedge::context::Stop::stop));
        cancel.cancel();
        let (tx, rx) = bounded(0);
        let foreign = Context::custom(OnlyChannel(rx));
        let below: Vec<_> = (0..10).map(|_| with_cancel(&foreign)).collect();
        assert_eq!(num_goroutine(), 11);
        drop(tx);
        for (context, _) in &below {
            assert!(context.done().recv().is_err());
        }
        while num_goroutine() > 1 {
            gosched();
        }
    });
}

#[test]
fn goroutines_wait_for_locks_permits_and_values_under_a_context() {
    on_each(|| {
        let (context, cancel) = with_cancel(&background());
        let (begins, begun) = bounded(0);
        let (go_on, goes_on) = bounded::<()>(0);
        let value = OnceValue::new(move || begins.send(()).is_ok() && goes_on.recv().is_err());
        let shared = std::sync::Arc::new((Mutex::new(0), Semaphore::new(1), value));
        let theirs = std::sync::Arc::clone(&shared);
        let maker = spawn(move || *theirs.2.get());
        begun.recv().expect("it begins");
        let held = (shared.0.lock(), shared.1.acquire(1));
        let waiters: Vec<_> = (0..12)
            .map(|n| {
                let (context, shared) = (context.clone(), std::sync::Arc::clone(&shared));
                spawn(move || match n % 3 {
                    0 => shared.0.lock_ctx(&context).err(),
                    1 => shared.1.acquire_ctx(1, &context).err(),
                    _ => shared.2.get_ctx(&context).err(),
                })
            })
            .collect();
        while context.kindred() < 12 {
            gosched();
        }
        cancel.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), Some(Error::Canceled));
        }
        drop((held, go_on));
        assert!(shared.0.try_lock().is_some() && shared.1.try_acquire(1).is_some());
        assert!(maker.join().expect("no panic") && *shared.2.get());
    });
}
