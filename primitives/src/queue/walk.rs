//! Looking at cells without their tickets: a walk pins the array, and goes from segment to segment.

use super::array::{EndlessArray, Pin, Place, Scout};
use super::segment::{ArrayCell, Segment};
use super::state::Party;
use super::word::{tagged, untagged};
use crate::rt::sync::atomic::Ordering::SeqCst;
use core::cell::Cell;

/// A thread that goes from cell to cell, whose tickets it need not hold: it has pinned the array, and each search
/// begins where the last one ended. The first begins at the cursor of a party, or at a *scout*.
///
/// A scout is a cursor of threads that hold no tickets, and so keep no segment alive. It only moves forward, and before
/// a segment leaves the list the scouts are moved beyond it ([`move_scouts_past`](EndlessArray::move_scouts_past)). A
/// walker can move a scout to a segment only from one that comes before it; so when it succeeds, the scout has never
/// been beyond that segment, which is in the list therefore.
pub(crate) struct Walk<'a, C: ArrayCell> {
    pin: Pin<'a, C>,
    party: Party,
    at: Cell<*mut Segment<C>>,
}

impl<C: ArrayCell> EndlessArray<C> {
    /// A walk that begins at the cursor of a party.
    pub(crate) fn walk(&self, party: Party) -> Walk<'_, C> {
        let pin = self.pin();
        // SeqCst: read after the pin. Not model-checked: Q1.
        let at = untagged(self.cursors[party.index()].load(SeqCst));
        Walk { pin, party, at: Cell::new(at) }
    }

    /// A walk that begins at a scout; or at the cursor of a party, if the scout is past what is looked for.
    pub(crate) fn walk_from_scout(&self, scout: Scout, party: Party) -> Walk<'_, C> {
        let pin = self.pin();
        // SeqCst: read after the pin. Not model-checked: Q1.
        let at = untagged(self.scouts[scout as usize].load(SeqCst));
        Walk { pin, party, at: Cell::new(at) }
    }

    /// Calls `look` with the cells of these tickets, which the caller need not hold; without those whose segment is
    /// dead already.
    pub(crate) fn visit_each(
        &self,
        party: Party,
        tickets: core::ops::Range<u64>,
        mut look: impl FnMut(Place<'_, C>),
    ) {
        self.visit_until(party, tickets, |place, _| {
            look(place);
            false
        });
    }

    /// Calls `look` with the cells of these tickets, which the caller need not hold, until it says `true`; without
    /// those whose segment is dead already.
    pub(crate) fn visit_until(
        &self,
        party: Party,
        tickets: core::ops::Range<u64>,
        mut look: impl FnMut(Place<'_, C>, u64) -> bool,
    ) -> bool {
        let walk = self.walk(party);
        let mut ticket = tickets.start;
        while ticket < tickets.end {
            ticket = match walk.find(ticket) {
                Ok(place) if look(place, ticket) => return true,
                Ok(_) => ticket + 1,
                Err(next) => next,
            };
        }
        false
    }

    /// Moves the scouts beyond a segment that is about to leave the list, to the one after it, which stays in the list
    /// as long as this one does. The caller has pinned the array.
    pub(super) fn move_scouts_past(&self, segment: &Segment<C>, next: *mut Segment<C>) {
        // SAFETY: Q2: the caller has pinned the array, and `segment`, which was in the list, leads to `next`.
        let to = tagged(next, unsafe { (*next).id() });
        for scout in &self.scouts {
            // SeqCst: before the segment leaves the list no scout is left here; and none comes back, since scouts only
            // move forward. Not model-checked: Q1.
            let mut word = scout.load(SeqCst);
            // SAFETY: Q2: the caller has pinned the array, and the word was read from a scout.
            while unsafe { (*untagged(word)).id() } <= segment.id() {
                // SeqCst. Not model-checked: Q1.
                match scout.compare_exchange(word, to, SeqCst, SeqCst) {
                    Ok(_) => break,
                    Err(moved) => word = moved,
                }
            }
        }
    }
}

impl<C: ArrayCell> Walk<'_, C> {
    /// The cell of a ticket; or the first ticket after it that has a cell, if its segment is dead already, or has been
    /// taken out.
    pub(crate) fn find(&self, ticket: u64) -> Result<Place<'_, C>, u64> {
        let array = self.pin.0;
        let id = ticket >> array.shift;
        // SAFETY: Q2: cursors, scouts and searches lead to segments that were alive since the pin began.
        if unsafe { (*self.at.get()).id() } > id {
            // SeqCst: read after the pin. Not model-checked: Q1.
            self.at.set(untagged(array.cursors[self.party.index()].load(SeqCst)));
        }
        // SAFETY: `at` was alive since the pin began: it comes from a cursor, a scout or a search.
        self.at.set(unsafe { self.pin.segment_from(self.at.get(), id)? });
        // SAFETY: Q2: a search led here, and the place is used while the walk, and so the pin, is there.
        Ok(Place::new(unsafe { &*self.at.get() }, array.index(ticket)))
    }

    /// Moves the cursor of the party to where the walk has come, for a caller that holds one of its tickets there.
    pub(crate) fn move_cursor(&self) {
        // SAFETY: Q2: the walk is at a segment that was alive since the pin began.
        let segment = unsafe { &*self.at.get() };
        // If the segment is being taken out, nobody needs the cursor there.
        if segment.enter(self.party) {
            self.pin.0.move_cursor(self.party, segment);
        }
    }

    /// Moves a scout to where the walk has come, if it is behind.
    pub(crate) fn move_scout(&self, scout: Scout) {
        let scout = &self.pin.0.scouts[scout as usize];
        // SAFETY: Q2: the walk is at a segment that was alive since the pin began.
        let id = unsafe { (*self.at.get()).id() };
        // SeqCst. Not model-checked: Q1.
        let mut word = scout.load(SeqCst);
        // SAFETY: Q2: the word was read from a scout since the pin began.
        while unsafe { (*untagged(word)).id() } < id {
            // SeqCst. Not model-checked: Q1.
            match scout.compare_exchange(word, tagged(self.at.get(), id), SeqCst, SeqCst) {
                Ok(_) => return,
                Err(moved) => word = moved,
            }
        }
    }
}
