//! The error and the cause of a context after each sequence of cancellations and deadlines.

use core::any::Any;
use selvedge::chan::Receiver;
use selvedge::context::{
    CancelCause, Context, Custom, Error, background, todo, with_cancel, with_cancel_cause,
    with_deadline_cause, with_timeout, with_timeout_cause, without_cancel,
};
use selvedge::rt::time::now;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const NO_TIME: Duration = Duration::ZERO;
const CANCELED: Option<Error> = Some(Error::Canceled);
const EXCEEDED: Option<Error> = Some(Error::DeadlineExceeded);

/// The handles that a sequence does not drop.
#[derive(Default)]
struct Kept(Vec<Box<dyn Any>>);

impl Kept {
    fn context<H: Any>(&mut self, (context, handle): (Context, H)) -> Context {
        self.0.push(Box::new(handle));
        context
    }
}

/// Returns two contexts, one below the other, with their handles.
fn two() -> [(Context, CancelCause); 2] {
    let above = with_cancel_cause(&background());
    let below = with_cancel_cause(&above.0);
    [above, below]
}

/// A context of another type, which is done, for a reason of its own.
struct Done(Receiver<()>);

impl Custom for Done {
    fn done(&self) -> &Receiver<()> {
        &self.0
    }

    fn err(&self) -> Option<Error> {
        EXCEEDED
    }
}

/// What is done, and the error and the cause of the context after it.
struct Row(&'static str, fn(&mut Kept) -> Context, Option<Error>, Option<&'static str>);

const ROWS: [Row; 27] = [
    Row("background", |_| background(), None, None),
    Row("todo", |_| todo(), None, None),
    Row("live", |kept| kept.context(with_cancel_cause(&background())), None, None),
    Row(
        "cancelled",
        |_| {
            let (context, cancel) = with_cancel(&background());
            cancel.cancel();
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row("dropped", |_| with_cancel(&background()).0, CANCELED, Some("context canceled")),
    Row(
        "cancelled for a cause",
        |_| {
            let (context, cancel) = with_cancel_cause(&background());
            cancel.cancel("one");
            context
        },
        CANCELED,
        Some("one"),
    ),
    Row(
        "dropped without a cause",
        |_| with_cancel_cause(&background()).0,
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "above, then below",
        |_| {
            let [(_, above), (context, below)] = two();
            above.cancel("one");
            below.cancel("two");
            context
        },
        CANCELED,
        Some("one"),
    ),
    Row(
        "below, then above",
        |_| {
            let [(_, above), (context, below)] = two();
            below.cancel("two");
            above.cancel("one");
            context
        },
        CANCELED,
        Some("two"),
    ),
    Row(
        "below, then above: the one above",
        |_| {
            let [(context, above), (_, below)] = two();
            below.cancel("two");
            above.cancel("one");
            context
        },
        CANCELED,
        Some("one"),
    ),
    Row(
        "above without a cause, then below",
        |_| {
            let [(_, above), (context, below)] = two();
            drop(above);
            below.cancel("two");
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "below without a cause, then above",
        |_| {
            let [(_, above), (context, below)] = two();
            drop(below);
            above.cancel("one");
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "a plain context below one that is cancelled for a cause",
        |kept| {
            let (above, cancel) = with_cancel_cause(&background());
            let context = kept.context(with_cancel(&above));
            cancel.cancel("one");
            context
        },
        CANCELED,
        Some("one"),
    ),
    Row(
        "timed out",
        |kept| kept.context(with_timeout(&background(), NO_TIME)),
        EXCEEDED,
        Some("context deadline exceeded"),
    ),
    Row(
        "cancelled in time",
        |_| {
            let (context, cancel) = with_timeout(&background(), HOUR);
            cancel.cancel();
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "timed out for a cause",
        |kept| kept.context(with_timeout_cause(&background(), NO_TIME, "one")),
        EXCEEDED,
        Some("one"),
    ),
    Row(
        "cancelled before the cause of the deadline",
        |_| {
            let (context, cancel) = with_timeout_cause(&background(), HOUR, "one");
            cancel.cancel();
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "timed out, then cancelled",
        |_| {
            let (context, cancel) = with_deadline_cause(&background(), now(), "one");
            cancel.cancel();
            context
        },
        EXCEEDED,
        Some("one"),
    ),
    Row(
        "the one above times out",
        |kept| {
            let above = kept.context(with_timeout_cause(&background(), NO_TIME, "one"));
            kept.context(with_timeout_cause(&above, HOUR, "two"))
        },
        EXCEEDED,
        Some("one"),
    ),
    Row(
        "the one below times out",
        |kept| {
            let above = kept.context(with_timeout_cause(&background(), HOUR, "one"));
            kept.context(with_timeout_cause(&above, NO_TIME, "two"))
        },
        EXCEEDED,
        Some("two"),
    ),
    Row(
        "the one below times out: the one above",
        |kept| {
            let above = kept.context(with_timeout_cause(&background(), HOUR, "one"));
            kept.context(with_timeout_cause(&above, NO_TIME, "two"));
            above
        },
        None,
        None,
    ),
    Row(
        "the one above of two with deadlines is cancelled",
        |kept| {
            let (above, cancel) = with_timeout_cause(&background(), HOUR, "one");
            let context = kept.context(with_timeout_cause(&above, 2 * HOUR, "two"));
            cancel.cancel();
            context
        },
        CANCELED,
        Some("context canceled"),
    ),
    Row(
        "cancelled for a cause above one with a deadline",
        |kept| {
            let (above, cancel) = with_cancel_cause(&background());
            let context = kept.context(with_timeout_cause(&above, HOUR, "two"));
            cancel.cancel("one");
            context
        },
        CANCELED,
        Some("one"),
    ),
    Row(
        "timed out, then cancelled for a cause above",
        |kept| {
            let (above, cancel) = with_cancel_cause(&background());
            let context = kept.context(with_timeout_cause(&above, NO_TIME, "two"));
            cancel.cancel("one");
            context
        },
        EXCEEDED,
        Some("two"),
    ),
    Row(
        "without cancellation, below one that is done",
        |_| {
            let (above, cancel) = with_cancel_cause(&background());
            let context = without_cancel(&above);
            cancel.cancel("one");
            context
        },
        None,
        None,
    ),
    Row(
        "cancelled below one without cancellation",
        |_| {
            let above = without_cancel(&with_timeout_cause(&background(), NO_TIME, "one").0);
            let (context, cancel) = with_cancel_cause(&above);
            cancel.cancel("two");
            context
        },
        CANCELED,
        Some("two"),
    ),
    Row(
        "below one of another type, without a cause",
        |kept| {
            let (_closed, done) = selvedge::chan::bounded(0);
            kept.context(with_cancel_cause(&Context::custom(Done(done))))
        },
        EXCEEDED,
        Some("context deadline exceeded"),
    ),
];

/// CX-16, CX-17 and CX-22: Go's table of causes, and a few rows more.
#[test]
fn each_sequence_gives_its_error_and_its_cause() {
    for Row(name, sequence, error, cause) in ROWS {
        let mut kept = Kept::default();
        let context = sequence(&mut kept);
        for _ in 0..2 {
            assert_eq!(context.err(), error, "{name}");
            assert_eq!(context.cause().map(|cause| cause.to_string()).as_deref(), cause, "{name}");
        }
    }
}
