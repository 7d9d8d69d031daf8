//! The rim: programs over the whole public API, with user code that panics, re-enters, forgets and polls again.
//!
//! The short run draws the same programs each time; with `SELVEDGE_SOAK=600` each test draws new ones for 600 seconds.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the allocator stands below everything; the books are outside of any model"
)]

use selvedge_proptests::rim::drive::Family;
use selvedge_proptests::rim::{
    alarms, arcs, cells, chan, contexts, locals, locks, maps, threads, timers, twos,
};
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

// SAFETY: every call is passed on to the allocator of the system, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System` too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System` too.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_channel_on_one_thread_is_its_model() {
    let test = "a_channel_on_one_thread_is_its_model";
    Family { test, cases: 2_000, programs: chan::programs(40), run: chan::run, live }.check();
}

#[test]
fn timers_on_one_thread_are_their_model() {
    let test = "timers_on_one_thread_are_their_model";
    Family { test, cases: 3_000, programs: timers::programs(30), run: timers::run, live }.check();
}

#[test]
fn contexts_of_things_that_misbehave_are_their_model() {
    let test = "contexts_of_things_that_misbehave_are_their_model";
    Family { test, cases: 1_000, programs: contexts::programs(30), run: contexts::run, live }.check();
}

#[test]
fn threads_end_with_objects_in_their_locals() {
    let test = "threads_end_with_objects_in_their_locals";
    Family { test, cases: 300, programs: locals::programs(6), run: locals::run, live }.check();
}

#[test]
fn pointers_between_threads_are_never_shared_and_exclusive() {
    let test = "pointers_between_threads_are_never_shared_and_exclusive";
    Family { test, cases: 100, programs: arcs::programs(), run: arcs::run, live }.check();
}

#[test]
fn timers_between_threads_are_set_one_after_the_other() {
    let test = "timers_between_threads_are_set_one_after_the_other";
    Family { test, cases: 12, programs: alarms::programs(), run: alarms::run, live }.check();
}

#[test]
fn a_map_of_things_that_misbehave_is_its_model() {
    let test = "a_map_of_things_that_misbehave_is_its_model";
    Family { test, cases: 1500, programs: maps::programs(30), run: maps::run, live }.check();
}

#[test]
fn cells_of_things_that_misbehave_lose_none() {
    let test = "cells_of_things_that_misbehave_lose_none";
    Family { test, cases: 1500, programs: cells::programs(30), run: cells::run, live }.check();
}

#[test]
fn locks_and_counters_on_one_thread_are_their_models() {
    let test = "locks_and_counters_on_one_thread_are_their_models";
    Family { test, cases: 1500, programs: locks::programs(30), run: locks::run, live }.check();
}

#[test]
fn threads_on_a_channel_are_served_in_turn() {
    let test = "threads_on_a_channel_are_served_in_turn";
    Family { test, cases: 12, programs: threads::programs(), run: threads::run, live }.check();
}

#[test]
fn selects_over_two_channels_are_linearizable() {
    let test = "selects_over_two_channels_are_linearizable";
    Family { test, cases: 120, programs: twos::programs(), run: twos::run, live }.check();
}

#[test]
fn nothing_goes_on_where_all_wait_to_become_ready() {
    let test = "nothing_goes_on_where_all_wait_to_become_ready";
    Family { test, cases: 10, programs: alarms::idle(), run: alarms::run_idle, live }.check();
}
