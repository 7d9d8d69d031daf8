//! A side of a channel whose sides are apart: the list of its arrivals.

use super::channel::{Ended, Item, Received};
use crate::rt::spec::{StepId, Token};
use crate::rt::twin::is_twin;

/// What the sends or the receives have come to, or the drop of a handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) arrivals: Vec<(StepId, Option<Token>)>,
    /// The close, after which nothing arrives.
    pub(super) closed: Option<StepId>,
    /// Of the drop of a receivers' handle: how many sends its thread knew of.
    pub(super) knew: usize,
}

impl Lane {
    pub(super) const NEW: Lane = Lane { arrivals: Vec::new(), closed: None, knew: 0 };

    /// Returns the lane with an arrival more.
    pub(super) fn arrive(&self, me: StepId, token: Option<Token>) -> Lane {
        let arrivals = self.arrivals.iter().copied().chain([(me, token)]);
        Lane { arrivals: arrivals.collect(), ..*self }
    }

    /// Returns the number of arrivals.
    pub(super) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// Returns the drop of the handle whose lane this is.
    pub(super) fn dropped(&self) -> Option<StepId> {
        self.arrivals.first().map(|(drop, _)| *drop)
    }

    /// Returns what a receive with this number gets from these sends, and the steps that happen before its end.
    pub(super) fn value(&self, number: usize) -> Option<(Ended, Vec<StepId>)> {
        if let Some((sent, Some(value))) = self.arrivals.get(number) {
            let item = Item { value: *value, sent: *sent };
            let after = if is_twin() { Vec::new() } else { vec![*sent] }; // site: apart-no-edge-to-receiver
            return Some((Ended::Received(Received { item, number: number as u64 + 1 }), after));
        }
        self.closed.map(|close| (Ended::Closed, vec![close]))
    }

    /// Returns the steps that happen before the end of a send with this number on this capacity, if it ends by these
    /// receives.
    pub(super) fn place(&self, number: usize, capacity: usize) -> Option<((), Vec<StepId>)> {
        let more = usize::from(is_twin()); // site: apart-buffer-too-big
        let Some(needs) = number.checked_sub(capacity + more) else { return Some(((), Vec::new())) };
        let (arrival, _) = self.arrivals.get(needs)?;
        let after = if is_twin() { Vec::new() } else { vec![*arrival] }; // site: apart-no-edge-to-sender
        Some(((), after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    fn token(number: u32) -> Option<Token> {
        Some(Token { thread: 0, number })
    }

    #[test]
    fn a_receive_gets_the_value_with_its_number_or_the_close() {
        let sends = Lane::NEW.arrive(step(1), token(7)).arrive(step(2), token(8));
        let second = sends.value(1).expect("two values were sent");
        assert_eq!(second.1, [step(2)]);
        assert!(matches!(second.0, Ended::Received(received) if Some(received.item.value) == token(8)));
        assert!(sends.value(2).is_none(), "it waits");
        let closed = Lane { closed: Some(step(3)), ..sends };
        assert_eq!(closed.value(2), Some((Ended::Closed, vec![step(3)])));
        assert!(matches!(closed.value(0), Some((Ended::Received(_), _))), "what was sent is received");
    }

    #[test]
    fn a_send_waits_for_the_receive_that_makes_its_place() {
        let receives = Lane::NEW.arrive(step(1), None);
        assert_eq!(receives.place(1, 2), Some(((), vec![])), "the buffer has a place");
        assert_eq!(receives.place(2, 2), Some(((), vec![step(1)])));
        assert_eq!(receives.place(0, 0), Some(((), vec![step(1)])), "they meet");
        assert_eq!(receives.place(3, 2), None);
    }
}
