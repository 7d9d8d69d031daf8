//! Which Ps are idle, which threads search for work, and which thread is woken for new work.
//!
//! A thread of the scheduler, an *M*, needs one of the Ps to run tasks. An M that has a P and no task *searches* the other
//! queues for a while. Then it gives its P up and sleeps. One word has it all: bit p says that P p is idle, and that
//! `tokens[p]` wakes or starts an M for it; the bits from `SEARCHERS` on count the Ms that search.
//!
//! I1. The token of a P whose bit is clear belongs to the thread that has the P. The fetch_add that sets the bit publishes
//! it. The CAS that clears the bit acquires it, and gives the P and its token to that thread.
//!
//! I2. No M sleeps, with its P idle, beside work that no other M will look at. A thread publishes work, passes a SeqCst
//! fence, and reads the word ([`Idle::submit`]). An M changes the word, passes a SeqCst fence, and looks at all queues
//! ([`Idle::give_up`], [`Idle::found_work`]). One of the fences comes first. If it is the submitter's, then the M sees the
//! work. If it is the M's, then the submitter sees the change: an idle P, for which it wakes an M, or another M that
//! searches, and that has to pass such a fence before it stops. An M that sees the work, and whose P another thread has taken
//! meanwhile, takes another idle P for it, unless an M searches: that thread may have taken the P for something else.
//! One word makes this work: between two words a submitter could see neither the P that is idle nor the M that searches.
//!
//! I3. `awake` counts the Ms that run, search or are in a blocking call. An M is counted by the thread that wakes it, before
//! the M can do anything, and counted out after its last look. So a count of 0 says that no M is awake and that no work is
//! left, but for a thread outside the scheduler that is about to count an M. The M that brings the count to 0 asks whether
//! the program is deadlocked ([`Idle::decide`]).
//!
//! Source: the rules for spinning Ms and idle Ps of Go's scheduler. There they are three variables and a lock.

use core::fmt;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64, fence};
use selvedge::rt::twin::is_twin;

/// The most Ps.
pub const MAX_PROCS: usize = SEARCHERS as usize;

/// Where the count of searching Ms begins.
const SEARCHERS: u32 = 48;
const SEARCHER: u64 = 1 << SEARCHERS;
const IDLE: u64 = SEARCHER - 1;

/// The idle Ps and the searching Ms. `T` is what wakes or starts an M.
pub struct Idle<T> {
    word: Padded<AtomicU64>,
    awake: Padded<AtomicU32>,
    tokens: Box<[UnsafeCell<Option<T>>]>,
}

/// A value in cache lines of its own.
#[repr(align(128))]
struct Padded<V>(V);

// SAFETY: tokens go from thread to thread by I1, and one thread at a time uses each.
unsafe impl<T: Send> Sync for Idle<T> {}

/// A P that a thread has taken from the idle ones, and the token that was left with it.
#[derive(Debug)]
#[must_use]
pub struct Taken<T> {
    /// The number of the P.
    pub p: usize,
    /// What wakes the M that left the P, or starts one.
    pub token: T,
}

/// How giving a P up went.
#[derive(Debug)]
#[must_use]
pub enum GaveUp<T> {
    /// There is work after all: the M searches with this P. It is the M's own, unless another thread has taken that; then the M
    /// that left this one sleeps on, and its token is the caller's.
    Found(Taken<T>),
    /// There is work after all, another thread has taken the P, and no other P is idle, or another M searches. So the work is left to
    /// others; the M still counts as awake, looks after what only it can do, and calls [`Idle::leave`].
    Gone,
    /// The M sleeps until its token is used.
    Sleep,
    /// The M sleeps until its token is used, and no other M is awake: it asks [`Idle::decide`] first.
    Last,
}

impl<T> Idle<T> {
    /// Returns the state at the start: P 0 has an M, and each other P has the token that `token` returns for it.
    ///
    /// # Panics
    /// If there is no P, or there are more than [`MAX_PROCS`].
    pub fn new(procs: usize, mut token: impl FnMut(usize) -> T) -> Idle<T> {
        assert!((1..=MAX_PROCS).contains(&procs), "a scheduler has 1 to {MAX_PROCS} Ps, and not {procs}");
        let idle = ((1_u64 << procs) - 1) & !1;
        Idle {
            word: Padded(AtomicU64::new(idle)),
            awake: Padded(AtomicU32::new(1)),
            tokens: (0..procs).map(|p| UnsafeCell::new((p > 0).then(|| token(p)))).collect(),
        }
    }

    /// Returns an M to be woken as a searcher for work that the caller has published, if none searches and a P is idle.
    /// The caller wakes it; it is counted already.
    #[must_use = "the M sleeps until the caller wakes it"]
    pub fn submit(&self) -> Option<Taken<T>> {
        // SeqCst: the work was published before, and the word is read after (I2); pairs with the fences in `give_up` and
        // `found_work`.
        fence(SeqCst); // site: fence-after-publishing
        self.wake_searcher()
    }

    fn wake_searcher(&self) -> Option<Taken<T>> {
        let taken = self.take_idle_to_search();
        taken.is_some().then(|| self.wakes_one());
        taken
    }

    /// Takes an idle P for an M that is awake, has none, and searches with this one, unless another M searches. The M that sleeps
    /// for the P goes on sleeping; its token is the caller's.
    pub fn take_idle_to_search(&self) -> Option<Taken<T>> {
        let mut found = self.word.0.load(Relaxed); // Relaxed: I2 takes the fence; the CAS checks the value.
        while found < SEARCHER && found != 0 {
            let p = found.trailing_zeros() as usize;
            // One CAS for the P and the searcher: between two steps a submitter would rely on neither. Acquire: the token
            // that the Release fetch_add in `give_up` publishes (I1). Relaxed on failure: the loop looks again.
            let taken = found - (1 << p) + SEARCHER;
            // site: take-idle-and-search
            match self.word.0.compare_exchange(found, taken, Acquire, Relaxed) {
                Ok(_) => return Some(self.taken(p)),
                Err(other) => found = other,
            }
        }
        None
    }

    /// Counts an M that the caller is about to wake or start for a P that is not from here, such as the P of an M in a
    /// blocking call.
    pub fn wakes_one(&self) {
        // Relaxed: the M that is woken sees the count, since what wakes it synchronizes; and the waker, if it is an M, is
        // counted itself until after this.
        self.awake.0.fetch_add(1, Relaxed); // site: count-woken
    }

    /// Takes the token of a P whose bit the caller has cleared.
    fn taken(&self, p: usize) -> Taken<T> {
        // SAFETY: I1: this thread has cleared the bit of the P, so the token is its own.
        let token = self.tokens[p].with_mut(|token| unsafe { (*token).take() });
        Taken { p, token: token.expect("an idle P has a token") }
    }

    /// Begins to search, unless half of the busy Ps search already; returns whether the M searches.
    pub fn start_search(&self) -> bool {
        let found = self.word.0.load(Relaxed); // Relaxed: a limit that may be missed by a few.
        let busy = self.tokens.len() as u64 - u64::from((found & IDLE).count_ones());
        if 2 * (found >> SEARCHERS) >= busy.max(1) {
            return false;
        }
        // Relaxed: a submitter that sees the searcher relies on the fence that the searcher passes when it stops (I2).
        self.word.0.fetch_add(SEARCHER, Relaxed); // site: begin-search
        true
    }

    /// Ends the search of an M that has found a task. If no other M searches and `look` finds more work, returns an M to be
    /// woken for it.
    #[must_use = "the M sleeps until the caller wakes it"]
    pub fn found_work(&self, look: impl FnOnce() -> bool) -> Option<Taken<T>> {
        // Relaxed: I2 takes the fence.
        let found = self.word.0.fetch_sub(SEARCHER, Relaxed); // site: end-search
        if found >> SEARCHERS > 1 {
            return None;
        }
        // SeqCst: the word was changed before, and the queues are looked at after (I2); pairs with the fence in `submit`,
        // whose caller may have relied on this searcher. It also is that fence for the work that is found.
        fence(SeqCst); // site: fence-after-search
        if look() { self.wake_searcher() } else { None }
    }

    /// Gives a P up: leaves `token` with it, ends the search if the M was `searching`, and looks at all queues once more.
    ///
    /// `look` returns whether there is work anywhere. An M that is told to sleep waits until its token is used.
    pub fn give_up(&self, p: usize, token: T, searching: bool, look: impl FnOnce() -> bool) -> GaveUp<T> {
        // SAFETY: I1: the caller has the P, whose bit is clear.
        self.tokens[p].with_mut(|place| unsafe { *place = Some(token) });
        let searcher = if searching { SEARCHER } else { 0 };
        // Release: publishes the token to the Acquire CAS that clears the bit (I1). One step for the P and the searcher:
        // a submitter sees one of them.
        self.word.0.fetch_add((1_u64 << p).wrapping_sub(searcher), Release); // site: give-up
        // SeqCst: the word was changed before, and the queues are looked at after (I2); pairs with the fence in `submit`.
        fence(SeqCst); // site: fence-before-last-look
        if look() {
            return self.take_back(p).map_or(GaveUp::Gone, GaveUp::Found);
        }
        if self.sleeps() { GaveUp::Last } else { GaveUp::Sleep }
    }

    /// Counts an M out, and returns whether it was the last one.
    fn sleeps(&self) -> bool {
        // Relaxed: the SeqCst fence that the M has passed in `give_up` or `submit` publishes what it has done to the Acquire
        // CAS in `decide`: a report reads the state of every goroutine.
        self.awake.0.fetch_sub(1, Relaxed) == 1 // site: count-asleep
    }

    /// Takes the P back as a searcher; or another idle P, if its own is gone and no other M searches.
    fn take_back(&self, own: usize) -> Option<Taken<T>> {
        let mut found = self.word.0.load(Relaxed); // Relaxed: I2 takes the fence in `give_up`; the CAS checks the value.
        loop {
            let p = if found & (1 << own) != 0 {
                own
            } else {
                // The twin leaves the work to the thread that has taken the P.
                // site: take-another-p
                let is_left_to_others = found == 0 || found >= SEARCHER || is_twin();
                if is_left_to_others {
                    return None;
                }
                found.trailing_zeros() as usize
            };
            // Acquire: the token that another thread has left with the P, also with its own, which that thread may have taken and
            // used meanwhile (I1). Relaxed on failure: the loop looks again.
            // site: take-back
            match self.word.0.compare_exchange(found, found - (1 << p) + SEARCHER, Acquire, Relaxed) {
                Ok(_) => return Some(self.taken(p)),
                Err(other) => found = other,
            }
        }
    }

    /// Leaves `token` with a P that has no M, such as one that was taken from an M in a blocking call. If there is work,
    /// returns the P again, for the caller to start an M for it as a searcher; that M is counted.
    #[must_use = "no other thread looks at the work"]
    pub fn rest(&self, p: usize, token: T, look: impl FnOnce() -> bool) -> Option<Taken<T>> {
        // SAFETY: I1: the caller has the P, whose bit is clear.
        self.tokens[p].with_mut(|place| unsafe { *place = Some(token) });
        // Release: publishes the token to the Acquire CAS that clears the bit (I1).
        self.word.0.fetch_add(1 << p, Release); // site: rest
        // SeqCst: the word was changed before, and the queues are looked at after (I2); pairs with the fence in `submit`.
        fence(SeqCst); // site: fence-after-rest
        if look() { self.wake_searcher() } else { None }
    }

    /// Takes an idle P for an M that is awake and has none, such as one that returns from a blocking call. The M that sleeps
    /// for the P goes on sleeping; its token is the caller's.
    pub fn take_idle(&self) -> Option<Taken<T>> {
        let mut found = self.word.0.load(Relaxed); // Relaxed: the CAS checks the value.
        while found & IDLE != 0 {
            let p = found.trailing_zeros() as usize;
            // Acquire: the token that the Release fetch_add in `give_up` publishes (I1). Relaxed on failure: the loop looks
            // again.
            // site: take-idle
            match self.word.0.compare_exchange(found, found - (1 << p), Acquire, Relaxed) {
                Ok(_) => return Some(self.taken(p)),
                Err(other) => found = other,
            }
        }
        None
    }

    /// Counts an M out that goes to sleep without a P, and returns whether no other M is awake: then it asks
    /// [`decide`](Self::decide). The M has called [`submit`](Self::submit) for what it leaves behind.
    #[must_use]
    pub fn leave(&self) -> bool {
        self.sleeps()
    }

    /// Returns whether no task will ever run again, unless a thread outside the scheduler brings one. To be asked by the M
    /// that brought the count of Ms awake to 0, after it has found no timer that runs and no thread outside that could
    /// still call. What such threads did before they were found parked is in the count.
    ///
    /// An M that is told `true` counts as awake. It ends the program, or calls [`leave`](Self::leave) and sleeps.
    pub fn decide(&self) -> bool {
        // The second look is the CAS: an M that was woken meanwhile was counted, and an M is counted out after its last
        // look. Acquire: synchronizes with the fences before `sleeps`: a report reads what every M did before it went to
        // sleep. Relaxed on failure: an M is awake, which will ask again.
        // site: decide
        self.awake.0.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
    }

    /// Returns whether an M is awake. The answer may be old by the time it is used.
    pub fn is_awake(&self) -> bool {
        self.awake.0.load(Relaxed) > 0 // Relaxed: a number to look at.
    }

    /// Returns how many Ps are idle. The number may be old by the time it is used.
    pub fn idle(&self) -> u32 {
        (self.word.0.load(Relaxed) & IDLE).count_ones() // Relaxed: a number to look at.
    }
}

impl<T> fmt::Debug for Idle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.0.load(Relaxed); // Relaxed: numbers to look at.
        f.debug_struct("Idle")
            .field("idle", &(word & IDLE).count_ones())
            .field("searching", &(word >> SEARCHERS))
            .finish_non_exhaustive()
    }
}
