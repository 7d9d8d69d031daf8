//! Routines and tasks, on plain threads and on goroutines. Nothing is left when they have ended.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod beside;

use selvedge::chan::{bounded, never};
use selvedge::context::{
    Cancel, Cause, Context, Error, Key, background, with_cancel, with_cancel_cause, with_value,
};
use selvedge_go::routine::{
    Arguments, Attempt, Event, Executor, Outcome, Panicked, Retry, Routine, Task, parallel, serial,
};
use selvedge_go::{Builder, gosched, num_goroutine};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// Runs a program on a plain thread, and on 1, 2 and 4 Ps, after which there are no more goroutines than before.
fn everywhere(program: impl Fn()) {
    program();
    for procs in [1, 2, 4] {
        Builder::new().procs(procs).run(|| {
            program();
            while num_goroutine() > 1 {
                gosched();
            }
        });
    }
}

/// What has happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().expect("no panic").push(text.into());
    }

    /// Returns a task that is logged and ends well.
    fn task(&self, name: &str) -> impl Fn(&Context) -> Outcome + Send + Sync + 'static {
        let (log, name) = (self.clone(), name.to_string());
        move |_| {
            log.add(&name);
            Ok(())
        }
    }

    /// Returns a task that ends, and is logged, once its context is done.
    fn waits(&self, name: &str) -> impl Fn(&Context) -> Outcome + Send + Sync + 'static {
        let (log, name) = (self.clone(), name.to_string());
        move |context| {
            assert!(context.done().recv().is_err());
            log.add(&name);
            Ok(())
        }
    }

    fn take(&self) -> Vec<String> {
        core::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// Ends once its context is done.
fn until_done(context: &Context) -> Outcome {
    assert!(context.done().recv().is_err());
    Ok(())
}

fn call(cancel: &Cancel) -> Outcome {
    cancel.cancel();
    Ok(())
}

fn fails(text: &'static str) -> Task {
    Task::new(move |_: &Context| Err(text.into()))
}

fn text(outcome: Outcome) -> String {
    outcome.map_or_else(|error| error.to_string(), |()| "well".to_string())
}

/// XR-01.
#[test]
fn the_first_layer_that_is_named_is_the_outermost() {
    let log = Log::default();
    let layer = |name: &'static str| {
        let log = log.clone();
        move |task: Task| {
            let log = log.clone();
            Task::new(move |context: &Context| {
                log.add(format!("{name} begins"));
                let outcome = task.execute(context);
                log.add(format!("{name} ends"));
                outcome
            })
        }
    };
    let task = Task::new(log.task("task")).wrapped_in(&[&layer("outer"), &layer("inner")]);
    assert_eq!(text(task.execute(&background())), "well");
    assert_eq!(log.take(), ["outer begins", "inner begins", "task", "inner ends", "outer ends"]);
}

/// XR-02.
#[test]
fn a_preparation_that_fails_is_all_that_runs() {
    everywhere(|| {
        let log = Log::default();
        let routine = Routine::new(log.task("main")).worker("worker", log.task("worker"));
        let routine = routine.daemon("daemon", log.task("daemon")).cleanup(log.task("cleanup"));
        let routine = routine.prepare(|_| Err("no disk".into()));
        assert_eq!(text(routine.execute(&background())), "no disk");
        let (context, cancel) = with_cancel(&background());
        cancel.cancel();
        let routine =
            Routine::new(log.task("main")).prepare(log.task("prepare")).cleanup(log.task("cleanup"));
        assert_eq!(text(routine.execute(&context)), "context canceled");
        assert_eq!(log.take(), [""; 0]);
    });
}

/// XR-03.
#[test]
fn the_first_end_decides() {
    everywhere(|| {
        let log = Log::default();
        let run = |routine: Routine| text(routine.execute(&background()));
        assert_eq!(run(Routine::new(log.task("main"))), "well");
        assert_eq!(
            run(Routine::new(fails("main fails")).daemon("daemon", log.waits("daemon"))),
            "main fails"
        );
        assert_eq!(
            run(Routine::new(log.waits("main")).worker("worker", fails("a worker fails"))),
            "a worker fails"
        );
        assert_eq!(run(Routine::new(log.task("main")).daemon("daemon", fails("a daemon fails"))), "well");
        let (context, cancel) = with_cancel_cause(&background());
        let routine = Routine::new(log.waits("main")).daemon("daemon", move |_: &Context| {
            cancel.cancel("the lights went out");
            Ok(())
        });
        let error = routine.execute(&context).expect_err("it is cancelled");
        assert_eq!(
            error.downcast_ref::<Cause>().map(ToString::to_string).as_deref(),
            Some("the lights went out")
        );
        log.take();
        // A worker that works on keeps the routine from ending.
        let (tx, rx) = bounded(0);
        let main = move |_: &Context| Ok(tx.send(1)?);
        let (theirs, worker) = (log.clone(), move |_: &Context| rx.recv().map(drop).map_err(Into::into));
        let worker = serial([Task::new(worker), Task::new(theirs.task("worker"))]);
        assert_eq!(run(Routine::new(main).worker("worker", worker).cleanup(log.task("cleanup"))), "well");
        assert_eq!(log.take(), ["worker", "cleanup"]);
    });
}

/// XR-04.
#[test]
fn a_task_that_ignores_its_context_is_waited_for() {
    everywhere(|| {
        let log = Log::default();
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = bounded(0);
        let (theirs, hears) = (log.clone(), context.clone());
        let routine = Routine::new(move |_: &Context| {
            // It hears of the end, and goes on.
            assert!(hears.done().recv().is_err());
            rx.recv()?;
            theirs.add("main");
            Ok(())
        });
        let routine = routine.daemon("daemon", move |context: &Context| {
            cancel.cancel();
            assert!(context.done().recv().is_err());
            Ok(tx.send(())?)
        });
        assert_eq!(text(routine.cleanup(log.task("cleanup")).execute(&context)), "context canceled");
        assert_eq!(log.take(), ["main", "cleanup"]);
    });
}

#[test]
fn cleanups_run_under_a_context_that_is_not_done() {
    everywhere(|| {
        #[derive(PartialEq, Eq)]
        struct Name;
        impl Key for Name {
            type Value = &'static str;
        }
        let above = with_value(&background(), Name, "a value");
        let (context, cancel) = with_cancel(&above);
        let cancels = move |_: &Context| call(&cancel);
        let cleanup = |context: &Context| {
            assert_eq!((context.err(), context.value(&Name)), (None, Some(&"a value")));
            Err("the disk is full".into())
        };
        let routine = Routine::new(until_done).daemon("daemon", cancels).cleanup(cleanup);
        assert_eq!(text(routine.execute(&context)), "context canceled", "the first error is the outcome");
        let routine = Routine::new(|_: &Context| Ok(())).cleanup(cleanup);
        assert_eq!(text(routine.execute(&above)), "the disk is full", "there is no other error");
    });
}

/// XR-04.
#[test]
fn nested_routines_are_cleaned_up_from_the_inside_to_the_outside() {
    everywhere(|| {
        let log = Log::default();
        let (context, cancel) = with_cancel(&background());
        let mut routine = Routine::new(log.waits("main"));
        let control = routine.control();
        for level in 0..5 {
            routine = Routine::new(routine.cleanup(log.task(&format!("cleanup {level}"))));
        }
        let routine = routine.daemon("canceller", move |_: &Context| {
            assert!(control.serving().recv().is_err());
            cancel.cancel();
            Ok(())
        });
        assert_eq!(text(routine.execute(&context)), "context canceled");
        assert_eq!(log.take(), ["main", "cleanup 0", "cleanup 1", "cleanup 2", "cleanup 3", "cleanup 4"]);
    });
}

#[test]
fn panics_are_errors_wherever_they_come_from() {
    everywhere(|| {
        let panics = |text: &'static str| move |_: &Context| -> Outcome { panic!("{text}") };
        let run = |routine: Routine| {
            let error = routine.execute(&background()).expect_err("it panics");
            error.downcast_ref::<Panicked>().expect("a panic").text().to_string()
        };
        assert_eq!(run(Routine::new(panics("main"))), "main");
        assert_eq!(run(Routine::new(until_done).worker("worker", panics("worker"))), "worker");
        assert_eq!(run(Routine::new(until_done).prepare(panics("prepare"))), "prepare");
        assert_eq!(run(Routine::new(|_: &Context| Ok(())).cleanup(panics("cleanup"))), "cleanup");
        let hook = |event: &Event<'_>| assert!(!matches!(event, Event::Stops { .. }), "the hook");
        assert_eq!(run(Routine::new(|_: &Context| Ok(())).observe(hook)), "the hook");
        let tasks = parallel([Task::new(panics("one")), Task::new(|_: &Context| Ok(()))]);
        assert_eq!(text(tasks.execute(&background())), "a panic: one");
        // The payload is no text, and its destructor panics.
        struct Worse;
        impl Drop for Worse {
            fn drop(&mut self) {
                std::panic::resume_unwind(Box::new("once more"));
            }
        }
        let task = Task::new(|_| std::panic::resume_unwind(Box::new(Worse)));
        assert_eq!(text(task.execute(&background())), "a panic: its payload is no text");
    });
}

#[test]
fn a_task_that_exits_its_goroutine_has_failed() {
    Builder::new().procs(2).run(|| {
        let log = Log::default();
        let routine = Routine::new(|_: &Context| -> Outcome { selvedge_go::goexit() });
        let routine = routine.worker("worker", log.waits("worker")).cleanup(log.task("cleanup"));
        assert!(routine.execute(&background()).is_err());
        let tasks = parallel([Task::new(|_| selvedge_go::goexit()), Task::new(log.task("other"))]);
        assert_eq!(text(tasks.execute(&background())), "a panic: it ended its goroutine");
        assert_eq!(log.take(), ["worker", "cleanup", "other"]);
        while num_goroutine() > 1 {
            gosched();
        }
    });
}

/// XR-05.
#[test]
fn a_routine_is_closed_while_it_runs_and_not_before_or_after() {
    everywhere(|| {
        let log = Log::default();
        let routine = Routine::new(log.waits("main"));
        let control = routine.control();
        assert!(!control.close() && !control.serving().is_closed());
        let closer = control.clone();
        let close = move |_: &Context| {
            assert!(closer.serving().recv().is_err());
            // The second execution may not have begun.
            while !closer.close() {
                selvedge::rt::thread::yield_now();
            }
            Ok(())
        };
        let both = parallel([Task::of(routine), Task::new(close)]);
        for _ in 0..2 {
            assert_eq!(text(both.execute(&background())), "well");
            assert!(!control.close(), "it has ended");
        }
        assert_eq!(log.take(), ["main", "main"]);
    });
}

#[test]
fn hooks_are_told_what_begins_and_ends() {
    everywhere(|| {
        let (log, theirs) = (Log::default(), Log::default());
        let told = log.clone();
        let hook = move |event: &Event<'_>| match event {
            Event::Begins { name } => told.add(format!("{name} begins")),
            Event::Ends { name, elapsed, outcome } => {
                assert!(*elapsed < HOUR);
                told.add(format!("{name} ends: {}", outcome.is_ok()));
            }
            Event::Stops { outcome } => told.add(format!("stops: {}", outcome.is_ok())),
            _ => (),
        };
        let routine = Routine::new(fails("main")).prepare(|_| Ok(())).cleanup(|_| Ok(()));
        let routine = routine.daemon("daemon", theirs.waits("daemon")).observe(hook);
        assert_eq!(text(routine.execute(&background())), "main");
        let mut events = log.take();
        assert_eq!(events[..2], ["prepare begins", "prepare ends: true"]);
        assert_eq!(events[events.len() - 2..], ["cleanup begins", "cleanup ends: true"]);
        let at =
            |text: &str| events.iter().position(|event| event == text).unwrap_or_else(|| panic!("no {text}"));
        assert!(at("main ends: false") < at("stops: false") && at("stops: false") < at("daemon ends: true"));
        events.sort();
        events.dedup();
        assert_eq!(events.len(), 9);
    });
}

/// XR-06, XR-07.
#[test]
fn arguments_and_attempts_are_in_the_context() {
    let routine = Routine::new(|context: &Context| {
        assert_eq!(
            context.value(&Arguments).map(Vec::as_slice),
            Some(&["-v".to_string(), "file".to_string()][..])
        );
        match context.value(&Attempt) {
            Some(3) => Ok(()),
            attempt => Err(format!("{attempt:?}").into()),
        }
    });
    let routine = Task::of(routine.arguments(["-v", "file"]));
    assert_eq!(text(routine.clone().retry(Retry::times(3)).execute(&background())), "well");
    assert_eq!(text(routine.clone().retry(Retry::times(2)).execute(&background())), "Some(2)");
    assert_eq!(
        text(routine.clone().retry(Retry::times(0)).execute(&background())),
        "Some(1)",
        "one try at least"
    );
    assert_eq!(text(routine.execute(&background())), "None");
}

#[test]
fn delays_grow_to_a_limit_and_a_seed_gives_the_same_ones() {
    let policy = Retry::times(40).doubling(MOMENT, HOUR);
    let whole: Vec<_> = policy.delays().collect();
    assert_eq!((whole.len(), whole[0], whole[1], whole[38]), (39, MOMENT, 2 * MOMENT, HOUR));
    let drawn: Vec<_> = policy.jitter(7).delays().collect();
    assert!(whole.iter().zip(&drawn).all(|(whole, drawn)| (*whole / 2..=*whole).contains(drawn)));
    assert_ne!(whole, drawn);
    assert_eq!(drawn, policy.jitter(7).delays().collect::<Vec<_>>());
    assert_ne!(drawn, policy.jitter(8).delays().collect::<Vec<_>>());
    assert_eq!(Retry::times(3).every(MOMENT).delays().collect::<Vec<_>>(), [MOMENT; 2]);
    let endless = Retry::times(u32::MAX).doubling(Duration::MAX, Duration::MAX).jitter(1);
    assert!(endless.delays().nth(100).is_some());
}

#[test]
fn pauses_end_with_the_context() {
    everywhere(|| {
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = bounded(1);
        let tries = Task::new(move |_: &Context| {
            _ = tx.try_send(());
            Err("no luck".into())
        });
        let cancels = move |_: &Context| {
            rx.recv()?;
            call(&cancel)
        };
        let both = parallel([tries.retry(Retry::times(9).every(HOUR)), Task::new(cancels)]);
        assert_eq!(text(both.execute(&context)), "no luck");
        let (context, cancel) = with_cancel(&background());
        let cancels = Task::new(move |_: &Context| call(&cancel));
        assert_eq!(text(cancels.repeat(0, HOUR).execute(&context)), "context canceled");
    });
}

/// XR-07.
#[test]
fn tasks_are_repeated_until_one_fails() {
    let log = Log::default();
    let task = Task::new(log.task("well"));
    assert_eq!(text(task.clone().repeat(3, Duration::ZERO).execute(&background())), "well");
    assert_eq!(log.take().len(), 3);
    let once = serial([task, fails("no luck")]);
    assert_eq!(text(once.repeat(0, MOMENT).execute(&background())), "no luck");
    assert_eq!(log.take().len(), 1);
}

/// XR-08.
#[test]
fn time_limits_wait_for_the_task() {
    everywhere(|| {
        let log = Log::default();
        let waits = Task::new(log.waits("it ends"));
        let error = waits.clone().timeout(MOMENT).execute(&background()).expect_err("it waits");
        assert_eq!(
            error.downcast_ref::<Cause>().and_then(Cause::downcast_ref),
            Some(&Error::DeadlineExceeded)
        );
        assert_eq!(log.take(), ["it ends"]);
        assert_eq!(
            text(waits.clone().deadline(Instant::now()).execute(&background())),
            "context deadline exceeded"
        );
        assert_eq!(log.take(), [""; 0], "it does not begin");
        assert_eq!(text(Task::new(log.task("")).timeout(HOUR).execute(&background())), "well");
        assert_eq!(text(fails("no luck").timeout(HOUR).execute(&background())), "no luck");
    });
}

/// XR-07, XR-08.
#[test]
fn tasks_beside_each_other_all_end_and_the_first_error_stays() {
    everywhere(|| {
        let log = Log::default();
        let (tx, rx) = bounded::<()>(0);
        let second = move |_: &Context| {
            // It ends after the other one.
            assert!(rx.recv().is_err());
            Err("the second".into())
        };
        let first = Mutex::new(Some(tx));
        let first = move |_: &Context| {
            let keeps_open = first.lock().expect("no panic").take();
            std::thread::spawn(move || drop(keeps_open));
            Err("the first".into())
        };
        let tasks = [Task::new(first), Task::new(log.task("third"))];
        assert_eq!(text(parallel(tasks).execute(&background())), "the first");
        let reported = log.clone();
        let guaranteed = Task::new(second).guaranteed(move |error| reported.add(error.to_string()));
        assert_eq!(text(guaranteed.execute(&background())), "well");
        assert_eq!(text(Task::new(log.task("a copy")).copies(10).execute(&background())), "well");
        assert_eq!(text(parallel([]).execute(&background())), "well");
        assert_eq!(text(serial([]).execute(&background())), "well");
        let log = log.take();
        assert_eq!(log.iter().filter(|text| *text == "a copy").count(), 10);
        assert_eq!(log[..2], ["third", "the second"]);
    });
}

#[test]
fn everything_is_dropped() {
    everywhere(|| {
        let (log, count) = (Log::default(), Arc::new(()));
        for _ in 0..3 {
            let held = Arc::clone(&count);
            let main = move |_: &Context| {
                assert!(Arc::strong_count(&held) > 1);
                Ok(())
            };
            let routine = Routine::new(Task::new(main).retry(Retry::times(2)).copies(3));
            let routine = routine.daemon("daemon", log.waits("daemon")).worker("worker", log.task("worker"));
            let context = with_value(&background(), Attempt, 1);
            assert_eq!(text(routine.execute(&context)), "well");
        }
        assert_eq!(Arc::strong_count(&count), 1);
        _ = never::<()>();
    });
}

/// Other programs. XR-09.
#[cfg(unix)]
#[test]
fn programs_are_run_and_killed_in_time() {
    use selvedge_go::routine::Exited;
    use std::process::Command;
    let shell = |text: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", text]).env("GREETING", "hello");
        Task::program(command)
    };
    let status = |outcome: Outcome| {
        let error = outcome.expect_err("it fails");
        error.downcast_ref::<Exited>().expect("it has run").status().code()
    };
    everywhere(|| {
        assert_eq!(text(shell("test $GREETING = hello").execute(&background())), "well");
        assert_eq!(status(shell("exit 3").execute(&background())), Some(3));
        assert_eq!(status(shell("kill -9 $$").execute(&background())), None);
        assert_eq!(text(shell("exit 3").execute(&background())), "the program ended with exit status: 3");
        let missing = Task::program(Command::new("/no/such/program")).execute(&background());
        let error = missing.expect_err("there is no such program");
        let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        assert_eq!(kind, Some(std::io::ErrorKind::NotFound));
        let (context, cancel) = with_cancel(&background());
        let beside = parallel([shell("exec sleep 3600"), Task::new(move |_: &Context| call(&cancel))]);
        assert_eq!(text(beside.execute(&context)), "context canceled");
        let asleep = shell("exec sleep 3600").timeout(MOMENT);
        assert_eq!(text(asleep.clone().execute(&background())), "context deadline exceeded");
        assert_eq!(text(asleep.copies(3).execute(&background())), "context deadline exceeded");
        assert_eq!(text(shell("false").execute(&context)), "context canceled", "it does not begin");
        assert_eq!(text(shell("true").copies(5).repeat(2, MOMENT).execute(&background())), "well");
    });
}

#[cfg(unix)]
mod signals {
    use super::*;
    use selvedge_go::signal::{Received, Signal};

    /// Runs a program everywhere. A signal comes to the whole process, so tests that run in one, side by side, take turns.
    fn in_turn(program: impl Fn()) {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        everywhere(program);
    }

    fn raise(signal: Signal) {
        // SAFETY: the call has no effect on memory.
        assert_eq!(unsafe { libc::raise(signal.number()) }, 0);
    }

    /// XR-05.
    #[test]
    fn signals_are_handled_and_stop_a_routine() {
        in_turn(|| {
            let log = Log::default();
            let (handled, rx) = bounded(1);
            let routine = Routine::new(move |context: &Context| {
                raise(Signal::SIGUSR1);
                rx.recv()?;
                raise(Signal::SIGUSR2);
                until_done(context)
            });
            let routine = routine.stop_on([Signal::SIGUSR2]).cleanup(log.task("cleanup"));
            let routine = routine.on_signal(Signal::SIGUSR1, move |_| Ok(handled.send(())?));
            let error = routine.execute(&background()).expect_err("a signal stops it");
            assert_eq!(
                error.downcast_ref::<Received>().map(|received| received.signal()),
                Some(Signal::SIGUSR2)
            );
            assert_eq!(log.take(), ["cleanup"]);
        });
    }

    /// Signals that come while a handler runs. XR-10.
    #[test]
    fn no_kind_of_signal_is_lost_because_of_another() {
        in_turn(|| {
            let log = Log::default();
            let (first, second) = (log.clone(), log.clone());
            let (handled, rx) = bounded(0);
            let routine = Routine::new(move |_: &Context| {
                raise(Signal::SIGUSR1);
                Ok(rx.recv()?)
            });
            let routine = routine.on_signal(Signal::SIGUSR1, move |_| {
                raise(Signal::SIGUSR2);
                raise(Signal::SIGWINCH);
                first.add("first");
                Ok(())
            });
            let routine = routine.on_signal(Signal::SIGUSR2, second.task("second"));
            let routine = routine.on_signal(Signal::SIGWINCH, move |_| Ok(handled.send(())?));
            assert_eq!(text(routine.execute(&background())), "well");
            assert_eq!(log.take(), ["first", "second"]);
        });
    }

    #[test]
    fn a_handler_that_fails_stops_a_routine() {
        in_turn(|| {
            let routine = Routine::new(|context: &Context| {
                raise(Signal::SIGWINCH);
                until_done(context)
            });
            let routine = routine.on_signal(Signal::SIGWINCH, |_| panic!("as planned"));
            assert_eq!(text(routine.execute(&background())), "a panic: as planned");
        });
    }
}
