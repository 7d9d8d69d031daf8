//! Models of routines and of tasks that are executed together or again. The locks and channels in them are taken as specified:
//! they have models of their own.

use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::context::{Context, background, with_cancel};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use selvedge_go::routine::{Executor, Outcome, Retry, Routine, Task, child, parallel};
use std::time::Duration;

models![
    a_routine_ends_when_all_of_it_has,
    a_daemon_hears_that_the_others_have_ended,
    a_worker_that_fails_stops_the_others,
    the_context_above_stops_a_routine,
    a_task_that_is_added_is_waited_for_or_comes_back,
    a_routine_is_closed_or_ends,
    nested_routines_are_cleaned_up_from_the_inside,
    tasks_beside_each_other_have_all_ended,
    a_task_is_not_tried_again_once_the_context_is_done,
];

const ROUTINE: Mutant = mutant_of!("runtime/src/routine/life.rs");
const BESIDE: Mutant = mutant_of!("runtime/src/routine/beside.rs");
const AGAIN: Mutant = mutant_of!("runtime/src/routine/again.rs");

const fn twin(of: Mutant, site: &'static str, kind: FailureKind) -> Mutant {
    of.mutant(site, Change::Twin, kind, Needs::Interleavings)
}

/// What still runs of a routine is not waited for.
const LEAVES_THEM: Mutant = twin(ROUTINE, "await-all", FailureKind::Panic).or(FailureKind::Leak);
/// A routine that waits for its tasks takes one more.
const TAKES_MORE: Mutant =
    twin(mutant_of!("runtime/src/routine/child.rs"), "take-no-more", FailureKind::Panic)
        .or(FailureKind::Leak)
        .or(FailureKind::Race);
/// What still runs of a routine is not told that it is to stop.
const TELLS_NOBODY: Mutant = twin(ROUTINE, "tell-the-others", FailureKind::Deadlock);
/// A failure is taken for an end.
const HEARS_NO_FAILURE: Mutant = twin(ROUTINE, "hear-failures", FailureKind::Deadlock).or(FailureKind::Panic);
/// The first error ends all, and the others run on.
const LEAVES_THE_OTHERS: Mutant = twin(BESIDE, "await-the-others", FailureKind::Panic).or(FailureKind::Leak);
/// The pause between two tries does not hear the end.
const DEAF: Mutant = twin(AGAIN, "hear-the-end", FailureKind::Panic);

/// Notes what happens, each thing once.
#[derive(Clone)]
struct Notes(Arc<AtomicU32>);

impl Notes {
    fn new() -> Notes {
        Notes(Arc::new(AtomicU32::new(0)))
    }

    /// Returns a task that notes this bit.
    fn notes(&self, bit: u32) -> impl Fn(&Context) -> Outcome + Send + Sync + 'static {
        let notes = self.clone();
        move |_| {
            notes.add(bit);
            Ok(())
        }
    }

    /// Returns a task that waits for the end of its context, and notes this bit.
    fn waits(&self, bit: u32) -> impl Fn(&Context) -> Outcome + Send + Sync + 'static {
        let notes = self.clone();
        move |context| {
            assert!(context.done().recv().is_err());
            notes.add(bit);
            Ok(())
        }
    }

    fn add(&self, bit: u32) {
        // Relaxed: what orders the notes is under test.
        let before = self.0.fetch_or(bit, Relaxed);
        assert_eq!(before & bit, 0, "it happens once");
    }

    fn all(&self) -> u32 {
        self.0.load(Relaxed) // Relaxed: what orders the notes is under test.
    }

    /// Returns a task that finds these notes, and no others, and adds one.
    fn finds(&self, found: u32, bit: u32) -> impl Fn(&Context) -> Outcome + Send + Sync + 'static {
        let notes = self.clone();
        move |_| {
            assert_eq!(notes.all(), found);
            notes.add(bit);
            Ok(())
        }
    }
}

/// A routine has a main task and a daemon, which wait for nothing. XR-04.
fn a_routine_ends_when_all_of_it_has() -> Model {
    model("when a routine cleans up, all of it has ended, and happens before", || {
        let notes = Notes::new();
        let routine =
            Routine::new(notes.notes(1)).daemon("daemon", notes.notes(2)).cleanup(notes.finds(3, 4));
        assert!(routine.execute(&background()).is_ok());
        assert_eq!(notes.all(), 7);
    })
    .of_specified()
    .catches([LEAVES_THEM])
}

/// The daemon waits for its context, the main task for nothing.
fn a_daemon_hears_that_the_others_have_ended() -> Model {
    model("a daemon hears that the others have ended, and is waited for", || {
        let notes = Notes::new();
        let routine = Routine::new(notes.notes(1)).daemon("daemon", notes.waits(2));
        assert!(routine.execute(&background()).is_ok());
        assert_eq!(notes.all(), 3);
    })
    .of_specified()
    .catches([TELLS_NOBODY, LEAVES_THEM])
}

/// The main task waits for the end, the worker fails.
fn a_worker_that_fails_stops_the_others() -> Model {
    model("the failure of a worker stops the others, and is the outcome", || {
        let notes = Notes::new();
        let routine = Routine::new(notes.waits(1)).worker("worker", |_: &Context| Err("no luck".into()));
        let error = routine.execute(&background()).expect_err("the worker fails");
        assert_eq!((error.to_string().as_str(), notes.all()), ("no luck", 1));
    })
    .of_specified()
    .catches([HEARS_NO_FAILURE, TELLS_NOBODY, LEAVES_THEM])
}

/// The main task has ended or waits when the context above is cancelled.
fn the_context_above_stops_a_routine() -> Model {
    model("a routine ends by itself or by the context above, which is its outcome then", || {
        let (above, cancel) = with_cancel(&background());
        let notes = Notes::new();
        let routine = Routine::new(notes.notes(1));
        let control = routine.control();
        let canceller = thread::spawn(move || {
            assert!(control.serving().recv().is_err());
            cancel.cancel();
        });
        if let Err(error) = routine.execute(&above) {
            assert_eq!(error.to_string(), "context canceled");
        }
        assert_eq!(notes.all(), 1, "all of it has ended");
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([LEAVES_THEM])
}

/// A daemon adds a task while the routine ends. XR-06.
fn a_task_that_is_added_is_waited_for_or_comes_back() -> Model {
    model("a task that is added to a routine has ended when the routine has, or comes back", || {
        let notes = Notes::new();
        let theirs = notes.clone();
        let adds = move |context: &Context| {
            let added = child(context, "child", Task::new(theirs.notes(2)));
            theirs.add(if added.is_ok() { 4 } else { 8 });
            Ok(())
        };
        let routine = Routine::new(notes.notes(1)).daemon("daemon", adds);
        assert!(routine.execute(&background()).is_ok());
        assert!(matches!(notes.all(), 7 | 9));
    })
    .of_specified()
    .catches([TAKES_MORE, LEAVES_THEM])
}

/// A routine whose main task waits is closed as soon as it runs. XR-03.
fn a_routine_is_closed_or_ends() -> Model {
    model("a routine that is closed ends well, once all of it has", || {
        let notes = Notes::new();
        let routine = Routine::new(notes.waits(1));
        let control = routine.control();
        let closer = thread::spawn(move || {
            assert!(control.serving().recv().is_err());
            assert!(control.close());
        });
        assert!(routine.execute(&background()).is_ok());
        assert_eq!(notes.all(), 1);
        closer.join().expect("no panic");
    })
    .of_specified()
    .catches([TELLS_NOBODY, LEAVES_THEM])
}

/// A routine is the main task of another one, and its main task cancels the context above both.
fn nested_routines_are_cleaned_up_from_the_inside() -> Model {
    model("nested routines that are stopped are cleaned up from the inside to the outside", || {
        let (above, cancel) = with_cancel(&background());
        let notes = Notes::new();
        let ends = notes.waits(1);
        let main = move |context: &Context| {
            cancel.cancel();
            ends(context)
        };
        let inner = Routine::new(main).cleanup(notes.finds(1, 2));
        let outer = Routine::new(inner).cleanup(notes.finds(3, 4));
        let error = outer.execute(&above).expect_err("it is cancelled");
        assert_eq!((error.to_string().as_str(), notes.all()), ("context canceled", 7));
    })
    .of_specified()
    .bound(2)
    .catches([LEAVES_THEM])
}

/// One of two tasks fails.
fn tasks_beside_each_other_have_all_ended() -> Model {
    model("tasks beside each other have all ended, also if one of them fails", || {
        let notes = Notes::new();
        let fails = Task::new(|_: &Context| Err("no luck".into()));
        let both = parallel([fails, Task::new(notes.notes(1))]);
        let error = both.execute(&background()).expect_err("one fails");
        assert_eq!((error.to_string().as_str(), notes.all()), ("no luck", 1));
    })
    .of_specified()
    .catches([LEAVES_THE_OTHERS])
}

/// A task fails once its context was cancelled.
fn a_task_is_not_tried_again_once_the_context_is_done() -> Model {
    model("a task is not tried again once its context is done", || {
        let (context, cancel) = with_cancel(&background());
        let canceller = thread::spawn(move || cancel.cancel());
        let notes = Notes::new();
        let waits = Task::new(notes.waits(1));
        let fails = Task::new(move |context: &Context| waits.execute(context).and(Err("no luck".into())));
        let policy = Retry::times(3).every(Duration::from_millis(1));
        assert_eq!(fails.retry(policy).execute(&context).expect_err("it fails").to_string(), "no luck");
        assert_eq!(notes.all(), 1);
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([DEAF])
}
