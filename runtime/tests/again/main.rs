//! The tests of channels and locks once more, on goroutines.
//!
//! The files of `primitives/tests/api` name `selvedge`, which here is this program: everything is the real crate's but
//! `rt::thread::scope`, in which goroutines take the place of threads. Left out is what runs on one thread, and what is about
//! threads.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]
#![allow(
    unreachable_pub,
    missing_docs,
    unused_imports,
    dead_code,
    reason = "the files are made for another program"
)]

#[path = "../common/mod.rs"]
mod modes;

extern crate self as selvedge;
extern crate selvedge as real;

pub use real::{atomic, chan, context, map, pool, reclaim, sync};

pub mod testing {
    pub use real::testing::{Bubble, wait, wall};

    /// Runs `f` in a bubble, on a goroutine of two Ps.
    #[track_caller]
    pub fn bubble<R>(f: impl FnOnce(&Bubble) -> R) -> R {
        match real::rt::task::is_current() {
            true => real::testing::bubble(f),
            false => selvedge_go::Builder::new().procs(2).run(|| real::testing::bubble(f)),
        }
    }
}

pub mod rt {
    pub use real::rt::*;

    pub mod thread {
        pub use real::rt::thread::*;
        pub use selvedge_go::{Scope, ScopedJoin as ScopedJoinHandle};

        /// Runs `f`, and what it spawns, on goroutines of two Ps.
        #[track_caller]
        pub fn scope<'env, F, T>(f: F) -> T
        where
            F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
        {
            match real::rt::task::is_current() {
                true => selvedge_go::scope(f),
                false => crate::modes::builder().procs(2).run(|| selvedge_go::scope(f)),
            }
        }
    }
}

/// Includes files of `primitives/tests/api`.
macro_rules! again {
    ($($path:literal $name:ident;)*) => {
        $(
            #[path = $path]
            mod $name;
        )*
    };
}

again! {
    "../../../primitives/tests/api/common.rs" common;
    "../../../primitives/tests/api/bubbles/mod.rs" bubbles;
    "../../../primitives/tests/api/chan_as_crossbeam.rs" chan_as_crossbeam;
    "../../../primitives/tests/api/chan_as_crossbeam_select.rs" chan_as_crossbeam_select;
    "../../../primitives/tests/api/chan_async.rs" chan_async;
    "../../../primitives/tests/api/chan_force.rs" chan_force;
    "../../../primitives/tests/api/chan_handles.rs" chan_handles;
    "../../../primitives/tests/api/chan_select.rs" chan_select;
    "../../../primitives/tests/api/chan_select_values.rs" chan_select_values;
    "../../../primitives/tests/api/chan_threads.rs" chan_threads;
    "../../../primitives/tests/api/chan_timers.rs" chan_timers;
    "../../../primitives/tests/api/chan_user_code.rs" chan_user_code;
    "../../../primitives/tests/api/rt_blocks.rs" rt_blocks;
    "../../../primitives/tests/api/sync_basic.rs" sync_basic;
    "../../../primitives/tests/api/sync_names.rs" sync_names;
    "../../../primitives/tests/api/user_code.rs" user_code;
}

/// Tests in which a goroutine keeps its thread until another one has run: under some schedules that one has begun on the same
/// thread, and they need another mode, or time.
const KEEP_THEIR_THREAD: [&str; 2] = [
    "many_tasks_on_many_threads_lose_nothing",
    "a_default_is_not_taken_while_one_of_two_channels_has_a_value",
];

/// Those that start the others.
const START_OTHERS: [&str; 2] = ["all_pass_in_each_mode", "all_pass_under_each_schedule"];

#[test]
fn all_pass_in_each_mode() {
    modes::again_in_each_mode(&START_OTHERS, &[]);
}

/// With `SELVEDGE_SOAK`, for so many seconds; otherwise for a few seeds.
#[test]
fn all_pass_under_each_schedule() {
    let begun = std::time::Instant::now();
    let soak = std::env::var("SELVEDGE_SOAK").ok().and_then(|text| text.parse().ok());
    let soak = soak.map(std::time::Duration::from_secs);
    let but = [&START_OTHERS[..], &KEEP_THEIR_THREAD[..]].concat();
    let mut seed = 0_u64;
    while soak.map_or(seed < 3, |soak| begun.elapsed() < soak) {
        seed += 1;
        let mode = ["never", "checked", "free"][seed as usize % 3];
        modes::again_in(mode, &but, &[("SELVEDGE_GO_FUZZ", seed.to_string())]);
    }
}
