//! Models of channels: closing.

use super::mutants::{CLOSE, DISCONNECT_RECEIVER, LOST_CLOSE, LOST_VALUE, PUBLISH, WAKE_RECEIVER};
use super::{Model, model, models, mutant_of, small, until_sender_waits};
use crate::mutant::{Mutant, Needs, order};
use crate::reach::Reach;
use selvedge::chan::{RecvError, SendError, TryRecvError};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    close_wakes_every_blocked_receiver,
    close_gives_every_blocked_sender_its_value_back,
    the_buffer_survives_a_close_that_races_with_a_send,
    one_of_two_closers_succeeds,
    a_send_after_close_fails,
    dropping_the_last_sender_ends_the_receiver,
    dropping_the_last_receiver_ends_the_sender,
    iteration_ends_with_the_channel,
    the_last_handle_frees_the_channel,
    a_weak_sender_opens_no_side_again,
    a_weak_handle_keeps_the_memory,
    a_close_and_a_send_that_makes_room_agree,
];

const COUNTED: Mutant = mutant_of!("primitives/src/chan/handle/counted.rs");
const REJECT_SENDER: Mutant = CLOSE.drop_wake("wake-rejected-sender").shows_in("chan/algorithm/send.rs");
/// `close` looks for senders that wait, and may miss a sender that has missed the closed bit.
const MISS_SENDER: Mutant =
    CLOSE.demote("look-for-sender", Acquire, FailureKind::Deadlock).shows_in("chan/algorithm/send.rs");

/// Closing wakes every receiver that waits, and each learns that the channel is closed.
fn close_wakes_every_blocked_receiver() -> Model {
    model("close wakes every blocked receiver", || {
        let (tx, rx) = small::<i32>(0);
        let receivers = [1, 2].map(|_| {
            let rx = rx.clone();
            thread::spawn(move || rx.recv())
        });
        tx.close().expect("open");
        assert_eq!(receivers.map(|receiver| receiver.join().expect("no panic")), [Err(RecvError); 2]);
    })
    .bound(2)
    .catches([DISCONNECT_RECEIVER])
}

/// Closing wakes every sender that waits, and each gets its value back.
fn close_gives_every_blocked_sender_its_value_back() -> Model {
    model("close wakes every blocked sender, with its value", || {
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
    })
    .bound(2)
    .catches([REJECT_SENDER, MISS_SENDER])
}

/// After a close the values in the buffer are received, and a value whose send failed is not.
fn the_buffer_survives_a_close_that_races_with_a_send() -> Model {
    model("after close the buffer is received first", || {
        let (tx, rx) = small(2);
        tx.send(1).expect("room");
        let theirs = tx.clone();
        let sender = thread::spawn(move || theirs.send(2).is_ok());
        tx.close().expect("open");
        let got: Vec<i32> = rx.iter().collect();
        let expected = if sender.join().expect("no panic") { vec![1, 2] } else { vec![1] };
        assert_eq!(got, expected);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([PUBLISH])
}

/// Two threads close a channel: exactly one of the two calls succeeds.
fn one_of_two_closers_succeeds() -> Model {
    model("of two closers exactly one succeeds", || {
        let (tx, rx) = small::<i32>(1);
        let other = thread::spawn(move || rx.close().is_ok());
        let here = tx.close().is_ok();
        assert!(here != other.join().expect("no panic"));
    })
    .reaches(Reach::Everything)
    .catches([LOST_CLOSE])
}

/// A send that begins after a close fails and gives its value back.
fn a_send_after_close_fails() -> Model {
    model("a send after close fails", || {
        let (tx, rx) = small(1);
        let closer = thread::spawn(move || {
            rx.close().expect("open");
            rx
        });
        let early = tx.try_send(1).is_ok();
        let rx = closer.join().expect("no panic");
        assert_eq!(tx.send(2), Err(SendError(2)));
        assert_eq!(rx.iter().count(), early as usize);
    })
    .reaches(Reach::Everything)
    .catches([LOST_CLOSE.fails_with(FailureKind::Deadlock)])
}

/// The last sender that is dropped closes the channel: a receiver gets the values, and then the error.
fn dropping_the_last_sender_ends_the_receiver() -> Model {
    model("dropping the last sender closes", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let sender = thread::spawn(move || theirs.send(1));
        drop(tx);
        assert_eq!((rx.recv(), rx.recv()), (Ok(1), Err(RecvError)));
        sender.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([WAKE_RECEIVER])
}

/// The last receiver that is dropped closes the channel: a sender that waits gets its value back.
fn dropping_the_last_receiver_ends_the_sender() -> Model {
    model("dropping the last receiver closes", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let blocked = thread::spawn(move || theirs.send(1));
        until_sender_waits(&tx, 1);
        drop(rx);
        assert_eq!(blocked.join().expect("no panic"), Err(SendError(1)));
    })
    .bound(2)
    .catches([REJECT_SENDER])
}

/// Iteration ends after the last value of a closed channel.
fn iteration_ends_with_the_channel() -> Model {
    model("iteration ends after the last value", || {
        let (tx, rx) = small(1);
        let sender = thread::spawn(move || {
            let sent = (tx.send(1).is_ok(), tx.send(2).is_ok());
            let _ = tx.close();
            sent
        });
        assert_eq!(rx.into_iter().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(sender.join().expect("no panic"), (true, true));
    })
    .bound(2)
    .catches([PUBLISH])
}

/// The last handle that is dropped frees the channel, and every use by other handles happens before.
fn the_last_handle_frees_the_channel() -> Model {
    model("the last handle frees the channel, after all uses", || {
        let (tx, rx) = small::<u32>(1);
        let theirs = tx.clone();
        let thread = thread::spawn(move || drop(theirs));
        drop(rx);
        drop(tx);
        thread.join().expect("no panic");
    })
    .reaches(Reach::Everything)
    .catches([
        COUNTED.mutant("drop-handle", order(Release), FailureKind::Race, Needs::Freeing),
        COUNTED.mutant("drop-handle", order(Acquire), FailureKind::Race, Needs::Freeing),
    ])
}

/// A weak sender becomes a sender only while the channel has a sender, and the new sender keeps the channel open.
fn a_weak_sender_opens_no_side_again() -> Model {
    model("a weak sender opens no side again", || {
        let (tx, rx) = small(1);
        let weak = tx.downgrade();
        let thread = thread::spawn(move || drop(tx));
        let sent = weak.upgrade().map(|tx| tx.send(1).expect("this sender keeps the channel open"));
        assert_eq!(rx.iter().count(), sent.iter().count());
        thread.join().expect("no panic");
        assert!(weak.upgrade().is_none());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([COUNTED
        .lose("upgrade-handle", FailureKind::Panic)
        .or(FailureKind::Race)
        .or(FailureKind::UseAfterFree)])
}

/// The last of all handles, weak ones included, frees the channel, and every use by other handles happens before.
fn a_weak_handle_keeps_the_memory() -> Model {
    model("a weak handle keeps the memory, and no more", || {
        let (tx, rx) = small::<u32>(1);
        let weak = tx.downgrade();
        let thread = thread::spawn(move || weak.upgrade().is_some());
        drop((rx, tx));
        thread.join().expect("no panic");
    })
    .reaches(Reach::Everything)
    .catches([
        COUNTED.mutant("drop-keeper", order(Release), FailureKind::Race, Needs::Freeing),
        COUNTED.mutant("drop-keeper", order(Acquire), FailureKind::Race, Needs::Freeing),
    ])
}

/// A `try_send` that finds the last place held by another send takes no place of a channel that is closed meanwhile.
fn a_close_and_a_send_that_makes_room_agree() -> Model {
    model("close and a send that makes room for itself agree", || {
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
        assert!(sent.len() <= 1, "the buffer has one place, and nothing is received");
        assert_eq!(rx.iter().collect::<Vec<_>>(), sent);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([LOST_VALUE])
}
