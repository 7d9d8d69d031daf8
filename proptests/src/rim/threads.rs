//! A channel between threads: some only send, some only receive.
//!
//! The sends are as many as the receives (what the receivers leave, the body takes), so no thread waits for ever
//! unless a wake-up is lost, whatever the interleaving. Each value is received once. Where only one thread is on a
//! side, the order of its values tells which was served first on the other side: no operation overtakes one that
//! was seen to wait.

use super::smaller::{Smaller, smaller_lists};
use super::user::{Came, Value, World};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::Strategy;
use selvedge::chan::{
    Receiver, Select, SendTimeoutError, Sender, bounded_with_segments, unbounded_with_segments,
};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, Primitives, Strategy as Way};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// How values are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// `send`
    Plain,
    /// `send_timeout`, until it is sent
    Timed,
    /// `send_async`
    Async,
    /// Two of these, polled in this order by one task.
    Pair,
    /// A select of it.
    Select,
}

/// How values are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receives {
    /// `recv`
    Plain,
    /// `recv_timeout`, until a value comes
    Timed,
    /// `recv_async`
    Async,
    /// Two of these, polled in this order by one task.
    Pair,
    /// A select of it.
    Select,
    /// A future that is polled and dropped, then `recv`.
    Cancelled,
    /// A selected operation that is dropped, then `recv`.
    Dropped,
}

/// A program.
#[derive(Clone)]
pub struct Program {
    capacity: Option<usize>,
    /// How many values come back from futures that are dropped, before the threads begin.
    returned: usize,
    senders: Vec<Vec<Sends>>,
    receivers: Vec<Vec<Receives>>,
}

impl Program {
    fn sends(&self) -> usize {
        let of = |sends: &Sends| if *sends == Sends::Pair { 2 } else { 1 };
        self.returned + self.senders.iter().flatten().map(of).sum::<usize>()
    }

    fn receives(&self) -> usize {
        let of = |receives: &Receives| if *receives == Receives::Pair { 2 } else { 1 };
        self.receivers.iter().flatten().map(of).sum()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Program { capacity, returned, senders, receivers } = self;
        writeln!(f, "capacity {capacity:?}, {returned} values came back")?;
        senders.iter().try_for_each(|sends| writeln!(f, "  sender {sends:?}"))?;
        receivers.iter().try_for_each(|receives| writeln!(f, "  receiver {receives:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let mut all = Vec::new();
        let of_one = |one: &Receives| if *one == Receives::Plain { vec![] } else { vec![Receives::Plain] };
        for receivers in smaller_lists(&self.receivers, |thread| smaller_lists(thread, of_one)) {
            all.push(Program { receivers, ..self.clone() });
        }
        let of_one = |one: &Sends| if *one == Sends::Plain { vec![] } else { vec![Sends::Plain] };
        for senders in smaller_lists(&self.senders, |thread| smaller_lists(thread, of_one)) {
            all.push(Program { senders, ..self.clone() });
        }
        if self.returned > 0 {
            all.push(Program { returned: self.returned - 1, ..self.clone() });
        }
        all.retain(|program| program.sends() >= program.receives());
        all
    }
}

/// Programs of two or three threads.
pub fn programs() -> impl Strategy<Value = Program> {
    let sends =
        one_of(vec![Sends::Plain, Sends::Plain, Sends::Timed, Sends::Async, Sends::Pair, Sends::Select]);
    let receives = one_of(vec![
        Receives::Plain,
        Receives::Plain,
        Receives::Timed,
        Receives::Async,
        Receives::Async,
        Receives::Pair,
        Receives::Select,
        Receives::Cancelled,
        Receives::Dropped,
    ]);
    let capacity = one_of(vec![Some(0), Some(0), Some(1), Some(1), Some(2), None]);
    let threads = (vec(vec(sends, 1..3), 1..3), vec(vec(receives, 1..3), 1..3), any::<bool>());
    (capacity, 0..3_usize, threads).prop_map(
        |(capacity, returned, (mut senders, mut receivers, one_sender))| {
            if senders.len() + receivers.len() > 3 {
                if one_sender { senders.truncate(1) } else { receivers.truncate(1) }
            }
            let mut program = Program { capacity, returned, senders, receivers };
            while program.sends() < program.receives() {
                program.senders[0].push(Sends::Plain);
            }
            program
        },
    )
}

/// An operation that has ended. Moments count what has happened.
#[derive(Clone, Debug)]
struct Done {
    #[expect(dead_code, reason = "it is printed")]
    thread: usize,
    sends: bool,
    value: u32,
    /// Before it was called, for the last time.
    begun: usize,
    /// After it was seen to wait.
    waits: Option<usize>,
    /// After it ended.
    ended: usize,
}

/// What happened in one execution; kept outside of the model.
#[derive(Debug, Default)]
struct Log(Mutex<(usize, Vec<Done>)>);

impl Log {
    fn now(&self) -> usize {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.0 += 1;
        log.0
    }

    fn done(&self, thread: usize, sends: bool, value: u32, begun: usize, waits: Option<usize>) {
        let ended = self.now();
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.1.push(Done { thread, sends, value, begun, waits, ended });
    }
}

struct Park(Unparker);

impl Wake for Park {
    fn wake(self: Arc<Self>) {
        self.0.clone().unpark();
    }
}

/// Polls futures in turn until all are ready; calls `waits` when one is first pending, `ends` when it is ready.
fn wait_for<F: Future + Unpin>(
    futures: Vec<F>,
    mut begins: impl FnMut(usize),
    mut waits: impl FnMut(usize),
    mut ends: impl FnMut(usize, F::Output),
) {
    let mut futures: Vec<_> = futures.into_iter().map(Some).collect();
    let mut first = true;
    while futures.iter().any(Option::is_some) {
        let parker = Parker::new();
        let waker = Waker::from(Arc::new(Park(parker.unparker())));
        for (at, slot) in futures.iter_mut().enumerate() {
            let Some(future) = slot else { continue };
            if first {
                begins(at);
            }
            match Pin::new(future).poll(&mut Context::from_waker(&waker)) {
                Poll::Pending if first => waits(at),
                Poll::Pending => (),
                Poll::Ready(output) => {
                    *slot = None;
                    ends(at, output);
                }
            }
        }
        first = false;
        if futures.iter().any(Option::is_some) {
            parker.park();
        }
    }
}

fn send(thread: usize, how: Sends, values: Vec<Value>, tx: &Sender<Value>, log: &Log) {
    let ids: Vec<_> = values.iter().map(Value::id).collect();
    let mut values = values.into_iter();
    let mut begun = log.now();
    match how {
        Sends::Plain => tx.send(values.next().expect("one")).expect("it is open"),
        Sends::Timed => {
            let mut value = values.next().expect("one");
            while let Err(error) = tx.send_timeout(value, Duration::from_micros(50)) {
                assert!(matches!(error, SendTimeoutError::Timeout(_)), "it is open");
                value = error.into_inner();
                begun = log.now();
            }
        }
        Sends::Async | Sends::Pair => {
            let mut moments = vec![(0, None); ids.len()];
            let cell = core::cell::RefCell::new(&mut moments);
            wait_for(
                values.map(|value| tx.send_async(value)).collect(),
                |at| cell.borrow_mut()[at].0 = log.now(),
                |at| cell.borrow_mut()[at].1 = Some(log.now()),
                |at, sent| {
                    sent.expect("it is open");
                    let (begun, waits) = cell.borrow()[at];
                    log.done(thread, true, ids[at], begun, waits);
                },
            );
            return;
        }
        Sends::Select => {
            let mut select = Select::new();
            select.send(tx);
            select.select().send(tx, values.next().expect("one")).expect("it is open");
        }
    }
    log.done(thread, true, ids[0], begun, None);
}

fn receive(thread: usize, how: Receives, rx: &Receiver<Value>, log: &Log) {
    let mut begun = log.now();
    let value = match how {
        Receives::Plain => rx.recv(),
        Receives::Timed => loop {
            match rx.recv_timeout(Duration::from_micros(50)) {
                Err(error) if error.is_timeout() => begun = log.now(),
                result => break Ok(result.expect("it is open")),
            }
        },
        Receives::Async | Receives::Pair => {
            let many = if how == Receives::Pair { 2 } else { 1 };
            let mut moments = vec![(0, None); many];
            let cell = core::cell::RefCell::new(&mut moments);
            wait_for(
                (0..many).map(|_| rx.recv_async()).collect(),
                |at| cell.borrow_mut()[at].0 = log.now(),
                |at| cell.borrow_mut()[at].1 = Some(log.now()),
                |at, value| {
                    let (begun, waits) = cell.borrow()[at];
                    log.done(thread, false, value.expect("it is open").id(), begun, waits);
                },
            );
            return;
        }
        Receives::Select => {
            let mut select = Select::new();
            select.recv(rx);
            select.select().recv(rx)
        }
        Receives::Cancelled => {
            let mut future = rx.recv_async();
            match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => value,
                Poll::Pending => {
                    drop(future);
                    begun = log.now();
                    rx.recv()
                }
            }
        }
        Receives::Dropped => {
            let mut select = Select::new();
            select.recv(rx);
            let operation = select.select();
            assert!(matches!(Came::of(|| drop(operation)), Came::Panicked(_)), "it was not completed");
            begun = log.now();
            rx.recv()
        }
    };
    log.done(thread, false, value.expect("it is open").id(), begun, None);
}

/// Runs one execution; `one_clock` says whether its moments are those of one clock.
fn body(program: &Program, one_clock: bool) {
    let (tx, rx) = match program.capacity {
        Some(capacity) => bounded_with_segments(capacity, 1),
        None => unbounded_with_segments(1),
    };
    let (world, log) = (World::new(), Log::default());
    let mut cancelled: Vec<_> = (0..program.returned).map(|_| rx.recv_async()).collect();
    for future in &mut cancelled {
        assert!(Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    (0..program.returned).for_each(|_| send(0, Sends::Plain, vec![world.value(None)], &tx, &log));
    drop(cancelled);
    thread::scope(|scope| {
        for (number, sends) in program.senders.iter().enumerate() {
            let (tx, log, world) = (&tx, &log, &world);
            scope.spawn(move || {
                for how in sends {
                    let many = if *how == Sends::Pair { 2 } else { 1 };
                    let values = (0..many).map(|_| world.value(None)).collect();
                    send(number + 1, *how, values, tx, log);
                }
            });
        }
        for (number, receives) in program.receivers.iter().enumerate() {
            let (rx, log) = (&rx, &log);
            let number = number + program.senders.len() + 1;
            scope.spawn(move || receives.iter().for_each(|how| receive(number, *how, rx, log)));
        }
        (program.receives()..program.sends()).for_each(|_| receive(0, Receives::Plain, &rx, &log));
    });
    assert!(rx.is_empty() && rx.try_recv().is_err(), "more values than were sent");
    drop((tx, rx));
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    assert!(world.alive().is_empty(), "values {:?} were not dropped", world.alive());
    let done = log.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone();
    let of_side = |sends: bool| done.iter().filter(|done| done.sends == sends).cloned().collect::<Vec<_>>();
    let (sent, received) = (of_side(true), of_side(false));
    let sorted = |done: &[Done]| {
        let mut values: Vec<_> = done.iter().map(|done| done.value).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(sorted(&sent), sorted(&received), "sent, and received");
    // A value that comes back from a receive goes to the next receiver of that moment, and says nothing about turns.
    let comes_back = |how: &Receives| matches!(how, Receives::Cancelled | Receives::Dropped);
    if one_clock && !program.receivers.iter().flatten().any(comes_back) {
        in_turn(&received, &sent);
        in_turn(&sent, &received);
    }
}

/// Checks that no operation overtakes an operation that waits, as far as the order of the other side shows it.
fn in_turn(side: &[Done], other: &[Done]) {
    for first in side.iter().filter(|done| done.waits.is_some()) {
        for second in side.iter().filter(|done| first.waits.is_some_and(|waits| waits < done.begun)) {
            let of = |value| other.iter().find(|done| done.value == value).expect("it is on both sides");
            let (first_of, second_of) = (of(first.value), of(second.value));
            let later = second_of.ended < first_of.begun;
            assert!(
                !later,
                "an operation that waited was overtaken: {first:?}, {second:?}: {first_of:?}, {second_of:?}"
            );
        }
    }
}

/// Runs a program under every engine.
///
/// # Panics
/// With the first report of a failure.
pub fn run(program: &Program) -> isize {
    let checker =
        || Checker::new().primitives(Primitives::Real).ignore_environment().name("rim").shrink(false);
    let check = |checker: Checker, one_clock| {
        let theirs = program.clone();
        for report in checker.run(move || body(&theirs, one_clock)) {
            assert!(report.verdict.failure().is_none(), "{}", super::drive::headline(&report));
        }
    };
    check(checker().engines([Engine::Native]).iterations(20), true);
    if cfg!(feature = "shuttle") {
        let depth_first = checker().engines([Engine::Shuttle(Way::DepthFirst)]).preemption_bound(Some(2));
        check(depth_first.max_executions(400), true);
        let random = [Way::Random, Way::Pct].map(Engine::Shuttle);
        check(checker().engines(random).iterations(100), true);
    }
    if cfg!(feature = "graph") {
        check(checker().engines([Engine::Graph]).preemption_bound(Some(2)).max_executions(200), false);
    }
    isize::MAX // the engines look after memory
}
