//! Channels and selects that wait for an operation that never comes, or whose channel another thread changes.

use super::Pair;
use crate::models::Plain;
use selvedge::chan::{Timer, after, select};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::{choose, thread};
use std::time::Duration;

const SOON: Duration = Duration::from_micros(1);

/// A server takes the request to stop before a request for its state, whose caller waits for ever. Fixed by waiting
/// for the end of the server too.
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

/// The thread that closes a channel holds a lock while it waits for another thread, which needs the lock to receive
/// to the end of the channel. Fixed by waiting without the lock.
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

/// In each round a thread sends on a channel of the round; once the loop has been stopped no thread receives. Fixed
/// by room for one value.
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

/// Closing a stream should end its reader, and does not. Fixed by an item that tells the reader of the end.
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
    let timer = Timer::new(SOON);
    select! {
        recv(done.1) -> _ => assert!(timer.stop(), "nobody has received its instant"),
        recv(timer.receiver()) -> _ => (),
    }
}

/// A consumer of progress stops at the first item, and its producers go on. Fixed by a consumer that receives until
/// the channel is closed.
pub(super) fn moby_21233(mended: bool) {
    thread::spawn(move || {
        let (progress, consumed) = (Pair::new(0), Pair::<()>::new(0));
        let theirs = (progress.clone(), consumed.clone());
        thread::spawn(move || {
            let (progress, consumed) = theirs;
            for () in &*progress.1 {
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

/// One thread sets a field to a channel and another reads the field; only a pause orders the two. Fixed by setting
/// the field before the threads start.
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

/// A source closes its channel and then resets the field, while its thread reads the field. Fixed by keeping the
/// field.
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

/// After a timeout the result is read before its writer has finished. Fixed by waiting for the writer.
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

/// A field that holds a channel, or nothing, as a Go channel may be nil.
struct Field(UnsafeCell<Option<Pair<()>>>);

// SAFETY: whether accesses of the field are ordered is what the kernels are about; a checker reports a race before
// the access.
unsafe impl Sync for Field {}
// SAFETY: a channel may move between threads.
unsafe impl Send for Field {}

impl Field {
    fn new(channel: Option<Pair<()>>) -> Field {
        Field(UnsafeCell::new(channel))
    }

    fn get(&self) -> Option<Pair<()>> {
        // SAFETY: a checker reports a race before an access that is not ordered.
        self.0.with(|field| unsafe { (*field).clone() })
    }

    fn set(&self, channel: Option<Pair<()>>) {
        // SAFETY: a checker reports a race before an access that is not ordered.
        self.0.with_mut(|field| unsafe { *field = channel });
    }
}
