//! The value of a send case of `select!`: evaluated once its case has been chosen, and then never lost.

use crate::common::panic_of;
use selvedge::chan::{
    Channel, Receiver, RecvTimeoutError, SendError, Sender, TryRecvError, TrySendError, bounded, never,
    select, select_biased, unbounded,
};
use selvedge::rt::thread;
use std::cell::{Cell, RefCell};
use std::time::Duration;

const FOREVER: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

/// Counts how often a value was made.
#[derive(Default)]
struct Made(Cell<u32>);

impl Made {
    fn one<T>(&self, value: T) -> T {
        self.0.set(self.0.get() + 1);
        value
    }
}

/// Waits until the select of another thread waits to send as the channel's first sender.
fn until_sender_waits<T>(tx: &Sender<T>, ticket: u64) {
    // SAFETY: no operation with an earlier ticket ends meanwhile.
    selvedge::rt::wait_until(|| unsafe { tx.waits_at(ticket) });
}

fn until_receiver_waits<T>(rx: &Receiver<T>) {
    // SAFETY: there is no operation with an earlier ticket.
    selvedge::rt::wait_until(|| unsafe { rx.waits_at(0) });
}

#[test]
fn channels_are_evaluated_in_order_and_the_value_of_the_chosen_case_after_them() {
    let ((tx, rx), (one, other)) = (bounded(1), bounded(1));
    let log = RefCell::new(Vec::new());
    let step = |n: u32| log.borrow_mut().push(n);
    let chosen = select! {
        recv({ step(1); &rx }) -> _ => 0,
        send({ step(2); &tx }, { step(12); 7 }) -> sent => { step(22); sent.map_or(0, |()| 2) }
        send({ step(3); &one }, { step(13); 8 }) -> sent => { step(23); sent.map_or(0, |()| 3) }
        default({ step(4); FOREVER }) => unreachable!("two are ready"),
    };
    assert_eq!(*log.borrow(), [1, 2, 3, 4, 10 + chosen, 20 + chosen]);
    let (sent, unsent) = if chosen == 2 { (&rx, &other) } else { (&other, &rx) };
    assert_eq!((sent.try_iter().count(), unsent.try_iter().count()), (1, 0));
}

#[test]
fn no_value_is_made_for_a_case_that_does_not_happen() {
    let ((full, _rx), (tx, rx), made) = (bounded(0), bounded(1), Made::default());
    assert!(select! { send(full, made.one(1)) -> _ => false, default => true });
    assert!(select! { send(full, made.one(1)) -> _ => false, default(SHORT) => true });
    tx.send(2).expect("room");
    assert_eq!(select! { send(full, made.one(1)) -> _ => None, recv(rx) -> got => got.ok() }, Some(2));
    assert_eq!(made.0.get(), 0);
}

#[test]
fn the_value_for_a_closed_channel_comes_back() {
    for (tx, rx) in [bounded(0), bounded(1), unbounded()] {
        drop(rx);
        let made = Made::default();
        let sent = select! { send(tx, made.one(String::from("back"))) -> sent => sent };
        assert_eq!((sent, made.0.get()), (Err(SendError(String::from("back"))), 1));
    }
}

#[test]
fn a_value_that_two_cases_move_goes_into_one() {
    for biased in [false, true] {
        let ((one, from_one), (two, from_two)) = (bounded(1), bounded(1));
        let value = String::from("only one");
        if biased {
            select_biased! {
                send(one, value) -> sent => sent.expect("open"),
                send(two, value) -> sent => sent.expect("open"),
            }
        } else {
            select! {
                send(one, value) -> sent => sent.expect("open"),
                send(two, value) -> sent => sent.expect("open"),
            }
        }
        assert_eq!(from_one.try_iter().chain(from_two.try_iter()).collect::<Vec<_>>(), ["only one"]);
    }
}

#[test]
fn a_value_that_is_taken_is_sent_once_whatever_else_happens() {
    for capacity in [0, 1] {
        let ((tx, rx), (noise, heard)) = (bounded(capacity), unbounded());
        (0..100).for_each(|n| noise.send(n).expect("open"));
        let receiver = thread::spawn(move || rx.iter().sum::<u32>());
        for n in 0..100 {
            let mut value = Some(n);
            while value.is_some() {
                select! {
                    send(tx, value.take().expect("it is sent once")) -> sent => sent.expect("open"),
                    recv(heard) -> got => assert!(got.is_ok()),
                    default => (),
                }
                if heard.is_empty() {
                    noise.send(0).expect("open");
                }
            }
        }
        drop(tx);
        assert_eq!(receiver.join().expect("no panic"), 4950);
    }
}

/// Leaves a select from within the value of its case.
fn leave(tx: &Sender<u32>, how: u32) -> Result<u32, String> {
    for round in 0..2 {
        select! {
            send(tx, match how {
                0 => return Ok(0),
                1 if round == 0 => continue,
                1 => break,
                2 => return Err::<u32, _>(String::from("no value"))?.checked_add(1).ok_or_else(String::new),
                _ => panic!("no value"),
            }) -> _ => unreachable!("there is no value"),
        }
    }
    Ok(1)
}

#[test]
fn a_value_that_leaves_the_select_leaves_the_channel_as_it_was() {
    for how in 0..4 {
        let left = |tx: &Sender<u32>| match how {
            3 => assert_eq!(panic_of(|| leave(tx, how)), "no value"),
            2 => assert_eq!(leave(tx, how), Err(String::from("no value"))),
            _ => assert_eq!(leave(tx, how), Ok(how)),
        };
        // There is a place.
        for (tx, rx) in [bounded(1), unbounded()] {
            left(&tx);
            assert_eq!((rx.try_recv(), tx.len()), (Err(TryRecvError::Empty), 0));
            tx.try_send(1).expect("room");
            assert_eq!(rx.recv(), Ok(1));
        }
        // A receiver waits, and goes on to wait.
        for capacity in [0, 1] {
            let (tx, rx) = bounded(capacity);
            let receiver = thread::spawn({
                let rx = rx.clone();
                move || rx.recv()
            });
            until_receiver_waits(&rx);
            left(&tx);
            tx.send(1).expect("open");
            assert_eq!(receiver.join().expect("no panic"), Ok(1));
        }
        // The select waits until a receiver comes.
        for capacity in [0, 1] {
            let (tx, rx) = bounded(capacity);
            (0..capacity).for_each(|_| tx.send(0).expect("room"));
            thread::scope(|scope| {
                scope.spawn(|| {
                    left(&tx);
                    tx.send(1).expect("open");
                });
                until_sender_waits(&tx, capacity as u64);
                (0..capacity).for_each(|_| assert_eq!(rx.recv(), Ok(0)));
                assert_eq!(rx.recv(), Ok(1));
            });
        }
        // The channel is closed.
        let (tx, rx) = bounded(0);
        drop(rx);
        left(&tx);
        assert_eq!(tx.try_send(1), Err(TrySendError::Disconnected(1)));
    }
}

#[test]
fn a_select_that_receives_is_not_woken_by_a_send_that_does_not_happen() {
    let ((tx, rx), (other, another)) = (bounded(0), bounded(0));
    let receiver = thread::spawn({
        let rx = rx.clone();
        move || select! { recv(rx) -> got => got, recv(another) -> got => got }
    });
    until_receiver_waits(&rx);
    assert_eq!(panic_of(|| leave(&tx, 3)), "no value");
    other.send(2).expect("open");
    assert_eq!(receiver.join().expect("no panic"), Ok(2));
}

/// On a channel without a buffer, a receive that need not wait meets a select that waits to send.
#[test]
fn a_receive_that_must_not_wait_gets_the_value_of_a_select_that_waits() {
    type Receive = fn(&Receiver<u32>) -> Option<u32>;
    let receives: [Receive; 5] = [
        |rx| rx.try_recv().ok(),
        |rx| rx.recv_timeout(Duration::ZERO).ok(),
        |rx| rx.try_iter().next(),
        |rx| select! { recv(rx) -> got => got.ok(), default => None },
        |rx| select! { recv(rx) -> got => got.ok(), recv(never::<u32>()) -> _ => None, default(SHORT) => None },
    ];
    for receive in receives {
        let (tx, rx) = bounded(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                select! {
                    send(tx, 1) -> sent => assert_eq!(sent, Ok(())),
                    recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
                }
            });
            until_sender_waits(&tx, 0);
            assert_eq!(receive(&rx), Some(1));
        });
    }
}

/// What a select has sent on a channel without a buffer has been received, however short the receivers wait.
#[test]
fn a_rendezvous_is_one_with_receivers_that_give_up() {
    let (tx, rx) = bounded(0);
    let sent = thread::scope(|scope| {
        let receivers = [0, 1].map(|nanoseconds| {
            let rx = rx.clone();
            scope.spawn(move || {
                let mut got = 0;
                loop {
                    match rx.recv_timeout(Duration::from_nanos(nanoseconds)) {
                        Ok(()) => got += 1,
                        // On goroutines the others of the thread are to run too.
                        Err(RecvTimeoutError::Timeout) => thread::yield_now(),
                        Err(RecvTimeoutError::Disconnected) => return got,
                    }
                }
            })
        });
        let selects = scope.spawn({
            let rx = rx.clone();
            move || {
                let mut got = 0;
                loop {
                    select! {
                        recv(rx) -> value => match value { Ok(()) => got += 1, Err(_) => return got },
                        default => thread::yield_now(),
                    }
                }
            }
        });
        let mut sent = 0;
        for _ in 0..200 {
            select! {
                send(tx, ()) -> result => { result.expect("open"); sent += 1 }
                recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
            }
        }
        assert_eq!(rx.len(), 0);
        drop(tx);
        let got: u32 = receivers.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        assert_eq!(got + selects.join().expect("no panic"), sent);
        sent
    });
    assert_eq!(sent, 200);
}

/// One thread's values come in order, though some are sent by selects, whose values come late.
#[test]
fn values_of_one_thread_stay_in_order() {
    for capacity in [0, 1, 3] {
        let (tx, rx) = bounded(capacity);
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..300 {
                    if n % 3 == 0 {
                        tx.send(n).expect("open");
                    } else {
                        select! {
                            send(tx, n) -> sent => sent.expect("open"),
                            recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
                        }
                    }
                }
            });
            let mut next = 0;
            while next < 300 {
                let got = if next % 2 == 0 { rx.recv().ok() } else { rx.try_recv().ok() };
                match got {
                    Some(got) => {
                        assert_eq!(got, next);
                        next += 1;
                    }
                    None => thread::yield_now(),
                }
            }
        });
    }
}

/// A value may use the channel to which it is sent.
#[test]
fn a_value_may_use_its_channel() {
    for (tx, rx) in [bounded(2), unbounded()] {
        select! { send(tx, { tx.send(1).expect("room"); 2 }) -> sent => assert_eq!(sent, Ok(())) }
        let mut got = [rx.recv(), rx.recv()];
        got.sort_by_key(|got| got.expect("open"));
        assert_eq!(got, [Ok(1), Ok(2)]);
        select! { send(tx, { assert_eq!(rx.try_recv(), Err(TryRecvError::Empty)); 3 }) -> sent => assert_eq!(sent, Ok(())) }
        assert_eq!(rx.try_recv(), Ok(3));
        let sent = select! { send(tx, { tx.close().expect("open"); 4 }) -> sent => sent };
        assert_eq!(rx.try_recv().is_ok(), sent.is_ok());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    }
    // A select that has waited for its place, and whose value looks for values.
    let (tx, rx) = bounded(1);
    tx.send(1).expect("room");
    thread::scope(|scope| {
        scope.spawn(|| {
            select! {
                send(tx, { assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout)); 2 }) -> sent => assert_eq!(sent, Ok(())),
                recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
            }
        });
        until_sender_waits(&tx, 1);
        assert_eq!(rx.try_recv(), Ok(1));
    });
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn bodies_may_move_the_handles() {
    let ((tx, rx), (other, another)) = (bounded(1), bounded::<u32>(1));
    select! {
        send(tx, 1) -> sent => { sent.expect("open"); drop((tx, other)) }
        recv(another) -> _ => drop(another),
    }
    assert_eq!(rx.iter().collect::<Vec<_>>(), [1]);
    let (tx, rx) = bounded::<u32>(1);
    select! {
        recv(rx) -> _ => drop(rx),
        default => drop((tx, rx)),
    }
}

/// The value has the channel's type, so it is coerced as an argument would be.
#[test]
fn a_value_is_coerced_to_the_type_of_the_channel() {
    let (functions, from) = bounded::<Box<dyn Fn(u32) -> u32 + Send>>(1);
    let (slices, slices_from) = bounded::<&[u32]>(1);
    select! { send(functions, Box::new(|n| n + 1)) -> sent => assert!(sent.is_ok()) }
    select! { send(slices, &[1, 2]) -> sent => assert!(sent.is_ok()) }
    assert_eq!((from.recv().expect("sent")(1), slices_from.recv()), (2, Ok(&[1, 2][..])));
    let both = Channel::unbounded();
    select! { send(both.sender(), "a".len()) -> sent => assert_eq!(sent, Ok(())) }
    assert_eq!(both.recv(), Some(1));
}
