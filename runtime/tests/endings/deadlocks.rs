//! Programs that cannot go on, and programs that look so and can.

use super::{Program, builder, run};
use selvedge::chan::{Receiver, bounded, never, select, unbounded};
use selvedge::sync::{Barrier, Cond, Mutex, Once, RwMutex, Semaphore, WaitGroup};
use selvedge_go::{Deadlock, go, gosched, sleep, spawn};
use std::sync::Arc;
use std::time::Duration;

/// Waits, in a function whose name stands in a trace.
#[inline(never)]
fn waits_in_this_function(rx: &Receiver<()>) {
    _ = rx.recv();
    std::hint::black_box(());
}

const ASLEEP: &str = "fatal error: all goroutines are asleep - deadlock!";

pub(super) const PROGRAMS: &[Program] = &[
    Program::new("receive", || {
        let (_tx, rx) = bounded::<()>(0);
        run(|| _ = rx.recv());
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]", "started at runtime/tests/endings/deadlocks.rs:"]),
    Program::new("receive_on_one_p", || {
        let (_tx, rx) = bounded::<()>(0);
        builder().procs(1).run(|| _ = rx.recv());
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"]),
    Program::new("send", || {
        let (tx, _rx) = bounded(0);
        run(|| _ = tx.send(()));
    })
    .fails(&[ASLEEP, "goroutine 1 [chan send]"]),
    Program::new("send_to_a_full_buffer", || {
        let (tx, _rx) = bounded(1);
        run(|| (0..2).for_each(|n| _ = tx.send(n)));
    })
    .fails(&[ASLEEP, "goroutine 1 [chan send]"]),
    Program::new("nil_channel", || run(|| _ = never::<()>().recv())).fails(&[ASLEEP, "goroutine 1 ["]),
    Program::new("select", || {
        let ((_a, a), (_b, b)) = (bounded::<()>(0), bounded::<()>(0));
        run(|| select! { recv(a) -> _value => (), recv(b) -> _value => () });
    })
    .fails(&[ASLEEP, "goroutine 1 [select]"]),
    Program::new("lock_twice", || {
        let lock = Mutex::new(());
        run(|| {
            let _held = lock.lock();
            drop(lock.lock());
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [sync.Mutex.Lock]"]),
    Program::new("read_and_write", || {
        let lock = RwMutex::new(());
        run(|| {
            let _held = lock.read();
            drop(lock.write());
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [sync.RWMutex.Lock]"]),
    Program::new("condition", || {
        let (lock, cond) = (Mutex::new(()), Cond::new());
        run(|| cond.wait(&mut lock.lock()));
    })
    .fails(&[ASLEEP, "goroutine 1 [sync.Cond.Wait]"]),
    Program::new("permits", || run(|| Semaphore::new(1).acquire(2).forget()))
        .fails(&[ASLEEP, "goroutine 1 [semacquire]"]),
    Program::new("group", || {
        run(|| {
            let group = WaitGroup::new();
            group.add(1);
            group.wait();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [sync.WaitGroup.Wait]"]),
    Program::new("barrier", || run(|| _ = Barrier::new(2).wait())).fails(&[ASLEEP, "goroutine 1 [barrier]"]),
    Program::new("once", || {
        run(|| {
            let (once, (_tx, rx)) = (Arc::new(Once::new()), bounded::<()>(0));
            let theirs = Arc::clone(&once);
            go(move || theirs.call(|| _ = rx.recv()));
            let (_never, waits) = bounded::<()>(0);
            _ = waits.recv();
            drop(once);
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]", "goroutine 2 [chan receive]"]),
    Program::new("two_wait_for_each_other", || {
        let ((a, from_a), (b, from_b)) = (bounded::<()>(0), bounded::<()>(0));
        run(move || {
            go(move || {
                _ = from_a.recv();
                _ = b.send(());
            });
            _ = from_b.recv();
            _ = a.send(());
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]", "goroutine 2 [chan receive]", "started at"]),
    Program::new("join", || {
        let (_tx, rx) = bounded::<()>(0);
        run(move || _ = spawn(move || rx.recv()).join());
    })
    .fails(&[ASLEEP, "goroutine 1 [join]", "goroutine 2 [chan receive]"]),
    Program::new("a_report_has_traces", || {
        run(|| {
            let (_tx, rx) = bounded(0);
            let theirs = rx.clone();
            go(move || waits_in_this_function(&theirs));
            waits_in_this_function(&rx);
        });
    })
    .fails(&[
        ASLEEP,
        "goroutine 1 [chan receive]:",
        "waits_in_this_function",
        "started at runtime/tests/endings/deadlocks.rs:",
        "goroutine 2 [chan receive]:",
        "waits_in_this_function",
        "started at runtime/tests/endings/deadlocks.rs:",
    ]),
    Program::new("a_report_that_nobody_reads_ends_the_process", || {
        // SAFETY: the call closes a descriptor that is used by reports only.
        unsafe { libc::close(libc::STDERR_FILENO) };
        let (_tx, rx) = bounded::<()>(0);
        run(|| _ = rx.recv());
    })
    .fails(&[]),
    Program::new("a_call_on_the_pool_has_ended", || {
        run(|| {
            assert_eq!(selvedge_go::blocking_on_pool(|| 7), 7);
            let (_tx, rx) = bounded::<()>(0);
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"])
    .may_warn(),
    Program::new("a_signal_lists_the_goroutines", || {
        builder().procs(2).run(|| {
            let (_tx, rx) = bounded(0);
            go(move || waits_in_this_function(&rx));
            while !selvedge_go::dump().contains("goroutine 2 [chan receive]:") {
                gosched();
            }
            // SAFETY: the call sends a signal to this process.
            unsafe { libc::raise(libc::SIGQUIT) };
            loop {
                gosched();
            }
        });
    })
    .fails(&[
        "SIGQUIT: quit",
        "goroutine 1 [",
        "goroutine 2 [chan receive]:",
        "waits_in_this_function",
        "started at",
    ]),
    Program::new("a_signal_that_is_ignored_stays_so", || {
        // SAFETY: the call changes what a signal does.
        unsafe { libc::signal(libc::SIGQUIT, libc::SIG_IGN) };
        run(|| {
            // SAFETY: the call sends a signal to this process.
            unsafe { libc::raise(libc::SIGQUIT) };
        });
    }),
    Program::new("many_on_four_ps", || {
        builder().procs(4).run(|| {
            let (_tx, rx) = unbounded::<()>();
            for _ in 0..100 {
                let rx = rx.clone();
                go(move || _ = rx.recv());
            }
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]", "goroutine 101 [chan receive]"]),
    Program::new("after_work_on_four_ps", || {
        builder().procs(4).run(|| {
            let (tx, rx) = bounded(0);
            for n in 0..200 {
                let tx = tx.clone();
                go(move || tx.send(n).expect("a receiver"));
            }
            assert_eq!((0..200).map(|_| rx.recv().expect("a value")).sum::<i32>(), 19_900);
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"]),
    Program::new("after_a_deadline", || {
        let (_tx, rx) = bounded::<()>(0);
        run(|| {
            assert!(rx.recv_timeout(Duration::from_millis(1)).is_err());
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"]),
    Program::new("after_a_blocking_call", || {
        let (_tx, rx) = bounded::<()>(0);
        run(|| {
            selvedge_go::blocking(|| std::thread::sleep(Duration::from_millis(1)));
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"]),
    Program::new("main_exits_and_others_wait", || {
        run(|| {
            let (_tx, rx) = bounded::<()>(0);
            go(move || _ = rx.recv());
            std::mem::forget(_tx);
            selvedge_go::goexit();
        });
    })
    .fails(&["fatal error: no goroutines (main called goexit) - deadlock!", "goroutine 2 [chan receive]"]),
    Program::new("main_exits_and_others_end", || {
        run(|| {
            go(|| eprintln!("the other runs on"));
            selvedge_go::goexit();
        });
    })
    .fails(&["the other runs on", "fatal error: no goroutines (main called goexit) - deadlock!"]),
    // Silent ones.
    Program::new("a_sleeper_wakes_main", || {
        run(|| {
            let (tx, rx) = bounded(0);
            go(move || {
                sleep(Duration::from_millis(5));
                tx.send(()).expect("a receiver");
            });
            rx.recv().expect("a value");
        });
    }),
    Program::new("a_blocking_call_wakes_main", || {
        builder().procs(1).run(|| {
            let (tx, rx) = bounded(0);
            go(move || {
                selvedge_go::blocking(|| std::thread::sleep(Duration::from_millis(5)));
                tx.send(()).expect("a receiver");
            });
            rx.recv().expect("a value");
        });
    }),
    Program::new("a_deadline_wakes_main", || {
        let (_tx, rx) = bounded::<()>(0);
        run(|| assert!(rx.recv_timeout(Duration::from_millis(5)).is_err()));
    }),
    Program::new("main_leaves_waiting_goroutines", || {
        run(|| {
            let (tx, rx) = bounded::<()>(0);
            go(move || _ = rx.recv());
            gosched();
            std::mem::forget(tx);
        });
    }),
    Program::new("off", || {
        let (tx, rx) = bounded(0);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            tx.send(()).expect("a receiver");
        });
        builder().deadlock(Deadlock::Off).run(|| rx.recv().expect("a value"));
    }),
    Program::new("a_deadlock_is_told", || {
        let (tx, rx) = bounded(0);
        let (told, tells) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let text: String = tells.recv().expect("the main thread ends only after the value");
            assert!(text.contains("goroutine 1 [chan receive]"), "{text}");
            tx.send(()).expect("a receiver");
        });
        let told = std::sync::Mutex::new(told);
        let tell =
            move |text: &str| told.lock().expect("no panic").send(text.to_string()).expect("it listens");
        builder().on_deadlock(tell).run(|| rx.recv().expect("a value"));
    }),
    Program::new("who_is_told_panics", || {
        let (_tx, rx) = bounded::<()>(0);
        let tell = |_: &str| panic!("as planned");
        builder().procs(2).on_deadlock(tell).run(move || {
            let waits = rx.clone();
            selvedge_go::go(move || _ = waits.recv());
            _ = rx.recv();
        });
    })
    .fails(&["as planned", "fatal error: the closure of `on_deadlock` has panicked"]),
    // The thread that tells has said that it sleeps; what it wakes meanwhile must not wait for it in vain.
    Program::new("who_is_told_wakes_a_goroutine", || {
        for procs in [1, 2] {
            let ((tx, rx), (rest, main)) = (bounded(1), bounded(0));
            let tell = move |_: &str| tx.try_send(()).expect("there is room");
            builder().procs(procs).on_deadlock(tell).run(|| {
                selvedge_go::go(move || {
                    rx.recv().expect("a value");
                    rest.send(()).expect("main waits");
                });
                main.recv().expect("a value");
            });
        }
    }),
    Program::new("a_thread_outside_wakes_main", || {
        let (tx, rx) = bounded(0);
        let (go_on, may_go_on) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            may_go_on.recv().expect("the main thread ends only after the value");
            std::thread::sleep(Duration::from_millis(50));
            tx.send(()).expect("a receiver");
        });
        run(|| {
            go_on.send(()).expect("the thread listens");
            rx.recv().expect("a value");
        });
    })
    .says(&["warning: all goroutines are asleep", "1 threads outside", "goroutine 1 [chan receive]"]),
    // Each parks while the other one is woken and has not run yet.
    Program::new("a_thread_outside_answers", || {
        let ((to, theirs), (back, from)) = (bounded(0), bounded(0));
        let (stop, stopped) = bounded(0);
        let thread = std::thread::spawn(move || {
            stopped.recv().expect("a run has begun");
            theirs.iter().for_each(|n: u32| back.send(n).expect("a receiver"));
        });
        run(|| {
            stop.send(()).expect("the thread waits");
            for n in 0..20_000 {
                to.send(n).expect("the thread is there");
                assert_eq!(from.recv(), Ok(n));
            }
            drop(to);
        });
        thread.join().expect("no panic");
    })
    .says(&[]),
    // Warned of at first, if the thread is not parked yet.
    Program::new("a_parked_thread_outside_wakes_nothing", || {
        let (_tx, rx) = bounded::<()>(0);
        let theirs = rx.clone();
        // A thread is counted if it parks after the first run has begun.
        run(|| ());
        std::thread::spawn(move || _ = theirs.recv());
        run(|| _ = rx.recv());
    })
    .fails(&[ASLEEP, "[chan receive]"])
    .may_warn(),
    #[cfg(unix)]
    Program::new("after_the_last_signal_is_stopped", || {
        use selvedge_go::signal::{Signal, ignore, notify, stop};
        run(|| {
            let (tx, rx) = bounded(1);
            notify(&tx, [Signal::SIGUSR1]).expect("there is room for a thread");
            ignore([Signal::SIGUSR2]);
            stop(&tx);
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"]),
    #[cfg(unix)]
    Program::new("once_a_thread_outside_stops_the_last_signal", || {
        use selvedge_go::signal::{Signal, notify, stop};
        run(|| {
            let (tx, rx) = bounded(1);
            notify(&tx, [Signal::SIGUSR1]).expect("there is room for a thread");
            std::thread::spawn(move || {
                stop(&tx);
                // It keeps the channel, and waits for good.
                let (_tx, never) = bounded::<()>(0);
                _ = never.recv();
                drop(tx);
            });
            _ = rx.recv();
        });
    })
    .fails(&[ASLEEP, "goroutine 1 [chan receive]"])
    .may_warn(),
];
