//! Loops that wait, try and give up, or look at what they pass: all their outcomes, and a verdict that is true.

mod bounds;
mod locks;
mod memory;
mod promises;
mod reads;
mod tries;

use crate::{checker, outcomes};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::hint::spin_loop;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::Acquire;
use selvedge_check::Verdict;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Data without synchronization of its own.
struct Plain(UnsafeCell<u32>);
// SAFETY: the model's protocol orders all accesses to the cell, and the engine reports those that it does not order.
unsafe impl Sync for Plain {}

impl Plain {
    fn new() -> Plain {
        Plain(UnsafeCell::new(0))
    }

    fn set(&self, value: u32) {
        // SAFETY: the engine reports an access that races with this one.
        self.0.with_mut(|data| unsafe { *data = value });
    }

    fn get(&self) -> u32 {
        // SAFETY: the engine reports an access that races with this one.
        self.0.with(|data| unsafe { *data })
    }
}

/// Asserts that the program has these outcomes, and that the engine knows that it has no others.
fn exhaustive<T: Ord + Clone + Debug + Send + 'static>(
    expected: impl IntoIterator<Item = T>,
    program: impl Fn() -> T + Send + Sync + 'static,
) {
    let (found, report) = outcomes(checker(), program);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(found, BTreeSet::from_iter(expected), "{report}");
}

/// Asserts that the engine finds some of these outcomes and no others, and says which loop it has cut.
fn searched<T: Ord + Clone + Debug + Send + 'static>(
    possible: impl IntoIterator<Item = T>,
    program: impl Fn() -> T + Send + Sync + 'static,
) {
    let (found, report) = outcomes(checker(), program);
    let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
    assert!(bounds.contains("graph/loops/"), "{report}");
    assert!(found.is_subset(&BTreeSet::from_iter(possible)), "{found:?}");
}

/// Spins until the flag is set.
#[track_caller]
fn wait_for(flag: &AtomicBool) {
    while !flag.load(Acquire) {
        spin_loop();
    }
}
