//! Tasks that are executed more than once, one execution after the other.

use super::executor::{Executor, Outcome, Task, ended_by};
use selvedge::context::{Context, Key, with_value};
use selvedge::rt::twin::is_twin;
use std::time::Duration;

/// The number of the try, from 1, in the context of a task that is tried again ([`Task::retry`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt;

impl Key for Attempt {
    type Value = u32;
}

/// How often a task is tried, and how long it waits between two tries.
///
/// ```
/// use selvedge_go::routine::Retry;
/// use std::time::Duration;
/// let ms = Duration::from_millis;
/// let retry = Retry::times(5).doubling(ms(10), ms(50));
/// assert_eq!(retry.delays().collect::<Vec<_>>(), [ms(10), ms(20), ms(40), ms(50)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    times: u32,
    first: Duration,
    factor: u32,
    most: Duration,
    seed: Option<u64>,
}

impl Retry {
    /// Returns a policy with at most so many tries, but at least one, one at once after the other.
    pub fn times(times: u32) -> Retry {
        Retry { times: times.max(1), first: Duration::ZERO, factor: 1, most: Duration::ZERO, seed: None }
    }

    /// Waits for so long between two tries.
    #[must_use]
    pub fn every(self, delay: Duration) -> Retry {
        Retry { first: delay, factor: 1, most: delay, ..self }
    }

    /// Waits for `first` after the first try, and twice as long after each further one, but never longer than `most`.
    #[must_use]
    pub fn doubling(self, first: Duration, most: Duration) -> Retry {
        Retry { first: first.min(most), factor: 2, most, ..self }
    }

    /// Shortens each delay by a part that is drawn anew, of up to one half, so that many that have failed at the same time do not
    /// come back at the same time. A seed gives the same delays each time; give each task its own.
    #[must_use]
    pub fn jitter(self, seed: u64) -> Retry {
        Retry { seed: Some(seed), ..self }
    }

    /// Returns the delays between the tries, one less than there are tries.
    pub fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        let (mut random, policy) = (self.seed.map(fastrand::Rng::with_seed), *self);
        let next = move |delay: &Duration| Some(delay.saturating_mul(policy.factor).min(policy.most));
        let whole = core::iter::successors(Some(self.first), next).take(self.times as usize - 1);
        whole.map(move |delay| match &mut random {
            // Between one half and the whole.
            Some(random) => delay.mul_f64(1.0 - random.f64() / 2.0),
            None => delay,
        })
    }
}

impl Task {
    /// Tries the task again after an error, as the policy says. The outcome is that of the last try. Once the context is done
    /// the task is not tried again.
    ///
    /// The number of the try is in the context: [`Attempt`].
    #[must_use]
    pub fn retry(self, retry: Retry) -> Task {
        Task::new(move |context| {
            let mut delays = retry.delays();
            for attempt in 1.. {
                let outcome = self.execute(&with_value(context, Attempt, attempt));
                let Some(delay) = delays.next().filter(|_| outcome.is_err()) else { return outcome };
                if !pause(context, delay) {
                    return outcome;
                }
            }
            unreachable!("there are fewer delays than numbers")
        })
    }

    /// Executes the task so many times, with a pause after each; 0: for ever. It stops at the first error, and when the context
    /// is done: then the outcome is the context's cause.
    ///
    /// ```
    /// use selvedge::context::{background, with_timeout};
    /// use selvedge_go::routine::{Executor, Task};
    /// use std::time::Duration;
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(5));
    /// let ticks = Task::new(|_| Ok(())).repeat(0, Duration::from_millis(1));
    /// let error = ticks.execute(&context).expect_err("the time is over");
    /// assert_eq!(error.to_string(), "context deadline exceeded");
    /// ```
    #[must_use]
    pub fn repeat(self, times: u32, interval: Duration) -> Task {
        Task::new(move |context| {
            let mut done = 0;
            loop {
                self.execute(context)?;
                done += u32::from(times > 0);
                if times > 0 && done == times {
                    return Ok(());
                }
                if !pause(context, interval) {
                    return ended_by(context);
                }
            }
        })
    }
}

/// Waits for so long, unless the context is done before; returns whether it is not.
pub(super) fn pause(context: &Context, time: Duration) -> bool {
    // site: hear-the-end
    if is_twin() {
        selvedge::rt::thread::sleep(time);
        return true;
    }
    if time.is_zero() {
        return context.err().is_none();
    }
    // The channel is closed, or the time is over.
    _ = context.done().recv_timeout(time);
    context.err().is_none()
}

/// Executes tasks one after the other, and stops at the first error. Once the context is done none begins, and the outcome is
/// the context's cause.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Task, serial};
/// let fails = Task::new(|_| Err("no luck".into()));
/// let not_reached = Task::new(|_| unreachable!());
/// let all = serial([Task::new(|_| Ok(())), fails, not_reached]);
/// assert_eq!(all.execute(&background()).expect_err("one fails").to_string(), "no luck");
/// ```
pub fn serial(tasks: impl IntoIterator<Item = Task>) -> Task {
    let tasks: Vec<_> = tasks.into_iter().collect();
    Task::new(move |context| -> Outcome {
        for task in &tasks {
            ended_by(context)?;
            task.execute(context)?;
        }
        Ok(())
    })
}
