//! Channels.

use super::loom::cell::UnsafeCell;
use super::loom::sync::Arc;
use super::loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use super::loom::sync::mpsc::{RecvError, SendError, TryRecvError, channel};
use super::loom::thread;
use super::{executions, failure, results};
use core::time::Duration;
use selvedge_check::FailureKind;
use std::rc::Rc;

/// So many threads send their number; returns what the receiver gets, in order.
fn many_senders(threads: usize) -> Vec<usize> {
    let (sender, receiver) = channel();
    for number in 0..threads {
        let sender = sender.clone();
        thread::spawn(move || sender.send(number).unwrap());
    }
    (0..threads).map(|_| receiver.recv().unwrap()).collect()
}

#[test]
fn only_the_orders_of_the_messages_are_explored() {
    for (threads, orders) in [(1, 1), (2, 2), (3, 6), (4, 24)] {
        assert_eq!(executions(move || _ = many_senders(threads)), orders);
        assert_eq!(results(move || many_senders(threads)).len() as u64, orders);
    }
}

#[test]
fn messages_of_one_sender_keep_their_order() {
    let model = || {
        let (sender, receiver) = channel();
        let thread = thread::spawn(move || (0..3).for_each(|number| sender.send(number).unwrap()));
        assert_eq!([(); 3].map(|()| receiver.recv().unwrap()), [0, 1, 2]);
        assert_eq!(receiver.recv(), Err(RecvError));
        thread.join().unwrap();
    };
    assert_eq!(executions(model), 1);
}

#[test]
fn a_receive_fails_when_all_senders_have_gone_and_not_before() {
    let model = || {
        let (sender, receiver) = channel();
        for number in 0..2 {
            let sender = sender.clone();
            thread::spawn(move || {
                if number == 0 {
                    sender.send(number).unwrap();
                }
            });
        }
        drop(sender);
        (receiver.recv(), receiver.recv())
    };
    assert_eq!(results(model), [(Ok(0), Err(RecvError))]);
    assert_eq!(executions(move || _ = model()), 1);
}

#[test]
fn a_receive_waits_for_a_sender_that_never_sends_nor_goes() {
    let model = || {
        let (sender, receiver) = channel::<u8>();
        let _ = receiver.recv();
        drop(sender);
    };
    // A livelock, and no deadlock, because the receive looks at more than one thing.
    assert_eq!(failure(model), FailureKind::Livelock);
}

#[test]
fn a_send_happens_before_the_receive_and_an_end_before_the_error() {
    let model = |with_message: bool| {
        move || {
            let (sender, receiver) = channel();
            let cell = Arc::new(UnsafeCell::new(0));
            let theirs = Arc::clone(&cell);
            let thread = thread::spawn(move || {
                // SAFETY: the receiver looks after the message or the end.
                theirs.with_mut(|value| unsafe { *value = 1 });
                if with_message {
                    sender.send(()).unwrap();
                }
            });
            assert_eq!(receiver.recv().is_ok(), with_message);
            // SAFETY: the sender has written before its message and its end, and writes no more.
            cell.with(|value| assert_eq!(unsafe { *value }, 1));
            thread.join().unwrap();
        }
    };
    executions(model(true));
    executions(model(false));
}

#[test]
fn an_attempt_finds_a_message_or_none_or_that_there_will_be_none() {
    let model = || {
        let (sender, receiver) = channel();
        thread::spawn(move || _ = sender.send(1));
        (receiver.try_recv(), receiver.recv_timeout(Duration::ZERO).is_ok())
    };
    let found = results(model);
    let firsts: Vec<_> = found.iter().map(|(first, _)| *first).collect();
    assert!(firsts.contains(&Ok(1)) && firsts.contains(&Err(TryRecvError::Empty)));
    assert!(found.contains(&(Err(TryRecvError::Empty), true)));
    assert!(!firsts.contains(&Err(TryRecvError::Disconnected)), "the message comes before the end");
}

#[test]
fn a_send_that_has_returned_is_found_by_an_attempt() {
    let model = || {
        let (sender, receiver) = channel();
        let other = sender.clone();
        let thread = thread::spawn(move || other.send(1).unwrap());
        sender.send(2).unwrap();
        let first = receiver.try_recv().unwrap();
        thread.join().unwrap();
        assert_eq!(first + receiver.try_recv().unwrap(), 3);
    };
    executions(model);
}

/// A message that counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_message_that_is_never_received_is_dropped_once() {
    let model = || {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel();
        let message = Counted(Arc::clone(&drops));
        let thread = thread::spawn(move || match sender.send(message) {
            Ok(()) => true,
            Err(SendError(message)) => {
                drop(message);
                false
            }
        });
        drop(receiver);
        let sent = thread.join().unwrap();
        (sent, drops.load(Relaxed))
    };
    // A message that overtakes the receiver's end is dropped at the end of the execution.
    assert_eq!(results(model), [(false, 1), (true, 0), (true, 1)]);
}

#[test]
fn messages_need_not_be_send() {
    executions(|| {
        let (sender, receiver) = channel();
        sender.send(Rc::new(5)).unwrap();
        assert_eq!(receiver.try_recv().as_deref(), Ok(&5));
        drop(receiver);
        assert_eq!(sender.send(Rc::new(6)).map_err(|SendError(message)| *message), Err(6));
    });
}
