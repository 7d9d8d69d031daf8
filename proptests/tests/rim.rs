//! The rim: programs over the whole public API, with user code that panics, re-enters, forgets and polls again.
//!
//! The short run draws the same programs each time; with `SELVEDGE_SOAK=600` each test draws new ones for 600 seconds.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the allocator stands below everything; the books are outside of any model"
)]

use selvedge_proptests::rim::alarms;
use selvedge_proptests::rim::drive::Family;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn live() -> isize {
    LIVE.load(Relaxed)
}

fn count(bytes: usize, sign: isize) {
    LIVE.fetch_add(sign * isize::try_from(bytes).expect("no layout is larger"), Relaxed);
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn timers_between_threads_are_set_one_after_the_other() {
    let test = "timers_between_threads_are_set_one_after_the_other";
    Family { test, cases: 25, programs: alarms::programs(), run: alarms::run, live }.check();
}
