//! Waiting until an operation could happen, without doing it.

use super::handle::Handle;
use super::run::Order;
use crate::chan::claim::Claim;
use crate::chan::core::Patience;
use crate::rt::park::Parker;
use crate::rt::sync::Arc;
use crate::rt::time::now;

/// Which of the operations is ready.
pub(super) fn until_ready(handles: &[&dyn Handle], order: Order, patience: Patience) -> Option<usize> {
    let order = order.of(handles.len());
    let find = || order.iter().copied().find(|&at| handles[at].is_ready(0));
    loop {
        if let Some(ready) = find() {
            return Some(ready);
        }
        let Patience::Until(deadline) = patience else { return None };
        let parker = Parker::new();
        let claim = Arc::new(Claim::new(parker.unparker()));
        let watchers = || handles.iter().filter_map(|handle| handle.watchers());
        watchers().for_each(|watchers| watchers.add(&claim));
        // Whatever changes from now on wakes us.
        let ready = find();
        if ready.is_none() {
            let timers = handles.iter().filter_map(|handle| handle.deadline());
            parker.park_deadline(timers.chain(deadline).min());
        }
        watchers().for_each(|watchers| watchers.remove(&claim));
        if ready.is_some() || deadline.is_some_and(|deadline| deadline <= now()) {
            return ready.or_else(find);
        }
    }
}
