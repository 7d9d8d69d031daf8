//! The garbage of a structure: objects that were unlinked, and that readers may still find.
//!
//! Where the end of an object is nothing that a program could see, it does not matter when the structure drops it. Then a
//! structure *keeps* its garbage to its own end, and readers need not announce themselves: a pin is no event. All else of
//! the structure is as in the real form, so a lookup is the loads that it makes, with their orderings. A pin of the real form
//! is a SeqCst write and orders more than is promised: two threads that each store into one cell and then load another one
//! cannot both find the old value there; here they can.
//!
//! A program may come to see the end of an object, by the count of an `Arc`'s owners. Then it *looks*: the exploration begins
//! anew, with the real form. An engine without graphs always takes the real form.

use crate::rt::spec::{Common, Native, note_specified};
use crate::rt::twin::is_twin;
use core::cell::RefCell;
use core::mem::{self, ManuallyDrop};

/// The garbage of a structure as specified.
pub(crate) struct Garbage<G>(Native<Kept<G>>);

struct Kept<G> {
    /// The two things that are together if the program looks.
    looked_at: [Common<LookedAt>; 2],
    /// What is left when the execution is given up has no owner that could drop it.
    objects: RefCell<ManuallyDrop<Vec<G>>>,
}

/// What stands for the knowledge that a program sees when garbage is dropped; it has no state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LookedAt;

impl<G> Default for Kept<G> {
    fn default() -> Self {
        Kept { looked_at: [Common::new("garbage"), Common::new("end")], objects: RefCell::default() }
    }
}

impl<G> Garbage<G> {
    constructor! {
        pub(crate) fn new() -> Garbage<G> {
            Garbage(Native::of_default())
        }
    }

    /// Returns the garbage of a structure that always has its real form.
    pub(crate) const fn real() -> Garbage<G> {
        Garbage(Native::none())
    }

    fn kept(&self) -> Option<&Kept<G>> {
        self.0.get().filter(|kept| !Common::are_together(&kept.looked_at.each_ref()))
    }

    /// Returns whether the structure keeps its garbage.
    #[inline(always)]
    pub(crate) fn is_kept(&self) -> bool {
        let is_kept = self.kept().is_some();
        if is_kept {
            note_specified();
        }
        is_kept
    }

    /// Keeps an object to the structure's end, or returns it.
    #[inline(always)]
    pub(crate) fn keep(&self, object: G) -> Result<(), G> {
        match self.kept() {
            Some(kept) => {
                let keeps = !is_twin(); // site: drops-at-once
                if keeps {
                    kept.objects.borrow_mut().push(object);
                }
                Ok(())
            }
            None => Err(object),
        }
    }

    /// Lets the program see when garbage is dropped: if it has not so far, the exploration begins anew, and this does not
    /// return.
    pub(crate) fn look(&self) {
        if let Some(kept) = self.kept() {
            Common::need_together(&kept.looked_at.each_ref());
        }
    }
}

impl<G> Drop for Garbage<G> {
    #[inline]
    fn drop(&mut self) {
        let Some(kept) = self.kept() else { return };
        let objects = mem::take(&mut **kept.objects.borrow_mut());
        drop(objects);
    }
}
