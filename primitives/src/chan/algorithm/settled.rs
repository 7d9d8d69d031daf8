//! How far the cells of a buffer are settled, so that no look at a full one has to begin at its first value.
//!
//! A cell is *settled* if its receiver has come for good, if it has a value that no send takes back any more, or if the
//! end of the buffer has passed over it. A settled cell stays so. All cells before `end` are settled, and `no_places`
//! counts those from `received` on that were passed over, and perhaps a few more: such a cell is counted before it says
//! so, and until its receiver has left it. So there are at least `end - received - no_places` values from `received` to
//! `end`, and if these are as many as the buffer holds, it is full at the moment at which `received` was read. Each
//! cell is looked at once on that account, however often somebody finds the buffer full.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, State};
use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::queue::Scout;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The scout that stays where the settled cells end.
const SETTLED: Scout = Scout::First;

impl<T> Chan<T> {
    /// Whether the buffer is full of values that no send takes back, as far as the cells before a ticket that are
    /// settled can tell.
    pub(in crate::chan) fn is_settled_full(&self, ticket: u64) -> bool {
        let Capacity::Bounded(capacity) = self.capacity() else { return false };
        // Acquire: pairs with the Release in `settle_until`: the cells before are settled for this thread too, and
        // counted if they are no places. Not model-checked: no model relies on it within the audit's bounds.
        let end = self.settled.end.load(Acquire);
        self.holds_until(end, capacity) || self.holds_until(self.settle_until(end, ticket), capacity)
    }

    /// Whether at some moment there are so many values before a ticket, up to which all cells are settled.
    fn holds_until(&self, end: u64, values: usize) -> bool {
        // Acquire: pairs with the Release in `forget_no_places`: `received`, read after this, is beyond the cells that
        // were subtracted. Not model-checked: no model relies on it within the audit's bounds.
        let no_places = self.settled.no_places.load(Acquire) as u64;
        // SeqCst. Not model-checked: C1.
        end.saturating_sub(self.received()).saturating_sub(no_places) >= values as u64
    }

    /// Looks at the cells from `end` to the ticket as long as they are settled: the first that is not.
    #[cold]
    fn settle_until(&self, end: u64, ticket: u64) -> u64 {
        let walk = self.array.walk_from_scout(SETTLED, RECEIVER);
        let (mut at, mut goes_on) = (end, true);
        while goes_on && at < ticket {
            match walk.find(at) {
                // Cells that both have left; or abandoned ones, which no receiver takes a value from.
                Err(next) => at = next,
                Ok(first) => {
                    let here = first.on().take((ticket - at) as usize);
                    let settled = here.clone().take_while(|place| self.is_settled(*place)).count();
                    goes_on = settled == here.count();
                    at += settled as u64;
                }
            }
        }
        walk.move_scout(SETTLED);
        // Release: publishes that the cells before are settled to the Acquire in `is_settled_full`. Not model-checked:
        // no model relies on it within the audit's bounds.
        self.settled.end.fetch_max(at, Release);
        at
    }

    /// Whether a cell is settled, or is by this. The array is pinned.
    fn is_settled(&self, place: Place<'_, T>) -> bool {
        use Phase::{Delivered, Full, PassedOver, Poisoned, Promised, ReceiverGone};
        let state = place.cell().load();
        match state.phase() {
            // A receiver that has left, or whose wait has come to something, does not give its ticket back.
            _ if state.has_left(RECEIVER) => true,
            Full | PassedOver | Delivered | Promised | Poisoned | ReceiverGone => true,
            _ => false,
        }
    }

    /// Makes a cell of the buffer, whose state was this, one that the end has passed over; or the state found.
    pub(in crate::chan) fn make_no_place(&self, place: Place<'_, T>, from: State) -> Result<(), State> {
        // Relaxed: published by the exchange below.
        self.settled.no_places.fetch_add(1, Relaxed); // site: count-no-place
        // Release: publishes the count to a thread that finds the cell passed over. The cell hands nothing over. Not
        // model-checked: no model relies on it within the audit's bounds.
        let made = place.cell().exchange(from, from.with_phase(Phase::PassedOver), Release);
        if made.is_err() {
            self.settled.no_places.fetch_sub(1, Relaxed); // Relaxed: nobody has counted on it.
        }
        made
    }

    /// Receivers have left so many cells that the end of the buffer had passed over.
    pub(in crate::chan) fn forget_no_places(&self, cells: usize) {
        // Release: publishes the receivers' tickets, which were taken before, to the Acquire in `holds_until`. Not
        // model-checked: no model relies on it within the audit's bounds.
        self.settled.no_places.fetch_sub(cells, Release); // site: uncount-no-place
    }
}
