//! The models: small concurrent programs, each named after its property.

pub mod atomics;
pub mod chan_close;
pub mod chan_edges;
pub mod chan_full;
pub mod chan_order;
pub mod chan_room;
pub mod futures;
pub mod layer;
pub mod map;
pub mod orders;
pub mod pool;
pub mod queue;
pub mod reclaim;
pub mod rw;
pub mod select;
pub mod sync;
pub mod timers;

use selvedge::chan::{Receiver, Sender, bounded_with_segments};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::wait_until;

/// A channel whose segments have two cells, so that small models cross from one to the next.
fn small<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, 1)
}

/// Lets others run until `condition` holds.
#[track_caller]
fn until(condition: impl Fn() -> bool) {
    wait_until(condition);
}

/// Waits until a sender waits with this ticket; all earlier ones wait too, or have left their values in the
/// buffer, where nobody receives them yet.
fn until_sender_waits<T>(tx: &Sender<T>, ticket: u64) {
    // SAFETY: so no operation with an earlier ticket ends meanwhile on both of its sides.
    until(|| unsafe { tx.waits_at(ticket) });
}

/// Waits until a receiver waits with this ticket; all earlier ones wait too, and nobody sends yet.
fn until_receiver_waits<T>(rx: &Receiver<T>, ticket: u64) {
    // SAFETY: so no operation with an earlier ticket ends meanwhile.
    until(|| unsafe { rx.waits_at(ticket) });
}

/// Plain data, which other synchronisation protects: a checker reports accesses that nothing orders.
pub struct Plain(UnsafeCell<u32>);

// SAFETY: models are about whether accesses are ordered, and a checker tells if they are not.
unsafe impl Sync for Plain {}

impl Plain {
    /// A value that nobody else has yet.
    pub fn new(value: u32) -> Plain {
        Plain(UnsafeCell::new(value))
    }

    /// Reads it.
    #[track_caller]
    pub fn get(&self) -> u32 {
        // SAFETY: see above.
        self.0.with(|value| unsafe { *value })
    }

    /// Writes it.
    #[track_caller]
    pub fn set(&self, new: u32) {
        // SAFETY: see above.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}
