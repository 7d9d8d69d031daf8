//! The models: small concurrent programs, each named after its property. A model is one function, which returns its row:
//! the program, its bound, and its mutants.

mod atomics;
mod chan_close;
mod chan_edges;
mod chan_force;
mod chan_full;
mod chan_order;
mod chan_room;
mod futures;
mod layer;
mod map;
mod mutants;
mod orders;
mod pool;
mod queue;
mod reclaim;
mod rw;
mod select;
pub mod sync;
mod timers;

use crate::model::{Model, model};
use selvedge::chan::{Receiver, Sender, bounded_with_segments};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::wait_until;

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
        timers::models,
        futures::models,
        queue::models,
        atomics::models,
        sync::models,
        rw::models,
        reclaim::models,
        map::models,
        pool::models,
        layer::models,
        orders::models,
    ];
    files.iter().flat_map(|models| models()).collect()
});

/// Lists the models of a file, each under its function's name.
macro_rules! models {
    ($($model:ident),* $(,)?) => {
        pub(super) fn models() -> Vec<Model> {
            vec![$($model().named(concat!(module_path!(), "::", stringify!($model)))),*]
        }
    };
}
use models;

/// Starts the mutants of a file, whose path is as sites name it.
macro_rules! mutant_of {
    ($path:literal) => {
        $crate::mutant::Mutant::of($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path)))
    };
}
use mutant_of;

/// A channel whose segments have two cells, so that small models cross from one to the next.
fn small<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, 1)
}

/// Lets others run until `condition` holds.
#[track_caller]
fn until(condition: impl Fn() -> bool) {
    wait_until(condition);
}

/// Waits until a sender waits with this ticket; all earlier ones wait too, or have left their values in the
/// buffer, where nobody receives them yet.
fn until_sender_waits<T>(tx: &Sender<T>, ticket: u64) {
    // SAFETY: so no operation with an earlier ticket ends meanwhile on both of its sides.
    until(|| unsafe { tx.waits_at(ticket) });
}

/// Waits until a receiver waits with this ticket; all earlier ones wait too, and nobody sends yet.
fn until_receiver_waits<T>(rx: &Receiver<T>, ticket: u64) {
    // SAFETY: so no operation with an earlier ticket ends meanwhile.
    until(|| unsafe { rx.waits_at(ticket) });
}

/// Plain data, which other synchronisation protects: a checker reports accesses that nothing orders.
pub struct Plain(UnsafeCell<u32>);

// SAFETY: models are about whether accesses are ordered, and a checker tells if they are not.
unsafe impl Sync for Plain {}

impl Plain {
    /// A value that nobody else has yet.
    pub fn new(value: u32) -> Plain {
        Plain(UnsafeCell::new(value))
    }

    /// Reads it.
    #[track_caller]
    pub fn get(&self) -> u32 {
        // SAFETY: see above.
        self.0.with(|value| unsafe { *value })
    }

    /// Writes it.
    #[track_caller]
    pub fn set(&self, new: u32) {
        // SAFETY: see above.
        self.0.with_mut(|value| unsafe { *value = new });
    }
}
