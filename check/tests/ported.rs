//! What users of loom, crossbeam and parking_lot write, by the rows of `docs/migrating.md`.

use selvedge::rt::alloc::TrackedBox;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::park::Parker;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge::sync::{Barrier, Condvar, Mutex, Once, RwLock, WaitGroup};
use selvedge_check::{Checker, Engine};

selvedge::rt::thread_local! {
    static DEPTH: AtomicUsize = AtomicUsize::new(0);
}

#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_static_is_fresh_in_each_execution_of_an_explorer() {
    static COUNT: AtomicUsize = AtomicUsize::const_new(0);
    static WORDS: selvedge::sync::Lazy<Vec<&str>> = selvedge::sync::Lazy::const_new(|| vec!["warp", "weft"]);
    let explorers = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    Checker::new().engines(explorers).preemption_bound(3).check(|| {
        thread::scope(|scope| {
            scope.spawn(|| assert!(COUNT.fetch_add(1, Relaxed) < 2));
            assert!(COUNT.fetch_add(1, Relaxed) < 2);
        });
        assert_eq!((COUNT.load(Relaxed), WORDS.len()), (2, 2));
    });
}

/// As the documentation says: a second run finds what the first has left.
#[test]
fn a_static_keeps_its_value_natively() {
    static RUNS: AtomicUsize = AtomicUsize::const_new(0);
    let native = Checker::new().ignore_environment().engines([Engine::Native]).iterations(3);
    native.check(|| _ = RUNS.fetch_add(1, Relaxed));
    assert_eq!(RUNS.load(Relaxed), 3);
}

#[test]
fn looms_types_have_their_counterparts() {
    Checker::new().iterations(20).check(|| {
        let shared = Arc::new((Mutex::new(0), Condvar::new(), RwLock::new(1)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            *theirs.0.lock() += 1;
            theirs.1.notify_one();
            DEPTH.with(|depth| assert_eq!(depth.fetch_add(1, Relaxed), 0));
        });
        let mut count = shared.0.lock();
        shared.1.wait_while(&mut count, |count| *count == 0);
        drop(count);
        assert_eq!(*shared.2.read(), 1);
        thread.join().expect("no panic");
        assert_eq!(DEPTH.try_with(|depth| depth.load(Relaxed)).ok(), Some(0));
    });
    Checker::new().iterations(20).check(|| {
        let parker = Parker::new();
        parker.unparker().unpark();
        parker.park();
        assert!(Barrier::new(1).wait());
        let once = Once::new();
        once.call_once(|| ());
        assert!(once.is_completed());
        let cell = UnsafeCell::new(*TrackedBox::new(1));
        // SAFETY: the cell is this thread's own.
        cell.with_mut(|value| unsafe { *value = 2 });
        assert_eq!(cell.into_inner(), 2);
    });
}

#[test]
fn a_task_of_a_wait_group_is_what_crossbeams_clone_is() {
    Checker::new().iterations(20).preemption_bound(1).check(|| {
        let (group, sum) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        for n in 1..=2 {
            let (task, sum) = (group.task(), Arc::clone(&sum));
            thread::spawn(move || {
                sum.fetch_add(n, Relaxed);
                drop(task);
            });
        }
        group.wait();
        assert_eq!(sum.load(Relaxed), 3);
    });
}
