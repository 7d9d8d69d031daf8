//! Runs that the graph engine gives up leave hardly anything behind. Alone in its process, since it counts all memory.

#![cfg(feature = "graph")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the allocator stands below everything"
)]

use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::{hint, thread, thread_local};
use selvedge_check::{Checker, Engine, Primitives, Verdict};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::Ordering::Relaxed;

struct Counting;

/// Bytes allocated and not freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system allocator makes and frees all memory; the count only adds its sizes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the layout's size is not zero: `alloc` has that contract too, and its caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: `pointer` is of `System.alloc` above, the only source of memory here, with this layout, by the contract of
        // `dealloc`, which its caller keeps.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static LARGE: Cell<[u64; 64]> = const { Cell::new([0; 64]) };
}

const THREADS: usize = 5;

/// A lock by tickets: most runs are given up, where a thread has read a ticket that is served no more. Only the lock itself is
/// memory of the program's own.
fn tickets() {
    let lock = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let threads: [_; THREADS] = core::array::from_fn(|me| {
        let lock = Arc::clone(&lock);
        let body = move || {
            LARGE.set([me as u64; 64]);
            let ticket = lock.0.fetch_add(1, Relaxed);
            hint::wait_until(|| lock.1.load(Acquire) == ticket);
            lock.1.store(ticket + 1, Release);
        };
        thread::spawn(body)
    });
    threads.into_iter().for_each(|thread| thread.join().expect("it ends"));
}

#[test]
fn runs_that_are_given_up_leave_little() {
    let explore = || {
        let checker = Checker::new().primitives(Primitives::Real).ignore_environment();
        checker.engines([Engine::Graph]).find_first(false).run(tickets).remove(0)
    };
    // What is made once, such as the names in the program, is not counted.
    explore();
    let before = LIVE.load(Relaxed);
    let report = explore();
    let left = LIVE.load(Relaxed) - before;
    assert!(matches!(report.verdict, Verdict::Exhaustive) && report.blocked > 1_000, "{report}");
    // What a thread brings its result in stays: about 70 bytes. A thread-local alone takes 512.
    let each = left / report.blocked as isize;
    assert!(each < 100 * THREADS as isize, "{each} bytes for each run that was given up");
}
