//! The abstraction layer itself, and small programs on it.

use super::Plain;
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, fence};
use selvedge::rt::sync::{Arc, Condvar, Mutex};
use selvedge::rt::{hint, thread};

/// Message passing: what was written before a Release store is read after the Acquire load that sees it.
pub fn a_flag_publishes_what_came_before() {
    let (data, ready) = (Plain::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(7);
            ready.store(true, Release); // site: set-flag
        });
        // site: read-flag
        if ready.load(Acquire) {
            assert_eq!(data.get(), 7);
        }
    });
}

/// The same by fences around relaxed accesses.
pub fn fences_publish_what_came_before() {
    let (data, ready) = (Plain::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(7);
            fence(Release); // site: fence-before-flag
            ready.store(true, Relaxed);
        });
        if ready.load(Relaxed) {
            fence(Acquire); // site: fence-after-flag
            assert_eq!(data.get(), 7);
        }
    });
}

/// A spin lock excludes.
pub fn a_spin_lock_excludes() {
    let (data, locked) = (Plain::new(0), AtomicBool::new(false));
    let bump = || {
        // site: acquire-spin-lock
        while locked.swap(true, Acquire) {
            hint::spin_loop();
        }
        data.set(data.get() + 1);
        locked.swap(false, Release); // site: release-spin-lock
    };
    thread::scope(|scope| {
        scope.spawn(bump);
        bump();
    });
    assert_eq!(data.get(), 2);
}

/// What came before an unpark is seen after the park, and a token given early is not lost.
pub fn unpark_happens_before_park_returns() {
    let data = Plain::new(0);
    let parker = Parker::new();
    let unparker = parker.unparker();
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(7);
            unparker.unpark(); // site: unpark
        });
        parker.park();
        assert_eq!(data.get(), 7);
    });
}

/// The mutex of the models excludes, and nobody who waits for it is forgotten.
pub fn the_mutex_excludes_and_wakes() {
    let count = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| *count.lock() += 1);
        }
        *count.lock() += 1;
    });
    assert_eq!(*count.lock(), 3);
}

/// A notification is not lost between the look at the condition and the wait.
pub fn the_condvar_wakes_who_waits() {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            *ready.lock() = true;
            changed.notify_one(); // site: notify-condvar
        });
        let mut guard = ready.lock();
        while !*guard {
            guard = changed.wait(guard);
        }
    });
}

/// The last owner frees the value, after everybody's last use of it.
pub fn the_last_owner_of_an_arc_frees_it() {
    let shared = Arc::new(Plain::new(1));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || assert_eq!(theirs.get(), 1));
    if let Some(value) = Arc::into_inner(shared) {
        value.set(2);
    }
    thread.join().expect("no panic");
}

/// Writes as it is dropped.
struct Ends(Plain);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set(2);
    }
}

/// The value is dropped after everybody's last use of it.
pub fn the_value_of_an_arc_is_dropped_after_its_last_use() {
    let shared = Arc::new(Ends(Plain::new(1)));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || assert_eq!(theirs.0.get(), 1));
    drop(shared);
    thread.join().expect("no panic");
}

/// A weak pointer gives the value as long as it lives, and no longer.
pub fn a_weak_pointer_does_not_outlive_the_value() {
    let shared = Arc::new(AtomicUsize::new(1));
    let weak = Arc::downgrade(&shared);
    let thread = thread::spawn(move || weak.upgrade().map(|value| value.fetch_add(1, Relaxed)));
    drop(shared);
    assert!(matches!(thread.join().expect("no panic"), None | Some(1)));
}

/// An owner that finds itself alone changes the value, also beside one that makes a weak pointer, ends, and comes back by
/// it: nobody else has the value then.
pub fn an_owner_that_is_alone_has_the_value_alone() {
    let mut mine = Arc::new(Plain::new(0));
    let theirs = Arc::clone(&mine);
    let other = thread::spawn(move || {
        let weak = Arc::downgrade(&theirs);
        drop(theirs);
        weak.upgrade().expect("one owner stays").get()
    });
    if let Some(alone) = Arc::get_mut(&mut mine) {
        alone.set(1);
    }
    assert!(other.join().expect("no panic") <= 1);
    Arc::get_mut(&mut mine).expect("the others are gone").set(2);
}

/// Of two owners that ask whether they are alone, one while the other goes and comes back, one has the value alone.
pub fn two_owners_that_ask_at_once_are_not_both_alone() {
    let mut mine = Arc::new(Plain::new(0));
    let theirs = Arc::clone(&mine);
    let other = thread::spawn(move || {
        let weak = Arc::downgrade(&theirs);
        drop(theirs);
        let mut again = weak.upgrade().expect("one owner stays");
        drop(weak);
        let alone = Arc::get_mut(&mut again).map(|alone| alone.set(1));
        (alone.is_some(), again.get())
    });
    if let Some(alone) = Arc::get_mut(&mut mine) {
        alone.set(2);
    }
    assert!(!other.join().expect("no panic").0, "this owner has been there all the time");
}

/// What an owner that is gone did with the value happens before what the one that is alone does.
pub fn an_owner_that_is_alone_comes_after_the_others() {
    let mut mine = Arc::new(Plain::new(0));
    let theirs = Arc::clone(&mine);
    let other = thread::spawn(move || theirs.get());
    if let Some(alone) = Arc::get_mut(&mut mine) {
        alone.set(1);
    }
    assert_eq!(other.join().expect("no panic"), 0);
}

/// An owner that was made of a weak pointer counts, though the weak pointer is gone.
pub fn an_owner_that_was_a_weak_pointer_counts() {
    let mut mine = Arc::new(Plain::new(0));
    let weak = Arc::downgrade(&mine);
    let other = thread::spawn(move || {
        let again = weak.upgrade().expect("one owner stays");
        drop(weak);
        again.get()
    });
    if let Some(alone) = Arc::get_mut(&mut mine) {
        alone.set(1);
    }
    assert!(other.join().expect("no panic") <= 1);
    Arc::get_mut(&mut mine).expect("the others are gone").set(2);
}

/// Of an owner that takes the value out and a weak pointer that asks for it one gets it.
pub fn a_value_that_is_taken_out_is_given_to_nobody_else() {
    let mine = Arc::new(Plain::new(0));
    let weak = Arc::downgrade(&mine);
    let other = thread::spawn(move || weak.upgrade().map(|value| value.get()));
    match Arc::try_unwrap(mine) {
        Ok(value) => value.set(1),
        Err(shared) => assert_eq!(shared.get(), 0),
    }
    assert!(matches!(other.join().expect("no panic"), None | Some(0)));
}
