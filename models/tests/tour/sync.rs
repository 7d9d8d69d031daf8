//! Chapter 8: the sync package.

use super::{Chapter, Checked};
use selvedge::pool::Pool;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::sync::{Cond, Mutex, Once, Semaphore, WaitGroup};
use selvedge_check::FailureKind;
use selvedge_go::{go, run, spawn};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "8-sync.md",
    source: include_str!("sync.rs"),
    programs: &[once, condition, permits, reuse],
    checked: &[
        Checked("adds_too_late", adds_too_late, Some(FailureKind::Race)),
        Checked("adds_before", adds_before, None),
    ],
};

fn once() {
    let (once, count) = (Arc::new(Once::new()), Arc::new(AtomicU32::new(0)));
    run(|| {
        let group = WaitGroup::new();
        for _ in 0..10 {
            let (once, count) = (Arc::clone(&once), Arc::clone(&count));
            group.go(move || once.call(|| _ = count.fetch_add(1, Relaxed)));
        }
        group.wait();
    });
    assert_eq!(count.load(Relaxed), 1);
}

fn condition() {
    run(|| {
        let shared = Arc::new((Mutex::new(0), Cond::new()));
        let theirs = Arc::clone(&shared);
        let waiter = spawn(move || {
            let mut count = theirs.0.lock();
            while *count < 3 {
                theirs.1.wait(&mut count);
            }
            *count
        });
        for _ in 0..3 {
            *shared.0.lock() += 1;
            shared.1.signal();
        }
        assert_eq!(waiter.join().expect("no panic"), 3);
    });
}

fn permits() {
    let permits = Semaphore::new(2);
    let (one, other) = (permits.acquire(1), permits.acquire(1));
    assert!(permits.try_acquire(1).is_none());
    drop((one, other));
    assert_eq!(permits.available(), 2);
}

fn reuse() {
    let pool = Pool::new(|| Vec::<u8>::with_capacity(1024));
    let mut buffer = pool.get();
    buffer.extend(b"selvedge");
    assert!(buffer.capacity() >= 1024);
    drop(buffer); // back into the pool
}

fn adds_too_late() {
    let shared = Arc::new((WaitGroup::new(), AtomicU32::new(0)));
    let theirs = Arc::clone(&shared);
    go(move || {
        theirs.0.add(1);
        theirs.1.fetch_add(1, Relaxed);
        theirs.0.done();
    });
    shared.0.wait();
    let _count = shared.1.load(Relaxed); // one, it is hoped
}

fn adds_before() {
    let (group, count) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
    let (task, counts) = (group.task(), Arc::clone(&count));
    go(move || {
        counts.fetch_add(1, Relaxed);
        drop(task);
    });
    group.wait();
    assert_eq!(count.load(Relaxed), 1);
}
