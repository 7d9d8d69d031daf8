//! Models of runs whose goroutines are all asleep, beside what may still wake one.

use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use core::sync::atomic::Ordering::AcqRel;
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::thread;
use selvedge::rt::twin::is_twin;
use selvedge::sync::Mutex;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::suspects::Suspects;

models![the_end_of_what_was_expected_lets_a_deadlock_be_reported, one_of_two_ends_is_the_last];

const SUSPECTS: Mutant = mutant_of!("runtime/src/core/suspects.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines_suspects.rs");

/// A run, and something that is expected.
struct World {
    suspects: Suspects,
    /// What wakes the M of the run, while it is a suspect.
    list: Mutex<Option<Unparker>>,
}

impl World {
    /// Returns one in which so many things are expected.
    fn expecting(number: usize) -> World {
        let world = World { suspects: Suspects::new(), list: Mutex::new(None) };
        (0..number).for_each(|_| world.suspects.expect());
        world
    }

    /// Ends an expectation, and lets the run look again if it is a suspect.
    fn end(&self) {
        self.suspects.end();
        if self.suspects.are_there() {
            let suspect = self.list.lock().take();
            if let Some(unparker) = suspect {
                self.suspects.take(1);
                unparker.unpark(); // site: wake-suspect
            }
        }
    }

    /// Returns when the run, whose goroutines are all asleep, may report a deadlock.
    fn reports(&self) {
        while self.suspects.is_expected() {
            let parker = Parker::new();
            let mut list = self.list.lock();
            *list = Some(parker.unparker());
            self.suspects.add();
            drop(list);
            let sleeps = is_twin() || self.suspects.is_expected(); // site: look-once-more
            if sleeps {
                parker.park();
            } else if self.list.lock().take().is_some() {
                self.suspects.take(1);
            }
        }
    }
}

/// A run decides while the only thing ends that is expected.
fn the_end_of_what_was_expected_lets_a_deadlock_be_reported() -> Model {
    model("a run whose goroutines are asleep reports that once nothing is expected any more", || {
        let world = World::expecting(1);
        thread::scope(|scope| {
            scope.spawn(|| world.end());
            world.reports();
        });
        assert!(!world.suspects.is_expected() && !world.suspects.are_there());
    })
    .of_specified()
    .catches([
        SUSPECTS.demote("end-expectation", AcqRel, FailureKind::Deadlock),
        SUSPECTS.demote("add-suspect", AcqRel, FailureKind::Deadlock),
        SUSPECTS.lose("add-suspect", FailureKind::Deadlock).or(FailureKind::Panic),
        HERE.mutant("look-once-more", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
        HERE.drop_wake("wake-suspect"),
    ])
}

/// Two things are expected, and end at the same time.
fn one_of_two_ends_is_the_last() -> Model {
    model("of two ends of what is expected, the last one lets the run look again", || {
        let world = World::expecting(2);
        thread::scope(|scope| {
            scope.spawn(|| world.end());
            scope.spawn(|| world.end());
            world.reports();
        });
        assert!(!world.suspects.is_expected() && !world.suspects.are_there());
    })
    .of_specified()
    .bound(2)
    .catches([
        HERE.mutant("look-once-more", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
        HERE.drop_wake("wake-suspect"),
    ])
}
