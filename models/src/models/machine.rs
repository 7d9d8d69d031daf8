//! Models of the scheduler's loop: how an M falls asleep, is woken, and reports that all goroutines are asleep.

use super::machine_world::{
    FIRST, Here, MAIN, PLAIN, Settings, Shared, Then, World, end, fire, fires, go, run,
    starts_one_and_loses_its_p, there_is_no_deadlock, wait, waits, wakes_main,
};
use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use core::sync::atomic::Ordering::AcqRel;
use selvedge::rt::twin::is_twin;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::scheduler::Ran;

models![
    a_goroutine_that_is_woken_by_the_report_runs,
    a_goroutine_that_is_woken_beside_the_report_runs,
    a_goroutine_that_is_woken_while_its_m_falls_asleep_runs,
    a_goroutine_that_any_m_may_run_is_woken_while_the_last_falls_asleep,
    two_ms_hand_a_goroutine_over_and_sleep,
    no_deadlock_is_reported_beside_a_thread_that_has_woken_a_goroutine,
    no_deadlock_is_reported_beside_a_thread_that_a_goroutine_has_woken,
    no_deadlock_is_reported_beside_a_thread_that_another_m_has_woken,
    no_deadlock_is_reported_beside_a_thread_that_has_woken_another,
    no_deadlock_is_reported_after_a_thread_that_has_woken_another,
    a_deadlock_is_reported_once_the_last_thread_outside_parks,
];

const SLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/sleep.rs");
const WAKE: Mutant = mutant_of!("runtime/src/core/scheduler/wake.rs");
const INSTANCE: Mutant = mutant_of!("runtime/src/core/scheduler/instance.rs");
const ASLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/asleep.rs");
const BOUND: Mutant = mutant_of!("runtime/src/core/bound.rs");
const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const INBOX: Mutant = mutant_of!("runtime/src/core/inbox.rs");
const MAILBOX: Mutant = mutant_of!("runtime/src/core/mailbox.rs");
const SUSPECTS: Mutant = mutant_of!("runtime/src/core/suspects.rs");
const WORLD: Mutant = mutant_of!("models/src/models/machine_world.rs");
const HERE: Mutant = mutant_of!("models/src/models/machine.rs");
/// A goroutine that is woken while its M reports stands beside the M, which sleeps.
const BESIDE_A_SLEEPER: Mutant =
    WAKE.mutant("look-whether-this-m-sleeps", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);
const NO_LOOK_AT_MAIL: Mutant =
    SLEEP.mutant("look-at-mail-once-more", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);
const NO_LOOK_AT_WORK: Mutant =
    SLEEP.mutant("look-at-work-once-more", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);
/// An M reports what it has found, though an M has been woken since.
const REPORTS_WHAT_IS_OVER: Mutant =
    ASLEEP.mutant("ask-the-count-last", Change::Twin, FailureKind::Panic, Needs::Interleavings);

/// Starts a goroutine, waits for event 0, and ends.
fn starts_one_and_waits(here: &Here, turn: u32) -> Ran<()> {
    if turn == 0 {
        go(here, FIRST);
    }
    waits::<0>(here, turn)
}

/// Waits for the bell outside, wakes the main goroutine, and parks for good.
fn answers(instance: &Shared) -> Then {
    instance.env.bell.wait_outside(&instance.env.outside);
    fire(instance, 0, None);
    Then::ParksForGood
}

/// The main goroutine waits for what the report of the deadlock brings.
fn a_goroutine_that_is_woken_by_the_report_runs() -> Model {
    model("a goroutine that the report of a deadlock wakes runs on", || {
        let report = |here: &Here, _| fire(here.instance(), 0, Some(here));
        run(Settings { report: Some(report), ..PLAIN }, &[waits::<0>], &[], |instance| {
            assert_eq!(instance.env.turns(MAIN), 2);
        });
    })
    .of_specified()
    .catches([BESIDE_A_SLEEPER])
}

/// The report of one M wakes a goroutine while a thread outside wakes another goroutine of the M.
fn a_goroutine_that_is_woken_beside_the_report_runs() -> Model {
    model("goroutines that the report and a thread outside wake at once both run", || {
        let report = |here: &Here, _| fire(here.instance(), 0, Some(here));
        let main = |here: &Here, turn| {
            if turn == 0 {
                go(here, FIRST);
            }
            waits::<1>(here, turn)
        };
        let first = |here: &Here, turn| match turn {
            0 => wait(here, 0).unwrap_or_else(|| fires::<1>(here, turn)),
            _ => fires::<1>(here, turn),
        };
        run(Settings { report: Some(report), ..PLAIN }, &[main, first], &[], |_| ());
    })
    .of_specified()
    .catches([BESIDE_A_SLEEPER])
}

/// A thread outside wakes the main goroutine while its M falls asleep.
fn a_goroutine_that_is_woken_while_its_m_falls_asleep_runs() -> Model {
    model("a goroutine that is woken while its M falls asleep runs on", || {
        run(PLAIN, &[waits::<0>], &[wakes_main], |_| ());
    })
    .of_specified()
    .catches([
        NO_LOOK_AT_MAIL,
        INSTANCE.drop_wake("wake-bound"),
        IDLE.mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.mutant("fence-after-inbox", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        INBOX.weaken("push-bound"),
        INBOX.weaken("take-bound"),
        INBOX.lose("push-bound", FailureKind::Deadlock),
        MAILBOX.lose("fall-asleep", FailureKind::Deadlock),
        MAILBOX.lose("assign", FailureKind::Panic).or(FailureKind::Race),
    ])
}

/// A thread outside wakes a goroutine that any M may run while the only M falls asleep.
fn a_goroutine_that_any_m_may_run_is_woken_while_the_last_falls_asleep() -> Model {
    model("a goroutine that any M may run is woken while the last M falls asleep", || {
        run(Settings { moving: &[MAIN], ..PLAIN }, &[waits::<0>], &[wakes_main], |_| ());
    })
    .of_specified()
    .catches([NO_LOOK_AT_WORK, INSTANCE.drop_wake("wake-hinted")])
}

/// The main goroutine starts another one, for which a second M is started, and waits for it.
fn two_ms_hand_a_goroutine_over_and_sleep() -> Model {
    model("a goroutine that another M may have taken wakes the one that waits for it", || {
        run(Settings { procs: 2, ..PLAIN }, &[starts_one_and_waits, fires::<0>], &[], |instance| {
            assert_eq!(instance.env.turns(FIRST), 1);
        });
    })
    .of_specified()
    .bound(2)
    .catches([NO_LOOK_AT_MAIL, INSTANCE.drop_wake("wake-bound")])
}

/// A thread outside wakes the main goroutine and parks for good, while the only M decides whether all are asleep.
fn no_deadlock_is_reported_beside_a_thread_that_has_woken_a_goroutine() -> Model {
    model("no deadlock is reported while a thread outside has woken a goroutine", || {
        let wakes = |instance: &Shared| {
            let early = is_twin(); // site: park-last
            if early {
                instance.env.outside.count(true);
            }
            fire(instance, 0, None);
            if early { Then::Ends } else { Then::ParksForGood }
        };
        run(Settings { report: Some(there_is_no_deadlock), ..PLAIN }, &[waits::<0>], &[wakes], |_| ());
    })
    .of_specified()
    .catches([
        REPORTS_WHAT_IS_OVER,
        HERE.mutant("park-last", Change::Twin, FailureKind::Panic, Needs::Interleavings),
    ])
}

/// The main goroutine wakes a thread outside that is parked, and waits for its answer; the thread answers, and parks for good.
fn no_deadlock_is_reported_beside_a_thread_that_a_goroutine_has_woken() -> Model {
    model("no deadlock is reported while a goroutine has woken a thread outside", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                let env: &World = &here.instance().env;
                env.bell.ring_outside(&env.outside);
            }
            waits::<0>(here, turn)
        };
        run(Settings { report: Some(there_is_no_deadlock), ..PLAIN }, &[main], &[answers], |_| ());
    })
    .of_specified()
    .catches([REPORTS_WHAT_IS_OVER])
}

/// The last M falls asleep after another one that has woken a thread outside, which is parked and wakes the main goroutine.
fn no_deadlock_is_reported_beside_a_thread_that_another_m_has_woken() -> Model {
    model("no deadlock is reported while another M has woken a thread outside", || {
        let first = |here: &Here, _| {
            let env: &World = &here.instance().env;
            env.bell.ring_outside(&env.outside);
            Ran::Ended(())
        };
        let settings = Settings { report: Some(there_is_no_deadlock), ..PLAIN };
        run(settings, &[starts_one_and_loses_its_p, first], &[answers], |_| ());
    })
    .of_specified()
    .bound(1)
    .catches([ASLEEP.mutant(
        "fence-before-counting",
        Change::DropFence,
        FailureKind::Panic,
        Needs::SeqCst,
    )])
}

/// A thread outside wakes another one, which parks again, and then wakes the main goroutine.
fn no_deadlock_is_reported_beside_a_thread_that_has_woken_another() -> Model {
    model("a thread that is parked once more is counted once", || {
        let wakes = |instance: &Shared| {
            let env: &World = &instance.env;
            env.bell.ring_outside(&env.outside);
            fire(instance, 0, None);
            Then::Ends
        };
        let parks_again = |instance: &Shared| {
            instance.env.bell.wait_outside(&instance.env.outside);
            Then::ParksForGood
        };
        let settings = Settings { report: Some(there_is_no_deadlock), ..PLAIN };
        run(settings, &[waits::<0>], &[wakes, parks_again], |_| ());
    })
    .of_specified()
    .bound(1)
    .catches([
        WORLD.mutant("count-out-first", Change::Twin, FailureKind::Panic, Needs::Interleavings),
        // Loom and shuttle do not find this in their time.
        ASLEEP.mutant("count-first", Change::Twin, FailureKind::Panic, Needs::SeqCst),
    ])
}

/// A thread outside wakes another one, and ends before that one wakes the main goroutine.
fn no_deadlock_is_reported_after_a_thread_that_has_woken_another() -> Model {
    model("a thread that is woken by one that ends does not count as parked", || {
        let wakes = |instance: &Shared| {
            instance.env.bell.ring_outside(&instance.env.outside);
            Then::Ends
        };
        let settings = Settings { report: Some(there_is_no_deadlock), ..PLAIN };
        run(settings, &[waits::<0>], &[wakes, answers], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([ASLEEP.mutant("find-a-change", Change::Twin, FailureKind::Panic, Needs::Interleavings)])
}

/// The main goroutine waits in vain, while the only thread outside parks for good.
fn a_deadlock_is_reported_once_the_last_thread_outside_parks() -> Model {
    model("a deadlock is reported as one as soon as no thread outside may wake a goroutine", || {
        // It ends the run, as it ends the process.
        let report = |here: &Here, outsiders| {
            if outsiders == 0 {
                end(here.instance());
            }
        };
        let parks = |_: &Shared| Then::ParksForGood;
        run(Settings { report: Some(report), ..PLAIN }, &[waits::<0>], &[parks], |instance| {
            assert_eq!(instance.env.turns(MAIN), 1);
        });
    })
    .of_specified()
    .catches([
        ASLEEP.demote("count-parked", AcqRel, FailureKind::Deadlock),
        SUSPECTS.demote("add-suspect", AcqRel, FailureKind::Deadlock),
        SUSPECTS.lose("add-suspect", FailureKind::Deadlock),
        ASLEEP.drop_wake("wake-suspect"),
    ])
}
