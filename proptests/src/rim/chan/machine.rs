//! Takes the steps of a program on a channel and on its model.

use super::model::{Model, Stage};
use super::nested::{Nested, Record, open};
use super::step::{Kind, Program, Step};
use super::task::{Held, Polled, Rx, Task, Tx};
use crate::call::{Answer, Wait, receive, send};
use crate::rim::user::{Callback, Came, Misdeed, Script, Value, Woken, World};
use crate::sequential::Side;
use core::time::Duration;
use selvedge::chan::{WeakReceiver, WeakSender, bounded_with_segments, unbounded_with_segments};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What a forgotten task or operation may keep for ever: itself, its cell's segment, its channel.
const FORGOTTEN: isize = 1 << 16;

pub(super) struct Machine {
    pub(super) world: Arc<World>,
    pub(super) model: Model,
    pub(super) txs: Vec<Arc<Tx>>,
    pub(super) rxs: Vec<Arc<Rx>>,
    pub(super) senders: Arc<AtomicUsize>,
    pub(super) receivers: Arc<AtomicUsize>,
    pub(super) weak_txs: Vec<WeakSender<Value>>,
    pub(super) weak_rxs: Vec<WeakReceiver<Value>>,
    /// Whether callbacks may enter.
    pub(super) entrance: bool,
    /// The tasks by their numbers in the model, those that live.
    tasks: Vec<Option<Task>>,
    record: Arc<Record>,
    /// Values that forgotten tasks and operations took with them.
    lost: BTreeSet<u32>,
    pub(super) forgotten: usize,
    /// Whether an operation was forgotten, which keeps a place or a receiver for ever: nothing is known after that.
    pub(super) operations_forgotten: bool,
    /// Whether a waker panics when it is woken: then a random choice would hide what happened.
    pub(super) panics: bool,
    /// Whether the receivers' end has been seen.
    discarded: bool,
}

/// Runs a program, and returns how many bytes it may leave behind.
///
/// # Panics
/// If the channel does anything else than its model.
pub fn run(program: &Program) -> isize {
    let mut machine = Machine::new(program);
    for step in &program.steps {
        machine.step(step);
        if machine.operations_forgotten {
            break;
        }
    }
    machine.end()
}

impl Machine {
    fn new(program: &Program) -> Machine {
        let (tx, rx) = match program.capacity {
            Some(capacity) => bounded_with_segments(capacity, program.shift),
            None => unbounded_with_segments(program.shift),
        };
        let (senders, receivers) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (tx, rx) = (Held::new(tx, &senders), Held::new(rx, &receivers));
        let (world, record) = (World::new(), Arc::new(Record::default()));
        if program.entrance {
            open(&world, &record, tx.clone(), rx.clone());
        }
        Machine {
            world,
            model: Model::new(program.capacity),
            txs: vec![Arc::new(tx)],
            rxs: vec![Arc::new(rx)],
            senders,
            receivers,
            weak_txs: Vec::new(),
            weak_rxs: Vec::new(),
            entrance: program.entrance,
            tasks: Vec::new(),
            record,
            lost: BTreeSet::new(),
            forgotten: 0,
            operations_forgotten: false,
            panics: false,
            discarded: false,
        }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Clone(Side::Sender, at) => {
                if let Some(tx) = nth(&self.txs, *at) {
                    let tx = Arc::new((**tx).clone());
                    self.txs.push(tx);
                }
            }
            Step::Clone(Side::Receiver, at) => {
                if let Some(rx) = nth(&self.rxs, *at) {
                    let rx = Arc::new((**rx).clone());
                    self.rxs.push(rx);
                }
            }
            Step::Drop(Side::Sender, at) if !self.txs.is_empty() => {
                let tx = self.txs.remove(at % self.txs.len());
                self.discard(tx);
            }
            Step::Drop(Side::Receiver, at) if !self.rxs.is_empty() => {
                let rx = self.rxs.remove(at % self.rxs.len());
                self.discard(rx);
            }
            Step::Drop(..) => (),
            Step::Close(side, at) => self.close(*side, *at),
            Step::Send(at, script, timed) => self.send(*at, *script, *timed),
            Step::Recv(at, timed) => self.receive(*at, *timed),
            Step::Force(at, script) => self.force(*at, *script),
            Step::SendMany(at, many) => self.send_many(*at, *many),
            Step::Drain(at) => self.drain(*at),
            Step::Discard(at) => self.close_and_discard(*at),
            Step::Weaken(side, at) => self.weaken(*side, *at),
            Step::Upgrade(side) => self.upgrade(*side),
            Step::Twin(at) => {
                let twin = self.task(*at).and_then(|number| self.tasks[number].as_ref().and_then(Task::twin));
                self.begins(twin);
            }
            Step::Start(kind, at, script) => self.start(*kind, *at, *script),
            Step::Poll(at, script) => {
                if let Some(number) = self.task(*at) {
                    self.poll(number, *script);
                }
            }
            Step::Feed(at, script) => {
                if let Some(number) = self.task(*at) {
                    self.feed(number, *script);
                }
            }
            Step::Cancel(at) => {
                if let Some(number) = self.task(*at) {
                    self.cancel(number);
                }
            }
            Step::Forget(at) => {
                if let Some(number) = self.task(*at) {
                    self.forget(number);
                }
            }
            Step::Select(cases, timed, script, steps, end) => {
                self.select(cases, *timed, *script, steps, *end);
            }
            Step::Ready(cases, timed) => self.ready(cases, *timed),
            Step::Value(at, steps, how) => self.value(*at, steps, *how),
        }
        self.observe();
    }

    /// Returns the number of a task that lives.
    fn task(&self, at: usize) -> Option<usize> {
        let living: Vec<_> = (0..self.tasks.len()).filter(|number| self.tasks[*number].is_some()).collect();
        nth(&living, at).copied()
    }

    /// Drops something that may call back.
    pub(super) fn discard<T>(&mut self, what: T) {
        Came::of(|| drop(what)).back("a drop");
        self.settle();
    }

    /// Follows the handles that have gone, and what callbacks have done.
    pub(super) fn settle(&mut self) {
        if self.senders.load(Relaxed) == 0 || self.receivers.load(Relaxed) == 0 {
            self.model.close();
        }
        if self.receivers.load(Relaxed) == 0 && !self.discarded {
            self.discarded = true;
            self.model.discard();
        }
        let mut held = Vec::new();
        let nested = self.record.take();
        let nested = if self.operations_forgotten { Vec::new() } else { nested };
        for nested in nested {
            match nested {
                Nested::Send(id, answer) => {
                    let expected = self.model.send(id);
                    agree("a callback's send", answer, &expected);
                }
                Nested::Receive(Some(answer)) => {
                    assert_eq!(answer, self.model.receive(), "a callback's receive");
                }
                Nested::Receive(None) => {
                    let one = self.model.receive();
                    held.push(self.hold(one));
                }
                Nested::Close(first) => {
                    let expected = self.model.close();
                    assert!(first.is_none_or(|first| first == expected), "a callback's close: {first:?}");
                }
                Nested::Other => (),
            }
        }
        held.into_iter().for_each(|one| self.return_held(one));
        self.model.dismiss();
    }

    /// Notes that an operation holds what came to it.
    pub(super) fn hold(&mut self, answer: Answer) -> Answer {
        self.model.held += usize::from(matches!(answer, Answer::Received(_)));
        answer
    }

    /// Gives what an operation held to the next receiver.
    pub(super) fn return_held(&mut self, answer: Answer) {
        if let Answer::Received(id) = answer {
            self.model.held -= 1;
            self.model.give_back(id);
            self.model.dismiss();
        }
    }

    /// Gives the value of a receive out of which the panic of a callback came to the next receiver, after what
    /// callbacks did.
    pub(super) fn half_received(&mut self) {
        let one = self.model.receive();
        let held = self.hold(one);
        self.settle();
        self.return_held(held);
    }

    fn close(&mut self, side: Side, at: usize) {
        let closed = match side {
            Side::Sender => nth(&self.txs, at).map(|tx| Came::of(|| tx.handle.close().is_ok())),
            Side::Receiver => nth(&self.rxs, at).map(|rx| Came::of(|| rx.handle.close().is_ok())),
        };
        let Some(closed) = closed else { return };
        let expected = self.model.close();
        let first = closed.back("close");
        assert!(first.is_none_or(|first| first == expected), "close said {first:?}");
        self.settle();
    }

    fn send(&mut self, at: usize, script: Script, timed: bool) {
        let Some(tx) = nth(&self.txs, at).cloned() else { return };
        let value = self.world.value(script);
        let id = value.id();
        let wait = if timed { Wait::Timeout(Duration::ZERO) } else { Wait::Never };
        let came = Came::of(|| send(&tx.handle, value, wait)).back("a send");
        let expected = self.model.send(id);
        let expected =
            if timed && expected == Answer::Full(id) { Answer::SendTimedOut(id) } else { expected };
        let back = came.map(|answer| keep(answer, |answer| agree("a send", Some(answer), &expected)));
        self.settle();
        self.discard(back);
    }

    fn receive(&mut self, at: usize, timed: bool) {
        let Some(rx) = nth(&self.rxs, at).cloned() else { return };
        let wait = if timed { Wait::Timeout(Duration::ZERO) } else { Wait::Never };
        let Some(answer) = Came::of(|| receive(&rx.handle, wait)).back("a receive") else {
            self.half_received();
            self.settle();
            return;
        };
        let expected = self.model.receive();
        let expected = if timed && expected == Answer::Empty { Answer::RecvTimedOut } else { expected };
        let value = keep(answer, |answer| assert_eq!(answer, expected, "a receive"));
        self.settle();
        self.discard(value);
    }

    fn start(&mut self, kind: Kind, at: usize, script: Script) {
        let task = match kind {
            Kind::Recv | Kind::OwnRecv | Kind::Stream => {
                nth(&self.rxs, at).map(|rx| Task::receiving(kind, rx))
            }
            Kind::Sink => nth(&self.txs, at).map(Task::sink),
            Kind::Closed => nth(&self.txs, at).map(Task::closed),
            Kind::Send | Kind::OwnSend => {
                nth(&self.txs, at).map(|tx| Task::sending(kind, tx, self.world.value(script)))
            }
        };
        self.begins(task);
    }

    fn begins(&mut self, task: Option<Task>) {
        if task.is_some() {
            self.tasks.push(task);
            self.model.stages.push(Stage::Idle);
        }
    }

    fn poll(&mut self, number: usize, script: Script) {
        self.panics |= script == Some((Callback::Wake, Misdeed::Panics));
        let (woken, waker) = Woken::new(&self.world, script);
        let task = self.tasks[number].as_mut().expect("it lives");
        task.woken = Some((Arc::clone(&woken), 0));
        let (finished, sends, value) = (task.finished, task.sends(), task.value);
        let came = Came::of(|| task.poll(&waker));
        let polled = match came {
            Came::Back(polled) => Some(polled),
            Came::Scripted => None,
            Came::Panicked(text) if finished => {
                // As futures may, once they have been ready; and nothing has happened by it.
                assert!(!text.is_empty(), "it does not say why");
                return self.discard((waker, self.record.take()));
            }
            Came::Panicked(text) => panic!("a poll panicked: {text}"),
        };
        let ended =
            finished && !sends && self.tasks[number].as_ref().is_some_and(|task| task.kind == Kind::Stream);
        let decided = if ended {
            self.model.stages[number] = Stage::Closed;
            true
        } else {
            self.begin(number, sends, value)
        };
        if matches!(polled, Some(Polled::Received(Some(_)))) {
            self.model.had(number);
        }
        self.settle();
        match polled {
            Some(polled) => self.polled(number, polled, decided),
            None => {
                self.model.panicked(number);
                self.cancel(number);
            }
        }
        self.discard(waker);
    }

    /// Does in the model what a poll does first: a task that does not wait tries, and waits if it must. Returns
    /// whether the stage of the task was decided before anything that callbacks did.
    fn begin(&mut self, number: usize, sends: bool, value: Option<u32>) -> bool {
        if self.model.stages[number] != Stage::Idle {
            return self.model.stages[number] != Stage::Waits;
        }
        if self.tasks[number].as_ref().is_some_and(|task| task.kind == Kind::Closed) {
            if self.model.is_closed() {
                self.model.stages[number] = Stage::Closed;
            } else {
                self.model.wait_for_close(number);
            }
            return self.model.is_closed();
        }
        let stage = match (sends, value) {
            (true, None) => return true, // an empty sink
            (true, Some(id)) => match self.model.send(id) {
                Answer::Sent => Stage::Sent,
                Answer::NotSent(_) => Stage::Closed,
                _ => {
                    self.model.wait(number, Some(id));
                    return false;
                }
            },
            (false, _) => match self.model.receive_or_wait(number) {
                Some(Answer::Received(id)) => Stage::Served(id),
                Some(_) => Stage::Closed,
                None => return false,
            },
        };
        self.model.stages[number] = stage;
        true
    }

    /// Compares what a poll came to with the task's stage.
    fn polled(&mut self, number: usize, polled: Polled, decided: bool) {
        let stage = self.model.stages[number];
        let task = self.tasks[number].as_mut().expect("it lives");
        if let Polled::Pending = polled {
            assert!(!decided, "task {number} is pending, and should be {stage:?}");
            return;
        }
        self.model.woken.retain(|other| *other != number);
        let (kind, value) = (task.kind, task.value);
        task.finished = kind.ends();
        task.woken = None;
        self.model.stages[number] = Stage::Idle;
        let back = match (polled, stage) {
            (Polled::Received(Some(value)), Stage::Had(id) | Stage::Served(id)) if value.id() == id => {
                Some(value)
            }
            (Polled::Received(None), Stage::Closed) => {
                self.model.told();
                task.finished = true;
                None
            }
            (Polled::Sent(Ok(())), Stage::Sent) | (Polled::Ended, Stage::Closed) => None,
            (Polled::Sent(Ok(())), Stage::Idle) if kind == Kind::Sink && value.is_none() => None,
            (Polled::Sent(Err(back)), Stage::Closed) if Some(back.id()) == value => Some(back),
            (polled, stage) => panic!("task {number} is {polled:?}, and should be {stage:?}"),
        };
        if kind.sends() {
            task.value = None;
        }
        self.discard(back);
    }

    fn feed(&mut self, number: usize, script: Script) {
        let task = self.tasks[number].as_mut().expect("it lives");
        if task.kind != Kind::Sink {
            return;
        }
        let value = self.world.value(script);
        let id = value.id();
        match (task.value, Came::of(|| task.feed(value))) {
            (None, Came::Back(Ok(()))) => task.value = Some(id),
            (Some(_), Came::Panicked(_)) => (),
            (holds, came) => panic!("a sink that holds {holds:?} was fed: {came:?}"),
        }
        self.settle();
    }

    fn cancel(&mut self, number: usize) {
        let task = self.tasks[number].take();
        Came::of(|| drop(task)).back("a drop of a task");
        self.model.cancel(number);
        self.settle();
    }

    fn forget(&mut self, number: usize) {
        let task = self.tasks[number].take().expect("it lives");
        self.lost.extend(task.value);
        Came::of(|| task.forget()).back("the drop of a handle that was borrowed");
        self.forgotten += 1;
        self.settle(); // it may have borrowed the last handle
    }

    /// Compares what every handle says, what has been woken, and what has been noted.
    fn observe(&mut self) {
        let faults = self.world.faults();
        assert!(faults.is_empty(), "{faults:?}");
        if self.operations_forgotten {
            return self.model.woken.clear();
        }
        let (len, closed) = (self.model.len(), self.model.is_closed());
        let capacity = self.model.capacity();
        let right = |said: usize| said == len || !self.model.knows_len();
        if let Some(tx) = self.txs.first() {
            assert!(
                right(tx.handle.len()),
                "a sender says len() == {}, and {len} are there",
                tx.handle.len()
            );
            assert_eq!((tx.handle.is_closed(), tx.handle.capacity()), (closed, capacity), "a sender says");
        }
        if let Some(rx) = self.rxs.first() {
            assert!(
                right(rx.handle.len()),
                "a receiver says len() == {}, and {len} are there",
                rx.handle.len()
            );
            assert_eq!((rx.handle.is_closed(), rx.handle.capacity()), (closed, capacity), "a receiver says");
        }
        for number in std::mem::take(&mut self.model.woken) {
            let Some(task) = &self.tasks[number] else {
                // A value for a task that was forgotten is lost.
                if let Stage::Served(id) = self.model.stages[number] {
                    self.lost.insert(id);
                }
                continue;
            };
            let (woken, before) = task.woken.as_ref().expect("it waits");
            let stage = self.model.stages[number];
            assert!(woken.wakes() > *before, "task {number} has not been woken, and is {stage:?}");
        }
    }

    /// Cancels what waits, receives what is left, and closes the books.
    fn end(mut self) -> isize {
        for number in 0..self.tasks.len() {
            if self.tasks[number].is_some() {
                self.cancel(number);
                self.observe();
            }
        }
        while self.forgotten == 0 && !self.rxs.is_empty() && !self.model.is_empty() {
            self.receive(0, false);
            self.observe();
        }
        Came::of(|| self.world.set_entrance(None)).back("the drop of the callbacks' handles");
        while let Some(tx) = self.txs.pop() {
            self.discard(tx);
        }
        while let Some(rx) = self.rxs.pop() {
            self.discard(rx);
        }
        drop((std::mem::take(&mut self.weak_txs), std::mem::take(&mut self.weak_rxs)));
        let faults = self.world.faults();
        assert!(faults.is_empty(), "{faults:?}");
        let mut alive = self.world.alive();
        if self.forgotten > 0 {
            // A forgotten stream or operation keeps its channel, and all that is in it.
            return FORGOTTEN * isize::try_from(self.forgotten).expect("few");
        }
        alive.retain(|id| !self.lost.contains(id));
        assert!(alive.is_empty(), "values {alive:?} were not dropped");
        assert_eq!(self.world.wakers(), 0, "wakers were not dropped");
        0
    }
}

pub(super) fn nth<T>(all: &[T], at: usize) -> Option<&T> {
    (!all.is_empty()).then(|| &all[at % all.len()])
}

/// Compares an answer, of which nothing is known if a panic came out, with the one expected.
#[track_caller]
pub(super) fn agree(what: &str, answer: Option<Answer>, expected: &Answer) {
    if let Some(answer) = answer {
        assert_eq!(&answer, expected, "{what}");
    }
}

/// Compares an answer about values; keeps the value that it has.
pub(super) fn keep(answer: Answer<Value>, compare: impl FnOnce(Answer)) -> Option<Value> {
    let mut kept = None;
    let numbers = answer.map(|value| {
        let id = value.id();
        kept = Some(value);
        id
    });
    compare(numbers);
    kept
}
