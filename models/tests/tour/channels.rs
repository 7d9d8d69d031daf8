//! Chapter 3: channels.

use super::{Chapter, Checked};
use selvedge::chan::{Channel, TryRecvError, TrySendError, bounded, unbounded};
use selvedge_check::FailureKind;
use selvedge_go::{go, run};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "3-channels.md",
    source: include_str!("channels.rs"),
    programs: &[buffer, end, unlimited, as_in_go],
    checked: &[
        Checked("kept_open", kept_open, Some(FailureKind::Deadlock)),
        Checked("given_away", given_away, None),
    ],
};

fn buffer() {
    let (tx, rx) = bounded(2);
    assert_eq!((tx.send('a'), tx.send('b')), (Ok(()), Ok(())));
    assert_eq!(tx.try_send('c'), Err(TrySendError::Full('c')));
    assert_eq!((rx.len(), rx.capacity()), (2, Some(2)));
    assert_eq!((rx.recv(), rx.recv()), (Ok('a'), Ok('b')));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

fn end() {
    run(|| {
        let (tx, rx) = bounded(1);
        let second = tx.clone();
        go(move || (0..3).for_each(|n| tx.send(n).expect("main receives")));
        go(move || (0..3).for_each(|n| second.send(n).expect("main receives")));
        // Ends when both senders are gone and everything is received.
        assert_eq!(rx.iter().sum::<u32>(), 6);
        assert!(rx.recv().is_err());
    });
}

fn unlimited() {
    let (tx, rx) = unbounded();
    (0..1000).for_each(|n| tx.send(n).expect("rx is there"));
    drop(rx);
    assert!(tx.send(1000).is_err(), "the value comes back");
}

fn as_in_go() {
    let channel = Channel::new(1);
    channel.send(7);
    channel.close();
    assert_eq!((channel.recv(), channel.recv()), (Some(7), None));
}

fn kept_open() {
    let (tx, rx) = bounded(1);
    let theirs = tx.clone();
    go(move || theirs.send(7).expect("main receives"));
    let mut sum = 0;
    while let Ok(n) = rx.recv() {
        sum += n;
    }
    assert_eq!(sum, 7);
}

fn given_away() {
    let (tx, rx) = bounded(1);
    go(move || tx.send(7).expect("main receives"));
    let mut sum = 0;
    while let Ok(n) = rx.recv() {
        sum += n;
    }
    assert_eq!(sum, 7);
}
