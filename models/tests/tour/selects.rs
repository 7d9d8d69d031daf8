//! Chapter 4: select and time-outs.

use super::{Chapter, Checked};
use selvedge::chan::{after, bounded, select, tick};
use selvedge::context::{Error, background, with_timeout};
use selvedge_check::FailureKind;
use selvedge_go::{go, run};
use std::time::Duration;

pub(super) const CHAPTER: Chapter = Chapter {
    page: "4-select.md",
    source: include_str!("selects.rs"),
    programs: &[either, not_now, in_time, until],
    checked: &[
        Checked("late_answer", late_answer, Some(FailureKind::Panic)),
        Checked("late_answer_is_dropped", late_answer_is_dropped, None),
    ],
};

fn either() {
    run(|| {
        let ((odd, odds), (even, evens)) = (bounded(0), bounded(0));
        go(move || [1, 3].into_iter().for_each(|n| odd.send(n).expect("main receives")));
        go(move || [2, 4].into_iter().for_each(|n| even.send(n).expect("main receives")));
        let mut sum = 0;
        while sum < 10 {
            sum += select! {
                recv(odds) -> n => n.unwrap_or(0), // a closed channel is always ready
                recv(evens) -> n => n.unwrap_or(0),
            };
        }
        assert_eq!(sum, 10);
    });
}

fn not_now() {
    let (tx, rx) = bounded::<u32>(0);
    let got = select! { recv(rx) -> n => n.ok(), default => None };
    let sent = select! { send(tx, 7) -> sent => sent.is_ok(), default => false };
    assert_eq!((got, sent), (None, false));
}

fn in_time() {
    run(|| {
        let ((_never_sends, silence), ticks) = (bounded::<()>(0), tick(Duration::from_millis(1)));
        let (mut heard, end) = (0, after(Duration::from_millis(20)));
        loop {
            select! {
                recv(silence) -> _ => unreachable!("nobody sends"),
                recv(ticks) -> _ => heard += 1,
                recv(end) -> _ => break,
            }
        }
        assert!(heard > 0);
    });
}

fn until() {
    let (_tx, rx) = bounded::<u32>(0);
    let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    let why = select! {
        recv(rx) -> _ => None,
        recv(context.done()) -> _ => context.err(),
    };
    assert_eq!(why, Some(Error::DeadlineExceeded));
}

fn late_answer() {
    let (tx, answer) = bounded(0);
    go(move || tx.send(42).expect("somebody waits for the answer"));
    select! {
        recv(answer) -> answer => assert_eq!(answer, Ok(42)),
        recv(after(Duration::from_millis(10))) -> _ => (),
    }
}

fn late_answer_is_dropped() {
    let (tx, answer) = bounded(0);
    go(move || {
        let _too_late = tx.send(42);
    });
    select! {
        recv(answer) -> answer => assert_eq!(answer, Ok(42)),
        recv(after(Duration::from_millis(10))) -> _ => (),
    }
}
