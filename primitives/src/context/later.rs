//! Dropping long chains: what a node of a chain owns is dropped when the node is gone, and not inside its destructor, so
//! that the stack does not grow with the chain.

use super::node::Node;
use super::value::Binding;
use crate::first_panic::FirstPanic;
use crate::rt::sync::Arc;
use core::cell::RefCell;
use core::mem::ManuallyDrop;

/// What the next node of a chain is.
pub(super) enum Item {
    Node(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Node>),
    Binding(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Binding>),
}

/// What a thread is about to drop.
struct Later {
    is_dropping: bool,
    items: Vec<Item>,
}

crate::rt::thread_local! {
    /// Without a destructor, so that contexts in the destructors of other thread-locals find it there.
    static LATER: RefCell<ManuallyDrop<Later>> =
        RefCell::new(ManuallyDrop::new(Later { is_dropping: false, items: Vec::new() }));
}

/// Drops an item, and what is dropped by that, one after the other. If destructors panic, the first panic comes out when
/// all are dropped.
pub(super) fn drop(item: Item) {
    let mut next = with(|later| match later.is_dropping {
        true => {
            later.items.push(item);
            None
        }
        false => {
            later.is_dropping = true;
            Some(item)
        }
    });
    if next.is_none() {
        return;
    }
    let mut first = FirstPanic::none();
    while let Some(item) = next {
        first.catch(|| core::mem::drop(item));
        next = with(|later| {
            let next = later.items.pop();
            later.is_dropping = next.is_some();
            next
        });
    }
    first.resume();
}

fn with<R>(f: impl FnOnce(&mut Later) -> R) -> R {
    LATER.with(|later| f(&mut later.borrow_mut()))
}
