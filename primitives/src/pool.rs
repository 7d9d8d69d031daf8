//! A pool of things that are expensive to make: Go's `sync.Pool`, with guards.
//!
//! Each worker has a lane of slots; getting looks there first, then into the lanes of others, and putting fills
//! the own lane first. A slot is one word that owns what is in it, taken by a swap and filled by a compare-exchange:
//! so nobody ever looks into something that another thread may have taken, and nothing has to be reclaimed.
//! One slot of a lane only the lane's own thread fills, by a store: what it finds empty stays empty until then.
//! (Go's deque for one owner and many thieves saves the owner the swap too, for the price of a fence when it takes.)
//!
//! Idle things have two generations, as Go's have: [`clean`](Pool::clean) drops the older one, and makes the
//! younger the older. Nothing cleans in the background: a program calls it when it wants its memory back.

use crate::first_panic::FirstPanic;
use crate::rt::alloc::TrackedBox;
use crate::rt::entry::enter;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::null_mut;
use crossbeam_utils::CachePadded;

/// Slots of a lane, unless somebody chooses.
const SLOTS: usize = 16;

/// A pool. See the [module](self).
///
/// What is got is nobody else's until it is put back; putting it happens before getting it.
///
/// ```
/// use selvedge::pool::Pool;
/// let buffers = Pool::new(|| Vec::<u8>::with_capacity(4096));
/// {
///     let mut buffer = buffers.get();
///     buffer.extend(b"warp");
///     buffer.clear();
/// } // it is back
/// assert!(buffers.get().capacity() >= 4096);
/// ```
pub struct Pool<T, F = fn() -> T> {
    make: F,
    lanes: Box<[CachePadded<Lane<T>>]>,
    /// Idle things that a lane keeps of each generation, besides what its own thread has put there.
    slots: usize,
    /// The lowest bit names the younger generation.
    generation: AtomicUsize,
}

struct Lane<T> {
    generations: [Slots<T>; 2],
}

struct Slots<T> {
    /// Only the lane's own thread fills it.
    own: AtomicPtr<T>,
    slots: Box<[AtomicPtr<T>]>,
    /// About how many are full: where to look first.
    full: AtomicUsize,
}

/// Something out of a [`Pool`], which is put back when this is dropped.
///
/// ```
/// use selvedge::pool::Pool;
/// let buffers = Pool::new(|| Vec::<u8>::with_capacity(1024));
/// let mut buffer = buffers.get();
/// buffer.extend([1, 2, 3]);
/// assert_eq!(buffer.len(), 3);
/// ```
pub struct Pooled<'a, T, F = fn() -> T> {
    pool: &'a Pool<T, F>,
    item: ManuallyDrop<TrackedBox<T>>,
}

// SAFETY: what is in the pool is moved to whoever gets it, and shared by nobody.
unsafe impl<T: Send, F: Send> Send for Pool<T, F> {}
// SAFETY: as above; `make` is shared.
unsafe impl<T: Send, F: Sync> Sync for Pool<T, F> {}

impl<T> Slots<T> {
    fn new(count: usize) -> Slots<T> {
        let empty = || AtomicPtr::new(null_mut());
        Slots { own: empty(), slots: (0..count).map(|_| empty()).collect(), full: AtomicUsize::new(0) }
    }

    #[inline]
    fn take(&self) -> Option<TrackedBox<T>> {
        Self::take_from(&self.own).or_else(|| self.take_other())
    }

    #[inline]
    fn take_from(slot: &AtomicPtr<T>) -> Option<TrackedBox<T>> {
        // Relaxed: the swap decides.
        if slot.load(Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with the Release of whoever put it there: what was done to it before happens before.
        let item = slot.swap(null_mut(), Acquire); // site: take-item
        // SAFETY: whatever is in a slot came from `into_raw`, and only we have swapped it out.
        (!item.is_null()).then(|| unsafe { TrackedBox::from_raw(item) })
    }

    fn take_other(&self) -> Option<TrackedBox<T>> {
        let likely = self.full.load(Relaxed).min(self.slots.len()); // Relaxed: a hint.
        let (low, high) = self.slots.split_at(likely);
        for (below, slot) in low.iter().rev().chain(high).enumerate() {
            if let Some(item) = Self::take_from(slot) {
                // Relaxed: a hint.
                self.full.store(likely.saturating_sub(below + 1), Relaxed);
                return Some(item);
            }
        }
        None
    }

    /// Puts something into the slot that is the caller's alone to fill.
    #[inline]
    fn put_own(&self, item: TrackedBox<T>) -> Result<(), TrackedBox<T>> {
        // Relaxed: we are the one who fills it, so if it was taken we see that at some time, and then it is empty.
        if !self.own.load(Relaxed).is_null() {
            return Err(item);
        }
        // Release: as in `put`.
        self.own.store(TrackedBox::into_raw(item), Release); // site: put-into-own-slot
        Ok(())
    }

    fn put(&self, item: TrackedBox<T>) -> Result<(), TrackedBox<T>> {
        let likely = self.full.load(Relaxed).min(self.slots.len()); // Relaxed: a hint.
        let (low, high) = self.slots.split_at(likely);
        let item = TrackedBox::into_raw(item);
        for (above, slot) in high.iter().chain(low).enumerate() {
            // Relaxed: the exchange decides. Release: pairs with the Acquire of whoever takes it.
            if slot.load(Relaxed).is_null()
                // site: put-into-shared-slot
                && slot.compare_exchange(null_mut(), item, Release, Relaxed).is_ok()
            {
                self.full.store(likely + above + 1, Relaxed); // Relaxed: a hint.
                return Ok(());
            }
        }
        // SAFETY: it was not given away.
        Err(unsafe { TrackedBox::from_raw(item) })
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        let all = core::iter::once(&mut self.own).chain(&mut self.slots);
        let items = all.map(|slot| slot.with_mut(|item| core::mem::replace(item, null_mut())));
        let mut panics = FirstPanic::none();
        // SAFETY: whatever is in a slot came from `into_raw`, and nobody else is left.
        panics.drop_each(
            items.filter(|item| !item.is_null()).map(|item| unsafe { TrackedBox::from_raw(item) }),
        );
        panics.resume();
    }
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// A pool of what `make` makes.
    ///
    /// It keeps at most 17 idle things for each processor and generation; see [`with_slots`](Self::with_slots).
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(String::new);
    /// assert_eq!(*pool.get(), "");
    /// ```
    pub fn new(make: F) -> Pool<T, F> {
        Pool::with_slots(SLOTS, make)
    }

    /// A pool that keeps at most so many idle things for each processor and generation, and one more that the
    /// processor's own thread has put there; none, if that is 0. What is put into a full pool is dropped.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::with_slots(0, || 1);
    /// pool.put(2);
    /// assert_eq!(*pool.get(), 1, "nothing is kept");
    /// ```
    pub fn with_slots(slots: usize, make: F) -> Pool<T, F> {
        let lane = || CachePadded::new(Lane { generations: [Slots::new(slots), Slots::new(slots)] });
        Pool {
            make,
            lanes: (0..shard::count()).map(|_| lane()).collect(),
            slots,
            generation: AtomicUsize::new(0),
        }
    }

    /// Something idle, or else something new.
    ///
    /// # Panics
    /// If `make` does.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// let (one, two) = (pool.get(), pool.get());
    /// assert_eq!(*one + *two, 2);
    /// ```
    #[track_caller]
    pub fn get(&self) -> Pooled<'_, T, F> {
        let _entry = enter();
        let item = self.take(shard::of_thread()).unwrap_or_else(|| TrackedBox::new((self.make)()));
        Pooled { pool: self, item: ManuallyDrop::new(item) }
    }

    /// Something idle, if there is any.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// assert!(pool.try_get().is_none());
    /// pool.put(2);
    /// assert_eq!(pool.try_get().as_deref(), Some(&2));
    /// ```
    #[track_caller]
    pub fn try_get(&self) -> Option<Pooled<'_, T, F>> {
        let _entry = enter();
        self.take(shard::of_thread()).map(|item| Pooled { pool: self, item: ManuallyDrop::new(item) })
    }

    /// Puts something into the pool that need not have come from it.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// pool.put(2);
    /// assert_eq!(*pool.get(), 2);
    /// ```
    #[track_caller]
    pub fn put(&self, item: T) {
        let _entry = enter();
        drop(self.give(shard::of_thread(), TrackedBox::new(item)));
    }
}

impl<T, F> Pool<T, F> {
    /// All lanes, this one first.
    fn lanes(&self, own: usize) -> impl Iterator<Item = &Lane<T>> {
        let count = self.lanes.len();
        (0..count).map(move |n| &*self.lanes[(own + n) & (count - 1)])
    }

    #[inline]
    fn take(&self, own: usize) -> Option<TrackedBox<T>> {
        let young = self.generation.load(Relaxed); // Relaxed: a hint.
        let first = self.lanes.get(own).and_then(|lane| Slots::take_from(&lane.generations[young & 1].own));
        first.or_else(|| self.take_anywhere(own, young))
    }

    #[cold]
    fn take_anywhere(&self, own: usize, young: usize) -> Option<TrackedBox<T>> {
        let of = |generation: usize| self.lanes(own).find_map(|lane| lane.generations[generation & 1].take());
        of(young).or_else(|| of(young + 1))
    }

    /// What does not fit comes back.
    #[inline]
    fn give(&self, own: usize, item: TrackedBox<T>) -> Option<TrackedBox<T>> {
        let young = self.generation.load(Relaxed) & 1; // Relaxed: a hint.
        // The lane of a thread with a higher number is another's.
        match self.lanes.get(own).filter(|_| self.slots > 0) {
            None => self.give_anywhere(own, young, item),
            Some(lane) => match lane.generations[young].put_own(item) {
                Ok(()) => None,
                Err(full) => self.give_anywhere(own, young, full),
            },
        }
    }

    #[cold]
    fn give_anywhere(&self, own: usize, young: usize, item: TrackedBox<T>) -> Option<TrackedBox<T>> {
        let mut left = Some(item);
        for lane in self.lanes(own) {
            match lane.generations[young].put(left.take()?) {
                Ok(()) => return None,
                Err(full) => left = Some(full),
            }
        }
        left
    }

    /// Drops what has been idle since the last cleaning but one, and ages what has been since the last. All of it is
    /// dropped, though a destructor panics; the first panic comes out.
    ///
    /// What is put or got meanwhile may count as either.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// pool.put(2);
    /// pool.clean();
    /// assert_eq!(pool.try_get().as_deref(), Some(&2), "it has got old, and is young again when it is put back");
    /// pool.clean();
    /// pool.clean();
    /// assert!(pool.try_get().is_none());
    /// ```
    pub fn clean(&self) {
        let _entry = enter();
        let young = self.generation.load(Relaxed); // Relaxed: a hint.
        let old = self.lanes.iter().map(|lane| &lane.generations[(young + 1) & 1]);
        let items: Vec<_> = old.flat_map(|old| (0..=self.slots).map_while(|_| old.take())).collect();
        // Relaxed: it says only where to look first.
        self.generation.fetch_add(1, Relaxed);
        let mut panics = FirstPanic::none();
        panics.drop_each(items);
        panics.resume();
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<T, F> Pooled<'_, T, F> {
    /// The thing itself, which does not come back.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// assert_eq!(pool.get().detach(), 1);
    /// assert!(pool.try_get().is_none());
    /// ```
    pub fn detach(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, and not used again.
        TrackedBox::into_inner(unsafe { ManuallyDrop::take(&mut this.item) })
    }
}

impl<T, F> Drop for Pooled<'_, T, F> {
    fn drop(&mut self) {
        let _entry = enter();
        // SAFETY: we are being dropped, so it is not used again.
        let item = unsafe { ManuallyDrop::take(&mut self.item) };
        // The thread's own lane: it may be another thread that got the thing.
        drop(self.pool.give(shard::of_thread(), item));
    }
}

impl<T, F> Deref for Pooled<'_, T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, F> DerefMut for Pooled<'_, T, F> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Pooled<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
