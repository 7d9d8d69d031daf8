//! Models of the scheduler's loop: an M that sleeps until the earliest deadline of all goroutines.

use super::machine_world::{
    FIRST, Here, MAIN, PLAIN, Settings, go, run, sleep, submit, there_is_no_deadlock, wait_until, wakes_main,
};
use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::scheduler::{Env, Ran, Suspend};

models![
    a_deadline_ends_the_sleep_of_another_m,
    a_goroutine_that_moves_goes_on_at_its_deadline,
    a_goroutine_is_woken_as_its_deadline_passes,
    the_m_that_slept_until_a_deadline_runs_the_goroutine,
];

const ASLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/asleep.rs");
const M: Mutant = mutant_of!("runtime/src/core/scheduler/m.rs");
const SLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/sleep.rs");
const TIMERS: Mutant = mutant_of!("runtime/src/core/timers.rs");
const NO_FENCE_OF_POLLER: Mutant =
    TIMERS.mutant("fence-before-sleep", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);
const NO_FENCE_OF_TIMER: Mutant =
    TIMERS.mutant("fence-after-deadline", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);
const BREAK_SLEEP: Mutant = M.drop_wake("wake-to-look");

/// The main goroutine sleeps while another M falls asleep, which then may be the poller.
fn a_deadline_ends_the_sleep_of_another_m() -> Model {
    model(
        "a goroutine goes on at its deadline, whichever M sleeps until then, and no deadlock is reported",
        || {
            let main = |here: &Here, turn| {
                if turn == 0 {
                    submit(here);
                    return sleep(here);
                }
                Ran::Ended(())
            };
            run(Settings { procs: 2, report: Some(there_is_no_deadlock), ..PLAIN }, &[main], &[], |_| ());
        },
    )
    .of_specified()
    .catches([
        NO_FENCE_OF_POLLER,
        NO_FENCE_OF_TIMER,
        BREAK_SLEEP,
        TIMERS.lose("publish-earliest", FailureKind::Deadlock),
        TIMERS.lose("announce-sleep", FailureKind::Deadlock),
        // Loom and shuttle do not find this in their time.
        SLEEP.mutant("count-before-staying", Change::Twin, FailureKind::Panic, Needs::SeqCst),
        ASLEEP.mutant("look-for-deadlines", Change::Twin, FailureKind::Panic, Needs::Interleavings),
    ])
}

/// A goroutine sleeps whose M goes on with the main goroutine, which keeps its P and waits for the other one.
fn a_goroutine_that_moves_goes_on_at_its_deadline() -> Model {
    model("a goroutine that any M may run goes on at its deadline while its M is busy", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                submit(here);
                go(here, FIRST);
                return Ran::Suspended(Suspend::Yield);
            }
            here.instance().env.bell.wait();
            Ran::Ended(())
        };
        let first = |here: &Here, turn| {
            if turn == 0 {
                return sleep(here);
            }
            here.instance().env.bell.ring();
            Ran::Ended(())
        };
        run(Settings { procs: 2, moving: &[FIRST], ..PLAIN }, &[main, first], &[], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([NO_FENCE_OF_POLLER, NO_FENCE_OF_TIMER, BREAK_SLEEP])
}

/// The main goroutine waits with a deadline for what a thread outside brings.
fn a_goroutine_is_woken_as_its_deadline_passes() -> Model {
    model("a goroutine that is woken as its deadline passes goes on once", || {
        let main = |here: &Here, turn| {
            if turn == 0 { wait_until(here, 0).unwrap_or(Ran::Ended(())) } else { Ran::Ended(()) }
        };
        run(PLAIN, &[main], &[wakes_main], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([SLEEP
        .mutant("sleep-on-if-woken", Change::Twin, FailureKind::Race, Needs::Orderings)
        .or(FailureKind::Panic)
        .or(FailureKind::Deadlock)])
}

/// The main goroutine, which any M may run, sleeps while the only M does until its deadline.
fn the_m_that_slept_until_a_deadline_runs_the_goroutine() -> Model {
    model("no other M is started for a goroutine that moves, whose deadline has passed", || {
        let main = |here: &Here, turn| if turn == 0 { sleep(here) } else { Ran::Ended(()) };
        run(Settings { moving: &[MAIN], ..PLAIN }, &[main], &[], |instance| {
            assert_eq!(instance.env.threads(), 1, "an M was started");
        });
    })
    .of_specified()
    .catches([SLEEP.mutant(
        "run-what-is-due-here",
        Change::Twin,
        FailureKind::Panic,
        Needs::Interleavings,
    )])
}
