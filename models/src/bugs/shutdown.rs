//! Components that are to stop, and what goes on meanwhile.

use super::Pair;
use selvedge::chan::{select, unbounded};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::thread;
use selvedge::sync::{Cond, Mutex, WaitGroup};

/// A stopper has a worker that counts itself among the tasks to be drained and never ends. (One stopper.) Fixed: the
/// worker ends, checks under the lock whether it may still begin, and no thread waits for it under that lock.
pub(super) fn cockroach_1055(mended: bool) {
    struct Stopper {
        stopper: Pair<()>,
        stop: WaitGroup,
        drain: WaitGroup,
        lock: Mutex<()>,
        draining: AtomicBool,
    }
    let shared = Arc::new(Stopper {
        stopper: Pair::new(0),
        stop: WaitGroup::new(),
        drain: WaitGroup::new(),
        lock: Mutex::new(()),
        draining: AtomicBool::new(false),
    });
    shared.stop.add(1);
    let worker = Arc::clone(&shared);
    thread::spawn(move || {
        if mended {
            let held = worker.lock.lock();
            let comes = !worker.draining.load(SeqCst);
            if comes {
                worker.drain.add(1);
            }
            drop(held);
            if comes {
                worker.drain.done();
            }
        } else if !worker.draining.load(SeqCst) {
            let _held = worker.lock.lock();
            worker.drain.add(1);
        }
        worker.stopper.recv();
        worker.stop.done();
    });
    let stops = thread::spawn(move || {
        let quiescing = shared.lock.lock();
        shared.draining.store(true, SeqCst);
        shared.drain.wait();
        shared.draining.store(false, SeqCst);
        drop(quiescing);
        let stopping = shared.lock.lock();
        shared.draining.store(true, SeqCst);
        shared.drain.wait();
        shared.stopper.close();
        let stopping = (!mended).then_some(stopping);
        shared.stop.wait();
        drop(stopping);
    });
    stops.join().expect("no panic");
}

/// The stopping thread waits for a group to which other threads may still add from zero. Fixed: under the lock that
/// the stopping thread takes, no thread adds any more.
pub(super) fn cockroach_4407(mended: bool) {
    let shared = Arc::new((WaitGroup::new(), Mutex::new(false)));
    for _ in 0..2 {
        let starter = Arc::clone(&shared);
        thread::spawn(move || {
            let stopped = starter.1.lock();
            if mended && *stopped {
                return;
            }
            starter.0.add(1);
            let worker = Arc::clone(&starter);
            thread::spawn(move || {
                drop(worker.1.lock());
                worker.0.done();
            });
        });
    }
    if mended {
        *shared.1.lock() = true;
    }
    shared.0.wait();
}

/// A service waits for a condition on a thread of its own, which may begin to wait after the last signal. (One
/// round.) Fixed by a channel, which keeps the signal.
pub(super) fn kubernetes_11298(mended: bool) {
    let shared = Arc::new((Mutex::new(()), Cond::new()));
    let (done, finished, changed) = (Pair::<()>::new(0), Pair::<()>::new(0), Pair::new(1));
    let stops = done.clone();
    thread::spawn(move || stops.close());
    let (theirs, tells, told) = (Arc::clone(&shared), finished.clone(), changed.clone());
    thread::spawn(move || {
        if done.1.try_recv().is_err_and(|error| error.is_empty()) {
            if mended {
                // A signal that is already in the channel is enough.
                _ = told.0.try_send(());
            } else {
                drop(theirs.0.lock());
                theirs.1.signal();
            }
        }
        done.recv();
        tells.close();
    });
    if mended {
        loop {
            select! {
                recv(finished.1) -> _ => return,
                recv(changed.1) -> _ => (),
            }
        }
    }
    let held = shared.0.lock();
    let (ended, waits) = (Pair::<()>::new(0), Arc::clone(&shared));
    let ends = ended.clone();
    // In Go the thread that waits passes the lock of the service on; here the waiting thread takes the lock itself.
    drop(held);
    let waiter = thread::spawn(move || {
        let mut held = waits.0.lock();
        waits.1.wait(&mut held);
        drop(held);
        ends.close();
    });
    select! {
        recv(finished.1) -> _ => {
            shared.1.signal();
        }
        recv(ended.1) -> _ => (),
    }
    waiter.join().expect("no panic");
}

/// A test starts a watcher that logs to the test, and ends before the watcher does. Fixed by waiting for the watcher.
pub(super) fn serving_6171(mended: bool) {
    struct Test {
        ended: Mutex<bool>,
    }
    impl Test {
        fn log(&self) {
            assert!(!*self.ended.lock(), "log after the test has ended");
        }
    }
    let test = Arc::new(Test { ended: Mutex::new(false) });
    let theirs = Arc::clone(&test);
    let runs = thread::spawn(move || {
        let logs = Arc::clone(&theirs);
        let manager = thread::spawn(move || {
            let watcher = thread::spawn(move || logs.log());
            if mended {
                watcher.join().expect("no panic");
            }
        });
        if mended {
            manager.join().expect("no panic");
        }
        *theirs.ended.lock() = true;
    });
    runs.join().expect("no panic");
}

/// A loop sends events to a second loop, which sends functions back for the first loop to run. (Three events.) Fixed
/// by a queue of events.
pub(super) fn cockroach_2448(mended: bool) {
    let done = Pair::<()>::new(0);
    let events = if mended { Pair::of(unbounded()) } else { Pair::new(0) };
    let callbacks = Pair::<fn()>::new(0);
    let (stop, sends, runs) = (done.clone(), events.clone(), callbacks.clone());
    thread::spawn(move || {
        // Each thread has both sides of each channel, or the channels would be closed.
        let (stop, sends, runs) = (stop, sends, runs);
        for _ in 0..3 {
            select! {
                recv(stop.1) -> _ => return,
                recv(runs.1) -> f => f.map_or((), |f| f()),
                default => select! {
                    // The other loop may have handled all that it wants.
                    send(sends.0, ()) -> _ => (),
                    recv(stop.1) -> _ => return,
                },
            }
        }
        // The loops of the original do not end. Here there are no more events, and the functions that are left are
        // run.
        sends.close();
        while runs.1.recv().map(|f| f()).is_ok() {}
    });
    thread::spawn(move || {
        let (done, events, callbacks) = (done, events, callbacks);
        for _ in 0..3 {
            let event = select! {
                recv(events.1) -> event => event,
                recv(done.1) -> _ => return,
            };
            if event.is_err() {
                break;
            }
            let f: fn() = || ();
            select! {
                send(callbacks.0, f) -> sent => sent.expect("open"),
                recv(done.1) -> _ => return,
            }
        }
        callbacks.close();
    });
}
