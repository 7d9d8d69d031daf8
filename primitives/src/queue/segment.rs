//! A segment, and a cursor's tagged pointer to one.

use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8};

/// A cell of an endless array.
pub(crate) trait ArrayCell {
    /// What a fresh cell depends on besides its ticket.
    type Setup;
    /// A fresh cell for `ticket`.
    fn new(ticket: u64, setup: &Self::Setup) -> Self;
    /// The bits of its [`State`](super::State).
    fn state(&self) -> &AtomicU8;
}

/// Aligned so that seven low bits of its address are free for a tag.
#[repr(align(128))]
pub(super) struct Segment<C> {
    /// Constant as long as the segment is in the list. In a cell, so that a checker sees who reads it too
    /// late.
    id: UnsafeCell<u64>,
    pub(super) next: AtomicPtr<Segment<C>>,
    /// All parties of all cells have left.
    pub(super) finished: AtomicBool,
    /// The next one in limbo; of use to the limbo's owner alone.
    pub(super) limbo_next: AtomicPtr<Segment<C>>,
    pub(super) cells: Box<[C]>,
}

const LOW_BITS: u32 = 7;
const HIGH_SHIFT: u32 = 48;
const LOW: usize = (1 << LOW_BITS) - 1;
const ADDRESS: usize = ((1 << HIGH_SHIFT) - 1) & !LOW;

const _: () = assert!(usize::BITS == 64, "a cursor's tag needs the free bits of a 64-bit address");

impl<C: ArrayCell> Segment<C> {
    fn cells(id: u64, shift: u32, setup: &C::Setup) -> impl Iterator<Item = C> {
        (id << shift..(id + 1) << shift).map(move |ticket| C::new(ticket, setup))
    }

    pub(super) fn allocate(id: u64, shift: u32, setup: &C::Setup) -> *mut Segment<C> {
        let segment = TrackedBox::into_raw(TrackedBox::new(Segment {
            id: UnsafeCell::new(id),
            next: AtomicPtr::default(),
            finished: AtomicBool::new(false),
            limbo_next: AtomicPtr::default(),
            cells: Self::cells(id, shift, setup).collect(),
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

    /// Makes a segment that nobody else has as good as new.
    pub(super) fn reset(&mut self, id: u64, shift: u32, setup: &C::Setup) {
        for (cell, fresh) in self.cells.iter_mut().zip(Self::cells(id, shift, setup)) {
            *cell = fresh;
        }
        self.id = UnsafeCell::new(id);
        self.next = AtomicPtr::default();
        self.finished = AtomicBool::new(false);
    }

    /// # Safety
    /// `segment` came from `allocate`, and nobody else has it any more.
    pub(super) unsafe fn free(segment: *mut Segment<C>) {
        // SAFETY: the caller's promise.
        drop(unsafe { TrackedBox::from_raw(segment) });
    }
}

/// The cursor's word for a segment.
pub(super) fn tagged<C>(segment: *mut Segment<C>, id: u64) -> *mut Segment<C> {
    let (low, high) = (id as usize & LOW, (id >> LOW_BITS) as usize & 0xffff);
    segment.map_addr(|address| address | low | high << HIGH_SHIFT)
}

/// Whether a cursor's word has the tag of segment `id`.
pub(super) fn has_tag<C>(word: *mut Segment<C>, id: u64) -> bool {
    let (low, high) = (word.addr() & LOW, word.addr() >> HIGH_SHIFT);
    low == id as usize & LOW && high == (id >> LOW_BITS) as usize & 0xffff
}

/// The segment of a cursor's word.
pub(super) fn untagged<C>(word: *mut Segment<C>) -> *mut Segment<C> {
    word.map_addr(|address| address & ADDRESS)
}
