//! Pipelines: goroutines in a row, each of which receives from the one before.
//!
//! A stage ends for one of four reasons, and drops its two channels then:
//! - its input is closed and empty: the stage before has ended;
//! - its output is closed: the stage after has ended and takes no more, so the stages before end too, one after the other;
//! - its function has failed or panicked, which makes the pipeline's context done;
//! - the context is done: a stage that waits for either channel also waits for the context.

use super::fault::Fault;
use core::fmt;
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Cancel, Context, RecvCtxError, SendCtxError, with_cancel};
use selvedge::rt::twin::is_twin;
use selvedge::sync::ErrGroup;

/// Stages in a row, or in any graph without circles, each a goroutine that receives values, works on them and sends
/// the results on.
///
/// Each stage hands values on in the order in which they come, except those of [`fan_out`](Self::fan_out). A stage
/// whose output nobody wants any more ends, and lets the stages before it end. The first error or panic of a stage
/// ends all.
///
/// The caller receives from the last stage, or adds a [`sink`](Self::sink). A receiver that is kept and not read
/// holds the stages up, and [`wait`](Self::wait) with them, until the context is done; so does one that is forgotten.
///
/// Dropping the pipeline cancels its context, and the stages end.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::patterns::{Fault, Pipeline};
///
/// selvedge_go::run(|| {
///     let pipeline = Pipeline::new(&background());
///     let words = pipeline.source(1, ["4", "5", "x"]);
///     let numbers = pipeline.stage(words, 1, |word: &str| word.parse::<u32>().map(Some));
///     let squares = pipeline.stage(numbers, 1, |n| Ok(Some(n * n)));
///     let got: Vec<u32> = squares.iter().collect();
///     assert!([16, 25].starts_with(&got), "what was on its way when the error came is dropped");
///     assert!(matches!(pipeline.wait(), Err(Fault::Failed(error)) if error.to_string().contains("invalid digit")));
/// });
/// ```
#[must_use = "a pipeline that is dropped is cancelled"]
pub struct Pipeline<E> {
    group: ErrGroup<Fault<E>>,
    context: Context,
    cancel: Cancel,
}

impl<E: Send + 'static> Pipeline<E> {
    /// Creates a pipeline without stages, which ends when `context` is done.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// assert!(Pipeline::<()>::new(&background()).wait().is_ok());
    /// ```
    pub fn new(context: &Context) -> Pipeline<E> {
        let (above, cancel) = with_cancel(context);
        let (group, context) = ErrGroup::with_context(&above);
        Pipeline { group, context, cancel }
    }

    /// Returns the context of the stages: it is done when a stage has failed or panicked, when the pipeline is
    /// cancelled or dropped, and when [`wait`](Self::wait) returns.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let context = pipeline.context().clone();
    /// drop(pipeline);
    /// assert!(context.err().is_some());
    /// ```
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Adds a first stage, which sends values. `capacity` is that of its output.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let numbers = pipeline.source(0, 1..);
    /// assert!(numbers.iter().take(3).eq([1, 2, 3]));
    /// drop(numbers); // the endless source ends
    /// assert!(pipeline.wait().is_ok());
    /// ```
    #[track_caller]
    pub fn source<T, I>(&self, capacity: usize, values: I) -> Receiver<T>
    where
        T: Send + 'static,
        I: IntoIterator<Item = T> + Send + 'static,
    {
        let (tx, rx) = bounded(capacity);
        let context = self.context.clone();
        self.group.go(move |_stop| hand_on(&context, &tx, values).map(drop));
        rx
    }

    /// Adds a stage: `f` is called with each value of `input`, one after the other, and what it returns is sent on,
    /// in order. It returns an iterator: `Some` of one result, `None` to leave the value out, or any number of
    /// results. `capacity` is that of its output.
    ///
    /// An error of `f` ends the pipeline: values that are on their way are dropped.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let numbers = pipeline.source(0, 1..=4);
    /// let even_twice = pipeline.stage(numbers, 0, |n| Ok(vec![n; if n % 2 == 0 { 2 } else { 0 }]));
    /// assert!(even_twice.iter().eq([2, 2, 4, 4]));
    /// assert!(pipeline.wait().is_ok());
    /// ```
    #[track_caller]
    pub fn stage<T, U, I, F>(&self, input: Receiver<T>, capacity: usize, f: F) -> Receiver<U>
    where
        T: Send + 'static,
        U: Send + 'static,
        I: IntoIterator<Item = U>,
        F: FnMut(T) -> Result<I, E> + Send + 'static,
    {
        let (tx, rx) = bounded(capacity);
        let context = self.context.clone();
        self.group.go(move |_stop| work(&context, &input, &tx, f));
        rx
    }

    /// Adds `workers` goroutines that do the work of one stage, each with a clone of `f`. Values are sent on in the
    /// order in which they are ready.
    ///
    /// # Panics
    /// If there are to be no workers.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let numbers = pipeline.source(0, 1..=10);
    /// let squares = pipeline.fan_out(numbers, 3, 0, |n| Ok(Some(n * n)));
    /// assert_eq!(squares.iter().sum::<u32>(), 385);
    /// assert!(pipeline.wait().is_ok());
    /// ```
    #[track_caller]
    pub fn fan_out<T, U, I, F>(
        &self,
        input: Receiver<T>,
        workers: usize,
        capacity: usize,
        f: F,
    ) -> Receiver<U>
    where
        T: Send + 'static,
        U: Send + 'static,
        I: IntoIterator<Item = U>,
        F: FnMut(T) -> Result<I, E> + Clone + Send + 'static,
    {
        assert!(workers > 0, "a stage without workers would hold up the one before it: give it one or more");
        let (tx, rx) = bounded(capacity);
        for _ in 0..workers {
            let (context, input, tx, f) = (self.context.clone(), input.clone(), tx.clone(), f.clone());
            self.group.go(move |_stop| work(&context, &input, &tx, f));
        }
        rx
    }

    /// Adds a last stage, which calls `f` with each value of `input`, one after the other.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::{Fault, Pipeline};
    /// let pipeline = Pipeline::new(&background());
    /// let numbers = pipeline.source(0, 1..);
    /// pipeline.sink(numbers, |n| if n < 3 { Ok(()) } else { Err("enough") });
    /// assert_eq!(pipeline.wait(), Err(Fault::Failed("enough")));
    /// ```
    #[track_caller]
    pub fn sink<T, F>(&self, input: Receiver<T>, mut f: F)
    where
        T: Send + 'static,
        F: FnMut(T) -> Result<(), E> + Send + 'static,
    {
        let context = self.context.clone();
        self.group.go(move |_stop| {
            while let Some(value) = take(&context, &input)? {
                f(value).map_err(Fault::Failed)?;
            }
            Ok(())
        });
    }

    /// Cancels the pipeline: its stages end, and [`wait`](Self::wait) says so, unless they have come to their end
    /// before.
    ///
    /// ```
    /// use selvedge::context::{Error, background};
    /// use selvedge_go::patterns::{Fault, Pipeline};
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let numbers = pipeline.source(0, 1..);
    /// pipeline.cancel();
    /// assert_eq!(pipeline.wait(), Err(Fault::Done(Error::Canceled)));
    /// drop(numbers);
    /// ```
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits until all stages have ended.
    ///
    /// # Errors
    /// The first error of a stage; or why the context was done, if that ended a stage before.
    ///
    /// # Panics
    /// Resumes the first panic of a stage, if one panicked.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::Pipeline;
    /// let pipeline = Pipeline::<()>::new(&background());
    /// let numbers = pipeline.source(0, 1..=3);
    /// pipeline.sink(numbers, |_| Ok(()));
    /// assert_eq!(pipeline.wait(), Ok(()));
    /// ```
    #[track_caller]
    pub fn wait(self) -> Result<(), Fault<E>> {
        self.group.wait()
    }
}

impl<E> fmt::Debug for Pipeline<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Works on each value of `input` until one of the four reasons to end.
fn work<T, U, E, I: IntoIterator<Item = U>>(
    context: &Context,
    input: &Receiver<T>,
    output: &Sender<U>,
    mut f: impl FnMut(T) -> Result<I, E>,
) -> Result<(), Fault<E>> {
    while let Some(value) = take(context, input)? {
        let results = match f(value) {
            Ok(results) => results,
            Err(error) => {
                let tells = !is_twin(); // site: tell-error
                return if tells { Err(Fault::Failed(error)) } else { Ok(()) };
            }
        };
        let goes_on = hand_on(context, output, results)?;
        let ends = !goes_on && !is_twin(); // site: end-with-next
        if ends {
            break;
        }
    }
    Ok(())
}

/// Returns the next value, or `None` if the stage before has ended.
fn take<T, E>(context: &Context, input: &Receiver<T>) -> Result<Option<T>, Fault<E>> {
    match input.recv_ctx(context) {
        Ok(value) => Ok(Some(value)),
        Err(RecvCtxError::Closed) => Ok(None),
        Err(RecvCtxError::Done(why)) => Err(Fault::Done(why)),
    }
}

/// Sends values, and returns whether more are wanted.
fn hand_on<T, E>(
    context: &Context,
    output: &Sender<T>,
    values: impl IntoIterator<Item = T>,
) -> Result<bool, Fault<E>> {
    for value in values {
        let looks = !is_twin(); // site: look-at-context
        let sent = if looks { output.send_ctx(context, value) } else { send(output, value) };
        match sent {
            Ok(()) => (),
            Err(SendCtxError::Closed(_)) => {
                let ends = !is_twin(); // site: end-with-output
                if ends {
                    return Ok(false);
                }
            }
            Err(SendCtxError::Done(_, why)) => return Err(Fault::Done(why)),
        }
    }
    Ok(true)
}

/// Sends a value, whatever the context.
fn send<T>(output: &Sender<T>, value: T) -> Result<(), SendCtxError<T>> {
    output.send(value).map_err(|error| SendCtxError::Closed(error.into_inner()))
}
