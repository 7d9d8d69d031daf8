//! What depends on a context, each in a place of its own, so that it is taken out in constant time.

use super::node::Node;
use crate::rt::sync::{Arc, Weak};
use crate::rt::until::Nudge;

/// A closure that runs once a context is done.
pub(super) type Call = Box<dyn FnOnce() + Send>;

/// One that depends on a context.
pub(super) enum Kin {
    Child(Arc<Node>),
    /// A context whose handle is gone, and which its users keep.
    Detached(Weak<Node>),
    Call(Call),
    /// Ends the wait of a thread.
    Nudge(Nudge),
}

enum Place {
    Taken(Kin),
    /// Free, and the next place that is.
    Free(usize),
}

/// No place.
pub(super) const NOWHERE: usize = usize::MAX;

/// Those that depend on a context.
pub(super) struct Kindred {
    places: Vec<Place>,
    /// The first place that is free.
    free: usize,
}

impl Kindred {
    pub(super) const fn new() -> Kindred {
        Kindred { places: Vec::new(), free: NOWHERE }
    }

    /// Puts one in, and returns its place.
    pub(super) fn add(&mut self, kin: Kin) -> usize {
        let taken = Place::Taken(kin);
        match self.places.get_mut(self.free) {
            None => {
                self.places.push(taken);
                self.places.len() - 1
            }
            Some(place) => {
                let at = self.free;
                match core::mem::replace(place, taken) {
                    Place::Free(next) => self.free = next,
                    Place::Taken(_) => unreachable!("a free place is free"),
                }
                at
            }
        }
    }

    /// Takes out the one that was put there.
    pub(super) fn remove(&mut self, at: usize) -> Option<Kin> {
        let place = self.places.get_mut(at)?;
        match core::mem::replace(place, Place::Free(self.free)) {
            Place::Taken(kin) => {
                self.free = at;
                Some(kin)
            }
            free @ Place::Free(_) => {
                *place = free;
                None
            }
        }
    }

    /// Puts a weak owner in the place of a child, and returns the strong one.
    pub(super) fn detach(&mut self, at: usize) -> Option<Kin> {
        match self.places.get_mut(at)? {
            Place::Taken(kin @ Kin::Child(_)) => {
                let Kin::Child(child) = kin else { return None };
                let weak = Kin::Detached(Arc::downgrade(child));
                Some(core::mem::replace(kin, weak))
            }
            Place::Taken(_) | Place::Free(_) => None,
        }
    }

    /// Returns whether there are closures.
    pub(super) fn has_calls(&self) -> bool {
        self.places.iter().any(|place| matches!(place, Place::Taken(Kin::Call(_))))
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::Taken(_))).count()
    }

    /// Takes all out, in no promised order.
    pub(super) fn take(&mut self) -> Rest {
        self.free = NOWHERE;
        Rest(core::mem::take(&mut self.places).into_iter())
    }
}

/// Those that have been taken out.
pub(super) struct Rest(std::vec::IntoIter<Place>);

impl Rest {
    /// Returns whether there are none, not even places.
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }
}

impl Iterator for Rest {
    type Item = Kin;

    fn next(&mut self) -> Option<Kin> {
        self.0.find_map(|place| match place {
            Place::Taken(kin) => Some(kin),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Kin {
        Kin::Call(Box::new(|| ()))
    }

    #[test]
    fn places_are_used_again() {
        let mut kindred = Kindred::new();
        let [a, b, c] = [(); 3].map(|()| kindred.add(call()));
        assert!(kindred.remove(b).is_some() && kindred.remove(a).is_some());
        assert!(kindred.remove(a).is_none(), "it is free already");
        assert_eq!((kindred.add(call()), kindred.add(call()), kindred.add(call())), (a, b, c + 1));
        assert_eq!((kindred.len(), kindred.take().count(), kindred.len()), (4, 4, 0));
    }
}
