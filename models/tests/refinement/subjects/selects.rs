//! Selects, late sends, timers, futures.

use super::{NOT_NOW, Own, Subject, handing_over, operations, or_panic};
use crate::program::Program;
use selvedge::chan::{Receiver, Select, Sender, Timer, bounded, select, select_biased};
use selvedge::rt::seam::this_thread;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_millis(5);
const FAILED: u8 = 0;
const CLOSED: u8 = 98;

/// Returns a value that names the thread that sends it, and tells which of the thread's sends it is.
fn next_value(own: &mut Own) -> u8 {
    own.permits += 1;
    let thread = this_thread().map_or(0, |thread| thread as u8);
    thread * 16 + own.permits as u8
}

/// Returns what a select came to: which case, and what that received.
fn case(number: u8, value: Result<u8, impl Sized>) -> u8 {
    value.map_or(CLOSED, |value| number * 64 + value)
}

/// Returns what a send came to.
fn sent(number: u8, sent: Result<(), impl Sized>) -> u8 {
    sent.map_or(CLOSED, |()| number)
}

/// A channel without a buffer, and one with a buffer of one value.
pub(crate) struct Selects([(Sender<u8>, Receiver<u8>); 2]);

impl Subject for Selects {
    const SEED: u64 = 30;
    const ATTEMPTS: &'static [usize] = &[6, 7, 11, 15];
    const LIMITS: [u64; 3] = [100, 1_000, 20_000];
    /// The last operations are in given programs only. Of the first of them: in the real form a select that sends to and
    /// receives from the same channel without a buffer only observes it for its send, and an operation that does not wait
    /// never meets that.
    const OPERATIONS: usize = 12;
    const SPECIFICATION: (&'static str, &'static str) = (
        "primitives/src/spec/chan/select.rs",
        include_str!("../../../../primitives/src/spec/chan/select.rs"),
    );
    const TWINS: &'static [&'static str] = &[
        "loser-keeps-its-place",
        "first-case-only",
        "never-overtakes",
        "passes-what-is-ready",
        "last-look-sees-all",
    ];

    fn new() -> Selects {
        Selects([bounded(0), bounded(1)])
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let Selects([(to_one, from_one), (to_two, from_two)]) = self;
        match operation {
            0 => sent(1, to_one.send(next_value(own))),
            1 => from_one.recv().unwrap_or(CLOSED),
            2 => sent(1, to_two.send(next_value(own))),
            3 => from_two.recv().unwrap_or(CLOSED),
            4 => select! {
                recv(from_one) -> value => case(0, value),
                recv(from_two) -> value => case(1, value),
            },
            5 => select_biased! {
                send(to_one, next_value(own)) -> done => sent(1, done),
                recv(from_two) -> value => case(1, value),
            },
            6 => select! {
                recv(from_one) -> value => case(0, value),
                send(to_two, next_value(own)) -> done => sent(2, done),
                default => FAILED,
            },
            7 => select! {
                send(to_one, next_value(own)) -> done => sent(1, done),
                send(to_two, next_value(own)) -> done => sent(2, done),
                default(TIMEOUT) => FAILED,
            },
            8 => {
                let mut select = Select::new_biased();
                let (send, _recv) = (select.send(to_one), select.recv(from_two));
                let chosen = select.select();
                match chosen.index() == send {
                    true => sent(1, chosen.send(to_one, next_value(own))),
                    false => case(1, chosen.recv(from_two)),
                }
            }
            9 => u8::from(to_one.close().is_ok()),
            10 => u8::from(to_two.close().is_ok()),
            11 => select! {
                recv(from_one) -> value => case(0, value),
                recv(from_two) -> value => case(1, value),
                default(TIMEOUT) => FAILED,
            },
            12 => select_biased! {
                send(to_one, next_value(own)) -> done => sent(1, done),
                recv(from_one) -> value => case(1, value),
            },
            13 => select_biased! {
                recv(from_one) -> value => case(0, value),
                recv(from_two) -> value => case(1, value),
            },
            14 => {
                let mut select = Select::new_biased();
                let [first, _second] = [from_one, from_two].map(|from| select.recv(from));
                u8::from(select.ready() == first)
            }
            15 => select_biased! {
                recv(from_one) -> _ => 1,
                recv(from_two) -> _ => 2,
                default => FAILED,
            },
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[13], &[9, 2]]),
            operations(&[&[15], &[9, 10]]),
            operations(&[&[14], &[9, 2]]),
            operations(&[&[9, 2, 13, 14]]),
            operations(&[&[4], &[0], &[2]]),
            operations(&[&[4, 4], &[2, 0]]),
            operations(&[&[9, 2, 4]]),
            operations(&[&[11, 2, 6]]),
            operations(&[&[5], &[4]]),
            operations(&[&[12], &[12]]),
            operations(&[&[8], &[1]]),
            operations(&[&[4], &[9]]),
            operations(&[&[6], &[1, 3]]),
            operations(&[&[7], &[1]]),
            handing_over(&[0], &[4]),
            handing_over(&[4], &[0]),
            handing_over(&[8], &[1]),
        ]
    }
}

/// Selects whose sends are chosen before their values come, on a channel without a buffer and one with a buffer of one value.
pub(crate) struct LateSends([(Sender<u8>, Receiver<u8>); 2]);

impl Subject for LateSends {
    const SEED: u64 = 33;
    const ATTEMPTS: &'static [usize] = &[0, 1, 2, 4, 5, 6, 7];
    const LIMITS: [u64; 3] = [100, 1_000, 20_000];
    const OPERATIONS: usize = 9;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/chan/late.rs", include_str!("../../../../primitives/src/spec/chan/late.rs"));
    /// Models catch its twins, in `as_specified`: here too few programs are explored to the end.
    const TWINS: &'static [&'static str] = &[];

    fn new() -> LateSends {
        LateSends([bounded(0), bounded(1)])
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let LateSends([(to_one, from_one), (to_two, from_two)]) = self;
        match operation {
            0 => select! {
                send(to_two, next_value(own)) -> done => sent(1, done),
                default => FAILED,
            },
            1 => to_two.try_send(next_value(own)).map_or(FAILED, |()| 1),
            2 => from_two.try_recv().unwrap_or(FAILED),
            3 => from_two.recv().unwrap_or(CLOSED),
            4 => or_panic(|| {
                let mut select = Select::new_biased();
                let _send = select.send(to_two);
                let operation = select.try_select();
                u8::from(operation.is_ok())
            }),
            5 => select! {
                send(to_two, next_value(own)) -> done => sent(1, done),
                default(TIMEOUT) => FAILED,
            },
            6 => select! {
                send(to_one, next_value(own)) -> done => sent(1, done),
                default => FAILED,
            },
            7 => from_one.recv_timeout(TIMEOUT).unwrap_or(FAILED),
            8 => from_one.recv().unwrap_or(CLOSED),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[0, 2], &[0]]),
            operations(&[&[0], &[1, 2]]),
            operations(&[&[4], &[1, 2]]),
            operations(&[&[0], &[5, 2]]),
            operations(&[&[0], &[3]]),
            operations(&[&[6], &[7]]),
            handing_over(&[0], &[3]),
            handing_over(&[6], &[8]),
        ]
    }
}

/// A timer, and a channel without a buffer.
pub(crate) struct Timers(Timer, Sender<u8>, Receiver<u8>);

impl Subject for Timers {
    const SEED: u64 = 31;
    const ATTEMPTS: &'static [usize] = &[0];
    const LIMITS: [u64; 3] = [300, 2_000, 20_000];
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/chan/alarm.rs", include_str!("../../../../primitives/src/spec/chan/alarm.rs"));
    const TWINS: &'static [&'static str] = &["takes-no-instant", "does-not-stop"];

    fn new() -> Timers {
        let (tx, rx) = bounded(0);
        Timers(Timer::new(TIMEOUT), tx, rx)
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let Timers(timer, tx, rx) = self;
        let instants = timer.receiver();
        match operation {
            0 => u8::from(instants.try_recv().is_ok()),
            1 => u8::from(instants.recv().is_ok()),
            2 => u8::from(timer.stop()),
            3 => u8::from(timer.reset(TIMEOUT)),
            4 => select! {
                recv(instants) -> instant => u8::from(instant.is_ok()),
                recv(rx) -> value => value.unwrap_or(CLOSED),
            },
            5 => select! {
                send(tx, next_value(own)) -> done => sent(2, done),
                recv(instants) -> instant => u8::from(instant.is_ok()),
            },
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[1], &[1]]),
            operations(&[&[1, 0], &[2]]),
            operations(&[&[1], &[2, 3]]),
            operations(&[&[4], &[5]]),
        ]
    }
}

/// Polls a future once.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Futures that are polled once or twice and then dropped, on a channel whose buffer holds one value.
pub(crate) struct Futures(Sender<u8>, Receiver<u8>);

impl Subject for Futures {
    const SEED: u64 = 32;
    const ATTEMPTS: &'static [usize] = &[2, 4, 5, 7];
    const LIMITS: [u64; 3] = [100, 1_000, 20_000];
    /// The last operation is in a given program only: in the real form a poll may find the buffer full by a send that is
    /// under way, whose value an attempt to receive does not find yet.
    const OPERATIONS: usize = 7;
    const SPECIFICATION: (&'static str, &'static str) = (
        "primitives/src/chan/future/specified.rs",
        include_str!("../../../../primitives/src/chan/future/specified.rs"),
    );
    const TWINS: &'static [&'static str] =
        &["dropped-future-takes-its-value", "dropped-future-keeps-its-place"];

    fn new() -> Futures {
        let (tx, rx) = bounded(1);
        Futures(tx, rx)
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let Futures(tx, rx) = self;
        match operation {
            0 => sent(1, tx.send(next_value(own))),
            1 => rx.recv().unwrap_or(CLOSED),
            2 => match poll(pin!(rx.recv_async())) {
                Poll::Ready(value) => value.unwrap_or(CLOSED),
                Poll::Pending => FAILED,
            },
            7 => match poll(pin!(tx.send_async(next_value(own)))) {
                Poll::Ready(done) => sent(1, done),
                Poll::Pending => FAILED,
            },
            4 => {
                let mut future = pin!(rx.recv_async());
                match poll(future.as_mut()).is_pending().then(|| poll(future)) {
                    Some(Poll::Ready(value)) => value.unwrap_or(CLOSED),
                    Some(Poll::Pending) => FAILED,
                    None => 1,
                }
            }
            5 => rx.try_recv().unwrap_or(FAILED),
            6 => {
                let mut future = Box::pin(rx.recv_async());
                let was_pending = poll(future.as_mut()).is_pending();
                let _full = tx.try_send(next_value(own));
                drop(future);
                u8::from(was_pending)
            }
            3 => u8::from(tx.close().is_ok()),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[2, 0, 5]]),
            operations(&[&[6, 5]]),
            operations(&[&[2], &[0, 5]]),
            operations(&[&[7], &[7, 1]]),
            operations(&[&[4], &[3]]),
        ]
    }
}
