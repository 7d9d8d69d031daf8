//! A segment, and a cursor's tagged pointer to one.

use crate::rt::alloc::{TrackedBox, tracked};
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8};
use core::ptr::null_mut;
use crossbeam_utils::CachePadded;

/// A cell of an endless array; the default is a fresh one.
pub(crate) trait ArrayCell: Default {
    /// What a cell needs only when somebody waits in it: kept apart, so that cells lie close.
    type Aside: Default;
    /// The bits of its [`State`](super::State).
    fn state(&self) -> &AtomicU8;
    /// Makes a cell that nobody has any more as good as fresh: through `with_mut`, so that an engine sees who uses it
    /// still.
    fn renew(&mut self, aside: &mut Self::Aside);
}

/// Aligned so that seven low bits of its address are free for a tag.
#[repr(align(128))]
pub(super) struct Segment<C: ArrayCell> {
    /// Constant as long as the segment is in the list. In a cell, so that a checker sees who reads it too
    /// late.
    id: UnsafeCell<u64>,
    pub(super) next: AtomicPtr<Segment<C>>,
    /// The next one in limbo; of use to the limbo's owner alone.
    pub(super) limbo_next: AtomicPtr<Segment<C>>,
    pub(super) cells: TrackedBox<[C]>,
    pub(super) asides: TrackedBox<[C::Aside]>,
    /// Which cells all parties have left. Apart from the cells: who leaves last need not write to the line
    /// in which the next ones are being filled.
    done: CachePadded<TrackedBox<[AtomicBool]>>,
}

const LOW_BITS: u32 = 7;
const HIGH_SHIFT: u32 = 48;
const LOW: usize = (1 << LOW_BITS) - 1;
const ADDRESS: usize = ((1 << HIGH_SHIFT) - 1) & !LOW;

const _: () = assert!(usize::BITS == 64, "a cursor's tag needs the free bits of a 64-bit address");

impl<C: ArrayCell> Segment<C> {
    pub(super) fn allocate(id: u64, shift: u32) -> *mut Segment<C> {
        let cells = 0..1_usize << shift;
        let segment = TrackedBox::into_raw(TrackedBox::new(Segment {
            id: UnsafeCell::new(id),
            next: AtomicPtr::default(),
            limbo_next: AtomicPtr::default(),
            cells: tracked(cells.clone().map(|_| C::default())),
            asides: tracked(cells.clone().map(|_| C::Aside::default())),
            done: CachePadded::new(tracked(cells.map(|_| AtomicBool::new(false)))),
        }));
        assert!(segment.addr() & !ADDRESS == 0, "an address beyond 48 bits leaves no room for a tag");
        segment
    }

    /// Its number in the list.
    #[track_caller]
    pub(super) fn id(&self) -> u64 {
        // SAFETY: it is written only while nobody else has the segment.
        self.id.with(|id| unsafe { *id })
    }

    /// Notes that all parties have left a cell; whether the segment may be finished by that. The segment may be
    /// another's as soon as that is noted: it must not be touched after it.
    #[inline]
    pub(super) fn cell_finished(&self, index: usize) -> bool {
        let last = self.cells.len() - 1;
        // Relaxed: a hint, `is_finished` looks for itself. Segments are mostly finished in order, so the last cell tells;
        // if another thread finishes that one while we are here, the next segment's last cell does.
        let done = index == last || self.done[last].load(Relaxed);
        // Release: what the parties did in the cell happens before its reuse.
        self.done[index].store(true, Release);
        done
    }

    /// Whether all parties have left all cells.
    pub(super) fn is_finished(&self) -> bool {
        // Acquire: pairs with the Release in `cell_finished`.
        self.done.iter().all(|done| done.load(Acquire))
    }

    /// Makes a segment that nobody else has as good as new, but for its number.
    pub(super) fn renew(&mut self) {
        self.cells.iter_mut().zip(&mut *self.asides).for_each(|(cell, aside)| cell.renew(aside));
        self.done.iter_mut().for_each(|done| done.with_mut(|done| *done = false));
        self.next.with_mut(|next| *next = null_mut());
    }

    /// Gives a segment that nobody else has its number.
    pub(super) fn number(&mut self, id: u64) {
        // SAFETY: we have it alone.
        self.id.with_mut(|slot| unsafe { *slot = id });
    }

    /// # Safety
    /// `segment` came from `allocate`, and nobody else has it any more.
    pub(super) unsafe fn free(segment: *mut Segment<C>) {
        // SAFETY: the caller's promise.
        drop(unsafe { TrackedBox::from_raw(segment) });
    }
}

/// The cursor's word for a segment.
pub(super) fn tagged<C: ArrayCell>(segment: *mut Segment<C>, id: u64) -> *mut Segment<C> {
    let (low, high) = (id as usize & LOW, (id >> LOW_BITS) as usize & 0xffff);
    segment.map_addr(|address| address | low | high << HIGH_SHIFT)
}

/// Whether a cursor's word has the tag of segment `id`.
pub(super) fn has_tag<C: ArrayCell>(word: *mut Segment<C>, id: u64) -> bool {
    let (low, high) = (word.addr() & LOW, word.addr() >> HIGH_SHIFT);
    low == id as usize & LOW && high == (id >> LOW_BITS) as usize & 0xffff
}

/// The segment of a cursor's word.
pub(super) fn untagged<C: ArrayCell>(word: *mut Segment<C>) -> *mut Segment<C> {
    word.map_addr(|address| address & ADDRESS)
}
