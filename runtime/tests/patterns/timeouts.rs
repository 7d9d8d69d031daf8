//! Three ways to stop waiting, and one that is none.

use super::everywhere;
use selvedge::chan::{Channel, after, bounded, select};
use selvedge::context::{background, with_timeout};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

/// PA-07.
#[test]
fn a_wait_ends_by_a_timer_a_closed_channel_or_a_context() {
    everywhere(|_| {
        let (_tx, work) = bounded::<u32>(0);
        let by_timer = select! { recv(work) -> _ => false, recv(after(MOMENT)) -> _ => true };
        let (closes, closed) = bounded::<()>(0);
        let group = selvedge::sync::WaitGroup::new();
        group.go(move || drop(closes));
        let by_close = select! { recv(work) -> _ => false, recv(closed) -> closed => closed.is_err() };
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let by_context = select! { recv(work) -> _ => false, recv(context.done()) -> _ => true };
        assert!(by_timer && by_close && by_context);
        group.wait();
    });
}

/// PA-07.
#[test]
fn a_nil_channel_never_ends_a_wait() {
    everywhere(|_| {
        let never = Channel::<()>::nil();
        let ended = select! { recv(never.receiver()) -> _ => true, default(MOMENT) => false };
        assert!(!ended);
    });
}

/// PA-07.
#[test]
#[should_panic(expected = "nil")]
fn a_nil_channel_cannot_be_closed() {
    Channel::<()>::nil().close();
}
