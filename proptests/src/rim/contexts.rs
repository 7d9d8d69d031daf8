//! Contexts on one thread, with causes, values, wakers and closures that misbehave.
//!
//! Deadlines are due at once or in an hour, and a wait under a context is for what is there, or under a context that is done: so
//! no step waits. The closures of `after_func` run on threads of their own, and the program ends when the last one has.

use super::smaller::{Simpler, Steps};
use super::user::{Callback, Came, Misdeed, Script, Value, Woken, World};
use core::fmt;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use futures::Stream;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::{BoxedStrategy, Just, Strategy, Union};
use selvedge::chan::{Receiver, RecvStream, Sender, bounded, unbounded};
use selvedge::context::{
    Cancel, CancelCause, Context, Error, Key, RecvCtxError, SendCtxError, Stop, after_func, background,
    with_cancel, with_cancel_cause, with_timeout, with_value, without_cancel,
};
use selvedge::sync::{Cond, Mutex, RwMutex, Semaphore, WaitGroup};
use std::mem::forget;
use std::sync::Arc;

/// How many bytes each thing may keep that is forgotten, with what it owns, and each thread that ends.
const KEPT: isize = 32_768;
const HOUR: Duration = Duration::from_secs(3600);

/// A wait under a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as what is waited for")]
pub enum Wait {
    Lock,
    Read,
    Write,
    Acquire,
    Condition,
    Group,
    Send,
    Recv,
}

const WAITS: [Wait; 8] = [
    Wait::Lock,
    Wait::Read,
    Wait::Write,
    Wait::Acquire,
    Wait::Condition,
    Wait::Group,
    Wait::Send,
    Wait::Recv,
];

/// A step. Contexts, tasks and stops are given modulo how many there are; a step without one is left out.
#[derive(Clone, Debug)]
pub enum Step {
    /// A context is made below another one, whose handle takes causes or does not.
    Make(usize, bool),
    /// One is made with a deadline, at once or later.
    Timeout(usize, bool),
    /// One is made with a value.
    Bind(usize, Script),
    /// One is made that nobody above cancels.
    Free(usize),
    /// A handle cancels, again perhaps, for a cause with a script if it takes one.
    Cancel(usize, Script),
    /// A handle is dropped, or forgotten.
    DropHandle(usize, bool),
    /// A handle is given up.
    Detach(usize),
    /// A context is dropped, or forgotten.
    Drop(usize, bool),
    /// A task that awaits the end of a context is made, and polled.
    Await(usize, Script),
    /// A task is polled again, with another waker.
    Poll(usize, Script),
    /// A task is dropped.
    End(usize),
    /// A closure is to run after a context.
    After(usize, Misdeed),
    /// A closure is stopped, again perhaps.
    Stop(usize),
    /// What stops a closure is dropped, or forgotten.
    DropStop(usize, bool),
    /// A wait under a context.
    Wait(usize, Wait),
}

/// What is done.
pub type Program = Steps<Step>;

impl Simpler for Step {
    fn simpler(&self) -> Vec<Step> {
        match self {
            Step::Bind(at, Some(_)) => vec![Step::Bind(*at, None)],
            Step::Cancel(at, Some(_)) => vec![Step::Cancel(*at, None)],
            Step::Await(at, Some(_)) => vec![Step::Await(*at, None)],
            Step::Poll(at, Some(_)) => vec![Step::Poll(*at, None)],
            Step::After(at, misdeed) if *misdeed != Misdeed::None => vec![Step::After(*at, Misdeed::None)],
            _ => Vec::new(),
        }
    }
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let (at, flag) = (|| 0..6_usize, any::<bool>);
    let misdeed = || {
        let entering = (0..8_u8).prop_map(Misdeed::Enters);
        Union::new_weighted(vec![
            (2, Just(Misdeed::None).boxed()),
            (1, Just(Misdeed::Panics).boxed()),
            (2, entering.boxed()),
        ])
    };
    let script = move |callbacks: Vec<Callback>| -> BoxedStrategy<Script> {
        (one_of(callbacks), misdeed()).prop_map(Some).boxed()
    };
    let values = || script(vec![Callback::Drop]);
    let wakers = || script(vec![Callback::Clone, Callback::Drop, Callback::Wake]);
    let step = Union::new_weighted(vec![
        (5, (at(), flag()).prop_map(|(at, cause)| Step::Make(at, cause)).boxed()),
        (3, (at(), flag()).prop_map(|(at, now)| Step::Timeout(at, now)).boxed()),
        (1, (at(), values()).prop_map(|(at, script)| Step::Bind(at, script)).boxed()),
        (1, at().prop_map(Step::Free).boxed()),
        (4, (at(), values()).prop_map(|(at, script)| Step::Cancel(at, script)).boxed()),
        (
            2,
            (at(), one_of(vec![false, false, true]))
                .prop_map(|(at, leaks)| Step::DropHandle(at, leaks))
                .boxed(),
        ),
        (1, at().prop_map(Step::Detach).boxed()),
        (2, (at(), one_of(vec![false, false, true])).prop_map(|(at, leaks)| Step::Drop(at, leaks)).boxed()),
        (3, (at(), wakers()).prop_map(|(at, script)| Step::Await(at, script)).boxed()),
        (2, (at(), wakers()).prop_map(|(at, script)| Step::Poll(at, script)).boxed()),
        (1, at().prop_map(Step::End).boxed()),
        (3, (at(), misdeed()).prop_map(|(at, misdeed)| Step::After(at, misdeed)).boxed()),
        (2, at().prop_map(Step::Stop).boxed()),
        (1, (at(), flag()).prop_map(|(at, leaks)| Step::DropStop(at, leaks)).boxed()),
        (4, (at(), one_of(WAITS.to_vec())).prop_map(|(at, wait)| Step::Wait(at, wait)).boxed()),
    ]);
    proptest::collection::vec(step, 0..=length).prop_map(Steps)
}

/// A cause whose life is in the books.
#[derive(Debug)]
struct Reason(#[expect(dead_code, reason = "it is dropped")] Value);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reason")
    }
}

impl std::error::Error for Reason {}

#[derive(PartialEq, Eq)]
struct Name;
impl Key for Name {
    type Value = Arc<Value>;
}

enum Handle {
    Plain(Cancel),
    Cause(CancelCause),
}

/// A context and what it should be.
struct Known {
    context: Option<Context>,
    handle: Option<Handle>,
    /// The one that cancels it when it is cancelled itself.
    above: Option<usize>,
    /// How it ended by itself.
    end: Option<Error>,
}

/// What a closure sends when it has ended.
struct Ran {
    number: usize,
    value: Option<Value>,
    tx: Sender<usize>,
    began: bool,
}

impl Drop for Ran {
    fn drop(&mut self) {
        drop(self.value.take());
        if self.began {
            self.tx.send(self.number).expect("the program waits for it");
        }
    }
}

/// A closure that is to run after a context.
struct Closure {
    stop: Option<Stop>,
    context: usize,
    is_stopped: bool,
}

struct Machine {
    known: Vec<Known>,
    tasks: Vec<(RecvStream<()>, usize)>,
    closures: Vec<Closure>,
    tx: Sender<usize>,
    rx: Receiver<usize>,
    world: Arc<World>,
    /// How many things keep their memory.
    kept: isize,
}

/// Runs a program, and returns how many bytes it may leave behind.
///
/// # Panics
/// If a context does anything else than its model.
pub fn run(program: &Program) -> isize {
    let (tx, rx) = unbounded();
    let mut machine = Machine {
        known: vec![Known { context: Some(background()), handle: None, above: None, end: None }],
        tasks: Vec::new(),
        closures: Vec::new(),
        tx,
        rx,
        world: World::new(),
        kept: 0,
    };
    for step in &program.0 {
        _ = Came::of(|| machine.step(step)).back("a step");
        _ = Came::of(|| machine.look()).back("a look");
    }
    machine.finish()
}

impl Machine {
    /// Returns how a context should have ended.
    fn end(&self, at: usize) -> Option<Error> {
        let known = &self.known[at];
        known.end.or_else(|| self.end(known.above?))
    }

    /// Notes that a context ends now, unless it has, and all below it with it.
    fn ends(&mut self, at: usize, error: Error) {
        if self.end(at).is_some() {
            return;
        }
        let live: Vec<usize> = (at..self.known.len()).filter(|below| self.end(*below).is_none()).collect();
        self.known[at].end = Some(error);
        let now: Vec<usize> = live.into_iter().filter(|below| self.end(*below).is_some()).collect();
        for below in now {
            self.known[below].end = Some(error);
        }
    }

    fn find(&self, at: usize) -> (usize, Option<Context>) {
        let at = at % self.known.len();
        (at, self.known[at].context.clone())
    }

    fn learn(&mut self, context: Context, handle: Option<Handle>, above: Option<usize>) -> usize {
        self.known.push(Known { context: Some(context), handle, above, end: None });
        self.known.len() - 1
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Make(at, takes_cause) => {
                let (at, Some(above)) = self.find(*at) else { return };
                let (context, handle) = if *takes_cause {
                    let (context, cancel) = with_cancel_cause(&above);
                    (context, Handle::Cause(cancel))
                } else {
                    let (context, cancel) = with_cancel(&above);
                    (context, Handle::Plain(cancel))
                };
                self.learn(context, Some(handle), Some(at));
            }
            Step::Timeout(at, now) => {
                let (at, Some(above)) = self.find(*at) else { return };
                let (context, cancel) = with_timeout(&above, if *now { Duration::ZERO } else { HOUR });
                let made = self.learn(context, Some(Handle::Plain(cancel)), Some(at));
                if *now {
                    self.ends(made, Error::DeadlineExceeded);
                }
            }
            Step::Bind(at, script) => {
                let (at, Some(above)) = self.find(*at) else { return };
                let context = with_value(&above, Name, Arc::new(self.world.value(*script)));
                assert!(context.value(&Name).is_some_and(|value| self.world.is_alive(value.id())));
                self.learn(context, None, Some(at));
            }
            Step::Free(at) => {
                let (_, Some(above)) = self.find(*at) else { return };
                self.learn(without_cancel(&above), None, None);
            }
            Step::Cancel(at, script) => {
                let at = at % self.known.len();
                if self.known[at].handle.is_some() {
                    self.ends(at, Error::Canceled);
                }
                match &self.known[at].handle {
                    Some(Handle::Plain(cancel)) => cancel.cancel(),
                    Some(Handle::Cause(cancel)) => cancel.cancel(Reason(self.world.value(*script))),
                    None => (),
                }
            }
            Step::DropHandle(at, leaks) => {
                let at = at % self.known.len();
                let Some(handle) = self.known[at].handle.take() else { return };
                if *leaks {
                    self.kept += 1;
                    forget(handle);
                } else {
                    self.ends(at, Error::Canceled);
                    drop(handle);
                }
            }
            Step::Detach(at) => {
                let at = at % self.known.len();
                // Its timer, if it has one, keeps it until the deadline.
                self.kept += isize::from(self.known[at].handle.is_some());
                match self.known[at].handle.take() {
                    Some(Handle::Plain(cancel)) => cancel.detach(),
                    Some(Handle::Cause(cancel)) => cancel.detach(),
                    None => (),
                }
            }
            Step::Drop(at, leaks) => {
                let at = at % self.known.len();
                let Some(context) = self.known[at].context.take() else { return };
                if *leaks {
                    self.kept += 1;
                    forget(context);
                } else {
                    drop(context);
                }
            }
            Step::Await(at, script) => {
                let (at, Some(context)) = self.find(*at) else { return };
                self.tasks.push((context.done().clone().into_stream(), at));
                self.poll(self.tasks.len() - 1, *script);
            }
            Step::Poll(at, script) if !self.tasks.is_empty() => self.poll(at % self.tasks.len(), *script),
            Step::End(at) if !self.tasks.is_empty() => drop(self.tasks.swap_remove(at % self.tasks.len())),
            Step::Poll(..) | Step::End(_) => (),
            Step::After(at, misdeed) => self.after(*at, *misdeed),
            Step::Stop(at) if !self.closures.is_empty() => {
                let at = at % self.closures.len();
                let in_time = self.end(self.closures[at].context).is_none() && !self.closures[at].is_stopped;
                let Closure { stop: Some(stop), is_stopped, .. } = &mut self.closures[at] else { return };
                *is_stopped |= in_time;
                assert_eq!(stop.stop(), in_time, "a stop of closure {at}");
            }
            Step::DropStop(at, leaks) if !self.closures.is_empty() => {
                let at = at % self.closures.len();
                let Some(stop) = self.closures[at].stop.take() else { return };
                if *leaks {
                    self.kept += 1;
                    forget(stop);
                }
            }
            Step::Stop(_) | Step::DropStop(..) => (),
            Step::Wait(at, wait) => {
                let (at, Some(context)) = self.find(*at) else { return };
                assert_eq!(come(*wait, &context), self.end(at), "a wait for {wait:?} under context {at}");
            }
        }
    }

    fn poll(&mut self, at: usize, script: Script) {
        let (_woken, waker) = Woken::new(&self.world, script);
        let mut task = core::task::Context::from_waker(&waker);
        let end = self.end(self.tasks[at].1);
        match Pin::new(&mut self.tasks[at].0).poll_next(&mut task) {
            Poll::Ready(None) => assert!(end.is_some(), "a task of a live context has ended"),
            Poll::Ready(Some(())) => panic!("a context sends no value"),
            Poll::Pending => assert_eq!(end, None, "a task of a context that is done goes on"),
        }
    }

    fn after(&mut self, at: usize, misdeed: Misdeed) {
        let (at, Some(context)) = self.find(at) else { return };
        let (number, value) = (self.closures.len(), Some(self.world.value(None)));
        let mut ran = Ran { number, value, tx: self.tx.clone(), began: false };
        let (theirs, world) = (context.clone(), Arc::clone(&self.world));
        self.closures.push(Closure { stop: None, context: at, is_stopped: false });
        let stop = after_func(&context, move || {
            ran.began = true;
            let _ran = ran;
            match misdeed {
                Misdeed::Enters(how) => enter(how, &theirs),
                other => world.commit(other),
            }
        });
        self.closures[number].stop = Some(stop);
    }

    /// Compares all that contexts tell with the model, and lets callbacks enter the contexts that there are.
    fn look(&mut self) {
        for (at, known) in self.known.iter().enumerate() {
            let (Some(context), end) = (&known.context, self.end(at)) else { continue };
            assert_eq!(context.err(), end, "context {at}");
            // Some contexts are never asked for a channel here.
            if at % 2 == 0 {
                assert_eq!(context.done().is_closed(), end.is_some(), "the channel of context {at}");
            }
            assert_eq!(context.cause().is_some(), end.is_some(), "the cause of context {at}");
        }
        let contexts: Vec<Context> = self.known.iter().filter_map(|known| known.context.clone()).collect();
        self.world.set_entrance((!contexts.is_empty()).then(|| {
            let enters = move |how: u8| enter(how, &contexts[usize::from(how) % contexts.len()]);
            Arc::new(enters) as Arc<dyn Fn(u8) + Send + Sync>
        }));
    }

    /// Drops everything, waits for the closures that run, and compares which ones have.
    fn finish(mut self) -> isize {
        for at in 0..self.known.len() {
            if let Some(handle) = self.known[at].handle.take() {
                self.ends(at, Error::Canceled);
                _ = Came::of(|| drop(handle)).back("a drop");
            }
        }
        let runs = |closure: &&Closure| self.end(closure.context).is_some() && !closure.is_stopped;
        let expected = self.closures.iter().filter(runs).count();
        let mut ran: Vec<usize> =
            (0..expected).map(|_| self.rx.recv().expect("the program has a sender")).collect();
        ran.sort_unstable();
        let numbers = self.closures.iter().enumerate();
        let right: Vec<usize> = numbers.filter(|(_, closure)| runs(closure)).map(|(at, _)| at).collect();
        assert_eq!(ran, right, "the closures that ran");
        self.world.set_entrance(None);
        // A closure that neither runs nor is stopped keeps its context, and that keeps the closure.
        let left = self.closures.len()
            - expected
            - self.closures.iter().filter(|closure| closure.is_stopped).count();
        let kept = self.kept + isize::try_from(left).expect("few closures");
        let Machine { known, tasks, closures, world, .. } = self;
        let ends: [Box<dyn FnOnce()>; 2] =
            [Box::new(move || drop(tasks)), Box::new(move || drop((known, closures)))];
        for end in ends {
            _ = Came::of(end).back("a drop");
        }
        assert!(world.faults().is_empty(), "{:?}", world.faults());
        // A closure has told that it ran, and may still be about to drop what it has. Values that are never dropped keep this
        // loop going beyond the time that a program has.
        while kept == 0 && !world.alive().is_empty() {
            selvedge::rt::thread::yield_now();
        }
        KEPT * (kept + isize::try_from(expected).expect("few closures"))
    }
}

/// Uses a context from a callback, in one of several ways.
fn enter(how: u8, context: &Context) {
    let (below, cancel) = with_cancel(context);
    match how % 3 {
        0 => drop(cancel),
        1 => cancel.cancel(),
        _ => cancel.detach(),
    }
    let wait = WAITS[usize::from(how) % WAITS.len()];
    assert_eq!(come(wait, &below), below.err(), "a wait in a callback");
}

/// Waits for what is there, or, if the context is done, for what never comes; returns how the wait ended.
fn come(wait: Wait, context: &Context) -> Option<Error> {
    let is_done = context.err().is_some();
    match wait {
        Wait::Lock => {
            let lock = Mutex::new(());
            let _held = is_done.then(|| lock.lock());
            let came = lock.lock_ctx(context).map(drop);
            came.err()
        }
        Wait::Read => {
            let lock = RwMutex::new(());
            let _held = is_done.then(|| lock.write());
            let came = lock.read_ctx(context).map(drop);
            came.err()
        }
        Wait::Write => {
            let lock = RwMutex::new(());
            let _held = is_done.then(|| lock.read());
            let came = lock.write_ctx(context).map(drop);
            came.err()
        }
        Wait::Acquire => {
            let places = Semaphore::new(u64::from(!is_done));
            let came = places.acquire_ctx(1, context).map(drop);
            assert_eq!(places.available(), u64::from(!is_done));
            came.err()
        }
        // Nobody signals.
        Wait::Condition if !is_done => None,
        Wait::Condition => Cond::new().wait_ctx(&mut Mutex::new(()).lock(), context).err(),
        Wait::Group => {
            let group = WaitGroup::new();
            let _task = is_done.then(|| group.task());
            group.wait_ctx(context).err()
        }
        Wait::Send => {
            let (tx, _rx) = bounded(usize::from(!is_done));
            match tx.send_ctx(context, 7) {
                Ok(()) => None,
                Err(SendCtxError::Done(7, error)) => Some(error),
                Err(other) => panic!("a send under a context: {other}"),
            }
        }
        Wait::Recv => {
            let (tx, rx) = bounded(1);
            tx.send(7).expect("it has room");
            match rx.recv_ctx(context) {
                Ok(7) => None,
                Err(RecvCtxError::Done(error)) => {
                    assert_eq!(rx.try_recv(), Ok(7), "it stays");
                    Some(error)
                }
                other => panic!("a receive under a context: {other:?}"),
            }
        }
    }
}
