//! Threads that wait for ever.

use super::Pair;
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::{choose, thread};

/// A helper starts a thread that sends its result on a channel, and the caller drops the channel. Fixed by room for
/// one value.
pub(super) fn moby_4395(capacity: usize) {
    fn start(capacity: usize) -> Pair<i32> {
        let result = Pair::new(capacity);
        let theirs = result.clone();
        thread::spawn(move || theirs.send(1));
        result
    }
    drop(start(capacity));
}

/// A routine makes a channel, and if an operation fails sends the error on it before any receiver exists. Fixed by
/// room for one value.
pub(super) fn moby_33293(capacity: usize) {
    thread::spawn(move || {
        let errors = Pair::new(capacity);
        let failed = choose(2) == 1;
        if failed {
            errors.send("failed");
        }
        errors
    });
}

/// A replica waits twice for a channel on which no thread sends. Fixed by closing the channel.
pub(super) fn cockroach_25456(mended: bool) {
    let quiesce = Pair::<()>::new(0);
    if mended {
        quiesce.close();
    }
    for _replica in 0..2 {
        quiesce.recv();
    }
}

/// A sender holds the lock that the receiver needs for closing the channel. Fixed by closing the channel before the
/// lock is taken.
pub(super) fn kubernetes_1321(mended: bool) {
    type Watchers = Arc<(Mutex<()>, Mutex<Vec<Pair<i32>>>)>;
    fn distribute(watchers: &Watchers) {
        let _outer = watchers.0.lock();
        for watcher in watchers.1.lock().iter() {
            watcher.send(1);
        }
    }
    thread::spawn(move || {
        let watchers: Watchers = Arc::new((Mutex::new(()), Mutex::new(Vec::new())));
        let theirs = Arc::clone(&watchers);
        thread::spawn(move || distribute(&theirs));
        let watcher = Pair::new(0);
        watchers.1.lock().push(watcher.clone());
        if mended {
            watcher.close();
        }
        let _outer = watchers.0.lock();
        watchers.1.lock().clear();
        if !mended {
            watcher.close();
        }
    });
}

/// A compactor is told to start by a second value, before the thread runs that would receive the first. Fixed by a
/// send that does not wait.
pub(super) fn cockroach_24808(mended: bool) {
    let suggestions = Pair::new(1);
    suggestions.send(1);
    if mended {
        let _full = suggestions.0.try_send(2);
    } else {
        suggestions.send(2);
    }
    let theirs = suggestions.clone();
    thread::spawn(move || theirs.recv()).join().expect("no panic");
}
