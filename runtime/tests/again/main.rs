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

extern crate self as selvedge;
extern crate selvedge as real;

pub use real::{atomic, chan, map, pool, reclaim, sync};

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
                false => selvedge_go::Builder::new().procs(2).run(|| selvedge_go::scope(f)),
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
