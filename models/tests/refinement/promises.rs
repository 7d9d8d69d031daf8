//! The happens-before that the documentation of channels promises, as specified: each program has no data race, and has one
//! where the line of the specification that makes the order is changed.

use selvedge::chan::{Receiver, Sender, bounded, unbounded};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::thread;
use selvedge_check::{Change, Checker, Engine, FailureKind, Primitives, Report, Verdict, site_of};
use std::sync::Arc;

const WORLD: (&str, &str) =
    ("primitives/src/spec/chan/world.rs", include_str!("../../../primitives/src/spec/chan/world.rs"));
const APART: (&str, &str) =
    ("primitives/src/spec/chan/apart.rs", include_str!("../../../primitives/src/spec/chan/apart.rs"));
const LANE: (&str, &str) =
    ("primitives/src/spec/chan/lane.rs", include_str!("../../../primitives/src/spec/chan/lane.rs"));
const HANDLES: (&str, &str) =
    ("primitives/src/spec/chan/handles.rs", include_str!("../../../primitives/src/spec/chan/handles.rs"));

/// Two words that a race detector watches.
#[derive(Default)]
struct Plain([UnsafeCell<u32>; 2]);

// SAFETY: the engine runs one thread at a time, and reports accesses that no order keeps apart.
unsafe impl Sync for Plain {}

impl Plain {
    fn write(&self, word: usize) {
        // SAFETY: the engine runs one thread at a time.
        self.0[word].with_mut(|word| unsafe { *word += 1 });
    }
}

/// Lets a program that gets a channel of this capacity and two words run, and demands that it has no race, and has one with
/// the faulty twin of the line with this label.
#[track_caller]
fn promised(
    (file, source): (&str, &str),
    label: &str,
    channel: fn() -> (Sender<u32>, Receiver<u32>),
    program: fn(Sender<u32>, Receiver<u32>, Arc<Plain>),
) {
    let checker =
        Checker::new().ignore_environment().engines([Engine::Graph]).primitives(Primitives::Specified);
    let run = move || {
        let (tx, rx) = channel();
        program(tx, rx, Arc::default());
    };
    let report = checker.clone().run(run).remove(0);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    let twin = site_of(source, file, label, Change::Twin).unwrap_or_else(|error| panic!("{error}"));
    let report = checker.mutate(twin).run(run).remove(0);
    let kind = report.verdict.failure().map(|found| found.failure.kind);
    assert_eq!(kind, Some(FailureKind::Race), "{label}: {report}");
}

fn send_then_receive(tx: Sender<u32>, rx: Receiver<u32>, plain: Arc<Plain>) {
    let theirs = Arc::clone(&plain);
    thread::spawn(move || {
        theirs.write(0);
        tx.send(1).expect("open");
    });
    rx.recv().expect("one was sent");
    plain.write(0);
}

fn receive_then_second_send(tx: Sender<u32>, rx: Receiver<u32>, plain: Arc<Plain>) {
    let theirs = Arc::clone(&plain);
    let receiver = thread::spawn(move || {
        theirs.write(0);
        rx.recv().expect("one was sent");
        rx
    });
    (0..2).for_each(|n| tx.send(n).expect("open"));
    plain.write(0);
    receiver.join().expect("no panic");
}

fn drops_then_receive(tx: Sender<u32>, rx: Receiver<u32>, plain: Arc<Plain>) {
    for word in 0..2 {
        let (tx, theirs) = (tx.clone(), Arc::clone(&plain));
        thread::spawn(move || {
            theirs.write(word);
            drop(tx);
        });
    }
    drop(tx);
    rx.recv().expect_err("nothing was sent");
    (0..2).for_each(|word| plain.write(word));
}

fn close_then_receive(tx: Sender<u32>, rx: Receiver<u32>, plain: Arc<Plain>) {
    let theirs = Arc::clone(&plain);
    thread::spawn(move || {
        theirs.write(0);
        tx.close().expect("open");
    });
    rx.recv().expect_err("nothing was sent");
    plain.write(0);
}

#[test]
fn a_send_waits_for_its_place() {
    let checker =
        Checker::new().ignore_environment().engines([Engine::Graph]).primitives(Primitives::Specified);
    let run = || {
        let (tx, rx) = bounded(1);
        (0..2).for_each(|n| tx.send(n).expect("open"));
        drop(rx);
    };
    let kind = |report: &Report| report.verdict.failure().map(|found| found.failure.kind);
    let report = checker.clone().run(run).remove(0);
    assert_eq!(kind(&report), Some(FailureKind::Deadlock), "{report}");
    let twin = site_of(LANE.1, LANE.0, "apart-buffer-too-big", Change::Twin);
    let report = checker.mutate(twin.unwrap_or_else(|error| panic!("{error}"))).run(run).remove(0);
    assert_eq!(kind(&report), None, "{report}");
}

/// Returns a channel whose sends and receives have one order, since somebody has looked at both.
fn one() -> (Sender<u32>, Receiver<u32>) {
    let (tx, rx) = bounded(1);
    assert!(!tx.is_closed());
    (tx, rx)
}

#[test]
fn a_send_comes_before_its_receive() {
    promised(LANE, "apart-no-edge-to-receiver", unbounded, send_then_receive);
    promised(WORLD, "no-edge-to-receiver", one, send_then_receive);
    promised(WORLD, "no-edge-from-buffer", one, send_then_receive);
}

#[test]
fn a_receive_comes_before_the_send_that_takes_its_place() {
    promised(LANE, "apart-no-edge-to-sender", || bounded(1), receive_then_second_send);
    promised(WORLD, "no-edge-to-sender", one, receive_then_second_send);
}

#[test]
fn the_drops_of_all_senders_come_before_a_receive_that_fails() {
    promised(APART, "apart-no-edge-to-close", || bounded(1), drops_then_receive);
    promised(HANDLES, "no-edge-to-the-last-drop", one, drops_then_receive);
}

#[test]
fn a_close_comes_before_a_receive_that_fails() {
    promised(WORLD, "no-edge-to-close", one, close_then_receive);
}
