//! Closures that run once a context is done: [`after_func`] and [`Stop`].

use super::cancel::{self, Ended, push};
use super::custom::{self, Custom};
use super::error::Error;
use super::family::Call;
use super::node::{Node, Times};
use super::{Context, Link};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::task;
use crate::rt::twin::is_twin;
use crate::sync::Mutex;
use core::fmt;

/// Runs `f` once the context is done, or at once if it is, on a goroutine of its own if the canceller is one, else on a
/// thread of its own; Go's `context.AfterFunc`.
///
/// Each call is independent of others. What made the context done happens before `f` runs. The context keeps `f`, with
/// what `f` owns, until it runs or is [stopped](Stop::stop); dropping the [`Stop`] does nothing. If the context has a deadline,
/// a timer waits for it, as one of [`chan::after_func`](crate::chan::after_func) does.
///
/// # Panics
/// If the operating system cannot make a thread, here or in the canceller; then `f` does not run.
///
/// ```
/// use selvedge::chan::bounded;
/// use selvedge::context::{after_func, background, with_cancel};
/// let (context, cancel) = with_cancel(&background());
/// let (tx, rx) = bounded(1);
/// let stop = after_func(&context, move || tx.send("cleaned up").unwrap());
/// cancel.cancel();
/// assert_eq!(rx.recv(), Ok("cleaned up"));
/// assert!(!stop.stop(), "it has run");
/// ```
#[track_caller]
pub fn after_func(context: &Context, f: impl FnOnce() + Send + 'static) -> Stop {
    let _entry = enter();
    let call: Call = Box::new(f);
    let armed = match context.link.resolved() {
        Link::None => Some(Armed::Never(call)),
        Link::Custom(custom) => Some(call_after_custom(&custom, call)),
        Link::Own(node) => {
            Node::observe(&node);
            match Node::call_when_done(&node, call) {
                Ok(place) => {
                    push(&node);
                    Some(Armed::InNode { node, place, is_between: false })
                }
                Err(call) => {
                    drop(task::spawn(call));
                    None
                }
            }
        }
    };
    Stop(Mutex::new(armed))
}

/// Lets a context of our own stand between the custom one and the closure.
#[track_caller]
fn call_after_custom(custom: &Arc<dyn Custom>, call: Call) -> Armed {
    let node = Node::below(None, Times::default(), None);
    let Ok(place) = Node::call_when_done(&node, call) else {
        unreachable!("nothing has cancelled a new context")
    };
    custom::watch(custom, &node);
    Armed::InNode { node, place, is_between: true }
}

/// Takes a closure back that [`after_func`] is to run; Go's `stop` function.
///
/// ```
/// use selvedge::context::{after_func, background, with_cancel};
/// let (context, cancel) = with_cancel(&background());
/// let stop = after_func(&context, || unreachable!("it is stopped before"));
/// assert!(stop.stop());
/// cancel.cancel();
/// assert!(!stop.stop(), "it was stopped before");
/// ```
pub struct Stop(Mutex<Option<Armed>>);

/// A closure that has not been stopped.
enum Armed {
    /// Nothing cancels the context.
    Never(Call),
    /// The closure is with this node, at this place.
    InNode {
        node: Arc<Node>,
        place: usize,
        /// Whether the node only stands between a custom context and the closure.
        is_between: bool,
    },
}

impl Stop {
    /// Takes the closure back and drops it, and returns whether that came in time: then the closure does not run. If not, it
    /// has been stopped before, or the context is done, and the closure has started or is about to; this does not wait for its
    /// end.
    ///
    /// ```
    /// use selvedge::context::{after_func, background, with_cancel};
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.cancel();
    /// assert!(!after_func(&context, || ()).stop(), "it runs at once");
    /// ```
    #[track_caller]
    pub fn stop(&self) -> bool {
        let _entry = enter();
        let armed = self.0.lock().take();
        armed.is_some_and(Armed::disarm)
    }
}

impl Armed {
    /// Drops the closure, if that comes in time.
    fn disarm(self) -> bool {
        match self {
            Armed::Never(call) => {
                drop(call);
                true
            }
            Armed::InNode { node, place, is_between } => {
                let call = node.take_back(place);
                let is_stopped = call.is_some() || is_twin(); // site: say-stopped
                if is_stopped && is_between {
                    cancel::cancel(&node, Ended { error: Error::Canceled, cause: None }, None);
                }
                drop(call);
                is_stopped
            }
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Stop { .. }")
    }
}

impl core::panic::UnwindSafe for Stop {}
impl core::panic::RefUnwindSafe for Stop {}
