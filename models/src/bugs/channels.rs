//! Channels and selects that wait for somebody who does not come, or are changed under somebody's hands.

use super::Pair;
use crate::models::Plain;
use selvedge::chan::{after, select};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::{choose, thread};
use std::time::Duration;

const SOON: Duration = Duration::from_micros(1);

/// A server takes the request to stop before somebody's request for its state, which waits for ever. Mended by waiting
/// for the server's end too.
pub(super) fn etcd_6857(mended: bool) {
    let (status, stop, done) = (Pair::<Pair<i32>>::new(0), Pair::new(0), Pair::<()>::new(0));
    let server = (status.clone(), stop.clone(), done.clone());
    thread::spawn(move || {
        let (status, stop, done) = server;
        loop {
            select! {
                recv(status.1) -> reply => { reply.expect("open").send(1); }
                recv(stop.1) -> _ => { done.close(); return }
            }
        }
    });
    let theirs = done.clone();
    thread::spawn(move || {
        let reply = Pair::new(1);
        if mended {
            select! { send(status.0, reply.clone()) -> _ => reply.recv(), recv(theirs.1) -> _ => None };
        } else if status.send(reply.clone()) {
            reply.recv();
        }
    });
    thread::spawn(move || {
        select! { send(stop.0, ()) -> _ => (), recv(done.1) -> _ => return }
        done.recv();
    });
}

/// Who closes a channel waits, holding a lock, for a thread that needs the lock to get to the channel's end. Mended by
/// waiting without it.
pub(super) fn etcd_6873(mended: bool) {
    let lock = Arc::new(Mutex::new(()));
    let (updates, done) = (Pair::new(1), Pair::<()>::new(0));
    let theirs = (Arc::clone(&lock), updates.clone(), done.clone());
    thread::spawn(move || {
        let (lock, updates, done) = theirs;
        updates.1.iter().for_each(|()| drop(lock.lock()));
        done.close();
    });
    let _full = updates.0.try_send(());
    thread::spawn(move || {
        let held = lock.lock();
        updates.close();
        if mended {
            drop(held);
            done.recv();
        } else {
            done.recv();
            drop(held);
        }
    });
}

/// Each round has a thread that sends on the round's own channel; nobody receives once the loop has been stopped.
/// Mended by room for one value.
pub(super) fn grpc_660(mended: bool) {
    let stop = Pair::new(0);
    let theirs = stop.clone();
    thread::spawn(move || {
        for _round in 0..2 {
            let done = Pair::new(usize::from(mended));
            let worker = done.clone();
            thread::spawn(move || worker.send(choose(2)));
            select! { recv(theirs.1) -> _ => return, recv(done.1) -> _ => () }
        }
        theirs.recv();
    });
    thread::spawn(move || stop.send(()));
}

/// Closing a stream should end its reader, and does not. Mended by an item for it.
pub(super) fn grpc_1275(mended: bool) {
    let (items, done) = (Pair::new(0), Pair::<()>::new(0));
    let theirs = (items.clone(), done.clone());
    thread::spawn(move || {
        let (items, done) = theirs;
        select! { recv(items.1) -> _ => () }
        done.close();
    });
    if mended {
        items.send(());
    }
    select! { recv(done.1) -> _ => (), recv(after(SOON)) -> _ => () }
}

/// A consumer of progress leaves at the first item, and those who report go on. Mended by a consumer that stays until
/// the channel is closed.
pub(super) fn moby_21233(mended: bool) {
    thread::spawn(move || {
        let (progress, consumed) = (Pair::new(0), Pair::<()>::new(0));
        let theirs = (progress.clone(), consumed.clone());
        thread::spawn(move || {
            let (progress, consumed) = theirs;
            for () in &progress.1 {
                if !mended && choose(2) == 1 {
                    return;
                }
            }
            consumed.close();
        });
        let (release, running) = (Pair::<()>::new(0), Pair::<()>::new(0));
        let watcher = (progress.clone(), release.clone(), running.clone());
        thread::spawn(move || {
            let (progress, release, running) = watcher;
            progress.send(());
            release.recv();
            progress.send(());
            running.close();
        });
        release.close();
        running.recv();
        progress.close();
        consumed.recv();
    });
}

/// A channel in a field that one thread sets and another one reads; nothing but a pause orders the two. Mended by
/// setting it before the threads start.
pub(super) fn etcd_3077(mended: bool) {
    let server = Arc::new(Field::new(mended.then(|| Pair::new(1))));
    let theirs = Arc::clone(&server);
    let starter = thread::spawn(move || {
        if !mended {
            theirs.set(Some(Pair::new(1)));
        }
        if let Some(stopped) = theirs.get() {
            stopped.recv();
        }
    });
    thread::sleep(SOON);
    if let Some(stopped) = server.get() {
        stopped.send(());
    }
    starter.join().expect("no panic");
}

/// A source closes its channel and then forgets it, while its thread reads the field. Mended by not forgetting it.
pub(super) fn istio_8967(mended: bool) {
    let source = Arc::new(Field::new(Some(Pair::new(0))));
    let theirs = Arc::clone(&source);
    let loops = thread::spawn(move || {
        if let Some(done) = theirs.get() {
            select! { recv(done.1) -> _ => () }
        }
    });
    source.get().expect("it is set").close();
    if !mended {
        source.set(None);
    }
    loops.join().expect("no panic");
}

/// After a timeout the result is read before who writes it has finished. Mended by waiting for him.
pub(super) fn moby_18412(mended: bool) {
    let output = Arc::new(Plain::new(0));
    let done = Pair::new(1);
    let theirs = (Arc::clone(&output), done.clone());
    let process = thread::spawn(move || {
        let (output, done) = theirs;
        output.set(1);
        done.send(());
    });
    let timed_out = select! { recv(done.1) -> _ => false, recv(after(SOON)) -> _ => true };
    if timed_out && mended {
        done.recv();
    }
    output.get();
    process.join().expect("no panic");
}

/// A field with a channel, or Go's nil.
struct Field(UnsafeCell<Option<Pair<()>>>);

// SAFETY: the kernels are about whether accesses are ordered, and a checker tells if they are not.
unsafe impl Sync for Field {}
// SAFETY: channels move between threads.
unsafe impl Send for Field {}

impl Field {
    fn new(channel: Option<Pair<()>>) -> Field {
        Field(UnsafeCell::new(channel))
    }

    fn get(&self) -> Option<Pair<()>> {
        // SAFETY: see above.
        self.0.with(|field| unsafe { (*field).clone() })
    }

    fn set(&self, channel: Option<Pair<()>>) {
        // SAFETY: see above.
        self.0.with_mut(|field| unsafe { *field = channel });
    }
}
