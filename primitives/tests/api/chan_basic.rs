//! The results of each operation of a channel, on one thread.

use selvedge::chan::{
    CloseError, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, bounded, bounded_with_segments, select, unbounded_with_segments,
};
use selvedge::rt::time::now;
use std::time::Duration;

const NO_TIME: Duration = Duration::ZERO;

/// Makes a channel with segments of two cells, so that a few values use several segments.
fn small<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, 1)
}

#[test]
fn values_are_received_in_the_order_of_their_sends() {
    for capacity in 1..=5 {
        let (tx, rx) = small(capacity);
        for round in 0..20 {
            for n in 0..capacity {
                assert_eq!((tx.len(), rx.is_empty(), tx.is_full()), (n, n == 0, false));
                tx.send(round * 10 + n).expect("there is room");
            }
            assert!(tx.is_full() && !rx.is_empty());
            assert_eq!(tx.try_send(99), Err(TrySendError::Full(99)));
            assert_eq!(tx.send_timeout(99, NO_TIME), Err(SendTimeoutError::Timeout(99)));
            for n in 0..capacity {
                assert_eq!(rx.recv(), Ok(round * 10 + n));
            }
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Timeout));
        }
        assert_eq!((tx.capacity(), rx.capacity()), (Some(capacity), Some(capacity)));
    }
}

#[test]
fn a_timed_out_operation_changes_neither_room_nor_length() {
    let (tx, rx) = small(2);
    for n in 0..50 {
        assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Timeout));
        assert_eq!((tx.send(n), tx.send(n + 100)), (Ok(()), Ok(())));
        assert_eq!(tx.send_timeout(7, NO_TIME), Err(SendTimeoutError::Timeout(7)));
        assert_eq!(tx.send_deadline(8, now()), Err(SendTimeoutError::Timeout(8)));
        assert_eq!(tx.len(), 2);
        assert_eq!(rx.recv(), Ok(n));
        assert_eq!((tx.len(), tx.is_full()), (1, false));
        assert_eq!(tx.try_send(n + 200), Ok(()));
        assert_eq!((rx.recv(), rx.recv()), (Ok(n + 100), Ok(n + 200)));
        assert_eq!(rx.recv_deadline(now()), Err(RecvTimeoutError::Timeout));
        assert_eq!((tx.len(), rx.is_empty()), (0, true));
    }
}

#[test]
fn a_rendezvous_channel_without_a_partner_transfers_nothing() {
    let (tx, rx) = small(0);
    for n in 0..10 {
        assert_eq!(tx.try_send(n), Err(TrySendError::Full(n)));
        assert_eq!(tx.send_timeout(n, NO_TIME), Err(SendTimeoutError::Timeout(n)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Timeout));
        assert_eq!((tx.len(), tx.capacity(), rx.is_empty(), rx.is_full()), (0, Some(0), true, true));
    }
}

#[test]
fn after_a_close_the_buffer_is_received_first() {
    for closes_itself in [true, false] {
        let (tx, rx) = small(3);
        tx.send(1).expect("room");
        tx.send(2).expect("room");
        if closes_itself {
            assert_eq!(rx.close(), Ok(()));
            assert_eq!((tx.close(), rx.close()), (Err(CloseError), Err(CloseError)));
            assert_eq!(tx.send(3), Err(SendError(3)));
            assert_eq!(tx.try_send(3), Err(TrySendError::Disconnected(3)));
            assert_eq!(tx.send_timeout(3, NO_TIME), Err(SendTimeoutError::Disconnected(3)));
            assert!(tx.is_closed());
        } else {
            drop(tx);
        }
        assert!(rx.is_closed() && rx.len() == 2);
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!(rx.recv_timeout(NO_TIME), Ok(2));
        for _ in 0..3 {
            assert_eq!(rx.recv(), Err(RecvError));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Disconnected));
        }
    }
}

#[test]
fn a_close_after_timed_out_receives_wakes_all_waiters() {
    for capacity in [0, 1] {
        let (tx, rx) = small::<i32>(capacity);
        assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Timeout));
        tx.close().expect("open");
        assert_eq!(rx.recv(), Err(RecvError));
        assert_eq!(tx.send(1), Err(SendError(1)));
    }
}

#[test]
fn the_last_handle_of_either_side_closes() {
    let (tx, rx) = small(1);
    let (tx2, rx2) = (tx.clone(), rx.clone());
    drop(tx);
    assert!(!rx.is_closed());
    tx2.send(1).expect("open");
    drop(rx);
    assert_eq!(rx2.recv(), Ok(1));
    drop(rx2);
    assert_eq!(tx2.send(2), Err(SendError(2)));
}

#[test]
fn iterators_end_as_documented() {
    let (tx, rx) = small(4);
    (0..3).for_each(|n| tx.send(n).expect("room"));
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    (3..6).for_each(|n| tx.send(n).expect("room"));
    drop(tx);
    assert_eq!(rx.iter().take(1).collect::<Vec<_>>(), [3]);
    assert_eq!((&rx).into_iter().take(1).collect::<Vec<_>>(), [4]);
    let mut rest = rx.into_iter();
    assert_eq!((rest.next(), rest.next(), rest.next()), (Some(5), None, None));
}

#[test]
fn handles_know_their_channel() {
    let ((tx, rx), (other_tx, other_rx)) = (bounded::<i32>(1), bounded::<i32>(1));
    assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
    assert!(!tx.same_channel(&other_tx) && !rx.same_channel(&other_rx));
    assert_eq!((format!("{tx:?}"), format!("{rx:?}")), ("Sender { .. }".into(), "Receiver { .. }".into()));
}

#[test]
fn a_channel_carries_channels_units_and_pages() {
    let (tx, rx) = small(1);
    let (inner_tx, inner_rx) = small(1);
    tx.send(inner_rx).expect("room");
    inner_tx.send('x').expect("room");
    assert_eq!(rx.recv().expect("one is there").recv(), Ok('x'));

    let (tx, rx) = small(3);
    (0..3).for_each(|_| tx.send(()).expect("room"));
    assert!(tx.try_send(()).is_err());
    assert_eq!(rx.try_iter().count(), 3);

    let (tx, rx) = small(2);
    for n in 0..10_u8 {
        tx.send([n; 4096]).expect("room");
        assert_eq!(rx.recv(), Ok([n; 4096]));
    }
}

#[test]
fn errors_describe_the_failure_and_return_the_value() {
    assert_eq!(SendError(1).to_string(), "sending on a disconnected channel");
    assert_eq!(format!("{:?}", SendError(1)), "SendError(..)");
    assert_eq!(SendError(1).into_inner(), 1);
    let (full, gone) = (TrySendError::Full(1), TrySendError::Disconnected(2));
    assert!(full.is_full() && !full.is_disconnected() && gone.is_disconnected());
    assert_eq!(
        (full.to_string().as_str(), format!("{gone:?}").as_str()),
        ("sending on a full channel", "Disconnected(..)")
    );
    assert_eq!((full.into_inner(), gone.into_inner()), (1, 2));
    let (late, gone) = (SendTimeoutError::Timeout(1), SendTimeoutError::Disconnected(2));
    assert!(late.is_timeout() && !late.is_disconnected() && gone.is_disconnected());
    assert_eq!(late.to_string(), "timed out waiting on send operation");
    assert_eq!((late.into_inner(), gone.into_inner()), (1, 2));
    assert!(TryRecvError::Empty.is_empty() && TryRecvError::Disconnected.is_disconnected());
    assert!(RecvTimeoutError::Timeout.is_timeout() && RecvTimeoutError::Disconnected.is_disconnected());
    assert_eq!(TryRecvError::Empty.to_string(), "receiving on an empty channel");
    assert_eq!(RecvTimeoutError::Timeout.to_string(), "timed out waiting on receive operation");
    assert_eq!(RecvError.to_string(), "receiving on an empty and disconnected channel");
    assert_eq!(CloseError.to_string(), "closing a closed channel");
    assert_eq!(TrySendError::from(SendError(1)), TrySendError::Disconnected(1));
    assert_eq!(SendTimeoutError::from(SendError(1)), SendTimeoutError::Disconnected(1));
    assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
    assert_eq!(RecvTimeoutError::from(RecvError), RecvTimeoutError::Disconnected);
}

#[test]
fn a_cancelled_receiver_is_not_counted() {
    let (tx, rx) = unbounded_with_segments(1);
    for n in 0..10 {
        assert_eq!(rx.recv_timeout(NO_TIME), Err(RecvTimeoutError::Timeout));
        select! { recv(rx) -> _ => unreachable!("nothing was sent"), default(NO_TIME) => () }
        assert!(rx.is_empty());
        tx.send(n).expect("open");
        assert_eq!((rx.len(), rx.try_recv(), rx.len()), (1, Ok(n), 0));
    }
}
