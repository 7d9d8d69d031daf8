//! Locks.

use super::{NOT_NOW, Own, Subject, handing_over, operations, or_panic, told};
use crate::program::{Act, Program};
use lock_api::{
    RawMutex as _, RawMutexTimed as _, RawRwLock as _, RawRwLockDowngrade as _, RawRwLockTimed as _,
    RawRwLockUpgrade as _,
};
use selvedge::rt::cell::UnsafeCell;
use selvedge::sync::{RawMutex, RawRwMutex};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_millis(5);

/// `sync::RawMutex`.
pub(crate) struct Locked(RawMutex);

impl Subject for Locked {
    const SEED: u64 = 1;
    const ATTEMPTS: &'static [usize] = &[4, 5];
    const OPERATIONS: usize = 7;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/mutex.rs", include_str!("../../../../primitives/src/spec/mutex.rs"));
    const TWINS: &'static [&'static str] =
        &["two-owners", "no-edge", "too-much-order", "never-tried", "lost-unlock"];
    const EXACT_ORDER: bool = true;

    fn new() -> Locked {
        Locked(RawMutex::new())
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 | 1 => {
                self.0.lock();
                own.exclusive = true;
                1
            }
            2 | 3 if own.exclusive => {
                self.leave(own);
                1
            }
            4 => {
                let locked = self.0.try_lock();
                own.exclusive |= locked;
                u8::from(locked)
            }
            5 => {
                let locked = self.0.try_lock_for(TIMEOUT);
                own.exclusive |= locked;
                u8::from(locked)
            }
            6 if !own.exclusive => or_panic(|| {
                self.0.lock();
                own.exclusive = true;
                let _unlocks = Leaves(self, own);
                panic!("in a critical section");
            }),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, own: &mut Own) {
        if std::mem::take(&mut own.exclusive) {
            // SAFETY: this thread has locked it, and has not unlocked it since.
            unsafe { self.0.unlock() };
        }
    }

    fn programs() -> Vec<Program> {
        let mut tried_while_held = told(&[0, 2], &[4]);
        tried_while_held.threads[0].push(Act::Operate { operation: 0, object: 0 });
        vec![
            told(&[0, 2], &[0, 2]),
            told(&[0, 2], &[4, 2]),
            operations(&[&[0, 2], &[0, 2]]),
            tried_while_held,
        ]
    }
}

/// Unlocks when dropped.
struct Leaves<'a, S: Subject>(&'a S, &'a mut Own);

impl<S: Subject> Drop for Leaves<'_, S> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// `rt::sync::Mutex`.
pub(crate) struct RtLocked(selvedge::rt::sync::Mutex<()>);

impl Subject for RtLocked {
    const SEED: u64 = 2;
    const ATTEMPTS: &'static [usize] = &[1];
    const OPERATIONS: usize = 4;
    const SPECIFICATION: (&'static str, &'static str) = Locked::SPECIFICATION;
    const TWINS: &'static [&'static str] = &["two-owners", "no-edge", "never-tried", "lost-unlock"];
    const EXACT_ORDER: bool = true;

    fn new() -> RtLocked {
        RtLocked(selvedge::rt::sync::Mutex::new(()))
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        match operation {
            0 => {
                drop(self.0.lock());
                1
            }
            1 => u8::from(self.0.try_lock().is_some()),
            2 => {
                let _held = self.0.lock();
                u8::from(self.0.try_lock().is_some())
            }
            3 => or_panic(|| {
                let _held = self.0.lock();
                panic!("in a critical section");
            }),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            handing_over(&[0], &[0]),
            handing_over(&[0], &[1]),
            operations(&[&[0, 0], &[0, 1]]),
            told(&[0], &[0]),
        ]
    }
}

/// `sync::RawRwMutex`.
pub(crate) struct ReadWrite(RawRwMutex);

impl Subject for ReadWrite {
    const SEED: u64 = 3;
    const ATTEMPTS: &'static [usize] = &[6, 7, 8];
    const OPERATIONS: usize = 12;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/rw_mutex.rs", include_str!("../../../../primitives/src/spec/rw_mutex.rs"));
    const TWINS: &'static [&'static str] = &["overtakes-writers", "writes-beside-readers", "lost-unlock"];

    fn new() -> ReadWrite {
        ReadWrite(RawRwMutex::new())
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 | 1 => {
                self.0.lock_shared();
                own.shared += 1;
                1
            }
            2 | 3 => {
                self.0.lock_exclusive();
                own.exclusive = true;
                1
            }
            4 | 5 => {
                self.leave(own);
                1
            }
            6 => {
                let locked = self.0.try_lock_shared();
                own.shared += usize::from(locked);
                u8::from(locked)
            }
            7 => {
                let locked = self.0.try_lock_exclusive();
                own.exclusive |= locked;
                u8::from(locked)
            }
            8 => {
                let locked = self.0.try_lock_exclusive_for(TIMEOUT);
                own.exclusive |= locked;
                u8::from(locked)
            }
            9 if own.exclusive => {
                // SAFETY: this thread is the writer.
                unsafe { self.0.downgrade() };
                (own.exclusive, own.shared) = (false, 1);
                1
            }
            10 if !own.upgradable => {
                self.0.lock_upgradable();
                own.upgradable = true;
                1
            }
            11 if own.upgradable => {
                // SAFETY: this thread is the upgradable reader.
                unsafe { self.0.upgrade() };
                (own.upgradable, own.exclusive) = (false, true);
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, own: &mut Own) {
        // SAFETY: this thread has what `own` says.
        unsafe {
            if std::mem::take(&mut own.exclusive) {
                self.0.unlock_exclusive();
            }
            (0..std::mem::take(&mut own.shared)).for_each(|_| self.0.unlock_shared());
            if std::mem::take(&mut own.upgradable) {
                self.0.unlock_upgradable();
            }
        }
    }

    fn programs() -> Vec<Program> {
        let recursive = operations(&[&[0, 0], &[2]]);
        vec![
            recursive,
            handing_over(&[0, 4], &[2, 4]),
            handing_over(&[2, 4], &[0, 4]),
            handing_over(&[0], &[0]),
        ]
    }
}

/// `sync::RawRwMutex` that threads only read and write, with a cell that they use while they have it.
pub(crate) struct ReadOrWrite(ReadWrite, UnsafeCell<u8>);

// SAFETY: a thread that writes to the cell is the writer of the lock, and one that reads it is a reader or the writer.
unsafe impl Sync for ReadOrWrite {}

impl ReadOrWrite {
    fn use_cell(&self, own: &Own) {
        if own.exclusive {
            // SAFETY: this thread is the writer.
            self.1.with_mut(|cell| unsafe { *cell += 1 });
        } else if own.shared > 0 {
            // SAFETY: this thread is a reader.
            self.1.with(|cell| unsafe { *cell });
        }
    }
}

impl Subject for ReadOrWrite {
    const SEED: u64 = 15;
    /// Those of [`ReadWrite`] that do not look at the lock.
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) = (
        "primitives/src/spec/rw_mutex/apart.rs",
        include_str!("../../../../primitives/src/spec/rw_mutex/apart.rs"),
    );
    const TWINS: &'static [&'static str] =
        &["reads-beside-a-claim", "waits-for-no-reader", "no-edge-from-the-reads", "keeps-a-lane"];

    fn new() -> ReadOrWrite {
        ReadOrWrite(ReadWrite::new(), UnsafeCell::new(0))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        self.use_cell(own);
        let seen = self.0.perform(operation, own);
        self.use_cell(own);
        seen
    }

    fn leave(&self, own: &mut Own) {
        self.use_cell(own);
        self.0.leave(own);
    }

    fn programs() -> Vec<Program> {
        ReadWrite::programs()
    }
}
