//! Contexts of other types: [`Custom`].

use super::cancel::{Ended, cancel};
use super::error::{Cause, Error};
use super::node::Node;
use super::{Context, Link};
use crate::chan::{Receiver, select};
use crate::rt::sync::Arc;
use crate::rt::task;
use core::any::Any;
use std::time::Instant;

/// A closure that a custom context calls, once.
pub type Callback = Box<dyn FnOnce() + Send>;

/// A context of a type of its own, which [`Context::custom`] makes a [`Context`] of.
///
/// The context has to keep the promises of [`Context`]: once `done` is closed `err` is the same error for ever, and before
/// that it is `None`.
///
/// There are three ways in which a context that is made below a custom one learns that this is done, and the first that
/// the type offers is taken:
/// 1. *It wraps a context*, and keeps its channel: [`inner`](Self::inner) returns that context, and
///    [`done`](Self::done) returns its channel. Then the contexts below hang on the inner one, and nothing runs.
/// 2. *It calls back*: [`after_func`](Self::after_func) takes a closure.
/// 3. *It only has a channel*: then each context that is made below costs a goroutine, or a thread if its maker is not a
///    goroutine, which waits until one of the two is done.
///
/// ```
/// use selvedge::chan::Receiver;
/// use selvedge::context::{Cause, Context, Custom, Error, background, with_cancel};
/// use std::any::Any;
///
/// /// A context that knows who asks.
/// struct Traced(Context, &'static str);
///
/// impl Custom for Traced {
///     fn done(&self) -> &Receiver<()> {
///         self.0.done()
///     }
///     fn err(&self) -> Option<Error> {
///         self.0.err()
///     }
///     fn cause(&self) -> Option<Cause> {
///         self.0.cause()
///     }
///     fn value(&self, key: &dyn Any) -> Option<&dyn Any> {
///         if key.is::<Traced>() { Some(&self.1) } else { self.0.value_of(key) }
///     }
///     fn inner(&self) -> Option<&Context> {
///         Some(&self.0)
///     }
/// }
///
/// let (above, cancel) = with_cancel(&background());
/// let traced = Context::custom(Traced(above, "a test"));
/// let (below, _cancel) = with_cancel(&traced);
/// cancel.cancel();
/// assert_eq!(below.err(), Some(Error::Canceled));
/// ```
#[doc(alias("ForeignContext", "afterFuncer"))]
pub trait Custom: Send + Sync + 'static {
    /// Returns the channel that is closed when the context is done; [`never`](crate::chan::never)'s if it never is.
    fn done(&self) -> &Receiver<()>;

    /// Returns why the context is done, if it is.
    fn err(&self) -> Option<Error>;

    /// Returns what made the context done, if it is. By default the error.
    fn cause(&self) -> Option<Cause> {
        self.err().map(Cause::from)
    }

    /// Returns when the context will be done by the clock. By default it will not.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Returns the value that the context carries for this key. By default it carries none.
    fn value(&self, _key: &dyn Any) -> Option<&dyn Any> {
        None
    }

    /// Returns the context that this one wraps. It counts only while `done` returns that context's channel. By default there
    /// is none.
    fn inner(&self) -> Option<&Context> {
        None
    }

    /// Calls `f` once the context is done, at once if it is, and returns what takes that back: a closure that is called if
    /// the context below is done before this one, or has been called. A context that does not call back, as by default, gives `f`
    /// back.
    ///
    /// # Errors
    /// `f`, if the context does not call back.
    fn after_func(&self, f: Callback) -> Result<Callback, Callback> {
        Err(f)
    }
}

/// Returns the context inside a custom one that is done when this is.
pub(super) fn link_inside(custom: &dyn Custom) -> Option<Link> {
    let inner = custom.inner()?;
    let link = inner.link.resolved();
    let keeps_channel = matches!(link, Link::Own(_)) && custom.done().same_channel(inner.done());
    keeps_channel.then_some(link)
}

fn ended(custom: &dyn Custom) -> Option<Ended> {
    let error = custom.err()?;
    Some(Ended { error, cause: custom.cause() })
}

/// Cancels the context once a custom one above is done, at once if it is.
#[track_caller]
pub(super) fn watch(custom: &Arc<dyn Custom>, node: &Arc<Node>) {
    if let Some(ended) = ended(&**custom) {
        return node.end_new(&ended);
    }
    let (above, below) = (Arc::clone(custom), Arc::clone(node));
    let follow = move || {
        // A context whose channel is closed says why.
        let error = above.err().unwrap_or(Error::Canceled);
        cancel(&below, Ended { error, cause: above.cause() }, None);
    };
    match custom.after_func(Box::new(follow)) {
        Ok(release) => {
            let mut family = node.family.lock();
            if node.is_live() {
                family.release = Some(release);
                return;
            }
            drop(family);
            release();
        }
        Err(follow) => {
            let (above, below) = (custom.done().clone(), Node::done(node).clone());
            task::spawn(move || {
                select! {
                    recv(above) -> _ => follow(),
                    recv(below) -> _ => (),
                }
            });
        }
    }
}
