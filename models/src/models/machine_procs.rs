//! Models of Ps that change hands while goroutines run: for calls that block, by the monitor, and when their number changes; and of
//! the threads on which calls block.

use super::machine_world::{
    FIRST, Here, PLAIN, SECOND, Settings, Shared, Then, fire, fires, go, rings, run, there_is_no_deadlock,
    wait, wait_in_call, waits, waits_in_call_for_one,
};
use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge::sync::Mutex;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::jobs::Jobs;
use selvedge_go::core::scheduler::Ran;

models![
    the_p_of_a_blocking_call_runs_another_goroutine,
    a_goroutine_that_returns_from_a_blocking_call_gets_a_p,
    the_monitor_takes_the_p_of_a_goroutine_that_starts_another,
    the_monitor_takes_the_p_of_a_goroutine_that_parks,
    no_deadlock_is_reported_while_the_monitor_gives_a_p_away,
    fewer_ps_keep_the_goroutines_of_the_others,
    ps_are_taken_away_and_given_back,
    each_call_on_the_pool_runs_once,
];

const BLOCKING: Mutant = mutant_of!("runtime/src/core/scheduler/blocking.rs");
const HERE: Mutant = mutant_of!("runtime/src/core/scheduler/here.rs");
const PROCS: Mutant = mutant_of!("runtime/src/core/scheduler/procs.rs");
const INSTANCE: Mutant = mutant_of!("runtime/src/core/scheduler/instance.rs");
const STATE: Mutant = mutant_of!("runtime/src/core/proc_state.rs");
const JOBS: Mutant = mutant_of!("runtime/src/core/jobs.rs");
/// An M goes on with a P that was taken from it.
const KEEPS_A_LOST_P: Mutant = HERE
    .mutant("notice-that-the-p-is-gone", Change::Twin, FailureKind::Race, Needs::Orderings)
    .or(FailureKind::Panic)
    .or(FailureKind::Deadlock);

/// The main goroutine waits in a blocking call for one that has not begun.
fn the_p_of_a_blocking_call_runs_another_goroutine() -> Model {
    model("a goroutine that has not begun runs while the only P's M is in a blocking call", || {
        run(PLAIN, &[waits_in_call_for_one, rings], &[], |instance| assert_eq!(instance.env.turns(FIRST), 1));
    })
    .of_specified()
    .catches([BLOCKING.mutant(
        "give-the-p-away",
        Change::Twin,
        FailureKind::Deadlock,
        Needs::Interleavings,
    )])
}

/// The main goroutine comes back from a blocking call while the only P runs two goroutines, one after the other.
fn a_goroutine_that_returns_from_a_blocking_call_gets_a_p() -> Model {
    model("a goroutine that comes back from a blocking call gets the P of another M", || {
        let first = |here: &Here, _| {
            go(here, SECOND);
            rings(here, 0)
        };
        run(PLAIN, &[waits_in_call_for_one, first, |_, _| Ran::Ended(())], &[], |_| ());
    })
    .of_specified()
    .catches([INSTANCE.drop_wake("wake-for-given-p").or(FailureKind::Livelock)])
}

/// Takes the only P from an M that runs a goroutine.
fn monitor(instance: &Shared) -> Then {
    if let Some(slice) = instance.states[0].in_user_code() {
        instance.demote(0, slice);
    }
    Then::Ends
}

/// The monitor looks while the main goroutine starts two others, and waits for one of them.
fn the_monitor_takes_the_p_of_a_goroutine_that_starts_another() -> Model {
    model("one M uses a P, which the monitor takes from a goroutine that starts others", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                go(here, FIRST);
                go(here, SECOND);
            }
            waits::<0>(here, turn)
        };
        run(PLAIN, &[main, fires::<1>, fires::<0>], &[monitor], |_| ());
    })
    .of_specified()
    .bound(2)
    .catches([KEEPS_A_LOST_P])
}

/// The monitor looks while the main goroutine starts another one and waits for it.
fn the_monitor_takes_the_p_of_a_goroutine_that_parks() -> Model {
    model("one M uses a P, which the monitor takes from a goroutine that parks", || {
        let main = |here: &Here, turn| {
            if turn == 0 {
                go(here, FIRST);
            }
            waits::<0>(here, turn)
        };
        run(PLAIN, &[main, fires::<0>], &[monitor], |_| ());
    })
    .of_specified()
    .catches([
        // Loom does not find these in its time.
        KEEPS_A_LOST_P.needs(Needs::SeqCst),
        STATE.mutant("compare-slices", Change::Twin, FailureKind::Race, Needs::SeqCst).or(FailureKind::Panic),
    ])
}

/// The monitor takes the only P from the main goroutine, which parks, for one that comes out of a blocking call and wakes it.
fn no_deadlock_is_reported_while_the_monitor_gives_a_p_away() -> Model {
    model("no deadlock is reported while the monitor gives a P away", || {
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
            here.end_blocking();
            fire(here.instance(), 0, Some(here));
            Ran::Ended(())
        };
        let own_monitor = |instance: &Shared| {
            instance.env.outside.is_own();
            monitor(instance)
        };
        run(Settings { report: Some(there_is_no_deadlock), ..PLAIN }, &[main, first], &[own_monitor], |_| ());
    })
    .of_specified()
    .bound(2)
    // Loom and shuttle do not find this in their time.
    .catches([INSTANCE.mutant("count-the-monitor", Change::Twin, FailureKind::Panic, Needs::SeqCst)])
}

/// Sets the number of Ps, from a goroutine.
fn set_procs(here: &Here, number: usize) {
    let _in_runtime = here.enter_runtime();
    here.m.instance.set_procs(number);
}

const NO_GOROUTINE_IS_LEFT: Mutant =
    PROCS.mutant("leave-no-goroutine", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);

/// The main goroutine takes a P away while both have goroutines.
fn fewer_ps_keep_the_goroutines_of_the_others() -> Model {
    model("no goroutine is lost when its P is no longer in use", || {
        let main = |here: &Here, turn: u32| {
            if turn == 0 {
                go(here, FIRST);
                go(here, SECOND);
                set_procs(here, 1);
            }
            let rest = [0, 1].into_iter().skip(turn as usize).find_map(|event| wait(here, event));
            rest.unwrap_or(Ran::Ended(()))
        };
        let settings = Settings { procs: 2, look_around: 1, ..PLAIN };
        run(settings, &[main, fires::<0>, fires::<1>], &[], |instance| {
            assert_eq!(instance.env.turns(FIRST) + instance.env.turns(SECOND), 2);
        });
    })
    .of_specified()
    .bound(2)
    .catches([NO_GOROUTINE_IS_LEFT])
}

/// The main goroutine takes a P away, and gives it back when another goroutine has run.
fn ps_are_taken_away_and_given_back() -> Model {
    model("a P that was given back is in use, and no goroutine is lost", || {
        let main = |here: &Here, turn: u32| {
            if turn == 0 {
                go(here, FIRST);
                set_procs(here, 1);
                return waits::<0>(here, turn);
            }
            assert_eq!(here.m.instance.set_procs(2), 1);
            assert_eq!(here.m.instance.set_procs(0), 2);
            Ran::Ended(())
        };
        run(Settings { procs: 2, look_around: 1, ..PLAIN }, &[main, fires::<0>], &[], |instance| {
            assert_eq!(instance.env.turns(FIRST), 1);
        });
    })
    .of_specified()
    .bound(2)
    .catches([NO_GOROUTINE_IS_LEFT])
}

/// Two threads make a call each, while a thread of the pool ends the first one and comes to wait for more.
fn each_call_on_the_pool_runs_once() -> Model {
    model("each call on the pool runs once, and its result comes back", || {
        let (jobs, ran) = (Arc::new(Jobs::new()), Arc::new(AtomicU32::new(0)));
        let joins = Arc::new(Mutex::new(Vec::new()));
        let call = |jobs: &Jobs, result: u32| {
            let (ran, joins) = (Arc::clone(&ran), Arc::clone(&joins));
            let start = move |body| {
                joins.lock().push(thread::spawn(body));
                true
            };
            let call = move || {
                ran.fetch_add(1, Relaxed);
                result
            };
            assert_eq!(jobs.run(call, start, |_| unreachable!("a thread starts")), result);
        };
        thread::scope(|scope| {
            scope.spawn(|| call(&jobs, 1));
            call(&jobs, 2);
        });
        assert_eq!(ran.load(Relaxed), 2);
        // The threads of the pool end with the channel.
        drop(jobs);
        let joins = core::mem::take(&mut *joins.lock());
        joins.into_iter().for_each(|thread| thread.join().expect("no panic"));
    })
    .of_specified()
    .catches([JOBS.mutant(
        "start-a-thread-for-a-refused-call",
        Change::Twin,
        FailureKind::Panic,
        Needs::Interleavings,
    )])
}
