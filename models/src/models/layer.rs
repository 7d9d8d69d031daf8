//! Models of the abstraction layer itself, and small programs on it.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, fence};
use selvedge::rt::sync::{Arc, Condvar, Mutex};
use selvedge::rt::{hint, thread};
use selvedge_check::{Change, FailureKind};

models![
    a_flag_publishes_what_came_before,
    fences_publish_what_came_before,
    a_spin_lock_excludes,
    unpark_happens_before_park_returns,
    the_mutex_excludes_and_wakes,
    the_condvar_wakes_its_waiter,
    the_last_owner_of_an_arc_frees_it,
    the_value_of_an_arc_is_dropped_after_its_last_use,
    a_weak_pointer_does_not_outlive_the_value,
    an_owner_that_is_alone_has_the_value_alone,
    two_owners_that_ask_at_once_are_not_both_alone,
    an_owner_that_is_alone_comes_after_the_others,
    an_owner_that_was_a_weak_pointer_counts,
    a_value_that_is_taken_out_is_given_to_nobody_else,
    a_cyclic_value_is_published_with_its_first_owner,
    a_value_that_is_made_exclusive_comes_after_the_others,
    a_value_that_is_made_exclusive_leaves_its_weak_pointers,
    an_unsized_value_is_freed_by_its_last_owner,
];

const LAYER: Mutant = mutant_of!("models/src/models/layer.rs");
const ARC: Mutant = mutant_of!("primitives/src/rt/sync/arc.rs");
const ARC_MAKE: Mutant = mutant_of!("primitives/src/rt/sync/arc/make.rs");
const ARC_WEAK: Mutant = mutant_of!("primitives/src/rt/sync/arc/weak.rs");
const MUTEX: Mutant = mutant_of!("primitives/src/rt/sync/mutex.rs");

/// Message passing: a write before a Release store is read after the Acquire load that reads the store.
fn a_flag_publishes_what_came_before() -> Model {
    model("message passing by Release and Acquire", || {
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
    })
    .catches([LAYER.weaken("set-flag"), LAYER.weaken("read-flag")])
}

/// Message passing by fences around relaxed accesses.
fn fences_publish_what_came_before() -> Model {
    model("message passing by fences", || {
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
    })
    .catches([
        LAYER.mutant("fence-before-flag", Change::DropFence, FailureKind::Race, Needs::Orderings),
        LAYER.mutant("fence-after-flag", Change::DropFence, FailureKind::Race, Needs::Orderings),
    ])
}

/// Two threads increment under a spin lock: one at a time, and each reads what the other wrote.
fn a_spin_lock_excludes() -> Model {
    model("a spin lock excludes", || {
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
    })
    .catches([LAYER.weaken("acquire-spin-lock"), LAYER.weaken("release-spin-lock")])
}

/// A write before an unpark is read after the park, and a permit that was given early is not lost.
fn unpark_happens_before_park_returns() -> Model {
    model("unpark happens before park returns", || {
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
    })
    .catches([LAYER.drop_wake("unpark")])
}

/// The mutex of the models excludes, and wakes each thread that waits for it.
fn the_mutex_excludes_and_wakes() -> Model {
    model("the models' mutex excludes and wakes", || {
        let count = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| *count.lock() += 1);
            }
            *count.lock() += 1;
        });
        assert_eq!(*count.lock(), 3);
    })
    .bound(2)
    .catches([MUTEX.drop_wake("wake-next"), MUTEX.weaken("unlock")])
}

/// A notification between the look at the condition and the wait is not lost.
fn the_condvar_wakes_its_waiter() -> Model {
    model("no notification is lost", || {
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
    })
    .catches([LAYER.drop_wake("notify-condvar")])
}

/// The last owner frees the value, and the last use by every other owner happens before.
fn the_last_owner_of_an_arc_frees_it() -> Model {
    model("the last owner frees the value", || {
        let shared = Arc::new(Plain::new(1));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || assert_eq!(theirs.get(), 1));
        if let Some(value) = Arc::into_inner(shared) {
            value.set(2);
        }
        thread.join().expect("no panic");
    })
    .catches([ARC.weaken("drop-strong")])
}

/// Writes when it is dropped.
struct Ends(Plain);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.set(2);
    }
}

/// The value is dropped after the last use by every owner.
fn the_value_of_an_arc_is_dropped_after_its_last_use() -> Model {
    model("the value is dropped after its last use", || {
        let shared = Arc::new(Ends(Plain::new(1)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || assert_eq!(theirs.0.get(), 1));
        drop(shared);
        thread.join().expect("no panic");
    })
    .catches([ARC.mutant(
        "fence-before-dropping-value",
        Change::DropFence,
        FailureKind::Race,
        Needs::Orderings,
    )])
}

/// A weak pointer gives the value as long as an owner lives, and no longer.
fn a_weak_pointer_does_not_outlive_the_value() -> Model {
    model("a weak pointer does not keep the value", || {
        let shared = Arc::new(AtomicUsize::new(1));
        let weak = Arc::downgrade(&shared);
        let thread = thread::spawn(move || weak.upgrade().map(|value| value.fetch_add(1, Relaxed)));
        drop(shared);
        assert!(matches!(thread.join().expect("no panic"), None | Some(1)));
    })
    .catches([ARC_WEAK.lose("drop-weak", FailureKind::Leak)])
}

/// An owner that `get_mut` finds alone writes to the value, beside an owner that makes a weak pointer, is dropped,
/// and is made again from the weak pointer: no other owner exists at the write.
fn an_owner_that_is_alone_has_the_value_alone() -> Model {
    model("an owner that is alone has the value alone", || {
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
    })
    .catches([ARC.weaken("count-owners")])
}

/// Two owners call `get_mut`, one of them after it was dropped and made again from a weak pointer: the other lives
/// all the time, so the one made again is not alone.
fn two_owners_that_ask_at_once_are_not_both_alone() -> Model {
    model("two owners are not both alone", || {
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
    })
    .catches([ARC.weaken("count-owners")])
}

/// What a dropped owner did with the value happens before what the owner that is alone does.
fn an_owner_that_is_alone_comes_after_the_others() -> Model {
    model("an owner that is alone comes after the others", || {
        let mut mine = Arc::new(Plain::new(0));
        let theirs = Arc::clone(&mine);
        let other = thread::spawn(move || theirs.get());
        if let Some(alone) = Arc::get_mut(&mut mine) {
            alone.set(1);
        }
        assert_eq!(other.join().expect("no panic"), 0);
    })
    .catches([ARC.weaken("count-owners")])
}

/// An owner that was made from a weak pointer counts, though the weak pointer is gone.
fn an_owner_that_was_a_weak_pointer_counts() -> Model {
    model("an owner that was made from a weak pointer counts", || {
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
    })
    .catches([ARC.weaken("read-weak")])
}

/// Of an owner that takes the value out and a weak pointer that is upgraded, one gets the value.
fn a_value_that_is_taken_out_is_given_to_nobody_else() -> Model {
    model("a value that is taken out is not given again", || {
        let mine = Arc::new(Plain::new(0));
        let weak = Arc::downgrade(&mine);
        let other = thread::spawn(move || weak.upgrade().map(|value| value.get()));
        match Arc::try_unwrap(mine) {
            Ok(value) => value.set(1),
            Err(shared) => assert_eq!(shared.get(), 0),
        }
        assert!(matches!(other.join().expect("no panic"), None | Some(0)));
    })
    .catches([
        ARC.weaken("take-value"),
        ARC.lose("take-value", FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::Orderings),
    ])
}

/// A thread that has a weak pointer from the making of a value upgrades it only once the value is there.
fn a_cyclic_value_is_published_with_its_first_owner() -> Model {
    model("a cyclic value is published with its first owner", || {
        let mut other = None;
        let shared = Arc::new_cyclic(|me| {
            let me = me.clone();
            other = Some(thread::spawn(move || me.upgrade().map(|value: Arc<Plain>| value.get())));
            Plain::new(7)
        });
        let seen = other.expect("just made").join().expect("no panic");
        assert!(matches!(seen, None | Some(7)) && shared.get() == 7);
    })
    .catches([ARC_MAKE.weaken("publish-cyclic")])
}

/// A value with a copy of its own.
struct Copied(Plain);

impl Clone for Copied {
    fn clone(&self) -> Self {
        Copied(Plain::new(self.0.get()))
    }
}

/// An owner writes to its own copy, or to the value after the last use by every other owner.
fn a_value_that_is_made_exclusive_comes_after_the_others() -> Model {
    model("a value that is made exclusive is nobody else's", || {
        let mut mine = Arc::new(Copied(Plain::new(0)));
        let theirs = Arc::clone(&mine);
        let other = thread::spawn(move || theirs.0.get());
        Arc::make_mut(&mut mine).0.set(1);
        assert_eq!((other.join().expect("no panic"), mine.0.get()), (0, 1));
    })
    .catches([ARC.weaken("count-owners")])
}

/// A weak pointer that is upgraded while the only owner makes the value exclusive gets the value as it was, or none.
fn a_value_that_is_made_exclusive_leaves_its_weak_pointers() -> Model {
    model("a value that is made exclusive has no weak pointers", || {
        let mut mine = Arc::new(Copied(Plain::new(0)));
        let weak = Arc::downgrade(&mine);
        let other = thread::spawn(move || weak.upgrade().map(|value| value.0.get()));
        Arc::make_mut(&mut mine).0.set(1);
        assert!(matches!(other.join().expect("no panic"), None | Some(0)) && mine.0.get() == 1);
    })
    .catches([ARC.weaken("take-value")])
}

/// The owners of a trait object are counted beside a value whose type they do not know.
fn an_unsized_value_is_freed_by_its_last_owner() -> Model {
    model("an unsized value is freed by its last owner", || {
        let shared: Arc<dyn Fn() -> u32 + Send + Sync> = Arc::from(Box::new({
            let value = Ends(Plain::new(1));
            move || value.0.get()
        })
            as Box<dyn Fn() -> u32 + Send + Sync>);
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || assert_eq!(theirs(), 1));
        drop(shared);
        thread.join().expect("no panic");
    })
    .catches([ARC.weaken("drop-strong")])
}
