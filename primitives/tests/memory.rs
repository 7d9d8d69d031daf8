//! The allocations of channels and locks. Each thread counts its own, so that other tests do not count.
#![cfg(not(feature = "checking"))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the allocator stands below everything; these are native threads"
)]

use selvedge::chan::{
    FuncTimer, Receiver, Select, Sender, Ticker, Timer, after_func, bounded, never, select, tick, unbounded,
};
use selvedge::context::{background, with_cancel, with_timeout};
use selvedge::sync::{Cond, Mutex, Waiters, Wake};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Counts an allocation, unless the thread is ending.
fn count(bytes: isize, calls: usize) {
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
    let _ = CALLS.try_with(|all| all.set(all.get() + calls));
}

// SAFETY: every call is passed on to the system's allocator, which keeps to the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: the caller keeps to the contract of this function, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize), 0);
        // SAFETY: the caller keeps to the contract of this function, which is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how many bytes `work` has left allocated, and how many allocations it has made.
fn cost(work: impl FnOnce()) -> (isize, usize) {
    let (live, calls) = (LIVE.get(), CALLS.get());
    work();
    (LIVE.get() - live, CALLS.get() - calls)
}

#[test]
fn channels_allocate_nothing_for_a_message_and_free_what_waiters_used() {
    for capacity in [1, 128] {
        let (tx, rx) = bounded(capacity);
        let burst = |rounds: usize| {
            for n in 0..rounds {
                (0..capacity).for_each(|_| tx.send([n; 4]).expect("room"));
                (0..capacity).for_each(|_| assert_eq!(rx.recv(), Ok([n; 4])));
            }
        };
        burst(2_000 / capacity + 100); // until the channel has all its segments
        let messages = 100_000;
        let (live, calls) = cost(|| burst(messages / capacity));
        assert_eq!(live, 0, "capacity {capacity}");
        assert_eq!(calls, 0, "capacity {capacity}: allocations for {messages} messages");
    }

    let (tx, rx) = bounded::<u64>(1);
    let give_up_receiving = || assert!(rx.recv_timeout(Duration::ZERO).is_err());
    (0..1_000).for_each(|_| give_up_receiving());
    let (live, _) = cost(|| (0..1_000_000).for_each(|_| give_up_receiving()));
    assert!(live.abs() < 16_384, "a million receivers that gave up left {live} bytes");
    tx.send(5).expect("room");
    assert_eq!(rx.recv(), Ok(5));

    let (tx, rx) = bounded::<u64>(0);
    let give_up_sending = || assert!(tx.send_timeout(1, Duration::ZERO).is_err());
    (0..1_000).for_each(|_| give_up_sending());
    let (live, _) = cost(|| (0..1_000_000).for_each(|_| give_up_sending()));
    assert!(live.abs() < 16_384, "a million senders that gave up left {live} bytes");
    assert!(rx.try_recv().is_err());

    let (live, _) = cost(|| {
        let (tx, rx) = bounded(100);
        (0..100).for_each(|n| tx.send(vec![n; 100]).expect("room"));
        drop((tx, rx));
    });
    assert_eq!(live, 0, "a channel dropped full");
}

#[test]
fn an_idle_channel_has_one_segment_and_nothing_for_waiters() {
    let idle = |make: &dyn Fn() -> (Sender<u64>, Receiver<u64>)| {
        let mut channel = None;
        cost(|| channel = Some(make())).0
    };
    assert!(idle(&|| bounded(0)) < 3_072);
    assert!(idle(&|| bounded(1)) < 3_072);
    assert!(idle(&unbounded) < 4_096);
    assert!(idle(&|| bounded(1_024)) < 1_024 * 8, "less than the values that fit in the buffer");

    let (tx, rx) = bounded(4);
    let burst = || (0..4).for_each(|n| tx.send(n).expect("room"));
    let (before, _) = cost(|| {
        burst();
        (0..4).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
    });
    assert_eq!(before, 0, "no thread has waited");
    let (slots, _) = cost(|| assert!(rx.recv_timeout(Duration::ZERO).is_err()));
    assert!(slots > 0, "a thread has waited");
    let (again, _) = cost(|| assert!(rx.recv_timeout(Duration::ZERO).is_err()));
    assert_eq!(again, 0, "the slots are there");
}

#[test]
fn a_select_allocates_nothing_to_find_a_case_that_is_ready() {
    let (tx, rx) = bounded(1);
    let idle = never::<u64>();
    let round = || {
        tx.send(1).expect("room");
        select! {
            recv(idle) -> _ => unreachable!("nothing comes"),
            recv(rx) -> value => assert_eq!(value, Ok(1)),
        }
        select! {
            recv(rx) -> _ => unreachable!("it is empty"),
            recv(idle) -> _ => unreachable!("nothing comes"),
            default => (),
        }
    };
    (0..1_000).for_each(|_| round()); // until the channel has all its segments
    assert_eq!(cost(|| (0..1_000).for_each(|_| round())), (0, 0));
}

#[test]
fn selects_that_lose_allocate_nothing() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded::<u64>(capacity);
        let (other, full) = bounded::<u64>(capacity);
        (0..capacity as u64).for_each(|n| other.send(n).expect("room"));
        let lose = || {
            select! {
                recv(rx) -> _ => unreachable!("nobody sends"),
                send(other, 1) -> _ => unreachable!("nobody receives"),
                default(Duration::ZERO) => (),
            }
        };
        (0..1_000).for_each(|_| lose());
        let cost = cost(|| (0..300_000).for_each(|_| lose()));
        assert_eq!(cost, (0, 0), "capacity {capacity}: bytes and allocations of 300,000 selects that lost");
        drop((tx, full));
    }
}

/// A select that waits until another thread sends to one of its channels.
#[test]
fn selects_that_wait_allocate_nothing() {
    const ROUNDS: usize = 100;
    for (count, capacity) in [(2, 0), (2, 1), (8, 0), (8, 1)] {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| bounded::<usize>(capacity)).unzip();
        let (turn, turns) = bounded::<usize>(1);
        let sending = std::thread::spawn(move || {
            for round in turns {
                let sender = &senders[round % senders.len()];
                // The receiver has a ticket, so the select has begun to wait in this channel at least.
                let mut looks = Select::new();
                looks.send(sender);
                while capacity == 0 && looks.try_ready().is_err() {
                    std::thread::yield_now();
                }
                sender.send(round).expect("open");
            }
        });
        let mut select = Select::new();
        receivers.iter().for_each(|receiver| _ = select.recv(receiver));
        let mut rounds = |from: usize| {
            for round in from..from + ROUNDS {
                turn.send(round).expect("open");
                let operation = select.select();
                let receiver = &receivers[operation.index()];
                assert_eq!(operation.recv(receiver), Ok(round));
                if let [first, second] = &receivers[..] {
                    turn.send(round).expect("open");
                    select! {
                        recv(first) -> value => assert_eq!(value, Ok(round)),
                        recv(second) -> value => assert_eq!(value, Ok(round)),
                    }
                }
            }
        };
        rounds(0); // until each channel has all its segments
        let cost = cost(|| rounds(ROUNDS));
        assert_eq!(cost, (0, 0), "{count} channels of capacity {capacity}: bytes and allocations");
        drop(turn);
        sending.join().expect("no panic");
    }
}

/// A task that waits for one of several channels, as futures do it.
#[cfg(feature = "async")]
#[test]
fn futures_that_wait_for_one_of_several_channels_allocate_nothing() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    let channels: [_; 8] = std::array::from_fn(|_| bounded::<usize>(1));
    let mut context = Context::from_waker(Waker::noop());
    for count in [2, 8] {
        let mut rounds = || {
            for round in 0..1_000 {
                let mut futures: [_; 8] = std::array::from_fn(|at| channels[at].1.recv_async());
                let mut waits = futures[..count].iter_mut();
                assert!(waits.all(|future| pin!(future).poll(&mut context).is_pending()));
                channels[round % count].0.send(round).expect("room");
                let received = pin!(&mut futures[round % count]).poll(&mut context);
                assert_eq!(received, Poll::Ready(Ok(round)));
            }
        };
        rounds(); // until each channel has all its segments
        assert_eq!(cost(rounds), (0, 0), "{count} channels: bytes and allocations");
    }
}

#[test]
fn waiters_cancelled_behind_a_waiting_one_leak_nothing() {
    for (tx, rx) in [bounded(0), bounded(1), unbounded()] {
        let first = {
            let rx = rx.clone();
            std::thread::spawn(move || rx.recv())
        };
        // SAFETY: no thread sends yet, so no operation with an earlier ticket can end.
        while unsafe { !rx.waits_at(0) } {
            std::thread::yield_now();
        }
        let give_up = || assert!(rx.recv_timeout(Duration::ZERO).is_err());
        let lose =
            || select! { recv(rx) -> _ => unreachable!("nobody sends"), default(Duration::ZERO) => () };
        (0..1_000).for_each(|_| give_up());
        let (live, _) = cost(|| (0..100_000).for_each(|_| (give_up(), lose()).1));
        assert!(live.abs() < 16_384, "{:?}: they left {live} bytes", rx.capacity());
        tx.send(1).expect("open");
        assert_eq!(first.join().expect("no panic"), Ok(1));
        if rx.capacity() != Some(0) {
            tx.send(2).expect("open");
            assert_eq!((rx.len(), rx.recv()), (1, Ok(2)));
        }
    }
}

#[test]
fn an_unbounded_channel_grows_and_shrinks_with_its_values() {
    let (tx, rx) = unbounded();
    let round = |values: u64| {
        (0..values).for_each(|n| tx.send([n; 8]).expect("open"));
        assert_eq!(rx.try_iter().count() as u64, values);
    };
    round(1_000);
    let (grown, _) = cost(|| (0..100_000).for_each(|n| tx.send([n; 8]).expect("open")));
    assert!(grown > 100_000 * 64, "{grown} bytes for 100,000 values of 64");
    let (freed, _) = cost(|| assert_eq!(rx.try_iter().count(), 100_000));
    assert!(grown + freed < 65_536, "{grown} bytes came and {freed} went");
}

#[test]
fn values_of_every_size_arrive() {
    let (tx, rx) = bounded(3);
    (0..3).for_each(|_| tx.send(()).expect("room"));
    assert!(tx.try_send(()).is_err());
    assert_eq!(rx.try_iter().count(), 3);
    let (tx, rx) = bounded(2);
    let large: [u8; 4096] = core::array::from_fn(|n| n as u8);
    tx.send(large).expect("room");
    tx.send([7; 4096]).expect("room");
    assert!(rx.recv().expect("it is there") == large && rx.recv().expect("it is there") == [7; 4096]);
}

/// A value whose destructor counts, and may panic.
struct Explodes<'a>(&'a Cell<u32>, bool);

impl Drop for Explodes<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert!(!self.1, "a destructor panics");
    }
}

#[test]
fn a_panicking_destructor_keeps_no_other_from_running() {
    for capacity in [Some(4), None] {
        let dropped = Cell::new(0);
        let (tx, rx) = capacity.map_or_else(unbounded, bounded);
        (0..4).for_each(|n| assert!(tx.send(Explodes(&dropped, n == 1)).is_ok()));
        let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(rx)));
        assert!(panics.is_err());
        assert_eq!(dropped.get(), 4);
        assert!(tx.send(Explodes(&dropped, false)).is_err(), "the channel is closed");
        assert_eq!(dropped.get(), 5);
    }
}

/// TI-12.
#[test]
fn instants_that_were_waited_for_leak_nothing() {
    const SOON: Duration = Duration::from_micros(100);
    let (timer, ticker) = (Timer::new(SOON), Ticker::new(SOON).expect("a period"));
    let (other, (_open, idle)) = (tick(SOON), bounded::<()>(0));
    let round = || {
        assert!(timer.receiver().recv().is_ok());
        assert!(!timer.reset(SOON));
        assert!(ticker.receiver().recv().is_ok() && other.recv().is_ok());
        select! {
            recv(timer.receiver()) -> instant => assert!(instant.is_ok()),
            recv(ticker.receiver()) -> instant => assert!(instant.is_ok()),
            recv(idle) -> _ => unreachable!("nobody sends"),
        }
        timer.reset(SOON);
    };
    (0..100).for_each(|_| round());
    let (live, _) = cost(|| (0..500).for_each(|_| round()));
    assert!(live.abs() < 4_096, "two thousand instants left {live} bytes");
}

#[test]
fn locks_and_conditions_that_time_out_leak_nothing() {
    let (lock, changed) = (Mutex::new(()), Cond::new());
    let mut held = lock.lock();
    let lock_in_vain = || assert!(lock.lock_timeout(Duration::ZERO).is_none());
    (0..1_000).for_each(|_| lock_in_vain());
    let (live, calls) = cost(|| (0..1_000_000).for_each(|_| lock_in_vain()));
    assert!(live.abs() < 4_096, "a million locks that gave up left {live} bytes");
    assert!(calls < 1_000, "and made {calls} allocations");
    let mut wait_in_vain = || assert!(!changed.wait_timeout(&mut held, Duration::ZERO));
    (0..1_000).for_each(|_| wait_in_vain());
    let (live, _) = cost(|| (0..1_000_000).for_each(|_| wait_in_vain()));
    assert!(live.abs() < 4_096, "a million waits that gave up left {live} bytes");
}

/// Two waiters take turns behind one that waits all the time: one of the two is always in the queue when the other is
/// cancelled.
#[test]
fn waiters_cancelled_in_the_middle_leak_nothing() {
    let waiters = Waiters::default();
    let first = waiters.enter();
    let mut last = waiters.enter();
    let mut in_turn = || {
        let newest = waiters.enter();
        assert_eq!(core::mem::replace(&mut last, newest).cancel(), None);
    };
    (0..1_000).for_each(|_| in_turn());
    let (live, calls) = cost(|| (0..1_000_000).for_each(|_| in_turn()));
    assert!(live.abs() < 4_096, "a million that gave up left {live} bytes");
    assert!(calls < 1_000, "and made {calls} allocations");
    // The waker skips all cancelled waiters.
    assert!(waiters.wake_one(Wake::Handed) && waiters.wake_one(Wake::Woken));
    assert_eq!((first.wait(None), last.wait(None)), (Some(Wake::Handed), Some(Wake::Woken)));
    assert!(!waiters.wake_one(Wake::Woken));
}

#[cfg(feature = "async")]
#[test]
fn operations_cancelled_in_the_middle_leak_nothing() {
    use futures::FutureExt;

    /// Returns how many bytes `count` futures have left that took turns behind one.
    fn in_turn<F: Future + Unpin>(mut make: impl FnMut() -> F) -> isize {
        let mut wait = || {
            let mut future = make();
            assert!((&mut future).now_or_never().is_none(), "it waits");
            future
        };
        let _first = wait();
        let mut last = wait();
        (0..1_000).for_each(|_| last = wait());
        let (live, _) = cost(|| (0..100_000).for_each(|_| last = wait()));
        live
    }

    for (tx, rx) in [bounded::<[u64; 8]>(0), bounded(1), unbounded()] {
        let live = in_turn(|| rx.recv_async());
        assert!(live.abs() < 16_384, "{:?}: receives left {live} bytes", rx.capacity());
        drop(tx);
    }
    let (tx, rx) = bounded(0);
    let live = in_turn(|| tx.send_async([0_u64; 8]));
    assert!(live.abs() < 16_384, "sends left {live} bytes");
    drop(rx);
}

/// Sends to a full buffer take turns: at most two wait at any time, and none for long.
#[cfg(feature = "async")]
#[test]
fn sends_to_a_full_buffer_cancelled_in_turn_leak_nothing() {
    use futures::FutureExt;

    for capacity in [1, 100] {
        let (tx, rx) = bounded(capacity);
        (0..capacity).for_each(|n| tx.send(n).expect("room"));
        let wait = || {
            let mut send = tx.send_async(capacity);
            assert!((&mut send).now_or_never().is_none(), "it waits");
            send
        };
        let mut last = wait();
        (0..1_000).for_each(|_| last = wait());
        let (live, _) = cost(|| (0..100_000).for_each(|_| last = wait()));
        assert!(live.abs() < 16_384, "capacity {capacity}: they left {live} bytes");
        assert_eq!((rx.len(), rx.recv()), (capacity, Ok(0)));
        assert_eq!(last.now_or_never(), Some(Ok(())));
        let rest: Vec<usize> = rx.try_iter().collect();
        assert!(rest.len() == capacity && rest[capacity - 1] == capacity && rx.is_empty());
        (0..capacity).for_each(|n| assert_eq!(tx.try_send(n), Ok(()), "all of its places are there"));
        assert!(tx.try_send(0).is_err());
    }
}

/// Futures that are forgotten keep the segments that have their cells, and none behind these.
#[cfg(feature = "async")]
#[test]
fn forgotten_futures_keep_only_their_own_segments() {
    use futures::FutureExt;

    for (tx, rx) in [bounded::<[u64; 8]>(16), unbounded()] {
        let pass = |messages: u64| {
            for n in 0..messages {
                tx.send([n; 8]).expect("open");
                assert_eq!(rx.recv(), Ok([n; 8]));
            }
        };
        pass(1_000);
        let forget = || {
            let mut receive = rx.recv_async();
            assert!((&mut receive).now_or_never().is_none(), "it waits");
            core::mem::forget(receive);
            tx.send([0; 8]).expect("it goes to the receive");
        };
        forget();
        let (live, calls) = cost(|| pass(100_000));
        assert!(live.abs() < 32_768, "{:?}: 100,000 messages left {live} bytes", rx.capacity());
        assert!(calls < 10_000, "{:?}: and made {calls} allocations", rx.capacity());
        let (live, _) = cost(|| {
            for _ in 0..20 {
                forget();
                pass(1_000);
            }
        });
        assert!(live < 20 * 16_384, "{:?}: 20 that were forgotten left {live} bytes", rx.capacity());
    }
}

/// Objects that are replaced, popped or deleted are freed while the structure is used.
#[test]
fn shared_structures_free_what_no_thread_reads() {
    use selvedge::{atomic, map, pool, reclaim, rt};
    let cell = atomic::ArcCell::new(rt::sync::Arc::new([0_u64; 16]));
    let replace = |n: u64| cell.store(rt::sync::Arc::new([n; 16]));
    (0..100).for_each(replace);
    let (live, _) = cost(|| (0..100_000).for_each(replace));
    assert_eq!(live, 0, "100,000 values were replaced");
    let read = cell.load();
    let (live, _) = cost(|| (0..100).for_each(replace));
    assert!(live > 90 * 128, "a reader keeps what is replaced: {live} bytes");
    drop(read);
    let (live, _) = cost(|| (0..3).for_each(replace));
    assert!(live < -90 * 128, "and lets it go: {live} bytes");

    let stack = atomic::Stack::new();
    let pass = |n: u64| {
        stack.push(n);
        assert_eq!(stack.pop(), Some(n));
    };
    (0..100).for_each(pass);
    let (live, _) = cost(|| (0..100_000).for_each(pass));
    assert_eq!(live, 0, "100,000 values went through a stack");

    let map = map::Map::new();
    let come_and_go = |n: u64| {
        map.store(n, n);
        assert!(map.delete(&n));
    };
    (0..10_000).for_each(come_and_go);
    let (live, _) = cost(|| (10_000..300_000).for_each(come_and_go));
    assert!(live.abs() < 16_384, "300,000 keys that came and went left {live} bytes");

    let (grown, _) = cost(|| (0..100_000).for_each(|n| map.store(n, n)));
    let (emptied, _) = cost(|| (0..100_000).for_each(|n| assert!(map.delete(&n))));
    let (shrunk, _) = cost(|| map.shrink_to_fit());
    assert!(
        grown > 100_000 * 40 && emptied < -100_000 * 24,
        "{grown} bytes came, {emptied} went with the entries"
    );
    let left = grown + emptied + shrunk;
    assert!(left.abs() < 16_384, "{left} bytes are left of 100,000 entries after shrink_to_fit");

    let pool = pool::Pool::new(|| [0_u64; 16]);
    let use_two = |_| drop((pool.get(), pool.get()));
    use_two(0);
    let (live, calls) = cost(|| (0..100_000).for_each(use_two));
    assert_eq!((live, calls), (0, 0), "what is in the pool is used again");
    let (live, _) = cost(|| (0..2).for_each(|_| pool.clean()));
    assert_eq!(live, -2 * 128, "two cleanings drop what is idle");

    let (live, _) = cost(|| {
        let domain = reclaim::Domain::new();
        let _reader = domain.pin();
        (0..100).for_each(|n| domain.retire(vec![n; 100]));
    });
    assert_eq!(live, 0, "a domain drops what is left");
}

/// TI-12, TI-18.
#[test]
fn a_million_function_timers_leave_nothing_behind() {
    const HOUR: Duration = Duration::from_secs(3600);
    after_func(HOUR, || ()).stop(); // the thread that waits has begun
    let (live, calls) = cost(|| {
        let timers: Vec<_> = (0..1_000_000).map(|_| after_func(HOUR, || ())).collect();
        assert!(timers.iter().all(FuncTimer::stop));
    });
    assert!(live.abs() < 4_096, "a million timers that were armed at once left {live} bytes");
    assert!(
        calls < 1_250_000,
        "a million timers made {calls} allocations: more than one each, and places among others"
    );
    let timer = after_func(HOUR, || ());
    let (live, calls) = cost(|| (0..1_000_000).for_each(|_| assert!(timer.reset(HOUR))));
    assert!(live.abs() < 4_096, "a million resets left {live} bytes");
    assert!(calls < 1_000, "a million resets made {calls} allocations");
    assert!(timer.stop());
}

/// CX-24.
#[test]
fn a_context_is_one_allocation() {
    let (above, _above) = with_cancel(&background());
    drop(with_cancel(&above)); // the place of a context below
    let (live, calls) = cost(|| drop(with_cancel(&background())));
    assert_eq!((live, calls), (0, 1));
    let (live, calls) = cost(|| drop(with_cancel(&above)));
    assert_eq!((live, calls), (0, 1));
    let (live, calls) = cost(|| drop(with_timeout(&above, Duration::from_secs(3600))));
    assert_eq!((live, calls), (0, 1));
}
