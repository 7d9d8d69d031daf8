//! How an M gets a P for the goroutines that are bound to it.
//!
//! B1. A bound task that was put into its M's inbox runs. The thread that put it passes a SeqCst fence and looks whether
//! the M sleeps. The M says that it sleeps, passes the SeqCst fence of `Idle::give_up` or [`last_look_without_a_p`], and
//! looks at its inbox. One of the fences comes first: either the M sees the task, or the thread sees the M asleep. Then
//! the thread assigns an idle P to the M, or, if there is none, puts the M on the list of those that want a P.
//!
//! B2. An M that wants a P gets one. A thread puts it on the list, passes a SeqCst fence, and looks for an idle P. An M
//! that gives its P up passes a SeqCst fence and looks at the list. A busy P looks at the list from time to time.

use super::idle::{Idle, Taken};
use super::list_lock::ListLock;
use super::mailbox::{Assigned, Mailbox};
use core::fmt;
use selvedge::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU32, fence};
use std::collections::VecDeque;

/// The Ms that have bound tasks to run and no P. An M may stand here twice, or stand here though it has got a P.
pub struct WantsP {
    /// In the order in which they came.
    ms: ListLock<VecDeque<u32>>,
    len: AtomicU32,
}

/// What the thread that has readied a bound task does next.
#[derive(Debug)]
#[must_use]
pub enum Bound<T, H> {
    /// Nothing: the M is awake, or gets a P from one that gives its own up.
    Done,
    /// It wakes the M, which is counted. The M that left the P sleeps on, without one.
    Wake {
        /// What wakes the M.
        token: T,
        /// The P that the M gets, and the token of the M that left it.
        taken: Taken<H>,
    },
    /// It calls `Idle::rest` for the P, which was taken for an M that has woken meanwhile.
    Rest(Taken<H>),
}

/// Looks after an M to whose inbox the caller has put a task. `number` is the M's number.
pub fn submit_bound<T, H>(
    idle: &Idle<H>,
    mailbox: &Mailbox<T>,
    wants_p: &WantsP,
    number: u32,
) -> Bound<T, H> {
    // SeqCst: the task was put before, and the M is looked at after (B1); pairs with the fence in `Idle::give_up` and in
    // `last_look_without_a_p`.
    fence(SeqCst); // site: fence-after-inbox
    if !mailbox.is_asleep() {
        return Bound::Done;
    }
    let taken = idle.take_idle().or_else(|| {
        wants_p.push(number);
        // SeqCst: the M is on the list before, and the idle Ps are looked at after (B2); pairs with the fence in
        // `Idle::give_up`.
        fence(SeqCst); // site: fence-after-wanting
        idle.take_idle()
    });
    match taken {
        None => Bound::Done,
        Some(taken) => match mailbox.assign(Assigned { p: Some(taken.p), searching: false }) {
            Some(token) => {
                idle.wakes_one();
                Bound::Wake { token, taken }
            }
            None => Bound::Rest(taken),
        },
    }
}

/// What the thread that has given a P away does next.
#[derive(Debug)]
#[must_use]
pub enum GivenAway<T, H> {
    /// Nothing: the P is idle.
    Idle,
    /// It wakes an M that wanted a P, has got this one, and is counted.
    Wake(T),
    /// It wakes or starts an M for the P, which searches and is counted.
    Start(Taken<H>),
}

/// Gives away the P `p`, which the caller has: to an M that wants one, or to the idle ones, with `hint`. The caller has
/// ended its search, and is awake, or not an M at all. `assign` gives the M of a number a P, and `look` returns whether there
/// is work anywhere.
pub fn give_away<T, H>(
    idle: &Idle<H>,
    wants_p: &WantsP,
    p: usize,
    hint: H,
    assign: impl FnMut(u32, Assigned) -> Option<T>,
    look: impl FnOnce() -> bool,
) -> GivenAway<T, H> {
    if let Some(token) = wants_p.serve(idle, p, assign) {
        return GivenAway::Wake(token);
    }
    match idle.rest(p, hint, || look() || !wants_p.is_empty()) {
        Some(taken) => GivenAway::Start(taken),
        None => GivenAway::Idle,
    }
}

/// Passes the fence that an M without a P passes after it has said that it sleeps, and before it looks at its inbox once
/// more.
pub fn last_look_without_a_p(look: impl FnOnce() -> bool) -> bool {
    // SeqCst: the mailbox says that the M sleeps before, and the inbox is looked at after (B1); pairs with the fence in
    // `submit_bound`.
    fence(SeqCst); // site: fence-without-a-p
    look()
}

impl WantsP {
    /// Returns an empty list.
    pub fn new() -> WantsP {
        WantsP { ms: ListLock::new(VecDeque::new()), len: AtomicU32::new(0) }
    }

    /// Adds an M.
    pub fn push(&self, number: u32) {
        let mut ms = self.ms.lock();
        ms.push_back(number);
        self.len.store(ms.len() as u32, Relaxed); // Relaxed: B2 takes the fences. // site: count-wanting
    }

    /// Takes the M that was added first.
    pub fn pop(&self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let mut ms = self.ms.lock();
        let number = ms.pop_front();
        self.len.store(ms.len() as u32, Relaxed); // Relaxed: the lock orders the threads that take.
        number
    }

    /// Gives a P to the first M on the list that sleeps; returns the token that wakes the M, which is counted. `assign` gives
    /// the M of a number a P.
    #[must_use = "the M waits for its token"]
    pub fn serve<T, H>(
        &self,
        idle: &Idle<H>,
        p: usize,
        mut assign: impl FnMut(u32, Assigned) -> Option<T>,
    ) -> Option<T> {
        while let Some(number) = self.pop() {
            if let Some(token) = assign(number, Assigned { p: Some(p), searching: false }) {
                idle.wakes_one();
                return Some(token);
            }
        }
        None
    }

    /// Returns whether no M wants a P.
    pub fn is_empty(&self) -> bool {
        self.len.load(Relaxed) == 0 // Relaxed: the caller has passed the fence of B2, or looks again later.
    }
}

impl Default for WantsP {
    fn default() -> WantsP {
        WantsP::new()
    }
}

impl fmt::Debug for WantsP {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WantsP").field("len", &self.len.load(Relaxed)).finish_non_exhaustive()
    }
}
