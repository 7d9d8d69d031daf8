//! Locks taken twice, in two orders, or held over a wait.

use super::Pair;
use selvedge::rt::sync::{Arc, Condvar, Mutex};
use selvedge::rt::{choose, thread};

/// On an error, in three of four cases, the exit routine of a log takes the lock that its caller holds. Fixed by
/// unlocking before.
pub(super) fn cockroach_9935(mended: bool) {
    thread::spawn(move || {
        let log = Mutex::new(());
        let guard = log.lock();
        if choose(4) > 0 {
            let held = if mended {
                drop(guard);
                None
            } else {
                Some(guard)
            };
            drop(log.lock());
            drop(held);
        }
    });
}

/// One thread takes the lock of a replica while it holds that of the store, and another thread takes them the other
/// way round. (One response and one tick instead of two.) Fixed by unlocking the store before.
pub(super) fn cockroach_10214(mended: bool) {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let theirs = Arc::clone(&locks);
    thread::spawn(move || {
        let (store, replica) = &*theirs;
        let responses = store.lock();
        let held = if mended {
            drop(responses);
            None
        } else {
            Some(responses)
        };
        drop(replica.lock());
        drop(held);
    });
    thread::spawn(move || {
        let (store, replica) = &*locks;
        let _ticked = replica.lock();
        drop(store.lock());
    });
}

/// A lease is renewed under a lock that the callback takes too. Fixed by unlocking before the call.
pub(super) fn etcd_10492(mended: bool) {
    let leases = Mutex::new(());
    let checkpoint = || drop(leases.lock());
    let guard = leases.lock();
    if mended {
        drop(guard);
        checkpoint();
    } else {
        checkpoint();
        drop(guard);
    }
}

/// A graceful stop leaves its lock held, and is called again. Fixed by unlocking on every path.
pub(super) fn grpc_795(mended: bool) {
    let draining = Arc::new(Mutex::new(false));
    let theirs = Arc::clone(&draining);
    let server = thread::spawn(move || drop(theirs.lock()));
    for _stop in 0..3 {
        let mut guard = draining.lock();
        if !core::mem::replace(&mut *guard, true) && !mended {
            core::mem::forget(guard);
        }
    }
    server.join().expect("no panic");
}

/// A helper takes the lock that its caller holds. Fixed by a helper that expects the lock to be held.
pub(super) fn moby_36114(mended: bool) {
    thread::spawn(move || {
        let service = Mutex::new(());
        let _held = service.lock();
        if !mended {
            drop(service.lock());
        }
    });
}

/// A sender holds a lock that another thread needs to close the channel. Fixed by a thread that receives meanwhile.
pub(super) fn kubernetes_6632(mended: bool) {
    let (stop, reset) = (Pair::new(0), Pair::new(0));
    let is_open = Arc::new(Mutex::new(true));
    let (stops, resets, open) = (stop.clone(), reset.clone(), Arc::clone(&is_open));
    thread::spawn(move || stop.send(()));
    thread::spawn(move || {
        stops.recv();
        if mended {
            let drained = resets.clone();
            thread::spawn(move || while drained.recv().is_some() {});
        }
        let mut open = open.lock();
        resets.close();
        *open = false;
    });
    thread::spawn(move || {
        if *is_open.lock() {
            let open = is_open.lock();
            if *open {
                reset.send(());
            }
        }
    });
}

/// The informer and the queue take each other's locks in two orders. (One round of the loop of the queue.) Fixed by
/// asking the queue without the lock of the informer.
pub(super) fn kubernetes_30872(mended: bool) {
    let locks = Arc::new((Mutex::new(()), Mutex::new(())));
    let (first, second) = (Arc::clone(&locks), locks);
    thread::spawn(move || {
        let (informer, queue) = &*first;
        let _popped = queue.lock();
        drop(informer.lock());
    });
    thread::spawn(move || {
        let (informer, queue) = &*second;
        let guard = informer.lock();
        let held = if mended {
            drop(guard);
            None
        } else {
            Some(guard)
        };
        drop(queue.lock());
        drop(held);
    });
}

/// A monitor polls for its stop and takes a lock that the stopping thread holds while it sends. (The monitor polls
/// once, and then waits for the stop.) Fixed by closing the channel instead.
pub(super) fn moby_28462(mended: bool) {
    let (stop, container) = (Pair::new(0), Arc::new(Mutex::new(())));
    let (stops, theirs) = (stop.clone(), Arc::clone(&container));
    thread::spawn(move || {
        if stops.1.try_recv().is_err() && !stops.0.is_closed() {
            drop(theirs.lock());
            stops.recv();
        }
    });
    thread::spawn(move || {
        let _held = container.lock();
        if mended {
            stop.close();
        } else {
            stop.send(());
        }
    });
}

/// A thread waits for the activation of a plugin that is never signalled. Fixed by a thread that activates the plugin
/// and signals.
pub(super) fn moby_29733(mended: bool) {
    let plugin = Arc::new((Mutex::new(false), Condvar::new()));
    let theirs = Arc::clone(&plugin);
    let done = Pair::<()>::new(0);
    let finished = done.clone();
    thread::spawn(move || {
        let (activated, changed) = &*theirs;
        let mut activated = activated.lock();
        while !*activated {
            activated = changed.wait(activated);
        }
        finished.close();
    });
    if mended {
        *plugin.0.lock() = true;
        plugin.1.notify_all();
    }
    done.recv();
}
