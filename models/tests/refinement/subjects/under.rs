//! Waits that a context ends.

use super::{NOT_NOW, Own, Subject, operations};
use crate::program::{Act, Program};
use core::mem::{forget, take};
use selvedge::context::{Cancel, Context, background, with_cancel};
use selvedge::sync::{Mutex, RwMutex};

const STOPPED: (&str, &str) =
    ("primitives/src/spec/stopped.rs", include_str!("../../../../primitives/src/spec/stopped.rs"));

/// What is waited for under a context.
pub(crate) trait Waited: Sync + Sized + 'static {
    const SEED: u64;

    fn new() -> Self;

    /// Takes what others then wait for.
    fn take(&self, own: &mut Own) -> u8;

    /// Waits under the context, and returns whether the wait was over before the context was done.
    fn wait(&self, own: &mut Own, context: &Context) -> bool;

    /// Gives what others wait for.
    fn give(&self, own: &mut Own) -> u8;

    /// Looks what the others have left.
    fn look(&self, own: &mut Own) -> u8;

    /// Gives back what the thread has.
    fn leave(&self, own: &mut Own) {
        self.give(own);
    }
}

const TAKE: usize = 0;
const WAIT: usize = 1;
const GIVE: usize = 2;
const LOOK: usize = 3;
const CANCEL: usize = 4;

/// What is waited for, and a context that a thread may cancel.
pub(crate) struct Under<W> {
    waited: W,
    context: Context,
    cancel: Cancel,
}

impl<W: Waited> Subject for Under<W> {
    const SEED: u64 = W::SEED;
    const ATTEMPTS: &'static [usize] = &[GIVE, LOOK];
    const OPERATIONS: usize = 5;
    const SPECIFICATION: (&'static str, &'static str) = STOPPED;
    const TWINS: &'static [&'static str] = &["lose-what-came"];

    fn new() -> Under<W> {
        let (context, cancel) = with_cancel(&background());
        Under { waited: W::new(), context, cancel }
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            TAKE => self.waited.take(own),
            WAIT => u8::from(self.waited.wait(own, &self.context)),
            GIVE => self.waited.give(own),
            LOOK => self.waited.look(own),
            CANCEL => {
                self.cancel.cancel();
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, own: &mut Own) {
        self.waited.leave(own);
    }

    fn programs() -> Vec<Program> {
        // The second thread begins to wait before the context is done, and its wait is over after that.
        let mut over_though_done = operations(&[&[TAKE, CANCEL, GIVE], &[WAIT]]);
        over_though_done.threads[0].insert(2, Act::Mark);
        over_though_done.threads[1].push(Act::Sight);
        vec![
            over_though_done,
            operations(&[&[CANCEL], &[WAIT]]),
            operations(&[&[CANCEL], &[WAIT, LOOK]]),
            operations(&[&[GIVE, CANCEL], &[WAIT, LOOK]]),
            operations(&[&[TAKE, CANCEL, GIVE], &[WAIT, LOOK]]),
        ]
    }
}

/// `Mutex::lock_ctx`
pub(crate) struct Locks(Mutex<()>);

impl Waited for Locks {
    const SEED: u64 = 40;

    fn new() -> Locks {
        Locks(Mutex::new(()))
    }

    fn take(&self, own: &mut Own) -> u8 {
        forget(self.0.lock());
        own.exclusive = true;
        1
    }

    fn wait(&self, own: &mut Own, context: &Context) -> bool {
        let locked = self.0.lock_ctx(context).map(forget).is_ok();
        own.exclusive |= locked;
        locked
    }

    fn give(&self, own: &mut Own) -> u8 {
        if !take(&mut own.exclusive) {
            return NOT_NOW;
        }
        // SAFETY: this thread has locked it, and has forgotten the guard.
        unsafe { self.0.as_lock_api().force_unlock() };
        1
    }

    fn look(&self, own: &mut Own) -> u8 {
        let locked = self.0.try_lock().map(forget).is_some();
        own.exclusive |= locked;
        u8::from(locked)
    }
}

fn leave(lock: &RwMutex<()>, own: &mut Own) -> u8 {
    let (exclusive, shared) = (take(&mut own.exclusive), take(&mut own.shared));
    // SAFETY: this thread has locked it so, and has forgotten the guards.
    unsafe {
        if exclusive {
            lock.as_lock_api().force_unlock_write();
        }
        (0..shared).for_each(|_| lock.as_lock_api().force_unlock_read());
    }
    if exclusive || shared > 0 { 1 } else { NOT_NOW }
}

fn read(locked: bool, own: &mut Own) -> bool {
    own.shared += usize::from(locked);
    locked
}

fn write(locked: bool, own: &mut Own) -> bool {
    own.exclusive |= locked;
    locked
}

/// `RwMutex::read_ctx`
pub(crate) struct Reads(RwMutex<()>);

impl Waited for Reads {
    const SEED: u64 = 41;

    fn new() -> Reads {
        Reads(RwMutex::new(()))
    }

    fn take(&self, own: &mut Own) -> u8 {
        forget(self.0.write());
        u8::from(write(true, own))
    }

    fn wait(&self, own: &mut Own, context: &Context) -> bool {
        read(self.0.read_ctx(context).map(forget).is_ok(), own)
    }

    fn give(&self, own: &mut Own) -> u8 {
        leave(&self.0, own)
    }

    fn look(&self, own: &mut Own) -> u8 {
        u8::from(write(self.0.try_write().map(forget).is_some(), own))
    }
}
