//! The native engine: the model on real threads, many times.

use super::isolated::isolated;
use super::{End, Found, Limits, Model, Plan};
use selvedge::rt::seam::{Failure, FailureKind, NativeOptions, NativeRun, take_panic};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};

pub(super) fn run(plan: &Plan, model: &Model) -> End {
    let (theirs, plan_of_thread) = (Arc::clone(model), plan.clone());
    let end = isolated(plan, "selvedge-native", move |reporter| {
        reporter.report(runs(&plan_of_thread, &theirs));
    });
    end.unwrap_or_else(End::Refused)
}

/// All runs, one after the other.
fn runs(plan: &Plan, model: &Model) -> End {
    let limits = Limits::of(plan);
    for run in 1..=plan.iterations {
        if let Some(cut) = limits.reached(run - 1) {
            return End::Passed(vec![cut]);
        }
        if let Some(end) = run_once(plan, run, model) {
            return end;
        }
    }
    End::Passed(Vec::new())
}

/// One run, on a thread of its own: a failed run leaves its threads where they are. `None` if it passed.
fn run_once(plan: &Plan, run: u64, model: &Model) -> Option<End> {
    let (tx, rx) = mpsc::channel();
    let (failed, ended) = (tx.clone(), tx);
    let options = NativeOptions {
        run,
        edits: plan.edits.clone(),
        mutations: plan.mutations.clone(),
        counters: Arc::clone(&plan.counters),
        on_failure: Box::new(move |failure| {
            let _ = failed.send(Some(failed_with(failure)));
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
        return Some(End::Refused(format!("no thread to run on: {error}")));
    }
    match rx.recv_timeout(plan.hang_limit) {
        Ok(end) => end,
        Err(RecvTimeoutError::Disconnected) => Some(End::Refused("the run ended without a word".to_string())),
        Err(RecvTimeoutError::Timeout) => {
            let hangs = format!(
                "run {run} did not end within {:?}: the model waits in a way that selvedge::rt cannot see, or loops",
                plan.hang_limit
            );
            let failure = entered.get().and_then(|entered| after_panic(run, entered, &hangs));
            Some(failure.map_or(End::Refused(hangs), failed_with))
        }
    }
}

/// Real threads cannot be replayed, so there is no token.
fn failed_with(failure: Failure) -> End {
    End::Failed(Box::new(Found::new(failure, None)))
}

/// Returns the failure of a run that hangs after a thread has panicked.
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
        objects: Vec::new(),
    })
}
