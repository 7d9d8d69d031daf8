//! A wait of a member.

use super::state::Passed;
use super::{Bubble, Here, Owner, fatal, here, name_of_here};
use crate::rt::park::{Parker, Unparker};
use crate::rt::task::Why;
use crate::rt::twin::is_twin;
use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What has become of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    /// It has not ended, and its member does not wait in it yet.
    Awaited,
    /// Its member rests, and is not counted.
    Rests,
    /// Its member waits, and counts as active.
    Waits,
    /// It was ended.
    Given,
    /// Its deadline has come.
    Due,
    /// There is a deadlock.
    Doomed,
}

const FATES: [Fate; 6] = [Fate::Awaited, Fate::Rests, Fate::Waits, Fate::Given, Fate::Due, Fate::Doomed];

/// What a member waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// What the primitives wait for.
    Primitive(Why),
    /// That all others rest.
    Quiet,
    /// That all others have ended.
    Ends,
}

/// A wait of a member. Its fate is changed and read under the lock of the bubble, which orders that; it is no atomic of `rt`,
/// since engines see the lock.
pub(crate) struct Wait {
    bubble: Arc<Bubble>,
    pub(super) member: u32,
    what: What,
    /// The owner of what the member waits for; `None`: no other bubble can have it.
    owner: Option<Owner>,
    fate: AtomicU8,
    wake: Unparker,
}

/// The waiting side of a wait.
pub(crate) struct Rest {
    wait: Arc<Wait>,
    parker: Parker,
}

impl Wait {
    fn fate(&self) -> Fate {
        FATES[usize::from(self.fate.load(Relaxed))] // Relaxed: the caller has the lock of the bubble.
    }

    pub(super) fn set_fate(&self, fate: Fate) -> Fate {
        FATES[usize::from(self.fate.swap(fate as u8, Relaxed))] // Relaxed: the caller has the lock of the bubble.
    }

    /// Returns whether only members, and the clock, can end the wait.
    fn is_rest(&self, timed: bool) -> bool {
        let is_own = self.owner.is_none_or(|owner| owner == Owner(self.bubble.id));
        match self.what {
            What::Quiet | What::Ends => true,
            What::Primitive(why) => match why {
                Why::Receive | Why::Send | Why::Select | Why::Group | Why::Join => is_own,
                Why::Condition | Why::Permits | Why::Barrier | Why::Sleep => true,
                Why::Lock | Why::RwLock | Why::Once | Why::Permit => timed,
            },
        }
    }

    /// Returns whether it is misuse to end the rest from outside: time may have moved, or a deadlock been reported, since
    /// nobody in the bubble could.
    fn is_for_members(&self) -> bool {
        let others = [Why::Lock, Why::RwLock, Why::Once, Why::Permit];
        !others.iter().any(|why| self.what == What::Primitive(*why))
    }

    /// Returns what a report says of a member that rests here.
    pub(super) fn words(&self) -> &'static str {
        match self.what {
            What::Quiet => "waits until all others are blocked",
            What::Ends => "waits for the others to end",
            What::Primitive(why) => match why {
                Why::Receive => "receives from a channel",
                Why::Send => "sends to a channel",
                Why::Select => "selects",
                Why::Lock => "locks a mutex",
                Why::RwLock => "locks a lock of readers and writers",
                Why::Condition => "waits for a condition",
                Why::Permits => "acquires permits of a semaphore",
                Why::Group => "waits for a WaitGroup",
                Why::Once => "waits for a Once",
                Why::Barrier => "waits at a barrier",
                Why::Join => "joins a goroutine",
                Why::Permit => "is parked",
                Why::Sleep => "sleeps",
            },
        }
    }

    /// Ends the wait, and wakes its member.
    pub(crate) fn give(self: &Arc<Wait>) {
        let mut state = self.bubble.lock();
        let fate = self.fate();
        match fate {
            Fate::Awaited | Fate::Due => _ = self.set_fate(Fate::Given),
            Fate::Given | Fate::Doomed => (),
            Fate::Waits => {
                self.set_fate(Fate::Given);
                drop(state);
                self.wake();
            }
            Fate::Rests => {
                let is_inside = here().is_some_and(|here| here.is_in(&self.bubble));
                if !is_inside && self.is_for_members() && !state.is_over {
                    drop(state);
                    self.refuse();
                }
                // site: count-in-first
                if is_twin() {
                    self.set_fate(Fate::Given);
                    drop(state);
                    self.wake();
                    return self.bubble.lock().end_rest(self, Fate::Given);
                }
                state.end_rest(self, Fate::Given);
                drop(state);
                self.wake();
            }
        }
    }

    #[cold]
    fn refuse(&self) -> ! {
        fatal(&format!(
            "a goroutine of {} that {} is woken from elsewhere, {}: only goroutines of the same bubble may do that",
            self.bubble.name,
            self.words(),
            name_of_here()
        ))
    }

    pub(super) fn wake(&self) {
        self.wake.clone().unpark(); // site: wake-member
    }
}

impl Rest {
    /// Returns a wait of the caller, which is this member.
    #[track_caller]
    pub(crate) fn new(here: Here, why: Why, owner: Option<Owner>) -> Rest {
        Rest::for_what(here, What::Primitive(why), owner)
    }

    #[track_caller]
    pub(super) fn for_what(here: Here, what: What, owner: Option<Owner>) -> Rest {
        let parker = Parker::apart();
        let wait = Wait {
            bubble: here.bubble,
            member: here.member,
            what,
            owner,
            fate: AtomicU8::new(Fate::Awaited as u8),
            wake: parker.unparker(),
        };
        Rest { wait: Arc::new(wait), parker }
    }

    pub(crate) fn wait(&self) -> &Arc<Wait> {
        &self.wait
    }

    /// Returns whether the caller is in the bubble of this wait.
    pub(crate) fn is_here(&self) -> bool {
        here().is_some_and(|here| here.is_in(&self.wait.bubble))
    }

    /// Blocks until the wait is ended, and returns `true`; or returns `false` at the deadline.
    ///
    /// # Panics
    /// If there is a deadlock, in the main member.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        let wait = &self.wait;
        let bubble = &*wait.bubble;
        let until = deadline.map(|deadline| bubble.nanos(deadline));
        let mut state = bubble.lock();
        // site: look-before-rest
        if wait.fate() == Fate::Given && !is_twin() {
            wait.set_fate(Fate::Awaited);
            return true;
        }
        if until.is_some_and(|until| until <= bubble.passed()) {
            return false;
        }
        let passed = if wait.is_rest(until.is_some()) {
            state.rest(wait, until, bubble)
        } else {
            wait.set_fate(Fate::Waits);
            Passed::default()
        };
        drop(state);
        passed.start(&self.here(), Some(wait));
        self.parker.park();
        let mut state = bubble.lock();
        let fate = wait.set_fate(Fate::Awaited);
        if fate == Fate::Doomed {
            let text = state.deadlock.take().unwrap_or_default();
            drop(state);
            deadlock(&text);
        }
        fate == Fate::Given
    }

    fn here(&self) -> Here {
        Here { bubble: Arc::clone(&self.wait.bubble), member: self.wait.member }
    }

    /// Blocks a member that rests already, until it is woken, and first starts those to whom it has passed the baton.
    pub(super) fn block(&self, passed: Passed) {
        passed.start(&self.here(), Some(&self.wait));
        self.parker.park();
        // Locks once more: what the others did before they rested happens before the caller goes on (B3).
        let _state = self.wait.bubble.lock();
        self.wait.set_fate(Fate::Awaited);
    }
}

#[cold]
fn deadlock(text: &str) -> ! {
    if std::thread::panicking() {
        fatal(text);
    }
    panic!("{text}")
}

/// Lets the caller sleep by the clock of its bubble, if it is in one.
pub(crate) fn sleep(duration: Duration) -> bool {
    let Some(here) = here() else { return false };
    if duration.is_zero() {
        return false;
    }
    // A time too far away to be named does not come.
    let until = here.bubble.now().checked_add(duration);
    Rest::new(here, Why::Sleep, None).park(until);
    true
}

/// Blocks until all other members of the caller's bubble rest.
///
/// # Panics
/// If the caller is in no bubble, or if another call is under way in the bubble.
pub(crate) fn wait() {
    let Some(here) = here() else {
        panic!("`wait` is called outside any bubble: call it from the closure of `testing::bubble`");
    };
    let rest = Rest::for_what(here, What::Quiet, None);
    let wait = &rest.wait;
    let bubble = &*wait.bubble;
    let mut state = bubble.lock();
    assert!(state.quiet.is_none(), "`wait` is called while another goroutine of {} waits so", bubble.name);
    // site: announce-first
    let passed = if is_twin() {
        let passed = state.rest(wait, None, bubble);
        state.quiet = Some(Arc::clone(wait));
        passed
    } else {
        state.quiet = Some(Arc::clone(wait));
        state.rest(wait, None, bubble)
    };
    drop(state);
    rest.block(passed);
}
