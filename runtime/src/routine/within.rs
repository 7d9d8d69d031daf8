//! Tasks with a limit of time, whose errors are taken for done, or that are observed.

use super::executor::{Executor, Outcome, Task, catch, ended_by};
use selvedge::context::{AnyError, Context, with_deadline, with_timeout};
use selvedge::rt::time::now;
use std::time::{Duration, Instant};

impl Task {
    /// Gives the task a context that is done after this time. Then the outcome is that context's cause, even if the task
    /// has ended well after it; the task is waited for in any case.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::routine::{Executor, Task};
    /// use std::time::Duration;
    /// let waits = Task::new(|context| {
    ///     let _ = context.done().recv();
    ///     Ok(())
    /// });
    /// let error = waits.timeout(Duration::from_millis(1)).execute(&background()).expect_err("it waits for ever");
    /// assert_eq!(error.to_string(), "context deadline exceeded");
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Task {
        Task::new(move |context| {
            let (context, _cancel) = with_timeout(context, timeout);
            self.within(&context)
        })
    }

    /// Gives the task a context that is done at this instant, as [`timeout`](Self::timeout) does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::routine::{Executor, Task};
    /// use std::time::Instant;
    /// let late = Task::new(|_| Ok(())).deadline(Instant::now());
    /// assert!(late.execute(&background()).is_err());
    /// ```
    #[must_use]
    pub fn deadline(self, deadline: Instant) -> Task {
        Task::new(move |context| {
            let (context, _cancel) = with_deadline(context, deadline);
            self.within(&context)
        })
    }

    fn within(&self, context: &Context) -> Outcome {
        ended_by(context)?;
        let outcome = self.execute(context);
        ended_by(context)?;
        outcome
    }

    /// Takes an error of the task for its end: `report` gets the error, and the outcome is none.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::routine::{Executor, Task};
    /// let fails = Task::new(|_| panic!("no luck"));
    /// assert!(fails.guaranteed(|error| println!("{error}")).execute(&background()).is_ok());
    /// ```
    #[must_use]
    pub fn guaranteed(self, report: impl Fn(&AnyError) + Send + Sync + 'static) -> Task {
        Task::new(move |context| {
            if let Err(error) = self.execute(context) {
                report(&error);
            }
            Ok(())
        })
    }

    /// Tells `hook` when the task begins and when it ends, for logs and profiles. A panic of the hook is an error of the task.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::routine::{Event, Executor, Task};
    /// let hook = |event: &Event<'_>| match event {
    ///     Event::Begins { name } => println!("{name} begins"),
    ///     Event::Ends { name, elapsed, outcome } => println!("{name} ends after {elapsed:?}: {outcome:?}"),
    ///     _ => (),
    /// };
    /// let task = Task::new(|_| Ok(())).observed("a task", hook);
    /// assert!(task.execute(&background()).is_ok());
    /// ```
    #[must_use]
    pub fn observed(
        self,
        name: impl Into<String>,
        hook: impl Fn(&Event<'_>) + Send + Sync + 'static,
    ) -> Task {
        let name = name.into();
        Task::new(move |context| observe(&name, &hook, || self.execute(context)))
    }
}

/// What a hook is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task begins.
    Begins {
        /// The task's name.
        name: &'a str,
    },
    /// A task has ended.
    Ends {
        /// The task's name.
        name: &'a str,
        /// How long it has taken.
        elapsed: Duration,
        /// How it has ended.
        outcome: &'a Outcome,
    },
    /// A [`Routine`](super::Routine) is about to stop what still runs of it.
    Stops {
        /// Why: its outcome, if nothing fails any more.
        outcome: &'a Outcome,
    },
}

/// Calls `f`, and tells the hook before and after.
pub(super) fn observe(name: &str, hook: &dyn Fn(&Event<'_>), f: impl FnOnce() -> Outcome) -> Outcome {
    let begun = now();
    hook(&Event::Begins { name });
    let outcome = catch(f);
    let elapsed = now().saturating_duration_since(begun);
    hook(&Event::Ends { name, elapsed, outcome: &outcome });
    outcome
}
