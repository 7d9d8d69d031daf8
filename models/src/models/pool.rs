//! The pool.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::pool::Pool;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    what_is_got_was_put_before,
    what_is_got_elsewhere_was_put_before,
    a_thread_without_a_lane_puts_things_too,
    one_of_two_gets_it,
    what_is_idle_is_dropped_once,
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

/// Whoever gets something has it alone, and sees what was done before it was put.
fn what_is_got_was_put_before() -> Model {
    model("what is got was put before", || {
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

/// The same for what does not fit where only its own thread puts things.
fn what_is_got_elsewhere_was_put_before() -> Model {
    model("also what has been put elsewhere", || {
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

/// A thread that has no lane to itself, since there are more threads than lanes, gives what it puts to whoever comes.
fn a_thread_without_a_lane_puts_things_too() -> Model {
    model("and by a thread without a lane", || {
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

/// What one has put two others cannot both get.
fn one_of_two_gets_it() -> Model {
    model("one of two gets it", || {
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

/// What is idle is dropped once, or got.
fn what_is_idle_is_dropped_once() -> Model {
    model("what is idle is dropped once, or got", || {
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
