//! Unordered accesses to plain data.

use crate::models::Plain;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;

/// Closures read a loop variable that the loop goes on to assign. Mended by a copy for each.
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

/// A counter is incremented atomically, and read with the rest of its struct as plain memory. Mended by an
/// atomic read.
pub(super) fn istio_8214(mended: bool) {
    let writes = Arc::new(AtomicUsize::new(0));
    let threads = [(); 2].map(|()| {
        let writes = Arc::clone(&writes);
        thread::spawn(move || {
            writes.fetch_add(1, Relaxed);
            if mended {
                writes.load(Relaxed)
            } else {
                // SAFETY: none: that others may write meanwhile is the bug.
                unsafe { writes.unsync_load() }
            }
        })
    });
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// A hook is installed in a fake client after the controller that iterates over the hooks has been
/// started. Mended by installing it before.
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
