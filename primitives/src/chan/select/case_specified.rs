//! A send or a receive as a case of a select, as specified.

use super::case::{Hold, Slot};
use super::specified::{Form, Happened, Steps};
use crate::chan::algorithm::chan::Chan;
use crate::chan::algorithm::{deferred, specified};
use crate::chan::error::{RecvError, SendError};
use crate::chan::handle::receiver::{Receiver, Source};
use crate::chan::handle::sender::Sender;
use crate::rt::spec::{StepId, Token};
use crate::spec::chan::{self as spec, Case, Ended, Event, Held, Inner, Key};
use std::time::Instant;

/// Two numbers as the ticket of a slot.
const fn pack(thread: u32, number: u32) -> u64 {
    (thread as u64) << 32 | number as u64
}

impl Slot {
    /// Holds what was put there in the store of what cases hold.
    pub(in crate::chan) fn hold_at(&mut self, token: Token, hold: Hold) {
        self.set(pack(token.thread, token.number), hold);
    }

    /// Returns where in the store is what it holds.
    pub(in crate::chan) fn held_at(&self) -> Token {
        Token { thread: (self.ticket >> 32) as u32, number: self.ticket as u32 }
    }

    /// Holds a place by the name of a step.
    pub(in crate::chan) fn hold_step(&mut self, step: StepId, hold: Hold) {
        self.set(pack(step.thread, step.index), hold);
    }

    /// Returns the step by whose name it holds a place.
    pub(in crate::chan) fn held_step(&self) -> StepId {
        StepId { thread: (self.ticket >> 32) as u32, index: self.ticket as u32 }
    }
}

/// What a case of a select asks of a channel as specified.
impl<T> Chan<T> {
    fn steps(&self) -> &Inner<T> {
        self.spec.specified().expect("only a channel in its specified form makes steps")
    }

    pub(in crate::chan) fn form(&self) -> Form<'_> {
        self.spec.specified().map_or(Form::Real, |chan| Form::Specified(chan.common()))
    }

    pub(in crate::chan) fn receive_case(&self) -> Case {
        Case::Receive(self.steps().place())
    }

    pub(in crate::chan) fn late_case(&self) -> Case {
        Case::Late(self.steps().place())
    }

    pub(in crate::chan) fn learn_receive(&self, slot: &mut Slot, happened: Option<Happened>) {
        match happened.map(|happened| happened.event) {
            Some(Event::Ended(Ended::Received(received))) => {
                slot.hold_at(self.steps().held.put(Held::Received(received)), Hold::Happened);
            }
            Some(_closed) => slot.set(0, Hold::Closed),
            None => slot.hold = Hold::Nothing,
        }
    }

    pub(in crate::chan) fn learn_late(&self, slot: &mut Slot, happened: Option<Happened>) {
        match happened {
            Some(Happened { event: Event::Ended(Ended::Sent), select }) => slot.hold_step(select, Hold::Late),
            Some(_closed) => slot.set(0, Hold::Closed),
            None => slot.hold = Hold::Nothing,
        }
    }

    pub(in crate::chan) fn wake_own(&self, wakes: &mut Vec<(Key, Token)>) {
        let chan = self.steps();
        let key = chan.key();
        let own = wakes.extract_if(.., |(channel, _)| *channel == key);
        specified::wake(chan, own.map(|(_, waker)| waker).collect());
    }
}

impl<T> Steps for Receiver<T> {
    fn form(&self) -> Form<'_> {
        match &self.0 {
            Source::Channel(chan) => chan.form(),
            Source::Lapsing(lapsing) => lapsing.channel().form(),
            Source::Alarm(alarm, _) => alarm.form(),
            Source::Never => Form::Never,
        }
    }

    fn case(&self) -> Case {
        match &self.0 {
            Source::Channel(chan) => chan.receive_case(),
            Source::Lapsing(lapsing) => lapsing.channel().receive_case(),
            Source::Alarm(alarm, _) => alarm.case(),
            Source::Never => Case::Never,
        }
    }

    fn learn(&self, slot: &mut Slot, case: &Case, happened: Option<Happened>) {
        match &self.0 {
            Source::Channel(chan) => chan.learn_receive(slot, happened),
            Source::Lapsing(lapsing) => lapsing.channel().learn_receive(slot, happened),
            Source::Alarm(alarm, _) => alarm.learn(slot, case, happened),
            Source::Never => (),
        }
    }

    fn wake(&self, wakes: &mut Vec<(Key, Token)>) {
        match &self.0 {
            Source::Channel(chan) => chan.wake_own(wakes),
            Source::Lapsing(lapsing) => lapsing.channel().wake_own(wakes),
            Source::Alarm(..) | Source::Never => (),
        }
    }

    fn lapse(&self) -> Option<Instant> {
        match &self.0 {
            Source::Lapsing(lapsing) => lapsing.next(),
            Source::Channel(_) | Source::Alarm(..) | Source::Never => None,
        }
    }
}

/// A send whose value comes once it has been chosen.
impl<T> Steps for Sender<T> {
    fn form(&self) -> Form<'_> {
        self.0.form()
    }

    fn case(&self) -> Case {
        self.0.late_case()
    }

    fn learn(&self, slot: &mut Slot, _case: &Case, happened: Option<Happened>) {
        self.0.learn_late(slot, happened);
    }

    fn wake(&self, wakes: &mut Vec<(Key, Token)>) {
        self.0.wake_own(wakes);
    }
}

/// What was chosen, in the hands of the user.
impl<T> Chan<T> {
    fn take_received(&self, chan: &Inner<T>, slot: &mut Slot) -> Option<spec::Received> {
        let holds = matches!(slot.hold, Hold::Happened | Hold::Lent);
        slot.hold = Hold::Nothing;
        match holds.then(|| chan.held.take(slot.held_at())) {
            Some(Held::Received(received)) => Some(received),
            _ => None,
        }
    }

    pub(in crate::chan) fn finish_recv_specified(
        &self,
        chan: &Inner<T>,
        slot: &mut Slot,
    ) -> Result<T, RecvError> {
        self.take_received(chan, slot).map(|received| chan.value(received)).ok_or(RecvError)
    }

    /// The value that the case has received goes to the next receiver.
    #[cold]
    pub(in crate::chan) fn withdraw_recv_specified(&self, chan: &Inner<T>, slot: &mut Slot) {
        if let Some(received) = self.take_received(chan, slot) {
            specified::wake(chan, chan.give_back(received));
        }
    }

    #[cold]
    pub(in crate::chan) fn finish_late_specified(
        &self,
        chan: &Inner<T>,
        slot: &mut Slot,
        value: T,
    ) -> Result<(), SendError<T>> {
        let is_late = slot.hold == Hold::Late;
        slot.hold = Hold::Nothing;
        if !is_late {
            return Err(SendError(value));
        }
        let (sent, wakes) = chan.finish_late(slot.held_step(), value);
        specified::wake(chan, wakes);
        deferred::settle_with(sent.map_err(SendError))
    }

    #[cold]
    pub(in crate::chan) fn cancel_late_specified(&self, chan: &Inner<T>, slot: &mut Slot) {
        if slot.hold == Hold::Late {
            specified::wake(chan, chan.cancel_late(slot.held_step()));
        }
        slot.hold = Hold::Nothing;
    }
}
