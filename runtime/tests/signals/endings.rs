//! What ends the process: default actions, and deadlocks.

use super::{End, Program, raise, send};
use selvedge::chan::bounded;
use selvedge_go::signal::{Signal, ignore, notify, reset, stop};

const ONE: Signal = Signal::SIGUSR1;

fn registers_and_stops() {
    let (tx, rx) = bounded(1);
    notify(&tx, [ONE]).expect("there is room for a thread");
    raise(ONE);
    assert_eq!(rx.recv(), Ok(ONE));
    stop(&tx);
}

pub(super) const PROGRAMS: &[Program] = &[
    Program::new("a_signal_after_the_stop_takes_its_default_action", || {
        registers_and_stops();
        raise(ONE);
    })
    .ends(End::Signal(ONE)),
    // SG-04.
    Program::new("a_signal_after_a_reset_takes_its_default_action", || {
        ignore([ONE]);
        raise(ONE);
        reset([ONE]);
        raise(ONE);
    })
    .ends(End::Signal(ONE)),
    Program::new("a_signal_without_receivers_takes_its_default_action", || {
        let (tx, rx) = bounded(1);
        notify(&tx, [ONE]).expect("there is room for a thread");
        drop(rx);
        send(ONE);
        loop {
            selvedge_go::blocking(|| _ = std::io::stdin().lines().next());
        }
    })
    .ends(End::Signal(ONE)),
    // SG-03.
    Program::new("nothing_is_lost_between_a_stop_and_the_default_action", || {
        // A signal of another thread comes before, during or after the stop: it is received, or it ends the process.
        for round in 0..60 {
            // SAFETY: the child runs what needs no lock that another thread may have, and ends.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let received = stops_while_a_signal_comes(ONE, round);
                // SAFETY: the call ends the process.
                unsafe { libc::_exit(if received { 7 } else { 1 }) };
            }
            let mut status = 0;
            // SAFETY: the call writes to the place that the borrow names.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            let is_killed = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == ONE.number();
            let is_received = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7;
            assert!(is_killed || is_received, "the signal is lost: {status:x}");
        }
    }),
    Program::new("a_handler_of_another_library_is_called_again_after_the_stop", || {
        extern "C" fn foreign(_: i32) {
            // SAFETY: the call may be made in a signal handler.
            unsafe { libc::_exit(5) };
        }
        // SAFETY: the handler ends the process.
        unsafe { libc::signal(ONE.number(), foreign as *const () as usize) };
        registers_and_stops();
        raise(ONE);
    })
    .ends(End::Status(5)),
    Program::new("a_handler_that_was_set_meanwhile_stays", || {
        extern "C" fn foreign(_: i32) {
            // SAFETY: the call may be made in a signal handler.
            unsafe { libc::_exit(5) };
        }
        let (tx, _rx) = bounded(1);
        notify(&tx, [ONE]).expect("there is room for a thread");
        // SAFETY: the handler ends the process.
        unsafe { libc::signal(ONE.number(), foreign as *const () as usize) };
        stop(&tx);
        raise(ONE);
    })
    .ends(End::Status(5)),
    Program::new("a_handler_that_calls_ours_gets_no_signal_twice", || {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        static OURS: AtomicUsize = AtomicUsize::new(0);
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        extern "C" fn before_ours(signal: i32) {
            CALLS.fetch_add(1, SeqCst);
            // SAFETY: the address is that of a handler with this signature.
            let ours = unsafe { core::mem::transmute::<usize, extern "C" fn(i32)>(OURS.load(SeqCst)) };
            ours(signal);
        }
        let (tx, rx) = bounded(1);
        notify(&tx, [ONE]).expect("there is room for a thread");
        // SAFETY: the handler calls the one that was there.
        OURS.store(unsafe { libc::signal(ONE.number(), before_ours as *const () as usize) }, SeqCst);
        raise(ONE);
        assert_eq!((rx.recv(), CALLS.load(SeqCst)), (Ok(ONE), 1));
        stop(&tx);
        raise(ONE);
        assert_eq!(CALLS.load(SeqCst), 2);
    }),
    Program::new("what_waits_for_a_signal_is_no_deadlock", || {
        let (tx, rx) = bounded(1);
        notify(&tx, [ONE]).expect("there is room for a thread");
        // A child sends the signal once no thread of this process runs.
        let sleeper = std::process::id();
        // SAFETY: the child calls only what a child of a process with threads may.
        if unsafe { libc::fork() } == 0 {
            until_asleep(sleeper);
            // SAFETY: the calls have no effect on memory.
            unsafe {
                libc::kill(sleeper as i32, ONE.number());
                libc::_exit(0);
            }
        }
        assert_eq!(rx.recv(), Ok(ONE));
    }),
    Program::new("sigquit_is_caught_like_any_other", || {
        let (tx, rx) = bounded(1);
        notify(&tx, [Signal::SIGQUIT]).expect("there is room for a thread");
        raise(Signal::SIGQUIT);
        assert_eq!(rx.recv(), Ok(Signal::SIGQUIT));
    }),
];

/// Waits until every thread of a process sleeps, as the system says.
fn until_asleep(process: u32) {
    let sleeps = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
    };
    let mut times = 0;
    while times < 50 {
        let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
        let all = tasks.is_ok_and(|mut tasks| tasks.all(|task| task.is_ok_and(sleeps)));
        times = if all { times + 1 } else { 0 };
        std::thread::yield_now();
    }
}

/// Stops a channel while another process sends a signal; returns whether it was received. Then it waits for the signal.
fn stops_while_a_signal_comes(signal: Signal, round: usize) -> bool {
    let (tx, rx) = bounded(1);
    notify(&tx, [signal]).expect("there is room for a thread");
    let sender = std::thread::spawn(move || {
        (0..round * 20).for_each(|_| std::hint::spin_loop());
        // It comes to that thread, whose handler has run when this returns.
        raise(signal);
    });
    (0..(60 - round) * 20).for_each(|_| std::hint::spin_loop());
    stop(&tx);
    // After the join the signal has come, and a process that is alive has received it.
    sender.join().expect("no panic");
    rx.try_recv().is_ok()
}
