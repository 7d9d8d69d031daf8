//! Channels that get signals.

use super::{Program, raise, send};
use selvedge::chan::{Receiver, TryRecvError, bounded, select, unbounded};
use selvedge::sync::WaitGroup;
use selvedge_go::signal::{Signal, ignore, ignored, notify, reset, stop};
use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

const ONE: Signal = Signal::SIGUSR1;
const TWO: Signal = Signal::SIGUSR2;

/// Returns a channel of the capacity that is registered.
fn registered(capacity: usize, signals: impl IntoIterator<Item = Signal>) -> (Sender, Receiver<Signal>) {
    let (tx, rx) = bounded(capacity);
    notify(&tx, signals).expect("there is room for a thread");
    (tx, rx)
}

type Sender = selvedge::chan::Sender<Signal>;

/// Waits until the signals that came before have been sent: a change of what is registered does.
fn settle() {
    let (tx, _rx) = bounded(1);
    notify(&tx, [Signal::SIGHUP]).expect("there is room for a thread");
    stop(&tx);
}

pub(super) const PROGRAMS: &[Program] = &[
    // SG-01.
    Program::new("a_full_channel_loses_the_signal_and_blocks_nobody", || {
        let (_full, full) = registered(1, [ONE]);
        let (_none, none) = registered(0, [ONE]);
        let (all, rx) = unbounded();
        notify(&all, [ONE]).expect("there is room for a thread");
        for _ in 0..3 {
            raise(ONE);
            assert_eq!(rx.recv(), Ok(ONE));
        }
        settle();
        assert_eq!((full.try_recv(), full.try_recv()), (Ok(ONE), Err(TryRecvError::Empty)));
        assert_eq!(none.try_recv(), Err(TryRecvError::Empty));
    }),
    // SG-02.
    Program::new("each_channel_has_its_own_copy", || {
        let ((_a, a), (_b, b), (_c, c)) =
            (registered(1, [ONE]), registered(1, [ONE, TWO]), registered(1, [TWO]));
        send(ONE);
        assert_eq!((a.recv(), b.recv()), (Ok(ONE), Ok(ONE)));
        send(TWO);
        assert_eq!((b.recv(), c.recv()), (Ok(TWO), Ok(TWO)));
        settle();
        assert_eq!(a.try_recv(), Err(TryRecvError::Empty));
    }),
    // SG-02.
    Program::new("a_second_registration_widens_the_set", || {
        let (tx, rx) = registered(2, [ONE]);
        notify(&tx, [TWO]).expect("there is room for a thread");
        notify(&tx, [ONE]).expect("there is room for a thread");
        send(ONE);
        assert_eq!(rx.recv(), Ok(ONE));
        send(TWO);
        assert_eq!(rx.recv(), Ok(TWO));
        settle();
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "it is registered once");
    }),
    // SG-03.
    Program::new("a_stopped_channel_gets_what_came_before_and_nothing_after", || {
        // The other channel keeps the signal from its default action.
        let (_other, other) = registered(1, [ONE]);
        for _ in 0..200 {
            let (tx, rx) = registered(1, [ONE]);
            raise(ONE);
            stop(&tx);
            assert_eq!(rx.try_recv(), Ok(ONE), "what came before is there when `stop` returns");
            raise(ONE);
            other.recv().expect("it is registered");
            settle();
            other.try_iter().count();
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        }
    }),
    Program::new("a_channel_is_stopped_while_signals_come_on_another_thread", || {
        let (_other, kept) = registered(1, [ONE]);
        let (tx, rx) = bounded::<()>(0);
        let sender = std::thread::spawn(move || {
            while rx.try_recv() == Err(TryRecvError::Empty) {
                send(ONE);
            }
        });
        for _ in 0..500 {
            let (tx, rx) = registered(1, [ONE]);
            stop(&tx);
            rx.try_iter().count();
            settle();
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        }
        drop(tx);
        sender.join().expect("no panic");
        // Without it the last signal, which may still be on its way, would do what it does by default.
        core::mem::forget(kept);
    }),
    Program::new("a_channel_that_was_never_registered_is_stopped_in_vain", || {
        let (tx, rx) = bounded(1);
        stop(&tx);
        notify(&tx, []).expect("nothing is done");
        notify(&tx, [ONE]).expect("there is room for a thread");
        stop(&tx);
        stop(&tx);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }),
    // SG-04.
    Program::new("ignored_signals_do_nothing_until_they_are_notified_again", || {
        let (tx, rx) = registered(2, [ONE, TWO]);
        assert!(!ignored(ONE));
        raise(ONE);
        ignore([ONE]);
        assert_eq!(rx.try_recv(), Ok(ONE), "what came before is there when `ignore` returns");
        assert!(ignored(ONE) && !ignored(TWO));
        raise(ONE);
        raise(TWO);
        assert_eq!(rx.recv(), Ok(TWO));
        notify(&tx, [ONE]).expect("there is room for a thread");
        assert!(!ignored(ONE));
        raise(ONE);
        assert_eq!(rx.recv(), Ok(ONE));
        // Two kinds of ending the registration leave the signal as it was at first.
        reset([TWO]);
        stop(&tx);
        assert!(!ignored(ONE) && !ignored(TWO));
    }),
    Program::new("a_signal_that_was_ignored_before_is_so_again", || {
        let pipe = Signal::SIGPIPE;
        assert!(ignored(pipe));
        let (tx, rx) = registered(1, [pipe]);
        assert!(!ignored(pipe));
        raise(pipe);
        assert_eq!(rx.recv(), Ok(pipe));
        stop(&tx);
        assert!(ignored(pipe));
        raise(pipe);
    }),
    Program::new("all_signals_at_once", || {
        let (tx, rx) = unbounded();
        notify(&tx, Signal::all()).expect("there is room for a thread");
        let all: HashSet<_> = Signal::all().collect();
        all.iter().for_each(|signal| raise(*signal));
        let mut came = HashSet::new();
        while came != all {
            came.insert(rx.recv().expect("it is registered"));
        }
    }),
    Program::new("a_channel_without_receivers_is_registered_no_more", || {
        let (_dead, dead) = registered(1, [ONE]);
        let (_live, live) = registered(1, [ONE]);
        drop(dead);
        raise(ONE);
        assert_eq!(live.recv(), Ok(ONE));
        raise(ONE);
        assert_eq!(live.recv(), Ok(ONE));
    }),
    Program::new("a_signal_wakes_a_select", || {
        let (_tx, rx) = registered(1, [ONE]);
        let (_never, never) = bounded::<()>(0);
        let group = WaitGroup::new();
        group.go(|| send(ONE));
        select! {
            recv(rx) -> signal => assert_eq!(signal, Ok(ONE)),
            recv(never) -> _ => unreachable!(),
        }
        group.wait();
    }),
    Program::new("registrations_and_stops_from_many_sides", || {
        let group = WaitGroup::new();
        for _ in 0..8 {
            group.go(|| {
                for _ in 0..50 {
                    let (tx, rx) = registered(1, [ONE, TWO]);
                    send(ONE);
                    assert!(rx.recv().is_ok());
                    stop(&tx);
                }
            });
        }
        // One more, or a signal of a goroutine could come when no other is registered.
        let (_tx, _rx) = registered(1, [ONE]);
        group.wait();
    }),
    Program::new("a_waker_changes_what_is_registered_and_panics", || {
        struct Stops(Sender, Sender);
        impl Wake for Stops {
            fn wake(self: Arc<Self>) {
                stop(&self.0);
                notify(&self.1, [TWO]).expect("there is room for a thread");
                panic!("as planned");
            }
        }
        let (first, rx) = bounded(1);
        let (second, second_rx) = registered(1, [ONE]);
        let (third, third_rx) = bounded(1);
        notify(&first, [ONE]).expect("there is room for a thread");
        let waker = Waker::from(Arc::new(Stops(second, third)));
        let mut recv = Box::pin(rx.recv_async());
        assert!(recv.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        raise(ONE);
        while second_rx.is_empty() {
            selvedge::rt::thread::yield_now();
        }
        // The thread that sends goes on after the panic.
        let (_tx, rx) = registered(1, [ONE]);
        raise(ONE);
        assert_eq!(rx.recv(), Ok(ONE));
        settle();
        assert_eq!((second_rx.try_recv(), second_rx.try_recv()), (Ok(ONE), Err(TryRecvError::Empty)));
        raise(TWO);
        assert_eq!(third_rx.recv(), Ok(TWO));
        assert!(matches!(recv.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(ONE))));
    })
    .says(&["as planned"]),
];
