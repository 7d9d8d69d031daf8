//! Operations on atomics and fences, as a session runs them.

use super::load_buffering::{self, Orders};
use super::made::Family;
use super::meeting::{Deed, Place};
use super::mutation::weakens;
use super::{Change, Exchange, Operation, Rmw, Session, Side, Site, Slot, Values, Width};
use core::sync::atomic::Ordering;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// The native value of an `rt` atomic: the latest value, whatever a weak load may return (E1 of `seam`).
pub(crate) trait Shadow {
    fn get(&self) -> u64;
    fn set(&self, value: u64);
    fn address(&self) -> usize;
    fn type_name(&self) -> &'static str;
}

/// An atomic and an operation on it, as a session sees them.
#[derive(Clone, Copy)]
pub(crate) struct Access<'a> {
    pub(crate) shadow: &'a dyn Shadow,
    pub(crate) slot: &'a Slot,
    pub(crate) width: Width,
    pub(crate) initial: u64,
    pub(crate) site: Site,
}

impl Rmw {
    /// Returns the value that this operation makes of `old`.
    pub fn apply(self, old: u64, width: Width) -> u64 {
        let new = match self {
            Rmw::Swap(v) => v,
            Rmw::Add(v) if width == Width::Bool => old ^ v,
            Rmw::Sub(v) if width == Width::Bool => old ^ v,
            Rmw::Add(v) => old.wrapping_add(v),
            Rmw::Sub(v) => old.wrapping_sub(v),
            Rmw::And(v) => old & v,
            Rmw::Nand(v) => !(old & v),
            Rmw::Or(v) => old | v,
            Rmw::Xor(v) => old ^ v,
            Rmw::Max(v) => {
                if width.less(old, v) {
                    v
                } else {
                    old
                }
            }
            Rmw::Min(v) => {
                if width.less(v, old) {
                    v
                } else {
                    old
                }
            }
        };
        new & width.mask()
    }
}

impl Width {
    /// Returns the bits that a value of this width uses.
    pub fn mask(self) -> u64 {
        match self {
            Width::Bool => 1,
            Width::U8 | Width::I8 => u8::MAX.into(),
            Width::U16 | Width::I16 => u16::MAX.into(),
            Width::U32 | Width::I32 => u32::MAX.into(),
            Width::U64 | Width::I64 => u64::MAX,
        }
    }

    fn less(self, a: u64, b: u64) -> bool {
        match self {
            Width::I8 => (a as i8) < b as i8,
            Width::I16 => (a as i16) < b as i16,
            Width::I32 => (a as i32) < b as i32,
            Width::I64 => (a as i64) < b as i64,
            _ => a < b,
        }
    }
}

fn reject(what: &str, order: Ordering) -> ! {
    panic!("there is no such thing as {what} with ordering {order:?}")
}

fn check_load(order: Ordering) {
    if matches!(order, Release | AcqRel) {
        reject("a load", order);
    }
}

fn check_store(order: Ordering) {
    if matches!(order, Acquire | AcqRel) {
        reject("a store", order);
    }
}

/// Returns the ordering of the read in a read-modify-write.
fn load_part(order: Ordering) -> Ordering {
    match order {
        Release => Relaxed,
        AcqRel => Acquire,
        other => other,
    }
}

impl Session {
    /// Returns the ordering to use at `site`: the source's, or the mutation's if that is weaker.
    fn order_at(&self, site: Site, order: Ordering) -> Ordering {
        match self.change_at(site) {
            Some(Change::Order(weaker)) if weakens(weaker, order) => weaker,
            _ => order,
        }
    }

    pub(crate) fn load(&self, access: Access<'_>, order: Ordering) -> u64 {
        check_load(order);
        let Some(atomic) = self.atomic(access) else { return access.shadow.get() };
        let source = order;
        let order = self.edits.order(access.site, Operation::Load, order);
        self.added_fence(access.site, Operation::Load, Side::Before);
        self.met(access.site, Operation::Load, Some(order), None);
        self.visit(Place::Atomic(atomic), Deed::Read);
        let was = self.untried(source, order);
        let order = self.order_at(access.site, order);
        let value = self.step(access.site, |backend| match backend.memory() {
            Some(memory) => memory.load(atomic, order),
            None => {
                backend.switch(false);
                access.shadow.get()
            }
        });
        self.note_ordered(load_buffering::Access::Read(atomic), access.site, Orders { was, now: order });
        self.record("load", access.site, Some(atomic), Some(order), Values::Read(value));
        self.added_fence(access.site, Operation::Load, Side::After);
        value
    }

    pub(crate) fn store(&self, access: Access<'_>, value: u64, order: Ordering) {
        check_store(order);
        let Some(atomic) = self.atomic(access) else { return access.shadow.set(value) };
        let source = order;
        let order = self.edits.order(access.site, Operation::Store, order);
        self.added_fence(access.site, Operation::Store, Side::Before);
        self.met(access.site, Operation::Store, Some(order), None);
        self.visit(Place::Atomic(atomic), Deed::Write);
        if self.change_at(access.site) == Some(Change::DropStore) {
            return;
        }
        let was = self.untried(source, order);
        let order = self.order_at(access.site, order);
        self.step(access.site, |backend| match backend.memory() {
            Some(memory) => memory.store(atomic, value, order),
            None => backend.switch(false),
        });
        self.remember_access(Family::Atomic, atomic, access.site, true);
        self.note_change(access.shadow.get() != value);
        access.shadow.set(value);
        self.note_ordered(load_buffering::Access::Write(atomic), access.site, Orders { was, now: order });
        self.record("store", access.site, Some(atomic), Some(order), Values::Written(value));
        self.added_fence(access.site, Operation::Store, Side::After);
    }

    pub(crate) fn rmw(&self, access: Access<'_>, op: Rmw, order: Ordering) -> u64 {
        let Some(atomic) = self.atomic(access) else {
            let old = access.shadow.get();
            access.shadow.set(op.apply(old, access.width));
            return old;
        };
        let source = order;
        let order = self.edits.order(access.site, Operation::Rmw, order);
        self.added_fence(access.site, Operation::Rmw, Side::Before);
        self.met(access.site, Operation::Rmw, Some(order), None);
        self.visit(Place::Atomic(atomic), Deed::of(op, access.site));
        if self.change_at(access.site) == Some(Change::DropStore) {
            return self.load(access, load_part(order));
        }
        let was = self.untried(source, order);
        let order = self.order_at(access.site, order);
        let old = self.step(access.site, |backend| match backend.memory() {
            Some(memory) => memory.rmw(atomic, op, access.width, order),
            None => {
                backend.switch(false);
                access.shadow.get()
            }
        });
        let new = op.apply(old, access.width);
        self.remember_access(Family::Atomic, atomic, access.site, true);
        self.note_change(old != new);
        access.shadow.set(new);
        self.note_ordered(load_buffering::Access::Update(atomic), access.site, Orders { was, now: order });
        self.record(op.name(), access.site, Some(atomic), Some(order), Values::Changed { old, new });
        self.added_fence(access.site, Operation::Rmw, Side::After);
        old
    }

    pub(crate) fn compare_exchange(&self, access: Access<'_>, exchange: Exchange) -> Result<u64, u64> {
        let Exchange { current, new, success, failure, weak } = exchange;
        check_load(failure);
        let compare = |found: u64| if found == current { Ok(found) } else { Err(found) };
        let Some(atomic) = self.atomic(access) else {
            let result = compare(access.shadow.get());
            if result.is_ok() {
                access.shadow.set(new);
            }
            return result;
        };
        let source = (success, failure);
        let success = self.edits.order(access.site, Operation::CompareExchange, success);
        let failure = self.edits.failure_order(access.site, failure);
        self.added_fence(access.site, Operation::CompareExchange, Side::Before);
        self.met(access.site, Operation::CompareExchange, Some(success), Some(failure));
        self.visit(Place::Atomic(atomic), Deed::Write);
        if self.change_at(access.site) == Some(Change::DropStore) {
            return compare(self.load(access, failure));
        }
        let was = (self.untried(source.0, success), self.untried(source.1, failure));
        let success = self.order_at(access.site, success);
        let failure = match self.change_at(access.site) {
            Some(Change::FailureOrder(weaker)) => weaker,
            _ => failure,
        };
        let result = self.step(access.site, |backend| match backend.memory() {
            Some(memory) => {
                memory.compare_exchange(atomic, Exchange { current, new, success, failure, weak })
            }
            None => {
                backend.switch(false);
                compare(access.shadow.get())
            }
        });
        self.note_change(result.is_ok() && current != new);
        self.remember_access(Family::Atomic, atomic, access.site, result.is_ok());
        if result.is_ok() {
            access.shadow.set(new);
        }
        let order = if result.is_ok() { success } else { failure };
        let (deed, was) = match result {
            Ok(_) => (load_buffering::Access::Update(atomic), was.0),
            Err(_) => (load_buffering::Access::Read(atomic), was.1),
        };
        self.note_ordered(deed, access.site, Orders { was, now: order });
        let values = match result {
            Ok(old) => Values::Changed { old, new },
            Err(found) if found == current => Values::Spurious(found),
            Err(found) => Values::Missed { found, wanted: current },
        };
        self.record("compare_exchange", access.site, Some(atomic), Some(order), values);
        self.added_fence(access.site, Operation::CompareExchange, Side::After);
        result
    }

    pub(crate) fn unsync_load(&self, access: Access<'_>) -> u64 {
        let Some(atomic) = self.atomic(access) else { return access.shadow.get() };
        self.remember_access(Family::Atomic, atomic, access.site, false);
        self.visit(Place::Atomic(atomic), Deed::Read);
        let value = self.step(access.site, |backend| match backend.memory() {
            Some(memory) => memory.unsync_load(atomic),
            None => {
                backend.plain();
                access.shadow.get()
            }
        });
        self.record("unsync_load", access.site, Some(atomic), None, Values::Read(value));
        value
    }

    pub(crate) fn unsync_store(&self, access: Access<'_>, value: u64) {
        let Some(atomic) = self.atomic(access) else { return access.shadow.set(value) };
        self.remember_access(Family::Atomic, atomic, access.site, true);
        self.visit(Place::Atomic(atomic), Deed::Write);
        self.step(access.site, |backend| match backend.memory() {
            Some(memory) => memory.unsync_store(atomic, value),
            None => backend.plain(),
        });
        self.note_change(access.shadow.get() != value);
        access.shadow.set(value);
        self.record("unsync_store", access.site, Some(atomic), None, Values::Written(value));
    }

    /// Accesses an atomic exclusively: replaces its value by `new`, if there is one, and returns the latest value.
    pub(crate) fn exclusive(&self, access: Access<'_>, new: Option<u64>) -> u64 {
        if let Some(atomic) = self.atomic(access) {
            self.remember_access(Family::Atomic, atomic, access.site, true);
            self.visit(Place::Atomic(atomic), Deed::Write);
            let latest = self.step(access.site, |backend| match backend.memory() {
                Some(memory) => Some(memory.exclusive(atomic, new)),
                None => {
                    backend.plain();
                    None
                }
            });
            if let Some(latest) = latest {
                access.shadow.set(latest);
            }
        }
        if let Some(new) = new {
            access.shadow.set(new);
        }
        access.shadow.get()
    }

    pub(crate) fn fence(&self, order: Ordering, site: Site) {
        if order == Relaxed {
            reject("a fence", order);
        }
        if self.edits.drop_fence(site) {
            let orders = Orders { was: self.untried(order, Relaxed), now: Relaxed };
            return self.note_ordered(load_buffering::Access::Fence, site, orders);
        }
        let edited = self.edits.order(site, Operation::Fence, order);
        self.met(site, Operation::Fence, Some(edited), None);
        let now = match self.change_at(site) {
            Some(Change::DropFence) => Relaxed,
            _ => self.order_at(site, edited),
        };
        let orders = Orders { was: self.untried(order, edited), now };
        self.note_ordered(load_buffering::Access::Fence, site, orders);
        if now != Relaxed {
            self.issue_fence(now, site);
        }
    }

    /// Issues the fence that the edits add beside an operation, if they add one.
    #[inline]
    fn added_fence(&self, site: Site, operation: Operation, side: Side) {
        if self.edits.0.is_empty() {
            return;
        }
        if let Some(order) = self.edits.fence(site, operation, side) {
            let orders = Orders { was: self.untried(Relaxed, order), now: order };
            self.note_ordered(load_buffering::Access::Fence, site, orders);
            self.issue_fence(order, site);
        }
    }

    fn issue_fence(&self, order: Ordering, site: Site) {
        self.step(site, |backend| match backend.memory() {
            Some(memory) => memory.fence(order),
            None if order == SeqCst => backend.switch(false),
            None => (),
        });
        self.record("fence", site, None, Some(order), Values::None);
    }
}
