//! A registry, and letters that it owes: what is registered is changed under a lock, and letters are sent with no lock held,
//! since what gets them may call user code.
//!
//! R1. One thread at a time sends. A thread that changes the registry first waits until nothing is owed, and then sends what
//! the change has put into the outbox, before it returns. So when a change returns, everything that was owed before it, and by it, has
//! been sent, and the registry as it was before owes nothing more.
//!
//! R2. User code that gets a letter may change the registry too, and would wait for its own thread or goroutine. It does not wait,
//! and sends what is owed itself, so R1 holds for its change too.

use core::cell::Cell;
use core::fmt;
use selvedge::rt::twin::is_twin;
use selvedge::sync::{Cond, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a [`Post`] keeps.
pub trait Outbox {
    /// What is sent.
    type Letter;

    /// Takes the letter out that has been owed for longest.
    fn next(&mut self) -> Option<Self::Letter>;
}

/// A registry, whose letters are sent in order.
pub struct Post<R> {
    inner: Mutex<Inner<R>>,
    /// Nothing is owed any more.
    settled: Cond,
}

struct Inner<R> {
    registry: R,
    is_sending: bool,
}

selvedge::rt::thread_local! {
    /// Whether this thread or goroutine sends.
    static SENDS: Cell<bool> = const { Cell::new(false) };
}

impl<R: Outbox> Post<R> {
    /// Returns the post of this registry, which owes nothing.
    pub fn new(registry: R) -> Post<R> {
        Post { inner: Mutex::new(Inner { registry, is_sending: false }), settled: Cond::new() }
    }

    /// Changes the registry, once nothing is owed, and sends what is owed then (R1). The first panic of a receiver comes out, at the
    /// end.
    pub fn change<T>(&self, change: impl FnOnce(&mut R) -> T, send: impl Fn(R::Letter)) -> T {
        let mut inner = self.inner.lock();
        // R2: a thread that sends is the one that all others wait for.
        // site: know-itself
        let is_nested = SENDS.get() && !is_twin();
        // site: await-the-sender
        while inner.is_sending && !is_nested && !is_twin() {
            self.settled.wait(&mut inner);
        }
        let result = change(&mut inner.registry);
        SENDS.set(true);
        inner.is_sending = true;
        let mut panic = None;
        while let Some(letter) = inner.registry.next() {
            drop(inner);
            let sent = catch_unwind(AssertUnwindSafe(|| send(letter)));
            match (sent, &panic) {
                (Err(first), None) => panic = Some(first),
                // The destructor of a payload is user code, and might leave this as a panic.
                (Err(later), Some(_)) => core::mem::forget(later),
                (Ok(()), _) => (),
            }
            inner = self.inner.lock();
        }
        SENDS.set(is_nested);
        inner.is_sending = is_nested;
        drop(inner);
        // site: say-settled
        if !is_twin() {
            self.settled.broadcast();
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
        result
    }
}

impl<R> fmt::Debug for Post<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}
