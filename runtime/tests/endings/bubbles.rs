//! Misuse of what belongs to a bubble, on goroutines and on threads: ST-09 and ST-13 of Go's `testing/synctest`.

use super::{Program, run};
use selvedge::chan::{Sender, Timer, bounded, select};
use selvedge::context::{Cancel, background, with_cancel};
use selvedge::sync::{Cond, Mutex, Semaphore, WaitGroup};
use selvedge::testing::{bubble, wait};
use selvedge_go::{go, spawn};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// Hands something made in a bubble to a thread outside, which misuses it, while the bubble waits for that.
fn misuses<T: Send + 'static>(misuse: fn(T), inside: impl FnOnce(&Sender<T>)) {
    let (tx, rx) = bounded(1);
    let outside = std::thread::spawn(move || rx.iter().for_each(misuse));
    bubble(|_| {
        inside(&tx);
        drop(tx);
        outside.join().expect("no panic");
    });
}

pub(super) const PROGRAMS: &[Program] = &[
    // ST-09.
    Program::new("st09_a_send_from_outside_wakes_a_goroutine", || {
        misuses(
            |tx| _ = Sender::send(&tx, 7),
            |out| {
                let (tx, rx) = bounded::<u32>(0);
                WaitGroup::new().go(move || rx.recv());
                wait();
                out.send(tx).expect("a receiver");
            },
        );
    })
    .fails(&[
        "fatal error: a channel that was made in the bubble at runtime/tests/endings/bubbles.rs:",
        "is used outside any bubble",
    ]),
    // ST-09.
    Program::new("st09_a_receive_from_outside", || {
        misuses(
            |rx| _ = selvedge::chan::Receiver::recv(&rx),
            |out| {
                let (tx, rx) = bounded::<u32>(1);
                out.send(rx).expect("a receiver");
                std::mem::forget(tx);
            },
        );
    })
    .fails(&["fatal error: a channel that was made in the bubble at", "is used outside any bubble"]),
    // ST-09.
    Program::new("st09_a_select_from_outside", || {
        misuses(
            |rx| select! { recv(rx) -> _value => (), recv(selvedge::chan::never::<()>()) -> _value => () },
            |out| {
                let (tx, rx) = bounded::<u32>(0);
                out.send(rx).expect("a receiver");
                std::mem::forget(tx);
            },
        );
    })
    .fails(&[
        "fatal error: a channel or a timer that was made in the bubble at",
        "is used outside any bubble",
    ]),
    // ST-09.
    Program::new("st09_a_close_from_outside_wakes_a_goroutine", || {
        misuses(
            |tx| _ = Sender::close(&tx),
            |out| {
                let (tx, rx) = bounded::<u32>(0);
                WaitGroup::new().go(move || rx.recv());
                wait();
                out.send(tx).expect("a receiver");
            },
        );
    })
    .fails(&[
        "fatal error: a goroutine of the bubble at",
        "that receives from a channel is woken from elsewhere, outside any bubble",
    ]),
    // ST-09.
    Program::new("st09_a_timer_is_stopped_from_outside", || {
        misuses(|timer| _ = Timer::stop(&timer), |out| out.send(Timer::new(HOUR)).expect("a receiver"));
    })
    .fails(&["fatal error: a timer that was made in the bubble at", "is used outside any bubble"]),
    // ST-09.
    Program::new("st09_a_timer_is_received_from_in_another_bubble", || {
        misuses(
            |timer| bubble(|_| _ = Timer::receiver(&timer).recv()),
            |out| out.send(Timer::new(HOUR)).expect("a receiver"),
        );
    })
    .fails(&[
        "fatal error: a timer that was made in the bubble at runtime/tests/endings/bubbles.rs:",
        "is used in the bubble at runtime/tests/endings/bubbles.rs:",
    ]),
    // ST-09.
    Program::new("st09_a_condition_is_signalled_from_outside", || {
        misuses(
            |pair: Arc<(Mutex<()>, Cond)>| _ = pair.1.signal(),
            |out| {
                let pair = Arc::new((Mutex::new(()), Cond::new()));
                let theirs = Arc::clone(&pair);
                WaitGroup::new().go(move || theirs.1.wait(&mut theirs.0.lock()));
                wait();
                out.send(pair).expect("a receiver");
            },
        );
    })
    .fails(&["that waits for a condition is woken from elsewhere, outside any bubble"]),
    Program::new("a_context_is_cancelled_from_outside", || {
        misuses(
            |cancel: Cancel| cancel.cancel(),
            |out| {
                let (context, cancel) = with_cancel(&background());
                WaitGroup::new().go(move || Semaphore::new(0).acquire_ctx(1, &context).is_ok());
                wait();
                out.send(cancel).expect("a receiver");
            },
        );
    })
    .fails(&["that acquires permits of a semaphore is woken from elsewhere, outside any bubble"]),
    Program::new("a_group_is_done_from_outside", || {
        misuses(drop, |out| {
            let group = WaitGroup::new();
            let task = group.task();
            WaitGroup::new().go(move || group.wait());
            wait();
            out.send(task).expect("a receiver");
        });
    })
    .fails(&["that waits for a WaitGroup is woken from elsewhere, outside any bubble"]),
    Program::new("a_group_is_waited_for_outside", || {
        misuses(
            |group: WaitGroup| group.wait(),
            |out| {
                let group = WaitGroup::new();
                group.add(1);
                out.send(group).expect("a receiver");
            },
        );
    })
    .fails(&["fatal error: a WaitGroup that was made in the bubble at", "is used outside any bubble"]),
    // ST-13.
    Program::new("st13_a_channel_that_was_moved_out_is_used", || {
        let (_tx, rx) = bubble(|_| bounded::<u32>(0));
        _ = rx.recv();
    })
    .fails(&["fatal error: a channel that was made in a bubble that has ended is used outside any bubble"]),
    // ST-09.
    Program::new("st09_goroutines_of_two_bubbles", || {
        run(|| {
            let (out, taken) = bounded(1);
            let other = spawn(move || {
                bubble(|_| {
                    let tx: Sender<u32> = taken.recv().expect("a channel");
                    _ = tx.send(7);
                })
            });
            bubble(|_| {
                let (tx, rx) = bounded(0);
                out.send(tx).expect("a receiver");
                go(move || _ = rx.recv());
                other.join().expect("no panic");
            });
        });
    })
    .fails(&["fatal error: a channel that was made in the bubble at", "is used in the bubble at"]),
    Program::new("run_in_a_bubble", || {
        let ran = std::panic::catch_unwind(|| bubble(|_| run(|| ())));
        let text = *ran.expect_err("it panics").downcast::<&str>().expect("a text");
        assert!(text.contains("begin the bubble on a goroutine"));
    }),
];
