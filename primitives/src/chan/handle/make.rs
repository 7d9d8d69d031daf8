//! New channels: the functions that make the two handles of one.

use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::handle::counted::pair;
use crate::chan::handle::receiver::Receiver;
use crate::chan::handle::sender::Sender;

/// Cells in a segment of a bounded channel, as a power of two: at least so many, and at most so many where as many values
/// fit in the buffer.
const SEGMENT_SHIFTS: (u32, u32) = (5, 7);
/// Cells in a segment of a channel without a limit, whose segments come and go with the values; as a power of two.
const UNBOUNDED_SHIFT: u32 = 6;

/// Returns a channel that holds up to `capacity` values; with 0, sends and receives meet (*rendezvous*).
///
/// ```
/// use selvedge::chan::bounded;
/// let (tx, rx) = bounded(1);
/// assert_eq!(tx.try_send('a'), Ok(()));
/// assert!(tx.try_send('b').unwrap_err().is_full());
/// assert_eq!(rx.recv(), Ok('a'));
/// ```
#[cfg_attr(feature = "checking", track_caller)]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (least, most) = SEGMENT_SHIFTS;
    bounded_with_segments(capacity, capacity.checked_ilog2().unwrap_or(0).clamp(least, most))
}

/// Returns what [`bounded`] does, with two to the power `shift` cells in a segment, so that small models and tests
/// cross from one segment to the next.
#[doc(hidden)]
#[cfg_attr(feature = "checking", track_caller)]
pub fn bounded_with_segments<T>(capacity: usize, shift: u32) -> (Sender<T>, Receiver<T>) {
    // Tickets and capacity are added: so many values fit in no memory.
    let capacity = capacity.min(isize::MAX as usize);
    let capacity = if capacity == 0 { Capacity::Rendezvous } else { Capacity::Bounded(capacity) };
    with_segments(capacity, shift)
}

/// Returns a channel that holds any number of values: a send never waits.
///
/// Memory follows the number of values in it up and down.
///
/// ```
/// use selvedge::chan::unbounded;
/// let (tx, rx) = unbounded();
/// (0..1000).for_each(|n| tx.send(n).unwrap());
/// drop(tx);
/// assert_eq!(rx.iter().sum::<i32>(), 499_500);
/// ```
#[cfg_attr(feature = "checking", track_caller)]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    with_segments(Capacity::Unbounded, UNBOUNDED_SHIFT)
}

/// Returns what [`unbounded`] does, with two to the power `shift` cells in a segment.
#[doc(hidden)]
#[cfg_attr(feature = "checking", track_caller)]
pub fn unbounded_with_segments<T>(shift: u32) -> (Sender<T>, Receiver<T>) {
    with_segments(Capacity::Unbounded, shift)
}

#[cfg_attr(feature = "checking", track_caller)]
fn with_segments<T>(capacity: Capacity, shift: u32) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = pair(Chan::specified(capacity, shift));
    (Sender(sender), Receiver::channel(receiver))
}
