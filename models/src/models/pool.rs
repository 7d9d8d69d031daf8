//! Models of the pool.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::pool::Pool;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    an_item_is_got_after_it_was_put,
    an_item_in_a_shared_slot_is_got_after_it_was_put,
    a_thread_without_a_lane_puts_items_too,
    one_of_two_threads_gets_an_item,
    an_idle_item_is_dropped_once_or_got,
];

const POOL: Mutant = mutant_of!("primitives/src/pool.rs");
const WEAK_PUT: Mutant = POOL.weaken("put-into-shared-slot").needs(Needs::SeqCst);
const WEAK_OWN: Mutant = POOL.weaken("put-into-own-slot").needs(Needs::SeqCst);
const WEAK_TAKE: Mutant = POOL.weaken("take-item").needs(Needs::SeqCst);
const LOST_TAKE: Mutant =
    POOL.lose("take-item", FailureKind::DoubleFree).or(FailureKind::UseAfterFree).or(FailureKind::Race);

fn small() -> Arc<Pool<Plain>> {
    Arc::new(Pool::with_slots(1, || Plain::new(0)))
}

/// A thread that gets an item has it alone, and reads what was written to the item before it was put.
fn an_item_is_got_after_it_was_put() -> Model {
    model("an item is got after it was put", || {
        let pool = small();
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || {
            let item = theirs.get();
            item.set(item.get() + 1);
        });
        let item = pool.get();
        item.set(item.get() + 1);
        drop(item);
        other.join().expect("no panic");
        let sum = [pool.get(), pool.get()].map(|item| item.get()).iter().sum::<u32>();
        assert_eq!(sum, 2);
    })
    .bound(2)
    .catches([WEAK_OWN, WEAK_TAKE])
}

/// A thread that gets an item from the shared slots reads what was written to the item before it was put.
fn an_item_in_a_shared_slot_is_got_after_it_was_put() -> Model {
    model("an item in a shared slot is got after it was put", || {
        let pool = small();
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || {
            for _ in 0..2 {
                let item = Plain::new(0);
                item.set(1);
                theirs.put(item);
            }
        });
        let take = || pool.try_get().map_or(0, |item| item.detach().get());
        let early = take() + take();
        other.join().expect("no panic");
        assert_eq!(early + take() + take(), 2);
    })
    .bound(2)
    .catches([WEAK_PUT, WEAK_TAKE])
}

/// A thread that has no lane to itself, since there are more threads than lanes, puts its items into the shared
/// slots.
fn a_thread_without_a_lane_puts_items_too() -> Model {
    model("a thread without a lane puts items, and others get them", || {
        let pool = small();
        thread::spawn(|| ()).join().expect("no panic");
        let theirs = Arc::clone(&pool);
        let third = thread::spawn(move || {
            let item = theirs.get();
            item.set(1);
        });
        let take = || pool.try_get().map_or(0, |item| item.detach().get());
        let early = take();
        third.join().expect("no panic");
        assert_eq!(early + take(), 1);
    })
    .bound(2)
    .catches([WEAK_PUT, WEAK_TAKE])
}

/// Two threads try to get one item: one of them gets it.
fn one_of_two_threads_gets_an_item() -> Model {
    model("one of two threads gets an item", || {
        let pool = small();
        pool.put(Plain::new(1));
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || theirs.try_get().map(|item| item.detach().get()));
        let here = pool.try_get().map(|item| item.detach().get());
        let there = other.join().expect("no panic");
        assert!(matches!((here, there), (Some(1), None) | (None, Some(1))));
    })
    .bound(2)
    .catches([LOST_TAKE])
}

/// An idle item is dropped once, or got.
fn an_idle_item_is_dropped_once_or_got() -> Model {
    model("an idle item is dropped once, or got", || {
        let pool = small();
        pool.put(Plain::new(1));
        pool.clean();
        let theirs = Arc::clone(&pool);
        let other = thread::spawn(move || theirs.clean());
        let here = pool.try_get().map(|item| item.get());
        other.join().expect("no panic");
        assert!(matches!(here, None | Some(1)));
    })
    .bound(2)
    .catches([LOST_TAKE])
}
