//! Timers, tickers and the channels of instants, on one thread.
//!
//! Instants are due at once or in an hour, so that no step depends on the clock.

use super::End;
use super::smaller::{Simpler, Steps, smaller_lists};
use super::user::{Came, Woken, World};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures::Stream;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::{BoxedStrategy, Strategy, Union};
use selvedge::chan::{Receiver, RecvFuture, RecvStream, Select, Ticker, Timer, after, at, never, tick};
use std::sync::Arc;
use std::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `Timer::new`
    Timer,
    /// `Ticker::new`
    Ticker,
    /// `after`
    After,
    /// `at`
    At,
    /// `tick`
    Tick,
    /// `never`
    Never,
}

/// A step. Objects and tasks are given modulo how many there are; a step without one is left out.
#[derive(Clone, Debug)]
pub enum Step {
    /// Something is made, due at once if it can be.
    Make(What, bool),
    /// A receiver is cloned.
    Clone(usize),
    /// An object is dropped.
    Drop(usize),
    /// `stop`
    Stop(usize),
    /// `reset`, to be due at once if it can be.
    Reset(usize, bool),
    /// `try_recv`, or (timed) `recv_timeout` with no time.
    Recv(usize, bool),
    /// `close`, which such a channel refuses.
    Close(usize),
    /// A future, or a stream of a clone, is made.
    Start(usize, bool),
    /// A task is polled.
    Poll(usize),
    /// A task is dropped.
    Cancel(usize),
    /// `try_select`, or (timed) `select_timeout` with no time; then, while the operation is held, come the steps;
    /// then it ends.
    Select(Vec<usize>, bool, Vec<Step>, End),
    /// `try_ready`, or (timed) `ready_timeout` with no time.
    Ready(Vec<usize>, bool),
}

/// What is done.
pub type Program = Steps<Step>;

impl Simpler for Step {
    fn simpler(&self) -> Vec<Step> {
        let Step::Select(cases, timed, steps, end) = self.clone() else { return Vec::new() };
        let fewer = smaller_lists(&cases, |_| Vec::new());
        let fewer = fewer.into_iter().map(|cases| Step::Select(cases, timed, steps.clone(), end));
        let within = smaller_lists(&steps, Step::simpler);
        fewer.chain(within.into_iter().map(|steps| Step::Select(cases.clone(), timed, steps, end))).collect()
    }
}

fn step() -> BoxedStrategy<Step> {
    let (object, flag) = (|| 0..4_usize, any::<bool>);
    let what =
        one_of(vec![What::Timer, What::Timer, What::Ticker, What::After, What::At, What::Tick, What::Never]);
    Union::new_weighted(vec![
        (6, (what, flag()).prop_map(|(what, now)| Step::Make(what, now)).boxed()),
        (1, object().prop_map(Step::Clone).boxed()),
        (1, object().prop_map(Step::Drop).boxed()),
        (3, object().prop_map(Step::Stop).boxed()),
        (4, (object(), flag()).prop_map(|(at, now)| Step::Reset(at, now)).boxed()),
        (4, (object(), flag()).prop_map(|(at, timed)| Step::Recv(at, timed)).boxed()),
        (1, object().prop_map(Step::Close).boxed()),
        (2, (object(), flag()).prop_map(|(at, stream)| Step::Start(at, stream)).boxed()),
        (4, object().prop_map(Step::Poll).boxed()),
        (1, object().prop_map(Step::Cancel).boxed()),
        (2, (vec(object(), 1..4), flag()).prop_map(|(cases, timed)| Step::Ready(cases, timed)).boxed()),
    ])
    .boxed()
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let ends = one_of(vec![End::Complete, End::Complete, End::Drop, End::Other, End::Forget]);
    let selected = (vec(0..4_usize, 1..4), any::<bool>(), vec(step(), 0..3), ends)
        .prop_map(|(cases, timed, steps, end)| Step::Select(cases, timed, steps, end));
    let any_step = Union::new_weighted(vec![(8, step()), (2, selected.boxed())]);
    vec(any_step, 0..=length).prop_map(Steps)
}

/// When the next instant is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Now,
    Later,
    Never,
    /// An operation had it and was not completed: it is gone, or due again.
    NowOrNever,
}

#[derive(Debug)]
enum Object {
    Timer(Timer),
    Ticker(Ticker),
    Receiver(Receiver<Instant>),
}

impl Object {
    fn receiver(&self) -> &Receiver<Instant> {
        match self {
            Object::Timer(timer) => timer.receiver(),
            Object::Ticker(ticker) => ticker.receiver(),
            Object::Receiver(receiver) => receiver,
        }
    }
}

#[derive(Debug)]
enum Task {
    Future(RecvFuture<'static, Instant>, #[expect(dead_code, reason = "it is borrowed")] Arc<Object>),
    Stream(RecvStream<Instant>),
}

struct Machine {
    world: Arc<World>,
    /// The objects, with the numbers of their clocks.
    objects: Vec<(Arc<Object>, usize)>,
    clocks: Vec<Next>,
    tasks: Vec<(Box<Task>, usize)>,
    forgotten: isize,
}

/// Runs a program; how many bytes it may leave behind.
///
/// # Panics
/// If a timer does anything else than it should.
pub fn run(program: &Program) -> isize {
    let mut machine = Machine {
        world: World::new(),
        objects: Vec::new(),
        clocks: Vec::new(),
        tasks: Vec::new(),
        forgotten: 0,
    };
    program.0.iter().for_each(|step| machine.step(step));
    machine.tasks.clear();
    machine.objects.clear();
    assert_eq!(machine.world.wakers(), 0, "wakers were not dropped");
    machine.forgotten * 4096
}

fn nth<T>(all: &[T], at: usize) -> Option<&T> {
    (!all.is_empty()).then(|| &all[at % all.len()])
}

impl Machine {
    fn step(&mut self, step: &Step) {
        let find = |at: usize| nth(&self.objects, at).map(|(object, clock)| (Arc::clone(object), *clock));
        match step {
            Step::Make(what, now) => self.make(*what, *now),
            Step::Clone(at) => {
                if let Some((object, clock)) = find(*at) {
                    let receiver = object.receiver().clone();
                    assert!(receiver.same_channel(object.receiver()));
                    self.objects.push((Arc::new(Object::Receiver(receiver)), clock));
                }
            }
            Step::Drop(at) if !self.objects.is_empty() => {
                drop(self.objects.remove(at % self.objects.len()));
            }
            Step::Drop(_) => (),
            Step::Stop(at) => {
                if let Some((object, clock)) = find(*at) {
                    self.set(&object, clock, None);
                }
            }
            Step::Reset(at, now) => {
                if let Some((object, clock)) = find(*at) {
                    self.set(&object, clock, Some(*now));
                }
            }
            Step::Recv(at, timed) => {
                if let Some((object, clock)) = find(*at) {
                    let receiver = object.receiver();
                    let timed = *timed;
                    let got = if timed {
                        receiver.recv_timeout(Duration::ZERO).ok()
                    } else {
                        receiver.try_recv().ok()
                    };
                    self.got(clock, got);
                }
            }
            Step::Close(at) => {
                if let Some((object, _)) = find(*at) {
                    assert!(object.receiver().close().is_err() && !object.receiver().is_closed());
                }
            }
            Step::Start(at, stream) => {
                if let Some((object, clock)) = find(*at) {
                    self.start(object, clock, *stream);
                }
            }
            Step::Poll(at) => self.poll(*at),
            Step::Cancel(at) if !self.tasks.is_empty() => {
                drop(self.tasks.remove(at % self.tasks.len()));
            }
            Step::Cancel(_) => (),
            Step::Select(cases, timed, steps, end) => self.select(cases, *timed, steps, *end),
            Step::Ready(cases, timed) => {
                let cases: Vec<_> = cases.iter().filter_map(|at| find(*at)).collect();
                let mut select = Select::new();
                for (object, _) in &cases {
                    select.recv(object.receiver());
                }
                let found =
                    if *timed { select.ready_timeout(Duration::ZERO).ok() } else { select.try_ready().ok() };
                self.is_one_of(found, &cases);
            }
        }
        for (object, clock) in &self.objects {
            let (len, next) = (object.receiver().len(), self.clocks[*clock]);
            assert!(may_be(next, len == 1) && len < 2, "len() is {len}, and the next instant is {next:?}");
        }
    }

    fn make(&mut self, what: What, now: bool) {
        let time = if now { Duration::ZERO } else { HOUR };
        let object = match what {
            What::Timer => Object::Timer(Timer::new(time)),
            What::Ticker => Object::Ticker(Ticker::new(HOUR).expect("an hour is a period")),
            What::After => Object::Receiver(after(time)),
            What::At => Object::Receiver(at(selvedge::rt::time::now() + time)),
            What::Tick => Object::Receiver(tick(HOUR)),
            What::Never => Object::Receiver(never()),
        };
        self.clocks.push(match what {
            What::Timer | What::After | What::At if now => Next::Now,
            What::Never => Next::Never,
            _ => Next::Later,
        });
        self.objects.push((Arc::new(object), self.clocks.len() - 1));
    }

    /// Stops something, or sets it anew.
    fn set(&mut self, object: &Object, clock: usize, again: Option<bool>) {
        let before = self.clocks[clock];
        match (object, again) {
            (Object::Timer(timer), _) => {
                let time = |now| if now { Duration::ZERO } else { HOUR };
                let was = again.map_or_else(|| timer.stop(), |now| timer.reset(time(now)));
                let right = before == Next::NowOrNever || was == (before != Next::Never);
                assert!(right, "it says {was}, and the instant was {before:?}");
            }
            (Object::Ticker(ticker), None) => ticker.stop(),
            (Object::Ticker(ticker), Some(true)) => {
                assert!(ticker.reset(Duration::ZERO).is_err());
                return;
            }
            (Object::Ticker(ticker), Some(false)) => ticker.reset(HOUR).expect("an hour is a period"),
            (Object::Receiver(_), _) => return,
        }
        self.clocks[clock] = match again {
            None => Next::Never,
            Some(true) => Next::Now,
            Some(false) => Next::Later,
        };
    }

    fn got(&mut self, clock: usize, instant: Option<Instant>) {
        let next = self.clocks[clock];
        assert!(may_be(next, instant.is_some()), "{instant:?} came, and the next instant is {next:?}");
        if matches!(next, Next::Now | Next::NowOrNever) {
            self.clocks[clock] = Next::Never; // Only that of something that goes off once was due.
        }
    }

    fn start(&mut self, object: Arc<Object>, clock: usize, stream: bool) {
        let task = if stream {
            Task::Stream(object.receiver().clone().into_stream())
        } else {
            // SAFETY: the task keeps the object as long as the future, which is dropped before it.
            let receiver: &'static Receiver<Instant> = unsafe { &*core::ptr::from_ref(object.receiver()) };
            Task::Future(receiver.recv_async(), object)
        };
        self.tasks.push((Box::new(task), clock));
    }

    fn poll(&mut self, at: usize) {
        if self.tasks.is_empty() {
            return;
        }
        let at = at % self.tasks.len();
        let (task, clock) = &mut self.tasks[at];
        let (_woken, waker) = Woken::new(&self.world, None);
        let mut context = Context::from_waker(&waker);
        let came = Came::of(|| match &mut **task {
            Task::Future(future, _) => Pin::new(future).poll(&mut context).map(Result::ok),
            Task::Stream(stream) => Pin::new(stream).poll_next(&mut context),
        });
        let (clock, next) = (*clock, self.clocks[*clock]);
        match came {
            Came::Back(Poll::Ready(Some(instant))) => self.got(clock, Some(instant)),
            Came::Back(Poll::Ready(None)) => panic!("a channel that cannot be closed has ended"),
            Came::Back(Poll::Pending) => assert_ne!(next, Next::Now, "a poll is pending"),
            // Nothing runs there that could wake a task, and a future was ready before.
            Came::Panicked(text) => assert!(!text.is_empty(), "it does not say why"),
            Came::Scripted => unreachable!("these wakers do not panic"),
        }
    }

    fn is_one_of(&self, found: Option<usize>, cases: &[(Arc<Object>, usize)]) {
        let next = |at: usize| self.clocks[cases[at].1];
        match found {
            Some(at) => assert!(may_be(next(at), true), "case {at} was chosen, and is due {:?}", next(at)),
            None => assert!((0..cases.len()).all(|at| next(at) != Next::Now), "no case was chosen"),
        }
    }

    fn select(&mut self, cases: &[usize], timed: bool, steps: &[Step], end: End) {
        let find = |at: &usize| nth(&self.objects, *at).map(|(object, clock)| (Arc::clone(object), *clock));
        let cases: Vec<_> = cases.iter().filter_map(find).collect();
        let mut select = Select::new();
        for (object, _) in &cases {
            select.recv(object.receiver());
        }
        let chosen =
            if timed { select.select_timeout(Duration::ZERO).ok() } else { select.try_select().ok() };
        self.is_one_of(chosen.as_ref().map(selvedge::chan::SelectedOperation::index), &cases);
        let Some(operation) = chosen else { return };
        let (object, clock) = &cases[operation.index()];
        self.clocks[*clock] = Next::Never;
        steps.iter().for_each(|step| self.step(step));
        match end {
            End::Complete => {
                assert!(operation.recv(object.receiver()).is_ok(), "the instant that was chosen");
            }
            End::Clone => {
                let other = object.receiver().clone();
                assert!(operation.recv(&other).is_ok(), "the instant that was chosen");
            }
            End::Drop | End::Other => {
                let other = after(HOUR);
                let came = Came::of(|| match end {
                    End::Drop => {
                        drop(operation);
                        None
                    }
                    _ => operation.recv(&other).ok(),
                });
                assert!(
                    matches!(came, Came::Panicked(_)),
                    "an operation was not completed, and says {came:?}"
                );
                self.may_be_back(*clock);
            }
            End::Forget => {
                std::mem::forget(operation);
                self.forgotten += 1;
            }
        }
    }

    /// Notes that an instant that was chosen and not received is gone, or due again, unless the timer has been set
    /// since.
    fn may_be_back(&mut self, clock: usize) {
        if self.clocks[clock] == Next::Never {
            self.clocks[clock] = Next::NowOrNever;
        }
    }
}

/// Returns whether it is unknown that an instant is there.
fn may_be(next: Next, there: bool) -> bool {
    match next {
        Next::Now => there,
        Next::Later | Next::Never => !there,
        Next::NowOrNever => true,
    }
}
