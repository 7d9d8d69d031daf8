//! How reports call what the source has a name for.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{explorers, kind, run};
use selvedge::rt::alloc::TrackedBox;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicI8, AtomicPtr, AtomicUsize};
use selvedge::rt::thread;
use selvedge_check::{Engine, FailureKind};

/// Returns the report of a model that fails, with each step a line.
fn all_steps(engine: Engine, model: impl Fn() + Send + Sync + 'static) -> String {
    let report = run(engine, model);
    assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
    format!("{report:#}")
}

/// Demands that the report has each of these parts.
fn has(report: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(report.contains(part), "no `{part}` in\n{report}"));
}

#[test]
fn variables_name_atomics_and_bools_are_written_as_such() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let (data, ready) = (AtomicUsize::new(0), AtomicBool::new(false));
            thread::scope(|scope| {
                scope.spawn(|| {
                    ready.store(true, Release);
                    data.store(1, Relaxed);
                });
                if ready.load(Acquire) {
                    assert_eq!(data.load(Relaxed), 1);
                }
            });
        });
        has(&report, &["store ready.Release ← true", "load ready.Acquire → true", "load data.Relaxed → 0"]);
        if engine == Engine::Graph {
            has(&report, &["no stronger ordering excludes it"]);
        }
    }
}

/// A struct with fields that are made in several ways.
struct Fields {
    first: AtomicI8,
    slots: Vec<AtomicUsize>,
    last: Derived,
}

#[derive(Default)]
struct Derived {
    _plain: u8,
    one: AtomicUsize,
    two: AtomicBool,
}

static STATIC: AtomicUsize = AtomicUsize::const_new(0);

#[test]
fn fields_statics_and_items_of_lists_have_names() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let fields = Arc::new(Fields {
                first: AtomicI8::new(-1),
                slots: (0..2).map(|_| AtomicUsize::new(0)).collect(),
                last: Derived::default(),
            });
            STATIC.store(5, Relaxed);
            fields.slots[1].store(6, Relaxed);
            fields.last.one.store(7, Relaxed);
            fields.last.two.store(true, Relaxed);
            assert_eq!(fields.first.load(Relaxed), 3);
        });
        has(
            &report,
            &[
                "store STATIC.Relaxed ← 5",
                "store slots[1].Relaxed ← 6",
                "store one.Relaxed ← 7",
                "store two.Relaxed ← true",
                "load first.Relaxed → -1",
            ],
        );
    }
}

fn made_elsewhere() -> AtomicUsize {
    AtomicUsize::new(0)
}

#[test]
fn what_has_no_name_where_it_is_made_has_that_of_its_use_and_equal_names_are_told_apart() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let list = [made_elsewhere(), made_elsewhere()];
            let [first, _] = &list;
            first.store(1, Relaxed);
            let round = |value: usize| {
                let again = AtomicUsize::new(0);
                again.store(value, Relaxed);
                again.load(Relaxed)
            };
            assert_eq!(round(2) + round(3), 0);
        });
        has(&report, &["store first.Relaxed ← 1", "store again.Relaxed ← 2", "store again#2.Relaxed ← 3"]);
    }
}

#[test]
fn handles_name_threads() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let writer = thread::spawn(|| STATIC.store(1, Relaxed));
            writer.join().expect("no panic");
            assert_eq!(STATIC.load(Relaxed), 2);
        });
        has(&report, &["T1 is `writer`"]);
    }
}

#[test]
fn pointers_have_the_names_of_their_memory() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let head = AtomicPtr::new(core::ptr::null_mut());
            let node = TrackedBox::into_raw(TrackedBox::new(7_u64));
            head.store(node, Relaxed);
            let value = Box::into_raw(Box::new(8_u64));
            head.swap(value, Relaxed);
            // SAFETY: the pointer comes from `into_raw`.
            drop(unsafe { Box::from_raw(value) });
            assert!(head.load(Relaxed).is_null());
        });
        has(
            &report,
            &["store head.Relaxed ← &node", "swap head.Relaxed &node → p0", "load head.Relaxed → p0"],
        );
    }
}

#[test]
fn what_the_library_makes_is_named_by_what_the_model_calls() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let (tx, rx) = selvedge::chan::unbounded();
            tx.send(1).expect("a receiver");
            let received = rx.recv();
            drop(tx);
            assert_eq!(received, Ok(2));
        });
        has(&report, &[" tx.sent.SeqCst "]);
    }
}

#[test]
fn constructors_that_are_passed_as_functions_leave_the_names_of_the_uses() {
    for engine in explorers() {
        let report = all_steps(engine, || {
            let numbers = [0, 1].map(AtomicUsize::new);
            assert_eq!(numbers.into_iter().map(|number| number.load(Relaxed)).sum::<usize>(), 7);
        });
        has(&report, &["load number.Relaxed → 0", "load number#2.Relaxed → 1"]);
    }
}

/// Memory that only the engines with a memory model watch.
struct Shared(UnsafeCell<usize>);

// SAFETY: the threads of a model run one at a time; the engine reports that they race.
unsafe impl Sync for Shared {}

impl Shared {
    fn cell(&self) -> &UnsafeCell<usize> {
        &self.0
    }
}

#[test]
fn a_race_has_the_names_and_lines_of_both_accesses() {
    for engine in explorers().into_iter().filter(|engine| !matches!(engine, Engine::Shuttle(_))) {
        let report = run(engine, || {
            let value = Shared(UnsafeCell::new(0));
            let set = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    // SAFETY: none; the engine reports the race.
                    value.cell().with_mut(|value| unsafe { *value = 1 });
                    set.store(true, Relaxed);
                });
                if set.load(Acquire) {
                    // SAFETY: none; the engine reports the race.
                    value.cell().with(|value| unsafe { *value });
                }
            });
        });
        let text = report.to_string();
        assert_eq!(kind(&report), Some(FailureKind::Race), "{text}");
        has(
            &text,
            &[
                "store set.Relaxed ← true",
                "value.cell().with_mut(|value| unsafe { *value = 1 });",
                "value.cell().with(|value|",
            ],
        );
        #[cfg(feature = "graph")]
        if engine == Engine::Graph {
            the_page_says_what_went_wrong(&report);
        }
    }
}

/// Demands that the page of the race has the names, the lines and the reason.
#[cfg(feature = "graph")]
fn the_page_says_what_went_wrong(report: &selvedge_check::Report) {
    let found =
        report.verdict.failure().and_then(|found| found.graph()).expect("the graph engine has graphs");
    let page = selvedge_graph::report::html(found);
    has(
        &page,
        &[
            "nothing orders the two accesses of T1 and T0",
            "<td>cell write value</td>",
            "<td>cell read value</td>",
            "<mark>with_mut</mark>(|value| unsafe { *value = 1 });",
            "T0 `load set.Acquire = true` (check/tests/names.rs:",
            "reads from T1 `store set.Relaxed := true`",
            "the write is Relaxed, and only a Release",
            "<tspan class=\"mark\">load</tspan>(Acquire) {",
            "<tr><td>set</td><td>false → true (T1.1)</td></tr>",
            "class=\"rf gap\"",
        ],
    );
    let ends =
        |tag: &str| (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
    for tag in ["g ", "td", "tr", "table", "svg", "tspan", "text"] {
        let (open, close) = (ends(tag).0, page.matches(&format!("</{}>", tag.trim())).count());
        assert_eq!(open, close, "{tag} in {page}");
    }
}
