//! The native engine: the model on real threads, many times.

use super::{Event, Limits, Model, Plan, isolated, judge};
use crate::Verdict;
use selvedge::rt::seam::{Failure, FailureKind, NativeOptions, NativeRun, take_panic};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};

pub(super) fn run(plan: &Plan, model: &Model) -> Verdict {
    let (theirs, plan_of_thread) = (Arc::clone(model), plan.clone());
    let event = isolated(plan, "selvedge-native", move |report| {
        let limits = Limits::of(&plan_of_thread);
        for run in 1..=plan_of_thread.iterations {
            if limits.reached(run - 1).is_some() {
                break;
            }
            if let Some(failed) = run_once(&plan_of_thread, run, &theirs) {
                let _ = report.send(failed);
                return;
            }
        }
        let _ = report.send(Event::Done { cut: None });
    });
    match event {
        Event::Failed(failure, _) => judge(*failure, None, None),
        Event::Done { .. } => Verdict::Stressed { runs: 0 }, // counted by the caller
        Event::Crashed(why) => Verdict::Refused { why },
        Event::Restart(_) => unreachable!("native runs have no statics to make"),
    }
}

/// One run, on a thread of its own: a failed run leaves its threads where they are.
fn run_once(plan: &Plan, run: u64, model: &Model) -> Option<Event> {
    let (tx, rx) = mpsc::channel();
    let (failed, ended) = (tx.clone(), tx);
    let options = NativeOptions {
        run,
        mutations: plan.mutations.clone(),
        counters: Arc::clone(&plan.counters),
        on_failure: Box::new(move |failure| {
            let _ = failed.send(Some(Event::Failed(Box::new(failure), None)));
        }),
        on_end: Box::new(move || {
            let _ = ended.send(None);
        }),
    };
    let (model, entered) = (Arc::clone(model), Arc::new(OnceLock::new()));
    let enters = Arc::clone(&entered);
    let body = move || {
        let run = NativeRun::enter(options);
        let _ = enters.set(Arc::clone(&run));
        let result = catch_unwind(AssertUnwindSafe(|| model()));
        let panic = result.err().map(|_| take_panic().unwrap_or_else(|| "no message".to_string()));
        run.leave(panic);
    };
    if let Err(error) = std::thread::Builder::new().name("main".to_string()).spawn(body) {
        return Some(Event::Crashed(format!("no thread to run on: {error}")));
    }
    match rx.recv_timeout(plan.hang_limit) {
        Ok(event) => event,
        Err(RecvTimeoutError::Disconnected) => {
            Some(Event::Crashed("the run ended without a word".to_string()))
        }
        Err(RecvTimeoutError::Timeout) => {
            let hangs = format!(
                "run {run} did not end within {:?}: the model waits in a way that selvedge::rt cannot see, or loops",
                plan.hang_limit
            );
            let failure = entered.get().and_then(|entered| after_panic(run, entered, &hangs));
            Some(match failure {
                Some(failure) => Event::Failed(Box::new(failure), None),
                None => Event::Crashed(hangs),
            })
        }
    }
}

/// The failure of a run that hangs after a thread has panicked.
fn after_panic(execution: u64, run: &Arc<NativeRun>, hangs: &str) -> Option<Failure> {
    let (thread, panic) = run.unseen_panic()?;
    Some(Failure {
        kind: FailureKind::Panic,
        message: format!("{} panicked: {panic}; after that {hangs}", run.title(thread)),
        thread,
        sites: Vec::new(),
        blocked: Vec::new(),
        names: run.names(),
        execution,
        steps: Vec::new(),
    })
}
