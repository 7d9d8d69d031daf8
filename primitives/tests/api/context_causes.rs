//! The error and the cause of a context after each sequence of cancellations and deadlines.

use selvedge::chan::Receiver;
use selvedge::context::{
    Cancel, CancelCause, Context, Custom, Error, background, todo, with_cancel, with_cancel_cause,
    with_timeout, with_timeout_cause, without_cancel,
};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const CANCELED: Option<Error> = Some(Error::Canceled);
const EXCEEDED: Option<Error> = Some(Error::DeadlineExceeded);
const BY_HAND: Option<&str> = Some("context canceled");
const BY_TIME: Option<&str> = Some("context deadline exceeded");

/// A context of a chain, each below the one before.
#[derive(Clone, Copy)]
enum Made {
    Plain,
    Cause,
    /// With a deadline that has come, or comes in so many hours.
    Timeout(u32),
    /// With one, for a cause.
    TimeoutCause(u32, &'static str),
    /// Without cancellation from above.
    Free,
    /// Of another type, which is done, for a reason of its own.
    Foreign,
}
use Made::{Cause, Foreign, Free, Plain, Timeout, TimeoutCause};

/// What then happens to a context of the chain.
#[derive(Clone, Copy)]
enum End {
    Cancel(usize),
    CancelFor(usize, &'static str),
    Drop(usize),
}
use End::{Cancel as By, CancelFor as For, Drop as Dropped};

enum Handle {
    Plain(Cancel),
    Cause(CancelCause),
}

/// A chain, what happens to it, and the error and the cause of one of its contexts after it.
struct Row(&'static [Made], &'static [End], usize, Option<Error>, Option<&'static str>);

const ROWS: [Row; 27] = [
    Row(&[Cause], &[], 0, None, None),
    Row(&[Plain], &[By(0)], 0, CANCELED, BY_HAND),
    Row(&[Plain], &[Dropped(0)], 0, CANCELED, BY_HAND),
    Row(&[Cause], &[For(0, "one")], 0, CANCELED, Some("one")),
    Row(&[Cause], &[Dropped(0)], 0, CANCELED, BY_HAND),
    // Two that may have causes.
    Row(&[Cause, Cause], &[For(0, "one"), For(1, "two")], 1, CANCELED, Some("one")),
    Row(&[Cause, Cause], &[For(1, "two"), For(0, "one")], 1, CANCELED, Some("two")),
    Row(&[Cause, Cause], &[For(1, "two"), For(0, "one")], 0, CANCELED, Some("one")),
    Row(&[Cause, Cause], &[Dropped(0), For(1, "two")], 1, CANCELED, BY_HAND),
    Row(&[Cause, Cause], &[For(1, "two"), Dropped(0)], 1, CANCELED, Some("two")),
    Row(&[Cause, Cause], &[Dropped(1), For(0, "one")], 1, CANCELED, BY_HAND),
    Row(&[Cause, Plain], &[For(0, "one")], 1, CANCELED, Some("one")),
    Row(&[Plain, Cause], &[By(0), For(1, "two")], 1, CANCELED, BY_HAND),
    // Deadlines.
    Row(&[Timeout(0)], &[By(0)], 0, EXCEEDED, BY_TIME),
    Row(&[Timeout(1)], &[By(0)], 0, CANCELED, BY_HAND),
    Row(&[TimeoutCause(0, "one")], &[By(0)], 0, EXCEEDED, Some("one")),
    Row(&[TimeoutCause(1, "one")], &[By(0)], 0, CANCELED, BY_HAND),
    Row(&[TimeoutCause(0, "one"), TimeoutCause(1, "two")], &[], 1, EXCEEDED, Some("one")),
    Row(&[TimeoutCause(1, "one"), TimeoutCause(0, "two")], &[], 1, EXCEEDED, Some("two")),
    Row(&[TimeoutCause(1, "one"), TimeoutCause(0, "two")], &[], 0, None, None),
    Row(&[TimeoutCause(1, "one"), TimeoutCause(2, "two")], &[By(0)], 1, CANCELED, BY_HAND),
    Row(&[Cause, TimeoutCause(1, "two")], &[For(0, "one")], 1, CANCELED, Some("one")),
    Row(&[Cause, TimeoutCause(0, "two")], &[For(0, "one")], 1, EXCEEDED, Some("two")),
    // Contexts that nobody above cancels, and one of another type.
    Row(&[Cause, Free], &[For(0, "one")], 1, None, None),
    Row(&[TimeoutCause(0, "one"), Free], &[By(0)], 1, None, None),
    Row(&[TimeoutCause(0, "one"), Free, Cause], &[For(2, "two")], 2, CANCELED, Some("two")),
    Row(&[Foreign, Cause], &[], 1, EXCEEDED, BY_TIME),
];

struct Done(Receiver<()>);

impl Custom for Done {
    fn done(&self) -> &Receiver<()> {
        &self.0
    }

    fn err(&self) -> Option<Error> {
        EXCEEDED
    }
}

fn make(above: &Context, made: Made) -> (Context, Option<Handle>) {
    let plain = |(context, cancel)| (context, Some(Handle::Plain(cancel)));
    match made {
        Plain => plain(with_cancel(above)),
        Cause => {
            let (context, cancel) = with_cancel_cause(above);
            (context, Some(Handle::Cause(cancel)))
        }
        Timeout(hours) => plain(with_timeout(above, hours * HOUR)),
        TimeoutCause(hours, cause) => plain(with_timeout_cause(above, hours * HOUR, cause)),
        Free => (without_cancel(above), None),
        Foreign => (Context::custom(Done(selvedge::chan::bounded(0).1)), None),
    }
}

fn end(chain: &mut [(Context, Option<Handle>)], end: End) {
    let (By(at) | For(at, _) | Dropped(at)) = end;
    match (&chain[at].1, end) {
        (_, Dropped(_)) => chain[at].1 = None,
        (Some(Handle::Plain(cancel)), By(_)) => cancel.cancel(),
        (Some(Handle::Cause(cancel)), For(_, cause)) => cancel.cancel(cause),
        _ => unreachable!("this handle does not do that"),
    }
}

fn assert_ended(context: &Context, error: Option<Error>, cause: Option<&str>, name: &str) {
    for _ in 0..2 {
        assert_eq!(context.err(), error, "{name}");
        assert_eq!(context.cause().map(|cause| cause.to_string()).as_deref(), cause, "{name}");
    }
}

/// Go's table of causes, and a few rows more. Go 1.27.3 has printed the same errors and causes for the same sequences, where a drop
/// is a cancellation without a cause. CX-16, CX-17, CX-22.
#[test]
fn each_sequence_gives_its_error_and_its_cause() {
    assert_ended(&background(), None, None, "background");
    assert_ended(&todo(), None, None, "todo");
    for (at, Row(made, ends, asked, error, cause)) in ROWS.iter().enumerate() {
        let mut chain: Vec<(Context, Option<Handle>)> = Vec::new();
        for made in *made {
            let above = chain.last().map_or_else(background, |(context, _)| context.clone());
            chain.push(make(&above, *made));
        }
        ends.iter().for_each(|what| end(&mut chain, *what));
        assert_ended(&chain[*asked].0, *error, *cause, &format!("row {at}"));
    }
}
