//! How segments are retired: the oldest when they are finished, those in the middle when they are finished or
//! abandoned.

use super::array::{EndlessArray, Place};
use super::segment::{ArrayCell, Segment};
use super::stack_list::push;
use super::state::{Party, State};
use super::word::{Noted, tagged, untagged};
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::ptr::null_mut;

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

    /// Retires segments as `retire_finished` does. The caller has pinned the array.
    fn retire_oldest(&self) {
        loop {
            // SeqCst. Not model-checked: Q1.
            let head = self.head.load(SeqCst);
            // SAFETY: Q2: the caller has pinned the array, and `head` was read since.
            let segment = unsafe { &*head };
            if !segment.is_finished() && !segment.is_taken_out() {
                break;
            }
            self.move_cursors_off(segment);
            let next = segment.seal();
            self.move_scouts_past(segment, next);
            // SeqCst. Not model-checked: Q1.
            if self.head.compare_exchange(head, next, SeqCst, Relaxed).is_ok() {
                self.put_in_limbo(head);
            }
        }
    }

    /// Returns whether both parties have gone on from the oldest segment, so that one which is finished may be behind
    /// it. The caller has pinned the array.
    fn is_behind(&self) -> bool {
        // SeqCst. Not model-checked: Q1.
        let head = self.head.load(SeqCst);
        // SeqCst. Not model-checked: Q1.
        self.cursors.iter().all(|cursor| untagged(cursor.load(SeqCst)) != head)
    }

    /// Moves the cursors off a segment that is about to leave the list. The caller has pinned the array.
    ///
    /// Cursors only move forward, so an exchange from `segment` can succeed only as long as the cursor has never been
    /// further. That is why the segment it moves to is still in the list then. It cannot be retired before this one has
    /// left the list, with no cursor on it. And it cannot have been taken out: not as abandoned by the other party, since
    /// this party has come to it; nor as abandoned by this party, nor as finished, since a thread of this party that left
    /// one of its cells had moved the cursor there before.
    fn move_cursors_off(&self, segment: &Segment<C>) {
        let from = tagged(core::ptr::from_ref(segment).cast_mut(), segment.id());
        let next = self.next_of(segment);
        for (party, cursor) in Party::BOTH.into_iter().zip(&self.cursors) {
            // SeqCst: before the segment leaves the list no cursor is left here; and none comes back, since cursors
            // only move forward. Not model-checked: Q1.
            if cursor.load(SeqCst) != from {
                continue;
            }
            // SAFETY: Q2: the caller has pinned the array, and `segment`, which was in the list, leads here.
            let mut to = unsafe { &*next };
            while !to.enter(party) {
                // SAFETY: Q2: `segment` leads here, by `to`.
                to = unsafe { &*self.next_of(to) };
            }
            let to = tagged(core::ptr::from_ref(to).cast_mut(), to.id());
            // SeqCst. Not model-checked: Q1.
            let _ = cursor.compare_exchange(from, to, SeqCst, SeqCst); // site: advance-cursor
        }
    }

    /// Leaves a cell to which the other party has not come yet, and which the other party need not find when it comes.
    #[cold]
    pub(crate) fn abandon(&self, place: Place<'_, C>, party: Party) {
        self.leave_or_abandon(place, party, |_| true);
    }

    /// Leaves a cell, and abandons it if the other party does not need the cell in the state in which it is left.
    #[cold]
    pub(crate) fn leave_or_abandon(
        &self,
        place: Place<'_, C>,
        party: Party,
        is_needless: impl FnOnce(State<C::Phase>) -> bool,
    ) {
        if place.segment().both_have_come() {
            self.leave(place, party);
            return;
        }
        // If the other party leaves too, the segment may be finished before we have noted anything.
        let pin = self.pin();
        let left = self.leave(place, party);
        if is_needless(left) {
            self.note_abandoned(place, party);
        }
        drop(pin);
    }

    /// Notes that the other party does not need a cell any more that this one has left. The caller has pinned the array,
    /// or is the other party.
    pub(crate) fn note_abandoned(&self, place: Place<'_, C>, party: Party) {
        let segment = place.segment();
        if !segment.both_have_come() && segment.abandon(party) {
            self.note_dead_segment();
        }
    }

    /// Notes that a segment in the middle of the list is dead, or may be, and takes dead segments out, if there are
    /// enough of them to be worth a walk along the list. The caller has pinned the array.
    fn note_dead_segment(&self) {
        // Release: pairs with the Acquire in `stop_taking`: the segment is dead. Not model-checked: a thread that
        // misses it keeps memory, and no model counts memory.
        let before = self.to_take_out.fetch_add(Noted::ONE_DEAD, Release);
        let noted = Noted::from_bits(before).with_one_more();
        // Relaxed: a hint, to spread the cost of a walk.
        if noted.is_taking() || noted.dead() < self.worth_a_walk.load(Relaxed) {
            return;
        }
        // Acquire: pairs with the Release in `stop_taking`: this thread sees all earlier unlinks; on a stale list it
        // would write into a segment that is unlinked already. Not model-checked: no model is long enough for one
        // thread to follow another with an old view. If the CAS fails, another thread takes segments out, or has noted
        // one more and looks for itself.
        // site: count-dead-segment
        if self.to_take_out.compare_exchange(noted.bits(), noted.taking().bits(), Acquire, Relaxed).is_ok() {
            self.take_out_dead(noted.taking());
        }
    }

    /// Takes all segments out of the list that are dead. One thread does so at a time; if it is stopped, memory is not
    /// given back, and nothing else. The caller has pinned the array.
    fn take_out_dead(&self, mut seen: Noted) {
        loop {
            let worth_a_walk = self.unlink_dead() / 8;
            // Relaxed: a hint. A walk for an eighth of the segments costs each of these eight steps.
            self.worth_a_walk.store(worth_a_walk, Relaxed);
            match self.stop_taking(seen, worth_a_walk) {
                Ok(()) => break,
                Err(noted) => seen = noted,
            }
        }
        // A segment that came to be the oldest meanwhile was left to the thread that retires the oldest, which may not
        // have seen the mark.
        self.retire_oldest();
    }

    /// Leaves what has been noted since `seen` to the thread that notes the next dead segment, unless it is worth another
    /// walk.
    fn stop_taking(&self, seen: Noted, worth_a_walk: usize) -> Result<(), Noted> {
        let mut noted = seen;
        loop {
            let rest = noted.since(seen);
            // Release: publishes this thread's unlinks to the next thread that takes segments out, whose Acquire is in
            // `note_dead_segment`. Acquire: the segments are dead that others have noted. Not model-checked: no model
            // is long enough for one thread to follow another with an old view.
            match self.to_take_out.compare_exchange(noted.bits(), rest.bits(), Release, Acquire) {
                Ok(_) => return Ok(()),
                Err(more) => noted = Noted::from_bits(more),
            }
            if noted.since(seen).dead() >= worth_a_walk {
                return Err(noted);
            }
        }
    }

    /// Takes out what is dead behind the oldest segment; returns the length of the list that is left.
    fn unlink_dead(&self) -> usize {
        // SeqCst. Not model-checked: Q1.
        let head = self.head.load(SeqCst);
        // SAFETY: Q2: the caller has pinned the array, and `head` was read since.
        let mut at = unsafe { &*head };
        let mut length = 1;
        while let Some(next) = at.next() {
            // SAFETY: Q2: the caller has pinned the array, and `head` leads here, by `at`.
            let segment = unsafe { &*next };
            if segment.is_taken_out() || segment.is_finished() {
                self.move_cursors_off(segment);
                let after = self.next_of(segment);
                self.move_scouts_past(segment, after);
                if at.skip(next, after) {
                    self.put_in_limbo(next);
                    continue;
                }
            }
            at = segment;
            length += 1;
        }
        length
    }

    /// Puts a dead segment, the end of a chain of them, in limbo.
    fn put_in_limbo(&self, segment: *mut Segment<C>) {
        // Release: publishes the link to the thread that takes the limbo, in `collect`.
        push(&self.limbo, segment, Release, |next| {
            // SAFETY: the caller unlinked the segment, or took it from limbo, so no other thread frees it before it is
            // in limbo. Relaxed: the push publishes the link.
            unsafe { &*segment }.limbo_next.store(next, Relaxed);
        });
    }

    /// Takes the limbo, and reuses its segments if no thread walks.
    #[cold]
    pub(super) fn collect(&self) {
        // SeqCst: the limbo is taken before the walkers are read. Not model-checked: Q1.
        let mut segment = self.limbo.swap(null_mut(), SeqCst);
        // SeqCst. Not model-checked: Q1.
        let quiet = self.walkers.load(SeqCst) == 0;
        while !segment.is_null() {
            // SAFETY: the swap above took the whole chain, so no other thread has it. Relaxed: the swap reads what `push`
            // published.
            let next = unsafe { &*segment }.limbo_next.load(Relaxed);
            if quiet {
                self.reuse(segment);
            } else {
                self.put_in_limbo(segment);
            }
            segment = next;
        }
    }
}
