//! Contexts below another one.

use super::error::{AnyError, Cause};
use super::handle::{Cancel, CancelCause};
use super::node::{Node, Times};
use super::value::{Binding, Key};
use super::{Context, Link, custom};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use std::time::{Duration, Instant};

/// Returns a context below `parent` that can be cancelled, and what cancels it.
///
/// It is done when the [`Cancel`] says so or its last clone is dropped, or when `parent` is done, whichever comes first. If
/// `parent` is done already, it is born done, for the same reason.
///
/// ```
/// use selvedge::context::{Error, background, with_cancel};
/// let (above, cancel_above) = with_cancel(&background());
/// let (below, _cancel) = with_cancel(&above);
/// cancel_above.cancel();
/// assert_eq!(below.err(), Some(Error::Canceled));
/// ```
#[track_caller]
pub fn with_cancel(parent: &Context) -> (Context, Cancel) {
    let _entry = enter();
    let (context, node) = below(parent, None, None);
    (context, Cancel::new(node))
}

/// Returns a context below `parent` that can be cancelled, and what cancels it and says why; otherwise as [`with_cancel`].
///
/// ```
/// use selvedge::context::{background, with_cancel_cause};
/// let (context, cancel) = with_cancel_cause(&background());
/// cancel.cancel("no more work");
/// assert_eq!(context.cause().expect("it is cancelled").to_string(), "no more work");
/// ```
#[track_caller]
pub fn with_cancel_cause(parent: &Context) -> (Context, CancelCause) {
    let _entry = enter();
    let (context, node) = below(parent, None, None);
    (context, CancelCause::new(node))
}

/// Returns a context below `parent` that is done at `deadline` at the latest, and what cancels it before.
///
/// The deadline of `parent` counts too, if it is earlier. Nothing runs for the deadline: a thread that asks whether the context
/// is done looks at the clock, and one that waits for it waits until then at most. The first thread that sees that the deadline
/// has passed cancels the context and all below it. For an `after_func` and a future a timer is armed.
///
/// ```
/// use selvedge::context::{Error, background, with_deadline};
/// use std::time::Instant;
/// let now = Instant::now();
/// let (context, _cancel) = with_deadline(&background(), now);
/// assert_eq!((context.deadline(), context.err()), (Some(now), Some(Error::DeadlineExceeded)));
/// ```
#[track_caller]
pub fn with_deadline(parent: &Context, deadline: Instant) -> (Context, Cancel) {
    let _entry = enter();
    let (context, node) = below(parent, Some((deadline, None)), None);
    (context, Cancel::new(node))
}

/// Returns what [`with_deadline`] does; the context's cause is `cause` if its own deadline makes it done.
///
/// ```
/// use selvedge::context::{background, with_deadline_cause};
/// use std::time::Instant;
/// let (context, _cancel) = with_deadline_cause(&background(), Instant::now(), "too slow");
/// assert_eq!(context.cause().expect("it is done").to_string(), "too slow");
/// ```
#[track_caller]
pub fn with_deadline_cause(
    parent: &Context,
    deadline: Instant,
    cause: impl Into<AnyError>,
) -> (Context, Cancel) {
    let _entry = enter();
    let (context, node) = below(parent, Some((deadline, Some(Cause::new(cause)))), None);
    (context, Cancel::new(node))
}

/// Returns what [`with_deadline`] does, with the deadline `timeout` from now. If no [`Instant`] is so far away, there is no
/// deadline.
///
/// ```
/// use selvedge::chan::{never, select};
/// use selvedge::context::{Error, background, with_timeout};
/// use std::time::Duration;
/// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
/// let work = never::<i32>();
/// select! {
///     recv(work) -> _ => unreachable!(),
///     recv(context.done()) -> _ => assert_eq!(context.err(), Some(Error::DeadlineExceeded)),
/// }
/// ```
#[track_caller]
pub fn with_timeout(parent: &Context, timeout: Duration) -> (Context, Cancel) {
    let _entry = enter();
    let begun = now();
    let own = begun.checked_add(timeout).map(|deadline| (deadline, None));
    let (context, node) = below(parent, own, Some(begun));
    (context, Cancel::new(node))
}

/// Returns what [`with_timeout`] does; the context's cause is `cause` if its own deadline makes it done.
///
/// ```
/// use selvedge::context::{background, with_timeout_cause};
/// use std::time::Duration;
/// let (context, _cancel) = with_timeout_cause(&background(), Duration::ZERO, "too slow");
/// assert_eq!(context.cause().expect("it is done").to_string(), "too slow");
/// ```
#[track_caller]
pub fn with_timeout_cause(
    parent: &Context,
    timeout: Duration,
    cause: impl Into<AnyError>,
) -> (Context, Cancel) {
    let _entry = enter();
    let begun = now();
    let own = begun.checked_add(timeout).map(|deadline| (deadline, Some(Cause::new(cause))));
    let (context, node) = below(parent, own, Some(begun));
    (context, Cancel::new(node))
}

/// Returns a context below `parent` that carries one value more. It is done when `parent` is.
///
/// For data of a request that passes through functions which do not know it, such as the name of a user or a number in
/// logs; not for parameters.
///
/// ```
/// use selvedge::context::{Key, background, with_value};
/// #[derive(PartialEq, Eq)]
/// struct Number;
/// impl Key for Number {
///     type Value = u64;
/// }
/// let outer = with_value(&background(), Number, 1);
/// let inner = with_value(&outer, Number, 2);
/// assert_eq!((outer.value(&Number), inner.value(&Number)), (Some(&1), Some(&2)));
/// ```
pub fn with_value<K: Key>(parent: &Context, key: K, value: K::Value) -> Context {
    let values = Some(Binding::new(parent.values.clone(), key, value));
    Context { root: parent.root, link: parent.link.clone(), values }
}

/// Returns a context with the values of `parent` that is never done, whatever happens to `parent`.
///
/// ```
/// use selvedge::context::{background, with_cancel, without_cancel};
/// let (context, cancel) = with_cancel(&background());
/// let on = without_cancel(&context);
/// cancel.cancel();
/// assert_eq!((on.err(), on.deadline()), (None, None));
/// ```
pub fn without_cancel(parent: &Context) -> Context {
    Context { root: parent.root, link: Link::None, values: parent.values.clone() }
}

/// Returns a context below `parent`, with a deadline of its own or without. `begun`: a time that has come, if the caller
/// knows one.
#[track_caller]
fn below(
    parent: &Context,
    own: Option<(Instant, Option<Cause>)>,
    begun: Option<Instant>,
) -> (Context, Arc<Node>) {
    let link = parent.link.resolved();
    let above = match &link {
        Link::Own(node) => node.times.lapse,
        Link::None | Link::Custom(_) => None,
    };
    let inherited = parent.deadline();
    let own = own.filter(|(own, _)| inherited.is_none_or(|inherited| *own <= inherited));
    let times = match own {
        Some((own, cause)) => Times { deadline: Some(own), lapse: Some(own), is_own: true, cause },
        None => Times { deadline: inherited, lapse: above, is_own: false, cause: None },
    };
    let node = match link {
        Link::None => Node::below(None, times, begun),
        Link::Own(above) => Node::below(Some(above), times, begun),
        Link::Custom(custom) => {
            let node = Node::below(None, times, begun);
            custom::watch(&custom, &node);
            node
        }
    };
    let context =
        Context { root: parent.root, link: Link::Own(Arc::clone(&node)), values: parent.values.clone() };
    (context, node)
}
