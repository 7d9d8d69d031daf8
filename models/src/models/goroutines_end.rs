//! Models of the end of a run, which every M learns of, asleep or about to sleep.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::thread;
use selvedge::rt::twin::is_twin;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::bound::{Bound, WantsP, last_look_without_a_p, submit_bound};
use selvedge_go::core::ending::Ending;
use selvedge_go::core::idle::{GaveUp, Idle};
use selvedge_go::core::mailbox::{Assigned, Mailbox};

models![
    an_m_without_a_p_learns_of_the_end,
    an_m_that_wants_a_p_learns_of_the_end,
    an_m_that_gives_its_p_up_learns_of_the_end,
];

const ENDING: Mutant = mutant_of!("runtime/src/core/ending.rs");
const MAILBOX: Mutant = mutant_of!("runtime/src/core/mailbox.rs");
const BOUND: Mutant = mutant_of!("runtime/src/core/bound.rs");
const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines_end.rs");
const NO_FENCE_OF_END: Mutant =
    ENDING.mutant("fence-after-the-end", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);

/// A run whose other M sleeps, or is about to.
struct World {
    ending: Ending,
    mailbox: Mailbox<Unparker>,
    idle: Idle<u32>,
    wants_p: WantsP,
    /// What the main goroutine has done.
    data: Plain,
}

impl World {
    fn new() -> World {
        World {
            ending: Ending::new(),
            mailbox: Mailbox::new(),
            idle: Idle::new(1, |_| 0),
            wants_p: WantsP::new(),
            data: Plain::new(0),
        }
    }

    /// Ends the run, as the M of the main goroutine does.
    fn end(&self) {
        self.data.set(1);
        self.ending.end();
        self.poke();
    }

    /// Wakes the M, if it says that it sleeps.
    fn poke(&self) {
        if let Some(token) = self.mailbox.assign(Assigned { p: None, searching: false }) {
            token.unpark(); // site: wake-at-the-end
        }
    }

    /// Lets the M sleep, which `says` so and looks; it wakes at the end of the run only.
    fn sleeps(&self, look: impl FnOnce()) {
        let parker = Parker::new();
        self.mailbox.sleep(parker.unparker());
        look();
        parker.park();
        assert_eq!(self.mailbox.wake(), Assigned { p: None, searching: false });
        assert!(self.ending.has_come());
        assert_eq!(self.data.get(), 1);
    }
}

/// Runs the M beside the thread that ends the run.
fn beside_the_end(m: impl Fn(&World) + Sync) {
    let world = World::new();
    thread::scope(|scope| {
        scope.spawn(|| world.end());
        m(&world);
    });
}

fn an_m_without_a_p_learns_of_the_end() -> Model {
    model("an M without a P that goes to sleep wakes at the end of the run", || {
        beside_the_end(|world| {
            world.sleeps(|| {
                let look = || !is_twin() && world.ending.has_come(); // site: look-without-a-p
                if last_look_without_a_p(look) {
                    world.poke();
                }
            });
        });
    })
    .catches([
        NO_FENCE_OF_END,
        BOUND.mutant("fence-without-a-p", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        HERE.mutant("look-without-a-p", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
        HERE.drop_wake("wake-at-the-end"),
        ENDING.lose("end-run", FailureKind::Deadlock).or(FailureKind::Panic),
        ENDING.weaken("end-run"),
        ENDING.weaken("look-for-the-end"),
        MAILBOX.lose("fall-asleep", FailureKind::Deadlock),
    ])
}

fn an_m_that_wants_a_p_learns_of_the_end() -> Model {
    model("an M that wants a P, which nobody gives on any more, wakes at the end of the run", || {
        beside_the_end(|world| {
            world.sleeps(|| {
                // The only P is that of the thread that ends the run, and stays there.
                let bound = submit_bound(&world.idle, &world.mailbox, &world.wants_p, 0);
                assert!(matches!(bound, Bound::Done));
                let has_come = !is_twin() && world.ending.has_come(); // site: look-when-wanting
                if has_come {
                    world.poke();
                }
            });
        });
    })
    .catches([
        NO_FENCE_OF_END,
        HERE.drop_wake("wake-at-the-end"),
        // One of the two fences of the M is enough here.
        BOUND
            .mutant("fence-after-inbox", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
            .and("fence-after-wanting"),
        HERE.mutant("look-when-wanting", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
    ])
}

fn an_m_that_gives_its_p_up_learns_of_the_end() -> Model {
    model("an M that gives its P up wakes at the end of the run, or sees it", || {
        beside_the_end(|world| {
            let parker = Parker::new();
            world.mailbox.sleep(parker.unparker());
            let given_up = world.idle.give_up(0, 0, false, || world.ending.has_come());
            if given_up != GaveUp::Found || !world.mailbox.stay() {
                parker.park();
                assert_eq!(world.mailbox.wake(), Assigned { p: None, searching: false });
            }
            assert!(world.ending.has_come());
            assert_eq!(world.data.get(), 1);
        });
    })
    .catches([
        NO_FENCE_OF_END,
        IDLE.mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        HERE.drop_wake("wake-at-the-end"),
        ENDING.weaken("end-run"),
    ])
}
