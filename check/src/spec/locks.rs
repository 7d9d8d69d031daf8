//! Mutex, readers-writer lock, semaphore and once. An answer says whether the operation worked; one that waits always
//! does.

use super::Spec;

/// An operation on a mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockOp {
    /// Locks, and waits until the mutex is free.
    Lock,
    /// Locks if it is free.
    TryLock,
    /// Unlocks; not allowed if the mutex is free.
    Unlock,
}

/// A mutex.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex;

impl Spec for Mutex {
    /// Whether it is locked.
    type State = bool;
    type Operation = LockOp;
    type Answer = bool;

    fn initial(&self) -> bool {
        false
    }

    fn observes(&self, _operation: &LockOp, worked: &bool) -> bool {
        !worked
    }

    fn apply(&self, locked: &mut bool, operation: &LockOp) -> Option<bool> {
        match (operation, *locked) {
            (LockOp::TryLock, true) => Some(false),
            (LockOp::Lock | LockOp::TryLock, false) => {
                *locked = true;
                Some(true)
            }
            (LockOp::Unlock, true) => {
                *locked = false;
                Some(true)
            }
            (LockOp::Lock, true) | (LockOp::Unlock, false) => None,
        }
    }
}

/// An operation on a readers-writer lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RwLockOp {
    /// Joins the readers, and waits for the writer to leave.
    Read,
    /// Joins the readers if there is no writer.
    TryRead,
    /// A reader leaves.
    UnlockRead,
    /// Becomes the writer, and waits for all others to leave.
    Write,
    /// Becomes the writer if there are neither readers nor a writer.
    TryWrite,
    /// The writer leaves.
    UnlockWrite,
}

/// A readers-writer lock. A `try_read` may fail while a writer waits, though only readers are in: `fair`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RwLock {
    /// Whether `TryRead` may fail though there is no writer.
    pub fair: bool,
}

/// The readers and the writer of a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Holders {
    /// The number of readers.
    pub readers: usize,
    /// Whether there is a writer.
    pub writer: bool,
}

impl Spec for RwLock {
    type State = Holders;
    type Operation = RwLockOp;
    type Answer = bool;

    fn initial(&self) -> Holders {
        Holders::default()
    }

    fn observes(&self, _operation: &RwLockOp, worked: &bool) -> bool {
        !worked
    }

    fn apply(&self, holders: &mut Holders, operation: &RwLockOp) -> Option<bool> {
        let free = holders.readers == 0 && !holders.writer;
        match operation {
            RwLockOp::Read | RwLockOp::TryRead if !holders.writer => holders.readers += 1,
            RwLockOp::Write | RwLockOp::TryWrite if free => holders.writer = true,
            RwLockOp::TryRead | RwLockOp::TryWrite => return Some(false),
            RwLockOp::UnlockRead if holders.readers > 0 => holders.readers -= 1,
            RwLockOp::UnlockWrite if holders.writer => holders.writer = false,
            _ => return None,
        }
        Some(true)
    }

    fn outcomes(&self, state: &Holders, operation: &RwLockOp) -> Vec<(bool, Holders)> {
        let mut after = *state;
        let first = self.apply(&mut after, operation).map(|answer| (answer, after));
        // Readers have the lock, and a writer may wait.
        let refused = self.fair && *operation == RwLockOp::TryRead && state.readers > 0;
        first.into_iter().chain(refused.then_some((false, *state))).collect()
    }
}

/// An operation on a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SemaphoreOp {
    /// Takes so many permits, and waits for them.
    Acquire(usize),
    /// Takes so many permits if they are there.
    TryAcquire(usize),
    /// Gives so many permits.
    Release(usize),
}

/// A semaphore that begins with this many permits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Semaphore(pub usize);

impl Spec for Semaphore {
    type State = usize;
    type Operation = SemaphoreOp;
    type Answer = bool;

    fn initial(&self) -> usize {
        self.0
    }

    fn observes(&self, _operation: &SemaphoreOp, worked: &bool) -> bool {
        !worked
    }

    fn apply(&self, permits: &mut usize, operation: &SemaphoreOp) -> Option<bool> {
        match operation {
            SemaphoreOp::Release(count) => *permits += count,
            SemaphoreOp::Acquire(count) | SemaphoreOp::TryAcquire(count) if *permits >= *count => {
                *permits -= count;
            }
            SemaphoreOp::TryAcquire(_) => return Some(false),
            SemaphoreOp::Acquire(_) => return None,
        }
        Some(true)
    }
}

/// An operation on a once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnceOp {
    /// Runs the function if no call has, and waits for its end otherwise; answers whether this call ran it.
    Call,
    /// Answers whether the function has run.
    IsDone,
}

/// A once: of all calls one runs the function.
#[derive(Clone, Copy, Debug, Default)]
pub struct Once;

impl Spec for Once {
    type State = bool;
    type Operation = OnceOp;
    type Answer = bool;

    fn initial(&self) -> bool {
        false
    }

    fn observes(&self, operation: &OnceOp, ran: &bool) -> bool {
        *operation == OnceOp::IsDone || !ran
    }

    fn apply(&self, done: &mut bool, operation: &OnceOp) -> Option<bool> {
        match operation {
            OnceOp::Call => Some(!core::mem::replace(done, true)),
            OnceOp::IsDone => Some(*done),
        }
    }
}
