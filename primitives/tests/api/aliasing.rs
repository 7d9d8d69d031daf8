//! Objects that are shared by raw pointers, and each way to free them: small enough for Miri, which reports a reference
//! whose claim its owner does not have.

use selvedge::atomic::{ArcCell, Stack, Value};
use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{Mutex, Semaphore, WaitGroup};

#[test]
fn an_arc_comes_back_from_its_raw_pointer() {
    let raw = Arc::into_raw(Arc::new(String::from("warp")));
    // SAFETY: `raw` comes from `into_raw` and owns a count.
    let back = unsafe { Arc::from_raw(raw) };
    assert_eq!((Arc::strong_count(&back), back.len()), (1, 4));
    let address = Arc::as_ptr(&back);
    // SAFETY: `back` owns a count meanwhile, and the count that is added is taken back below.
    let again = unsafe {
        Arc::increment_strong_count(address);
        Arc::from_raw(address)
    };
    assert!(Arc::ptr_eq(&back, &again));
    drop(back);
    assert_eq!(Arc::into_inner(again).as_deref(), Some("warp"));
}

#[test]
fn an_arc_is_dropped_beside_weak_pointers() {
    for _ in 0..20 {
        let shared = Arc::new(5);
        let weak = Arc::downgrade(&shared);
        let other = thread::spawn(move || {
            let found = (0..20).filter(|_| {
                drop(weak.clone());
                weak.upgrade().is_some_and(|value| *value == 5)
            });
            found.count()
        });
        drop(shared);
        assert!(other.join().expect("no panic") <= 20);
    }
}

#[test]
fn a_value_is_taken_out_beside_weak_pointers() {
    for _ in 0..20 {
        let shared = Arc::new(String::from("weft"));
        let weak = Arc::downgrade(&shared);
        let other = thread::spawn(move || weak.upgrade().map_or(4, |value| value.len()));
        match Arc::try_unwrap(shared) {
            Ok(value) => assert_eq!(value, "weft"),
            Err(shared) => _ = Arc::into_inner(shared),
        }
        assert_eq!(other.join().expect("no panic"), 4);
    }
}

#[test]
fn a_sole_owner_may_change_the_value() {
    for _ in 0..100 {
        let mut mine = Arc::new(0);
        let theirs = Arc::clone(&mine);
        let other = thread::spawn(move || {
            let weak = Arc::downgrade(&theirs);
            drop(theirs);
            weak.upgrade().map(|value| *value)
        });
        let changed = (0..10).filter_map(|_| Arc::get_mut(&mut mine).map(|value| *value += 1)).count();
        assert!(other.join().expect("no panic").expect("one owner stays") <= changed);
        assert_eq!(*mine, changed);
    }
}

#[test]
fn an_owner_that_shares_may_not_change_the_value() {
    let mut mine = Arc::new(1);
    let weak = Arc::downgrade(&mine);
    assert!(Arc::get_mut(&mut mine).is_none() && Arc::weak_count(&mine) == 1);
    drop(weak);
    let other = Arc::clone(&mine);
    assert!(Arc::get_mut(&mut mine).is_none());
    assert_eq!((Arc::strong_count(&mine), Arc::weak_count(&mine)), (2, 0));
    drop(other);
    *Arc::get_mut(&mut mine).expect("it is alone") = 2;
    let weak = Arc::downgrade(&mine);
    assert_eq!(weak.upgrade().as_deref(), Some(&2));
}

#[test]
fn an_arc_cell_gives_out_arcs() {
    let cell = ArcCell::new(Arc::new(String::from("warp")));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let kept = cell.load_full();
                    let seen = cell.load();
                    assert!(kept.len() == 4 && seen.len() == 4);
                    cell.store(Arc::new(String::from("weft")));
                    drop(cell.swap(kept));
                    cell.update(|word| word.chars().rev().collect());
                }
            });
        }
    });
    assert_eq!(cell.load_full().len(), 4);
    let value = Value::new(vec![1]);
    assert!(value.compare_and_swap(&vec![1], vec![2]).is_ok());
    assert_eq!((value.swap(vec![3]), value.load()), (vec![2], vec![3]));
}

#[test]
fn nodes_and_entries_change_owners() {
    let (stack, map, pool) = (Stack::new(), Map::new(), Pool::with_slots(1, || Box::new(0)));
    let group = WaitGroup::new();
    thread::scope(|scope| {
        for thread in 0..3 {
            let (stack, map, pool) = (&stack, &map, &pool);
            group.go_scoped(scope, move || {
                for n in 0..12 {
                    stack.push(Box::new(n));
                    map.store(n, Box::new(thread));
                    **pool.get() += 1;
                    if n % 3 == thread {
                        stack.pop();
                        map.delete(&n);
                        map.load(&(n + 1));
                    }
                }
            });
        }
        group.wait();
    });
    assert!(map.len() <= 12);
    assert_eq!(core::iter::from_fn(|| stack.pop()).count(), 3 * 12 - 12);
}

#[test]
fn wait_cells_are_reused() {
    let (lock, places) = (Mutex::new(0), Semaphore::new(1));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..20 {
                    let wait = core::time::Duration::from_micros(n % 3 * 20);
                    if let Some(_place) = places.acquire_timeout(1, wait) {
                        *lock.lock() += 1;
                        thread::yield_now();
                    }
                    drop(lock.lock_timeout(wait));
                }
            });
        }
    });
    assert!(lock.into_inner() <= 60 && places.available() == 1);
}

#[test]
fn segments_of_channels_are_reused() {
    use core::pin::Pin;
    use core::task::{Context, Poll, Waker};
    use core::time::Duration;
    use selvedge::chan::{bounded, select, unbounded};

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
    }
    const A_WHILE: Duration = Duration::from_micros(20);

    for capacity in [Some(0), Some(1), Some(3), None] {
        let (tx, rx) = capacity.map_or_else(unbounded, bounded);
        thread::scope(|scope| {
            for thread in 0..2 {
                let (tx, rx) = (tx.clone(), rx.clone());
                scope.spawn(move || {
                    for n in 0..24 {
                        match (n + thread) % 6 {
                            0 => drop(tx.send_timeout(Box::new(n), A_WHILE)),
                            1 => drop(rx.recv_timeout(A_WHILE)),
                            2 => drop(tx.try_send(Box::new(n))),
                            3 => {
                                select! {
                                    recv(rx) -> _ => (),
                                    send(tx, Box::new(n)) -> _ => (),
                                    default(A_WHILE) => (),
                                }
                            }
                            4 => drop(poll(&mut rx.recv_async())),
                            _ => drop(poll(&mut tx.send_async(Box::new(n)))),
                        }
                    }
                });
            }
        });
        let (mut one, mut two) = (rx.recv_async(), rx.recv_async());
        let polled = [poll(&mut one).is_ready(), poll(&mut two).is_ready()];
        let _ = (tx.try_send(Box::new(1)), tx.try_send(Box::new(2)));
        drop((one, two));
        let left = core::iter::from_fn(|| rx.try_recv().ok()).count();
        assert!(
            capacity.is_none_or(|capacity| left <= capacity + 2),
            "{capacity:?}: {polled:?}, {left} left"
        );
        assert!(tx.close().is_ok() && rx.try_recv().is_err());
    }
}
