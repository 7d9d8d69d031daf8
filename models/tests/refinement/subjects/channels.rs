//! Channels.

use super::{NOT_NOW, Own, Subject, handing_over, operations, told};
use crate::program::{Act, Program};
use selvedge::chan::{Receiver, Sender, TryRecvError, TrySendError, bounded, unbounded};
use selvedge::rt::seam::this_thread;
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_millis(5);
/// As [`Subject::LIMITS`]: the real form is too wide to be explored to the end but for the smallest programs.
const LIMITS: [u64; 3] = [300, 800, 5_000];
const FAILED: u8 = 0;
const CLOSED: u8 = 98;
const WORLD: (&str, &str) =
    ("primitives/src/spec/chan/world.rs", include_str!("../../../../primitives/src/spec/chan/world.rs"));
const CHANNEL: (&str, &str) =
    ("primitives/src/spec/chan/channel.rs", include_str!("../../../../primitives/src/spec/chan/channel.rs"));

/// Returns a value that names the thread that sends it, and tells which of the thread's sends it is.
fn next_value(own: &mut Own) -> u8 {
    own.permits += 1;
    let thread = this_thread().map_or(0, |thread| thread as u8);
    thread * 16 + own.permits as u8
}

/// Returns what a send came to.
fn told_of<E>(sent: Result<(), E>, is_closed: impl FnOnce(&E) -> bool) -> u8 {
    match sent {
        Ok(()) => 1,
        Err(error) if is_closed(&error) => CLOSED,
        Err(_) => FAILED,
    }
}

/// Makes one of the operations that every channel has.
fn perform(operation: usize, tx: &Sender<u8>, rx: &Receiver<u8>, own: &mut Own) -> u8 {
    match operation {
        0 | 1 => told_of(tx.send(next_value(own)), |_| true),
        2 | 3 => rx.recv().unwrap_or(CLOSED),
        4 => told_of(tx.try_send(next_value(own)), TrySendError::is_disconnected),
        5 => match rx.try_recv() {
            Ok(value) => value,
            Err(TryRecvError::Empty) => FAILED,
            Err(TryRecvError::Disconnected) => CLOSED,
        },
        6 => told_of(tx.send_timeout(next_value(own), TIMEOUT), |error| error.is_disconnected()),
        7 => match rx.recv_timeout(TIMEOUT) {
            Ok(value) => value,
            Err(error) if error.is_disconnected() => CLOSED,
            Err(_) => FAILED,
        },
        8 => u8::from(tx.close().is_ok()),
        9 => u8::from(tx.is_closed()),
        10 => match tx.force_send(next_value(own)) {
            Ok(None) => 1,
            Ok(Some(oldest)) => oldest,
            Err(_) => CLOSED,
        },
        // Not drawn: in the real form a send that is under way counts, though a receive does not find its value yet.
        11 => rx.len() as u8,
        // Not drawn, since it takes long: two tasks wait, and a value comes.
        12 => {
            let mut tasks = [Box::pin(rx.recv_async()), Box::pin(rx.recv_async())];
            let mut poll =
                |task: usize| tasks[task].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            assert!(!poll(0) && !poll(1), "the channel is empty");
            let _full = tx.try_send(next_value(own));
            u8::from(poll(0)) + 2 * u8::from(poll(1))
        }
        _ => NOT_NOW,
    }
}

macro_rules! channels {
    ($($(#[$about:meta])* $name:ident: $make:expr, $seed:literal, $text:expr, [$($twin:literal),*], $programs:expr;)*) => {$(
        $(#[$about])*
        pub(crate) struct $name(Sender<u8>, Receiver<u8>);

        impl Subject for $name {
            const SEED: u64 = $seed;
            const OPERATIONS: usize = 11;
            const SPECIFICATION: (&'static str, &'static str) = $text;
            const TWINS: &'static [&'static str] = &[$($twin),*];
            const LIMITS: [u64; 3] = LIMITS;

            fn new() -> $name {
                let (tx, rx) = $make;
                $name(tx, rx)
            }

            fn perform(&self, operation: usize, own: &mut Own) -> u8 {
                perform(operation, &self.0, &self.1, own)
            }

            fn leave(&self, _: &mut Own) {}

            fn programs() -> Vec<Program> {
                $programs
            }
        }
    )*};
}

channels! {
    /// A channel without a buffer.
    Rendezvous: bounded(0), 20, WORLD, ["lost-wake-up", "close-forgets-receivers"], vec![
        operations(&[&[0], &[2]]),
        operations(&[&[0], &[5]]),
        operations(&[&[4], &[2]]),
        operations(&[&[0], &[8]]),
        operations(&[&[2], &[8, 5]]),
        handing_over(&[0], &[2]),
        handing_over(&[2], &[0]),
        operations(&[&[2], &[2], &[0, 0]]),
    ];
    /// A channel whose buffer holds one value.
    Buffered: bounded(1), 21, CHANNEL, ["buffer-too-big"], vec![
        operations(&[&[0, 0], &[2]]),
        operations(&[&[4, 4], &[5]]),
        operations(&[&[0, 10], &[5]]),
        operations(&[&[0, 8], &[2, 2]]),
        handing_over(&[0], &[2]),
        handing_over(&[2], &[0, 0]),
    ];
    /// A channel that holds any number of values.
    Unbounded: unbounded(), 22, WORLD, ["last-in-first-out", "wakes-the-last", "too-much-order"], vec![
        operations(&[&[0, 0], &[2, 2]]),
        operations(&[&[0, 8], &[2, 2]]),
        operations(&[&[0], &[5, 11]]),
        operations(&[&[4, 4, 2, 2]]),
        handing_over(&[0], &[2]),
        handing_over(&[8], &[2]),
        operations(&[&[2], &[2], &[0, 0]]),
        operations(&[&[12]]),
        told_of_two_sends(),
    ];
}

/// Returns a program in which a receive of the first of two values knows of the second one's send by a relaxed load alone.
fn told_of_two_sends() -> Program {
    let mut program = told(&[0, 0, 9], &[2]);
    let before_the_second = program.threads[0].remove(0);
    program.threads[0].insert(1, before_the_second);
    program
}

/// The handles of a channel whose buffer holds one value: the first two threads have a sender and a receiver each, which
/// they drop in the end at the latest.
pub(crate) struct Handles([Mutex<Pair>; 2]);

type Pair = (Option<Sender<u8>>, Option<Receiver<u8>>);

impl Handles {
    fn own(&self) -> Option<&Mutex<Pair>> {
        self.0.get(this_thread()?.checked_sub(1)?)
    }
}

impl Subject for Handles {
    const SEED: u64 = 23;
    const OPERATIONS: usize = 8;
    const SPECIFICATION: (&'static str, &'static str) = (
        "primitives/src/spec/chan/handles.rs",
        include_str!("../../../../primitives/src/spec/chan/handles.rs"),
    );
    const TWINS: &'static [&'static str] = &[];
    const LIMITS: [u64; 3] = LIMITS;

    fn new() -> Handles {
        let (tx, rx) = bounded(1);
        let pair = || Mutex::new((Some(tx.clone()), Some(rx.clone())));
        Handles([pair(), pair()])
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let Some(pair) = self.own() else { return NOT_NOW };
        let take = || pair.lock().expect("no panic");
        match operation {
            0 | 1 => {
                drop(take().0.take());
                1
            }
            2 => {
                drop(take().1.take());
                1
            }
            3 | 4 => match &take().0 {
                Some(tx) => told_of(tx.send(next_value(own)), |_| true),
                None => NOT_NOW,
            },
            5 | 6 => match &take().1 {
                Some(rx) => rx.recv().unwrap_or(CLOSED),
                None => NOT_NOW,
            },
            7 => take().0.as_ref().map_or(NOT_NOW, |tx| u8::from(tx.is_closed())),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {
        if let Some(pair) = self.own() {
            let (tx, rx) = &mut *pair.lock().expect("no panic");
            drop((tx.take(), rx.take()));
        }
    }

    fn programs() -> Vec<Program> {
        let mut told_of_drop = told(&[0], &[0]);
        told_of_drop.threads[1].push(Act::Operate { operation: 5, object: 0 });
        vec![
            operations(&[&[0], &[0, 5]]),
            operations(&[&[2], &[2, 3]]),
            operations(&[&[3, 0], &[0, 5, 5]]),
            told_of_drop,
        ]
    }
}
