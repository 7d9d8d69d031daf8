//! Handles beside sending and receiving: weak handles, counts, draining, both sides in one.

use selvedge::chan::{Channel, RecvError, SendError, TryRecvError, after, bounded, never, select, unbounded};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn weak_handles_keep_no_side_open() {
    let (tx, rx) = bounded(2);
    let (weak_tx, weak_rx) = (tx.downgrade(), rx.downgrade().clone());
    weak_tx.clone().upgrade().expect("a sender is there").send(1).expect("open");
    assert_eq!((tx.sender_count(), rx.receiver_count()), (1, 1), "weak handles do not count");
    let another = weak_tx.upgrade().expect("a sender is there");
    drop(tx);
    assert_eq!(
        (another.sender_count(), rx.is_disconnected()),
        (1, false),
        "an upgraded handle keeps it open"
    );
    drop(another);
    assert!(weak_tx.upgrade().is_none() && rx.is_disconnected());
    let last = weak_rx.upgrade().expect("a receiver is there");
    drop(rx);
    assert_eq!((last.recv(), last.recv()), (Ok(1), Err(RecvError)));
    drop(last);
    assert!(weak_rx.upgrade().is_none());
}

#[test]
fn values_are_dropped_with_the_last_strong_receiver() {
    let token = Arc::new(());
    let (tx, rx) = unbounded();
    tx.send(Arc::clone(&token)).expect("open");
    let weak = (tx.downgrade(), rx.downgrade());
    drop(rx);
    assert_eq!(Arc::strong_count(&token), 1, "dropped with the receiver");
    assert!(tx.send(Arc::clone(&token)).is_err());
    drop(tx);
    assert_eq!(Arc::strong_count(&token), 1);
    drop(weak);
}

#[test]
fn weak_receivers_of_timers_and_of_never_upgrade() {
    let timer = after(Duration::ZERO);
    let weak = timer.downgrade();
    assert!(weak.upgrade().expect("it is there").recv().is_ok());
    assert_eq!((timer.sender_count(), timer.receiver_count() > 0), (0, true));
    drop(timer);
    assert!(weak.upgrade().is_none());
    assert_eq!(never::<i32>().downgrade().upgrade().expect("always").try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn drain_takes_the_buffer_and_the_senders_that_wait() {
    let (tx, rx) = bounded(1);
    tx.send(1).expect("room");
    thread::scope(|scope| {
        let theirs = &tx;
        let sender = scope.spawn(move || theirs.send(2));
        // SAFETY: this thread runs no operation with an earlier ticket meanwhile, and no other thread has the channel.
        while !unsafe { tx.waits_at(1) } {
            thread::yield_now();
        }
        assert_eq!(rx.drain().collect::<Vec<_>>(), [1, 2]);
        sender.join().expect("no panic").expect("received");
    });
    assert_eq!(rx.drain().next(), None);
    let mut values = vec![0];
    tx.send(3).expect("room");
    assert_eq!((rx.drain_into(&mut values), values.as_slice()), (Ok(1), [0, 3].as_slice()));
    drop(tx);
    assert_eq!(rx.drain_into(&mut values), Err(RecvError));
}

#[test]
fn drain_ends_beside_a_sender_that_never_stops() {
    let (tx, rx) = bounded(4);
    for n in 0..4 {
        tx.send(n).expect("room");
    }
    let received = rx.drain().inspect(|n| tx.send(n + 4).expect("room")).count();
    assert_eq!((received, rx.len()), (4, 4));
}

#[test]
fn many_values_are_sent_until_the_channel_closes() {
    let (tx, rx) = unbounded();
    let mut values = 0..5;
    tx.send_many(values.by_ref().take(2)).expect("open");
    drop(rx);
    assert_eq!(tx.send_many(&mut values), Err(SendError(2)));
    assert_eq!(values.collect::<Vec<_>>(), [3, 4], "the rest is still there");
}

#[test]
fn closing_and_discarding_drops_the_buffer() {
    let token = Arc::new(());
    let (tx, rx) = bounded(2);
    tx.send(Arc::clone(&token)).expect("open");
    assert_eq!((rx.close_and_discard(), rx.close_and_discard().is_err()), (Ok(()), true));
    assert_eq!((Arc::strong_count(&token), rx.recv().is_err(), tx.send(token).is_err()), (1, true, true));
    assert!(never::<i32>().close_and_discard().is_err());
}

#[test]
fn a_channel_of_both_sides_behaves_as_gos() {
    let channel = Channel::new(1);
    let other = channel.clone();
    channel.send(1);
    assert_eq!((other.len(), other.capacity(), other.recv()), (1, Some(1), Some(1)));
    select! {
        send(channel.sender(), 2) -> sent => sent.expect("open"),
        recv(channel.receiver()) -> _ => unreachable!("it is empty"),
    }
    drop(other);
    channel.close();
    assert_eq!((channel.recv(), channel.recv()), (Some(2), None));
    for misuse in [|channel: &Channel<i32>| channel.send(3), |channel: &Channel<i32>| channel.close()] {
        assert!(catch_unwind(AssertUnwindSafe(|| misuse(&channel))).is_err(), "as Go does, it panics");
    }
    assert!(catch_unwind(|| Channel::<i32>::nil().close()).is_err());
}

#[test]
fn a_nil_channels_cases_never_happen() {
    let (nil, live) = (Channel::nil(), Channel::new(1));
    for _ in 0..20 {
        select! {
            send(nil.sender(), 1) -> _ => unreachable!("nothing goes"),
            recv(nil.receiver()) -> _ => unreachable!("nothing comes"),
            send(live.sender(), 1) -> sent => sent.expect("open"),
        }
        assert_eq!(live.recv(), Some(1));
    }
}

#[test]
fn texts_of_errors_honour_width_and_alignment() {
    assert_eq!(
        format!("{:>12}|{:<9?}|", RecvError, TryRecvError::Empty).split('|').nth(1),
        Some("Empty    ")
    );
    assert_eq!(format!("{:.7}", SendError(1)), "sending");
    assert_eq!(format!("{:>14?}", SendError(1)), " SendError(..)");
}
