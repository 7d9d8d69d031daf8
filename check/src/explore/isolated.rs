//! Explorations on OS threads of their own, which report back over a channel: runs can be nested and concurrent, and a
//! failed one can stop where it is, with nothing unwound.

use super::Plan;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

/// The side of an exploration that reports.
pub(super) struct Reporter<T>(Sender<Result<T, String>>);

impl<T> Clone for Reporter<T> {
    fn clone(&self) -> Self {
        Reporter(self.0.clone())
    }
}

impl<T> Reporter<T> {
    /// Reports. A report after the first one of an exploration may get lost.
    pub(super) fn report(&self, report: T) {
        let _ = self.0.send(Ok(report));
    }

    /// Reports that the exploration itself has failed.
    pub(super) fn crashed(&self, why: String) {
        let _ = self.0.send(Err(why));
    }
}

/// What explorations have reported.
pub(super) struct Reports<T>(Receiver<Result<T, String>>);

/// Returns the two sides of explorations that report.
pub(super) fn reports<T>() -> (Reporter<T>, Reports<T>) {
    let (tx, rx) = mpsc::channel();
    (Reporter(tx), Reports(rx))
}

impl<T> Reports<T> {
    /// Waits for the next report, as long as the exploration gets on.
    ///
    /// # Errors
    /// Why none comes.
    pub(super) fn next(&self, plan: &Plan) -> Result<T, String> {
        let counters = &plan.counters;
        // Relaxed: two statistics, compared with what they were one limit of time ago.
        let progress = || (counters.executions.load(Relaxed), counters.operations.load(Relaxed));
        let mut last = progress();
        loop {
            match self.0.recv_timeout(plan.hang_limit) {
                Ok(report) => return report,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("the exploration ended without a word".to_string());
                }
                Err(RecvTimeoutError::Timeout) if progress() == last => {
                    return Err(format!(
                        "for {:?} the model has done nothing that the engine sees: it loops, or waits by std's means (a \
                         Mutex, a channel, a join) for a thread that cannot run meanwhile; use selvedge::rt's",
                        plan.hang_limit
                    ));
                }
                Err(RecvTimeoutError::Timeout) => last = progress(),
            }
        }
    }
}

/// Lets `explore` run on an OS thread of its own.
///
/// # Errors
/// Why there is no such thread.
pub(super) fn launch<T: Send + 'static>(
    name: &str,
    reporter: Reporter<T>,
    explore: impl FnOnce(Reporter<T>) + Send + 'static,
) -> Result<(), String> {
    let crashed = reporter.clone();
    let body = move || {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| explore(reporter))) {
            crashed.crashed(text_of(&*payload));
        }
    };
    // Engines unwind on this stack, and formatting a report wants some too.
    let spawned = std::thread::Builder::new().name(name.to_string()).stack_size(1 << 20).spawn(body);
    spawned.map(|_| ()).map_err(|error| format!("no thread to explore on: {error}"))
}

/// Runs `explore` on an OS thread of its own, and returns its first report.
///
/// # Errors
/// Why there is none.
pub(super) fn isolated<T: Send + 'static>(
    plan: &Plan,
    name: &str,
    explore: impl FnOnce(Reporter<T>) + Send + 'static,
) -> Result<T, String> {
    let (reporter, reports) = reports();
    launch(name, reporter, explore)?;
    reports.next(plan)
}

/// Returns a panic's message.
pub(super) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_string()
}
