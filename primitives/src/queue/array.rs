//! Finding cells, leaving them, and giving segments back.

use super::segment::{ArrayCell, Segment, has_tag, tagged, untagged};
use super::state::State;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::ptr::null_mut;
use crossbeam_utils::CachePadded;

/// The counters that hand out tickets, and so the parties of a cell.
pub(crate) const PARTIES: usize = 2;

/// Spare segments that are kept, beyond the first.
const MAX_SPARES: usize = 63;

/// See the [module](super).
pub(crate) struct EndlessArray<C: ArrayCell> {
    cursors: [CachePadded<AtomicPtr<Segment<C>>>; PARTIES],
    head: AtomicPtr<Segment<C>>,
    /// Threads that walk.
    walkers: AtomicUsize,
    /// Dead segments that a walker may still look at.
    limbo: AtomicPtr<Segment<C>>,
    /// Dead segments that nobody looks at any more, ready for use: as many as a user at its pace needs,
    /// so that it allocates no more.
    spares: Box<[AtomicPtr<Segment<C>>]>,
    /// A segment has two to this power cells.
    shift: u32,
}

// SAFETY: the pointers are owned; cells are shared among threads, so they must be `Sync`, and are
// dropped by any of them, so `Send`.
unsafe impl<C: ArrayCell + Send + Sync> Send for EndlessArray<C> where C::Aside: Send + Sync {}
// SAFETY: as above.
unsafe impl<C: ArrayCell + Send + Sync> Sync for EndlessArray<C> where C::Aside: Send + Sync {}

/// A cell, found.
pub(crate) struct Place<'a, C: ArrayCell> {
    segment: &'a Segment<C>,
    index: usize,
}

impl<C: ArrayCell> Clone for Place<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C: ArrayCell> Copy for Place<'_, C> {}

impl<'a, C: ArrayCell> Place<'a, C> {
    #[inline]
    pub(crate) fn cell(self) -> &'a C {
        // SAFETY: places are made with an index below the number of cells.
        unsafe { self.segment.cells.get_unchecked(self.index) }
    }

    pub(crate) fn aside(self) -> &'a C::Aside {
        &self.segment.asides[self.index]
    }
}

/// A thread that walks; as long as it does, no dead segment is reused.
struct Pin<'a, C: ArrayCell>(&'a EndlessArray<C>);

impl<C: ArrayCell> Drop for Pin<'_, C> {
    fn drop(&mut self) {
        // SeqCst, thrice: whoever leaves last looks at the limbo after that; see the module. Audit: see the
        // module.
        self.0.walkers.fetch_sub(1, SeqCst);
        // Audit: see the module.
        if !self.0.limbo.load(SeqCst).is_null() && self.0.walkers.load(SeqCst) == 0 {
            self.0.collect();
        }
    }
}

impl<C: ArrayCell> EndlessArray<C> {
    /// An array whose segments have two to the power `shift` cells, for a user who has up to `in_use`
    /// cells in use at a time.
    pub(crate) fn new(shift: u32, in_use: usize) -> Self {
        let first = Segment::allocate(0, shift);
        EndlessArray {
            cursors: [(); PARTIES].map(|()| CachePadded::new(AtomicPtr::new(tagged(first, 0)))),
            head: AtomicPtr::new(first),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(null_mut()),
            spares: (0..=(in_use >> shift).min(MAX_SPARES)).map(|_| AtomicPtr::default()).collect(),
            shift,
        }
    }

    /// The cell of a ticket.
    ///
    /// # Safety
    /// The caller holds `ticket` of counter `party`, and has not left its cell; he uses the place
    /// only until he leaves.
    #[inline]
    pub(crate) unsafe fn locate(&self, party: usize, ticket: u64) -> Place<'_, C> {
        let id = ticket >> self.shift;
        // Acquire: pairs with the Release of whoever put the segment there: its cells are made.
        let word = self.cursors[party].load(Acquire);
        let segment = if has_tag(word, id) {
            // SAFETY: the tag says that this is segment `id`, in which the caller is a party that has
            // not left: it is alive.
            unsafe { &*untagged(word) }
        } else {
            self.walk(party, id)
        };
        Place { segment, index: self.index(ticket) }
    }

    fn index(&self, ticket: u64) -> usize {
        (ticket & ((1 << self.shift) - 1)) as usize
    }

    /// Finds segment `id`, in which the caller is a party, and moves the cursor there.
    #[cold]
    fn walk(&self, party: usize, id: u64) -> &Segment<C> {
        let pin = self.pin();
        let found = pin.segment(party, id).expect("a segment with a party in it is not dead");
        let cursor = &self.cursors[party];
        // SeqCst: as in `Pin::start`. Audit: see the module.
        let mut word = cursor.load(SeqCst);
        // SAFETY: cursors point to segments that were alive when they were read, and the pin keeps
        // their memory since.
        while unsafe { (*untagged(word)).id() } < id {
            let target = tagged(core::ptr::from_ref(found).cast_mut(), id);
            // SeqCst: publishes the segment, and takes part in the module's argument on limbo. Audit: see
            // the module.
            match cursor.compare_exchange(word, target, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(moved) => word = moved,
            }
        }
        // SAFETY: the caller is a party of this segment, so it outlives the pin.
        unsafe { &*core::ptr::from_ref(found) }
    }

    /// Calls `look` with the cell of a ticket that the caller need not hold, unless its segment is
    /// dead already.
    pub(crate) fn visit<R>(
        &self,
        party: usize,
        ticket: u64,
        look: impl FnOnce(Place<'_, C>) -> R,
    ) -> Option<R> {
        let pin = self.pin();
        let segment = pin.segment(party, ticket >> self.shift)?;
        Some(look(Place { segment, index: self.index(ticket) }))
    }

    /// Calls `look` with the cells of these tickets, which the caller need not hold, until it says `true`; without
    /// those whose segment is dead already.
    pub(crate) fn visit_until(
        &self,
        party: usize,
        tickets: core::ops::Range<u64>,
        mut look: impl FnMut(Place<'_, C>, u64) -> bool,
    ) -> bool {
        let pin = self.pin();
        let mut at: Option<&Segment<C>> = None;
        for ticket in tickets {
            let id = ticket >> self.shift;
            if at.is_none_or(|segment| segment.id() != id) {
                at = pin.segment(party, id);
            }
            if let Some(segment) = at
                && look(Place { segment, index: self.index(ticket) }, ticket)
            {
                return true;
            }
        }
        false
    }

    /// The cell of a ticket, without a pin, and so without a trace; `None` if it has not been made.
    ///
    /// # Safety
    /// No segment up to the ticket's dies before the place is used for the last time.
    pub(crate) unsafe fn peek(&self, ticket: u64) -> Option<Place<'_, C>> {
        let id = ticket >> self.shift;
        // Acquire, here and below: pairs with the Release of whoever put the segment there: its cells are
        // made. Audit: in the models the cells that are peeked at lie in the first segment.
        let mut at = self.head.load(Acquire);
        while !at.is_null() {
            // SAFETY: by the caller's promise the segments from `head` on are alive.
            let segment = unsafe { &*at };
            if segment.id() == id {
                return Some(Place { segment, index: self.index(ticket) });
            }
            at = segment.next.load(Acquire);
        }
        None
    }

    fn pin(&self) -> Pin<'_, C> {
        // SeqCst: comes before this walker's reads of cursors and head; see the module. Audit: see the
        // module.
        self.walkers.fetch_add(1, SeqCst);
        Pin(self)
    }

    /// The segment after this one, appended if need be.
    fn next_of(&self, segment: &Segment<C>) -> *mut Segment<C> {
        // Acquire: pairs with the Release below: the segment is made.
        let next = segment.next.load(Acquire);
        if !next.is_null() {
            return next;
        }
        let id = segment.id() + 1;
        let fresh = match self.take_spare() {
            None => Segment::allocate(id, self.shift),
            Some(spare) => {
                // SAFETY: a spare belongs to whoever takes it.
                unsafe { (*spare).number(id) };
                spare
            }
        };
        // Release: publishes the fresh segment. Acquire: or shows us the one that was faster.
        match segment.next.compare_exchange(null_mut(), fresh, Release, Acquire) {
            Ok(_) => fresh,
            Err(faster) => {
                self.reuse(fresh);
                faster
            }
        }
    }

    /// The party has nothing more to do with the cell.
    #[inline]
    pub(crate) fn leave(&self, place: Place<'_, C>, party: usize) {
        let bit = State::left_bit(party);
        // Release: our accesses to the cell happen before its reuse. Acquire: if we are the last,
        // those of the other do too.
        let before = State::from_bits(place.cell().state().fetch_or(bit.bits(), AcqRel));
        if before.with_left(party).is_finished() {
            self.finished(place);
        }
    }

    /// All parties have left the cell; the caller is the last.
    #[inline]
    pub(crate) fn finished(&self, place: Place<'_, C>) {
        if place.segment.cell_finished(place.index) {
            self.retire_finished();
        }
    }

    /// Retires segments as long as the oldest is finished.
    #[cold]
    fn retire_finished(&self) {
        let pin = self.pin();
        loop {
            // SeqCst: see the module. Audit: see the module.
            let head = self.head.load(SeqCst);
            // SAFETY: the pin keeps what the head pointed to.
            let segment = unsafe { &*head };
            if !segment.is_finished() {
                break;
            }
            let next = self.next_of(segment);
            let (from, to) = (tagged(head, segment.id()), tagged(next, segment.id() + 1));
            for cursor in &self.cursors {
                // SeqCst: before `head` moves no cursor is left here, and none comes back: only a
                // party that has not left moves a cursor to a segment. Audit: see the module.
                let _ = cursor.compare_exchange(from, to, SeqCst, SeqCst);
            }
            // SeqCst: see the module. Audit: see the module.
            if self.head.compare_exchange(head, next, SeqCst, Relaxed).is_ok() {
                self.bury(head);
            }
        }
        drop(pin);
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
    fn collect(&self) {
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

    fn take_spare(&self) -> Option<*mut Segment<C>> {
        // Acquire: pairs with the Release of whoever put the spare there.
        let mut taken = self.spares.iter().map(|spare| spare.swap(null_mut(), Acquire));
        taken.find(|segment| !segment.is_null())
    }

    /// Keeps a segment that nobody else has as a spare one, or frees it.
    fn reuse(&self, segment: *mut Segment<C>) {
        // SAFETY: nobody else has it.
        unsafe { (*segment).renew() };
        for spare in &self.spares {
            // Release: whoever takes the spare may write to it. Relaxed: then it is not passed on here.
            if spare.compare_exchange(null_mut(), segment, Release, Relaxed).is_ok() {
                return;
            }
        }
        // SAFETY: nobody else has it.
        unsafe { Segment::free(segment) };
    }
}

impl<C: ArrayCell> Pin<'_, C> {
    /// The segment with this number, appended if need be; `None` if it is dead.
    fn segment(&self, party: usize, id: u64) -> Option<&Segment<C>> {
        // SeqCst: read after the pin. Audit: see the module.
        let mut at = untagged(self.0.cursors[party].load(SeqCst));
        // SAFETY: cursors point to segments that are alive when they are read, and the pin keeps
        // their memory since.
        if unsafe { (*at).id() } > id {
            // SeqCst: as above. Audit: see the module.
            at = self.0.head.load(SeqCst);
        }
        loop {
            // SAFETY: as above; and a segment that was alive leads to one that was.
            let segment = unsafe { &*at };
            if segment.id() >= id {
                return (segment.id() == id).then_some(segment);
            }
            at = self.0.next_of(segment);
        }
    }
}

impl<C: ArrayCell> Drop for EndlessArray<C> {
    fn drop(&mut self) {
        let mut segment = self.head.with_mut(|head| *head);
        while !segment.is_null() {
            // SAFETY: nobody else is left, and the list is ours.
            let next = unsafe { (*segment).next.with_mut(|next| *next) };
            // SAFETY: as above; the segment is reached once.
            unsafe { Segment::free(segment) };
            segment = next;
        }
        let mut dead = self.limbo.with_mut(|limbo| *limbo);
        while !dead.is_null() {
            // SAFETY: segments in limbo are in no list but this.
            let next = unsafe { (*dead).limbo_next.with_mut(|next| *next) };
            // SAFETY: as above.
            unsafe { Segment::free(dead) };
            dead = next;
        }
        for spare in &mut self.spares {
            let spare = spare.with_mut(|spare| *spare);
            if !spare.is_null() {
                // SAFETY: spare segments are in no list.
                unsafe { Segment::free(spare) };
            }
        }
    }
}
