//! Steps on objects, under every engine.
#![cfg(any(feature = "graph", feature = "loom", feature = "shuttle"))]
#![allow(clippy::disallowed_types, reason = "results are collected outside the model")]

mod common;

use common::{checker, explorers};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::seam::{Done, FailureKind, Object, StepId};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge_check::{Engine, Primitives, Report};
use std::collections::BTreeSet;

/// A lock: whether a thread holds it, and the step that unlocked it last.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    held: bool,
    unlocked: Option<StepId>,
}

struct Lock {
    object: Object<Held>,
    value: UnsafeCell<u32>,
}

// SAFETY: the value is accessed between `lock` and `unlock` only, and the engine checks that these exclude each other.
unsafe impl Sync for Lock {}
// SAFETY: the value is a number.
unsafe impl Send for Lock {}

impl Lock {
    fn new() -> Lock {
        let object = Object::new("lock", Held { held: false, unlocked: None });
        Lock { object, value: UnsafeCell::new(0) }
    }

    /// Locks; `ordered`: what happened before the last unlock happens before this returns.
    #[track_caller]
    fn lock(&self, ordered: bool) {
        self.object.step("lock", |state, _| {
            let after = state.unlocked.into_iter().filter(|_| ordered).collect();
            (!state.held).then_some(Done { state: Held { held: true, ..*state }, result: (), after })
        });
    }

    #[track_caller]
    fn try_lock(&self) -> bool {
        self.object.step("try_lock", |state, _| {
            let after = state.unlocked.into_iter().collect();
            Some(Done { state: Held { held: true, ..*state }, result: !state.held, after })
        })
    }

    #[track_caller]
    fn unlock(&self) {
        self.object.step("unlock", |_, me| {
            Some(Done { state: Held { held: false, unlocked: Some(me) }, result: (), after: Vec::new() })
        });
    }

    fn read(&self) -> u32 {
        // SAFETY: the engine checks that no other thread writes meanwhile.
        self.value.with(|value| unsafe { *value })
    }

    fn write(&self, new: u32) {
        // SAFETY: the engine checks that no other thread accesses the value meanwhile.
        self.value.with_mut(|value| unsafe { *value = new });
    }

    fn add(&self, ordered: bool) {
        self.lock(ordered);
        self.write(self.read() + 1);
        self.unlock();
    }

    fn get(&self) -> u32 {
        self.lock(true);
        let value = self.read();
        self.unlock();
        value
    }
}

fn run(engine: Engine, model: impl Fn() + Send + Sync + 'static) -> Report {
    let mut reports = checker(engine).primitives(Primitives::Specified).run(model);
    reports.remove(0)
}

/// Runs `threads` threads, the body among them, that lock one lock and add to a number as often as this each.
fn adders(threads: u32, each: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let lock = Lock::new();
        let adds = || (0..each).for_each(|_| lock.add(true));
        thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(adds)));
            adds();
        });
        assert_eq!(lock.get(), threads * each);
    }
}

#[test]
fn a_lock_excludes_and_orders() {
    for engine in explorers() {
        let report = run(engine, adders(3, 1));
        assert!(report.verdict.passed(), "{report}");
    }
}

#[test]
#[cfg(feature = "graph")]
fn only_the_order_of_critical_sections_is_explored() {
    for (threads, each) in [(3, 1), (2, 2)] {
        let report = run(Engine::Graph, adders(threads, each));
        assert_eq!(report.executions, 6, "{report}");
    }
}

/// Two critical sections that touch nothing in common may still not be left without an order: what stands around them sees
/// it. Without an order both threads could read 0, and with only one of the orders an outcome would be missed.
#[test]
fn the_order_of_critical_sections_that_touch_nothing_is_seen_from_outside() {
    for (engine, form) in explorers()
        .into_iter()
        .flat_map(|engine| [Primitives::Specified, Primitives::Real].map(|form| (engine, form)))
    {
        let found = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
        let into = std::sync::Arc::clone(&found);
        let report = checker(engine).primitives(form).run(move || {
            let lock = selvedge::sync::Mutex::new(());
            let flags = [(); 2].map(|()| AtomicUsize::new(0));
            let side = |mine: usize| {
                flags[mine].store(1, Relaxed);
                drop(lock.lock());
                flags[1 - mine].load(Relaxed)
            };
            let seen = thread::scope(|scope| {
                let other = scope.spawn(|| side(1));
                (side(0), other.join().expect("no panic"))
            });
            into.lock().expect("no panic").insert(seen);
        });
        assert!(report[0].verdict.passed(), "{}", report[0]);
        let found = found.lock().expect("no panic").clone();
        assert_eq!(found, BTreeSet::from([(0, 1), (1, 0), (1, 1)]), "{engine:?} {form:?}");
    }
}

#[test]
fn without_an_edge_there_is_a_race() {
    for engine in explorers().into_iter().filter(|engine| engine.sees_races()) {
        let report = run(engine, || {
            let lock = Arc::new(Lock::new());
            let other = Arc::clone(&lock);
            let adder = thread::spawn(move || other.add(false));
            lock.add(false);
            adder.join().unwrap();
        });
        assert_eq!(
            report.verdict.failure().map(|found| found.failure.kind),
            Some(FailureKind::Race),
            "{report}"
        );
    }
}

#[test]
fn a_deadlock_names_operation_and_object() {
    for engine in explorers() {
        let report = run(engine, || {
            let locks = Arc::new((Lock::new(), Lock::new()));
            let other = Arc::clone(&locks);
            let thread = thread::spawn(move || {
                other.1.lock(true);
                other.0.lock(true);
                other.0.unlock();
                other.1.unlock();
            });
            locks.0.lock(true);
            locks.1.lock(true);
            locks.1.unlock();
            locks.0.unlock();
            thread.join().unwrap();
        });
        let failure = &report.verdict.failure().unwrap_or_else(|| panic!("{report}")).failure;
        assert_eq!(failure.kind, FailureKind::Deadlock, "{report}");
        let waits: Vec<_> = failure.blocked.iter().map(|blocked| blocked.waits_for.as_str()).collect();
        assert_eq!(waits, ["lock on lock#1", "lock on lock#0"], "{report}");
        assert!(failure.steps.iter().any(|step| step.to_string().contains("T0 lock lock#0")), "{report}");
    }
}

/// If one thread locks and never unlocks, which of the two gets the lock makes two executions.
#[test]
fn a_lock_that_is_kept_may_have_been_taken_by_either_thread() {
    for first in [0, 1] {
        for engine in explorers() {
            let report = run(engine, move || {
                let lock = Arc::new(Lock::new());
                let other = Arc::clone(&lock);
                let thread = thread::spawn(move || {
                    let got = other.try_lock();
                    assert!(first != 1 || !got, "the other thread was first");
                });
                let got = lock.try_lock();
                assert!(first != 0 || !got, "the body was first");
                thread.join().unwrap();
            });
            assert_eq!(
                report.verdict.failure().map(|found| found.failure.kind),
                Some(FailureKind::Panic),
                "{report}"
            );
        }
    }
}

/// A channel with `capacity` places, as two objects: the values sent, and the receives that have arrived. The k-th receive
/// completes after the arrival of the k-th send, and send k + `capacity` after the arrival of the k-th receive.
#[cfg(feature = "graph")]
struct Channel {
    capacity: usize,
    sends: Object<Vec<(StepId, u32)>>,
    receives: Object<Vec<StepId>>,
}

#[cfg(feature = "graph")]
impl Channel {
    fn new(capacity: usize) -> Channel {
        Channel {
            capacity,
            sends: Object::new("sends", Vec::new()),
            receives: Object::new("receives", Vec::new()),
        }
    }

    fn send(&self, value: u32) {
        let mine = self.sends.step("send", |sends, me| {
            let state = sends.iter().copied().chain([(me, value)]).collect();
            Some(Done { state, result: sends.len(), after: Vec::new() })
        });
        if let Some(awaited) = mine.checked_sub(self.capacity) {
            self.receives.observe("sent", |receives| Some(((), vec![*receives.get(awaited)?])));
        }
    }

    fn receive(&self) -> u32 {
        let mine = self.receives.step("receive", |receives, me| {
            let state = receives.iter().copied().chain([me]).collect();
            Some(Done { state, result: receives.len(), after: Vec::new() })
        });
        self.sends.observe("received", |sends| sends.get(mine).map(|(step, value)| (*value, vec![*step])))
    }
}

/// What one thread sends another has one execution, whatever the capacity: there is nothing to decide.
#[test]
#[cfg(feature = "graph")]
fn a_pipeline_has_one_execution() {
    for (capacity, values) in [(0, 1), (1, 2), (2, 3)] {
        let report = run(Engine::Graph, move || {
            let (channel, cell) = (Channel::new(capacity), Lock::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    cell.write(7);
                    (0..values).for_each(|value| channel.send(value));
                });
                assert!((0..values).all(|value| channel.receive() == value));
                assert_eq!(cell.read(), 7);
            });
        });
        assert!(report.verdict.passed() && report.executions == 1, "{report}");
    }
}

/// Two threads that lock a `Mutex` of ours, and fail if one finds what the other has left.
fn counts_to_two() {
    let count = Arc::new(selvedge::sync::Mutex::new(0));
    let theirs = Arc::clone(&count);
    let other = thread::spawn(move || *theirs.lock() += 1);
    *count.lock() += 1;
    other.join().expect("no panic");
    assert_eq!(*count.lock(), 3, "two were counted");
}

#[test]
fn a_token_is_replayed_in_the_form_that_it_names() {
    let forms = [(Primitives::Specified, Primitives::Real), (Primitives::Real, Primitives::Specified)];
    for (engine, (form, other)) in
        explorers().into_iter().flat_map(|engine| forms.map(|forms| (engine, forms)))
    {
        let first = checker(engine).primitives(form).run(counts_to_two).remove(0);
        let token = &first.verdict.failure().unwrap_or_else(|| panic!("{first}")).token;
        assert!(token.contains(&format!(":{form}~")), "{token}");
        for default in [other, Primitives::Both] {
            let again = checker(engine).primitives(default).replay(token).run(counts_to_two).remove(0);
            let found = again.verdict.failure().unwrap_or_else(|| panic!("{again}"));
            assert!(found.failure.message.contains("two were counted"), "{again}");
            assert_eq!((again.primitives, &found.token), (form, token));
        }
    }
}

/// Runs three threads that are alike; each adds to a number once, and fails if it finds `fatal` there.
fn alike(fatal: u32, ordered: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let lock = Arc::new(Lock::new());
        let threads = thread::spawn_symmetric(3, || {
            let lock = Arc::clone(&lock);
            move || {
                lock.lock(ordered);
                let found = lock.read();
                lock.write(found + 1);
                lock.unlock();
                assert_ne!(found, fatal);
            }
        });
        threads.join().expect("an addition too many");
        assert_eq!(lock.get(), 3);
    }
}

#[test]
fn threads_that_are_alike_are_explored_up_to_symmetry() {
    for engine in explorers() {
        let report = run(engine, alike(3, true));
        assert!(report.verdict.passed(), "{report}");
        let is_graph = engine == Engine::Graph;
        assert_eq!(report.up_to_symmetry, is_graph, "{report}");
        if is_graph {
            assert_eq!(report.executions, 1, "{report}");
            assert!(report.to_string().contains("exhaustive up to symmetry, primitives"), "{report}");
        }
        assert!(!run(engine, adders(2, 1)).up_to_symmetry);
    }
}

#[test]
fn failures_of_threads_that_are_alike_are_found() {
    for engine in explorers() {
        for fatal in 0..3 {
            let report = run(engine, alike(fatal, true));
            let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
            assert!(found.failure.message.contains("an addition too many"), "{report}");
        }
    }
    if let Some(graph) = explorers().into_iter().find(|engine| *engine == Engine::Graph) {
        assert_eq!(common::kind(&run(graph, alike(3, false))), Some(FailureKind::Race));
    }
}

#[test]
fn both_forms_are_explored_and_named() {
    for engine in explorers() {
        let both = checker(engine).primitives(Primitives::Both).max_executions(500);
        let report = both.run(|| drop(selvedge::sync::Mutex::new(0).lock())).remove(0);
        assert!(report.verdict.passed(), "{report}");
        let real = report.other_form.as_ref().expect("the real form was explored");
        assert!(real.verdict.passed() && real.executions > 0, "{report}");
        assert_eq!((report.primitives, real.primitives), (Primitives::Specified, Primitives::Real));
        let text = report.to_string();
        let (specified, real) = text.split_once("; primitives real: ").expect("both are named");
        assert!(specified.contains("primitives as specified") && real.contains("executions"), "{text}");
    }
}

#[test]
fn a_failure_of_either_form_names_it() {
    let long = "more steps than the specified form makes";
    for engine in explorers() {
        let both = checker(engine).primitives(Primitives::Both);
        let report = both.run(counts_to_two).remove(0);
        assert!(report.verdict.failure().is_some() && report.other_form.is_none(), "{report}");
        assert!(report.line().ends_with("primitives as specified"), "{}", report.line());

        let report = both.run(move || {
            let before = selvedge::rt::seam::own_steps();
            drop(selvedge::sync::Mutex::new(0).lock());
            assert!(selvedge::rt::seam::own_steps() - before <= 4, "{long}");
        });
        let report = &report[0];
        assert_eq!(report.primitives, Primitives::Real, "{report}");
        let specified = report.other_form.as_ref().expect("the specified form has passed");
        assert!(specified.verdict.passed(), "{report}");
        let text = report.to_string();
        assert!(
            text.contains(long) && text.contains(", primitives real\n  primitives as specified: "),
            "{text}"
        );
    }
}

#[test]
fn the_real_form_has_what_the_specified_one_leaves_of_the_limits() {
    let engine = explorers().remove(0);
    let both = checker(engine).primitives(Primitives::Both);
    let model = || drop(selvedge::sync::Mutex::new(0).lock());
    let report = both.clone().max_executions(1).run(model).remove(0);
    assert!(report.verdict.passed() && report.other_form.is_none(), "{report}");
    assert!(report.to_string().contains("primitives real: not explored"), "{report}");
    let natively = both.engines([Engine::Native]).iterations(1).run(model).remove(0);
    assert!(natively.verdict.passed() && natively.other_form.is_none(), "{natively}");
}

#[test]
fn a_report_shows_the_value_that_waits_to_be_sent() {
    fn sends_two<T: Send + 'static>(values: [T; 2]) {
        let (tx, rx) = selvedge::chan::bounded(1);
        let sender = thread::spawn(move || values.into_iter().for_each(|value| drop(tx.send(value))));
        sender.join().expect("no panic");
        drop(rx);
    }
    for engine in explorers() {
        let waits = |model: fn(), what: &str| {
            let text = run(engine, model).to_string();
            assert!(text.contains(&format!("waits: {what} on chan#0")), "{text}");
        };
        waits(|| sends_two([1, -2]), "send -2");
        waits(|| sends_two(["warp", "weft"]), "send \"weft\"");
        waits(|| sends_two([vec![1], vec![2]]), "send");
    }
}
