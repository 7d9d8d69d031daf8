//! Read-write locks, wait groups, and locks held over a channel operation.

use super::Pair;
use selvedge::rt::sync::Arc;
use selvedge::rt::{choose, thread};
use selvedge::sync::{Mutex, RwMutex, WaitGroup};

/// A worker that holds the read lock formats a line for its log, which takes the read lock again; a writer that waits
/// in between blocks it. (Two workers.) Fixed by formatting without the lock.
pub(super) fn cockroach_6181(mended: bool) {
    thread::spawn(move || {
        let (lock, group) = (Arc::new(RwMutex::new(())), WaitGroup::new());
        for _ in 0..2 {
            let lock = Arc::clone(&lock);
            group.go(move || {
                let reading = lock.read();
                if !mended {
                    drop(lock.read());
                }
                drop(reading);
                drop(lock.write());
            });
        }
        group.wait();
    });
}

/// A thread that reads the state of the processors under the read lock looks one of them up, which takes the read
/// lock again, and perhaps a third time. Fixed by looking up without the lock.
pub(super) fn kubernetes_62464(mended: bool) {
    let lock = Arc::new(RwMutex::new(()));
    let theirs = Arc::clone(&lock);
    thread::spawn(move || {
        let _reading = theirs.read();
        if !mended {
            drop(theirs.read());
            if choose(2) == 1 {
                drop(theirs.read());
            }
        }
    });
    thread::spawn(move || {
        drop(lock.read());
        drop(lock.write());
    });
}

/// A mapping that loses an address calls its listeners under its lock, which they take too. Fixed by calling them
/// after unlocking.
pub(super) fn syncthing_4829(mended: bool) {
    let mapping = RwMutex::new(());
    let removing = mapping.write();
    let tell = || drop(mapping.read());
    if mended {
        drop(removing);
        tell();
    } else {
        tell();
        drop(removing);
    }
}

/// A thread waits for both plugins when it has started only the first. Fixed by waiting after the loop.
pub(super) fn moby_25384(mended: bool) {
    thread::spawn(move || {
        let group = WaitGroup::new();
        group.add(2);
        for _ in 0..2 {
            let theirs = group.clone();
            thread::spawn(move || theirs.done());
            if !mended {
                group.wait();
            }
        }
        group.wait();
    });
}

/// A thread takes the lock of a URL while it holds the lock of all URLs, which the holder of the lock of the URL
/// needs to open it. (Two workers, one round.) Fixed by releasing the lock of all URLs before.
pub(super) fn hugo_3251(mended: bool) {
    let locks = Arc::new((RwMutex::new(()), Mutex::new(())));
    let group = WaitGroup::new();
    for _ in 0..2 {
        let locks = Arc::clone(&locks);
        group.go(move || {
            let (all, url) = &*locks;
            let creating = all.write();
            let (held, creating) = if mended {
                drop(creating);
                (url.lock(), None)
            } else {
                (url.lock(), Some(creating))
            };
            drop(creating);
            let _looking_up = all.read();
            drop(held);
        });
    }
    group.wait();
}

/// Clients wait for the signal of their leader under the lock that the leader needs to give it. (Two clients, one
/// round; at the end the leader signals once more to a client that came late.) Fixed by waiting without the lock.
pub(super) fn etcd_7902(mended: bool) {
    let next = Arc::new(Mutex::new(Pair::<()>::new(0)));
    for leads in [true, false] {
        let next = Arc::clone(&next);
        thread::spawn(move || {
            let mine = next.lock().clone();
            let mut held = next.lock();
            if leads {
                held.close();
                *held = Pair::new(0);
            }
            if mended {
                drop(held);
                mine.recv();
            } else {
                mine.recv();
                drop(held);
            }
            if leads {
                next.lock().close();
            }
        });
    }
}

/// A balancer sends its updates under a lock that the receiving thread takes. (Two updates, one connection.) Fixed by
/// room for one update, which makes place for a newer one.
pub(super) fn grpc_1353(mended: bool) {
    let balancer = Arc::new(Mutex::new(()));
    let (updates, help) = (Pair::new(usize::from(mended)), Pair::<()>::new(0));
    let theirs = (Arc::clone(&balancer), updates.clone(), help.clone());
    thread::spawn(move || {
        let (balancer, updates, help) = theirs;
        for _ in 0..2 {
            let _held = balancer.lock();
            if mended {
                let _older = updates.1.try_recv();
            }
            updates.send(());
        }
        help.close();
    });
    let theirs = (Arc::clone(&balancer), updates.clone());
    thread::spawn(move || {
        let (balancer, updates) = theirs;
        let connection = Mutex::new(());
        for () in &*updates.1 {
            let _held = connection.lock();
            drop(balancer.lock());
        }
    });
    thread::spawn(move || {
        help.recv();
        let _held = balancer.lock();
        updates.close();
    });
}

/// A thread calls a balancer that the thread that closed the client has removed. Fixed by checking whether the
/// balancer is there.
pub(super) fn grpc_2371(mended: bool) {
    let client = Arc::new(RwMutex::new(Some(Pair::new(1))));
    let theirs = Arc::clone(&client);
    let notifies = thread::spawn(move || {
        let held = theirs.write();
        match &*held {
            Some(balancer) => {
                let _older = balancer.1.try_recv();
                balancer.send(());
            }
            None => assert!(mended, "the balancer is gone"),
        }
    });
    let closes = thread::spawn(move || *client.write() = None);
    closes.join().expect("no panic");
    notifies.join().expect("no panic");
}
