//! A pool of objects that are expensive to make: Go's `sync.Pool`, with guards.
//!
//! Each thread has a shard of slots. [`get`](Pool::get) looks there first, and then into the other shards; putting an
//! object fills the thread's own shard first. One slot of a shard is filled by the shard's own thread alone, by a
//! store: once that thread finds the slot empty, the slot stays empty until it fills it. (Go's deque for one owner and
//! many thieves saves the owner the swap too, for the price of a fence when it takes.)
//!
//! Idle objects have two generations, as Go's have: [`clean`](Pool::clean) drops the older one, and makes the younger
//! one the older. Nothing cleans in the background: a program calls `clean` when it wants memory back.
//!
//! - **S1.** A slot is a word that owns its object: null, or a pointer from `TrackedBox::into_raw`. A thread takes the
//!   object by a swap with null, and owns it when the swap returns it. A thread puts an object into an empty slot, by a
//!   CAS from null or, in the shard's own slot, by a store. So an object in the pool has one owner, no thread looks
//!   into it, and no memory has to be reclaimed.

use crate::cache_padded::CachePadded;
use crate::first_panic::FirstPanic;
use crate::rt::alloc::TrackedBox;
use crate::rt::entry::enter;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use crate::spec;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::null_mut;

/// How many shared slots a shard has of each generation, by default.
const SLOTS: usize = 16;

/// Keeps idle objects for reuse, and makes new ones when it has none.
///
/// An object that a thread gets is its own until it puts the object back. Putting an object happens before getting it.
/// The [module](self) tells how a pool works.
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
#[doc(alias("ObjectPool", "sync.Pool"))]
pub struct Pool<T, F = fn() -> T> {
    make: F,
    shards: Box<[CachePadded<Shard<T>>]>,
    /// How many shared slots a shard has of each generation, besides the one that its own thread fills.
    slots: usize,
    /// A number whose lowest bit names the younger generation.
    generation: AtomicUsize,
    spec: spec::Pool<T>,
}

struct Shard<T> {
    generations: [Slots<T>; 2],
}

struct Slots<T> {
    /// Filled by the shard's own thread alone.
    own: AtomicPtr<T>,
    slots: Box<[AtomicPtr<T>]>,
    /// About how many slots are full: where to look first.
    full: AtomicUsize,
}

/// An object from a [`Pool`]; dropping it puts the object back.
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

// SAFETY: S1: a pool owns its objects and `make`, and is sent with them.
unsafe impl<T: Send, F: Send> Send for Pool<T, F> {}
// SAFETY: S1: an object moves from the thread that puts it to the one that gets it (`T: Send`), and no two threads
// share it. Threads call `make` by a shared reference (`F: Sync`).
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
        // Relaxed: the swap below decides.
        if slot.load(Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with the Release in `put` and `put_own`, so whatever was done to the object before happens
        // before this thread uses it. With Relaxed they race; if the swap leaves the pointer, two threads get one
        // object (mutants at `take-item`).
        let item = slot.swap(null_mut(), Acquire); // site: take-item
        // SAFETY: S1: this thread has swapped the object out of its slot, and owns it.
        (!item.is_null()).then(|| unsafe { TrackedBox::from_raw(item) })
    }

    fn take_other(&self) -> Option<TrackedBox<T>> {
        let likely = self.full.load(Relaxed).min(self.slots.len()); // Relaxed: a hint.
        let (low, high) = self.slots.split_at(likely);
        for (below, slot) in low.iter().rev().chain(high).enumerate() {
            if let Some(item) = Self::take_from(slot) {
                // Relaxed: a hint where to look first.
                self.full.store(likely.saturating_sub(below + 1), Relaxed);
                return Some(item);
            }
        }
        None
    }

    /// Puts an object into the slot that only the shard's own thread fills; the caller is that thread.
    #[inline]
    fn put_own(&self, item: TrackedBox<T>) -> Result<(), TrackedBox<T>> {
        // Relaxed: only this thread fills the slot, so once it reads null the slot is empty. A stale pointer means at
        // worst that the object goes elsewhere.
        if !self.own.load(Relaxed).is_null() {
            return Err(item);
        }
        // Release: publishes the object to the thread whose Acquire swap in `take_from` takes it. With Relaxed that
        // thread could read it uninitialized (mutant at `put-into-own-slot`).
        self.own.store(TrackedBox::into_raw(item), Release); // site: put-into-own-slot
        Ok(())
    }

    fn put(&self, item: TrackedBox<T>) -> Result<(), TrackedBox<T>> {
        let likely = self.full.load(Relaxed).min(self.slots.len()); // Relaxed: a hint.
        let (low, high) = self.slots.split_at(likely);
        let item = TrackedBox::into_raw(item);
        for (above, slot) in high.iter().chain(low).enumerate() {
            // Relaxed: the CAS decides. Release: publishes the object to the thread whose Acquire swap in `take_from`
            // takes it. With Relaxed that thread could read it uninitialized (mutant at `put-into-shared-slot`).
            if slot.load(Relaxed).is_null()
                // site: put-into-shared-slot
                && slot.compare_exchange(null_mut(), item, Release, Relaxed).is_ok()
            {
                self.full.store(likely + above + 1, Relaxed); // Relaxed: a hint.
                return Ok(());
            }
        }
        // SAFETY: no CAS has put the object into a slot, so this thread still owns what `into_raw` gave up above.
        Err(unsafe { TrackedBox::from_raw(item) })
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        let all = core::iter::once(&mut self.own).chain(&mut self.slots);
        let items = all.map(|slot| slot.with_mut(|item| core::mem::replace(item, null_mut())));
        let mut panics = FirstPanic::none();
        // SAFETY: S1: the slots own their objects, and no other thread has the slots, which are being dropped.
        panics.drop_each(
            items.filter(|item| !item.is_null()).map(|item| unsafe { TrackedBox::from_raw(item) }),
        );
        panics.resume();
    }
}

impl<T, F: Fn() -> T> Pool<T, F> {
    /// Creates an empty pool of objects that `make` makes.
    ///
    /// The pool keeps at most 17 idle objects for each processor and generation; [`with_slots`](Self::with_slots) sets
    /// another number.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(String::new);
    /// assert_eq!(*pool.get(), "");
    /// ```
    #[track_caller]
    pub fn new(make: F) -> Pool<T, F> {
        Pool::with_slots(SLOTS, make)
    }

    /// Creates a pool that keeps at most `slots` idle objects for each processor and generation, and one more that the
    /// shard's own thread has put there.
    ///
    /// With 0 slots the pool keeps no object. An object that is put into a full pool is dropped.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::with_slots(0, || 1);
    /// pool.put(2);
    /// assert_eq!(*pool.get(), 1, "no object is kept");
    /// ```
    #[track_caller]
    pub fn with_slots(slots: usize, make: F) -> Pool<T, F> {
        let spec = spec::Pool::new();
        // A specified pool does not use its slots.
        let shards = if spec.specified().is_some() { 0 } else { shard::count() };
        let shard = || CachePadded::new(Shard { generations: [Slots::new(slots), Slots::new(slots)] });
        Pool {
            make,
            shards: (0..shards).map(|_| shard()).collect(),
            slots,
            generation: AtomicUsize::new(0),
            spec,
        }
    }

    /// Takes an idle object, or makes a new one if there is none.
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

    /// Takes an idle object, or returns `None` if there is none.
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

    /// Puts an object into the pool, whether it has come from the pool or not.
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
    /// Returns all shards, the shard `own` first.
    fn shards(&self, own: usize) -> impl Iterator<Item = &Shard<T>> {
        let count = self.shards.len();
        (0..count).map(move |n| &*self.shards[(own + n) & (count - 1)])
    }

    #[inline]
    fn take(&self, own: usize) -> Option<TrackedBox<T>> {
        if let Some(spec) = self.spec.specified() {
            return spec.get(own);
        }
        let young = self.generation.load(Relaxed); // Relaxed: a hint.
        let first =
            self.shards.get(own).and_then(|shard| Slots::take_from(&shard.generations[young & 1].own));
        first.or_else(|| self.take_anywhere(own, young))
    }

    #[cold]
    fn take_anywhere(&self, own: usize, young: usize) -> Option<TrackedBox<T>> {
        let of =
            |generation: usize| self.shards(own).find_map(|shard| shard.generations[generation & 1].take());
        of(young).or_else(|| of(young + 1))
    }

    /// Puts an object into a slot, and returns it if all slots are full.
    #[inline]
    fn give(&self, own: usize, item: TrackedBox<T>) -> Option<TrackedBox<T>> {
        if let Some(spec) = self.spec.specified() {
            return spec.put(own, self.slots, item);
        }
        let young = self.generation.load(Relaxed) & 1; // Relaxed: a hint.
        // A thread whose number is beyond the shards has no shard of its own.
        match self.shards.get(own).filter(|_| self.slots > 0) {
            None => self.give_anywhere(own, young, item),
            Some(shard) => match shard.generations[young].put_own(item) {
                Ok(()) => None,
                Err(full) => self.give_anywhere(own, young, full),
            },
        }
    }

    #[cold]
    fn give_anywhere(&self, own: usize, young: usize, item: TrackedBox<T>) -> Option<TrackedBox<T>> {
        let mut left = Some(item);
        for shard in self.shards(own) {
            match shard.generations[young].put(left.take()?) {
                Ok(()) => return None,
                Err(full) => left = Some(full),
            }
        }
        left
    }

    /// Drops the objects that have been idle since before the last `clean`. The next one drops those that became idle
    /// since.
    ///
    /// If destructors panic, each runs, and the first panic is resumed.
    ///
    /// An object that is put or got meanwhile may count as either.
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
    #[track_caller]
    pub fn clean(&self) {
        let _entry = enter();
        let items = match self.spec.specified() {
            Some(spec) => spec.clean(),
            None => self.take_older(),
        };
        let mut panics = FirstPanic::none();
        panics.drop_each(items);
        panics.resume();
    }

    /// Takes the objects of the older generation, which the younger one becomes.
    fn take_older(&self) -> Vec<TrackedBox<T>> {
        let young = self.generation.load(Relaxed); // Relaxed: a hint.
        let old = self.shards.iter().map(|shard| &shard.generations[(young + 1) & 1]);
        let items = old.flat_map(|old| (0..=self.slots).map_while(|_| old.take())).collect();
        // Relaxed: a hint where to look first.
        self.generation.fetch_add(1, Relaxed);
        items
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Pool<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<T, F> Pooled<'_, T, F> {
    /// Takes the object out of the guard for good; it does not return to the pool.
    ///
    /// ```
    /// let pool = selvedge::pool::Pool::new(|| 1);
    /// assert_eq!(pool.get().detach(), 1);
    /// assert!(pool.try_get().is_none());
    /// ```
    pub fn detach(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is a `ManuallyDrop`, so `Pooled::drop` does not run, and `item` is not used again.
        TrackedBox::into_inner(unsafe { ManuallyDrop::take(&mut this.item) })
    }
}

impl<T, F> Drop for Pooled<'_, T, F> {
    fn drop(&mut self) {
        let _entry = enter();
        // SAFETY: the guard is being dropped, so `item` is not used again.
        let item = unsafe { ManuallyDrop::take(&mut self.item) };
        // The shard of the calling thread, which need not be the one that got the object.
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
