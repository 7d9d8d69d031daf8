//! Tasks that are executed at moments of the wall clock.

use super::again::pause;
use super::executor::{Executor, Task, ended_by};
use selvedge::context::Context;
use selvedge::testing::wall;
use std::time::{Duration, SystemTime};

/// How long the wall clock is not looked at, which somebody may set meanwhile.
const LOOK: Duration = Duration::from_secs(60);

impl Task {
    /// Executes the task at moments of the wall clock, as cron does. `next` is called with a time, at first the present one, and
    /// returns the first moment after that; `None`: the task ends well. A moment that comes while the task still runs is left
    /// out.
    ///
    /// It stops at the first error, and when the context is done: then the outcome is the context's cause.
    /// [`guaranteed`](Self::guaranteed) lets it go on after an error. In a [bubble](selvedge::testing::bubble) the wall clock is
    /// the bubble's.
    ///
    /// A crate for cron expressions makes `next`, in any time zone, and a filter leaves days or hours out:
    ///
    /// ```
    /// use chrono::{DateTime, Datelike, Utc};
    /// use cron::Schedule;
    /// use selvedge::context::{background, with_timeout};
    /// use selvedge::testing::bubble;
    /// use selvedge_go::routine::{Executor, Task};
    /// use std::time::{Duration, SystemTime};
    ///
    /// let at_nine: Schedule = "0 0 9 * * Mon-Fri".parse().expect("seconds, minutes, hours, days, months, days of the week");
    /// let not_on_the_first = move |now: SystemTime| {
    ///     at_nine.after(&DateTime::<Utc>::from(now)).find(|day| day.day() != 1).map(SystemTime::from)
    /// };
    /// let report = Task::new(|_| Ok(println!("good morning"))).scheduled(not_on_the_first);
    /// bubble(|_| {
    ///     let (context, _cancel) = with_timeout(&background(), Duration::from_secs(7 * 24 * 3600));
    ///     let error = report.execute(&context).expect_err("the week is over");
    ///     assert_eq!(error.to_string(), "context deadline exceeded");
    /// });
    /// ```
    ///
    /// # Errors
    /// The task fails if `next` returns a moment that is not after the time that it is given: it would never end.
    #[must_use]
    pub fn scheduled(self, next: impl Fn(SystemTime) -> Option<SystemTime> + Send + Sync + 'static) -> Task {
        Task::new(move |context| {
            let mut last = wall();
            while let Some(moment) = next(last) {
                if moment <= last {
                    return Err(
                        "a schedule returned a moment that is not after the time that it was given".into()
                    );
                }
                if !pause_until(context, moment) {
                    return ended_by(context);
                }
                self.execute(context)?;
                // If the clock was set back, the moment is not to come once more.
                last = moment.max(wall());
            }
            Ok(())
        })
    }
}

/// Waits for a moment, unless the context is done before; returns whether it is not.
fn pause_until(context: &Context, moment: SystemTime) -> bool {
    loop {
        match moment.duration_since(wall()) {
            Ok(left) if !left.is_zero() => {
                if !pause(context, left.min(LOOK)) {
                    return false;
                }
            }
            _ => return context.err().is_none(),
        }
    }
}
