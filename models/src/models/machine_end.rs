//! Models of the end of a run, which every M learns of: asleep, or about to sleep with a P or without one.

use super::machine_world::{
    Here, PLAIN, Settings, Shared, Then, lose_proc, run, submit, waits_in_call_for_one,
};
use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::scheduler::Ran;

models![
    an_m_without_a_p_learns_of_the_end,
    an_m_that_wants_a_p_learns_of_the_end,
    an_m_that_gives_its_p_up_learns_of_the_end,
    an_m_whose_p_is_taken_learns_of_the_end,
    an_m_that_is_started_after_the_end_is_not_kept,
];

const BOUND: Mutant = mutant_of!("runtime/src/core/bound.rs");
const ENDING: Mutant = mutant_of!("runtime/src/core/ending.rs");
const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const INSTANCE: Mutant = mutant_of!("runtime/src/core/scheduler/instance.rs");
const M: Mutant = mutant_of!("runtime/src/core/scheduler/m.rs");
const MAILBOX: Mutant = mutant_of!("runtime/src/core/mailbox.rs");
const SLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/sleep.rs");
const NO_FENCE_OF_END: Mutant =
    ENDING.mutant("fence-after-the-end", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);
const NO_LOOK_FOR_THE_END: Mutant =
    SLEEP.mutant("look-for-the-end-without-a-p", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);
const WAKE_AT_THE_END: Mutant = M.drop_wake("wake-to-look");

/// The run ends while an M falls asleep from which the monitor has taken the P.
fn an_m_without_a_p_learns_of_the_end() -> Model {
    model("an M without a P that falls asleep wakes at the end of the run", || {
        let first = |here: &Here, _| {
            here.instance().env.bell.ring();
            lose_proc(here);
            Ran::Ended(())
        };
        run(PLAIN, &[waits_in_call_for_one, first], &[], |_| ());
    })
    .of_specified()
    .catches([
        NO_FENCE_OF_END,
        NO_LOOK_FOR_THE_END,
        WAKE_AT_THE_END,
        BOUND.mutant("fence-without-a-p", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        ENDING.lose("end-run", FailureKind::Deadlock).or(FailureKind::Livelock).or(FailureKind::Panic),
        ENDING.weaken("end-run"),
        ENDING.weaken("look-for-the-end"),
        MAILBOX.lose("fall-asleep", FailureKind::Deadlock),
    ])
}

/// The run ends while an M wants a P for a goroutine that comes out of a blocking call, and nobody gives it one any more.
fn an_m_that_wants_a_p_learns_of_the_end() -> Model {
    model("an M that wants a P, which nobody gives on any more, wakes at the end of the run", || {
        let first = |here: &Here, _| {
            here.begin_blocking();
            here.instance().env.bell.ring();
            here.end_blocking();
            Ran::Ended(())
        };
        run(PLAIN, &[waits_in_call_for_one, first], &[], |_| ());
    })
    .of_specified()
    .catches([
        NO_FENCE_OF_END,
        NO_LOOK_FOR_THE_END,
        WAKE_AT_THE_END,
        // One of the two fences of the M is enough here.
        BOUND
            .mutant("fence-after-inbox", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
            .and("fence-after-wanting"),
    ])
}

/// The run ends while an M that has searched in vain gives its P up.
fn an_m_that_gives_its_p_up_learns_of_the_end() -> Model {
    model("an M that gives its P up wakes at the end of the run, or sees it", || {
        let main = |here: &Here, _| {
            submit(here);
            Ran::Ended(())
        };
        run(Settings { procs: 2, ..PLAIN }, &[main], &[], |_| ());
    })
    .of_specified()
    .catches([
        NO_FENCE_OF_END,
        WAKE_AT_THE_END,
        IDLE.mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        ENDING.weaken("end-run"),
    ])
}

/// The run ends while an M gives its P up, which a thread outside takes away.
fn an_m_whose_p_is_taken_learns_of_the_end() -> Model {
    model("an M that sees the end of the run when its P is gone does not sleep", || {
        let main = |here: &Here, _| {
            submit(here);
            Ran::Ended(())
        };
        let takes = |instance: &Shared| {
            instance.set_procs(1);
            Then::Ends
        };
        run(Settings { procs: 2, ..PLAIN }, &[main], &[takes], |_| ());
    })
    .of_specified()
    // Shuttle does not find this in its time.
    .catches([NO_LOOK_FOR_THE_END.needs(Needs::SeqCst)])
}

/// The run ends while a goroutine that runs beyond the end starts an M.
fn an_m_that_is_started_after_the_end_is_not_kept() -> Model {
    model("no M is kept that a goroutine starts after the end of the run", || {
        let first = |here: &Here, _| {
            here.instance().env.bell.ring();
            submit(here);
            Ran::Ended(())
        };
        run(Settings { procs: 3, ..PLAIN }, &[waits_in_call_for_one, first], &[], |instance| {
            assert!(instance.ms().is_empty(), "an M and its instance keep each other");
        });
    })
    .of_specified()
    .bound(2)
    .catches([INSTANCE.mutant(
        "keep-no-m-after-the-end",
        Change::Twin,
        FailureKind::Panic,
        Needs::Interleavings,
    )])
}
