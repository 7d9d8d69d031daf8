//! What a pool gives back that it does not take: [`Refused`].

use core::fmt;
use selvedge::context::Error;

/// A job that [`Workers`](super::Workers) did not take.
///
/// ```
/// use selvedge::chan::bounded;
/// use selvedge_go::patterns::Workers;
/// let workers = Workers::new(1, 0);
/// let (started, starts) = bounded(0);
/// let (tx, rx) = bounded::<()>(0);
/// let busy = workers.submit(move || started.send(()).is_ok() && rx.recv().is_err());
/// starts.recv().expect("it starts");
/// let refused = workers.try_submit(|| 7).expect_err("the worker is busy");
/// assert_eq!(refused.to_string(), "the queue is full: wait for room with `submit`, or drop the job");
/// assert_eq!(refused.into_inner()(), 7, "nobody else does it");
/// drop(tx);
/// assert!(busy.wait().expect("no panic"));
/// ```
pub struct Refused<F> {
    job: F,
    why: Option<Error>,
}

impl<F> Refused<F> {
    pub(super) fn new(job: F, why: Option<Error>) -> Refused<F> {
        Refused { job, why }
    }

    /// Returns the job.
    pub fn into_inner(self) -> F {
        self.job
    }

    /// Returns why the context is done; `None`: the queue was full.
    pub fn why(&self) -> Option<Error> {
        self.why
    }
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => why.fmt(f),
            None => f.pad("the queue is full: wait for room with `submit`, or drop the job"),
        }
    }
}

impl<F> std::error::Error for Refused<F> {}
