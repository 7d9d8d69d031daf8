//! Models of the scheduler's loop: how an M gets a P for the goroutines that stay on it, and what becomes of a P that is taken from an M
//! that falls asleep.

use super::machine_world::{
    FIRST, Here, PLAIN, Settings, Shared, Then, fire, fires, go, rings, run, starts_one_and_loses_its_p,
    submit, wait, wait_in_call, waits, wakes_main,
};
use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::scheduler::Ran;

models![
    the_p_that_another_m_has_comes_to_the_home_of_a_goroutine,
    the_p_of_a_blocking_call_comes_to_the_home_of_a_goroutine,
    a_poke_meets_a_goroutine_that_is_woken,
    an_m_that_gets_two_ps_gives_one_away,
    a_p_whose_m_was_woken_for_another_gets_another_m,
    mail_is_looked_after_when_the_p_is_taken,
    a_search_goes_on_when_the_p_is_taken,
    an_m_whose_p_is_retired_ends_its_search,
    a_goroutine_that_has_not_begun_leaves_a_locked_m,
    locked_ms_hand_the_only_p_over,
];

const BLOCKING: Mutant = mutant_of!("runtime/src/core/scheduler/blocking.rs");
const BOUND: Mutant = mutant_of!("runtime/src/core/bound.rs");
const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const INSTANCE: Mutant = mutant_of!("runtime/src/core/scheduler/instance.rs");
const M: Mutant = mutant_of!("runtime/src/core/scheduler/m.rs");
const MAILBOX: Mutant = mutant_of!("runtime/src/core/mailbox.rs");
const RUN: Mutant = mutant_of!("runtime/src/core/scheduler/run.rs");
const SLEEP: Mutant = mutant_of!("runtime/src/core/scheduler/sleep.rs");
const WAKE_HOME: Mutant = INSTANCE.drop_wake("wake-bound");
const WAKE_FOR_GIVEN_P: Mutant = INSTANCE.drop_wake("wake-for-given-p");

/// The monitor takes the only P from the main goroutine, which then waits for a goroutine that another M runs.
fn the_p_that_another_m_has_comes_to_the_home_of_a_goroutine() -> Model {
    model("an M without a P whose goroutine is woken gets the P that another M has", || {
        run(PLAIN, &[starts_one_and_loses_its_p, fires::<0>], &[], |_| ());
    })
    .of_specified()
    .catches([
        WAKE_HOME,
        WAKE_FOR_GIVEN_P,
        IDLE.mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.mutant("fence-after-wanting", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.mutant("fence-without-a-p", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.lose("count-wanting", FailureKind::Deadlock),
        MAILBOX.weaken("fall-asleep"),
        MAILBOX.weaken("assign"),
    ])
}

/// A goroutine wakes the main goroutine, whose M has no P, and waits for it in a blocking call.
fn the_p_of_a_blocking_call_comes_to_the_home_of_a_goroutine() -> Model {
    model("the P of a blocking call goes to an M that has none, for the goroutine that stays there", || {
        let main = |here: &Here, turn| {
            let ran = starts_one_and_loses_its_p(here, turn);
            if matches!(ran, Ran::Ended(())) {
                here.instance().env.bell.ring();
            }
            ran
        };
        let first = |here: &Here, _| {
            fire(here.instance(), 0, Some(here));
            wait_in_call(here);
            Ran::Ended(())
        };
        run(PLAIN, &[main, first], &[], |_| ());
    })
    .of_specified()
    .catches([
        WAKE_FOR_GIVEN_P,
        BLOCKING.mutant("give-the-p-away", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
    ])
}

/// The main goroutine is woken while its M falls asleep, and the M is told to look again, as the poller is.
fn a_poke_meets_a_goroutine_that_is_woken() -> Model {
    model("an M that is told to look again does not miss a goroutine that is woken", || {
        let pokes = |instance: &Shared| {
            instance.ms().iter().for_each(|m| _ = m.poke());
            Then::Ends
        };
        run(PLAIN, &[waits::<0>], &[wakes_main, pokes], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([WAKE_HOME, M.drop_wake("wake-to-look"), IDLE.weaken("take-back")])
}

/// The main goroutine is woken while its M falls asleep, which finds that out, and gets another P for it meanwhile.
fn an_m_that_gets_two_ps_gives_one_away() -> Model {
    model("no P is lost when an M that stays awake is given another one", || {
        run(Settings { procs: 2, ..PLAIN }, &[waits::<0>], &[wakes_main], |_| ());
    })
    .of_specified()
    .catches([SLEEP.mutant(
        "give-the-other-p-away",
        Change::Twin,
        FailureKind::Panic,
        Needs::Interleavings,
    )])
}

/// The M of the main goroutine is woken with a P that it did not leave, and runs on, while a goroutine that any M may run is woken.
fn a_p_whose_m_was_woken_for_another_gets_another_m() -> Model {
    model("a P whose M was woken for another P gets another M", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                go(here, FIRST);
            }
            let ran = waits::<0>(here, turn);
            if matches!(ran, Ran::Ended(())) {
                here.instance().env.bell.wait();
            }
            ran
        };
        let first = |here: &Here, turn| {
            let ran = waits::<1>(here, turn);
            if matches!(ran, Ran::Ended(())) {
                here.instance().env.bell.ring();
            }
            ran
        };
        let wakes_both = |instance: &Shared| {
            fire(instance, 0, None);
            fire(instance, 1, None);
            Then::Ends
        };
        run(Settings { procs: 2, moving: &[FIRST], ..PLAIN }, &[main, first], &[wakes_both], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([
        // Loom and shuttle do not find the second one in their time.
        INSTANCE.mutant("find-another-m", Change::Twin, FailureKind::Deadlock, Needs::Interleavings),
        INSTANCE.drop_wake("wake-any").needs(Needs::SeqCst),
    ])
}

/// A goroutine wakes the main goroutine, whose M is still awake and falls asleep, and takes its P on the way out of a blocking call.
fn mail_is_looked_after_when_the_p_is_taken() -> Model {
    model("a goroutine runs whose M falls asleep while another M takes the P for something else", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                go(here, FIRST);
                wait_in_call(here);
            }
            waits::<0>(here, turn)
        };
        let first = |here: &Here, _| {
            here.begin_blocking();
            here.instance().env.bell.ring();
            fire(here.instance(), 0, None);
            here.end_blocking();
            Ran::Ended(())
        };
        run(PLAIN, &[main, first], &[], |_| ());
    })
    .of_specified()
    // Loom and shuttle do not find this in their time.
    .catches([SLEEP.mutant(
        "look-after-mail-without-the-p",
        Change::Twin,
        FailureKind::Deadlock,
        Needs::SeqCst,
    )])
}

/// The main goroutine relies on an M that searches, takes the P of that M away, and keeps its own.
fn a_search_goes_on_when_the_p_is_taken() -> Model {
    model("an M that finds work when its P is gone takes another one", || {
        let main = |here: &Here, _| {
            submit(here);
            go(here, FIRST);
            here.m.instance.set_procs(2);
            here.instance().env.bell.wait();
            Ran::Ended(())
        };
        run(Settings { procs: 3, ..PLAIN }, &[main, rings], &[], |_| ());
    })
    .of_specified()
    .bound(2)
    // Loom and shuttle do not find this in their time.
    .catches([IDLE.mutant("take-another-p", Change::Twin, FailureKind::Deadlock, Needs::SeqCst)])
}

/// The main goroutine takes a P away, which another M has that searches, and starts a goroutine while it keeps its own P.
fn an_m_whose_p_is_retired_ends_its_search() -> Model {
    model("an M that has no P does not count as one that searches", || {
        let main = |here: &Here, _| {
            submit(here);
            here.m.instance.set_procs(2);
            go(here, FIRST);
            here.instance().env.bell.wait();
            Ran::Ended(())
        };
        run(Settings { procs: 3, look_around: 1, ..PLAIN }, &[main, rings], &[], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([RUN.mutant(
        "search-no-longer",
        Change::Twin,
        FailureKind::Deadlock,
        Needs::Interleavings,
    )])
}

/// Starts a goroutine that may not begin on this M, which the main goroutine has locked, and waits for it.
fn locks_and_waits(here: &Here, turn: u32) -> Ran<()> {
    if turn == 0 {
        here.locked.set(1);
        go(here, FIRST);
    }
    let ran = waits::<0>(here, turn);
    if matches!(ran, Ran::Ended(())) {
        here.locked.set(0);
    }
    ran
}

/// The main goroutine waits for one that has not begun, on a thread that it has locked.
fn a_goroutine_that_has_not_begun_leaves_a_locked_m() -> Model {
    model("the P of an M whose thread is locked goes to an M that may begin goroutines", || {
        run(PLAIN, &[locks_and_waits, fires::<0>], &[], |_| ());
    })
    .of_specified()
    .catches([
        RUN.mutant("begin-none-on-a-locked-m", Change::Twin, FailureKind::Panic, Needs::Interleavings),
        WAKE_HOME,
    ])
}

/// Two goroutines that have locked their threads wait for each other in turn.
fn locked_ms_hand_the_only_p_over() -> Model {
    model("two Ms whose threads are locked hand the only P over to each other", || {
        let main = |here: &Here, turn| {
            if turn == 1 {
                fire(here.instance(), 1, Some(here));
                return wait(here, 2).unwrap_or(Ran::Ended(()));
            }
            locks_and_waits(here, turn)
        };
        let first = |here: &Here, turn| {
            if turn == 0 {
                here.locked.set(1);
                fire(here.instance(), 0, Some(here));
            }
            let ran = waits::<1>(here, turn);
            if matches!(ran, Ran::Ended(())) {
                here.locked.set(0);
                fire(here.instance(), 2, Some(here));
            }
            ran
        };
        run(PLAIN, &[main, first], &[], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([WAKE_HOME, WAKE_FOR_GIVEN_P])
}
