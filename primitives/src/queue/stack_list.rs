//! Pushing to a list that threads push to and take from at its top.

use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{self, Relaxed};

/// Pushes a node on the list whose first node is in `top`. `link` writes to the node which node follows it; it is
/// called again if another thread was faster.
///
/// `order` is Release or stronger: it publishes the node and its link to the thread that finds the node at the top.
#[track_caller]
pub(crate) fn push<N>(top: &AtomicPtr<N>, node: *mut N, order: Ordering, link: impl Fn(*mut N)) {
    let backoff = Backoff::new();
    let mut first = top.load(Relaxed); // Relaxed: the compare-exchange decides.
    loop {
        link(first);
        // Relaxed on failure: the node that was found is linked to, not read.
        match top.compare_exchange(first, node, order, Relaxed) {
            Ok(_) => return,
            Err(found) => first = found,
        }
        backoff.spin();
    }
}
