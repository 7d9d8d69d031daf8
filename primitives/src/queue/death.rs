//! How segments die: the oldest because they are finished, those in the middle because of that, or because they are
//! abandoned.

use super::array::{EndlessArray, Place};
use super::segment::{ArrayCell, Segment, tagged, untagged};
use super::state::State;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::ptr::null_mut;

/// In the word `to_take_out`: a thread takes segments out (bit 0), and one dead segment more.
const TAKING: usize = 1;
const DEAD: usize = 2;

impl<C: ArrayCell> EndlessArray<C> {
    /// Retires segments as long as the oldest is finished, or was to be taken out.
    #[cold]
    pub(super) fn retire_finished(&self) {
        let pin = self.pin();
        self.retire_oldest();
        if self.is_behind() {
            self.note_dead_segment();
        }
        drop(pin);
    }

    /// The same; the caller has pinned the array.
    fn retire_oldest(&self) {
        loop {
            // SeqCst: see the module. Audit: see the module.
            let head = self.head.load(SeqCst);
            // SAFETY: the caller's pin keeps what the head pointed to.
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
    }

    /// Whether both parties have gone on from the oldest segment, so that one which is finished may be behind it. The
    /// caller has pinned the array.
    fn is_behind(&self) -> bool {
        // SeqCst, here and below: see the module. Audit: see the module.
        let head = self.head.load(SeqCst);
        // Audit: see the module.
        self.cursors.iter().all(|cursor| untagged(cursor.load(SeqCst)) != head)
    }

    /// Moves the cursors off a segment that is about to leave the list. The caller has pinned the array.
    ///
    /// Cursors only move forward, so an exchange from `segment` can succeed only as long as the cursor has never been
    /// further. That is why the segment it moves to is still in the list then. It cannot be retired before this one has left
    /// the list, with no cursor on it. And it cannot have been taken out: not for the sake of the other party, since this
    /// one has come to it; nor for this party's, nor as finished, since whoever left its cells as this party had moved the
    /// cursor there before.
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
        self.leave_or_abandon(place, party, |_| true);
    }

    /// The same, if the other party does not need the cell as it is left.
    #[cold]
    pub(crate) fn leave_or_abandon(
        &self,
        place: Place<'_, C>,
        party: usize,
        is_needless: impl FnOnce(State) -> bool,
    ) {
        if place.segment().both_have_come() {
            self.leave(place, party);
            return;
        }
        // If the other party leaves too, the segment may be finished before we have noted anything.
        let pin = self.pin();
        let left = self.leave(place, party);
        if is_needless(left) {
            self.is_abandoned(place, party);
        }
        drop(pin);
    }

    /// The other party does not need a cell any more that this one has left. The caller has pinned the array, or is the
    /// other party.
    pub(crate) fn is_abandoned(&self, place: Place<'_, C>, party: usize) {
        let segment = place.segment();
        if !segment.both_have_come() && segment.abandon(party) {
            self.note_dead_segment();
        }
    }

    /// A segment in the middle of the list is dead, or may be: takes such out, if there are enough of them to be worth a
    /// walk along the list. The caller has pinned the array.
    fn note_dead_segment(&self) {
        // Release: the segment is dead; if that were missed it would cost memory. Audit: no model counts memory.
        let noted = self.to_take_out.fetch_add(DEAD, Release) + DEAD;
        // Relaxed: a hint, to spread the cost of a walk.
        if noted & TAKING != 0 || noted / DEAD < self.worth_a_walk.load(Relaxed) {
            return;
        }
        // Acquire: the list is as those left it who took segments out before; one that still saw a segment which is out
        // would change the links of that. Audit: no model is long enough for one to follow another with an old view.
        // If it is lost, another takes out what is dead, or has noted one more and looks for itself.
        // site: count-dead-segment
        if self.to_take_out.compare_exchange(noted, noted | TAKING, Acquire, Relaxed).is_ok() {
            self.take_out_dead(noted | TAKING);
        }
    }

    /// Takes all segments out of the list that are dead. One thread does so at a time; if it is stopped, memory is not
    /// given back, and nothing else. The caller has pinned the array.
    fn take_out_dead(&self, mut seen: usize) {
        loop {
            let worth_a_walk = self.unlink_dead() / 8;
            // Relaxed: a hint. A walk for an eighth of the segments costs each of these eight steps.
            self.worth_a_walk.store(worth_a_walk, Relaxed);
            match self.stop_taking(seen, worth_a_walk) {
                Ok(()) => break,
                Err(noted) => seen = noted,
            }
        }
        // One that came to be the oldest meanwhile was left to whoever retires it, who may not have seen the mark.
        self.retire_oldest();
    }

    /// Leaves what has been noted since `seen` to whoever notes the next, unless that is worth another walk.
    fn stop_taking(&self, seen: usize, worth_a_walk: usize) -> Result<(), usize> {
        let mut noted = seen;
        loop {
            // Release: the list is as we left it for whoever is next. Acquire: the segments are dead that others have
            // noted. Audit: as in `note_dead_segment`.
            match self.to_take_out.compare_exchange(noted, noted - seen, Release, Acquire) {
                Ok(_) => return Ok(()),
                Err(more) if (more - seen) / DEAD >= worth_a_walk => return Err(more),
                Err(more) => noted = more,
            }
        }
    }

    /// Takes out what is dead behind the oldest segment; the length of the list that is left.
    fn unlink_dead(&self) -> usize {
        // SeqCst: see the module. Audit: see the module.
        let head = self.head.load(SeqCst);
        // SAFETY: the caller's pin keeps what the head pointed to.
        let mut at = unsafe { &*head };
        let mut length = 1;
        while let Some(next) = at.next() {
            // SAFETY: and what follows it.
            let segment = unsafe { &*next };
            if segment.is_taken_out() || segment.is_finished() {
                self.move_cursors_off(segment);
                let after = self.next_of(segment);
                self.move_scouts_past(segment, after);
                if at.skip(next, after) {
                    self.bury(next);
                    continue;
                }
            }
            at = segment;
            length += 1;
        }
        length
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
