//! Futures, streams and sinks, which may be dropped at any time.

use futures::executor::block_on;
use futures::future::FusedFuture;
use futures::task::noop_waker_ref;
use futures::{FutureExt, SinkExt, StreamExt, join};
use selvedge::chan::{
    Receiver, RecvError, RecvFuture, RecvTimeoutError, Select, SendError, SendFuture, Sender, TryRecvError,
    TrySendError, after, bounded, unbounded,
};
use selvedge::rt::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Polls once, with a waker that does nothing.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(noop_waker_ref()))
}

/// Two futures take turns behind one that waits all the time: the cells that they leave are skipped, and the waiting
/// futures keep their order.
fn receive_in_turn(tx: &Sender<i32>, rx: &Receiver<i32>) {
    let mut first = rx.recv_async();
    waits(&mut first);
    let mut last = rx.recv_async();
    waits(&mut last);
    for _ in 0..10_000 {
        let mut newest = rx.recv_async();
        waits(&mut newest);
        last = newest;
    }
    tx.try_send(1).expect("the first waits");
    tx.try_send(2).expect("the last waits");
    assert_eq!((poll(&mut first), poll(&mut last)), (Poll::Ready(Ok(1)), Poll::Ready(Ok(2))));
}

#[test]
fn receivers_cancelled_in_the_middle_are_skipped() {
    for (tx, rx) in [bounded(0), bounded(1), bounded(3), unbounded()] {
        receive_in_turn(&tx, &rx);
        receive_in_turn(&tx, &rx);
        if rx.capacity() != Some(0) {
            tx.send(3).expect("room");
            assert_eq!((rx.len(), tx.is_full(), rx.recv()), (1, tx.capacity() == Some(1), Ok(3)));
        }
    }
}

#[test]
fn close_skips_receivers_cancelled_in_the_middle() {
    let (tx, rx) = bounded::<i32>(0);
    let mut first = rx.recv_async();
    waits(&mut first);
    let mut last = rx.recv_async();
    for _ in 0..10_000 {
        let mut newest = rx.recv_async();
        waits(&mut newest);
        last = newest;
    }
    drop(tx);
    assert_eq!(
        (poll(&mut first), poll(&mut last)),
        (Poll::Ready(Err(RecvError)), Poll::Ready(Err(RecvError)))
    );
}

#[test]
fn senders_cancelled_in_the_middle_are_skipped() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|_| tx.send(0).expect("room"));
        let mut first = tx.send_async(1);
        waits_to_send(&mut first);
        let mut last = tx.send_async(2);
        waits_to_send(&mut last);
        for n in 3..10_000 {
            let mut newest = tx.send_async(n);
            waits_to_send(&mut newest);
            last = newest;
        }
        (0..capacity).for_each(|_| assert_eq!(rx.recv(), Ok(0)));
        assert_eq!((rx.recv(), rx.recv()), (Ok(1), Ok(9_999)));
        assert_eq!((poll(&mut first), poll(&mut last)), (Poll::Ready(Ok(())), Poll::Ready(Ok(()))));
        assert_eq!((rx.try_recv(), rx.len()), (Err(TryRecvError::Empty), 0));
    }
}

fn waits(future: &mut RecvFuture<'_, i32>) {
    assert_eq!(poll(future), Poll::Pending);
}

fn waits_to_send(future: &mut SendFuture<'_, i32>) {
    assert_eq!(poll(future), Poll::Pending);
}

#[test]
fn both_sides_meet_in_one_task() {
    block_on(async {
        for capacity in [0, 1, 5] {
            let (tx, rx) = bounded(capacity);
            let send = async {
                for n in 0..100 {
                    tx.send_async(n).await.expect("open");
                }
                tx.close().expect("open");
            };
            let receive = async {
                let mut got = Vec::new();
                while let Ok(n) = rx.recv_async().await {
                    got.push(n);
                }
                got
            };
            let ((), got) = join!(send, receive);
            assert_eq!(got, (0..100).collect::<Vec<i32>>(), "capacity {capacity}");
        }
    });
}

#[test]
fn a_blocking_side_and_an_async_one_meet() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        let sender = thread::spawn(move || (0..1_000).for_each(|n| tx.send(n).expect("open")));
        assert_eq!(block_on(rx.into_stream().collect::<Vec<i32>>()), (0..1_000).collect::<Vec<i32>>());
        sender.join().expect("no panic");

        let (tx, rx) = bounded(capacity);
        let receiver = thread::spawn(move || rx.iter().collect::<Vec<i32>>());
        block_on(async move {
            let mut sink = tx.into_sink();
            for n in 0..1_000 {
                sink.send(n).await.expect("open");
            }
        });
        assert_eq!(receiver.join().expect("no panic"), (0..1_000).collect::<Vec<i32>>());
    }
}

#[test]
fn many_tasks_on_many_threads_lose_nothing() {
    let (tx, rx) = bounded(2);
    let total: u64 = thread::scope(|scope| {
        for _ in 0..2 {
            let tx = tx.clone();
            scope.spawn(move || {
                block_on(async {
                    for n in 0..2_000 {
                        tx.send_async(n).await.expect("open")
                    }
                })
            });
        }
        drop(tx);
        let receivers = [0, 1].map(|_| {
            let rx: Receiver<u64> = rx.clone();
            scope.spawn(move || block_on(rx.into_stream().fold(0, |sum, n| async move { sum + n })))
        });
        receivers.map(|receiver| receiver.join().expect("no panic")).iter().sum()
    });
    assert_eq!(total, 2 * (0..2_000).sum::<u64>());
}

#[test]
fn a_dropped_receive_takes_no_value() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        let mut future = rx.recv_async();
        waits(&mut future);
        drop(future);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        if capacity == 0 {
            assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
        } else {
            assert_eq!(tx.try_send(1), Ok(()));
            assert_eq!(rx.try_recv(), Ok(1));
        }
    }
}

#[test]
fn a_value_for_a_dropped_receive_goes_to_the_next() {
    let (tx, rx) = bounded(2);
    let mut first = rx.recv_async();
    waits(&mut first);
    (1..=3).for_each(|n| tx.try_send(n).expect("the first one is for the future"));
    drop(first);
    assert_eq!(rx.try_iter().collect::<Vec<i32>>(), [1, 2, 3]);

    // A future waits already.
    let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
    waits(&mut first);
    waits(&mut second);
    tx.try_send(4).expect("it is for the first one");
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(4)));

    // From here on no operation arrives but those that look for what is left.
    let mut last = rx.recv_async();
    waits(&mut last);
    tx.try_send(5).expect("it is for the future");
    drop(last);
    drop(tx);
    assert_eq!((rx.recv(), rx.recv()), (Ok(5), Err(RecvError)));
}

#[test]
fn a_dropped_send_takes_no_place() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        (0..capacity as i32).for_each(|n| tx.try_send(n).expect("room"));
        let mut future = tx.send_async(9);
        waits_to_send(&mut future);
        drop(future);
        assert_eq!(rx.try_iter().count(), capacity);
        let mut future = tx.send_async(7);
        assert_eq!(poll(&mut future).is_pending(), capacity == 0);
        assert_eq!(rx.try_recv(), Ok(7));
        if capacity == 0 {
            assert_eq!(poll(&mut future), Poll::Ready(Ok(())));
        }
    }
}

#[test]
fn futures_are_served_in_the_order_of_their_first_poll() {
    let (tx, rx) = bounded(0);
    let mut futures: Vec<RecvFuture<'_, i32>> = (0..3).map(|_| rx.recv_async()).collect();
    futures.iter_mut().rev().for_each(waits);
    futures.iter_mut().for_each(waits); // Polling again does not change the order.
    (0..3).for_each(|n| tx.try_send(n).expect("a receiver waits"));
    let got: Vec<_> = futures.iter_mut().map(poll).collect();
    assert_eq!(got, [2, 1, 0].map(|n| Poll::Ready(Ok(n))));
}

#[test]
fn close_ends_futures() {
    let (tx, rx) = bounded::<i32>(0);
    let mut receive = rx.recv_async();
    waits(&mut receive);
    tx.close().expect("open");
    assert_eq!(poll(&mut receive), Poll::Ready(Err(RecvError)));
    assert_eq!(tx.send_async(1).now_or_never(), Some(Err(SendError(1))));

    let (tx, rx) = bounded(0);
    let mut send = tx.send_async(2);
    waits_to_send(&mut send);
    drop(rx);
    assert_eq!(poll(&mut send), Poll::Ready(Err(SendError(2))));
}

#[test]
#[should_panic(expected = "cannot be awaited")]
fn a_timer_is_not_awaited() {
    let _ = after(Duration::from_secs(60)).recv_async().now_or_never();
}

#[test]
fn a_stream_ends_with_its_channel() {
    let (tx, rx) = unbounded();
    tx.send(1).expect("open");
    drop(tx);
    let mut stream = rx.into_stream();
    assert_eq!(
        block_on(async { (stream.next().await, stream.next().await, stream.next().await) }),
        (Some(1), None, None)
    );
}

#[test]
fn futures_that_own_their_handles_outlive_them_and_fuse() {
    let (tx, rx) = bounded(0);
    let mut receive: RecvFuture<'static, i32> = rx.clone().into_recv_async();
    let mut send: SendFuture<'static, i32> = tx.clone().into_send_async(1);
    drop((tx, rx));
    assert!(poll(&mut receive).is_pending() && !receive.is_terminated());
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut receive), Poll::Ready(Ok(1)));
    assert!(send.is_terminated() && receive.is_terminated());
    drop(receive);
    assert_eq!(block_on(send_again(send)), Err(SendError(2)), "the last receiver was the future's");
}

/// Sends a 2 with the sender that a future still holds after it has ended.
async fn send_again(ended: SendFuture<'static, i32>) -> Result<(), SendError<i32>> {
    ended.sender().clone().into_send_async(2).await
}

#[test]
fn streams_and_sinks_share_a_channel() {
    let (tx, rx) = unbounded();
    let (mut one, mut sink) = (rx.stream(), tx.sink());
    let mut two = one.clone();
    block_on(async {
        sink.send(1).await.expect("open");
        sink.clone().send(2).await.expect("open");
        assert_eq!((one.receiver().len(), sink.sender().len()), (2, 2));
        assert_eq!((one.next().await, two.next().await), (Some(1), Some(2)));
    });
    drop((tx, sink));
    assert_eq!((block_on(one.next()), block_on(two.next())), (None, None));
    assert_eq!(rx.recv(), Err(RecvError));
}

#[test]
fn a_clone_of_a_sink_does_not_share_its_value() {
    let (tx, rx) = bounded(1);
    let mut sink = tx.into_sink();
    block_on(async {
        sink.feed(1).await.expect("open");
        let mut other = sink.clone();
        other.flush().await.expect("it has nothing");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        sink.flush().await.expect("open");
        assert_eq!(rx.try_recv(), Ok(1));
    });
}

/// Two values of dropped futures are redelivered: they count, and come in their order, before values that were sent
/// later.
#[test]
fn redelivered_values_count_as_in_the_channel() {
    for (tx, rx) in [bounded(0), bounded(2), unbounded()] {
        let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
        waits(&mut first);
        waits(&mut second);
        assert_eq!((tx.try_send(1), tx.try_send(2)), (Ok(()), Ok(())));
        assert_eq!((rx.len(), rx.try_recv()), (0, Err(TryRecvError::Empty)));
        drop(second);
        drop(first);
        assert_eq!((rx.len(), tx.len(), rx.is_empty(), tx.is_empty()), (2, 2, false, false));
        assert_eq!(rx.is_full(), rx.capacity().is_some());
        if rx.capacity() != Some(0) {
            tx.try_send(3).expect("the buffer is empty");
            assert_eq!(rx.len(), 3);
        }
        let late = tx.send_async(4);
        drop(late);
        assert_eq!((rx.recv(), rx.recv()), (Ok(1), Ok(2)));
        assert_eq!(
            (rx.len(), rx.try_recv()),
            if rx.capacity() == Some(0) { (0, Err(TryRecvError::Empty)) } else { (1, Ok(3)) }
        );
        assert_eq!((rx.len(), rx.is_empty()), (0, true));
    }
}

/// A closed channel whose last value a future has is not empty.
#[test]
fn a_closed_channel_is_not_empty_while_a_value_may_be_redelivered() {
    let (tx, rx) = bounded(1);
    let mut future = rx.recv_async();
    waits(&mut future);
    tx.try_send(1).expect("it is for the future");
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(rx.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    let (mut second, mut third) = (rx.recv_async(), rx.recv_async());
    waits(&mut second);
    waits(&mut third);
    drop(future);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)), "the first that waits gets it");
    assert_eq!(poll(&mut third), Poll::Ready(Err(RecvError)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));

    // The value is received.
    let (tx, rx) = unbounded();
    let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
    waits(&mut first);
    tx.send(2).expect("open");
    drop(tx);
    waits(&mut second);
    assert_eq!((poll(&mut first), poll(&mut second)), (Poll::Ready(Ok(2)), Poll::Ready(Err(RecvError))));
    assert_eq!(rx.recv(), Err(RecvError));

    // A loop in another thread waits for the value.
    let (tx, rx) = bounded(2);
    let mut future = rx.recv_async();
    waits(&mut future);
    (3..=4).for_each(|n| tx.try_send(n).expect("room"));
    drop(tx);
    let theirs = rx.clone();
    let rest = thread::spawn(move || theirs.into_iter().collect::<Vec<i32>>());
    while !rx.is_empty() {
        thread::yield_now();
    }
    drop(future);
    assert_eq!(rest.join().expect("no panic"), [4, 3]);
}

/// A closed channel whose last value an operation of a select has is not empty.
#[test]
fn a_closed_channel_is_not_empty_while_an_operation_has_a_value() {
    for comes_back in [true, false] {
        let (tx, rx) = unbounded();
        tx.send(1).expect("open");
        let mut select = Select::new();
        select.recv(&rx);
        let operation = select.select();
        drop(tx);
        assert_eq!((rx.try_recv(), rx.len()), (Err(TryRecvError::Empty), 0));
        if comes_back {
            let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(operation)));
            assert!(dropped.is_err(), "it was not completed");
            assert_eq!((rx.len(), rx.recv()), (1, Ok(1)));
        } else {
            assert_eq!(operation.recv(&rx), Ok(1));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    }
}

#[test]
fn a_value_selected_for_a_future_that_is_dropped_goes_to_the_next_receiver() {
    let (tx, rx) = bounded(0);
    let mut future = rx.recv_async();
    waits(&mut future);
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.try_select().expect("the future waits");
    drop(future);
    operation.send(&tx, 1).expect("open");
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Err(TryRecvError::Empty)));
}

#[test]
fn draining_takes_what_came_back_too() {
    let (tx, rx) = bounded(2);
    let mut dropped = [(); 2].map(|()| rx.recv_async());
    dropped.iter_mut().for_each(waits);
    (0..2).for_each(|n| tx.send(n).expect("they wait"));
    drop(dropped);
    (2..4).for_each(|n| tx.send(n).expect("room"));
    assert_eq!((rx.len(), rx.drain().collect::<Vec<_>>()), (4, vec![0, 1, 2, 3]));
}

#[test]
fn a_receiver_that_gave_up_behind_another_makes_no_send_ready() {
    let (tx, rx) = bounded(0);
    let (mut first, mut second, mut third) = (rx.recv_async(), rx.recv_async(), rx.recv_async());
    waits(&mut first);
    waits(&mut second);
    waits(&mut third);
    drop(second);
    drop(third);
    tx.try_send(1).expect("the first waits");
    let mut select = Select::new();
    select.send(&tx);
    assert!(select.try_ready().is_err() && select.ready_timeout(Duration::ZERO).is_err());
    assert_eq!((tx.try_send(2), poll(&mut first)), (Err(TrySendError::Full(2)), Poll::Ready(Ok(1))));
}
