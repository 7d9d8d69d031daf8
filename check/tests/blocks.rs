//! The building blocks of models report what a checker is to see.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{checker, explorers, kind, run};
use selvedge::rt::alloc::{Layout, TrackedBox, alloc, alloc_zeroed, dealloc};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::park::Token;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock};
use selvedge::rt::{execution, thread};
use selvedge_check::{Engine, FailureKind, Primitives};

/// A cell that threads share.
struct Shared(UnsafeCell<u32>, AtomicBool);
// SAFETY: the models under test decide whether accesses are ordered, and the engine reports those that are not.
unsafe impl Sync for Shared {}
// SAFETY: the value is a number.
unsafe impl Send for Shared {}

impl Shared {
    fn new() -> Shared {
        Shared(UnsafeCell::new(0), AtomicBool::new(false))
    }
}

/// Returns the first line of this file that contains `fragment`.
fn line_of(fragment: &str) -> u32 {
    let line = include_str!("blocks.rs").lines().position(|line| line.contains(fragment));
    line.expect("the file has it") as u32 + 1
}

/// A writer that uses its pointer once more after it has published the cell.
#[test]
fn a_pointer_to_a_cell_reports_each_use() {
    for engine in explorers().into_iter().filter(|engine| engine.sees_races()) {
        let report = run(engine, || {
            let shared = Arc::new(Shared::new());
            let theirs = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                let pointer = theirs.0.get_mut();
                theirs.1.store(true, Release);
                // SAFETY: none: the use after the publication is the bug under test. The threads are coroutines.
                unsafe { *pointer.deref() = 1 };
            });
            if shared.1.load(Acquire) {
                shared.0.get().with(|_| ());
            }
            writer.join().expect("no panic");
        });
        assert_eq!(kind(&report), Some(FailureKind::Race), "{report}");
        let sites = &report.verdict.failure().expect("just seen").failure.sites;
        assert!(sites.iter().any(|site| site.line() == line_of("*pointer.deref() = 1")), "{report}");
    }
}

/// Allocates memory for a number.
#[track_caller]
fn word() -> *mut AtomicUsize {
    // SAFETY: the layout of a number is not empty.
    let memory = unsafe { alloc(Layout::new::<AtomicUsize>()) }.cast::<AtomicUsize>();
    // SAFETY: the memory is new and has the layout of the value.
    unsafe { memory.write(AtomicUsize::new(1)) };
    memory
}

#[track_caller]
fn free(memory: *mut AtomicUsize, layout: Layout) {
    // SAFETY: the tests that free twice or with another layout test for just that; the engine stops before it happens.
    unsafe { dealloc(memory.cast(), layout) };
}

#[test]
fn raw_memory_is_tracked_by_its_layout() {
    let layout = Layout::new::<AtomicUsize>();
    for engine in explorers() {
        let of = |model: fn()| kind(&run(engine, model));
        assert_eq!(of(|| free(word(), Layout::new::<AtomicUsize>())), None);
        assert_eq!(of(|| assert!(!word().is_null())), Some(FailureKind::Leak));
        let report = run(engine, move || {
            let memory = word();
            free(memory, layout);
            free(memory, layout);
        });
        assert_eq!(kind(&report), Some(FailureKind::DoubleFree), "{report}");
        let report = run(engine, move || {
            let memory = word();
            free(memory, layout);
            // SAFETY: none: the use after the free is the bug under test. The engine keeps the memory.
            unsafe { &*memory }.load(Relaxed);
        });
        assert_eq!(kind(&report), Some(FailureKind::UseAfterFree), "{report}");
        let report = run(engine, || free(word(), Layout::new::<[u8; 3]>()));
        assert_eq!(kind(&report), Some(FailureKind::WrongLayout), "{report}");
        assert!(report.to_string().contains("freed as 3 bytes aligned to 1"), "{report}");
        let report = run(engine, || free(word().wrapping_byte_add(1), Layout::new::<u8>()));
        assert_eq!(kind(&report), Some(FailureKind::WrongLayout), "{report}");
        let report = run(engine, move || {
            // SAFETY: the layout is not empty; the memory has the layout of the value of the box, and is all zeros.
            let boxed = unsafe {
                TrackedBox::from_raw(alloc_zeroed(layout).cast::<[u8; size_of::<AtomicUsize>()]>())
            };
            assert!(boxed.iter().all(|byte| *byte == 0));
            // SAFETY: the box was the owner of the memory, and has given it up.
            unsafe { dealloc(TrackedBox::into_raw(boxed).cast(), layout) };
        });
        assert_eq!(kind(&report), None, "{report}");
    }
}

/// A thread that frees what another one still uses, and one that frees what it has by a Relaxed load.
#[test]
#[cfg(feature = "graph")]
fn freeing_raw_memory_races_with_what_is_not_ordered_before() {
    use selvedge::rt::sync::atomic::AtomicPtr;

    let report = run(Engine::Graph, || {
        let memory = word();
        let shared = AtomicPtr::new(memory);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: the memory is freed after the flag.
                unsafe { &*shared.load(Relaxed) }.store(2, Relaxed);
                done.store(true, Relaxed);
            });
            selvedge::rt::wait_until(|| done.load(Relaxed));
            free(memory, Layout::new::<AtomicUsize>());
        });
    });
    assert_eq!(kind(&report), Some(FailureKind::Race), "{report}");
    let publish = |order| {
        run(Engine::Graph, move || {
            let shared = AtomicPtr::new(core::ptr::null_mut());
            thread::scope(|scope| {
                scope.spawn(|| shared.store(word(), order));
                selvedge::rt::wait_until(|| !shared.load(Acquire).is_null());
                free(shared.load(Relaxed), Layout::new::<AtomicUsize>());
            });
        })
    };
    assert_eq!(kind(&publish(Release)), None);
    assert_eq!(kind(&publish(Relaxed)), Some(FailureKind::Race));
}

/// A wait that looks at an atomic ends as a livelock under engines that see no more than the looking.
#[test]
fn a_wait_that_never_ends_is_a_deadlock() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let models: [fn(); 5] = [
            || Token::new().wait(),
            || thread::park(),
            || {
                let lock = RwLock::new(0);
                let _reader = lock.read();
                drop(lock.write());
            },
            || assert!(Barrier::new(2).wait().is_leader()),
            || {
                let once = Once::new();
                once.call_once(|| once.call_once(|| ()));
            },
        ];
        for (n, model) in models.into_iter().enumerate() {
            let report = run(engine, model);
            let found = kind(&report);
            let looks = n >= 2 && found == Some(FailureKind::Livelock);
            assert!(looks || found == Some(FailureKind::Deadlock), "{n}: {report}");
        }
    }
}

#[test]
fn a_thread_of_a_model_has_its_name() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let name = || thread::current().name().map(str::to_string);
            let named = thread::Builder::new().name("weaver".into()).spawn(name).expect("spawns");
            assert_eq!(named.thread().name(), Some("weaver"));
            assert_eq!(named.join().expect("no panic").as_deref(), Some("weaver"));
            assert_eq!(thread::spawn(name).join().expect("no panic"), None);
            AtomicUsize::new(0).load(Relaxed);
        });
        assert!(report.verdict.passed(), "{report}");
    }
}

static LAZY: LazyLock<(Arc<AtomicUsize>, u32)> = LazyLock::const_new(|| (Arc::new(AtomicUsize::new(1)), 7));
static CELL: OnceLock<Arc<AtomicUsize>> = OnceLock::const_new();

/// The owners in the statics are dropped: an `Arc` that lives at the end of an execution is a leak.
#[test]
fn statics_are_made_and_dropped_in_each_execution() {
    for engine in explorers() {
        let report = run(engine, || {
            assert!(CELL.get().is_none());
            let other = thread::spawn(|| LAZY.0.fetch_add(1, Relaxed));
            LAZY.0.fetch_add(1, Relaxed);
            CELL.set(Arc::clone(&LAZY.0)).expect("it is empty in each execution");
            other.join().expect("no panic");
            assert_eq!((CELL.wait().load(Relaxed), LAZY.1), (3, 7));
        });
        assert!(report.verdict.passed() && report.executions > 1, "{report}");
    }
}

static LOCK: Mutex<Vec<u32>> = Mutex::const_new(Vec::new());
static CHANGED: Condvar = Condvar::const_new();
static ROOM: RwLock<u32> = RwLock::const_new(0);
static START: Barrier = Barrier::const_new(2);

const FORMS: [Primitives; 2] = [Primitives::Real, Primitives::Specified];

/// Locks in statics are unlocked and nobody waits for them when an execution begins, whatever an execution that was given
/// up has left there. The values are the model's to set.
#[test]
fn statics_that_wait_begin_anew_in_each_execution() {
    for (engine, form) in explorers().into_iter().flat_map(|engine| FORMS.map(|form| (engine, form))) {
        let model = || {
            LOCK.lock().clear();
            *ROOM.write() = 0;
            let other = thread::spawn(|| {
                START.wait();
                *ROOM.write() += 1;
                LOCK.lock().push(1);
                CHANGED.notify_one();
            });
            let leads = START.wait().is_leader();
            *ROOM.write() += u32::from(leads) + 1;
            let mut items = LOCK.lock();
            while items.is_empty() {
                items = CHANGED.wait(items);
            }
            assert_eq!(*items, [1]);
            drop(items);
            other.join().expect("no panic");
            assert!([2, 3].contains(&*ROOM.read()));
        };
        let report = checker(engine).primitives(form).run(model).remove(0);
        assert!(report.verdict.passed() && report.executions > 1, "{engine:?} {form:?}: {report}");
        let stuck = || {
            let guard = LOCK.lock();
            let other = thread::spawn(|| drop(LOCK.lock()));
            other.join().expect("no panic");
            drop(guard);
        };
        let report = checker(engine).primitives(form).run(stuck).remove(0);
        assert_eq!(kind(&report), Some(FailureKind::Deadlock), "{report}");
        let report = checker(engine).primitives(form).run(model).remove(0);
        assert!(report.verdict.passed(), "after a deadlock: {engine:?} {form:?}: {report}");
    }
}

/// What is done at the end comes after all threads, the last one first, and may register more.
#[test]
fn the_end_of_an_execution_comes_after_all_threads() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let count = Arc::new(AtomicUsize::new(0));
            let [first, last, theirs] = [(); 3].map(|()| Arc::clone(&count));
            assert!(execution::at_end(move || {
                assert_eq!(first.fetch_add(1, Relaxed), 2);
                let more = Arc::clone(&first);
                execution::at_end(move || assert_eq!(more.load(Relaxed), 3));
            }));
            assert!(execution::at_end(move || assert_eq!(last.fetch_add(1, Relaxed), 1)));
            thread::spawn(move || theirs.fetch_add(1, Relaxed));
        });
        assert!(report.verdict.passed(), "{report}");
        let report = run(engine, || {
            execution::at_end(|| panic!("the end is not as expected"));
            AtomicUsize::new(0).load(Relaxed);
        });
        assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
        assert!(report.to_string().contains("the end is not as expected"), "{report}");
    }
}

/// A thread may ask for something to be done at the end after the body has returned, and so may what is done there.
#[test]
fn a_thread_that_outlives_the_body_is_heard_at_the_end() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let counts = std::sync::Arc::new([(); 2].map(|()| std::sync::atomic::AtomicUsize::new(0)));
        let [begun, done] = [(); 2].map(|()| std::sync::Arc::clone(&counts));
        let report = run(engine, move || {
            begun[0].fetch_add(1, Relaxed);
            let (done, data) = (std::sync::Arc::clone(&done), Arc::new([(); 2].map(|()| Shared::new())));
            let theirs = Arc::clone(&data);
            thread::spawn(move || {
                thread::yield_now();
                // SAFETY: what reads the cell does so after the end of this thread.
                theirs[0].0.with_mut(|n| unsafe { *n = 1 });
                execution::at_end(move || {
                    // SAFETY: all threads have ended that write to the cells.
                    let sum: u32 = theirs.iter().map(|cell| cell.0.with(|n| unsafe { *n })).sum();
                    thread::spawn(move || {
                        execution::at_end(move || {
                            assert_eq!(sum, 3);
                            done[1].fetch_add(1, Relaxed);
                        });
                    });
                });
            });
            // SAFETY: what reads the cell does so after the end of the body.
            data[1].0.with_mut(|n| unsafe { *n = 2 });
        });
        assert!(report.verdict.passed(), "{report}");
        let [begun, done] = [0, 1].map(|at| counts[at].load(Relaxed));
        assert!(begun == done && begun > 0, "{engine:?}: {begun} {done}");
    }
}

/// A report of threads that wait for ever names them, and not the body, which has returned and only waits for them.
#[test]
fn a_body_that_has_returned_is_no_part_of_a_deadlock() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            thread::spawn(thread::park);
        });
        let failure = &report.verdict.failure().expect("a thread waits for ever").failure;
        assert_eq!((failure.kind, failure.blocked.len()), (FailureKind::Leak, 1), "{report}");
        assert!(failure.message.contains("the body returned, and 1 thread(s)"), "{report}");
    }
}

/// A report of what the drop of a guard does names the line that made the guard.
#[test]
#[cfg(feature = "graph")]
fn an_unlock_in_a_drop_names_the_line_that_locked() {
    use selvedge::rt::sync::{Condvar, Mutex};

    let calls = |model: fn()| {
        let report = run(Engine::Graph, model);
        let failure = &report.verdict.failure().expect("it panics").failure;
        let unlocks =
            |step: &&selvedge::rt::seam::Step| step.operation == "swap" && step.ordering == Some(Release);
        let called: Vec<u32> =
            failure.steps.iter().filter(unlocks).filter_map(|step| Some(step.call?.site.line())).collect();
        assert!(!called.is_empty(), "{report}");
        called
    };
    let found = calls(|| {
        let lock = Mutex::new(0);
        drop(lock.lock()); // the lock of the mutex
        panic!("after the unlock");
    });
    assert_eq!(found, [line_of("// the lock of the mutex")]);
    let found = calls(|| {
        let lock = RwLock::new(0);
        drop(lock.write()); // the lock of the writer
        panic!("after the unlock");
    });
    assert_eq!(found, [line_of("// the lock of the writer")]);
    let found = calls(|| {
        let (lock, changed) = (Mutex::new(0), Condvar::new());
        let guard = lock.lock();
        drop(changed.wait_timeout(guard, std::time::Duration::ZERO)); // the wait
        panic!("after the unlocks");
    });
    assert_eq!(found, [line_of("// the wait"); 2]);
}
