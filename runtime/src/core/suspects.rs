//! What may wake goroutines that are all asleep, though no M will; and how many runs suspect a deadlock meanwhile.
//!
//! A thread outside, or a signal that is listened to, may wake a goroutine, and is an *expectation*. A run whose goroutines are all
//! asleep reports a deadlock if nothing is expected. Otherwise it becomes a *suspect*, whose Ms sleep on.
//!
//! S1. No deadlock stays unreported. A run makes itself a suspect, and then asks whether something is expected. A thread takes an
//! expectation off the count, and then asks whether there are suspects, which it wakes to look again. One of the additions comes first: either
//! the run finds nothing expected, or the thread finds the suspect. Nothing but the SeqCst of the four accesses orders them.

use core::fmt;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::SeqCst;

/// Two counts: of what is expected, and of suspects.
pub struct Suspects {
    expected: AtomicUsize,
    suspects: AtomicUsize,
}

impl Suspects {
    /// Returns counts of nothing.
    pub fn new() -> Suspects {
        Suspects { expected: AtomicUsize::new(0), suspects: AtomicUsize::new(0) }
    }

    /// Counts something that may wake a goroutine.
    pub fn expect(&self) {
        // SeqCst: in the order of the accesses below. Not model-checked: the thread that calls this is awake, and is an M that
        // counts as such, or a thread outside that counts as one.
        self.expected.fetch_add(1, SeqCst);
    }

    /// Counts it no longer. The caller asks [`are_there`](Self::are_there) next.
    pub fn end(&self) {
        // SeqCst: before the caller's look for suspects (S1); pairs with `is_expected`.
        self.expected.fetch_sub(1, SeqCst); // site: end-expectation
    }

    /// Returns whether something may wake a goroutine.
    pub fn is_expected(&self) -> bool {
        // SeqCst: after the addition of this suspect (S1); pairs with `end`.
        self.expected.load(SeqCst) > 0 // site: look-for-expectations
    }

    /// Counts a suspect, which asks [`is_expected`](Self::is_expected) next.
    pub fn add(&self) {
        // SeqCst: before this suspect's look for expectations (S1); pairs with `are_there`.
        self.suspects.fetch_add(1, SeqCst); // site: add-suspect
    }

    /// Returns whether there are suspects, which the caller wakes.
    #[must_use = "suspects sleep on"]
    pub fn are_there(&self) -> bool {
        // SeqCst: after the end of an expectation, or after what else suspects wait for was counted (S1); pairs with `add`.
        self.suspects.load(SeqCst) > 0 // site: look-for-suspects
    }

    /// Counts suspects no longer: they are about to look again.
    pub fn take(&self, number: usize) {
        // SeqCst: in the order of the others. Not model-checked: a thread that still sees them finds none in the list.
        self.suspects.fetch_sub(number, SeqCst);
    }
}

impl Default for Suspects {
    fn default() -> Suspects {
        Suspects::new()
    }
}

impl fmt::Debug for Suspects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspects").field("is_expected", &self.is_expected()).finish_non_exhaustive()
    }
}
