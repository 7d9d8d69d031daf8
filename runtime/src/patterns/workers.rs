//! Worker pools: a fixed number of goroutines that do jobs from a queue.

use super::refused::Refused;
use super::team::{Panic, Team, dispose};
use core::any::Any;
use core::fmt;
use selvedge::chan::{Receiver, RecvError, Sender, TrySendError, bounded};
use selvedge::context::{Context, RecvCtxError};
use selvedge::rt::twin::is_twin;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A job as it stands in the queue.
trait Job: Send {
    fn run(self: Box<Self>);
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// Goroutines that do jobs, so many at once and no more.
///
/// Workers take jobs in the order in which they were submitted, and do each once. Its result goes to its [`Ticket`]; a
/// panic is a result, after which the worker goes on. What a job did happens before its ticket's
/// [`wait`](Ticket::wait) returns.
///
/// Dropping this lets the workers do what is in the queue, and end; it does not wait for them. A job must not end its
/// goroutine by [`goexit`](crate::goexit): that ends the worker.
///
/// ```
/// use selvedge_go::patterns::Workers;
/// selvedge_go::run(|| {
///     let workers = Workers::new(4, 10);
///     let tickets: Vec<_> = (1..=15).map(|n| workers.submit(move || n * n)).collect();
///     let squares = tickets.into_iter().map(|ticket| ticket.wait().expect("no panic"));
///     assert_eq!(squares.sum::<u32>(), 1240);
///     workers.finish();
/// });
/// ```
#[must_use = "the workers end when this is dropped"]
pub struct Workers {
    jobs: Sender<Box<dyn Job>>,
    team: Team,
}

impl Workers {
    /// Starts `workers` goroutines, or threads if the caller is one, and a queue for `queue` jobs that wait.
    ///
    /// # Panics
    /// If there are to be no workers, or the operating system cannot make a thread.
    ///
    /// ```
    /// selvedge_go::patterns::Workers::new(2, 0).finish();
    /// ```
    #[track_caller]
    pub fn new(workers: usize, queue: usize) -> Workers {
        assert!(workers > 0, "a pool without workers would do no job: give it one or more");
        let (jobs, waiting) = bounded::<Box<dyn Job>>(queue);
        let team = Team::new();
        for _ in 0..workers + surplus() {
            let waiting = waiting.clone();
            team.go(move || waiting.iter().for_each(|job| job.run()));
        }
        Workers { jobs, team }
    }

    /// Puts a job into the queue, waiting for room, or for a worker if the queue has none.
    ///
    /// From within a job of the same pool it may wait for ever: if all workers do so and the queue is full.
    ///
    /// ```
    /// let workers = selvedge_go::patterns::Workers::new(1, 1);
    /// assert_eq!(workers.submit(|| 7).wait().expect("no panic"), 7);
    /// ```
    #[track_caller]
    pub fn submit<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Ticket<T> {
        let (job, ticket) = wrap(job);
        self.jobs.send(job).unwrap_or_else(|_| unreachable!("{ALIVE}"));
        ticket
    }

    /// Puts a job into the queue as [`submit`](Self::submit) does, until the context is done at most.
    ///
    /// # Errors
    /// If the context is done: the job, and why.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_cancel};
    /// let workers = selvedge_go::patterns::Workers::new(1, 1);
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.cancel();
    /// let refused = workers.submit_ctx(&context, || 7).expect_err("the context is done");
    /// assert_eq!(refused.why(), Some(Error::Canceled));
    /// ```
    #[track_caller]
    pub fn submit_ctx<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        context: &Context,
        job: F,
    ) -> Result<Ticket<T>, Refused<F>> {
        use selvedge::context::SendCtxError::{Closed, Done};
        let (job, ticket) = wrap(job);
        match self.jobs.send_ctx(context, job) {
            Ok(()) => Ok(ticket),
            Err(Done(job, why)) => Err(Refused::new(unwrap::<F, T>(job), Some(why))),
            Err(Closed(_)) => unreachable!("{ALIVE}"),
        }
    }

    /// Puts a job into the queue, if there is room at once, or a worker waits.
    ///
    /// # Errors
    /// If not: the job.
    ///
    /// ```
    /// use selvedge::chan::bounded;
    /// use selvedge_go::patterns::Workers;
    /// let workers = Workers::new(1, 1);
    /// let (tx, rx) = bounded::<()>(0);
    /// let rxs = [rx.clone(), rx.clone(), rx];
    /// let submitted = rxs.map(|rx| workers.try_submit(move || rx.recv().is_err()));
    /// drop(tx);
    /// for (at, submitted) in submitted.into_iter().enumerate() {
    ///     match submitted {
    ///         Ok(ticket) => assert!(ticket.wait().expect("no panic")),
    ///         Err(refused) => assert!(at > 0 && refused.into_inner()(), "one is done, perhaps one waits"),
    ///     }
    /// }
    /// ```
    pub fn try_submit<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        job: F,
    ) -> Result<Ticket<T>, Refused<F>> {
        let (job, ticket) = wrap(job);
        match self.jobs.try_send(job) {
            Ok(()) => Ok(ticket),
            Err(TrySendError::Full(job)) => Err(Refused::new(unwrap::<F, T>(job), None)),
            Err(TrySendError::Disconnected(_)) => unreachable!("{ALIVE}"),
        }
    }

    /// Returns how many jobs wait in the queue, at some moment.
    ///
    /// ```
    /// assert_eq!(selvedge_go::patterns::Workers::new(1, 1).waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        self.jobs.len()
    }

    /// Waits until all jobs are done and the workers have ended.
    ///
    /// ```
    /// let workers = selvedge_go::patterns::Workers::new(1, 5);
    /// let tickets = [1, 2, 3].map(|n| workers.submit(move || n));
    /// workers.finish();
    /// assert!(tickets.iter().all(|ticket| ticket.is_ready()));
    /// ```
    #[track_caller]
    pub fn finish(self) {
        drop(self.jobs);
        self.team.wait();
    }
}

/// Why a send of a job does not fail.
const ALIVE: &str = "the workers receive as long as there is a pool";

/// Returns how many workers there are beyond those that were asked for: none.
fn surplus() -> usize {
    usize::from(is_twin()) // site: keep-limit
}

/// A job, and where its result goes.
struct Call<F, T> {
    job: F,
    result: Sender<Result<T, Panic>>,
}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> Job for Call<F, T> {
    fn run(self: Box<Self>) {
        let Call { job, result } = *self;
        let catches = !is_twin(); // site: survive-panic
        let outcome = if catches { catch_unwind(AssertUnwindSafe(job)) } else { Ok(job()) };
        // If the ticket is gone, the result is dropped here, and its destructor may panic.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(result.send(outcome)))) {
            dispose(panic);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Returns what a worker is to run, and the ticket for its result.
fn wrap<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(job: F) -> (Box<dyn Job>, Ticket<T>) {
    let (tx, rx) = bounded(1);
    (Box::new(Call { job, result: tx }), Ticket { result: rx })
}

/// Returns the job of a call that the queue gave back.
fn unwrap<F: 'static, T: 'static>(job: Box<dyn Job>) -> F {
    let call = job.into_any().downcast::<Call<F, T>>();
    call.unwrap_or_else(|_| unreachable!("the queue gives back what it was given")).job
}

/// Permission to wait for the result of a job. The job is done also without it.
///
/// ```
/// let workers = selvedge_go::patterns::Workers::new(1, 1);
/// let ticket = workers.submit(|| panic!("half of the work is not done"));
/// let lost: Result<(), _> = ticket.wait();
/// assert_eq!(lost.unwrap_err().downcast_ref(), Some(&"half of the work is not done"));
/// assert_eq!(workers.submit(|| 7).wait().unwrap(), 7, "the worker goes on");
/// ```
pub struct Ticket<T> {
    result: Receiver<Result<T, Panic>>,
}

impl<T> Ticket<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// The panic of the job.
    ///
    /// ```
    /// let workers = selvedge_go::patterns::Workers::new(1, 1);
    /// assert_eq!(workers.submit(|| 7).wait().expect("no panic"), 7);
    /// ```
    #[track_caller]
    pub fn wait(self) -> std::thread::Result<T> {
        self.result.recv().unwrap_or_else(|RecvError| unreachable!("each job leaves a result"))
    }

    /// Waits for the result, until the context is done at most. Then the ticket comes back.
    ///
    /// # Errors
    /// If the context is done. The job is done all the same.
    ///
    /// ```
    /// use selvedge::context::{background, with_timeout};
    /// let workers = selvedge_go::patterns::Workers::new(1, 1);
    /// let (tx, rx) = selvedge::chan::bounded(0);
    /// let (context, _cancel) = with_timeout(&background(), std::time::Duration::from_millis(1));
    /// let ticket = workers.submit(move || rx.recv()).wait_ctx(&context).expect_err("nobody sends yet");
    /// tx.send(7).unwrap();
    /// assert_eq!(ticket.wait().expect("no panic"), Ok(7));
    /// ```
    #[track_caller]
    pub fn wait_ctx(self, context: &Context) -> Result<std::thread::Result<T>, Ticket<T>> {
        match self.result.recv_ctx(context) {
            Ok(result) => Ok(result),
            Err(RecvCtxError::Done(_)) => Err(self),
            Err(RecvCtxError::Closed) => unreachable!("each job leaves a result"),
        }
    }

    /// Returns whether the result is there.
    ///
    /// ```
    /// let workers = selvedge_go::patterns::Workers::new(1, 1);
    /// let ticket = workers.submit(|| 7);
    /// workers.finish();
    /// assert!(ticket.is_ready());
    /// ```
    pub fn is_ready(&self) -> bool {
        !self.result.is_empty()
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("is_ready", &self.is_ready()).finish()
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
