//! Unordered accesses to plain data.

use crate::models::Plain;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;

/// Closures read a loop variable that the loop goes on to assign. Fixed by a copy for each closure.
pub(super) fn cockroach_35501(mended: bool) {
    let runs_checks = thread::spawn(move || {
        let shared = Arc::new(Plain::new(0));
        let mut checks = Vec::new();
        for check in 0..2 {
            let variable = if mended { Arc::new(Plain::new(0)) } else { Arc::clone(&shared) };
            variable.set(check);
            checks.push(thread::spawn(move || variable.get()));
        }
        for check in checks {
            check.join().expect("no panic");
        }
    });
    runs_checks.join().expect("no panic");
}

/// A counter is incremented atomically, and read with the rest of its struct as plain memory. Fixed by an atomic
/// read.
pub(super) fn istio_8214(mended: bool) {
    let writes = Arc::new(AtomicUsize::new(0));
    let threads = [(); 2].map(|()| {
        let writes = Arc::clone(&writes);
        thread::spawn(move || {
            writes.fetch_add(1, Relaxed);
            if mended {
                writes.load(Relaxed)
            } else {
                // SAFETY: none: that other threads may write meanwhile is the bug, which a checker reports before the access.
                unsafe { writes.unsync_load() }
            }
        })
    });
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// A hook is installed in a fake client after the controller has started, which iterates over the hooks. Fixed by
/// installing it before.
pub(super) fn serving_3148(mended: bool) {
    let test = thread::spawn(move || {
        let chain = Arc::new(Plain::new(1));
        if mended {
            chain.set(2);
        }
        let theirs = Arc::clone(&chain);
        let controller = thread::spawn(move || {
            let reconciler = thread::spawn(move || theirs.get());
            reconciler.join().expect("no panic");
        });
        if !mended {
            chain.set(2);
        }
        controller.join().expect("no panic");
    });
    test.join().expect("no panic");
}

/// A transaction is reset while it is read. Fixed by a lock for both.
pub(super) fn etcd_9446(mended: bool) {
    let (keys, lock) = (Arc::new(Plain::new(1)), Arc::new(Mutex::new(())));
    let threads = [true, false].map(|resets| {
        let (keys, lock) = (Arc::clone(&keys), Arc::clone(&lock));
        thread::spawn(move || {
            let _guard = mended.then(|| lock.lock());
            if resets { keys.set(0) } else { drop(keys.get().to_string()) }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

/// Monitors read a global timeout that the test restores before they have ended. (One round of the watcher.) Fixed by
/// waiting for them.
pub(super) fn grpc_1748(mended: bool) {
    let timeout = Arc::new(Plain::new(20));
    let has_balancer = Arc::new(Mutex::new(false));
    let saved = timeout.get();
    let (theirs, balancer) = (Arc::clone(&timeout), Arc::clone(&has_balancer));
    let watcher = thread::spawn(move || {
        if *balancer.lock() {
            thread::spawn(move || theirs.get()).join().expect("no panic");
        }
    });
    *has_balancer.lock() = true;
    if mended {
        watcher.join().expect("no panic");
    }
    timeout.set(saved);
}

/// A field of a resolver is assigned without the lock under which it is polled. Fixed by assigning it under the lock.
pub(super) fn grpc_3090(mended: bool) {
    let wrapper = Arc::new((Mutex::new(()), Plain::new(0)));
    let theirs = Arc::clone(&wrapper);
    let guard = wrapper.0.lock();
    let poller = thread::spawn(move || {
        let _guard = theirs.0.lock();
        theirs.1.get()
    });
    drop(guard);
    let guard = mended.then(|| wrapper.0.lock());
    wrapper.1.set(1);
    drop(guard);
    poller.join().expect("no panic");
}

/// A key is looked up without the lock under which the thread of the queue deletes it. Fixed by the lock.
pub(super) fn kubernetes_79631(mended: bool) {
    let queue = Arc::new((Mutex::new(()), Plain::new(1)));
    let theirs = Arc::clone(&queue);
    let flushes = thread::spawn(move || {
        let _guard = theirs.0.lock();
        theirs.1.set(0);
    });
    let guard = mended.then(|| queue.0.lock());
    queue.1.get();
    drop(guard);
    flushes.join().expect("no panic");
}

/// The timestamp of an entry is changed without the lock, after the entry has been inserted under the lock. Fixed by
/// the lock.
pub(super) fn kubernetes_81148(mended: bool) {
    let queue = Arc::new((Mutex::new(false), Plain::new(0)));
    let theirs = Arc::clone(&queue);
    let flushes = thread::spawn(move || {
        let is_there = theirs.0.lock();
        if *is_there {
            theirs.1.get();
        }
    });
    *queue.0.lock() = true;
    let guard = mended.then(|| queue.0.lock());
    queue.1.set(1);
    drop(guard);
    flushes.join().expect("no panic");
}

/// An object is copied while its annotations are written. (One copy.) Fixed by a deep copy made before.
pub(super) fn kubernetes_82239(mended: bool) {
    let annotations = Arc::new(Plain::new(1));
    let copied = if mended { Arc::new(Plain::new(annotations.get())) } else { Arc::clone(&annotations) };
    let copies = thread::spawn(move || copied.get());
    annotations.set(2);
    copies.join().expect("no panic");
}

/// A buffer is emptied under the lock and read without it. Fixed by holding the lock while reading.
pub(super) fn kubernetes_89164(mended: bool) {
    let buffer = Arc::new((Mutex::new(()), Plain::new(1)));
    let dispatch = move |buffer: &(Mutex<()>, Plain)| {
        let guard = buffer.0.lock();
        buffer.1.set(0);
        let held = if mended {
            Some(guard)
        } else {
            drop(guard);
            None
        };
        buffer.1.get();
        drop(held);
    };
    let theirs = Arc::clone(&buffer);
    let first = thread::spawn(move || dispatch(&theirs));
    dispatch(&buffer);
    first.join().expect("no panic");
}

/// Threads read the loop variable that the loop assigns for the next thread. Fixed by passing it as an argument.
pub(super) fn moby_22941(mended: bool) {
    let shared = Arc::new(Plain::new(0));
    let mut threads = Vec::new();
    for number in 0..2 {
        let pair = if mended { Arc::new(Plain::new(0)) } else { Arc::clone(&shared) };
        pair.set(number);
        threads.push(thread::spawn(move || pair.get()));
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// An item is queued, and its state counted as pending afterwards, with a plain increment against the atomic
/// decrement of the workers. Fixed by counting it before.
pub(super) fn serving_6472(mended: bool) {
    let (pending, queue) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(false)));
    let (theirs, items) = (Arc::clone(&pending), Arc::clone(&queue));
    let worker = thread::spawn(move || {
        if core::mem::take(&mut *items.lock()) {
            theirs.fetch_sub(1, Relaxed);
        }
    });
    let count = || {
        // SAFETY: none: that other threads may write meanwhile is the bug, which a checker reports before the access.
        unsafe { pending.unsync_store(pending.unsync_load() + 1) }
    };
    if mended {
        count();
    }
    *queue.lock() = true;
    if !mended {
        count();
    }
    worker.join().expect("no panic");
}
