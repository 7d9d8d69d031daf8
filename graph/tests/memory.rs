//! Memory does not grow with the number of executions.

#![allow(clippy::disallowed_types, reason = "the engine is below `selvedge::rt`")]

use selvedge_graph::{End, Machine, Options, Order};
use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::Location;
use std::rc::Rc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

struct Counting;

/// Bytes allocated and not freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system allocator makes and frees all memory; the count only adds its sizes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the promise of `GlobalAlloc`, which is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the promise of `GlobalAlloc`, which is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Six threads increment a counter, after a seventh has set it: 7! executions.
fn program(machine: &Rc<Machine>) {
    let site = Location::caller();
    let counter = machine.new_location(0, None);
    let m = Rc::clone(machine);
    let body = move || {
        let _ = m.store(counter, 10, Order::Release, site);
    };
    machine.spawn(Box::new(body), site);
    for _ in 0..6 {
        let m = Rc::clone(machine);
        let body = move || {
            let _ = m.update(counter, &|value| value + 1, Order::AcqRel, site);
        };
        machine.spawn(Box::new(body), site);
    }
}

#[test]
fn memory_is_flat_in_the_number_of_executions() {
    let machine = Rc::new(Machine::new(Options::default()));
    let mut marks = Vec::new();
    loop {
        let theirs = Rc::clone(&machine);
        let end = machine.run(Box::new(move || program(&theirs)));
        assert!(matches!(end, End::Complete), "{end:?}");
        if machine.statistics().executions.is_multiple_of(1_000) {
            marks.push(LIVE.load(Relaxed));
        }
        if !machine.advance() {
            break;
        }
    }
    assert_eq!(machine.statistics().executions, 5_040);
    let (least, most) = (marks.iter().min(), marks.iter().max());
    let growth = most.zip(least).map(|(most, least)| most - least);
    // The branches left to explore take some memory, which varies; one execution takes kilobytes.
    assert!(growth.is_some_and(|growth| growth < 200_000), "{marks:?}");
}
