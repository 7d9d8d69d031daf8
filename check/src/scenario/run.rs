//! A program as a model's body.
//!
//! Operations that wait may wait for ever, rightly: a second receive with nobody to send. So the body waits
//! until each thread is done, or waits for something that by the specification nobody will ever do; then it
//! performs the operation that lets all of them go. Earlier it must not, or it would hide a wake-up that was
//! forgotten: with this rule that is a deadlock. An engine whose executions have no order in time cannot be
//! asked when this is so: there the operation is performed at once, concurrently with all others.

use super::{Program, Scenario};
use crate::Spec;
use crate::history::{History, may_be_stuck};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::seam::{Timeline, timeline};
use selvedge::rt::thread;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many threads rest, being done or in an operation, and whom to wake when all do.
struct Quiet {
    state: Mutex<(usize, Option<Unparker>)>,
    threads: usize,
}

impl Quiet {
    fn lock(&self) -> MutexGuard<'_, (usize, Option<Unparker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more thread rests; wakes the body if all do, and rightly.
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

/// Wakes the body if its thread panics: then nothing else will.
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
    /// Runs the program once, and panics if the specification does not allow what it answered.
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

    /// Performs what comes first, but for what would wait: nobody could end that.
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

    /// Runs the threads, and `finish` once all of them are done or rightly wait.
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
            // What is wrong already, the end will tell.
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
