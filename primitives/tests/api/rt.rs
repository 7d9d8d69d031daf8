//! The layer `rt` outside any model: it behaves as std does.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "std is what it is compared with")]

use selvedge::rt::alloc::{Layout, TrackedBox, alloc, alloc_zeroed, dealloc};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::hint::{Backoff, spin_loop};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use selvedge::rt::sync::{Arc, Condvar, Mutex};
use selvedge::rt::{choose, thread, time};
use std::time::{Duration, Instant};

#[test]
fn an_unpark_before_or_during_a_park_ends_it() {
    let early = Parker::new();
    early.unparker().unpark();
    assert!(early.park_deadline(Some(Instant::now())));

    let late = Parker::new();
    let unparker = late.unparker();
    let done = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&done);
    let thread = thread::spawn(move || {
        theirs.store(true, Relaxed);
        unparker.unpark();
    });
    late.park();
    // Relaxed: whatever precedes `unpark` happens before the return of `park`.
    assert!(done.load(Relaxed));
    thread.join().expect("no panic");
}

#[test]
fn a_park_without_a_token_times_out_no_earlier_than_asked() {
    let parker = Parker::new();
    let deadline = Instant::now() + Duration::from_millis(5);
    assert!(!parker.park_deadline(Some(deadline)));
    assert!(Instant::now() >= deadline);
    assert!(!parker.park_deadline(Some(deadline)), "a deadline in the past");
    parker.unparker().unpark();
    assert!(parker.park_deadline(Some(deadline)));
}

#[test]
fn a_late_unpark_of_an_old_parker_does_not_wake_a_new_one() {
    let old = Parker::new();
    let unparker = old.unparker();
    drop(old);
    let new = Parker::new();
    unparker.unpark();
    assert!(!new.park_deadline(Some(Instant::now())));
}

#[test]
fn tokens_do_not_accumulate_and_parkers_do_not_share_them() {
    let (outer, inner) = (Parker::new(), Parker::new());
    let unparker = outer.unparker();
    unparker.clone().unpark();
    unparker.unpark();
    assert!(!inner.park_deadline(Some(Instant::now())), "the token is the outer parker's");
    drop(inner);
    assert!(!Parker::new().park_deadline(Some(Instant::now())), "and no new parker gets it");
    assert!(outer.park_deadline(Some(Instant::now())));
    assert!(!outer.park_deadline(Some(Instant::now())), "two unparks leave one token");
}

#[test]
fn each_park_ends_once_whenever_the_unparks_arrive() {
    let turn = Arc::new(AtomicUsize::new(0));
    for round in 1..=300 {
        let parker = Parker::new();
        let givers = [parker.unparker(), parker.unparker()].map(|unparker| {
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                turn.store(round, Relaxed);
                unparker.unpark();
            })
        });
        parker.park();
        // Relaxed: one of the threads has called `unpark`, after its store. The other may still be about to.
        assert_eq!(turn.load(Relaxed), round);
        drop(parker);
        if round % 2 == 0 {
            assert!(!Parker::new().park_deadline(Some(Instant::now())), "a late token reaches no later wait");
        }
        givers.into_iter().for_each(|giver| giver.join().expect("no panic"));
    }
}

#[test]
fn scoped_threads_borrow_and_return_values() {
    let sum = AtomicUsize::new(0);
    let results: Vec<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (1..=3)
            .map(|n| {
                scope.spawn({
                    let sum = &sum;
                    move || {
                        sum.fetch_add(n, Relaxed);
                        n
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!((results, sum.into_inner()), (vec![1, 2, 3], 6));
}

#[test]
fn threads_that_are_alike_all_run_and_pass_on_a_panic() {
    let (made, sum) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let threads = thread::spawn_symmetric(3, || {
        made.fetch_add(1, Relaxed);
        let sum = Arc::clone(&sum);
        move || assert!(sum.fetch_add(1, Relaxed) != 1, "the second")
    });
    assert_eq!(made.into_inner(), 3);
    let panic = threads.join().expect_err("one has panicked");
    assert_eq!(panic.downcast_ref(), Some(&"the second"));
    assert_eq!(Arc::try_unwrap(sum).map(AtomicUsize::into_inner).ok(), Some(3));
    assert!(thread::spawn_symmetric(0, || || ()).is_finished());
}

#[test]
fn the_mutex_excludes_and_the_condvar_wakes() {
    let shared = Arc::new((Mutex::new(0_u32), Condvar::new()));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for _ in 0..1_000 {
                    *shared.0.lock() += 1;
                }
                shared.1.notify_all();
            })
        })
        .collect();
    let mut count = shared.0.lock();
    while *count < 4_000 {
        count = shared.1.wait(count);
    }
    assert!(shared.0.try_lock().is_none());
    drop(count);
    assert_eq!(shared.0.try_lock().map(|count| *count), Some(4_000));
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn a_tracked_box_drops_its_value_once() {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let drops = AtomicUsize::new(0);
    let raw = TrackedBox::into_raw(TrackedBox::new(Counted(&drops)));
    assert_eq!(drops.load(Relaxed), 0);
    // SAFETY: `raw` comes from `into_raw`, is this thread's alone, and is taken back once.
    drop(unsafe { TrackedBox::from_raw(raw) });
    assert_eq!(drops.load(Relaxed), 1);
    let value = TrackedBox::into_inner(TrackedBox::new(Counted(&drops)));
    assert_eq!(drops.load(Relaxed), 1);
    drop(value);
    assert_eq!(drops.load(Relaxed), 2);
}

#[test]
fn choices_reach_every_number_below_the_bound() {
    let mut seen = [false; 3];
    for _ in 0..1_000 {
        seen[choose(3)] = true;
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
#[should_panic(expected = "nothing to choose from")]
fn a_choice_from_nothing_panics() {
    choose(0);
}

#[test]
fn backing_off_completes() {
    let backoff = Backoff::new();
    let mut rounds = 0;
    while !backoff.is_completed() {
        backoff.spin();
        backoff.snooze();
        rounds += 1;
        assert!(rounds < 100);
    }
    backoff.reset();
    assert!(!backoff.is_completed());
    spin_loop();
}

selvedge::rt::thread_local! {
    static NAME: std::cell::RefCell<String> = std::cell::RefCell::new("fresh".to_string());
}

#[test]
fn each_thread_has_its_own_thread_locals() {
    NAME.with(|name| name.borrow_mut().push('!'));
    let theirs = thread::spawn(|| NAME.with(|name| name.borrow().clone())).join().expect("no panic");
    assert_eq!((theirs.as_str(), NAME.with(|name| name.borrow().clone()).as_str()), ("fresh", "fresh!"));
}

#[test]
fn threads_have_names_and_ids_and_the_clock_advances() {
    let named =
        thread::Builder::new().name("worker".into()).spawn(|| thread::current().id()).expect("spawns");
    assert_eq!(named.thread().name(), Some("worker"));
    let id = named.thread().id();
    assert_eq!(named.join().expect("no panic"), id);
    assert_ne!(id, thread::current().id());
    let before = time::now();
    thread::yield_now();
    assert!(time::now() >= before);
}

#[test]
fn a_cell_gives_pointers_to_its_value_and_may_be_unsized() {
    let cell: Box<UnsafeCell<[String]>> = Box::new(UnsafeCell::new(["a".to_string(), "b".to_string()]));
    let pointer = cell.get_mut();
    // SAFETY: no other thread has the cell, and no other reference to its value exists.
    let value = unsafe { pointer.deref() };
    value[1].push('!');
    let pointer = cell.get();
    let addresses = (pointer.with(|value| value.addr()), cell.with(|value| value.addr()));
    // SAFETY: the cell lives, and nothing writes to it meanwhile.
    assert_eq!((unsafe { pointer.deref() }[1].as_str(), addresses.0), ("b!", addresses.1));
    assert_eq!(UnsafeCell::from(3).into_inner(), 3);
}

selvedge::rt::thread_local! {
    static COUNT: std::cell::Cell<u32> = panic!("it is set first");
    static WORDS: std::cell::RefCell<Vec<&'static str>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn thread_locals_of_cells_have_stds_methods() {
    COUNT.set(3);
    assert_eq!((COUNT.replace(4), COUNT.get(), COUNT.take(), COUNT.get()), (3, 4, 4, 0));
    WORDS.with_borrow_mut(|words| words.push("warp"));
    assert_eq!(
        (WORDS.with_borrow(Vec::len), WORDS.replace(vec!["weft"]), WORDS.take()),
        (1, vec!["warp"], vec!["weft"])
    );
    WORDS.set(vec!["selvedge"]);
    assert_eq!(WORDS.take(), ["selvedge"]);
}

selvedge::rt::thread_local! {
    static FIRST: Logs = Logs("first");
    static LAST: Logs = Logs("last");
}

/// Notes, when its thread ends, which of the thread's other values are there.
struct Logs(&'static str);

static GONE: std::sync::Mutex<Vec<(&str, bool, bool)>> = std::sync::Mutex::new(Vec::new());

impl Drop for Logs {
    fn drop(&mut self) {
        let there = |key: &'static thread::LocalKey<Logs>| key.try_with(|_| ()).is_ok();
        GONE.lock().expect("no panic").push((self.0, there(&FIRST), there(&LAST)));
    }
}

#[test]
fn a_thread_drops_its_last_thread_local_first_and_none_is_made_anew() {
    thread::spawn(|| FIRST.with(|_| LAST.with(|_| ()))).join().expect("no panic");
    assert_eq!(*GONE.lock().expect("no panic"), [("last", true, false), ("first", false, false)]);
}

#[test]
fn raw_memory_is_stds() {
    let layout = Layout::array::<u16>(3).expect("six bytes");
    // SAFETY: the layout is not empty; each allocation is written before it is read, and freed once.
    unsafe {
        let (memory, zeroed) = (alloc(layout), alloc_zeroed(layout).cast::<u16>());
        memory.write_bytes(1, layout.size());
        assert_eq!((*memory.cast::<u16>().add(2), *zeroed.add(2)), (0x101, 0));
        dealloc(memory, layout);
        dealloc(zeroed.cast(), layout);
    }
}
