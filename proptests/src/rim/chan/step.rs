//! The programs: how they are drawn.

use crate::rim::End;
use crate::rim::smaller::{Smaller, smaller_lists};
use crate::rim::user::{Callback, Misdeed, Script};
use crate::sequential::Side;
use core::fmt;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Just, Strategy, Union};

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `recv_async`
    Recv,
    /// `send_async`
    Send,
    /// `into_stream`
    Stream,
    /// `into_sink`
    Sink,
    /// `into_recv_async`
    OwnRecv,
    /// `into_send_async`
    OwnSend,
    /// `closed`
    Closed,
}

impl Kind {
    /// Returns whether the task holds a value, or may.
    pub fn sends(self) -> bool {
        matches!(self, Kind::Send | Kind::OwnSend | Kind::Sink)
    }

    /// Returns whether the task must not be polled once it was ready.
    pub fn ends(self) -> bool {
        matches!(self, Kind::Recv | Kind::Send | Kind::OwnRecv | Kind::OwnSend)
    }
}

/// What the value of a send of a `select!` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It comes.
    Comes,
    /// It panics.
    Panics,
    /// It leaves the `select!` by `return`.
    Returns,
}

/// A step. Handles and tasks are given modulo how many there are; a step without one is left out.
#[derive(Clone, Debug)]
pub enum Step {
    /// A handle is cloned.
    Clone(Side, usize),
    /// A handle is dropped.
    Drop(Side, usize),
    /// The channel is closed through a handle.
    Close(Side, usize),
    /// `try_send`, or (timed) `send_timeout` with no time.
    Send(usize, Script, bool),
    /// `try_recv`, or (timed) `recv_timeout` with no time.
    Recv(usize, bool),
    /// `force_send`.
    Force(usize, Script),
    /// `send_many`, of as many values as there is room for, and no more than so many.
    SendMany(usize, usize),
    /// `drain`.
    Drain(usize),
    /// `close_and_discard`, if no callback may enter meanwhile.
    Discard(usize),
    /// A weak handle is made.
    Weaken(Side, usize),
    /// The last weak handle of a side becomes a handle, if the side is open.
    Upgrade(Side),
    /// A stream or a sink is cloned.
    Twin(usize),
    /// A task is made.
    Start(Kind, usize, Script),
    /// A task is polled with a waker of this script: a sink that holds a value is flushed, another asked whether it is
    /// ready.
    Poll(usize, Script),
    /// A value is given to a sink, even if it is not ready.
    Feed(usize, Script),
    /// A task is dropped.
    Cancel(usize),
    /// A task is forgotten.
    Forget(usize),
    /// `try_select`, or (timed) `select_timeout` with no time, takes one of the first cases that is ready; then, while
    /// the operation is held, come the steps; then it ends.
    Select(Vec<(Side, usize)>, bool, Script, Vec<Step>, End),
    /// `try_ready`, or (timed) `ready_timeout` with no time.
    Ready(Vec<(Side, usize)>, bool),
    /// A `select!` with `default` sends; while its value is evaluated come the steps.
    Value(usize, Vec<Step>, Leave),
}

/// A channel, and what is done with it.
#[derive(Clone)]
pub struct Program {
    /// The capacity; `None`: any number.
    pub capacity: Option<usize>,
    /// The size of a segment is two to this power.
    pub shift: u32,
    /// Whether callbacks have handles of their own to enter by.
    pub entrance: bool,
    /// What is done.
    pub steps: Vec<Step>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { capacity, shift, entrance, steps } = self;
        writeln!(f, "capacity {capacity:?}, segments of 2^{shift}, callbacks may enter: {entrance}")?;
        steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let fewer = smaller_lists(&self.steps, simpler);
        let mut all: Vec<_> = fewer.into_iter().map(|steps| Program { steps, ..self.clone() }).collect();
        if self.entrance {
            all.push(Program { entrance: false, ..self.clone() });
        }
        all
    }
}

/// Returns the step without its script, or with simpler ones inside.
fn simpler(step: &Step) -> Vec<Step> {
    match step.clone() {
        Step::Send(at, Some(_), timed) => vec![Step::Send(at, None, timed)],
        Step::Force(at, Some(_)) => vec![Step::Force(at, None)],
        Step::Start(kind, at, Some(_)) => vec![Step::Start(kind, at, None)],
        Step::Poll(at, Some(_)) => vec![Step::Poll(at, None)],
        Step::Feed(at, Some(_)) => vec![Step::Feed(at, None)],
        Step::Select(cases, timed, script, steps, end) => {
            let cases = smaller_lists(&cases, |_| Vec::new()).into_iter().filter(|cases| !cases.is_empty());
            let fewer = cases.map(|cases| Step::Select(cases, timed, script, steps.clone(), end));
            let within = smaller_lists(&steps, simpler).into_iter();
            let within = within.map(|steps| {
                let Step::Select(cases, ..) = step else { unreachable!("it is one") };
                Step::Select(cases.clone(), timed, script, steps, end)
            });
            fewer.chain(within).collect()
        }
        Step::Value(at, steps, how) => {
            let fewer = smaller_lists(&steps, simpler).into_iter();
            fewer.map(|steps| Step::Value(at, steps, how)).collect()
        }
        _ => Vec::new(),
    }
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Sender, Side::Receiver])
}

/// Scripts of the callbacks that values or wakers have in a channel; most have none.
fn script(callbacks: &'static [Callback]) -> impl Strategy<Value = Script> {
    let misdeed =
        Union::new(vec![Just(Misdeed::Panics).boxed(), (0..5_u8).prop_map(Misdeed::Enters).boxed()]);
    let scripted = (select(callbacks), misdeed).prop_map(Some);
    Union::new_weighted(vec![(5, Just(None).boxed()), (2, scripted.boxed())])
}

fn of_value() -> impl Strategy<Value = Script> {
    script(&[Callback::Drop])
}

fn of_waker() -> impl Strategy<Value = Script> {
    script(&[Callback::Wake, Callback::Wake, Callback::Clone, Callback::Drop])
}

fn cases() -> impl Strategy<Value = Vec<(Side, usize)>> {
    vec((side(), 0..3_usize), 1..4)
}

fn step() -> BoxedStrategy<Step> {
    let (handle, task) = (|| 0..3_usize, || 0..6_usize);
    Union::new_weighted(vec![
        (2, (side(), handle()).prop_map(|(side, at)| Step::Clone(side, at)).boxed()),
        (3, (side(), handle()).prop_map(|(side, at)| Step::Drop(side, at)).boxed()),
        (1, (side(), handle()).prop_map(|(side, at)| Step::Close(side, at)).boxed()),
        (
            12,
            (handle(), of_value(), any::<bool>())
                .prop_map(|(at, script, timed)| Step::Send(at, script, timed))
                .boxed(),
        ),
        (10, (handle(), any::<bool>()).prop_map(|(at, timed)| Step::Recv(at, timed)).boxed()),
        (5, handle().prop_map(|at| Step::Start(Kind::Recv, at, None)).boxed()),
        (5, (handle(), of_value()).prop_map(|(at, script)| Step::Start(Kind::Send, at, script)).boxed()),
        (4, (handle(), of_value()).prop_map(|(at, script)| Step::Force(at, script)).boxed()),
        (1, (handle(), 1..4_usize).prop_map(|(at, many)| Step::SendMany(at, many)).boxed()),
        (1, handle().prop_map(Step::Drain).boxed()),
        (1, handle().prop_map(Step::Discard).boxed()),
        (1, (side(), handle()).prop_map(|(side, at)| Step::Weaken(side, at)).boxed()),
        (1, side().prop_map(Step::Upgrade).boxed()),
        (1, task().prop_map(Step::Twin).boxed()),
        (2, handle().prop_map(|at| Step::Start(Kind::OwnRecv, at, None)).boxed()),
        (2, (handle(), of_value()).prop_map(|(at, script)| Step::Start(Kind::OwnSend, at, script)).boxed()),
        (2, handle().prop_map(|at| Step::Start(Kind::Closed, at, None)).boxed()),
        (2, handle().prop_map(|at| Step::Start(Kind::Stream, at, None)).boxed()),
        (2, handle().prop_map(|at| Step::Start(Kind::Sink, at, None)).boxed()),
        (24, (task(), of_waker()).prop_map(|(at, script)| Step::Poll(at, script)).boxed()),
        (4, (task(), of_value()).prop_map(|(at, script)| Step::Feed(at, script)).boxed()),
        (7, task().prop_map(Step::Cancel).boxed()),
        (1, task().prop_map(Step::Forget).boxed()),
        (2, (cases(), any::<bool>()).prop_map(|(cases, timed)| Step::Ready(cases, timed)).boxed()),
    ])
    .boxed()
}

/// Selects, with these steps while their operations are held or their values evaluated.
fn selects(within: BoxedStrategy<Step>) -> BoxedStrategy<Step> {
    let ends = vec![End::Complete, End::Complete, End::Clone, End::Drop, End::Drop, End::Other, End::Forget];
    let selected = (cases(), any::<bool>(), of_value(), vec(within.clone(), 0..4), select(ends))
        .prop_map(|(cases, timed, script, steps, end)| Step::Select(cases, timed, script, steps, end));
    let leaves = select(vec![Leave::Comes, Leave::Comes, Leave::Panics, Leave::Returns]);
    let value =
        (0..3_usize, vec(within, 0..4), leaves).prop_map(|(at, steps, how)| Step::Value(at, steps, how));
    Union::new(vec![selected.boxed(), value.boxed()]).boxed()
}

fn any_step() -> impl Strategy<Value = Step> {
    let within = Union::new_weighted(vec![(6, step()), (1, selects(step()))]).boxed();
    Union::new_weighted(vec![(6, step()), (1, selects(within))])
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let capacity = select(vec![Some(0), Some(0), Some(1), Some(1), Some(2), Some(3), None]);
    let shift = select(vec![5, 0, 1, 2]);
    (capacity, shift, any::<bool>(), vec(any_step(), 0..=length))
        .prop_map(|(capacity, shift, entrance, steps)| Program { capacity, shift, entrance, steps })
}
