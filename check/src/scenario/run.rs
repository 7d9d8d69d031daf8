//! A program as a model's body.
//!
//! An operation may rightly wait for ever, such as a second receive without a sender. So the body waits until each
//! thread is done, or waits for something that by the specification no thread will do. Then the body performs the
//! operation of [`Scenario::finish`], which ends all waits. Performed earlier, that operation would hide a forgotten
//! wake-up, which by this rule is a deadlock. An execution under the graph engine or loom has no order in time, and so
//! no such moment: there the body performs the operation at once, concurrently with the threads.

use super::{Program, Scenario};
use crate::Spec;
use crate::history::{History, may_be_stuck};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::seam::{Timeline, timeline};
use selvedge::rt::thread;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts the threads that rest, being done or inside an operation, and wakes the body when all of them do.
struct Quiet {
    state: Mutex<(usize, Option<Unparker>)>,
    threads: usize,
}

impl Quiet {
    fn lock(&self) -> MutexGuard<'_, (usize, Option<Unparker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more thread that rests, and wakes the body if all do and `is_over` allows it.
    fn rests(&self, is_over: impl FnOnce() -> bool) {
        let all = {
            let mut state = self.lock();
            state.0 += 1;
            state.0 == self.threads
        };
        if all && is_over() {
            self.wake();
        }
    }

    fn goes_on(&self) {
        self.lock().0 -= 1;
    }

    fn wake(&self) {
        let unparker = self.lock().1.take();
        if let Some(unparker) = unparker {
            unparker.unpark();
        }
    }
}

/// Wakes the body if the thread panics, since the thread then never rests.
struct WakeOnPanic<'a>(&'a Quiet);

impl Drop for WakeOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wake();
        }
    }
}

impl<S, T> Scenario<S, T>
where
    S: Spec + Send + Sync,
    S::Operation: Send + Sync,
    S::Answer: Send,
    T: Sync,
{
    /// Runs the program once, and panics if the specification does not allow the answers.
    pub(super) fn execute(&self, program: &Program<S::Operation>) {
        let object = (self.make)();
        let history = History::new();
        let perform = |operation: &S::Operation| {
            history.record(operation.clone(), || (self.perform)(&object, operation));
        };
        self.begin(program, &object, &history);
        match &self.finish {
            Some(finish) if timeline() == Timeline::RealTime && !program.threads.is_empty() => {
                self.until_quiet(program, &object, &history, || perform(finish));
            }
            finish => thread::scope(|scope| {
                for thread in &program.threads {
                    scope.spawn(|| thread.iter().for_each(perform));
                }
                finish.iter().for_each(perform);
            }),
        }
        program.last.iter().for_each(perform);
        if let Err(violation) = history.check_by(self.criterion, &*self.spec) {
            panic!("{violation}");
        }
    }

    /// Performs the operations of `first`, except those that would wait: no other thread could end the wait.
    fn begin(&self, program: &Program<S::Operation>, object: &T, history: &History<S::Operation, S::Answer>) {
        let mut state = self.spec.initial();
        for operation in &program.first {
            let outcomes = self.spec.outcomes(&state, operation);
            if outcomes.is_empty() {
                continue;
            }
            let answer = history.record(operation.clone(), || (self.perform)(object, operation));
            match outcomes.into_iter().find(|(possible, _)| *possible == answer) {
                Some((_, after)) => state = after,
                None => return,
            }
        }
    }

    /// Runs the threads, and calls `finish` when each of them is done or rightly waits.
    fn until_quiet(
        &self,
        program: &Program<S::Operation>,
        object: &T,
        history: &History<S::Operation, S::Answer>,
        finish: impl FnOnce(),
    ) {
        let parker = Parker::new();
        let state = Mutex::new((0, Some(parker.unparker())));
        let quiet = Quiet { state, threads: program.threads.len() };
        let is_over = || {
            let entries = history.entries();
            // A history that is wrong already is reported at the end.
            may_be_stuck(&entries, &*self.spec) || history.check_by(self.criterion, &*self.spec).is_err()
        };
        thread::scope(|scope| {
            for thread in &program.threads {
                let (quiet, is_over) = (&quiet, &is_over);
                scope.spawn(move || {
                    let _guard = WakeOnPanic(quiet);
                    for operation in thread {
                        let number = history.call(operation.clone());
                        quiet.rests(is_over);
                        let answer = (self.perform)(object, operation);
                        quiet.goes_on();
                        history.answer(number, answer);
                    }
                    quiet.rests(is_over);
                });
            }
            parker.park();
            finish();
        });
    }
}
