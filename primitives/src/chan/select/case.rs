//! What a select asks of a channel's side.

use crate::chan::algorithm::deferred::Mark;
use crate::chan::select::observers::Observers;
use crate::chan::select::specified::AsSteps;
use crate::chan::select::state::{Cause, SelectWait};
use crate::queue::{Anchor, Party};
use crate::rt::bubble::Owner;
use std::time::Instant;

/// What a case of a select holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum Hold {
    /// Nothing.
    Nothing,
    /// Nothing; and whether a send would have to wait is not known.
    Unsettled,
    /// A cell in which it waits.
    Waiting,
    /// It has happened: the value that was received is in the cell.
    Happened,
    /// It has happened: a value that may come back is in the cell.
    Lent,
    /// It has happened: a value that came back, and may once more; where that is stands in place of the ticket.
    Undelivered,
    /// Nothing, but it observes the channel, in which its own select waits to receive: so many times, which stands in
    /// place of the ticket.
    Observing,
    /// It has happened: the channel is closed.
    Closed,
    /// A cell to which its value is to come.
    Late,
}

/// A case's place in its channel.
#[derive(Debug)]
pub struct Slot {
    pub(in crate::chan) ticket: u64,
    /// Where its cell is, if it holds one.
    pub(in crate::chan) anchor: Anchor,
    pub(in crate::chan) hold: Hold,
}

impl Slot {
    pub(in crate::chan) const EMPTY: Slot = Slot { ticket: 0, anchor: Anchor::NONE, hold: Hold::Nothing };

    pub(in crate::chan) fn set(&mut self, ticket: u64, hold: Hold) {
        *self = Slot { ticket, anchor: Anchor::NONE, hold };
    }

    /// One that waits in a cell.
    pub(in crate::chan) fn waiting_at(ticket: u64, anchor: Anchor) -> Slot {
        Slot { ticket, anchor, hold: Hold::Waiting }
    }

    /// It waits in a cell.
    pub(in crate::chan) fn wait_at(&mut self, ticket: u64, anchor: Anchor) {
        *self = Slot::waiting_at(ticket, anchor);
    }
}

/// Numbers of a channel that change with what is ready in it; see [`Handle::stamp`].
pub(in crate::chan) type Stamp = [u64; 7];

/// Which operation a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The channel's address.
    pub(in crate::chan) channel: usize,
    /// The side of the channel on which the operation is.
    pub(in crate::chan) party: Party,
}

/// How far a case has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The operation has happened, or its channel is closed; the slot says which.
    Happened,
    /// The operation has not happened.
    NotYet,
}

/// Which look at a case that waits this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    First,
    Later,
}

/// What a select finds that has begun to wait and looks at a case again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It waits.
    Waits,
    /// It can happen now.
    Ready,
    /// Its channel is closed.
    Closed,
    /// The select must start over, with a new select state: a value came back before it began to wait, or it only
    /// observes and the channel has changed.
    Over,
}

/// A side of a channel, with the type of its values forgotten.
pub trait Handle {
    /// Does the operation, for a select of the thread with this mark, if that need not wait, but for the value of a late
    /// send: then the slot holds what has happened.
    fn attempt(&self, slot: &mut Slot, mark: Mark) -> Progress;
    /// Waits in a cell for others to commit the select state, unless the operation can happen now: then the slot holds
    /// what has happened, or the case waits for a value that another select was chosen to send.
    fn register(&self, slot: &mut Slot, select: &SelectWait, case: usize) -> Progress;
    /// Looks for what nobody tells a select that has begun to wait.
    fn look(&self, slot: &mut Slot, round: Round) -> Look;
    /// Completes the case for which the select state has been committed. If the operation has not happened by that, the
    /// select must start over.
    fn chosen(&self, slot: &mut Slot, cause: Cause) -> Progress;
    /// Whether the case for which the select state has been committed must wait for a value that another select was
    /// chosen to send; the thread is woken when the value has come or will not come.
    fn is_promised(&self, _slot: &Slot) -> bool {
        false
    }
    /// Settles, at the deadline, operations in flight that could make this case look blocked: the case is `Ready` if it
    /// may be able to happen now, else it `Waits`.
    fn settle_in_flight(&self, _slot: &Slot) -> Look {
        Look::Waits
    }
    /// The select state has been committed otherwise, or the select gives up.
    fn withdraw(&self, slot: &mut Slot);
    /// What has happened may come back: it is completed later, or not at all.
    fn lend(&self, _slot: &mut Slot) {}
    /// Takes an instant that is due on trial, until the select is committed: for others it is neither there nor gone.
    fn reserve(&self) -> Option<u64> {
        None
    }
    /// Takes an instant for good that was taken on trial, and for which the select state has been committed. It has not
    /// happened if the timer was set anew.
    fn confirm(&self, _slot: &mut Slot, _instant: u64) -> Progress {
        Progress::NotYet
    }
    /// The select state has been committed otherwise: the instant is there again.
    fn put_back(&self, _instant: u64) {}
    /// When the operation can happen without anybody else.
    fn deadline(&self) -> Option<Instant> {
        None
    }
    /// Whether the operation would not wait, at some moment, if for a send so many receivers are not taken into
    /// account.
    fn is_ready(&self, own: u64) -> bool;
    /// What the channel looks like: while it looks the same, whether the operation is ready has not changed, but by the
    /// clock.
    fn stamp(&self) -> Stamp;
    /// Returns the selects that are told of changes in the channel, if a channel has such a list.
    fn observers(&self) -> Option<&Observers>;
    /// Returns which operation this is.
    fn identity(&self) -> Identity;
    /// Returns the side as a select in its specified form uses it.
    fn steps(&self) -> Option<AsSteps<'_>> {
        None
    }
    /// Returns the bubble in which the channel was made; `None`: nothing ever comes, so no thread can end a wait for it.
    fn owner(&self) -> Option<Owner>;
    /// Returns which operation this is, if its channel has no buffer.
    fn rendezvous(&self) -> Option<Identity> {
        None
    }
}
