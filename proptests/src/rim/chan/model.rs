//! What a channel is on one thread: a queue of values, and two of waiters.

use crate::call::Answer;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for nothing.
    Idle,
    /// It is among the waiters.
    Waits,
    /// This value has come for it.
    Served(u32),
    /// It has had this value for good.
    Had(u32),
    /// Its value has been sent.
    Sent,
    /// The channel has been closed while it waited.
    Closed,
}

/// The specification of a channel with tasks. Values and tasks have numbers.
#[derive(Clone, Debug)]
pub struct Model {
    capacity: Option<usize>,
    buffer: VecDeque<u32>,
    /// Values that came back from receives that were not completed, by the order in which they were received.
    returned: BTreeMap<u32, u32>,
    /// The place in that order of every value that has been received.
    received: HashMap<u32, u32>,
    receivers: VecDeque<usize>,
    /// Those that wait, and values without a sender that were forced in behind them.
    senders: VecDeque<(Option<usize>, u32)>,
    /// Tasks that wait for the close.
    farewell: Vec<usize>,
    closed: bool,
    /// How many values selected operations hold.
    pub held: usize,
    /// Whether a caller has been told that the channel is closed and empty.
    over: bool,
    /// Whether a value came back after that, because a callback panicked.
    in_vain: bool,
    /// The tasks' stages.
    pub stages: Vec<Stage>,
    /// The tasks that must have been woken by now.
    pub woken: Vec<usize>,
}

impl Model {
    /// Makes an empty channel.
    pub fn new(capacity: Option<usize>) -> Model {
        Model {
            capacity,
            buffer: VecDeque::new(),
            returned: BTreeMap::new(),
            received: HashMap::new(),
            receivers: VecDeque::new(),
            senders: VecDeque::new(),
            farewell: Vec::new(),
            closed: false,
            held: 0,
            over: false,
            in_vain: false,
            stages: Vec::new(),
            woken: Vec::new(),
        }
    }

    fn wake(&mut self, task: usize, stage: Stage) {
        self.stages[task] = stage;
        self.woken.push(task);
    }

    /// Notes in which order a value was received.
    fn note(&mut self, id: u32) {
        let next = self.received.values().max().map_or(0, |last| last + 1);
        self.received.entry(id).or_insert(next);
    }

    /// Returns whether a send that begins now need not wait.
    pub fn may_send(&self) -> bool {
        !self.receivers.is_empty() || self.capacity.is_none_or(|capacity| self.buffer.len() < capacity)
    }

    /// Sends, without waiting.
    pub fn send(&mut self, id: u32) -> Answer {
        if self.closed {
            return Answer::NotSent(id);
        }
        if !self.may_send() {
            return Answer::Full(id);
        }
        match self.receivers.pop_front() {
            Some(task) => self.serve(task, id),
            None => self.buffer.push_back(id),
        }
        Answer::Sent
    }

    /// Sends at once; the value that is taken out for it.
    pub fn force(&mut self, id: u32) -> (Answer, Option<u32>) {
        match self.send(id) {
            Answer::Full(_) if self.capacity == Some(0) => return (Answer::Sent, Some(id)),
            Answer::Full(_) => (),
            answer => return (answer, None),
        }
        let oldest = self.buffer.pop_front().expect("it is full");
        self.senders.push_back((None, id));
        self.let_in();
        self.note(oldest);
        (Answer::Sent, Some(oldest))
    }

    /// The first sender gets a place.
    fn let_in(&mut self) {
        if let Some((task, id)) = self.senders.pop_front() {
            if let Some(task) = task {
                self.wake(task, Stage::Sent);
            }
            self.buffer.push_back(id);
        }
    }

    fn serve(&mut self, task: usize, id: u32) {
        self.received.remove(&id); // A value that had come back is received anew.
        self.note(id);
        self.wake(task, Stage::Served(id));
    }

    /// Returns whether a receive that begins now gets a value.
    pub fn may_receive(&self) -> bool {
        self.is_over() || !self.is_empty() || !self.senders.is_empty()
    }

    /// Receives, without waiting.
    pub fn receive(&mut self) -> Answer {
        let returned = self.returned.pop_first().map(|(_, id)| id);
        let first = returned.or_else(|| self.buffer.pop_front());
        let meets = first.is_none() && self.capacity == Some(0);
        if meets || self.capacity.is_some_and(|capacity| self.buffer.len() < capacity) {
            self.let_in();
        }
        match first.or_else(|| self.buffer.pop_front()) {
            Some(id) => self.got(id),
            None if self.is_over() => {
                self.over = true;
                Answer::NothingLeft
            }
            None => Answer::Empty,
        }
    }

    fn got(&mut self, id: u32) -> Answer {
        assert!(
            !self.over || self.in_vain,
            "value {id} comes after the channel was said to be closed and empty"
        );
        self.note(id);
        Answer::Received(id)
    }

    /// Gives a value back that a receive has got and does not keep.
    pub fn give_back(&mut self, id: u32) {
        match self.receivers.pop_front() {
            Some(task) => self.serve(task, id),
            None => drop(self.returned.insert(self.received[&id], id)),
        }
    }

    /// Leaves a chosen send uncompleted: a receiver that waited for it must try again.
    pub fn forsake(&mut self) {
        if let Some(task) = self.receivers.pop_front() {
            self.wake(task, Stage::Idle);
        }
    }

    /// Lets a task wait, for a value or for room for one.
    pub fn wait(&mut self, task: usize, value: Option<u32>) {
        self.stages[task] = Stage::Waits;
        match value {
            Some(id) => self.senders.push_back((Some(task), id)),
            None => self.receivers.push_back(task),
        }
    }

    /// Lets a task wait for the close.
    pub fn wait_for_close(&mut self, task: usize) {
        self.stages[task] = Stage::Waits;
        self.farewell.push(task);
    }

    /// Ends the wait of a task.
    pub fn cancel(&mut self, task: usize) {
        self.receivers.retain(|other| *other != task);
        self.senders.retain(|(other, _)| *other != Some(task));
        self.farewell.retain(|other| *other != task);
        let stage = std::mem::replace(&mut self.stages[task], Stage::Idle);
        if let Stage::Served(id) = stage {
            self.give_back(id);
        }
    }

    /// Notes that a poll has had the value of its task, so that the value does not come back; then others may be told
    /// the end.
    pub fn had(&mut self, task: usize) {
        if let Stage::Served(id) = self.stages[task] {
            self.stages[task] = Stage::Had(id);
        }
    }

    /// Notes that a panic of a callback came out of a poll: the task may have had its value for good, and others may
    /// have been told the end; then the value goes back.
    pub fn panicked(&mut self, task: usize) {
        if let Stage::Served(id) = self.stages[task] {
            self.stages[task] = Stage::Idle;
            self.received_in_vain(id);
        }
    }

    /// Notes that a panic came out of an operation that has had this value, which goes back.
    pub fn received_in_vain(&mut self, id: u32) {
        self.dismiss();
        self.give_back(id);
        self.in_vain = true;
    }

    /// Closes the channel, and returns whether it was open.
    pub fn close(&mut self) -> bool {
        for (task, id) in std::mem::take(&mut self.senders) {
            match task {
                Some(task) => self.wake(task, Stage::Closed),
                None => self.buffer.push_back(id),
            }
        }
        for task in std::mem::take(&mut self.farewell) {
            self.wake(task, Stage::Closed);
        }
        let first = !std::mem::replace(&mut self.closed, true);
        self.dismiss();
        first
    }

    /// Returns whether the channel is closed, and no value may come back from a task or an operation that has it.
    fn is_over(&self) -> bool {
        let is_lent = |stage: &Stage| matches!(stage, Stage::Served(_));
        self.closed && self.held == 0 && !self.stages.iter().any(is_lent)
    }

    /// Ends the waits in a closed channel to which no value can come any more.
    pub fn dismiss(&mut self) {
        if self.is_over() {
            for task in std::mem::take(&mut self.receivers) {
                self.wake(task, Stage::Closed);
            }
        }
    }

    /// Notes that a task was told that the channel is closed and empty.
    pub fn told(&mut self) {
        self.over = true;
    }

    /// Notes that the last receiver has gone.
    pub fn discard(&mut self) {
        self.buffer.clear();
        self.returned.clear();
    }

    /// Returns whether the channel is closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns how many values can be received.
    pub fn len(&self) -> usize {
        // What was forced in beyond the capacity does not count.
        self.capacity.map_or(self.buffer.len(), |capacity| self.buffer.len().min(capacity))
            + self.returned.len()
    }

    /// Returns whether no value can be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many values can be received without a send, those of senders that wait among them.
    pub fn drainable(&self) -> usize {
        self.buffer.len() + self.senders.len() + self.returned.len()
    }

    /// Returns how many values fit.
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }
}
