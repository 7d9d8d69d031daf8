//! What users of crossbeam-channel rely on, after a change of one line.

use selvedge::chan as crossbeam_channel;

use crossbeam_channel::{
    Receiver, RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, after, at, bounded, never, select, select_biased, tick, unbounded,
};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(2);
const FOREVER: Duration = Duration::from_secs(60);

fn flavours() -> [(Sender<i32>, Receiver<i32>); 2] {
    [bounded(3), unbounded()]
}

#[test]
fn buffered_channels_send_and_receive() {
    for (tx, rx) in flavours() {
        assert!(rx.is_empty() && tx.is_empty() && rx.try_recv() == Err(TryRecvError::Empty));
        (0..3).for_each(|n| tx.try_send(n).expect("room"));
        assert_eq!((tx.len(), rx.len(), rx.is_full()), (3, 3, rx.capacity() == Some(3)));
        assert_eq!((rx.recv(), rx.try_recv(), rx.recv_timeout(FOREVER)), (Ok(0), Ok(1), Ok(2)));
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
        assert_eq!(rx.recv_deadline(now()), Err(RecvTimeoutError::Timeout));
        tx.send(3).expect("open");
        drop(tx);
        assert_eq!(
            (rx.recv(), rx.recv(), rx.try_recv()),
            (Ok(3), Err(RecvError), Err(TryRecvError::Disconnected))
        );
    }
}

#[test]
fn a_full_channel_returns_the_value() {
    let (tx, rx) = bounded(1);
    assert_eq!((tx.try_send(1), tx.try_send(2)), (Ok(()), Err(TrySendError::Full(2))));
    assert_eq!(tx.send_timeout(2, SHORT), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(tx.send_deadline(2, now()), Err(SendTimeoutError::Timeout(2)));
    drop(rx);
    assert_eq!((tx.send(2), tx.try_send(3)), (Err(SendError(2)), Err(TrySendError::Disconnected(3))));
}

#[test]
fn a_rendezvous_send_meets_its_receiver() {
    let (tx, rx) = bounded(0);
    assert_eq!((tx.capacity(), tx.len(), tx.is_full(), tx.is_empty()), (Some(0), 0, true, true));
    assert_eq!((tx.try_send(1), rx.try_recv()), (Err(TrySendError::Full(1)), Err(TryRecvError::Empty)));
    let sender = thread::spawn(move || (0..100).map(|n| tx.send(n)).filter(Result::is_ok).count());
    assert_eq!(rx.iter().take(50).collect::<Vec<i32>>(), (0..50).collect::<Vec<i32>>());
    drop(rx);
    assert_eq!(sender.join().expect("no panic"), 50);
}

#[test]
fn many_producers_and_consumers_lose_nothing() {
    for capacity in [Some(0), Some(1), Some(3), None] {
        let (tx, rx) = capacity.map_or_else(unbounded, bounded);
        let sums: usize = thread::scope(|scope| {
            for base in 0..3 {
                let tx = tx.clone();
                scope.spawn(move || (0..500).for_each(|n| tx.send(base * 500 + n).expect("open")));
            }
            drop(tx);
            let consumers = [0, 1, 2].map(|_| {
                let rx: Receiver<usize> = rx.clone();
                scope.spawn(move || rx.into_iter().sum::<usize>())
            });
            consumers.map(|consumer| consumer.join().expect("no panic")).iter().sum()
        });
        assert_eq!(sums, (0..1_500).sum::<usize>());
    }
}

#[test]
fn iterators_end_when_their_channel_does() {
    let (tx, rx) = unbounded();
    (0..4).for_each(|n| tx.send(n).expect("open"));
    assert_eq!(rx.try_iter().take(2).count(), 2);
    assert_eq!(rx.iter().next(), Some(2));
    drop(tx);
    assert_eq!((&rx).into_iter().collect::<Vec<i32>>(), [3]);
    assert_eq!(rx.into_iter().next(), None);
}

#[test]
fn never_delivers_no_message() {
    let rx = never::<i32>();
    assert_eq!((rx.try_recv(), rx.len(), rx.capacity()), (Err(TryRecvError::Empty), 0, Some(0)));
    assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    assert!(select! { recv(rx) -> _ => false, default => true });
    assert!(rx.same_channel(&never()));
}

#[test]
fn after_and_at_deliver_once() {
    for rx in [after(FOREVER), at(now() + FOREVER)] {
        assert_eq!((rx.capacity(), rx.try_recv(), rx.len()), (Some(1), Err(TryRecvError::Empty), 0));
    }
    let begun = now();
    for rx in [after(SHORT), at(begun + SHORT)] {
        let instant = rx.recv().expect("it comes");
        assert!(instant >= begun + SHORT && instant <= now());
        assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    }
    let shared = after(Duration::ZERO);
    let received = [shared.clone(), shared].map(|rx| rx.try_recv().is_ok());
    assert_eq!(received.iter().filter(|got| **got).count(), 1);
}

#[test]
fn tick_drops_messages_that_nothing_receives() {
    let rx = tick(SHORT);
    let first = rx.recv().expect("it comes");
    at(now() + 5 * SHORT).recv().expect("it comes");
    let late = rx.try_recv().expect("one is kept");
    assert!(late >= first + SHORT);
    assert!(rx.recv().expect("it comes") > late + SHORT, "those in between are dropped");
}

#[test]
fn same_channel_compares_channels_not_handles() {
    let ((tx, rx), (other, another)) = (bounded::<i32>(1), bounded::<i32>(1));
    assert!(tx.same_channel(&tx.clone()) && rx.same_channel(&rx.clone()));
    assert!(!tx.same_channel(&other) && !rx.same_channel(&another));
    let timer = after(SHORT);
    assert!(timer.same_channel(&timer.clone()) && !timer.same_channel(&after(SHORT)));
}

#[test]
fn select_picks_a_ready_case() {
    let ((tx, rx), (other, another)) = (unbounded(), unbounded::<i32>());
    tx.send(1).expect("open");
    select! {
        recv(rx) -> got => assert_eq!(got, Ok(1)),
        recv(another) -> _ => unreachable!("nothing is there"),
        default(FOREVER) => unreachable!("a value is there"),
    }
    drop(other);
    select_biased! {
        recv(rx) -> _ => unreachable!("nothing is there"),
        recv(another) -> got => assert_eq!(got, Err(RecvError)),
    }
    let mut select = Select::new();
    let (receive, closed) = (select.recv(&rx), select.recv(&another));
    assert_eq!(select.ready(), closed);
    select.remove(closed);
    assert!(select.try_select().is_err() && select.try_ready().is_err());
    assert!(select.select_timeout(SHORT).is_err() && select.ready_timeout(SHORT).is_err());
    tx.send(2).expect("open");
    let operation = select.select();
    assert_eq!((operation.index(), operation.recv(&rx)), (receive, Ok(2)));
}

/// A prime sieve of threads and channels, as Go's tests have one.
#[test]
fn a_sieve_of_channels_finds_primes() {
    let (tx, mut rx) = bounded(1);
    thread::spawn(move || (2..).try_for_each(|n: u32| tx.send(n)));
    let primes: Vec<u32> = (0..12)
        .map(|_| {
            let prime = rx.recv().expect("there are more");
            let (next, filtered) = bounded(1);
            let unfiltered = std::mem::replace(&mut rx, filtered);
            thread::spawn(move || {
                unfiltered.iter().filter(|n| n % prime != 0).try_for_each(|n| next.send(n))
            });
            prime
        })
        .collect();
    assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]);
}
