//! A segment: cells that come and go together.

use super::state::{CellPhase, Party};
use super::word::{Census, is_sealed, is_taggable, sealed, untagged};
use crate::cache_padded::CachePadded;
use crate::rt::alloc::{LazySlice, TrackedBox, tracked};
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32};
use core::ptr::null_mut;

/// A cell of an endless array; the default is a fresh one.
pub(crate) trait ArrayCell: Default {
    /// What a cell needs only when a party waits in it: kept apart, so that cells lie close.
    type Aside: Default;
    /// Where a cell is in its life.
    type Phase: CellPhase;
    /// The bits of its [`State`](super::State).
    fn state(&self) -> &AtomicU8;
    /// Makes a cell as good as fresh, by plain stores, so that an engine sees a thread that uses it still. By a shared
    /// reference: a party that has just left may not have returned yet from the functions that it left in, whose
    /// references are still in their arguments. There is nothing aside if nobody has waited in the segment.
    ///
    /// # Safety
    /// All parties have left the cell, and the caller has it alone.
    unsafe fn renew(&self, aside: Option<&Self::Aside>);
}

/// Aligned so that seven low bits of its address are free for a tag.
#[repr(align(128))]
pub(super) struct Segment<C: ArrayCell> {
    /// Constant as long as the segment is in the list. In a cell, so that a checker sees a read that comes
    /// too late.
    id: UnsafeCell<u64>,
    /// The segment after it, and whether that is sealed.
    next: AtomicPtr<Segment<C>>,
    /// Which parties have come, and how many cells one has abandoned: a [`Census`].
    census: AtomicU32,
    /// The next one in limbo; of use to the limbo's owner alone.
    pub(super) limbo_next: AtomicPtr<Segment<C>>,
    pub(super) cells: TrackedBox<[C]>,
    /// What waiters need: allocated once a thread waits in the segment.
    pub(super) asides: LazySlice<C::Aside>,
    /// Which cells all parties have left. Apart from the cells: the party that leaves last need not write to the line
    /// in which the next ones are being filled.
    done: CachePadded<TrackedBox<[AtomicBool]>>,
}

impl<C: ArrayCell> Segment<C> {
    pub(super) fn allocate(id: u64, shift: u32) -> *mut Segment<C> {
        let cells = 0..1_usize << shift;
        let segment = TrackedBox::into_raw(TrackedBox::new(Segment {
            id: UnsafeCell::new(id),
            next: AtomicPtr::default(),
            census: AtomicU32::new(0),
            limbo_next: AtomicPtr::default(),
            cells: tracked(cells.clone().map(|_| C::default())),
            asides: LazySlice::new(cells.len()),
            done: CachePadded::new(tracked(cells.map(|_| AtomicBool::new(false)))),
        }));
        assert!(is_taggable(segment), "an address beyond 48 bits leaves no room for a tag");
        segment
    }

    /// Makes the first segment, in which both cursors begin.
    pub(super) fn first(shift: u32) -> *mut Segment<C> {
        let first = Segment::allocate(0, shift);
        // SAFETY: the segment was made here, and no other thread has its address yet.
        unsafe { (*first).census.unsync_store(Census::both().bits()) };
        first
    }

    /// Returns the segment's number in the list.
    #[track_caller]
    pub(super) fn id(&self) -> u64 {
        // SAFETY: `number` writes it only while one thread has the segment alone.
        self.id.with(|id| unsafe { *id })
    }

    /// Notes that all parties have left a cell; returns whether the segment may be finished by that. Another thread may
    /// retire the segment as soon as that is noted: the caller must not touch it any more.
    ///
    /// # Safety
    /// The segment is alive: the caller's own cell is not finished.
    #[inline]
    pub(super) unsafe fn cell_finished(segment: *const Segment<C>, index: usize) -> bool {
        // SAFETY: the segment is alive, by this function's contract. The reference is no argument of this function, so
        // it need not live until this returns.
        let done = unsafe { &**(*segment).done };
        let last = done.len() - 1;
        // Relaxed: a hint, `is_finished` looks for itself. Segments are mostly finished in order, so the last cell
        // tells; if another thread finishes that one while we are here, the next segment's last cell does.
        let may_be = index == last || done[last].load(Relaxed);
        // Release: what the parties did in the cell happens before its reuse.
        done[index].store(true, Release); // site: finish-cell
        may_be
    }

    /// Returns whether all parties have left all cells.
    pub(super) fn is_finished(&self) -> bool {
        // Acquire: pairs with the Release in `cell_finished`: what the parties did in the cells happens before the
        // segment's reuse.
        self.done.iter().all(|done| done.load(Acquire))
    }

    /// Notes that a party comes to the segment, so that it is not taken out as abandoned; `false` if it has been.
    pub(super) fn enter(&self, party: Party) -> bool {
        // Relaxed: to see whether the party has come already.
        let mut census = Census::from_bits(self.census.load(Relaxed));
        if !census.has_come(party) {
            let come = Census::come(party).bits();
            // Relaxed: one word decides whether the party or the mark came first, and nothing is handed over by it.
            census = Census::from_bits(self.census.fetch_or(come, Relaxed)); // site: enter-segment
        }
        !census.is_taken_out()
    }

    /// Returns whether both parties have come, so that the segment is not taken out as abandoned.
    pub(super) fn both_have_come(&self) -> bool {
        // Relaxed: one word decides which came first, and nothing is handed over by it.
        Census::from_bits(self.census.load(Relaxed)).both_have_come()
    }

    /// Notes that a party, which has pinned the array, has left one of the cells, to which the other had not come.
    /// Returns whether the segment is the caller's to take out, since all its cells are such and the other party has not
    /// come to any.
    pub(super) fn abandon(&self, party: Party) -> bool {
        // Relaxed: one word decides which came first. What the caller did in the cell happens before its reuse, since
        // the caller has pinned the array: the thread that reuses the cell has read in `collect` that no thread walks,
        // which the end of the caller's pin published.
        let before = self.census.fetch_add(Census::ONE_ABANDONED, Relaxed);
        let mut census = Census::from_bits(before + Census::ONE_ABANDONED);
        while census.all_abandoned_by(party, self.cells.len()) {
            let out = census.taken_out();
            // Relaxed: one word decides whether the mark or the other party came first.
            match self.census.compare_exchange(census.bits(), out.bits(), Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(found) => census = Census::from_bits(found),
            }
        }
        false
    }

    /// Whether the segment is being taken out, or has been.
    pub(super) fn is_taken_out(&self) -> bool {
        // Relaxed: one word decides which came first. A thread that must not miss it reads it after `to_take_out`.
        Census::from_bits(self.census.load(Relaxed)).is_taken_out()
    }

    /// The segment after this one, if it has been made.
    pub(super) fn next(&self) -> Option<*mut Segment<C>> {
        // SeqCst. Not model-checked: Q1. Acquire, by that: pairs with the Release in `append` and `skip`: the segment
        // is made.
        let next = untagged(self.next.load(SeqCst));
        (!next.is_null()).then_some(next)
    }

    /// Makes `fresh` the segment after this one; or returns the one that another thread has appended.
    pub(super) fn append(&self, fresh: *mut Segment<C>) -> Result<(), *mut Segment<C>> {
        // Release: publishes the fresh segment to the Acquire in `next`. Acquire on failure: the segment that was
        // appended first is made.
        match self.next.compare_exchange(null_mut(), fresh, Release, Acquire) {
            Ok(_) => Ok(()),
            Err(faster) => Err(untagged(faster)),
        }
    }

    /// Takes the segment after this one out of the list, unless that is sealed: `after` follows then.
    pub(super) fn skip(&self, out: *mut Segment<C>, after: *mut Segment<C>) -> bool {
        // SeqCst. Not model-checked: Q1. Release, by that: passes on that `after` is made. Acquire: pairs with the
        // Release in `seal`: the thread that sealed had seen this segment finished, and this thread does too.
        self.next.compare_exchange(out, after, SeqCst, Acquire).is_ok()
    }

    /// Seals the link to the next segment, which has been made, so that the next segment cannot be taken out while it
    /// comes to be the first. Returns the next segment.
    pub(super) fn seal(&self) -> *mut Segment<C> {
        // Acquire: pairs with the Release in `append` and `skip`: the next segment is made. Not model-checked: the caller
        // has seen the next segment already, unless it has been taken out since, which happens in no model just then.
        let mut next = self.next.load(Acquire);
        while !is_sealed(next) {
            let sealed = sealed(next);
            // Release: pairs with the Acquire in `skip`. Acquire on failure: the segment that was found is made. Not
            // model-checked: without Release a segment may be retired later, and no model counts segments; and no
            // segment is taken out just then.
            // site: seal-next
            match self.next.compare_exchange(next, sealed, Release, Acquire) {
                Ok(_) => next = sealed,
                Err(found) => next = found,
            }
        }
        untagged(next)
    }

    /// The segment after this one.
    ///
    /// # Safety
    /// The list from here on is the caller's alone.
    pub(super) unsafe fn next_alone(&self) -> *mut Segment<C> {
        // SAFETY: the list from here on is the caller's alone, by this function's contract.
        untagged(unsafe { self.next.unsync_load() })
    }

    /// Makes a segment as good as new, but for its number. By a shared reference, for the reason that is given at
    /// [`ArrayCell::renew`].
    ///
    /// # Safety
    /// The caller has the segment alone.
    pub(super) unsafe fn renew(&self) {
        let asides = self.asides.get();
        for (index, cell) in self.cells.iter().enumerate() {
            // SAFETY: `EndlessArray::reuse`, the only caller, has the segment alone, and so its cells.
            unsafe { cell.renew(asides.map(|asides| &asides[index])) };
        }
        // SAFETY: `EndlessArray::reuse`, the only caller, has the segment alone.
        self.done.iter().for_each(|done| unsafe { done.unsync_store(false) });
        // SAFETY: `EndlessArray::reuse`, the only caller, has the segment alone.
        unsafe { (self.next.unsync_store(null_mut()), self.census.unsync_store(0)) };
    }

    /// Writes the segment's number.
    ///
    /// # Safety
    /// The caller has the segment alone.
    pub(super) unsafe fn number(&self, id: u64) {
        // SAFETY: the caller has the segment alone, by this function's contract.
        self.id.with_mut(|slot| unsafe { *slot = id });
    }

    /// Frees a segment.
    ///
    /// # Safety
    /// `segment` came from `allocate`, and no other thread has it any more.
    pub(super) unsafe fn free(segment: *mut Segment<C>) {
        // SAFETY: the segment came from `allocate`, and no other thread has it, by this function's contract.
        drop(unsafe { TrackedBox::from_raw(segment) });
    }
}
