//! The pool.

use super::Plain;
use selvedge::pool::Pool;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;

fn small() -> Arc<Pool<Plain>> {
    Arc::new(Pool::with_slots(1, || Plain::new(0)))
}

/// Whoever gets something has it alone, and sees what was done before it was put.
pub fn what_is_got_was_put_before() {
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
}

/// What one has put two others cannot both get.
pub fn one_of_two_gets_it() {
    let pool = small();
    pool.put(Plain::new(1));
    let theirs = Arc::clone(&pool);
    let other = thread::spawn(move || theirs.try_get().map(|item| item.detach().get()));
    let here = pool.try_get().map(|item| item.detach().get());
    let there = other.join().expect("no panic");
    assert!(matches!((here, there), (Some(1), None) | (None, Some(1))));
}

/// What is idle is dropped once, or got.
pub fn what_is_idle_is_dropped_once() {
    let pool = small();
    pool.put(Plain::new(1));
    pool.clean();
    let theirs = Arc::clone(&pool);
    let other = thread::spawn(move || theirs.clean());
    let here = pool.try_get().map(|item| item.get());
    other.join().expect("no panic");
    assert!(matches!(here, None | Some(1)));
}
