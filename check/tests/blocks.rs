//! The building blocks of models report what a checker is to see.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{explorers, kind, run};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

/// A cell that threads share.
struct Shared(UnsafeCell<u32>, AtomicBool);
// SAFETY: the models under test decide whether accesses are ordered, and the engine reports those that are not.
unsafe impl Sync for Shared {}
// SAFETY: the value is a number.
unsafe impl Send for Shared {}

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
            let shared = Arc::new(Shared(UnsafeCell::new(0), AtomicBool::new(false)));
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
