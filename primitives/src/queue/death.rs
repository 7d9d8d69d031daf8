//! How segments die: the oldest because they are finished, those in the middle because they are abandoned.

use super::array::{EndlessArray, Place};
use super::segment::{ArrayCell, Segment, tagged};
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use core::ptr::null_mut;

impl<C: ArrayCell> EndlessArray<C> {
    /// Retires segments as long as the oldest is finished, or was to be taken out.
    #[cold]
    pub(super) fn retire_finished(&self) {
        let pin = self.pin();
        loop {
            // SeqCst: see the module. Audit: see the module.
            let head = self.head.load(SeqCst);
            // SAFETY: the pin keeps what the head pointed to.
            let segment = unsafe { &*head };
            if !segment.is_finished() && !segment.is_taken_out() {
                break;
            }
            self.move_cursors_off(segment);
            let next = segment.seal();
            self.move_scouts_past(segment, next);
            // SeqCst: see the module. Audit: see the module.
            if self.head.compare_exchange(head, next, SeqCst, Relaxed).is_ok() {
                self.bury(head);
            }
        }
        drop(pin);
    }

    /// Moves the cursors off a segment that is about to leave the list. The caller has pinned the array.
    ///
    /// Cursors only move forward, so an exchange from `segment` can succeed only as long as the cursor has never been
    /// further. That is why the segment it moves to is still in the list then. It cannot be retired before this one has left
    /// the list, with no cursor on it. And it cannot have been taken out: not for the sake of the other party, since this
    /// one has come to it; nor for this party's, which would have had to come to its cells, and so moved the cursor there.
    fn move_cursors_off(&self, segment: &Segment<C>) {
        let from = tagged(core::ptr::from_ref(segment).cast_mut(), segment.id());
        let next = self.next_of(segment);
        for (party, cursor) in self.cursors.iter().enumerate() {
            // SeqCst, here and below: before the segment leaves the list no cursor is left here; and none comes back, since
            // they only move forward. Audit: see the module.
            if cursor.load(SeqCst) != from {
                continue;
            }
            // SAFETY: the caller's pin keeps what follows a segment that was alive.
            let mut to = unsafe { &*next };
            while !to.enter(party) {
                // SAFETY: as above.
                to = unsafe { &*self.next_of(to) };
            }
            let to = tagged(core::ptr::from_ref(to).cast_mut(), to.id());
            // Audit: see the module.
            let _ = cursor.compare_exchange(from, to, SeqCst, SeqCst); // site: advance-cursor
        }
    }

    /// The party leaves a cell to which the other has not come yet: when it comes it need not find the cell.
    #[cold]
    pub(crate) fn abandon(&self, place: Place<'_, C>, party: usize) {
        if place.segment().both_have_come() {
            return self.leave(place, party);
        }
        // If the other party leaves too, the segment may be finished before we have noted anything.
        let pin = self.pin();
        self.leave(place, party);
        // Acquire: the list is as those left it who took segments out before; one that still saw a segment which is out
        // would change the links of that. Release: our segment is marked; if that were missed it would cost memory. Audit:
        // no model is long enough for one to follow another with an old view, and none counts memory.
        // site: count-dead-segment
        if place.segment().abandon(party) && self.to_take_out.fetch_add(1, AcqRel) == 0 {
            self.take_out_marked();
        }
        drop(pin);
    }

    /// Takes all segments out of the list that are marked for it. One thread does so at a time; if it is stopped,
    /// memory is not given back, and nothing else. The caller has pinned the array.
    fn take_out_marked(&self) {
        let mut seen = 1;
        loop {
            self.unlink_marked();
            // Release: the list is as we left it for whoever is next. Acquire: the segments are marked that others
            // have added. Audit: as in `abandon`.
            match self.to_take_out.compare_exchange(seen, 0, Release, Acquire) {
                Ok(_) => break,
                Err(more) => seen = more,
            }
        }
        // One that came to be the oldest meanwhile was left to whoever retires it, who may not have seen the mark.
        self.retire_finished();
    }

    fn unlink_marked(&self) {
        // SeqCst: see the module. Audit: see the module.
        let head = self.head.load(SeqCst);
        // SAFETY: the caller's pin keeps what the head pointed to.
        let mut at = unsafe { &*head };
        while let Some(next) = at.next() {
            // SAFETY: and what follows it.
            let segment = unsafe { &*next };
            if segment.is_taken_out() {
                self.move_cursors_off(segment);
                let after = self.next_of(segment);
                self.move_scouts_past(segment, after);
                if at.skip(next, after) {
                    self.bury(next);
                    continue;
                }
            }
            at = segment;
        }
    }

    /// Puts a dead segment, the end of a chain of them, in limbo.
    fn bury(&self, segment: *mut Segment<C>) {
        // Relaxed: the exchange below decides.
        let mut top = self.limbo.load(Relaxed);
        loop {
            // SAFETY: whoever moved `head` off the segment, or took it from limbo, owns its place in
            // limbo. Relaxed: published by the exchange.
            unsafe { &*segment }.limbo_next.store(top, Relaxed);
            // Release: publishes the link to whoever takes the limbo. Relaxed: only to try again.
            match self.limbo.compare_exchange(top, segment, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => top = other,
            }
        }
    }

    /// Takes the limbo, and reuses its segments if nobody walks.
    #[cold]
    pub(super) fn collect(&self) {
        // SeqCst: taken before the walkers are read. Audit: see the module.
        let mut segment = self.limbo.swap(null_mut(), SeqCst);
        // SeqCst. Audit: see the module.
        let quiet = self.walkers.load(SeqCst) == 0;
        while !segment.is_null() {
            // SAFETY: the chain is ours alone. Relaxed: we got it by the swap.
            let next = unsafe { &*segment }.limbo_next.load(Relaxed);
            if quiet {
                self.reuse(segment);
            } else {
                self.bury(segment);
            }
            segment = next;
        }
    }
}
