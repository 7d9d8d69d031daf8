//! Models of locks for readers together, or one writer.

use super::bell::Bell;
use super::mutants::{GIVE_UP_WAIT, TRUST_PERMIT, WAKE_SLEEPER};
use super::{Model, Plain, both, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use lock_api::RawRwLock as _;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::thread;
use selvedge::rt::until::Until;
use selvedge::sync::{RawRwMutex, RwMutex, RwMutexUpgradableReadGuard, RwMutexWriteGuard};
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    readers_share_and_writers_exclude,
    writers_exclude_each_other,
    readers_that_waited_get_in_together,
    a_write_that_timed_out_blocks_no_reader,
    a_write_that_timed_out_loses_no_wake_up,
    a_downgrade_lets_readers_in,
    a_writer_that_waits_gets_in_before_later_readers,
    an_upgrade_waits_for_readers,
    upgrades_take_turns,
    an_upgrade_waits_for_the_writer_that_let_it_in,
    an_upgrade_that_timed_out_blocks_no_reader,
    a_write_is_handed_over_or_stopped,
    a_read_is_handed_over_or_stopped,
    a_write_that_is_stopped_blocks_no_reader,
];

const RAW_RW_MUTEX: Mutant = mutant_of!("primitives/src/sync/raw_rw_mutex.rs");
const RW_WRITERS: Mutant = mutant_of!("primitives/src/sync/raw_rw_mutex/write.rs");
const WEAK_WRITE: Mutant = RW_WRITERS.weaken("lock-exclusive");
const WEAK_UPGRADE: Mutant = mutant_of!("primitives/src/sync/raw_rw_mutex/upgrade.rs").weaken("upgrade");
const WEAK_END_READ: Mutant = RAW_RW_MUTEX.weaken("unlock-shared");
const WEAK_END_WRITE: Mutant = RW_WRITERS.weaken("unlock-exclusive");

/// A writer that gives up leaves its flag.
const KEEPS_FLAG: Mutant =
    RW_WRITERS.lose("give-up-writing", FailureKind::Deadlock).or(FailureKind::Livelock);
/// A writer that gives up clears the flag of another one, and does not find that one to wake it.
const CLEARS_BLINDLY: Mutant =
    RW_WRITERS.weaken("give-up-writing").fails_with(FailureKind::Deadlock).needs(Needs::SeqCst);

const A_WHILE: Duration = Duration::from_micros(1);

fn write(shared: &(RwMutex<()>, Plain)) {
    let _held = shared.0.write();
    shared.1.set(shared.1.get() + 1);
}

fn read(shared: &(RwMutex<()>, Plain)) -> u32 {
    let _held = shared.0.read();
    shared.1.get()
}

/// A writer is alone, and readers read beside each other.
fn readers_share_and_writers_exclude() -> Model {
    model("readers share, and a writer excludes all", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let writer = thread::spawn(move || write(&theirs));
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || read(&theirs));
        assert!(read(&shared) <= 1 && reader.join().expect("no panic") <= 1);
        writer.join().expect("no panic");
        assert_eq!(read(&shared), 1);
    })
    .bound(2)
    .catches([WEAK_WRITE, WEAK_END_READ])
}

/// Two writers increment, one after the other.
fn writers_exclude_each_other() -> Model {
    model("writers exclude each other", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        both(&shared, write);
        assert_eq!(read(&shared), 2);
    })
    .bound(2)
    .catches([WEAK_WRITE, WEAK_END_WRITE])
}

/// Readers that waited for a writer get in when it leaves, and each waits for the other inside.
fn readers_that_waited_get_in_together() -> Model {
    model("readers that waited for a writer get in together", || {
        let shared = Arc::new((RwMutex::new(()), AtomicU32::new(0)));
        let held = shared.0.write();
        let readers = [1, 2].map(|_| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || {
                let _held = theirs.0.read();
                theirs.1.fetch_add(1, SeqCst);
                until(|| theirs.1.load(SeqCst) == 2);
            })
        });
        drop(held);
        readers.into_iter().for_each(|reader| reader.join().expect("no panic"));
    })
    .bound(2)
    .catches([WAKE_SLEEPER.or(FailureKind::Livelock)])
}

/// A writer that timed out blocks no reader.
fn a_write_that_timed_out_blocks_no_reader() -> Model {
    model("a writer that timed out blocks no reader", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.read();
        let theirs = Arc::clone(&shared);
        let gives_up = thread::spawn(move || theirs.0.write_timeout(A_WHILE).is_none());
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || read(&theirs));
        assert!(gives_up.join().expect("no panic"), "a reader has the lock");
        assert_eq!(reader.join().expect("no panic"), 0);
        drop(held);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// A writer that timed out leaves its turn to the writer behind it.
fn a_write_that_timed_out_loses_no_wake_up() -> Model {
    model("a writer that timed out leaves its turn to the next", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.read();
        let theirs = Arc::clone(&shared);
        let gives_up = thread::spawn(move || theirs.0.write_timeout(A_WHILE).is_some());
        let theirs = Arc::clone(&shared);
        let writer = thread::spawn(move || write(&theirs));
        drop(held);
        gives_up.join().expect("no panic");
        writer.join().expect("no panic");
        assert_eq!(read(&shared), 1);
    })
    .bound(2)
    .catches([WAKE_SLEEPER, GIVE_UP_WAIT, CLEARS_BLINDLY])
}

/// A writer that becomes a reader lets readers in beside it, and no writer.
fn a_downgrade_lets_readers_in() -> Model {
    model("a downgrade lets readers in", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.write();
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || read(&theirs));
        shared.1.set(5);
        let held = RwMutexWriteGuard::downgrade(held);
        assert_eq!(reader.join().expect("no panic"), 5);
        drop(held);
        write(&shared);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// Readers that arrive after a writer has begun to wait read what the writer wrote.
fn a_writer_that_waits_gets_in_before_later_readers() -> Model {
    model("a writer that waits gets in before later readers", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.read();
        let theirs = Arc::clone(&shared);
        let writer = thread::spawn(move || write(&theirs));
        let theirs = Arc::clone(&shared);
        let late = thread::spawn(move || match theirs.0.try_read() {
            None => read(&theirs) == 1,
            Some(_too_early) => true,
        });
        drop(held);
        writer.join().expect("no panic");
        assert!(late.join().expect("no panic"), "a writer waited");
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// A reader that becomes a writer waits for the readers beside it, and no writer came since it read.
fn an_upgrade_waits_for_readers() -> Model {
    model("a reader becomes a writer when the others have left", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || read(&theirs));
        let held = shared.0.upgradable_read();
        let before = shared.1.get();
        let held = RwMutexUpgradableReadGuard::upgrade(held);
        shared.1.set(before + 1);
        drop(held);
        assert!(reader.join().expect("no panic") <= 1);
    })
    .bound(2)
    .catches([WEAK_UPGRADE, WAKE_SLEEPER])
}

/// Two upgradable readers take turns, and a writer may come between them.
fn upgrades_take_turns() -> Model {
    model("readers that may become writers take turns", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || upgrade(&theirs));
        let theirs = Arc::clone(&shared);
        let writer = thread::spawn(move || write(&theirs));
        upgrade(&shared);
        other.join().expect("no panic");
        writer.join().expect("no panic");
        assert_eq!(read(&shared), 3);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

fn upgrade(shared: &(RwMutex<()>, Plain)) {
    let held = shared.0.upgradable_read();
    let before = shared.1.get();
    let _held = RwMutexUpgradableReadGuard::upgrade(held);
    shared.1.set(before + 1);
}

/// A reader that was let in by a departing writer becomes a writer only when that writer has gone.
fn an_upgrade_waits_for_the_writer_that_let_it_in() -> Model {
    model("an upgrade waits for the writer that let it in", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.write();
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || upgrade(&theirs));
        drop(held);
        write(&shared);
        other.join().expect("no panic");
        assert_eq!(shared.1.get(), 2);
    })
    .bound(3)
    .catches([WAKE_SLEEPER])
}

/// An upgrade that timed out blocks no reader.
fn an_upgrade_that_timed_out_blocks_no_reader() -> Model {
    model("an upgrade that timed out blocks no reader", || {
        let shared = Arc::new((RwMutex::new(()), Plain::new(0)));
        let held = shared.0.read();
        let theirs = Arc::clone(&shared);
        let gives_up = thread::spawn(move || {
            let held = theirs.0.upgradable_read();
            RwMutexUpgradableReadGuard::try_upgrade_for(held, A_WHILE).is_err()
        });
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || read(&theirs));
        assert!(gives_up.join().expect("no panic"), "a reader has the lock");
        assert_eq!(reader.join().expect("no panic"), 0);
        drop(held);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// How a lock is locked for a while, and unlocked.
struct Use {
    within: fn(&RawRwMutex, Until<'_>) -> bool,
    /// Unlocks it for a thread that has locked it by `within`.
    unlock: unsafe fn(&RawRwMutex),
}

const READ: Use = Use {
    within: |lock, until| lock.lock_shared_within(until),
    // SAFETY: a thread calls `unlock` only after `within` of the same `Use`, and `within` of `READ` locks to read.
    unlock: |lock| unsafe { lock.unlock_shared() },
};
const WRITE: Use = Use {
    within: |lock, until| lock.lock_exclusive_within(until),
    // SAFETY: a thread calls `unlock` only after `within` of the same `Use`, and `within` of `WRITE` locks to write.
    unlock: |lock| unsafe { lock.unlock_exclusive() },
};

/// Hands a lock over to a thread whose wait is stopped.
fn is_handed_over_or_stopped(from: Use, to: Use) {
    let (lock, bell) = (RawRwMutex::new(), Bell::default());
    assert!((from.within)(&lock, Until::default()), "it is free");
    thread::scope(|scope| {
        scope.spawn(|| {
            if (to.within)(&lock, bell.limit()) {
                // SAFETY: this thread has locked it so above, and has not unlocked it since.
                unsafe { (to.unlock)(&lock) };
            }
        });
        scope.spawn(|| bell.ring());
        // SAFETY: this thread has locked it so above, and has not unlocked it since.
        unsafe { (from.unlock)(&lock) };
    });
    assert!(lock.try_lock_exclusive(), "nobody has it");
}

/// The last reader hands the lock to a writer whose wait is stopped.
fn a_write_is_handed_over_or_stopped() -> Model {
    model("a lock that is handed to a writer whose wait is stopped is not lost", || {
        is_handed_over_or_stopped(READ, WRITE);
    })
    .bound(2)
    .catches([GIVE_UP_WAIT, TRUST_PERMIT])
}

/// The writer hands the lock to a reader whose wait is stopped.
fn a_read_is_handed_over_or_stopped() -> Model {
    model("a lock that is handed to a reader whose wait is stopped is not lost", || {
        is_handed_over_or_stopped(WRITE, READ);
    })
    .bound(2)
    .catches([GIVE_UP_WAIT, TRUST_PERMIT])
}

/// A writer whose wait is stopped blocks no reader, while another reader stays.
fn a_write_that_is_stopped_blocks_no_reader() -> Model {
    model("a writer whose wait is stopped blocks no reader", || {
        let (lock, bell) = (RawRwMutex::new(), Bell::default());
        lock.lock_shared();
        thread::scope(|scope| {
            scope.spawn(|| assert!(!lock.lock_exclusive_within(bell.limit()), "a reader has the lock"));
            scope.spawn(|| lock.lock_shared());
            bell.ring();
        });
        // SAFETY: two threads have begun to read.
        unsafe { (lock.unlock_shared(), lock.unlock_shared()) };
        assert!(lock.try_lock_exclusive(), "nobody has it");
    })
    .bound(2)
    .catches([WAKE_SLEEPER, KEEPS_FLAG])
}
