//! Tasks that are executed at the same time.

use super::executor::{Executor, Task};
use selvedge::chan::bounded;
use selvedge::rt::twin::is_twin;
use selvedge::sync::WaitGroup;

/// Executes tasks at the same time, each on a goroutine of its own, or on a thread if the caller is no goroutine. All of them
/// have ended when this ends, and none is stopped because another one fails. The outcome is the error of the one that fails
/// first.
///
/// # Panics
/// The task panics, which is an error, if the operating system cannot make a thread.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Task, parallel};
/// let both = parallel([Task::new(|_| Ok(())), Task::new(|_| Err("no luck".into()))]);
/// assert_eq!(both.execute(&background()).expect_err("one fails").to_string(), "no luck");
/// ```
pub fn parallel(tasks: impl IntoIterator<Item = Task>) -> Task {
    let tasks: Vec<_> = tasks.into_iter().collect();
    Task::new(move |context| {
        let (ended, outcomes) = bounded(tasks.len());
        let group = WaitGroup::new();
        let wait = WaitOnDrop(&group);
        for task in &tasks {
            let (task, context, ended) = (task.clone(), context.clone(), ended.clone());
            group.go(move || {
                let outcome = task.execute(&context);
                drop((task, context));
                // There is room for each. If the start of one more has panicked, nobody receives.
                _ = ended.send(outcome);
            });
        }
        drop(ended);
        let mut first = Ok(());
        for outcome in outcomes.iter() {
            first = first.and(outcome);
            // site: await-the-others
            if first.is_err() && is_twin() {
                core::mem::forget(wait);
                return first;
            }
        }
        first
    })
}

/// Waits for what was started, also if the start of one more has panicked.
pub(super) struct WaitOnDrop<'a>(pub(super) &'a WaitGroup);

impl Drop for WaitOnDrop<'_> {
    fn drop(&mut self) {
        // An addition of nothing, in case there is nothing to wait for.
        self.0.add(0);
        self.0.wait();
    }
}

impl Task {
    /// Executes so many copies of the task at the same time, as [`parallel`] does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge::rt::sync::Arc;
    /// use selvedge::sync::Mutex;
    /// use selvedge_go::routine::{Executor, Task};
    /// let count = Arc::new(Mutex::new(0));
    /// let theirs = count.clone();
    /// let task = Task::new(move |_: &_| {
    ///     *theirs.lock() += 1;
    ///     Ok(())
    /// });
    /// assert!(task.copies(3).execute(&background()).is_ok());
    /// assert_eq!(*count.lock(), 3);
    /// ```
    #[must_use]
    pub fn copies(self, copies: usize) -> Task {
        parallel(core::iter::repeat_n(self, copies))
    }
}
