//! Goroutines that change their threads, in the modes that let them.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

use selvedge::chan::{Receiver, bounded};
use selvedge::sync::{Mutex, WaitGroup};
use selvedge_go::{Builder, Migration, go, go_local, gosched, scope, spawn};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::ThreadId;

fn checked() -> Migration {
    // SAFETY: what the goroutines below keep across their waits is `Send`, or is found by the check: references to thread-locals and
    // an `Rc` that a thread-local shares, on their stacks.
    unsafe { Migration::checked() }
}

fn free() -> Migration {
    // SAFETY: the tests that use this mode keep nothing of a thread across waits.
    unsafe { Migration::free() }
}

/// Returns the thread that runs the goroutine. Never inlined, so that no address of a thread-local is kept.
#[inline(never)]
fn thread() -> ThreadId {
    std::thread::current().id()
}

/// Starts two goroutines that stay on threads of their own, and send until nobody receives: a goroutine that waits for a
/// value is woken now on the one thread and now on the other.
fn send_from_two_threads() -> Receiver<()> {
    let (tx, rx) = bounded(0);
    let begun = Arc::new(AtomicUsize::new(0));
    for number in 1..=2 {
        let (tx, begun) = (tx.clone(), Arc::clone(&begun));
        go(move || {
            begun.fetch_add(1, Ordering::Relaxed);
            while begun.load(Ordering::Relaxed) < 2 {
                std::hint::spin_loop();
            }
            // Each has a thread alone now.
            go_local(move || {
                let mut pause: u32 = number;
                while tx.send(()).is_ok() {
                    // Of another length each time, so that now the one and now the other is the next to send.
                    pause = (pause * 75 + 74) % 65_537;
                    (0..pause % 2_048).for_each(|_| std::hint::spin_loop());
                }
            });
        });
    }
    rx
}

/// Overwrites what calls have left below on the stack, where a check would find it though nothing uses it.
#[inline(never)]
fn clear() {
    black_box([0_usize; 1024]);
}

/// Runs a goroutine that is woken from two threads, so many times; returns how often it has changed its thread. In `turn` it waits at
/// least once, with nothing on its stack but what calls use that have not returned.
fn changes(migration: Migration, turns: u32, turn: impl Fn(&dyn Fn()) + Send + 'static) -> u32 {
    Builder::new().procs(2).migration(migration).run(move || {
        let rx = send_from_two_threads();
        let woken = spawn(move || {
            let (mut last, mut changes) = (thread(), 0);
            for _ in 0..turns {
                turn(&|| {
                    clear();
                    _ = rx.recv();
                });
                changes += u32::from(std::mem::replace(&mut last, thread()) != last);
            }
            changes
        });
        woken.join().expect("no panic")
    })
}

/// Runs such goroutines until there were some changes; if there never are, the test does not end. One goroutine may be tied to its
/// thread by a word that it does not use, such as the address of memory that it has freed and a thread-local has now.
fn until_it_changes(migration: Migration, turn: impl Fn(&dyn Fn()) + Send + Clone + 'static) {
    let mut sum = 0;
    while sum < 5 {
        sum += changes(migration, 500, turn.clone());
    }
}

#[test]
fn a_goroutine_changes_its_thread_in_the_modes_that_let_it() {
    until_it_changes(checked(), |wait| wait());
    until_it_changes(free(), |wait| wait());
    assert_eq!(changes(Migration::never(), 2_000, |wait| wait()), 0);
}

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static SHARED: Rc<Cell<u64>> = Rc::default();
}

#[test]
fn a_reference_to_a_thread_local_keeps_a_goroutine_on_its_thread() {
    #[inline(never)]
    fn held(wait: &dyn Fn()) {
        COUNT.with(|count| {
            let before = thread();
            count.set(count.get() + 1);
            wait();
            black_box(count).set(count.get() + 1);
            assert_eq!(thread(), before);
        });
    }
    // It changes its thread where it holds nothing, and only there.
    until_it_changes(checked(), |wait| {
        held(wait);
        wait();
    });
}

#[test]
fn an_rc_that_a_thread_local_shares_keeps_a_goroutine_on_its_thread() {
    #[inline(never)]
    fn held(wait: &dyn Fn()) {
        let shared = SHARED.with(Rc::clone);
        let before = thread();
        shared.set(shared.get() + 1);
        wait();
        black_box(&shared).set(shared.get() + 1);
        assert_eq!(thread(), before);
    }
    until_it_changes(checked(), |wait| {
        held(wait);
        wait();
    });
}

#[test]
fn a_counter_of_a_thread_is_one_thread_s() {
    /// The counters of all threads.
    static ALL: std::sync::LazyLock<Mutex<Vec<Arc<AtomicU64>>>> = std::sync::LazyLock::new(Mutex::default);
    thread_local! {
        static OWN: Arc<AtomicU64> = {
            let own = Arc::new(AtomicU64::new(0));
            ALL.lock().push(Arc::clone(&own));
            own
        };
    }
    /// Adds one as only the owner of a counter may.
    fn add(counter: &AtomicU64) {
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    for migration in [Migration::never(), checked()] {
        ALL.lock().clear();
        // New threads, and so new counters.
        let run = move || {
            Builder::new().procs(4).migration(migration).run(|| {
                let group = WaitGroup::new();
                for _ in 0..40 {
                    let task = group.task();
                    go(move || {
                        for _ in 0..250 {
                            OWN.with(|own| {
                                add(own);
                                gosched();
                                add(black_box(own));
                            });
                            gosched();
                        }
                        drop(task);
                    });
                }
                group.wait();
            });
        };
        std::thread::spawn(run).join().expect("no panic");
        let total: u64 = ALL.lock().iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        assert_eq!(total, 40 * 250 * 2, "{migration:?}");
    }
}

selvedge::rt::thread_local! {
    static OWN: Cell<u64> = Cell::new(0);
}

#[test]
fn a_goroutine_s_own_value_goes_with_it() {
    let held = |wait: &dyn Fn()| {
        OWN.with(|own| {
            let before = own.get();
            wait();
            own.set(before + 1);
        });
        let now = OWN.get();
        wait();
        assert_eq!(OWN.get(), now);
    };
    until_it_changes(free(), held);
}

#[test]
fn a_goroutine_that_has_locked_its_thread_stays_there() {
    let held = |wait: &dyn Fn()| {
        let locked = selvedge_go::lock_os_thread();
        let before = thread();
        wait();
        assert_eq!(thread(), before);
        drop(locked);
        wait();
    };
    until_it_changes(checked(), held);
    until_it_changes(free(), held);
}

#[test]
fn goroutines_that_share_what_is_not_send_stay_on_one_thread() {
    Builder::new().procs(2).migration(free()).run(|| {
        let rx = send_from_two_threads();
        let join = spawn(move || {
            let count = Rc::new(Cell::new(0));
            let (theirs, their_rx) = (Rc::clone(&count), rx.clone());
            let done = Rc::new(Cell::new(false));
            let is_done = Rc::clone(&done);
            let here = thread();
            go_local(move || {
                for _ in 0..500 {
                    theirs.set(theirs.get() + 1);
                    their_rx.recv().expect("the others send");
                    assert_eq!(thread(), here);
                }
                is_done.set(true);
            });
            for _ in 0..500 {
                count.set(count.get() + 1);
                rx.recv().expect("the others send");
                assert_eq!(thread(), here);
            }
            while !done.get() {
                rx.recv().expect("the others send");
            }
            count.get()
        });
        assert_eq!(join.join().expect("no panic"), 1000);
    });
}

#[test]
fn main_may_end_on_another_thread() {
    for migration in [checked(), free()] {
        let mut others = 0;
        while others < 2 {
            let first = thread();
            let (last, sum) = Builder::new().procs(2).migration(migration).run(|| {
                let rx = send_from_two_threads();
                (0..50).for_each(|_| {
                    clear();
                    rx.recv().expect("the others send");
                });
                (thread(), (1..=10).sum::<i32>())
            });
            assert_eq!((thread(), sum), (first, 55), "the caller goes on where it was");
            others += u32::from(last != first);
        }
    }
}

#[test]
fn scopes_and_panics_hold_on_any_thread() {
    Builder::new().procs(4).migration(free()).run(|| {
        for round in 0..50 {
            let counts = [const { AtomicUsize::new(0) }; 8];
            let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scope(|scope| {
                    for (n, count) in counts.iter().enumerate() {
                        scope.go(move || {
                            gosched();
                            count.fetch_add(1, Ordering::Relaxed);
                            if n == round % 8 {
                                std::panic::resume_unwind(Box::new(n));
                            }
                        });
                    }
                });
            }));
            assert_eq!(panics.expect_err("one panics").downcast_ref(), Some(&(round % 8)));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            assert!(!std::thread::panicking());
        }
    });
}

#[test]
fn a_wait_that_refers_to_a_thread_local_is_reported_by_name() {
    fn inside() {
        COUNT.with(|count| {
            gosched();
            black_box(count).set(1);
        });
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&told);
    Builder::new().procs(1).on_thread_local(move |text| theirs.lock().push(text.to_string())).run(|| {
        let refers = spawn(|| {
            inside();
            inside();
        });
        let site = line!() - 4;
        let (tx, rx) = bounded(0);
        // These refer to none.
        go(move || tx.send(OWN.get()).expect("a receiver"));
        assert_eq!(rx.recv(), Ok(0));
        refers.join().expect("no panic");
        site
    });
    let told = told.lock();
    assert_eq!(told.len(), 1, "{told:?}");
    let needed = ["goroutine", "modes::COUNT", "modes.rs", "inside"];
    assert!(needed.iter().all(|part| told[0].contains(part)), "{}", told[0]);
}
