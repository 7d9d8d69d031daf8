//! Tests of the public API of `selvedge`: channels, `select!`, locks, maps, pools, atomics and the layer `rt`.

mod aliasing;
mod bubbles;
mod chan_as_crossbeam;
mod chan_as_crossbeam_select;
mod chan_async;
mod chan_basic;
mod chan_force;
mod chan_handles;
mod chan_operations;
mod chan_select;
mod chan_select_values;
mod chan_threads;
mod chan_timers;
mod chan_user_code;
mod common;
mod context_calls;
mod context_tree;
mod context_waits;
mod func_timers;
mod rt;
mod rt_blocks;
mod sync_basic;
mod sync_names;
mod thread_end;
mod user_code;
