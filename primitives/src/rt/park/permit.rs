//! The native permit: one word, and the thread to wake.
//!
//! A *wait* lasts from [`Held::new`] to the drop of the `Held`. A thread uses one permit for one wait after the other. The
//! word holds the number of the wait and its state: [`AWAITED`], [`ASLEEP`] or [`COUNTED`] once [`Permit::wait`] is about to
//! block, and [`GIVEN`] from [`Permit::give`] until [`Permit::take`].
//!
//! P1. Only the parker's own thread changes the number, in `Held::new`. A share of an earlier wait has an earlier number,
//! so a `give` through it finds another number and does nothing.
//!
//! P2. No wake-up is lost. The CAS to ASLEEP in `wait` and the CAS to GIVEN in `give` change one word, so one of them comes
//! first. If `give` comes first, the CAS in `wait` fails and the thread does not block. Else `give` finds ASLEEP or COUNTED and
//! unparks the thread; std keeps that unpark if the thread has not blocked yet.
//!
//! P3. What happens before a `give` happens before the `take` that returns `true`. `give` is a Release CAS, also when it
//! finds GIVEN: every write between the first `give` and the `take` is then a read-modify-write, so the release sequence
//! of each `give` reaches the Acquire swap in `take`.

#[cfg(feature = "checking")]
use crate::rt::seam::{Change, Current, NativeRun, ThreadId, current};
use crate::rt::task::{Blocks, count_parked};
use core::cell::RefCell;
#[cfg(feature = "checking")]
use core::panic::Location;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

/// What both sides share.
pub(super) struct Permit {
    /// The number of the wait, and its state.
    word: AtomicU64,
    thread: Thread,
    #[cfg(feature = "checking")]
    run: Option<(Arc<NativeRun>, ThreadId)>,
}

/// The permit has not been given, and the thread does not sleep.
const AWAITED: u64 = 0;
/// The thread sleeps, or is about to.
const ASLEEP: u64 = 1;
/// The permit has been given and not been taken.
const GIVEN: u64 = 2;
/// The thread sleeps, and a runtime of goroutines counts it as parked until a permit is given.
const COUNTED: u64 = 3;
/// The step from one wait's number to the next.
const NEXT: u64 = 4;
/// The bits of the state.
const STATE: u64 = NEXT - 1;

/// The parker's share. Its drop puts the permit into the thread's cache.
pub(super) struct Held {
    permit: Option<Arc<Permit>>,
    /// The number of the wait.
    wait: u64,
}

/// The waker's share.
#[derive(Clone)]
pub(super) struct Share {
    permit: Arc<Permit>,
    wait: u64,
}

thread_local! {
    /// A permit to use again, so that blocking does not allocate each time.
    static CACHE: RefCell<Option<Arc<Permit>>> = const { RefCell::new(None) };
}

/// Replaces the cached permit of the current thread, and returns the one that was cached.
///
/// Never inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
/// thread-local that the compiler has kept would be the first thread's.
#[inline(never)]
fn exchange(permit: Option<Arc<Permit>>) -> Option<Arc<Permit>> {
    CACHE.try_with(|cache| cache.replace(permit)).ok().flatten()
}

impl Permit {
    fn new() -> Permit {
        Permit {
            word: AtomicU64::new(AWAITED),
            thread: std::thread::current(),
            #[cfg(feature = "checking")]
            run: match current() {
                Current::Native(run) => {
                    let thread = run.this_thread();
                    Some((run, thread))
                }
                _ => None,
            },
        }
    }

    /// Returns a number that no other live permit has.
    #[cfg(feature = "checking")]
    fn number(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// Gives the permit for this wait, unless the wait is over.
    fn give(&self, wait: u64) {
        let mut found = self.word.load(Relaxed); // Relaxed: the CAS below checks the value.
        while found & !STATE == wait {
            let is_counted = found == wait | COUNTED;
            if is_counted {
                // The runtime must not take the thread for parked once the permit is given.
                count_parked(false);
            }
            // Release: publishes what the caller did before to the Acquire swap in `take` (P3); with Relaxed the woken
            // thread could miss it. The CAS is made even if it finds GIVEN, since each caller has its own writes to
            // publish. Relaxed on failure: the loop only looks at the value again.
            // Not model-checked: under an engine the session keeps the permit.
            match self.word.compare_exchange(found, wait | GIVEN, Release, Relaxed) {
                Ok(_) if is_counted || found == wait | ASLEEP => return self.thread.unpark(),
                Ok(_) => return,
                Err(other) => {
                    if is_counted {
                        count_parked(true);
                    }
                    found = other;
                }
            }
        }
    }

    /// Takes the permit, if it has been given.
    fn take(&self, wait: u64) -> bool {
        // Acquire: synchronizes with the Release CAS of every `give` of this wait (P3).
        // Not model-checked: under an engine the session keeps the permit.
        self.word.swap(wait | AWAITED, Acquire) == wait | GIVEN
    }

    /// Blocks until the permit is given, and takes it; or returns `false` at the deadline.
    fn wait(&self, wait: u64, deadline: Option<Instant>) -> bool {
        let blocks = Blocks::begin(deadline.is_some());
        let (awaited, asleep) = (wait | AWAITED, wait | if blocks.is_counted() { COUNTED } else { ASLEEP });
        // Relaxed: P2 needs the order of changes to this one word only, and `take` acquires what `give` publishes.
        if self.word.compare_exchange(awaited, asleep, Relaxed, Relaxed).is_err() {
            return self.take(wait);
        }
        if blocks.is_counted() {
            // After the CAS: `give` counts the thread out only if it finds it asleep.
            count_parked(true);
        }
        loop {
            // Relaxed: `take` acquires what `give` publishes. After a spurious wake-up of `std::thread::park` the word has not
            // changed.
            if self.word.load(Relaxed) == wait | GIVEN {
                return self.take(wait);
            }
            match deadline {
                None => std::thread::park(),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                    _ => return self.take(wait),
                },
            }
        }
    }
}

impl Share {
    #[track_caller]
    pub(super) fn unpark(&self) {
        let permit = &*self.permit;
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &permit.run {
            run.step();
            if run.change_at(Location::caller()) == Some(Change::DropUnpark) {
                return;
            }
            permit.give(self.wait);
            return run.wakes(*thread, permit.number());
        }
        permit.give(self.wait);
    }
}

impl Held {
    pub(super) fn new() -> Held {
        // In a checking build a permit belongs to the run in which it was made, so no permit is reused.
        #[cfg(not(feature = "checking"))]
        if let Some(permit) = exchange(None) {
            // Relaxed: only this thread changes the number (P1). A late `give` of the last wait may change the state
            // between the load and the store; the store overwrites it. A thread that gives the permit got its share from
            // this one, and with it sees the store.
            let wait = (permit.word.load(Relaxed) & !STATE) + NEXT;
            permit.word.store(wait | AWAITED, Relaxed);
            return Held { permit: Some(permit), wait };
        }
        Held { permit: Some(Arc::new(Permit::new())), wait: 0 }
    }

    fn permit(&self) -> &Arc<Permit> {
        self.permit.as_ref().expect("a parker holds its permit until it is dropped")
    }

    pub(super) fn share(&self) -> Share {
        Share { permit: Arc::clone(self.permit()), wait: self.wait }
    }

    /// Returns whether the permit belongs to threads of `run`, or outside any.
    #[cfg(feature = "checking")]
    pub(super) fn is_of(&self, run: Option<&Arc<NativeRun>>) -> bool {
        self.permit().run.as_ref().map(|(run, _)| Arc::as_ptr(run)) == run.map(Arc::as_ptr)
    }

    pub(super) fn is_given(&self) -> bool {
        // Relaxed: a caller that sees GIVEN parks next, and `take` acquires.
        self.permit().word.load(Relaxed) == self.wait | GIVEN
    }

    #[track_caller]
    pub(super) fn park(&self, deadline: Option<Instant>) -> bool {
        let permit = self.permit();
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &permit.run {
            run.step();
            if deadline.is_none() {
                let given = self.wait | GIVEN;
                // Relaxed: the answer only tells the run that this thread need not wait; `take` acquires.
                run.begins_to_park(permit.number(), Location::caller(), || {
                    permit.word.load(Relaxed) == given
                });
                let given = permit.wait(self.wait, None);
                run.wakes(*thread, permit.number());
                return given;
            }
        }
        permit.wait(self.wait, deadline)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        exchange(self.permit.take());
    }
}
