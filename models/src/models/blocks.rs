//! Models of the building blocks that the layer has for models: cells with pointers, and what std has for threads that
//! wait.

use super::{Model, model, models, mutant_of};
use crate::mutant::Mutant;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;

models![a_pointer_that_outlives_the_publication_is_no_access];

const BLOCKS: Mutant = mutant_of!("models/src/models/blocks.rs");

/// A cell that threads share.
struct Shared<T: ?Sized>(UnsafeCell<T>);

// SAFETY: the property of a model is that all accesses are ordered by happens-before; a checker reports a race before
// the access if they are not.
unsafe impl<T: ?Sized> Sync for Shared<T> {}

/// A writer publishes a slice while it still has the pointer; the reader reads beside it.
fn a_pointer_that_outlives_the_publication_is_no_access() -> Model {
    model("the end of a pointer to a cell is no access", || {
        let (slots, ready) = (Shared(UnsafeCell::new([0, 0])), AtomicBool::new(false));
        let slots: &Shared<[u32]> = &slots;
        thread::scope(|scope| {
            scope.spawn(|| {
                let slot = slots.0.get_mut();
                // SAFETY: the reader reads only after the store below, which publishes the slots.
                unsafe { slot.deref()[1] = 7 };
                // The pointer is still there.
                ready.store(true, Release); // site: publish-slots
            });
            if ready.load(Acquire) {
                // SAFETY: the writer wrote before its store, and writes no more.
                assert_eq!(unsafe { slots.0.get().deref()[1] }, 7);
            }
        });
    })
    .catches([BLOCKS.weaken("publish-slots")])
}
