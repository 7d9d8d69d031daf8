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

/// What has a place in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Value(u32),
    /// The value of a chosen send with this number is still to come.
    Late(usize),
}

/// The specification of a channel with tasks. Values, tasks and chosen sends have numbers.
#[derive(Clone, Debug)]
pub struct Model {
    capacity: Option<usize>,
    buffer: VecDeque<Place>,
    /// Values that came back from receives that were not completed, by the order in which they were received.
    returned: BTreeMap<u32, u32>,
    /// The place in that order of every value that has been received.
    received: HashMap<u32, u32>,
    receivers: VecDeque<usize>,
    /// Those of them that wait for the value of a chosen send: its number, the task, and its place among what is received.
    kept: Vec<(usize, usize, u32)>,
    /// The next place in the order of what is received.
    next_place: u32,
    /// The number of the next chosen send.
    next_late: usize,
    /// Whether a chosen send has lost its receiver, whose ticket may have gone back, or not.
    lost_receiver: bool,
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
            kept: Vec::new(),
            next_place: 0,
            next_late: 0,
            lost_receiver: false,
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
        let next = self.place();
        self.received.entry(id).or_insert(next);
    }

    fn place(&mut self) -> u32 {
        self.next_place += 1;
        self.next_place
    }

    /// Returns whether a send that begins now need not wait.
    pub fn may_send(&self) -> bool {
        self.free_receiver().is_some() || self.has_room()
    }

    fn has_room(&self) -> bool {
        self.capacity.is_none_or(|capacity| self.buffer.len() < capacity)
    }

    /// Returns where the first task waits that a send meets.
    fn free_receiver(&self) -> Option<usize> {
        self.receivers.iter().position(|task| !self.kept.iter().any(|(_, kept, _)| kept == task))
    }

    fn next_receiver(&mut self) -> Option<usize> {
        self.free_receiver().and_then(|at| self.receivers.remove(at))
    }

    /// Sends, without waiting.
    pub fn send(&mut self, id: u32) -> Answer {
        if self.closed {
            return Answer::NotSent(id);
        }
        if !self.may_send() {
            return Answer::Full(id);
        }
        match self.next_receiver() {
            Some(task) => self.serve(task, id),
            None => self.buffer.push_back(Place::Value(id)),
        }
        Answer::Sent
    }

    /// Chooses a send that need not wait, on a channel that is open, and returns its number.
    pub fn choose_send(&mut self) -> usize {
        let late = self.next_late;
        self.next_late += 1;
        match self.free_receiver() {
            Some(at) => self.keep(late, self.receivers[at]),
            None => self.buffer.push_back(Place::Late(late)),
        }
        late
    }

    fn keep(&mut self, late: usize, task: usize) {
        let place = self.place();
        self.kept.push((late, task, place));
    }

    /// Brings the value of a chosen send.
    pub fn finish_send(&mut self, late: usize, id: u32) -> Answer {
        if let Some(place) = self.buffer.iter_mut().find(|place| **place == Place::Late(late)) {
            *place = Place::Value(id);
            return Answer::Sent;
        }
        if let Some((task, place)) = self.end_kept(late) {
            self.receivers.retain(|other| *other != task);
            if !self.closed {
                self.received.insert(id, place);
                self.wake(task, Stage::Served(id));
                return Answer::Sent;
            }
            self.wake(task, Stage::Idle);
        }
        match self.send(id) {
            // Its place or its receiver has gone.
            Answer::Full(_) => {
                self.senders.push_back((None, id));
                Answer::Sent
            }
            answer => answer,
        }
    }

    /// Gives a chosen send up: a receiver that was kept for it tries again.
    pub fn give_up_send(&mut self, late: usize) {
        let before = self.buffer.len();
        self.buffer.retain(|place| *place != Place::Late(late));
        if self.buffer.len() < before && self.has_room() {
            self.let_in();
        }
        if let Some((task, _)) = self.end_kept(late) {
            self.receivers.retain(|other| *other != task);
            self.wake(task, Stage::Idle);
        }
    }

    fn end_kept(&mut self, late: usize) -> Option<(usize, u32)> {
        let at = self.kept.iter().position(|(other, ..)| *other == late)?;
        let (_, task, place) = self.kept.remove(at);
        Some((task, place))
    }

    /// Sends at once; the value that is taken out for it.
    pub fn force(&mut self, id: u32) -> (Answer, Option<u32>) {
        match self.send(id) {
            Answer::Full(_) if self.capacity == Some(0) => return (Answer::Sent, Some(id)),
            Answer::Full(_) => (),
            answer => return (answer, None),
        }
        self.senders.push_back((None, id));
        while self.senders.contains(&(None, id)) {
            let oldest = self.buffer.pop_front().expect("it is full");
            self.let_in();
            // A chosen send whose value is still to come only loses its place.
            if let Place::Value(oldest) = oldest {
                self.note(oldest);
                return (Answer::Sent, Some(oldest));
            }
        }
        (Answer::Sent, None)
    }

    /// The first sender gets a place.
    fn let_in(&mut self) {
        if let Some((task, id)) = self.senders.pop_front() {
            if let Some(task) = task {
                self.wake(task, Stage::Sent);
            }
            self.buffer.push_back(Place::Value(id));
        }
    }

    fn serve(&mut self, task: usize, id: u32) {
        self.received.remove(&id); // A value that had come back is received anew.
        self.note(id);
        self.wake(task, Stage::Served(id));
    }

    /// Returns whether a receive that begins now gets a value.
    pub fn may_receive(&self) -> bool {
        self.is_over() || self.has_next()
    }

    /// Returns whether the next value is that of a chosen send, and is still to come.
    pub fn is_behind_chosen_send(&self) -> bool {
        self.returned.is_empty() && matches!(self.buffer.front(), Some(Place::Late(_)))
    }

    /// Returns whether a receive that begins now gets a value. It does not get past a chosen send of its own thread, whose
    /// value is still to come.
    pub fn has_next(&self) -> bool {
        let first = self.buffer.front().map(|place| matches!(place, Place::Value(_)));
        !self.returned.is_empty() || first.unwrap_or(!self.senders.is_empty())
    }

    /// Receives, without waiting.
    pub fn receive(&mut self) -> Answer {
        if let Some((_, id)) = self.returned.pop_first() {
            return self.got(id);
        }
        if self.buffer.is_empty() && self.capacity == Some(0) {
            self.let_in();
        }
        match self.buffer.front() {
            Some(&Place::Value(id)) => {
                self.leave_place();
                self.got(id)
            }
            None if self.is_over() => {
                self.over = true;
                Answer::NothingLeft
            }
            Some(Place::Late(_)) | None => Answer::Empty,
        }
    }

    /// Breaks up the places of chosen sends, as a receive of the same thread does that comes to wait.
    pub fn pass_chosen_sends(&mut self) {
        while let Some(Place::Late(_)) = self.buffer.front() {
            self.leave_place();
        }
    }

    /// The first place of the buffer is left.
    fn leave_place(&mut self) {
        self.buffer.pop_front();
        if self.has_room() {
            self.let_in();
        }
    }

    /// Receives for a task, which waits if it must: for the value of a chosen send, if it comes to such a place.
    pub fn receive_or_wait(&mut self, task: usize) -> Option<Answer> {
        while let (true, Some(&Place::Late(late))) = (self.returned.is_empty(), self.buffer.front()) {
            self.leave_place();
            if !self.is_over() {
                self.wait(task, None);
                self.keep(late, task);
                return None;
            }
        }
        match self.receive() {
            Answer::Empty => {
                self.wait(task, None);
                None
            }
            answer => Some(answer),
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
        match self.next_receiver() {
            Some(task) => self.serve(task, id),
            None => drop(self.returned.insert(self.received[&id], id)),
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
        self.lost_receiver |= self.kept.iter().any(|(_, kept, _)| *kept == task);
        self.kept.retain(|(_, kept, _)| *kept != task);
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
                None => self.buffer.push_back(Place::Value(id)),
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
            while let Some(task) = self.next_receiver() {
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

    /// Returns whether the length is known. It is not while a chosen send may have lost its receiver: what such a send counts
    /// for depends on the receives after it.
    pub fn knows_len(&self) -> bool {
        !self.lost_receiver
    }

    /// Returns how many values can be received, or are to come to their places.
    pub fn len(&self) -> usize {
        // What was forced in beyond the capacity does not count.
        self.capacity.map_or(self.buffer.len(), |capacity| self.buffer.len().min(capacity))
            + self.returned.len()
    }

    /// Returns whether no value can be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many values are here or to come without a further send, those of senders that wait among them.
    pub fn drainable(&self) -> usize {
        self.buffer.len() + self.senders.len() + self.returned.len()
    }

    /// Returns how many values fit.
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }
}
