//! Channels as specified.
//!
//! A send or a receive that has to wait *arrives* by one step, and the operation that ends its wait notes what the wait has
//! come to, which the waiting thread then observes. One state has all channels of an execution, since a `select!` arrives in
//! several channels by one step.
//!
//! Happens-before: the k-th send's arrival, before the k-th receive completes; the k-th receive's arrival, before the
//! (k + C)-th send on capacity C completes; a close, before what returns because of it; the drops of the handles of a side,
//! before the close that the last one causes. A send and a receive on another value, a failing `try_` operation and a look
//! give no order.
//!
//! A close is one moment here, for senders that wait too. In the real form they are told one after the other, and a receive
//! that began before may take the value of one of them when another has its value back already: to show this takes two
//! senders that wait and two receives beside the close. The length, too, is that of one moment, and counts no send that is
//! under way.

#![cfg_attr(
    not(all(feature = "checking", feature = "async")),
    allow(dead_code, unused_imports, reason = "steps are made under a checker only, and some by tasks only")
)]

mod alarm;
mod apart;
mod channel;
mod handle;
mod handles;
mod held;
mod lane;
mod late;
mod select;
#[cfg(feature = "async")]
mod task;
#[cfg(test)]
mod tests;
mod world;

pub(crate) use alarm::{Alarm, AlarmHandle};
#[cfg(feature = "async")]
pub(crate) use channel::{Bell, Waiter};
pub(crate) use channel::{Channel, Ended, Received, Side};
pub(crate) use handle::{Chan, Failed, Inner};
pub(crate) use held::Held;
#[cfg(feature = "async")]
pub(crate) use held::Offered;
#[cfg(feature = "async")]
pub(crate) use late::Manner;
pub(crate) use select::{Arrived, Case, Chosen, Event, Select};
pub(crate) use world::{Key, Turn, World};
