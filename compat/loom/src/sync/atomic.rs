//! Atomics, whose operations the engine explores under C++20's memory model.
//!
//! Each type has loom's methods, `with_mut`, `unsync_load` and `compare_and_swap` among them. A weak compare-exchange never
//! fails spuriously, as in loom.

pub use selvedge::rt::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicPtr, AtomicU8, AtomicU16,
    AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

/// Does what [`hint::spin_loop`](crate::hint::spin_loop) does, under the name that std had for it.
#[inline(always)]
#[track_caller]
pub fn spin_loop_hint() {
    crate::hint::spin_loop();
}
