//! A pool: idle objects in shards, of two generations. A put happens before the get of its object.
//!
//! A thread gets an object of its own shard first, and then one of the next shards; of a shard, first the one in the slot
//! that the shard's own thread fills. The real form looks into one slot after the other by relaxed loads, so a get may miss
//! an object of whose put its thread does not know, go on to the next one, and make a new object in the end. Here a get
//! misses up to [`MISSED`] objects.

use super::done;
use crate::first_panic::FirstPanic;
use crate::rt::alloc::TrackedBox;
use crate::rt::choose;
use crate::rt::spec::{Done, Native, Object, StepId, Store, Token, explores_ways};
use crate::rt::twin::is_twin;

/// A pool as specified.
pub(crate) struct Pool<T> {
    state: Object<State>,
    objects: Native<Store<TrackedBox<T>>>,
}

/// An idle object, and its put.
type Idle = (Token, StepId);

/// How many shards there are under an engine.
const SHARDS: usize = 2;

/// How many objects a get may miss.
const MISSED: usize = 3;

/// The idle objects.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// Of each shard, two generations.
    shards: [[Shelf; 2]; SHARDS],
    /// Which generation is the younger one.
    young: usize,
}

/// The objects of a shard that are of one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shelf {
    /// What the shard's own thread has put here.
    own: Option<Idle>,
    others: Vec<Idle>,
}

impl Shelf {
    const EMPTY: Shelf = Shelf { own: None, others: Vec::new() };

    fn take(&mut self) -> Option<Idle> {
        self.own.take().or_else(|| self.others.pop())
    }

    fn idle(&self) -> impl Iterator<Item = &Idle> {
        self.own.iter().chain(&self.others)
    }
}

impl State {
    const EMPTY: State = State { shards: [const { [const { Shelf::EMPTY }; 2] }; SHARDS], young: 0 };

    /// Returns the places in the order in which a thread with this number looks into them: shards and generations.
    fn places(&self, thread: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let generations = [self.young, 1 - self.young].into_iter();
        generations.flat_map(move |generation| (0..SHARDS).map(move |n| ((thread + n) % SHARDS, generation)))
    }

    /// Takes an idle object, for a thread with this number that misses the first so many, none of which it knows of. Returns
    /// `None` if it knows of one of them, or there are not so many.
    fn get(&self, thread: usize, missed: usize, known: &[Token]) -> Option<Done<State, Option<Token>>> {
        let mut state = self.clone();
        let mut taken: Vec<((usize, usize), Idle)> = Vec::new();
        for (shard, generation) in self.places(thread) {
            let shelf = &mut state.shards[shard][generation];
            taken.extend(core::iter::from_fn(|| shelf.take()).map(|idle| ((shard, generation), idle)));
        }
        let is_known = |(_, (object, _)): &((usize, usize), Idle)| known.contains(object);
        if taken.len() < missed || taken[..missed].iter().any(is_known) {
            return None;
        }
        let Some((place, (object, put))) = taken.get(missed) else {
            return Some(done(self.clone(), None, None));
        };
        let after = if is_twin() { None } else { Some(*put) }; // site: no-edge-to-the-get
        Some(done(self.without(*place, *object), Some(*object), after))
    }

    /// Returns the state without an object, which is in this place.
    fn without(&self, (shard, generation): (usize, usize), object: Token) -> State {
        let mut state = self.clone();
        let shelf = &mut state.shards[shard][generation];
        shelf.own = shelf.own.filter(|(own, _)| *own != object);
        shelf.others.retain(|(other, _)| *other != object);
        state
    }

    /// Returns all idle objects.
    fn idle(&self) -> Vec<Token> {
        self.shards.iter().flatten().flat_map(Shelf::idle).map(|(object, _)| *object).collect()
    }

    /// Puts an object into a pool with so many slots, and returns it if all of them are full.
    fn put(&self, me: StepId, thread: usize, slots: usize, object: Token) -> Done<State, Option<Token>> {
        let mut state = self.clone();
        let young = self.young;
        let own = state.shards.get_mut(thread).filter(|_| slots > 0).map(|shard| &mut shard[young].own);
        if let Some(own @ None) = own {
            *own = Some((object, me));
            return done(state, None, None);
        }
        let slots = if is_twin() { slots.saturating_sub(1) } else { slots }; // site: one-slot-less
        let mut shards = (0..SHARDS).map(|n| (thread + n) % SHARDS);
        let shard = shards.find(|shard| state.shards[*shard][young].others.len() < slots);
        match shard {
            Some(shard) => state.shards[shard][young].others.push((object, me)),
            None => return done(state, Some(object), None),
        }
        done(state, None, None)
    }

    /// Takes the objects of the older generation, which the younger one becomes.
    fn clean(&self) -> Done<State, Vec<Token>> {
        let mut state = self.clone();
        let old = if is_twin() { self.young } else { 1 - self.young }; // site: cleans-the-younger
        state.young = 1 - self.young;
        let shelves = state.shards.iter_mut().map(|shard| core::mem::replace(&mut shard[old], Shelf::EMPTY));
        let idle: Vec<Idle> = shelves.flat_map(|shelf| shelf.own.into_iter().chain(shelf.others)).collect();
        let (objects, puts): (Vec<Token>, Vec<StepId>) = idle.into_iter().unzip();
        done(state, objects, puts)
    }
}

impl<T> Pool<T> {
    #[track_caller]
    pub(crate) fn new() -> Pool<T> {
        Pool { state: Object::new("pool", State::EMPTY), objects: Native::of_default() }
    }

    /// Returns what the operations act on, if they are to be steps.
    #[inline(always)]
    pub(crate) fn specified(&self) -> Option<Specified<'_, T>> {
        let objects = self.objects.get()?;
        Some(Specified { state: &self.state, objects })
    }
}

impl<T> Drop for Pool<T> {
    #[inline]
    fn drop(&mut self) {
        let Some(pool) = self.specified() else { return };
        let rest = pool.state.known(State::idle);
        let mut panics = FirstPanic::none();
        panics.drop_each(rest.into_iter().map(|object| pool.objects.take(object)));
        panics.resume();
    }
}

/// What the operations of a specified pool act on.
pub(crate) struct Specified<'a, T> {
    state: &'a Object<State>,
    objects: &'a Store<TrackedBox<T>>,
}

impl<T> Specified<'_, T> {
    /// Takes an idle object, for a thread with this number.
    pub(crate) fn get(&self, thread: usize) -> Option<TrackedBox<T>> {
        let known = self.state.known(State::idle);
        let missed = if explores_ways() { choose(MISSED + 1) } else { 0 };
        let found = match missed {
            0 => self.state.step("get", |state, _| state.get(thread, 0, &known)),
            _ => self.state.step_assuming("get", |state, _| state.get(thread, missed, &known)),
        };
        found.map(|object| self.objects.take(object))
    }

    /// Puts an object, for a thread with this number, and returns it if so many slots are full.
    pub(crate) fn put(&self, thread: usize, slots: usize, object: TrackedBox<T>) -> Option<TrackedBox<T>> {
        let object = self.objects.put(object);
        let full = self.state.step("put", |state, me| Some(state.put(me, thread, slots, object)));
        full.map(|object| self.objects.take(object))
    }

    /// Takes the objects of the older generation.
    pub(crate) fn clean(&self) -> Vec<TrackedBox<T>> {
        let old = self.state.step("clean", |state, _| Some(state.clean()));
        old.into_iter().map(|object| self.objects.take(object)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    fn object(number: u32) -> Token {
        Token { thread: 0, number }
    }

    #[test]
    fn a_thread_gets_what_it_has_put_before_what_others_have_put() {
        let two = State::EMPTY.put(step(1), 1, 1, object(1)).state.put(step(2), 0, 1, object(2)).state;
        let first = two.get(0, 0, &[]).expect("an object is idle");
        assert_eq!((first.result, first.after), (Some(object(2)), vec![step(2)]));
        let second = first.state.get(0, 0, &[]).expect("an object is idle");
        assert_eq!((second.result, second.after), (Some(object(1)), vec![step(1)]));
        let none = second.state.get(0, 0, &[]).expect("a get does not wait");
        assert!(none.result.is_none() && none.after.is_empty());
    }

    #[test]
    fn a_full_pool_gives_an_object_back() {
        let put = |state: &State, number| state.put(step(number), 0, 1, object(number));
        let full = (1..=3).fold(State::EMPTY, |state, number| put(&state, number).state);
        assert_eq!(full.idle().len(), 3, "one in the thread's own slot, and one in each shard");
        assert_eq!(put(&full, 4).result, Some(object(4)));
        assert_eq!(State::EMPTY.put(step(1), 0, 0, object(1)).result, Some(object(1)));
    }

    #[test]
    fn an_object_that_was_idle_for_two_cleans_is_dropped() {
        let young = State::EMPTY.put(step(1), 0, 1, object(1)).state.clean();
        assert!(young.result.is_empty() && young.state.idle() == [object(1)]);
        let old = young.state.clean();
        assert_eq!((old.result, old.after), (vec![object(1)], vec![step(1)]));
    }

    #[test]
    fn a_get_misses_only_objects_that_it_does_not_know_of() {
        let two = State::EMPTY.put(step(1), 0, 1, object(1)).state.put(step(2), 0, 1, object(2)).state;
        let get = |missed, known: &[Token]| two.get(0, missed, known).map(|got| got.result);
        assert_eq!(get(0, &[]), Some(Some(object(1))));
        assert_eq!(get(1, &[]), Some(Some(object(2))));
        assert_eq!(get(2, &[]), Some(None));
        assert_eq!((get(1, &[object(1)]), get(2, &[object(2)]), get(3, &[])), (None, None, None));
    }
}
