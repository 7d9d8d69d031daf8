//! Channels: closing.

use super::{small, until_sender_waits};
use selvedge::chan::{RecvError, SendError, TryRecvError};
use selvedge::rt::thread;

/// Closing wakes every receiver that waits, and they learn why.
pub fn close_wakes_every_blocked_receiver() {
    let (tx, rx) = small::<i32>(0);
    let receivers = [1, 2].map(|_| {
        let rx = rx.clone();
        thread::spawn(move || rx.recv())
    });
    tx.close().expect("open");
    assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")), [Err(RecvError); 2]);
}

/// Closing wakes every sender that waits, with its value.
pub fn close_gives_every_blocked_sender_its_value_back() {
    let (tx, rx) = small(0);
    let senders = [1, 2].map(|n| {
        let tx = tx.clone();
        thread::spawn(move || tx.send(n))
    });
    rx.close().expect("open");
    for (n, sender) in (1..).zip(senders) {
        assert_eq!(sender.join().expect("no panic"), Err(SendError(n)));
    }
    assert_eq!(rx.recv(), Err(RecvError));
}

/// What is in the buffer is received first; what was not sent is not received.
pub fn the_buffer_survives_a_close_that_races_with_a_send() {
    let (tx, rx) = small(2);
    tx.send(1).expect("room");
    let theirs = tx.clone();
    let sender = thread::spawn(move || theirs.send(2).is_ok());
    tx.close().expect("open");
    let got: Vec<i32> = rx.iter().collect();
    let expected = if sender.join().expect("no panic") { vec![1, 2] } else { vec![1] };
    assert_eq!(got, expected);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

/// Of two closers exactly one succeeds.
pub fn one_of_two_closers_succeeds() {
    let (tx, rx) = small::<i32>(1);
    let other = thread::spawn(move || rx.close().is_ok());
    let here = tx.close().is_ok();
    assert!(here != other.join().expect("no panic"));
}

/// After a close that a thread knows of, its send fails and gives the value back.
pub fn a_send_after_close_fails() {
    let (tx, rx) = small(1);
    let closer = thread::spawn(move || {
        rx.close().expect("open");
        rx
    });
    let early = tx.try_send(1).is_ok();
    let rx = closer.join().expect("no panic");
    assert_eq!(tx.send(2), Err(SendError(2)));
    assert_eq!(rx.iter().count(), early as usize);
}

/// The last sender dropped closes: a receiver that waits learns it, after the values.
pub fn dropping_the_last_sender_ends_the_receiver() {
    let (tx, rx) = small(1);
    let theirs = tx.clone();
    let sender = thread::spawn(move || theirs.send(1));
    drop(tx);
    assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
    sender.join().expect("no panic").expect("open");
}

/// The last receiver dropped closes: a sender that waits gets its value back.
pub fn dropping_the_last_receiver_ends_the_sender() {
    let (tx, rx) = small(1);
    tx.send(0).expect("room");
    let theirs = tx.clone();
    let blocked = thread::spawn(move || theirs.send(1));
    until_sender_waits(&tx, 1);
    drop(rx);
    assert_eq!(blocked.join().expect("no panic"), Err(SendError(1)));
}

/// Iteration ends after the last value of a closed channel.
pub fn iteration_ends_with_the_channel() {
    let (tx, rx) = small(1);
    let sender = thread::spawn(move || {
        let sent = (tx.send(1).is_ok(), tx.send(2).is_ok());
        let _ = tx.close();
        sent
    });
    assert_eq!(rx.into_iter().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(sender.join().expect("no panic"), (true, true));
}

/// Whoever leaves last frees the channel, and everybody's uses of it come before that.
pub fn the_last_handle_frees_the_channel() {
    let (tx, rx) = small::<u32>(1);
    let theirs = tx.clone();
    let thread = thread::spawn(move || drop(theirs));
    drop(rx);
    drop(tx);
    thread.join().expect("no panic");
}

/// A weak sender gives a sender only while the channel has one, and that one keeps it open.
pub fn a_weak_sender_opens_no_side_again() {
    let (tx, rx) = small(1);
    let weak = tx.downgrade();
    let thread = thread::spawn(move || drop(tx));
    let sent = weak.upgrade().map(|tx| tx.send(1).expect("this sender keeps the channel open"));
    assert_eq!(rx.iter().count(), sent.iter().count());
    thread.join().expect("no panic");
    assert!(weak.upgrade().is_none());
}

/// The last of both sides and of the weak handles frees the channel, after all their uses.
pub fn a_weak_handle_keeps_the_memory() {
    let (tx, rx) = small::<u32>(1);
    let weak = tx.downgrade();
    let thread = thread::spawn(move || weak.upgrade().is_some());
    drop((rx, tx));
    thread.join().expect("no panic");
}

/// A `try_send` that finds a place held by a send under way takes no place of a channel that is closed.
pub fn a_close_and_a_send_that_makes_room_agree() {
    let (tx, rx) = small(1);
    let senders = [1, 2].map(|n| {
        let theirs = tx.clone();
        thread::spawn(move || theirs.try_send(n))
    });
    rx.close().expect("open");
    let sent: Vec<i32> = senders
        .into_iter()
        .zip(1..)
        .filter_map(|(sender, n)| sender.join().expect("no panic").is_ok().then_some(n))
        .collect();
    assert!(sent.len() <= 1, "one place, and nobody receives");
    assert_eq!(rx.iter().collect::<Vec<_>>(), sent);
}
