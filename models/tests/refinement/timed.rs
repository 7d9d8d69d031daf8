//! Programs of timed operations where time is discrete: what they come to with primitives as specified, and as they are.

use selvedge::chan::{self, RecvTimeoutError, SendTimeoutError, after, bounded, select, tick, unbounded};
use selvedge::rt::{self, thread, time};
use selvedge::sync::{Cond, Mutex, RwMutex, Semaphore, WaitGroup};
use selvedge_check::{Checker, Engine, Primitives, Report, Verdict};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn explore<R: Ord + Send + 'static>(
    form: Primitives,
    limit: u64,
    program: impl Fn() -> R + Send + Sync + 'static,
) -> (BTreeSet<R>, Report) {
    let all = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&all);
    let checker = Checker::new()
        .ignore_environment()
        .engines([Engine::Graph])
        .primitives(form)
        .discrete_time(true)
        .max_executions(limit)
        .find_first(false)
        .shrink(false);
    let model = move || {
        let outcome = program();
        into.lock().expect("no panic").insert(outcome);
    };
    let report = checker.run(model).remove(0);
    let outcomes = std::mem::take(&mut *all.lock().expect("no panic"));
    (outcomes, report)
}

/// Demands that a program comes to these outcomes, in so many executions with primitives as specified, and that the real
/// form comes to no other ones, and to all if it is explored to the end.
#[track_caller]
fn comes_to<R: Ord + Send + std::fmt::Debug + 'static>(
    program: impl Fn() -> R + Clone + Send + Sync + 'static,
    outcomes: impl IntoIterator<Item = R>,
    executions: u64,
) {
    let (found, report) = explore(Primitives::Specified, u64::MAX, program.clone());
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(report.primitives, Primitives::Specified, "{report}");
    let expected: BTreeSet<R> = outcomes.into_iter().collect();
    assert_eq!((&found, report.executions), (&expected, executions), "{report}");
    let (real, report) = explore(Primitives::Real, 3_000, program);
    assert!(report.verdict.passed() && !real.is_empty(), "{report}");
    assert!(real.is_subset(&found), "the real form comes to {real:?}");
    assert!(
        !matches!(report.verdict, Verdict::Exhaustive) || real == found,
        "the real form comes to {real:?}"
    );
}

#[test]
fn a_receive_times_out_only_before_what_comes_later() {
    let receive = |sleep: u64, wait: u64| {
        move || {
            let (tx, rx) = bounded(1);
            thread::spawn(move || {
                thread::sleep(ms(sleep));
                _ = tx.send(1);
            });
            let begun = time::now();
            let received = rx.recv_timeout(ms(wait)).ok();
            assert_eq!(time::now() - begun, ms(sleep.min(wait)));
            received
        }
    };
    comes_to(receive(1, 2), [Some(1)], 3);
    comes_to(receive(2, 1), [None], 1);
    comes_to(receive(0, 1), [Some(1)], 6);
    comes_to(receive(2, 2), [Some(1), None], 6);
}

/// A stage that gives up on values that come too slowly.
#[test]
fn a_pipeline_with_time_outs() {
    let pipeline = || {
        let (source, numbers) = bounded(0);
        let (squares, results) = bounded(1);
        thread::spawn(move || {
            for (number, pause) in [(1, 1), (2, 5), (3, 1)] {
                thread::sleep(ms(pause));
                if source.send_timeout(number, ms(1)).is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || {
            loop {
                match numbers.recv_timeout(ms(3)) {
                    Ok(number) => squares.send(Ok(number * number)).expect("it is read"),
                    Err(RecvTimeoutError::Timeout) => squares.send(Err("late")).expect("it is read"),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        results.iter().collect::<Vec<_>>()
    };
    comes_to(pipeline, [vec![Ok(1), Err("late"), Ok(4), Ok(9)]], 3);
}

/// A worker beats until it hangs; the monitor notices it by the third missing beat.
#[test]
fn a_heartbeat_that_stops_is_noticed_in_time() {
    let heartbeat = || {
        let (beat, beats) = unbounded();
        let begun = time::now();
        thread::spawn(move || {
            for _ in 0..3 {
                beat.send(()).expect("it is heard");
                thread::sleep(ms(10));
            }
            thread::sleep(ms(1_000));
        });
        let (mut heard, mut missing) = (0, 0);
        while missing < 3 {
            match beats.recv_timeout(ms(15)) {
                Ok(()) => (heard, missing) = (heard + 1, 0),
                Err(_) => missing += 1,
            }
        }
        (heard, time::now() - begun)
    };
    comes_to(heartbeat, [(3, ms(20 + 3 * 15))], 2);
}

/// A publisher drops subscribers that do not take a value in time.
#[test]
fn a_publisher_evicts_slow_subscribers() {
    let publish = || {
        let (got, all) = unbounded();
        let mut subscribers: Vec<(usize, chan::Sender<u32>)> = Vec::new();
        for (name, pause) in [(0, 1), (1, 100)] {
            let (tx, rx) = bounded(0);
            let got = got.clone();
            thread::spawn(move || {
                for news in rx {
                    got.send((name, news)).expect("it is read");
                    thread::sleep(ms(pause));
                }
            });
            subscribers.push((name, tx));
        }
        drop(got);
        for news in 1..=2 {
            subscribers.retain(|(_, subscriber)| {
                !matches!(subscriber.send_timeout(news, ms(10)), Err(SendTimeoutError::Timeout(_)))
            });
        }
        let left: Vec<usize> = subscribers.into_iter().map(|(name, _)| name).collect();
        (left, all.iter().collect::<BTreeSet<_>>())
    };
    comes_to(publish, [(vec![0], BTreeSet::from([(0, 1), (0, 2), (1, 1)]))], 8);
}

#[test]
fn a_select_takes_what_comes_before_its_timer() {
    let serve = |pause: u64| {
        move || {
            let (tx, jobs) = unbounded();
            thread::spawn(move || {
                for job in 1..=2 {
                    thread::sleep(ms(pause));
                    _ = tx.send(job);
                }
                thread::sleep(ms(100));
            });
            let (mut done, idle) = (Vec::new(), after(ms(10)));
            loop {
                select! {
                    recv(jobs) -> job => done.extend(job),
                    recv(idle) -> _ => return done,
                }
            }
        }
    };
    comes_to(serve(3), [vec![1, 2]], 1);
    comes_to(serve(6), [vec![1]], 1);
    comes_to(serve(20), [vec![]], 1);
    comes_to(serve(5), [vec![1], vec![1, 2]], 3);
}

#[test]
fn a_ticker_paces_a_loop() {
    let paced = || {
        let begun = time::now();
        let (tx, jobs) = unbounded();
        thread::spawn(move || (0..3).for_each(|job| tx.send(job).expect("it is read")));
        let ticks = tick(ms(2));
        jobs.iter().map(|job| (job, ticks.recv().expect("a ticker goes on") - begun)).collect::<Vec<_>>()
    };
    comes_to(paced, [vec![(0, ms(2)), (1, ms(4)), (2, ms(6))]], 1);
}

/// Each operation waits for 5 ms, in which another thread ends the wait, or lets 10 ms pass before.
fn timed(operation: impl Fn(u64) -> bool + Clone + Send + Sync + 'static) {
    let late = operation.clone();
    comes_to(move || operation(1), [true], 1);
    comes_to(move || late(10), [false], 1);
}

#[test]
fn locks_are_taken_or_given_up_in_time() {
    let mutex = |pause| {
        let lock = Mutex::new(());
        let held = lock.lock();
        thread::scope(|scope| {
            let other = scope.spawn(|| lock.try_lock_for(ms(5)).is_some());
            thread::sleep(ms(pause));
            drop(held);
            other.join().expect("no panic")
        })
    };
    timed(mutex);
    let readers = |pause| {
        let lock = RwMutex::new(());
        let held = lock.read();
        thread::scope(|scope| {
            let other = scope.spawn(|| lock.try_write_for(ms(5)).is_some());
            thread::sleep(ms(pause));
            drop(held);
            other.join().expect("no panic")
        })
    };
    timed(readers);
    let writer = |pause| {
        let lock = RwMutex::new(());
        let held = lock.write();
        thread::scope(|scope| {
            let other = scope.spawn(|| lock.try_read_for(ms(5)).is_some());
            thread::sleep(ms(pause));
            drop(held);
            other.join().expect("no panic")
        })
    };
    timed(writer);
}

#[test]
fn other_waits_end_in_time() {
    let semaphore = |pause| {
        let places = Semaphore::new(0);
        thread::scope(|scope| {
            let other = scope.spawn(|| places.acquire_timeout(1, ms(5)).is_some());
            thread::sleep(ms(pause));
            places.release(1);
            other.join().expect("no panic")
        })
    };
    timed(semaphore);
    let group = |pause| {
        let group = WaitGroup::new();
        let task = group.go(move || thread::sleep(ms(pause)));
        let ended = group.wait_timeout(ms(5));
        task.join().expect("no panic");
        ended
    };
    timed(group);
    let cond = |pause| {
        let (changed, ready) = (Cond::new(), Mutex::new(false));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut ready = ready.lock();
                *ready || changed.wait_timeout(&mut ready, ms(5))
            });
            thread::sleep(ms(pause));
            *ready.lock() = true;
            changed.signal();
            other.join().expect("no panic")
        })
    };
    timed(cond);
    let condvar = |pause| {
        let (changed, ready) = (rt::sync::Condvar::new(), rt::sync::Mutex::new(false));
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let wait = |ready| changed.wait_timeout_while(ready, ms(5), |ready: &mut bool| !*ready);
                !wait(ready.lock()).1.timed_out()
            });
            thread::sleep(ms(pause));
            *ready.lock() = true;
            changed.notify_one();
            other.join().expect("no panic")
        })
    };
    timed(condvar);
    let parked = |pause| {
        let parked = thread::spawn(move || {
            let begun = time::now();
            thread::park_timeout(ms(5));
            time::now() - begun
        });
        thread::sleep(ms(pause));
        parked.thread().unpark();
        parked.join().expect("no panic") == ms(pause)
    };
    for (pause, woken) in [(1, true), (10, false)] {
        // Parking is what it is in both forms.
        let (ends, report) = explore(Primitives::Real, u64::MAX, move || parked(pause));
        assert_eq!((ends, report.executions), (BTreeSet::from([woken]), 1), "{report}");
    }
}
