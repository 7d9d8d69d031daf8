//! Checking builds: the native atomic, which is also the shadow, and the slot of the engine's object.

use super::bits::Bits;
use super::word::{Rmw, Word};
use crate::rt::seam::{
    Access, Change, Current, Exchange, NativeRun, Operation, Shadow, Side, Site, Slot, current, foreign,
    weakens,
};
use crate::rt::thread::Registers;
use core::panic::Location;
use core::sync::atomic::Ordering::{self, Relaxed};

pub(crate) struct Cell<A: Word> {
    native: A,
    initial: A::Value,
    slot: Slot,
}

// SAFETY: `native` is core's atomic and `slot` holds one, so both are `Sync`. `initial` is never written after
// construction, and threads only turn copies of it into bits.
unsafe impl<A: Word + Sync> Sync for Cell<A> {}
// SAFETY: `native` and `slot` are `Send`. `initial` is a copy of a value that the atomic itself may send; if it is a
// pointer, it is never dereferenced.
unsafe impl<A: Word + Send> Send for Cell<A> {}

impl<A: Bits> Shadow for A {
    // Relaxed, in all three: only the threads of one model touch the shadow. They are coroutines of one OS thread, so the
    // shadow publishes nothing.
    fn get(&self) -> u64 {
        A::to_bits(Word::load(self, Relaxed))
    }

    fn set(&self, value: u64) {
        Word::store(self, A::from_bits(value), Relaxed);
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn type_name(&self) -> &'static str {
        A::NAME
    }
}

impl<A: Bits> Cell<A> {
    /// Returns an atomic that is registered at its first use in each execution, as if made before `main`.
    #[track_caller]
    pub(crate) const fn lazy(native: A, initial: A::Value) -> Self {
        Cell { native, initial, slot: Slot::lazy() }
    }

    /// Returns an atomic that is registered with the running engine now, as made by the current thread.
    #[track_caller]
    pub(crate) fn eager(value: A::Value) -> Self {
        let cell = Cell { native: A::make(value), initial: value, slot: Slot::native() };
        if let Current::Model(session) = current() {
            session.atomic_created(cell.access());
        }
        cell
    }

    #[track_caller]
    fn access(&self) -> Access<'_> {
        Access {
            shadow: &self.native,
            slot: &self.slot,
            width: A::WIDTH,
            initial: A::to_bits(self.initial),
            site: Location::caller(),
        }
    }

    /// Returns the native value, for a thread that belongs to no run.
    #[track_caller]
    fn outside(&self) -> &A {
        foreign::note(&self.slot, Location::caller());
        &self.native
    }

    #[track_caller]
    pub(crate) fn load(&self, order: Ordering) -> A::Value {
        match current() {
            Current::Model(session) => A::from_bits(session.load(self.access(), order)),
            Current::Native(run) => {
                run.step();
                let site = Location::caller();
                let order = run.edits().order(site, Operation::Load, order);
                fenced(&run, site, Operation::Load, || self.native.load(changed(run.change_at(site), order)))
            }
            Current::Outside => self.outside().load(order),
        }
    }

    #[track_caller]
    pub(crate) fn store(&self, value: A::Value, order: Ordering) {
        match current() {
            Current::Model(session) => session.store(self.access(), A::to_bits(value), order),
            Current::Native(run) => {
                run.step();
                let site = Location::caller();
                let order = run.edits().order(site, Operation::Store, order);
                let change = run.change_at(site);
                fenced(&run, site, Operation::Store, || {
                    if change != Some(Change::DropStore) {
                        self.native.store(value, changed(change, order));
                    }
                });
            }
            Current::Outside => self.outside().store(value, order),
        }
    }

    #[track_caller]
    pub(crate) fn rmw(&self, op: Rmw<A::Value>, order: Ordering) -> A::Value {
        match current() {
            Current::Model(session) => A::from_bits(session.rmw(self.access(), op.map(A::to_bits), order)),
            Current::Native(run) => {
                run.step();
                let site = Location::caller();
                let order = run.edits().order(site, Operation::Rmw, order);
                fenced(&run, site, Operation::Rmw, || match run.change_at(site) {
                    Some(Change::DropStore) => self.peek(),
                    change => self.native.rmw(op, changed(change, order)),
                })
            }
            Current::Outside => self.outside().rmw(op, order),
        }
    }

    #[track_caller]
    pub(crate) fn compare_exchange(
        &self,
        expected: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        self.exchange(expected, new, (success, failure), None)
    }

    #[inline(never)]
    #[track_caller]
    fn exchange(
        &self,
        expected: A::Value,
        new: A::Value,
        (success, failure): (Ordering, Ordering),
        weak: Option<usize>,
    ) -> Result<A::Value, A::Value> {
        match current() {
            Current::Model(session) => {
                let (current, new) = (A::to_bits(expected), A::to_bits(new));
                session
                    .compare_exchange(self.access(), Exchange { current, new, success, failure, weak })
                    .map(A::from_bits)
                    .map_err(A::from_bits)
            }
            Current::Native(run) => {
                run.step();
                let (site, operation) = (Location::caller(), Operation::CompareExchange);
                let success = changed(run.change_at(site), run.edits().order(site, operation, success));
                let failure = run.edits().failure_order(site, failure);
                fenced(&run, site, operation, || {
                    self.native.compare_exchange(expected, new, success, failure)
                })
            }
            Current::Outside => self.outside().compare_exchange(expected, new, success, failure),
        }
    }

    /// Always inlined, so that the first frame which an engine compares is that of the function that calls this.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn compare_exchange_weak(
        &self,
        expected: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        match current() {
            Current::Outside => self.outside().compare_exchange_weak(expected, new, success, failure),
            _ => {
                let mut registers = Registers::new();
                let frames = registers.save();
                self.exchange(expected, new, (success, failure), Some(frames))
            }
        }
    }

    /// Reads the value as plain memory.
    ///
    /// # Safety
    /// No other thread may write to the atomic at the same time.
    #[track_caller]
    pub(crate) unsafe fn unsync_load(&self) -> A::Value {
        match current() {
            Current::Model(session) => A::from_bits(session.unsync_load(self.access())),
            Current::Native(run) => {
                run.step();
                self.peek()
            }
            Current::Outside => self.peek(),
        }
    }

    /// Writes the value as plain memory.
    ///
    /// # Safety
    /// No other thread may access the atomic at the same time.
    #[track_caller]
    pub(crate) unsafe fn unsync_store(&self, value: A::Value) {
        match current() {
            Current::Model(session) => session.unsync_store(self.access(), A::to_bits(value)),
            Current::Native(run) => {
                run.step();
                // Relaxed, here and below: the caller has the atomic alone meanwhile.
                Word::store(&self.native, value, Relaxed);
            }
            Current::Outside => Word::store(&self.native, value, Relaxed),
        }
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&mut self, f: impl FnOnce(&mut A::Value) -> R) -> R {
        let Current::Model(session) = current() else { return f(self.native.get_mut()) };
        let mut value = A::from_bits(session.exclusive(self.access(), None));
        let result = f(&mut value);
        session.exclusive(self.access(), Some(A::to_bits(value)));
        result
    }

    #[track_caller]
    pub(crate) fn into_inner(self) -> A::Value {
        if let Current::Model(session) = current() {
            return A::from_bits(session.exclusive(self.access(), None));
        }
        self.native.into_inner()
    }

    /// Returns the value for `Debug`, without asking an engine.
    pub(crate) fn peek(&self) -> A::Value {
        // Relaxed: a snapshot for printing.
        Word::load(&self.native, Relaxed)
    }
}

/// Performs an operation of a native run between the fences that the run's edits add.
fn fenced<R>(run: &NativeRun, site: Site, operation: Operation, act: impl FnOnce() -> R) -> R {
    let fence = |side| {
        if let Some(order) = run.edits().fence(site, operation, side) {
            core::sync::atomic::fence(order);
        }
    };
    fence(Side::Before);
    let result = act();
    fence(Side::After);
    result
}

/// Returns the ordering to use: the source's, or the mutation's if that is weaker.
fn changed(change: Option<Change>, order: Ordering) -> Ordering {
    match change {
        Some(Change::Order(weaker)) if weakens(weaker, order) => weaker,
        _ => order,
    }
}

#[track_caller]
pub(crate) fn fence(order: Ordering) {
    match current() {
        Current::Model(session) => session.fence(order, Location::caller()),
        Current::Native(run) => {
            run.step();
            let site = Location::caller();
            if run.edits().drop_fence(site) {
                return;
            }
            let order = run.edits().order(site, Operation::Fence, order);
            match run.change_at(site) {
                Some(Change::DropFence | Change::Order(Relaxed)) => (),
                Some(Change::Order(weaker)) if weakens(weaker, order) => core::sync::atomic::fence(weaker),
                _ => core::sync::atomic::fence(order),
            }
        }
        Current::Outside => core::sync::atomic::fence(order),
    }
}
