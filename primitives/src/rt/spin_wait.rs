//! Looking for a while before a thread waits in a queue or is parked.

use super::{bubble, task, thread};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Rounds of looking without giving the processor away, each with twice as many pauses as the round before: about a
/// microsecond.
const ROUNDS: u32 = 5;

/// How long [`yield_before_park`] goes on, with `yield_now` between two looks: about as long as it takes to
/// park a thread and wake it. If `yield_now` takes longer than that, there are more threads than processors, and the
/// thread stops looking.
const A_WAKE_UP: Duration = Duration::from_micros(50);

/// How often [`before_ticket`] gives the processor away. Each time takes about a microsecond, if no other thread wants the
/// processor.
const YIELDS: u32 = 3;

/// Looks for a while whether `done`, before the caller parks the thread. Returns `false` if it is not, or if the deadline
/// has passed; under an engine and on a goroutine at once.
///
/// Two threads that meet again and again, each sooner than a wake-up takes, therefore never sleep, and a thread that
/// sleeps has spent no more time on looking than its wake-up costs.
pub(crate) fn before_park(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    before_wait(deadline, &mut done) || yield_before_park(deadline, done)
}

/// Looks as [`before_park`] does, for a thread that has looked by [`before_wait`] already: gives the processor away before
/// each look.
pub(crate) fn yield_before_park(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    if never_looks() {
        return false;
    }
    let mut now = Instant::now();
    let end = now + A_WAKE_UP;
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    while now < end {
        std::thread::yield_now();
        if done() {
            return true;
        }
        now = Instant::now();
    }
    false
}

/// Looks for about a microsecond whether `done`, before the caller announces that it waits, which would oblige another
/// thread to wake it. Returns `false` if it is not, or if the deadline has passed; under an engine at once.
pub(crate) fn before_wait(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    if never_looks() || has_passed(deadline) {
        return false;
    }
    for round in first_round()..ROUNDS {
        if done() {
            return true;
        }
        (0..1 << round).for_each(|_| core::hint::spin_loop());
    }
    done()
}

/// The patience of a thread that tries an operation of several parts, and would rather try again than wait for all of them.
pub(crate) struct Patience {
    turns: u32,
}

impl Patience {
    pub(crate) fn new() -> Patience {
        Patience { turns: 0 }
    }

    /// Pauses, or gives the processor away, and returns `true`; or returns `false` if the caller had better wait: after a
    /// few microseconds, and under an engine and on a goroutine at once.
    pub(crate) fn lasts(&mut self) -> bool {
        if self.turns == ROUNDS + YIELDS || never_looks() {
            return false;
        }
        self.turns = self.turns.max(first_round());
        if self.turns < ROUNDS {
            (0..1 << self.turns).for_each(|_| core::hint::spin_loop());
        } else {
            std::thread::yield_now();
        }
        self.turns += 1;
        true
    }
}

/// Gives the processor away up to three times while `would_wait`, before the caller takes its place in a queue, which it
/// does in any case. Returns at once under an engine, and if the deadline has passed.
///
/// `would_wait` only looks, so what an engine leaves out is a number of loads and nothing that another thread sees.
///
/// A thread that waits in its place is served as soon as there is one value, or one place, for it: the two sides of a
/// full or empty buffer then meet at each value. A thread that comes back later finds many of them, and the sides move
/// apart.
#[inline]
pub(crate) fn before_ticket(deadline: Option<Instant>, mut would_wait: impl FnMut() -> bool) {
    if !thread::under_engine() && would_wait() {
        give_way(deadline, would_wait);
    }
}

#[cold]
fn give_way(deadline: Option<Instant>, mut would_wait: impl FnMut() -> bool) {
    if never_looks() || has_passed(deadline) {
        return;
    }
    for _ in 0..YIELDS {
        std::thread::yield_now();
        if !would_wait() {
            return;
        }
    }
}

/// Returns the first of the rounds without giving the processor away: none of them, if all threads share one processor,
/// where a pause only keeps the other thread from running. What the first caller finds holds for all.
fn first_round() -> u32 {
    static FIRST: OnceLock<u32> = OnceLock::new();
    *FIRST.get_or_init(|| {
        let one = std::thread::available_parallelism().is_ok_and(|processors| processors.get() == 1);
        if one { ROUNDS } else { 0 }
    })
}

/// Returns whether the caller is to wait at once: under an engine, where nothing passes meanwhile; and on a goroutine, which
/// would keep its thread from the goroutine that it looks out for; and in a bubble, where nothing is gained.
fn never_looks() -> bool {
    thread::under_engine() || task::is_current() || bubble::is_inside()
}

fn has_passed(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the caller looks whether it would have to wait, if that ends after so many looks.
    fn looks(deadline: Option<Instant>, until: u32) -> u32 {
        let mut looks = 0;
        before_ticket(deadline, || {
            looks += 1;
            looks < until
        });
        looks
    }

    #[test]
    fn looking_before_a_ticket_ends_with_the_need_to_wait() {
        assert_eq!([1, 2, 3].map(|until| looks(None, until)), [1, 2, 3]);
    }

    #[test]
    fn looking_before_a_ticket_is_bounded() {
        assert_eq!(looks(None, u32::MAX), 1 + YIELDS);
    }

    #[test]
    fn nothing_is_given_away_after_the_deadline() {
        assert_eq!(looks(Some(Instant::now()), u32::MAX), 1);
    }

    #[test]
    fn a_thread_that_is_done_does_not_look_on() {
        let mut looks = 0;
        let done = before_park(None, || {
            looks += 1;
            looks == 2
        });
        assert!(done && looks == 2);
        assert!(!before_park(Some(Instant::now()), || true), "the deadline has passed");
    }
}
