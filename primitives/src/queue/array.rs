//! Finding the cell of a ticket, and leaving it. `locate` is one load if the party's cursor is at the cell's segment;
//! else `seek` walks there with the array pinned. `leave` is one read-modify-write, and the last party to leave a cell
//! notes it.

use super::segment::{ArrayCell, Segment};
use super::state::{Party, State};
use super::word::{has_tag, tagged, untagged};
use crate::cache_padded::CachePadded;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};

/// A cursor of threads that hold no tickets. A user of the array has names of its own for the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scout {
    First,
    Second,
}

/// The number of scouts.
const SCOUTS: usize = 2;

/// Spare segments that are kept, beyond the first.
const MAX_SPARES: usize = 63;

/// An endless array of cells; the [module](super) says how it works.
pub(crate) struct EndlessArray<C: ArrayCell> {
    pub(super) cursors: [CachePadded<AtomicPtr<Segment<C>>>; Party::BOTH.len()],
    /// Cursors of threads that are no party: a [`Walk`](super::walk::Walk) begins there.
    pub(super) scouts: [AtomicPtr<Segment<C>>; SCOUTS],
    pub(super) head: AtomicPtr<Segment<C>>,
    /// Threads that walk.
    pub(super) walkers: AtomicUsize,
    /// Dead segments that a walker may still look at.
    pub(super) limbo: AtomicPtr<Segment<C>>,
    /// Dead segments in the middle of the list, and whether a thread takes them out: a `Noted`.
    pub(super) to_take_out: AtomicUsize,
    /// How many of them are worth a walk along the list.
    pub(super) worth_a_walk: AtomicUsize,
    /// Dead segments that no thread looks at any more, ready for use: as many as a user at its pace needs,
    /// so that it allocates no more.
    spares: Box<[AtomicPtr<Segment<C>>]>,
    /// A segment has two to this power cells.
    pub(super) shift: u32,
}

// SAFETY: the pointers are owned; cells are shared among threads, so they must be `Sync`, and are
// dropped by any of them, so `Send`.
unsafe impl<C: ArrayCell + Send + Sync> Send for EndlessArray<C> where C::Aside: Send + Sync {}
// SAFETY: the array's own words are atomic; what it shares are cells, which are `Sync`, and their slots.
unsafe impl<C: ArrayCell + Send + Sync> Sync for EndlessArray<C> where C::Aside: Send + Sync {}

/// A cell, found: alive as long as the caller is a party that has not left, or has pinned the array.
///
/// A pointer to the segment, not a reference: a function that leaves the cell still has the place in its arguments when
/// the segment is used again, or freed, and the memory of a reference would have to live until the function returns.
pub(crate) struct Place<'a, C: ArrayCell> {
    segment: NonNull<Segment<C>>,
    index: usize,
    alive: PhantomData<&'a Segment<C>>,
}

impl<C: ArrayCell> Clone for Place<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C: ArrayCell> Copy for Place<'_, C> {}

impl<'a, C: ArrayCell> Place<'a, C> {
    pub(super) fn new(segment: &'a Segment<C>, index: usize) -> Self {
        Place { segment: NonNull::from(segment), index, alive: PhantomData }
    }

    pub(super) fn segment(self) -> &'a Segment<C> {
        // SAFETY: Q2 or Q3, as the type says.
        unsafe { self.segment.as_ref() }
    }

    #[inline]
    pub(crate) fn cell(self) -> &'a C {
        // SAFETY: places are made with an index below the number of cells.
        unsafe { self.segment().cells.get_unchecked(self.index) }
    }

    pub(crate) fn aside(self) -> &'a C::Aside {
        &self.segment().asides.make()[self.index]
    }

    /// This place, and those after it in its segment.
    pub(crate) fn on(self) -> impl Iterator<Item = Place<'a, C>> + Clone {
        (self.index..self.segment().cells.len()).map(move |index| Place { index, ..self })
    }

    /// What [`EndlessArray::again`] takes.
    pub(crate) fn anchor(self) -> Anchor {
        Anchor(self.segment.as_ptr().cast())
    }
}

/// Where a place is, for a holder of its ticket that comes back; the types are forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor(*mut ());

impl Anchor {
    pub(crate) const NONE: Anchor = Anchor(null_mut());
}

// SAFETY: only `EndlessArray::again` follows it, on its own terms.
unsafe impl Send for Anchor {}
// SAFETY: only `EndlessArray::again` follows it, on its own terms.
unsafe impl Sync for Anchor {}

/// A thread that walks; as long as it does, no dead segment is reused.
pub(super) struct Pin<'a, C: ArrayCell>(pub(super) &'a EndlessArray<C>);

impl<C: ArrayCell> Drop for Pin<'_, C> {
    fn drop(&mut self) {
        // SeqCst: comes before this walker's look at the limbo. Not model-checked: Q1.
        self.0.walkers.fetch_sub(1, SeqCst); // site: uncount-walker
        // SeqCst, twice: read after this walker has left. Not model-checked: Q1.
        if !self.0.limbo.load(SeqCst).is_null() && self.0.walkers.load(SeqCst) == 0 {
            self.0.collect();
        }
    }
}

impl<C: ArrayCell> EndlessArray<C> {
    /// Returns an array whose segments have two to the power `shift` cells, for a user with up to `in_use`
    /// cells in use at a time.
    pub(crate) fn new(shift: u32, in_use: usize) -> Self {
        let first = Segment::first(shift);
        EndlessArray {
            cursors: Party::BOTH.map(|_| CachePadded::new(AtomicPtr::new(tagged(first, 0)))),
            scouts: [(); SCOUTS].map(|()| AtomicPtr::new(tagged(first, 0))),
            head: AtomicPtr::new(first),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(null_mut()),
            to_take_out: AtomicUsize::new(0),
            worth_a_walk: AtomicUsize::new(0),
            spares: (0..=(in_use >> shift).min(MAX_SPARES)).map(|_| AtomicPtr::default()).collect(),
            shift,
        }
    }

    /// Returns an array that is never used, and owns no memory.
    pub(crate) fn unused() -> Self {
        let none: *mut Segment<C> = null_mut();
        EndlessArray {
            cursors: Party::BOTH.map(|_| CachePadded::new(AtomicPtr::new(none))),
            scouts: [(); SCOUTS].map(|()| AtomicPtr::new(none)),
            head: AtomicPtr::new(none),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(none),
            to_take_out: AtomicUsize::new(0),
            worth_a_walk: AtomicUsize::new(0),
            spares: Box::default(),
            shift: 0,
        }
    }

    /// Returns the cell of a ticket; or the first ticket after it that has a cell, if its own has been taken out, because
    /// the other party abandoned it and all those in between.
    ///
    /// # Safety
    /// The caller holds `ticket` of counter `party`, and has not left its cell; it uses the place
    /// only until it leaves.
    #[inline]
    pub(crate) unsafe fn locate(&self, party: Party, ticket: u64) -> Result<Place<'_, C>, u64> {
        let id = ticket >> self.shift;
        // Acquire: pairs with the Release, by SeqCst, in `move_cursor` and `move_cursors_off`, which put the segment
        // there: its cells are made.
        let word = self.cursors[party.index()].load(Acquire);
        let segment = if has_tag(word, id) {
            // SAFETY: Q3: the tag says that this is segment `id`, in which the caller is a party that has not left.
            unsafe { &*untagged(word) }
        } else {
            self.seek(party, id)?
        };
        Ok(Place::new(segment, self.index(ticket)))
    }

    /// Returns the cell of a ticket that has been located before. (Its holder may have waited so long that a cursor has
    /// its tag again.)
    ///
    /// # Safety
    /// The caller holds `ticket` and has not left its cell, and the anchor is that of the place which
    /// [`locate`](Self::locate) returned for the ticket.
    #[inline]
    pub(crate) unsafe fn again(&self, ticket: u64, anchor: Anchor) -> Place<'_, C> {
        debug_assert!(!anchor.0.is_null(), "the ticket has been located");
        // SAFETY: Q3: the caller is a party of the segment that has not left.
        Place::new(unsafe { &*anchor.0.cast() }, self.index(ticket))
    }

    pub(super) fn index(&self, ticket: u64) -> usize {
        (ticket & ((1 << self.shift) - 1)) as usize
    }

    /// Finds segment `id`, in which the caller is a party, and moves the cursor there.
    #[cold]
    fn seek(&self, party: Party, id: u64) -> Result<&Segment<C>, u64> {
        let pin = self.pin();
        let mut found = pin.segment(party, id)?;
        while !found.enter(party) {
            found = pin.segment(party, id)?;
        }
        self.move_cursor(party, found);
        // SAFETY: Q3: the caller is a party of this segment, which so outlives the pin.
        Ok(unsafe { &*core::ptr::from_ref(found) })
    }

    /// Moves the cursor of a party forward to a segment, to which the party has come, and in which the caller holds one
    /// of its tickets; the caller has pinned the array.
    pub(super) fn move_cursor(&self, party: Party, to: &Segment<C>) {
        let cursor = &self.cursors[party.index()];
        let target = tagged(core::ptr::from_ref(to).cast_mut(), to.id());
        // SeqCst: read after the pin. Not model-checked: Q1.
        let mut word = cursor.load(SeqCst);
        // SAFETY: Q2: the caller has pinned the array, and the word was read from a cursor.
        while unsafe { (*untagged(word)).id() } < to.id() {
            // SeqCst. Not model-checked: Q1. Release, by that: publishes the segment to the Acquire load in `locate`.
            match cursor.compare_exchange(word, target, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(moved) => word = moved,
            }
        }
    }

    /// Returns the cell of a ticket, without a pin, and so without a trace; `None` if it has not been made.
    ///
    /// # Safety
    /// No segment up to the ticket's dies before the place is used for the last time.
    pub(crate) unsafe fn peek(&self, ticket: u64) -> Option<Place<'_, C>> {
        let id = ticket >> self.shift;
        // Acquire: pairs with the Release in `append`: the segment's cells are made. Not model-checked: in the models
        // the cells that are peeked at lie in the first segment.
        let mut at = Some(self.head.load(Acquire));
        while let Some(segment) = at {
            // SAFETY: the segments from `head` on are alive, by this function's contract.
            let segment = unsafe { &*segment };
            if segment.id() == id {
                return Some(Place::new(segment, self.index(ticket)));
            }
            at = segment.next();
        }
        None
    }

    pub(super) fn pin(&self) -> Pin<'_, C> {
        // SeqCst: comes before this walker's reads of cursors and head. Not model-checked: Q1.
        self.walkers.fetch_add(1, SeqCst); // site: count-walker
        Pin(self)
    }

    /// Returns the segment after a segment, appended if need be.
    pub(super) fn next_of(&self, segment: &Segment<C>) -> *mut Segment<C> {
        if let Some(next) = segment.next() {
            return next;
        }
        let id = segment.id() + 1;
        let fresh = match self.take_spare() {
            None => Segment::allocate(id, self.shift),
            Some(spare) => {
                // SAFETY: the swap in `take_spare` took the spare out of its slot, so no other thread has it.
                unsafe { (*spare).number(id) };
                spare
            }
        };
        match segment.append(fresh) {
            Ok(()) => fresh,
            Err(faster) => {
                self.reuse(fresh);
                faster
            }
        }
    }

    /// Notes that the party has nothing more to do with the cell; returns the state in which the party leaves it.
    #[inline]
    pub(crate) fn leave(&self, place: Place<'_, C>, party: Party) -> State<C::Phase> {
        let bit = State::<C::Phase>::left_bit(party);
        // Release: this party's accesses to the cell happen before its reuse, by the other party's Acquire here if that
        // one leaves last. Acquire: if this party leaves last, the other's accesses happen before the reuse too.
        let before = State::from_bits(place.cell().state().fetch_or(bit, AcqRel));
        if before.with_left(party).is_finished() {
            self.finished(place);
        }
        before
    }

    /// Notes that all parties have left the cell. The caller is the last of them.
    #[inline]
    pub(crate) fn finished(&self, place: Place<'_, C>) {
        // SAFETY: the cell is not noted as finished, so no thread has retired its segment.
        if unsafe { Segment::cell_finished(place.segment.as_ptr(), place.index) } {
            self.retire_finished();
        }
    }

    fn take_spare(&self) -> Option<*mut Segment<C>> {
        // Relaxed: a hint, so that a thread writes only to the line of a spare that it may get.
        let mut there = self.spares.iter().filter(|spare| !spare.load(Relaxed).is_null());
        // Acquire: pairs with the Release in `reuse`: what the last user of the segment wrote happens before its new
        // number.
        there.find_map(|spare| NonNull::new(spare.swap(null_mut(), Acquire))).map(NonNull::as_ptr)
    }

    /// Keeps a segment that only the caller has as a spare one, or frees it.
    pub(super) fn reuse(&self, segment: *mut Segment<C>) {
        let mut is_renewed = false;
        for spare in &self.spares {
            // Relaxed: a hint, so that a thread writes only to the line of a spare that is missing.
            if !spare.load(Relaxed).is_null() {
                continue;
            }
            if !is_renewed {
                // SAFETY: only the caller has the segment: it has never been appended, or it comes out of the limbo
                // when no thread walks (Q1).
                unsafe { (*segment).renew() };
                is_renewed = true;
            }
            // Release: pairs with the Acquire in `take_spare`, whose caller writes to the segment. Relaxed: if the CAS
            // fails, the segment is not passed on here.
            if spare.compare_exchange(null_mut(), segment, Release, Relaxed).is_ok() {
                return;
            }
        }
        // SAFETY: no slot has taken the segment, so it is still the caller's alone.
        unsafe { Segment::free(segment) };
    }
}

impl<C: ArrayCell> Pin<'_, C> {
    /// Returns the segment with this number, appended if need be; or the first ticket of the segment after it, if it is
    /// dead or being taken out.
    fn segment(&self, party: Party, id: u64) -> Result<&Segment<C>, u64> {
        // SeqCst: read after the pin. Not model-checked: Q1.
        let cursor = untagged(self.0.cursors[party.index()].load(SeqCst));
        // SAFETY: Q2: the cursor was read after the pin.
        unsafe { self.segment_from(cursor, id).map(|segment| &*segment) }
    }

    /// Returns what `segment` does, found on the way from another segment; or from `head`, if that one is past it.
    ///
    /// # Safety
    /// `at` was alive at some moment since the pin began.
    pub(super) unsafe fn segment_from(
        &self,
        mut at: *mut Segment<C>,
        id: u64,
    ) -> Result<*mut Segment<C>, u64> {
        // SAFETY: Q2: the segment was alive since the pin began, by this function's contract.
        if unsafe { (*at).id() } > id {
            // SeqCst: read after the pin. Not model-checked: Q1.
            at = self.0.head.load(SeqCst);
        }
        loop {
            // SAFETY: Q2: the segment was alive since the pin began, or is `head`, or one of these leads to it.
            let segment = unsafe { &*at };
            if segment.id() > id {
                return Err(segment.id() << self.0.shift);
            }
            if segment.id() == id && !segment.is_taken_out() {
                return Ok(at);
            }
            at = self.0.next_of(segment);
        }
    }
}

impl<C: ArrayCell> Drop for EndlessArray<C> {
    fn drop(&mut self) {
        let mut segment = self.head.with_mut(|head| *head);
        while !segment.is_null() {
            // SAFETY: the array is being dropped, so no other thread has the list, and the segment is not freed yet.
            let next = unsafe { (*segment).next_alone() };
            // SAFETY: the array is being dropped, so the list is this thread's, and the segment is reached once.
            unsafe { Segment::free(segment) };
            segment = next;
        }
        let mut dead = self.limbo.with_mut(|limbo| *limbo);
        while !dead.is_null() {
            // SAFETY: segments in limbo are in no list but the limbo, which is this thread's in its drop.
            let next = unsafe { (*dead).limbo_next.with_mut(|next| *next) };
            // SAFETY: the array is being dropped, so the limbo is this thread's, and the segment is reached once.
            unsafe { Segment::free(dead) };
            dead = next;
        }
        for spare in &mut self.spares {
            let spare = spare.with_mut(|spare| *spare);
            if !spare.is_null() {
                // SAFETY: a spare is in no list, and the array is being dropped, so this thread alone has it.
                unsafe { Segment::free(spare) };
            }
        }
    }
}
