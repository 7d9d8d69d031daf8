//! The models: small concurrent programs, each named after its property. A model is one function, which returns its row:
//! the program, its bound, and its mutants.

mod atomics;
mod bell;
mod blocks;
mod bubbles;
mod chan_close;
mod chan_edges;
mod chan_force;
mod chan_full;
mod chan_order;
mod chan_room;
mod context_waits;
mod contexts;
mod futures;
mod goroutines;
mod goroutines_idle;
mod goroutines_queue;
mod goroutines_suspects;
mod goroutines_waits;
mod layer;
mod machine;
mod machine_bound;
mod machine_end;
mod machine_procs;
mod machine_timers;
#[allow(
    clippy::disallowed_types,
    reason = "the scheduler's loop holds its instance and its Ms in std's `Arc`"
)]
mod machine_world;
mod map;
mod mutants;
mod orders;
mod patterns;
mod pool;
mod queue;
mod reclaim;
mod routine;
mod rw;
mod select;
mod select_values;
mod signals;
pub mod sync;
mod timers;
mod undelivered;

use crate::model::{Model, model};
use selvedge::chan::{Receiver, Sender, bounded_with_segments};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::{thread, wait_until};

/// Every model.
#[allow(clippy::disallowed_types, reason = "the list of models is outside any model")]
pub static MODELS: std::sync::LazyLock<Vec<Model>> = std::sync::LazyLock::new(|| {
    let files = [
        chan_order::models,
        chan_room::models,
        chan_full::models,
        chan_close::models,
        chan_edges::models,
        chan_force::models,
        select::models,
        select_values::models,
        timers::models,
        futures::models,
        undelivered::models,
        queue::models,
        atomics::models,
        sync::models,
        rw::models,
        reclaim::models,
        map::models,
        pool::models,
        layer::models,
        bubbles::models,
        blocks::models,
        orders::models,
        contexts::models,
        context_waits::models,
        goroutines::models,
        goroutines_queue::models,
        goroutines_suspects::models,
        machine::models,
        machine_bound::models,
        machine_end::models,
        machine_procs::models,
        machine_timers::models,
        goroutines_idle::models,
        goroutines_waits::models,
        routine::models,
        signals::models,
        patterns::models,
    ];
    files.iter().flat_map(|models| models()).collect()
});

/// Lists the models of a file, each named after its function.
macro_rules! models {
    ($($model:ident),* $(,)?) => {
        pub(super) fn models() -> Vec<Model> {
            vec![$($model().named(concat!(module_path!(), "::", stringify!($model)))),*]
        }
    };
}
use models;

/// Starts the mutants of a source file, given its path from the root of the workspace.
macro_rules! mutant_of {
    ($path:literal) => {
        $crate::mutant::Mutant::of($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path)))
    };
}
use mutant_of;

/// Makes a channel whose segments have two cells, so that small models cross from one to the next.
fn small<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, 1)
}

/// Lets other threads run until `condition` holds.
#[track_caller]
fn until(condition: impl Fn() -> bool) {
    wait_until(condition);
}

/// Calls `call` here and at the same time on a second thread, and returns what each call returned.
fn both<T, R>(shared: &Arc<T>, call: impl Fn(&T) -> R + Copy + Send + 'static) -> (R, R)
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let theirs = Arc::clone(shared);
    let other = thread::spawn(move || call(&theirs));
    let here = call(shared);
    (here, other.join().expect("no panic"))
}

/// Waits until a sender waits with this ticket. The caller knows that all senders with earlier tickets wait too, or
/// have left their values in the buffer, from which no thread receives yet.
fn until_sender_waits<T>(tx: &Sender<T>, ticket: u64) {
    // SAFETY: no operation with an earlier ticket ends on both of its sides meanwhile, so the cell of the ticket exists.
    until(|| unsafe { tx.waits_at(ticket) });
}

/// Waits until a receiver waits with this ticket. The caller knows that all receivers with earlier tickets wait too,
/// and that no thread sends yet.
fn until_receiver_waits<T>(rx: &Receiver<T>, ticket: u64) {
    // SAFETY: no operation with an earlier ticket ends meanwhile, so the cell of the ticket exists.
    until(|| unsafe { rx.waits_at(ticket) });
}

/// Plain data without synchronization of its own: a checker reports accesses that are not ordered by happens-before.
pub struct Plain(UnsafeCell<u32>);

// SAFETY: the property of a model is that all accesses are ordered by happens-before; a checker reports a race before
// the access if they are not.
unsafe impl Sync for Plain {}

impl Plain {
    /// Makes a value.
    pub fn new(value: u32) -> Plain {
        Plain(UnsafeCell::new(value))
    }

    /// Reads the value.
    #[track_caller]
    pub fn get(&self) -> u32 {
        // SAFETY: accesses are ordered, as for `Sync`: a checker reports a race before the access if they are not.
        self.0.with(|value| unsafe { *value })
    }

    /// Writes the value.
    #[track_caller]
    pub fn set(&self, new: u32) {
        // SAFETY: accesses are ordered, as for `Sync`: a checker reports a race before the access if they are not.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}
