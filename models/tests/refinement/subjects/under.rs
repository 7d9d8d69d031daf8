//! Waits that a context ends.

use super::{NOT_NOW, Own, Subject, operations, or_panic};
use crate::program::{Act, Program};
use core::mem::{forget, take};
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Cancel, Context, background, with_cancel};
use selvedge::sync::{Cond, Mutex, Once, Permits, RwMutex, Semaphore, WaitGroup};

const STOPPED: (&str, &str) =
    ("primitives/src/spec/stopped.rs", include_str!("../../../../primitives/src/spec/stopped.rs"));
const CANCELS: (&str, &str) =
    ("primitives/src/context/cancel.rs", include_str!("../../../../primitives/src/context/cancel.rs"));
const RW_MUTEX: (&str, &str) =
    ("primitives/src/spec/rw_mutex.rs", include_str!("../../../../primitives/src/spec/rw_mutex.rs"));
const SEMAPHORE: (&str, &str) =
    ("primitives/src/spec/semaphore.rs", include_str!("../../../../primitives/src/spec/semaphore.rs"));
const FORMS: (&str, &str) =
    ("primitives/src/context/forms.rs", include_str!("../../../../primitives/src/context/forms.rs"));

/// How many executions of selects are explored, which are longer.
const SELECTS: [u64; 3] = [300, 3_000, 20_000];

/// What is waited for under a context.
pub(crate) trait Waited: Sync + Sized + 'static {
    const SEED: u64;
    /// The lines that have a faulty twin.
    const TWINS: (&'static str, &'static str, &'static [&'static str]) =
        (STOPPED.0, STOPPED.1, &["lose-what-came"]);
    /// How many executions are explored.
    const LIMITS: [u64; 3] = [1_000, 20_000, 50_000];
    /// Programs that are tried beside those that all are.
    const PROGRAMS: &'static [&'static [&'static [usize]]] = &[];

    fn new() -> Self;

    /// Takes what others then wait for.
    fn take(&self, own: &mut Own, ends: &Ends) -> u8;

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
/// Whether a wait has begun that the context ends. As specified a wait has begun also where the real one takes what is free
/// before: so this is only in programs in which nothing is.
const SEE: usize = 5;

/// What is waited for, and what ends the wait.
pub(crate) struct Under<W> {
    waited: W,
    ends: Ends,
}

/// A context that a thread may cancel.
pub(crate) struct Ends {
    context: Context,
    cancel: Cancel,
}

impl Ends {
    /// Returns whether a wait has begun that the context ends.
    fn are_awaited(&self) -> u8 {
        u8::from(self.context.kindred() > 0)
    }
}

impl<W: Waited> Subject for Under<W> {
    const SEED: u64 = W::SEED;
    const ATTEMPTS: &'static [usize] = &[GIVE, LOOK];
    const OPERATIONS: usize = 5;
    const LIMITS: [u64; 3] = W::LIMITS;
    const SPECIFICATION: (&'static str, &'static str) = (W::TWINS.0, W::TWINS.1);
    const TWINS: &'static [&'static str] = W::TWINS.2;

    fn new() -> Under<W> {
        let (context, cancel) = with_cancel(&background());
        Under { waited: W::new(), ends: Ends { context, cancel } }
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            TAKE => self.waited.take(own, &self.ends),
            WAIT => u8::from(self.waited.wait(own, &self.ends.context)),
            GIVE => self.waited.give(own),
            LOOK => self.waited.look(own),
            CANCEL => {
                self.ends.cancel.cancel();
                1
            }
            SEE => self.ends.are_awaited(),
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
        let mut programs = vec![
            over_though_done,
            operations(&[&[CANCEL], &[WAIT]]),
            operations(&[&[CANCEL], &[WAIT, LOOK]]),
            operations(&[&[GIVE, CANCEL], &[WAIT, LOOK]]),
            operations(&[&[TAKE, CANCEL, GIVE], &[WAIT, LOOK]]),
        ];
        programs.extend(W::PROGRAMS.iter().map(|threads| operations(threads)));
        programs
    }
}

/// `Mutex::lock_ctx`
pub(crate) struct Locks(Mutex<()>);

impl Waited for Locks {
    const SEED: u64 = 40;

    fn new() -> Locks {
        Locks(Mutex::new(()))
    }

    fn take(&self, own: &mut Own, _: &Ends) -> u8 {
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

    fn take(&self, own: &mut Own, _: &Ends) -> u8 {
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

/// `RwMutex::write_ctx` of a lock that is read, and stays so.
pub(crate) struct Writes(RwMutex<()>);

impl Waited for Writes {
    const SEED: u64 = 42;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) =
        (RW_MUTEX.0, RW_MUTEX.1, &["stays-announced"]);

    const PROGRAMS: &'static [&'static [&'static [usize]]] = &[&[&[WAIT, LOOK], &[SEE, CANCEL]]];

    fn new() -> Writes {
        let lock = RwMutex::new(());
        forget(lock.read());
        Writes(lock)
    }

    fn take(&self, own: &mut Own, _: &Ends) -> u8 {
        forget(self.0.read());
        u8::from(read(true, own))
    }

    fn wait(&self, own: &mut Own, context: &Context) -> bool {
        write(self.0.write_ctx(context).map(forget).is_ok(), own)
    }

    fn give(&self, own: &mut Own) -> u8 {
        leave(&self.0, own)
    }

    fn look(&self, own: &mut Own) -> u8 {
        u8::from(read(self.0.try_read().map(forget).is_some(), own))
    }
}

/// `Semaphore::acquire_ctx`, of two permits where there is one; others take one, and add one.
pub(crate) struct Acquires(Semaphore);

impl Waited for Acquires {
    const SEED: u64 = 43;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) =
        (SEMAPHORE.0, SEMAPHORE.1, &["stays-waiting"]);

    const PROGRAMS: &'static [&'static [&'static [usize]]] = &[&[&[WAIT, LOOK], &[SEE, CANCEL]]];

    fn new() -> Acquires {
        Acquires(Semaphore::new(1))
    }

    fn take(&self, own: &mut Own, _: &Ends) -> u8 {
        self.0.acquire(1).forget();
        own.permits += 1;
        1
    }

    fn wait(&self, own: &mut Own, context: &Context) -> bool {
        let acquired = self.0.acquire_ctx(2, context).map(Permits::forget).is_ok();
        own.permits += 2 * u64::from(acquired);
        acquired
    }

    fn give(&self, _: &mut Own) -> u8 {
        self.0.release(1);
        1
    }

    fn look(&self, own: &mut Own) -> u8 {
        let acquired = self.0.try_acquire(1).map(Permits::forget).is_some();
        own.permits += u64::from(acquired);
        u8::from(acquired)
    }

    fn leave(&self, own: &mut Own) {
        match take(&mut own.permits) {
            0 => (),
            permits => self.0.release(permits),
        }
    }
}

/// `Cond::wait_ctx`, and waits without a context.
pub(crate) struct Conditions(Mutex<()>, Cond);

impl Waited for Conditions {
    const SEED: u64 = 44;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) = (CANCELS.0, CANCELS.1, &["nudge"]);

    const PROGRAMS: &'static [&'static [&'static [usize]]] = &[&[&[WAIT], &[SEE, CANCEL]]];

    fn new() -> Conditions {
        Conditions(Mutex::new(()), Cond::new())
    }

    fn take(&self, _: &mut Own, _: &Ends) -> u8 {
        NOT_NOW
    }

    fn wait(&self, _: &mut Own, context: &Context) -> bool {
        self.1.wait_ctx(&mut self.0.lock(), context).is_ok()
    }

    fn give(&self, _: &mut Own) -> u8 {
        u8::from(self.1.signal())
    }

    fn look(&self, _: &mut Own) -> u8 {
        self.1.wait(&mut self.0.lock());
        1
    }

    fn leave(&self, _: &mut Own) {}
}

/// `WaitGroup::wait_ctx` of a group with a task.
pub(crate) struct Groups(WaitGroup);

impl Waited for Groups {
    const SEED: u64 = 45;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) = (CANCELS.0, CANCELS.1, &["nudge"]);

    const PROGRAMS: &'static [&'static [&'static [usize]]] = &[&[&[WAIT], &[SEE, CANCEL]]];

    fn new() -> Groups {
        let group = WaitGroup::new();
        group.add(1);
        Groups(group)
    }

    fn take(&self, _: &mut Own, _: &Ends) -> u8 {
        self.0.add(1);
        1
    }

    fn wait(&self, _: &mut Own, context: &Context) -> bool {
        self.0.wait_ctx(context).is_ok()
    }

    fn give(&self, _: &mut Own) -> u8 {
        or_panic(|| {
            self.0.done();
            1
        })
    }

    fn look(&self, _: &mut Own) -> u8 {
        self.0.wait();
        1
    }

    fn leave(&self, _: &mut Own) {}
}

/// `Sender::send_ctx` to a channel whose buffer is full.
pub(crate) struct Sends(Sender<u8>, Receiver<u8>);

impl Waited for Sends {
    const SEED: u64 = 46;
    const LIMITS: [u64; 3] = SELECTS;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) =
        (FORMS.0, FORMS.1, &["look-before-send"]);
    const PROGRAMS: &'static [&'static [&'static [usize]]] =
        &[&[&[CANCEL, GIVE, WAIT]], &[&[WAIT], &[CANCEL]]];

    fn new() -> Sends {
        let (tx, rx) = bounded(1);
        tx.send(1).expect("it has room");
        Sends(tx, rx)
    }

    fn take(&self, _: &mut Own, _: &Ends) -> u8 {
        u8::from(self.0.try_send(2).is_ok())
    }

    fn wait(&self, _: &mut Own, context: &Context) -> bool {
        self.0.send_ctx(context, 3).is_ok()
    }

    fn give(&self, _: &mut Own) -> u8 {
        self.1.try_recv().unwrap_or(0)
    }

    fn look(&self, own: &mut Own) -> u8 {
        self.give(own)
    }

    fn leave(&self, _: &mut Own) {}
}

/// `Receiver::recv_ctx` from a channel whose buffer is empty.
pub(crate) struct Receives(Sender<u8>, Receiver<u8>);

impl Waited for Receives {
    const SEED: u64 = 47;
    const LIMITS: [u64; 3] = SELECTS;
    const TWINS: (&'static str, &'static str, &'static [&'static str]) =
        (FORMS.0, FORMS.1, &["look-before-receive"]);
    const PROGRAMS: &'static [&'static [&'static [usize]]] =
        &[&[&[CANCEL, GIVE, WAIT]], &[&[WAIT], &[CANCEL]]];

    fn new() -> Receives {
        let (tx, rx) = bounded(1);
        Receives(tx, rx)
    }

    fn take(&self, _: &mut Own, _: &Ends) -> u8 {
        self.1.try_recv().unwrap_or(0)
    }

    fn wait(&self, _: &mut Own, context: &Context) -> bool {
        self.1.recv_ctx(context).is_ok()
    }

    fn give(&self, _: &mut Own) -> u8 {
        u8::from(self.0.try_send(1).is_ok())
    }

    fn look(&self, _: &mut Own) -> u8 {
        u8::from(self.1.try_recv().is_ok())
    }

    fn leave(&self, _: &mut Own) {}
}

/// `Once::call_ctx`, and a call whose closure ends the waits.
pub(crate) struct Calls(Once);

impl Waited for Calls {
    const SEED: u64 = 48;

    fn new() -> Calls {
        Calls(Once::new())
    }

    fn take(&self, _: &mut Own, ends: &Ends) -> u8 {
        let mut seen = 0;
        self.0.call(|| {
            seen = 1 + ends.are_awaited();
            ends.cancel.cancel();
        });
        seen
    }

    fn wait(&self, _: &mut Own, context: &Context) -> bool {
        self.0.call_ctx(context, || ()).is_ok()
    }

    fn give(&self, _: &mut Own) -> u8 {
        u8::from(self.0.is_done())
    }

    fn look(&self, _: &mut Own) -> u8 {
        let mut ran = 0;
        self.0.call(|| ran = 1);
        ran
    }

    fn leave(&self, _: &mut Own) {}
}
