//! Pools whose jobs panic, wait, and submit others.

use super::chains::on_goroutines;
use super::{everywhere, panic_of, panic_quietly, text_of};
use selvedge::chan::bounded;
use selvedge::context::{Error, background, with_cancel};
use selvedge::sync::Mutex;
use selvedge_go::patterns::Workers;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// PA-05.
#[test]
fn four_workers_do_fifteen_jobs_once_each() {
    everywhere(|values| {
        let workers = Workers::new(4, 10);
        let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let done = Arc::new(Mutex::new(Vec::new()));
        let tickets: Vec<_> = (0..15)
            .map(|n| {
                let (busy, most, done, value) =
                    (Arc::clone(&busy), Arc::clone(&most), Arc::clone(&done), values.make(n));
                workers.submit(move || {
                    most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                    selvedge::rt::thread::yield_now();
                    done.lock().push(n);
                    busy.fetch_sub(1, SeqCst);
                    value
                })
            })
            .collect();
        workers.finish();
        for (n, ticket) in (0..).zip(tickets) {
            assert!(ticket.is_ready());
            assert_eq!(ticket.wait().map(|value| value.number).ok(), Some(n));
        }
        let mut done = done.lock();
        done.sort_unstable();
        assert!(done.iter().copied().eq(0..15));
        assert!((1..=4).contains(&most.load(SeqCst)));
    });
}

#[test]
fn one_worker_does_jobs_in_order() {
    everywhere(|_| {
        let done = Arc::new(Mutex::new(Vec::new()));
        let workers = Workers::new(1, 3);
        for n in 0..20 {
            let done = Arc::clone(&done);
            drop(workers.submit(move || done.lock().push(n)));
        }
        workers.finish();
        assert!(done.lock().iter().copied().eq(0..20));
    });
}

#[test]
fn panics_are_results_and_workers_go_on() {
    everywhere(|values| {
        let workers = Workers::new(2, 2);
        for n in 0..10 {
            let value = values.make(n);
            let panics = workers.submit(move || {
                if value.number < 10 {
                    panic_quietly("a job")
                }
            });
            assert_eq!(panics.wait().map_err(|panic| text_of(&*panic)), Err("a job"));
            assert_eq!(workers.submit(move || n).wait().ok(), Some(n));
        }
        // A result that nobody takes, and whose destructor panics.
        struct Wild;
        impl Drop for Wild {
            fn drop(&mut self) {
                panic_quietly("a destructor")
            }
        }
        let (tx, rx) = bounded::<()>(0);
        drop(workers.submit(move || {
            let _until_the_ticket_is_gone = rx.recv();
            Wild
        }));
        drop(tx);
        assert_eq!(workers.submit(|| 7).wait().ok(), Some(7));
        workers.finish();
    });
}

#[test]
fn a_job_that_ends_its_worker_is_told_to_the_one_who_finishes() {
    on_goroutines(|| {
        let workers = Workers::new(1, 1);
        let ticket = workers.submit(|| selvedge_go::goexit());
        assert!(ticket.wait().is_err());
        assert!(panic_of(|| workers.finish()).contains("has ended its goroutine"));
    });
}

/// XR-10.
#[test]
fn jobs_are_done_though_tickets_and_pool_are_dropped() {
    everywhere(|values| {
        let (tx, rx) = bounded(10);
        let workers = Workers::new(1, 10);
        for n in 0..10 {
            let (tx, value) = (tx.clone(), values.make(n));
            drop(workers.submit(move || tx.send(value).is_ok()));
        }
        drop((workers, tx));
        assert!(rx.iter().map(|value| value.number).eq(0..10));
        values.wait_until_dropped();
    });
}

#[test]
fn a_full_pool_refuses_or_waits_for_the_context() {
    everywhere(|values| {
        let workers = Workers::new(1, 1);
        let ((started, starts), (hold, held)) = (bounded(0), bounded::<()>(0));
        let busy = workers.submit(move || started.send(()).is_ok() && held.recv().is_err());
        assert_eq!(starts.recv(), Ok(()));
        let waits = workers.submit(|| 1);
        assert_eq!(workers.waiting(), 1);
        let value = values.make(0);
        let refused = workers.try_submit(move || value.clone().number).expect_err("there is no room");
        assert_eq!((refused.why(), refused.into_inner()()), (None, 0));
        let (context, cancel) = with_cancel(&background());
        cancel.cancel();
        let value = values.make(1);
        let refused =
            workers.submit_ctx(&context, move || value.clone().number).expect_err("it is cancelled");
        assert_eq!((refused.why(), refused.into_inner()()), (Some(Error::Canceled), 1));
        let waits = waits.wait_ctx(&context).expect_err("it is not done yet");
        drop(hold);
        assert_eq!((busy.wait().ok(), waits.wait().ok()), (Some(true), Some(1)));
        assert_eq!(workers.submit_ctx(&background(), || 2).expect("there is room").wait().ok(), Some(2));
        workers.finish();
    });
}

#[test]
fn a_job_may_submit_jobs() {
    everywhere(|_| {
        let workers = Arc::new(Workers::new(2, 10));
        let theirs = Arc::clone(&workers);
        let outer = workers.submit(move || theirs.submit(|| 3).wait().ok());
        assert_eq!(outer.wait().ok(), Some(Some(3)));
        // The job's handle may be the last one: its worker drops the pool then, and does not wait for itself.
        let mut pool = workers;
        let pool = loop {
            match Arc::try_unwrap(pool) {
                Ok(pool) => break pool,
                Err(shared) => {
                    pool = shared;
                    selvedge::rt::thread::yield_now();
                }
            }
        };
        pool.finish();
    });
}

#[test]
#[should_panic(expected = "a pool without workers")]
fn a_pool_has_workers() {
    let _none = Workers::new(0, 1);
}
