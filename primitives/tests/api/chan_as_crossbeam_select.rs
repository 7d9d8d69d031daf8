//! What users of crossbeam-channel rely on when they select, after a change of one line.

use selvedge::chan as crossbeam_channel;

use crossbeam_channel::{
    Receiver, RecvError, Select, SendError, Sender, TryRecvError, after, bounded, never, select, tick,
    unbounded,
};
use selvedge::rt::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(2);
const FOREVER: Duration = Duration::from_secs(60);

/// Sends the numbers to two channels in turn, from threads that select, and receives them in threads that do.
fn cross(capacity: Option<usize>, each: i32) {
    let channel = || capacity.map_or_else(unbounded, bounded);
    let ((one, from_one), (two, from_two)) = (channel(), channel());
    let received: i64 = thread::scope(|scope| {
        for _ in 0..2 {
            let (one, two) = (one.clone(), two.clone());
            scope.spawn(move || {
                for n in 0..each {
                    select! {
                        send(one, n) -> sent => sent.expect("open"),
                        send(two, n) -> sent => sent.expect("open"),
                    }
                }
            });
        }
        drop((one, two));
        let receivers = [0, 1].map(|_| {
            let (one, two) = (from_one.clone(), from_two.clone());
            scope.spawn(move || {
                let (mut open, mut sum) = ([true; 2], 0);
                let none = never();
                while open != [false; 2] {
                    let one = if open[0] { &one } else { &none };
                    let two = if open[1] { &two } else { &none };
                    select! {
                        recv(one) -> n => n.map_or_else(|_| open[0] = false, |n| sum += i64::from(n)),
                        recv(two) -> n => n.map_or_else(|_| open[1] = false, |n| sum += i64::from(n)),
                    }
                }
                sum
            })
        });
        receivers.into_iter().map(|receiver| receiver.join().expect("no panic")).sum()
    });
    assert_eq!(received, i64::from(each) * i64::from(each - 1), "{capacity:?}");
}

#[test]
fn selects_on_both_sides_of_two_channels_lose_nothing() {
    for capacity in [Some(0), Some(1), Some(16), None] {
        cross(capacity, 2_000);
    }
}

#[test]
fn a_case_that_becomes_ready_ends_the_wait_before_the_timeout_and_none_after() {
    let (tx, rx) = bounded(0);
    let (full, _room) = bounded::<i32>(0);
    let wait = |timeout| {
        select! {
            recv(rx) -> n => n.ok(),
            send(full, 1) -> _ => unreachable!("nobody receives"),
            default(timeout) => None,
        }
    };
    assert_eq!(wait(SHORT), None);
    thread::scope(|scope| {
        scope.spawn(|| tx.send(7).expect("open"));
        assert_eq!(wait(FOREVER), Some(7));
    });
}

#[test]
fn a_close_ends_selects_of_either_side_that_wait_already() {
    let (tx, rx) = bounded::<i32>(0);
    let (out, inn) = bounded::<i32>(0);
    thread::scope(|scope| {
        scope.spawn(|| drop(tx));
        let got = select! {
            recv(rx) -> n => n,
            send(out, 1) -> _ => unreachable!("nobody receives"),
        };
        assert_eq!(got, Err(RecvError));
        scope.spawn(|| drop(inn));
        let sent = select! {
            recv(never::<i32>()) -> _ => unreachable!("nothing comes"),
            send(out, 2) -> sent => sent,
        };
        assert_eq!(sent, Err(SendError(2)));
    });
    let closed = select! {
        recv(rx) -> n => n.is_err(),
        default => unreachable!("it is closed, and that is ready"),
    };
    assert!(closed);
}

#[test]
fn a_select_with_a_default_misses_no_earlier_message() {
    // Of two threads that each look once after one value was sent, one finds it.
    let (tx, rx) = bounded(1);
    for n in 0..2_000 {
        let other = rx.clone();
        tx.send(n).expect("room");
        let found = thread::scope(|scope| {
            let theirs = scope.spawn(move || {
                select! {
                    recv(other) -> got => got.is_ok(),
                    default => false,
                }
            });
            let ours = rx.try_recv().is_ok();
            usize::from(ours) + usize::from(theirs.join().expect("no panic"))
        });
        assert_eq!(found, 1);
    }
}

#[test]
fn a_select_and_tries_on_the_other_side_meet() {
    let (tx, rx) = bounded::<i32>(0);
    let (out, inn) = bounded::<i32>(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while tx.try_send(1).is_err() {
                thread::yield_now();
            }
            loop {
                match inn.try_recv() {
                    Ok(value) => return assert_eq!(value, 2),
                    Err(TryRecvError::Empty) => thread::yield_now(),
                    Err(TryRecvError::Disconnected) => unreachable!("the sender lives"),
                }
            }
        });
        let mut done = [false; 2];
        let none = (never(), bounded(0).0);
        while done != [true; 2] {
            let rx = if done[0] { &none.0 } else { &rx };
            let tx = if done[1] { &none.1 } else { &out };
            select! {
                recv(rx) -> n => { assert_eq!(n, Ok(1)); done[0] = true }
                send(tx, 2) -> sent => { done[1] = sent.is_ok() }
            }
        }
    });
}

#[test]
fn clones_that_come_and_go_disturb_no_wait() {
    let (tx, rx) = bounded::<i32>(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                drop((rx.clone(), tx.clone()));
            }
            tx.send(3).expect("open");
        });
        select! {
            recv(rx) -> n => assert_eq!(n, Ok(3)),
            recv(rx.clone()) -> n => assert_eq!(n, Ok(3)),
        }
    });
}

#[test]
fn the_macro_accepts_crossbeams_forms() {
    let (tx, rx) = unbounded::<String>();
    let (_keep, idle) = bounded::<()>(1);
    // Blocks and expressions, a trailing comma or none, results that are used or not.
    select! {
        send(tx, "warp".to_string()) -> sent => sent.unwrap(),
        default => panic!("there is room"),
    }
    let text = select! {
        recv(idle) -> _ => String::new(),
        recv(rx) -> text => { text.unwrap() }
    };
    assert_eq!(text, "warp");
    select! { default => () }
    select! { recv(rx) -> text => drop(text), default(Duration::ZERO) => {} };
    // Channels that are expressions, made for this select.
    let n = select! {
        recv(after(Duration::ZERO)) -> _ => 1,
        recv(tick(FOREVER)) -> _ => 2,
        recv(if text.is_empty() { idle.clone() } else { never() }) -> _ => 3,
    };
    assert_eq!(n, 1);
    // One in another, and control flow that leaves both.
    let rounds = 'outer: loop {
        select! {
            recv(idle) -> _ => unreachable!("nothing comes"),
            default => select! {
                send(tx, text.clone()) -> _ => break 'outer rx.len(),
                default => continue,
            },
        }
    };
    assert_eq!(rounds, 1);
}

#[test]
fn a_select_may_be_built_of_channels_of_many_types() {
    let channels: Vec<(Sender<u8>, Receiver<u8>)> = (0..20).map(|_| bounded(1)).collect();
    let (text, texts) = bounded::<&str>(1);
    for round in 0..200 {
        let mut select = Select::new();
        let indices: Vec<usize> = channels.iter().map(|(_, rx)| select.recv(rx)).collect();
        let other = select.recv(&texts);
        let full = select.send(&text);
        let picked = round % channels.len();
        channels[picked].0.send(round as u8).expect("room");
        select.remove(full);
        let operation = select.select();
        assert_eq!(operation.index(), indices[picked]);
        assert_eq!(operation.recv(&channels[picked].1), Ok(round as u8));
        assert!(select.try_select().is_err());
        text.send("weft").expect("room");
        let operation = select.select_timeout(FOREVER).expect("it is ready");
        assert_eq!(operation.index(), other);
        assert_eq!(operation.recv(&texts), Ok("weft"));
    }
}

#[test]
fn readiness_is_a_hint_and_every_case_is_reported() {
    let ((one, from_one), (two, from_two)) = (bounded(1), bounded(1));
    let mut told = [0_u32; 2];
    for _ in 0..1_000 {
        one.send(1).expect("room");
        two.send(2).expect("room");
        let mut select = Select::new();
        select.recv(&from_one);
        select.recv(&from_two);
        let first = select.ready();
        told[first] += 1;
        assert_eq!([&from_one, &from_two][first].try_recv(), Ok(first + 1), "nobody else took it");
        let second = select.ready_timeout(FOREVER).expect("the other is ready");
        assert_eq!(second, 1 - first);
        assert_eq!([&from_one, &from_two][second].try_recv(), Ok(second + 1));
        assert!(select.try_ready().is_err());
    }
    assert!(told.iter().all(|&times| times > 100), "{told:?}");
}

#[test]
fn channels_go_through_channels_and_are_selected_on_the_other_side() {
    for capacity in [0, 1, 3] {
        let (tx, rx) = bounded::<Receiver<usize>>(capacity);
        thread::scope(|scope| {
            scope.spawn(move || {
                for n in 0..500 {
                    let (inner, outer) = bounded(1);
                    inner.send(n).expect("room");
                    select! { send(tx, outer) -> sent => sent.expect("open") }
                }
            });
            for n in 0..500 {
                let inner = select! { recv(rx) -> inner => inner.expect("open") };
                assert_eq!(select! { recv(inner) -> got => got }, Ok(n));
            }
            assert!(rx.recv().is_err());
        });
    }
}

/// Receives from a channel when its thread ends.
struct AtTheEnd(Receiver<i32>, Sender<i32>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let got = select! { recv(self.0) -> n => n.expect("open") };
        self.1.send(got + 1).expect("open");
    }
}

#[test]
fn a_thread_that_is_ending_may_still_wait() {
    std::thread_local! {
        static LAST: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
    }
    let ((tx, rx), (back, answers)) = (bounded(0), bounded(0));
    let thread = thread::spawn(move || {
        LAST.with_borrow_mut(|last| *last = Some(AtTheEnd(rx.clone(), back)));
        // The thread has waited before, so whatever it keeps for that exists, and goes first.
        rx.recv().expect("open")
    });
    tx.send(1).expect("open");
    tx.send(2).expect("open");
    assert_eq!(answers.recv(), Ok(3));
    assert_eq!(thread.join().expect("no panic"), 1);
}

#[test]
fn another_handle_of_the_channel_completes_an_operation() {
    let (tx, rx) = bounded(1);
    let mut select = Select::new();
    select.send(&tx);
    select.select().send(&tx.clone(), 1).expect("open");
    let mut select = Select::new();
    select.recv(&rx);
    assert_eq!(select.select().recv(&rx.clone()), Ok(1));
    let timer = after(Duration::ZERO);
    let mut select = Select::new();
    select.recv(&timer);
    assert!(select.select().recv(&timer.clone()).is_ok());
}

#[test]
fn a_handle_of_another_channel_completes_nothing() {
    let ((tx, rx), (other_tx, other_rx)) = (bounded(1), bounded::<i32>(1));
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    assert!(catch_unwind(AssertUnwindSafe(|| operation.send(&other_tx, 1))).is_err());
    tx.send(2).expect("open");
    let mut select = Select::new();
    select.recv(&rx);
    let operation = select.select();
    assert!(catch_unwind(|| operation.recv(&other_rx)).is_err(), "an operation is unwind safe");
    assert_eq!((rx.try_recv(), other_rx.try_recv().is_err()), (Ok(2), true), "the value came back");
}

#[test]
fn values_that_stay_on_their_thread_can_be_selected() {
    let (tx, rx) = bounded(1);
    let value = Rc::new(1);
    let mut select = Select::new();
    let (_, receive) = (select.send(&tx), select.recv(&rx));
    select.select().send(&tx, Rc::clone(&value)).expect("open");
    select.remove(0);
    let operation = select.select();
    assert_eq!((operation.index(), operation.recv(&rx)), (receive, Ok(value)));
}

fn select_send(tx: &Sender<i32>, value: i32) -> Result<(), SendError<i32>> {
    let mut select = Select::new();
    select.send(tx);
    select.select().send(tx, value)
}

#[test]
fn a_selected_send_meets_a_receiver_that_does_not_wait() {
    let (tx, rx) = bounded(0);
    thread::scope(|scope| {
        scope.spawn(move || select_send(&tx, 1).expect("open"));
        while rx.try_recv() != Ok(1) {
            thread::yield_now();
        }
    });
}

#[test]
fn completing_a_send_does_not_block_when_its_place_is_gone() {
    let (tx, rx) = bounded(1);
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "the value is still to come");
    assert_eq!(tx.try_send(2), Err(selvedge::chan::TrySendError::Full(2)), "the place is taken");
    assert_eq!(tx.force_send(2), Ok(None), "it takes the place away, with no value in it");
    operation.send(&tx, 1).expect("open");
    assert_eq!((rx.recv(), rx.recv()), (Ok(2), Ok(1)), "in the order in which the values came");

    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    tx.close().expect("open");
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "a send is chosen, so this is not the end");
    assert_eq!(operation.send(&tx, 3), Ok(()), "it was chosen before the close");
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(3), Err(TryRecvError::Disconnected)));
}
