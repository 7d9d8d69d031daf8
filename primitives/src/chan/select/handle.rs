//! What a select asks of a channel's side.

use crate::chan::claim::Claim;
use crate::chan::watch::Watchers;
use crate::queue::Anchor;
use crate::rt::sync::Arc;
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
    /// It has happened: the value is in the cell, or has been sent, or waits in the handle.
    Happened,
    /// The same, with a value that may come back.
    Lent,
    /// It has happened: a value that came back, and may once more; where that is stands in place of the ticket.
    Returned,
    /// Nothing, but it watches the channel, in which its own select waits to receive.
    Watching(u64),
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

    /// It waits in a cell.
    pub(in crate::chan) fn wait_at(&mut self, ticket: u64, anchor: Anchor) {
        *self = Slot { ticket, anchor, hold: Hold::Waiting };
    }
}

/// Numbers of a channel that change with what is ready in it; see [`Handle::stamp`].
pub(in crate::chan) type Stamp = [u64; 7];

/// What a select finds that has begun to wait and looks at a case again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It waits.
    Waits,
    /// It can happen now.
    Ready,
    /// Its channel is closed.
    Closed,
    /// The select must start over, with a new claim: a value came back before it began to wait, or it only watches and
    /// the channel has changed.
    Over,
}

/// A side of a channel, with the type of its values forgotten.
pub trait Handle {
    /// Does the operation if that need not wait: then the slot holds what has happened.
    fn attempt(&self, slot: &mut Slot) -> bool;
    /// Waits in a cell for others to decide the claim; or finds that the operation can happen now, as above.
    fn register(&self, slot: &mut Slot, claim: &Arc<Claim>, case: usize) -> bool;
    /// Whether there is something that nobody will tell a select that has begun to wait. `first`: since then, this has not
    /// been called.
    fn look(&self, slot: &mut Slot, first: bool) -> Look;
    /// The claim has been decided for this case; whether it has happened by that, or the select must start over.
    fn chosen(&self, slot: &mut Slot, closed: bool) -> bool;
    /// Time is up: makes sure that it is not others' unfinished steps that keep the operation from happening; `true`
    /// if it was, and may be able to happen now.
    fn hurry(&self, _slot: &Slot) -> bool {
        false
    }
    /// The claim has been decided otherwise, or the select gives up.
    fn withdraw(&self, slot: &mut Slot);
    /// What has happened may come back: it is completed later, or not at all.
    fn lend(&self, _slot: &mut Slot) {}
    /// Takes an instant that is due on trial, until the claim is decided: for others it is neither there nor gone.
    fn reserve(&self) -> Option<u64> {
        None
    }
    /// The claim has been decided for an instant that was taken on trial: whether it is still there, and in the slot now.
    fn confirm(&self, _slot: &mut Slot, _instant: u64) -> bool {
        false
    }
    /// The claim has been decided otherwise: the instant is there again.
    fn put_back(&self, _instant: u64) {}
    /// When the operation can happen without anybody else.
    fn deadline(&self) -> Option<Instant> {
        None
    }
    /// Whether the operation would not wait, at some moment, if for a send so many receivers are not taken into
    /// account.
    fn is_ready(&self, own: u64) -> bool;
    /// What the channel looks like: while it looks the same, whether the operation is ready has not changed, but by the clock.
    fn stamp(&self) -> Stamp;
    /// Who is told of changes in the channel, if there are any.
    fn watchers(&self) -> Option<&Watchers>;
    /// The channel's address, and whether the operation is a send.
    fn identity(&self) -> (usize, bool);
    /// The channel, if it has no buffer, and whether the operation is a send.
    fn rendezvous(&self) -> Option<(usize, bool)> {
        None
    }
}
