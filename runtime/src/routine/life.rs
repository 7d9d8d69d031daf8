//! A program's life: [`Routine`].

use super::beside::WaitOnDrop;
use super::child::Hosting;
use super::executor::{Executor, Outcome, Task, catch, ended_by};
use super::trap::{Trapped, Traps, received};
use super::within::{Event, observe};
use core::fmt;
use selvedge::chan::{Receiver, Sender, bounded, select};
use selvedge::context::{Context, Error, Key, with_cancel_cause, with_value, without_cancel};
use selvedge::rt::sync::Arc;
use selvedge::rt::twin::is_twin;
use selvedge::sync::{Mutex, WaitGroup};

#[cfg(unix)]
use crate::signal::Signal;

pub(super) type Hook = Arc<Box<dyn Fn(&Event<'_>) + Send + Sync>>;

/// The arguments of a routine, in the context of all that it executes ([`Routine::arguments`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments;

impl Key for Arguments {
    type Value = Vec<String>;
}

/// A main task with what belongs to it: preparation and cleanup, workers, daemons, and signals. It is an executor itself, so
/// routines nest, and any combination of tasks can be the main one.
///
/// An execution passes these points:
/// 1. *Prepare.* An error there is the outcome, and nothing else runs. Nor does anything if the context is done already.
/// 2. *Begin.* Signals are trapped. The main task, the workers and the daemons begin, each on a goroutine of its own, or a thread
///    if the caller is no goroutine, under a context of the routine.
/// 3. *The first end decides*: the main task and all workers have ended well, and the outcome is good; one of them
///    has failed, and the outcome is its error; the context above is done, or a signal has come, and it is the cause;
///    or [`Control::close`] was called, and it is good. If the context above is done by then, that decides. A daemon that ends, well
///    or not, decides nothing: the hook is told.
/// 4. *Stop.* The routine's context is cancelled, and everything that was started is waited for, however long it takes.
/// 5. *Clean up*, under a context that is not done. Its error is the outcome, if there is no other.
///
/// So when nested routines are stopped from above, all of their contexts are done at once, and they are cleaned up in the order
/// from the innermost to the outermost. A panic of anything in them is an error.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Routine};
/// selvedge_go::run(|| {
///     let routine = Routine::new(|_: &_| Ok(()))
///         .prepare(|_| Ok(println!("the log is open")))
///         .daemon("heartbeat", |context: &selvedge::context::Context| {
///             let _ = context.done().recv();
///             Ok(())
///         })
///         .cleanup(|_| Ok(println!("the log is closed")));
///     assert!(routine.execute(&background()).is_ok());
/// });
/// ```
pub struct Routine {
    prepare: Option<Task>,
    main: Task,
    workers: Vec<(String, Task)>,
    daemons: Vec<(String, Task)>,
    cleanup: Option<Task>,
    arguments: Option<Vec<String>>,
    hook: Option<Hook>,
    control: Control,
    traps: Traps,
}

impl Routine {
    /// Returns a routine with a main task and nothing else.
    pub fn new(main: impl Executor) -> Routine {
        Routine {
            prepare: None,
            main: Task::of(main),
            workers: Vec::new(),
            daemons: Vec::new(),
            cleanup: None,
            arguments: None,
            hook: None,
            control: Control::new(),
            traps: Traps::default(),
        }
    }

    /// Sets what runs first.
    #[must_use]
    pub fn prepare(self, prepare: impl Fn(&Context) -> Outcome + Send + Sync + 'static) -> Routine {
        Routine { prepare: Some(Task::new(prepare)), ..self }
    }

    /// Sets what runs last, unless the preparation fails.
    #[must_use]
    pub fn cleanup(self, cleanup: impl Fn(&Context) -> Outcome + Send + Sync + 'static) -> Routine {
        Routine { cleanup: Some(Task::new(cleanup)), ..self }
    }

    /// Adds a task whose work counts: the routine ends well only once it has, and fails if it does.
    #[must_use]
    pub fn worker(mut self, name: impl Into<String>, worker: impl Executor) -> Routine {
        self.workers.push((name.into(), Task::of(worker)));
        self
    }

    /// Adds a task that serves the others until they have ended.
    #[must_use]
    pub fn daemon(mut self, name: impl Into<String>, daemon: impl Executor) -> Routine {
        self.daemons.push((name.into(), Task::of(daemon)));
        self
    }

    /// Puts arguments into the context, for the key [`Arguments`].
    ///
    /// ```
    /// use selvedge::context::{Context, background};
    /// use selvedge_go::routine::{Arguments, Executor, Routine};
    /// let main = |context: &Context| {
    ///     assert_eq!(context.value(&Arguments).map(Vec::len), Some(2));
    ///     Ok(())
    /// };
    /// assert!(Routine::new(main).arguments(["-v", "file"]).execute(&background()).is_ok());
    /// ```
    #[must_use]
    pub fn arguments<A: Into<String>>(self, arguments: impl IntoIterator<Item = A>) -> Routine {
        Routine { arguments: Some(arguments.into_iter().map(Into::into).collect()), ..self }
    }

    /// Sets what is told when something begins, ends or is stopped: `prepare`, `main`, `cleanup`, and workers and daemons by their
    /// names.
    #[must_use]
    pub fn observe(self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Routine {
        Routine { hook: Some(Arc::new(Box::new(hook))), ..self }
    }

    /// Stops the routine when one of these signals comes. From then on the signal does what it does otherwise, so that a second
    /// Ctrl-C ends a program whose tasks do not end.
    #[cfg(unix)]
    #[must_use]
    pub fn stop_on(mut self, signals: impl IntoIterator<Item = Signal>) -> Routine {
        self.traps.stops.extend(signals);
        self
    }

    /// Calls the handler whenever this signal comes, until everything has ended. It runs on the goroutine that executes the
    /// routine; its error, or panic, stops the routine.
    #[cfg(unix)]
    #[must_use]
    pub fn on_signal(
        mut self,
        signal: Signal,
        handler: impl Fn(&Context) -> Outcome + Send + Sync + 'static,
    ) -> Routine {
        self.traps.handlers.push((signal, Task::new(handler)));
        self
    }

    /// Returns what closes the routine from outside.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Calls `f` under its name.
    fn observed(&self, name: &str, f: impl FnOnce() -> Outcome) -> Outcome {
        match &self.hook {
            Some(hook) => catch(|| observe(name, &**hook, f)),
            None => catch(f),
        }
    }

    /// Starts a task beside this goroutine, which sends its outcome if that counts.
    fn start(
        &self,
        group: &WaitGroup,
        context: &Context,
        (name, task): (&str, &Task),
        ended: Option<&Sender<Outcome>>,
    ) {
        let (name, task, hook) = (name.to_string(), task.clone(), self.hook.clone());
        let (context, ended) = (context.clone(), ended.cloned());
        group.go(move || {
            let outcome = match &hook {
                Some(hook) => catch(|| observe(&name, &**hook, || task.execute(&context))),
                None => task.execute(&context),
            };
            drop((context, task, hook));
            if let Some(ended) = ended {
                // There is room for each; nobody receives any more once the routine stops.
                _ = ended.send(outcome);
            }
        });
    }

    /// Starts everything, and waits for what decides.
    fn serve(&self, above: &Context, context: &Context, group: &WaitGroup, trapped: &Trapped) -> Outcome {
        let (ended, outcomes) = bounded(1 + self.workers.len());
        let running = self.control.begin();
        self.start(group, context, ("main", &self.main), Some(&ended));
        self.workers.iter().for_each(|(name, task)| self.start(group, context, (name, task), Some(&ended)));
        self.daemons.iter().for_each(|(name, task)| self.start(group, context, (name, task), None));
        drop(ended);
        self.control.tell_serving();
        loop {
            select! {
                recv(above.done()) -> _ => return ended_by(above),
                recv(running.closed) -> _ => return Ok(()),
                recv(outcomes) -> outcome => match outcome {
                    // site: hear-failures
                    Ok(Err(_)) if is_twin() => (),
                    Ok(outcome) => outcome?,
                    // All have ended well.
                    Err(_) => return Ok(()),
                },
                recv(trapped.stops()) -> signal => if let Ok(signal) = signal { return Err(received(signal)) },
                recv(trapped.handled()) -> signal => if let Ok(signal) = signal { self.traps.handle(signal, context)? },
            }
        }
    }

    /// Serves, then stops what still runs and waits for it.
    fn run(&self, above: &Context) -> Outcome {
        let (context, cancel) = with_cancel_cause(above);
        let group = WaitGroup::new();
        let wait = WaitOnDrop(&group);
        let mut trapped = self.traps.set()?;
        let (hosting, context) = Hosting::new(&context, &group, self.hook.as_ref());
        let outcome = catch(|| self.serve(above, &context, &group, &trapped));
        // Tasks that end because the context is done are not what decides.
        let outcome = ended_by(above).and(outcome);
        trapped.release_stops();
        drop(hosting);
        let told = self.hook.as_ref().map_or(Ok(()), |hook| {
            catch(|| {
                hook(&Event::Stops { outcome: &outcome });
                Ok(())
            })
        });
        match &outcome {
            // site: tell-the-others
            _ if is_twin() => cancel.clone().detach(),
            Ok(()) => cancel.cancel(Error::Canceled),
            Err(error) => cancel.cancel(error.to_string()),
        }
        // site: await-all
        if is_twin() {
            core::mem::forget(wait)
        } else {
            drop(wait)
        }
        outcome.and(told)
    }
}

impl Executor for Routine {
    /// Executes the routine, and returns when all of it has ended.
    ///
    /// # Errors
    /// What decides, as [`Routine`] says; [`Cause`](selvedge::context::Cause) if it is the context above, and
    /// `signal::Received` if it is a signal.
    fn execute(&self, context: &Context) -> Outcome {
        ended_by(context)?;
        let context = &match &self.arguments {
            Some(arguments) => with_value(context, Arguments, arguments.clone()),
            None => context.clone(),
        };
        if let Some(prepare) = &self.prepare {
            self.observed("prepare", || prepare.execute(context))?;
        }
        let outcome = self.run(context);
        let Some(cleanup) = &self.cleanup else { return outcome };
        outcome.and(self.observed("cleanup", || cleanup.execute(&without_cancel(context))))
    }
}

impl fmt::Debug for Routine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |tasks: &[(String, Task)]| tasks.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let mut shown = f.debug_struct("Routine");
        shown.field("workers", &names(&self.workers)).field("daemons", &names(&self.daemons));
        shown.finish_non_exhaustive()
    }
}

/// Closes a [`Routine`] from outside; a clone does the same.
///
/// ```
/// use selvedge::context::{Context, background};
/// use selvedge::rt::thread;
/// use selvedge_go::routine::{Executor, Routine};
/// let routine = Routine::new(|context: &Context| {
///     let _ = context.done().recv();
///     Ok(())
/// });
/// let control = routine.control();
/// assert!(!control.close(), "it is not executed yet");
/// let closer = thread::spawn(move || {
///     let _ = control.serving().recv();
///     control.close()
/// });
/// assert!(routine.execute(&background()).is_ok());
/// assert!(closer.join().expect("no panic"));
/// ```
#[derive(Clone)]
pub struct Control(Arc<Shared>);

struct Shared {
    /// One for each execution that has begun and is not being stopped.
    running: Mutex<Vec<Sender<()>>>,
    serving: (Sender<()>, Receiver<()>),
}

impl Control {
    fn new() -> Control {
        Control(Arc::new(Shared { running: Mutex::new(Vec::new()), serving: bounded(0) }))
    }

    /// Returns the channel that is closed once the routine's tasks have begun for the first time.
    pub fn serving(&self) -> &Receiver<()> {
        &self.0.serving.1
    }

    /// Stops the routine, with a good outcome if nothing else was first; returns whether it was being executed. This
    /// does not wait for its end.
    pub fn close(&self) -> bool {
        let running = self.0.running.lock().clone();
        running.iter().filter(|closed| closed.close().is_ok()).count() > 0
    }

    fn tell_serving(&self) {
        // Closed already, if this is not the first execution.
        _ = self.0.serving.0.close();
    }

    fn begin(&self) -> Running {
        let (close, closed) = bounded(0);
        self.0.running.lock().push(close.clone());
        Running { control: self.clone(), close, closed }
    }
}

/// An execution, until it is dropped.
struct Running {
    control: Control,
    close: Sender<()>,
    closed: Receiver<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.0.running.lock().retain(|other| !other.same_channel(&self.close));
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("is_serving", &self.serving().is_closed()).finish_non_exhaustive()
    }
}
