//! How many executions programs with specified channels have.

use crate::counts::executions;
use selvedge::chan::{bounded, unbounded};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, Primitives, Strategy};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn a_rendezvous_of_one_value() {
    let count = executions(|| {
        let (tx, rx) = bounded(0);
        let sender = thread::spawn(move || tx.send(1).expect("open"));
        assert_eq!(rx.recv(), Ok(1));
        sender.join().expect("no panic");
    });
    assert_eq!(count, 1);
}

#[test]
fn two_values_through_a_buffer_of_one() {
    let count = executions(|| {
        let (tx, rx) = bounded(1);
        let sender = thread::spawn(move || (0..2).for_each(|n| tx.send(n).expect("open")));
        assert_eq!((rx.recv(), rx.recv()), (Ok(0), Ok(1)));
        sender.join().expect("no panic");
    });
    assert_eq!(count, 1);
}

#[test]
fn a_ping_pong() {
    let count = executions(|| {
        let (ping, pinged) = bounded(0);
        let (pong, ponged) = bounded(0);
        let other = thread::spawn(move || {
            for n in pinged {
                pong.send(n).expect("open");
            }
        });
        for n in 0..2 {
            ping.send(n).expect("open");
            assert_eq!(ponged.recv(), Ok(n));
        }
        drop(ping);
        other.join().expect("no panic");
    });
    assert_eq!(count, 1);
}

/// Sends, and times out, on a channel of each kind.
fn each_kind() {
    for (tx, rx) in [bounded(0), bounded(1), unbounded()] {
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            let _timed = tx.send_timeout(2, Duration::from_millis(1));
        });
        assert_eq!(rx.recv(), Ok(1));
        assert!(matches!(rx.recv(), Ok(2) | Err(_)));
        assert!(rx.recv().is_err() && rx.is_closed());
        sender.join().expect("no panic");
    }
}

#[test]
fn other_engines_run_specified_channels() {
    let engines = [Engine::Loom, Engine::Shuttle(Strategy::DepthFirst), Engine::Shuttle(Strategy::Random)];
    for engine in engines.into_iter().filter(|engine| engine.is_available()) {
        let checker = Checker::new().ignore_environment().engines([engine]).primitives(Primitives::Specified);
        let report = checker.max_executions(1_000).run(each_kind).remove(0);
        assert!(report.verdict.failure().is_none(), "{report}");
        assert_eq!(report.primitives, Primitives::Specified, "{report}");
    }
}

#[test]
fn handles_that_another_thread_clones_are_counted() {
    let all = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&all);
    let count = executions(move || {
        let (tx, rx) = bounded::<u32>(1);
        let cloner = thread::spawn(move || {
            let second = tx.clone();
            drop(tx);
            drop(second);
        });
        let count = rx.sender_count();
        seen.lock().expect("no panic").insert(count);
        cloner.join().expect("no panic");
        assert_eq!(rx.sender_count(), 0);
    });
    assert_eq!(*all.lock().expect("no panic"), BTreeSet::from([0, 1, 2]));
    assert_eq!(count, 4, "before the clone, after it, after each drop");
}
