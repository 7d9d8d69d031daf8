//! Children of `fork`, in which the thread that sends does not run.

use super::{Program, raise};
use selvedge::chan::{TryRecvError, bounded};
use selvedge_go::signal::{Signal, notify, stop};

const ONE: Signal = Signal::SIGUSR1;

/// Runs `f` in a child, and returns its status.
fn in_a_child(f: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs what needs no lock that another thread may have, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let status = f();
        // SAFETY: the call ends the process.
        unsafe { libc::_exit(status) };
    }
    let mut status = 0;
    // SAFETY: the call writes to the place that the borrow names.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

pub(super) const PROGRAMS: &[Program] = &[
    Program::new("in_a_child_a_signal_takes_its_default_action", || {
        let (tx, rx) = bounded(1);
        notify(&tx, [ONE]).expect("there is room for a thread");
        let status = in_a_child(|| {
            raise(ONE);
            0
        });
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == ONE.number(), "{status:x}");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "the parent gets nothing of it");
        raise(ONE);
        assert_eq!(rx.recv(), Ok(ONE), "the parent's channel is registered");
    }),
    Program::new("a_child_registers_channels_of_its_own", || {
        let (tx, rx) = bounded(1);
        notify(&tx, [ONE, Signal::SIGUSR2]).expect("there is room for a thread");
        let status = in_a_child(|| {
            let (own, own_rx) = bounded(1);
            notify(&own, [ONE]).expect("there is room for a thread");
            raise(ONE);
            let received = own_rx.recv() == Ok(ONE) && rx.try_recv() == Err(TryRecvError::Empty);
            stop(&own);
            if received {
                raise(Signal::SIGUSR2);
            }
            1
        });
        assert!(
            libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == Signal::SIGUSR2.number(),
            "{status:x}"
        );
        raise(ONE);
        assert_eq!(rx.recv(), Ok(ONE));
    }),
];
