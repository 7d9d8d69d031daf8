//! What callbacks do to the channel that calls them.

use super::task::{Rx, Tx};
use crate::call::{Answer, Wait, receive, send};
use crate::rim::user::{Value, World};
use std::sync::{Arc, Mutex, PoisonError};

/// What was done; the answer is missing if a panic came out of it.
#[derive(Clone, Debug)]
pub(super) enum Nested {
    /// A value was sent, or not.
    Send(u32, Option<Answer>),
    /// A value was received, or not.
    Receive(Option<Answer>),
    /// The channel was closed.
    Close(Option<bool>),
    /// Nothing that shows.
    Other,
}

/// What was done by callbacks during a step, in the order in which it began.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Vec<Nested>>);

impl Record {
    /// Returns what has been done since the last call.
    pub(super) fn take(&self) -> Vec<Nested> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters something that is done by `act`, which must not be interrupted by a lock of the books. What it leaves is
    /// dropped after that, with whatever a destructor does.
    fn enter<T>(&self, before: Nested, act: impl FnOnce() -> (Nested, T)) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = {
            let mut all = lock();
            all.push(before);
            all.len() - 1
        };
        let (after, left) = act();
        lock()[at] = after;
        drop(left);
    }
}

/// Returns the answer about numbers, and the value.
fn apart(answer: Answer<Value>) -> (Answer, Option<Value>) {
    let mut value = None;
    let answer = answer.map(|one| {
        let id = one.id();
        value = Some(one);
        id
    });
    (answer, value)
}

/// Lets callbacks enter by handles of their own.
pub(super) fn open(world: &Arc<World>, record: &Arc<Record>, tx: Tx, rx: Rx) {
    let (weak, record) = (Arc::downgrade(world), Arc::clone(record));
    world.set_entrance(Some(Arc::new(move |how| {
        let Some(world) = weak.upgrade() else { return };
        match how {
            0 => {
                let value = world.value(None);
                let id = value.id();
                record.enter(Nested::Send(id, None), || {
                    let (answer, back) = apart(send(&tx.handle, value, Wait::Never));
                    (Nested::Send(id, Some(answer)), back)
                });
            }
            1 => record.enter(Nested::Receive(None), || {
                let (answer, value) = apart(receive(&rx.handle, Wait::Never));
                (Nested::Receive(Some(answer)), value)
            }),
            2 => {
                record.enter(Nested::Close(None), || (Nested::Close(Some(tx.handle.close().is_ok())), ()));
            }
            3 => record.enter(Nested::Other, || (Nested::Other, (tx.handle.clone(), rx.handle.clone()))),
            _ => record.enter(Nested::Other, || {
                let _looked = (tx.handle.len(), rx.handle.len(), rx.handle.is_closed(), tx.handle.is_full());
                (Nested::Other, ())
            }),
        }
    })));
}
