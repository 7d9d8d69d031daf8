//! What is executed: [`Executor`], [`Task`], and how a panic becomes an error.

use core::any::Any;
use core::fmt;
use selvedge::context::{AnyError, Context};
use selvedge::rt::sync::Arc;
use selvedge::rt::task::Goexit;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How an execution ends.
pub type Outcome = Result<(), AnyError>;

/// Something that can be executed under a context, again and again and by several goroutines at once. A closure is one.
///
/// An executor that takes long ends soon once its context is done. Nothing interrupts one that does not: those that started
/// it wait for its end.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Task};
/// let hello = Task::new(|_context| Ok(()));
/// assert!(hello.execute(&background()).is_ok());
/// ```
pub trait Executor: Send + Sync + 'static {
    /// Does the work.
    ///
    /// # Errors
    /// What the work says.
    fn execute(&self, context: &Context) -> Outcome;
}

impl<F: Fn(&Context) -> Outcome + Send + Sync + 'static> Executor for F {
    fn execute(&self, context: &Context) -> Outcome {
        self(context)
    }
}

/// An executor, to be combined with others; a clone is the same one.
///
/// A method wraps the task in another one, so the last that is named is the outermost: `task.retry(…).timeout(…)` limits the
/// time of all tries together, and `task.timeout(…).retry(…)` that of each. [`wrapped_in`](Self::wrapped_in) names the
/// outermost first.
///
/// Whatever the executor is made of, its panic is an error here: [`Panicked`].
///
/// ```
/// use selvedge::context::{background, with_value};
/// use selvedge_go::routine::{Attempt, Executor, Retry, Task};
/// let flaky = Task::new(|context| match context.value(&Attempt) {
///     Some(3) => Ok(()),
///     _ => Err("try again".into()),
/// });
/// assert!(flaky.execute(&background()).is_err());
/// assert!(flaky.retry(Retry::times(3)).execute(&background()).is_ok());
/// ```
#[derive(Clone)]
pub struct Task(Arc<Box<dyn Executor>>);

impl Task {
    /// Returns the task that calls this closure.
    pub fn new(f: impl Fn(&Context) -> Outcome + Send + Sync + 'static) -> Task {
        Task::of(f)
    }

    /// Returns the task that executes this, such as a [`Routine`](super::Routine).
    pub fn of(executor: impl Executor) -> Task {
        Task(Arc::new(Box::new(executor)))
    }

    /// Wraps the task in each of these; the first is the outermost.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge::sync::Mutex;
    /// use selvedge::rt::sync::Arc;
    /// use selvedge_go::routine::{Executor, Task};
    ///
    /// let log = Arc::new(Mutex::new(Vec::new()));
    /// let logs = |name: &'static str| {
    ///     let log = log.clone();
    ///     move |task: Task| {
    ///         let log = log.clone();
    ///         Task::new(move |context: &_| {
    ///             log.lock().push(name);
    ///             task.execute(context)
    ///         })
    ///     }
    /// };
    /// let task = Task::new(|_| Ok(())).wrapped_in(&[&logs("outer"), &logs("inner")]);
    /// assert!(task.execute(&background()).is_ok());
    /// assert_eq!(*log.lock(), ["outer", "inner"]);
    /// ```
    #[must_use]
    pub fn wrapped_in(self, middleware: &[&dyn Fn(Task) -> Task]) -> Task {
        middleware.iter().rev().fold(self, |task, wrap| wrap(task))
    }
}

impl Executor for Task {
    /// Executes the task.
    ///
    /// # Errors
    /// What the executor says; [`Panicked`], if it panics.
    fn execute(&self, context: &Context) -> Outcome {
        catch(|| self.0.execute(context))
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Task { .. }")
    }
}

/// The error that a panic is.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Panicked, Task};
/// let error = Task::new(|_| panic!("no disk")).execute(&background()).expect_err("it panics");
/// assert_eq!(error.downcast_ref::<Panicked>().map(|panic| panic.text()), Some("no disk"));
/// assert_eq!(error.to_string(), "a panic: no disk");
/// ```
#[derive(Debug)]
pub struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Panicked {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let other = if payload.is::<Goexit>() { "it ended its goroutine" } else { "its payload is no text" };
        Panicked(text.unwrap_or(other).to_string())
    }

    /// Returns the text of the panic.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a panic: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

/// Calls `f`, and makes an error of its panic.
pub(super) fn catch(f: impl FnOnce() -> Outcome) -> Outcome {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(outcome) => outcome,
        Err(payload) => {
            let panicked = Panicked::new(&*payload);
            // The destructor of a payload is user code, and may panic once more.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(second);
            }
            Err(panicked.into())
        }
    }
}

/// Returns what a context that is done says, as an outcome.
pub(super) fn ended_by(context: &Context) -> Outcome {
    context.cause().map_or(Ok(()), |cause| Err(cause.into()))
}
