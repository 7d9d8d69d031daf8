//! A timer's alarm: an instant, or regular ones, of which one at most is still to be received.
//!
//! A receiver looks at the clock of its own thread. Taking an instant that is due is one step, and so are a stop and
//! a reset. A receive that waits is a select with one case: it takes the instant in the step with which it times out. An
//! instant publishes nothing, so no step on an alarm happens before another.

use crate::rt::twin::is_twin;
use std::time::{Duration, Instant};

/// The state of an alarm. Times are nanoseconds after the alarm's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// When the next instant is due, if one is to come.
    next: Option<u64>,
    /// How long after an instant the next one is due, if there is a next one.
    period: Option<u64>,
}

impl Alarm {
    /// Returns an alarm with one instant, if that is to come.
    pub(crate) fn once(next: Option<u64>) -> Alarm {
        Alarm { next, period: None }
    }

    /// Returns an alarm with an instant after each period.
    pub(crate) fn ticks(period: Option<u64>) -> Alarm {
        Alarm { next: period, period }
    }

    /// Takes the instant that is due when so much time has passed, and returns it with the alarm after that.
    fn take(self, passed: u64) -> Option<(Alarm, u64)> {
        let due = self.next.filter(|due| *due <= passed)?;
        // Instants that nobody received in time are dropped: the next one comes after the clock.
        let next = self.period.and_then(|period| {
            let late = (passed - due).checked_rem(period).unwrap_or(0);
            (passed - late).checked_add(period)
        });
        let next = if is_twin() { self.next } else { next }; // site: takes-no-instant
        Some((Alarm { next, ..self }, due))
    }

    /// Lets no instant come any more, and returns whether one was still to be received.
    pub(crate) fn stop(self) -> (Alarm, bool) {
        let next = self.next.filter(|_| is_twin()); // site: does-not-stop
        (Alarm { next, ..self }, self.next.is_some())
    }

    /// Sets the alarm anew, and returns whether an instant was still to be received.
    pub(crate) fn reset(self, passed: u64, after: Option<u64>) -> (Alarm, bool) {
        let next = after.and_then(|after| passed.checked_add(after));
        let period = self.period.and(after);
        (Alarm { next, period }, self.next.is_some())
    }
}

/// An alarm as a thread sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlarmHandle {
    /// The key of the alarm's state.
    pub(crate) key: u32,
    /// The state that the alarm is made with.
    pub(crate) first: Alarm,
    pub(crate) base: Instant,
}

impl AlarmHandle {
    /// Returns the instant at which the alarm is due, in this state.
    pub(super) fn due(&self, alarm: Alarm) -> Option<Instant> {
        self.base.checked_add(Duration::from_nanos(alarm.next?))
    }

    /// Takes the instant of the alarm that is due at this moment, and returns it with the alarm after that.
    pub(super) fn take(&self, alarm: Alarm, now: Instant) -> Option<(Alarm, u64)> {
        let passed = now.saturating_duration_since(self.base).as_nanos();
        alarm.take(u64::try_from(passed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_taken_once_and_not_before_it_is_due() {
        let alarm = Alarm::once(Some(5));
        assert_eq!(alarm.take(4), None);
        assert_eq!(alarm.take(7), Some((Alarm::once(None), 5)));
        assert_eq!(Alarm::once(None).take(u64::MAX), None);
    }

    #[test]
    fn ticks_stay_at_multiples_of_the_period_and_those_that_are_late_are_dropped() {
        let (after, due) = Alarm::ticks(Some(10)).take(37).expect("it is due");
        assert_eq!((due, after.next), (10, Some(40)));
        assert_eq!(Alarm::ticks(Some(0)).take(3).map(|(after, _)| after.next), Some(Some(3)));
    }

    #[test]
    fn a_stop_and_a_reset_say_whether_an_instant_was_still_to_be_received() {
        let (stopped, was_set) = Alarm::once(Some(5)).stop();
        assert!(was_set && stopped.take(9).is_none());
        let (set, was_set) = stopped.reset(9, Some(1));
        assert_eq!((was_set, set.take(10).map(|taken| taken.1)), (false, Some(10)));
        let (slower, was_set) = Alarm::ticks(Some(10)).reset(3, Some(20));
        assert_eq!(
            (was_set, slower.next, slower.take(23).map(|(after, _)| after.next)),
            (true, Some(23), Some(Some(43)))
        );
    }
}
