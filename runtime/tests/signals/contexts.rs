//! Contexts that signals make done.

use super::{End, Program, raise, send};
use selvedge::context::{Context, Error, background, with_cancel, with_timeout};
use selvedge_go::signal::{Received, Signal, StopNotify, notify_context};
use std::error::Error as _;
use std::time::Duration;

const ONE: Signal = Signal::SIGUSR1;

fn notified(parent: &Context) -> (Context, StopNotify) {
    notify_context(parent, [ONE, Signal::SIGTERM]).expect("there is room for a thread")
}

/// Returns the signal that the cause names.
fn signal(context: &Context) -> Option<Signal> {
    context.cause()?.downcast_ref::<Received>().map(|received| received.signal())
}

pub(super) const PROGRAMS: &[Program] = &[
    // SG-05, SG-06.
    Program::new("a_signal_makes_the_context_done_and_is_the_cause", || {
        let (context, _stop) = notified(&background());
        let (below, _cancel) = with_cancel(&context);
        assert_eq!(context.err(), None);
        send(ONE);
        assert!(below.done().recv().is_err());
        assert_eq!((context.err(), signal(&below)), (Some(Error::Canceled), Some(ONE)));
        let cause = context.cause().expect("it is done");
        assert_eq!(cause.to_string(), "user defined signal 1 signal received");
        assert_eq!(cause.source().and_then(|source| source.downcast_ref()), Some(&Error::Canceled));
    }),
    // SG-05.
    Program::new("stop_makes_the_context_done", || {
        let (context, stop) = notified(&background());
        stop.stop();
        assert_eq!((context.err(), signal(&context)), (Some(Error::Canceled), None));
        assert_eq!(context.cause().expect("it is done").to_string(), "context canceled");
        stop.stop();
        let (context, stop) = notified(&background());
        drop(stop);
        assert_eq!(context.err(), Some(Error::Canceled));
    }),
    Program::new("a_signal_before_the_stop_is_the_cause", || {
        for _ in 0..100 {
            let (context, stop) = notified(&background());
            raise(ONE);
            stop.stop();
            assert!(context.done().recv().is_err());
            assert_eq!(signal(&context), Some(ONE));
        }
    }),
    // SG-05.
    Program::new("the_parent_makes_the_context_done", || {
        let (parent, cancel) = with_cancel(&background());
        let (context, _stop) = notified(&parent);
        cancel.cancel();
        assert!(context.done().recv().is_err());
        assert_eq!((context.err(), signal(&context)), (Some(Error::Canceled), None));
        let (parent, _cancel) = with_timeout(&background(), Duration::from_millis(1));
        let (context, _stop) = notified(&parent);
        assert!(context.done().recv().is_err());
        assert_eq!(context.err(), Some(Error::DeadlineExceeded));
    }),
    // SG-05.
    Program::new("a_parent_that_is_done_registers_nothing", || {
        let (parent, cancel) = with_cancel(&background());
        cancel.cancel();
        let (context, _stop) = notified(&parent);
        assert_eq!(context.err(), Some(Error::Canceled));
        raise(ONE);
    })
    .ends(End::Signal(ONE)),
    // SG-07.
    Program::new("a_second_signal_does_nothing_before_the_stop", || {
        let (context, _stop) = notified(&background());
        for _ in 0..3 {
            raise(ONE);
            assert!(context.done().recv().is_err());
        }
        // The parent's end does not unregister either.
        let (parent, cancel) = with_cancel(&background());
        let (context, _stop) = notified(&parent);
        cancel.cancel();
        assert!(context.done().recv().is_err());
        raise(ONE);
    }),
    // SG-07.
    Program::new("a_second_signal_kills_after_the_stop", || {
        let (context, stop) = notified(&background());
        raise(ONE);
        assert!(context.done().recv().is_err());
        stop.stop();
        raise(ONE);
    })
    .ends(End::Signal(ONE)),
    // SG-05.
    Program::new("stop_and_signal_at_once", || {
        // Other contexts keep the signal from its default action.
        let (_context, _stop) = notified(&background());
        for _ in 0..100 {
            let (context, stop) = notified(&background());
            let sender = std::thread::spawn(|| send(ONE));
            stop.stop();
            assert!(context.done().recv().is_err());
            assert_eq!(context.err(), Some(Error::Canceled));
            sender.join().expect("no panic");
        }
    }),
    Program::new("a_context_leaves_no_goroutine", || {
        let before = selvedge_go::num_goroutine();
        for _ in 0..10 {
            let (context, stop) = notified(&background());
            raise(ONE);
            assert!(context.done().recv().is_err());
            drop(stop);
            assert_eq!(context.kindred(), 0);
        }
        while selvedge_go::num_goroutine() > before {
            selvedge_go::gosched();
        }
    }),
];
