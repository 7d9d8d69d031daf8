//! What threads wait for.

use super::{NOT_NOW, Own, Subject, handing_over, operations, or_panic};
use crate::program::Program;
use selvedge::rt;
use selvedge::sync::{Barrier, Cond, Mutex, Once, Semaphore, WaitGroup};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_millis(5);

/// `sync::Cond` with a `sync::Mutex`. A wait returns its place among the waits, a signal under the
/// lock how many waits have begun.
pub(crate) struct Condition {
    waits: Mutex<u8>,
    cond: Cond,
}

impl Subject for Condition {
    const SEED: u64 = 4;
    const ATTEMPTS: &'static [usize] = &[1, 4];
    const OPERATIONS: usize = 5;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/cond.rs", include_str!("../../../../primitives/src/spec/cond.rs"));
    const TWINS: &'static [&'static str] = &["lost-signal", "wakes-the-last", "wakes-too-many"];

    fn new() -> Condition {
        Condition { waits: Mutex::new(0), cond: Cond::new() }
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        match operation {
            0 => {
                let mut waits = self.waits.lock();
                *waits += 1;
                let place = *waits;
                self.cond.wait(&mut waits);
                place
            }
            1 => u8::from(self.cond.signal()),
            2 => {
                let waits = self.waits.lock();
                self.cond.signal();
                *waits
            }
            3 => {
                self.cond.broadcast();
                1
            }
            4 => u8::from(self.cond.wait_timeout(&mut self.waits.lock(), TIMEOUT)),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![operations(&[&[0], &[2]]), handing_over(&[1], &[0]), operations(&[&[0], &[0], &[2]])]
    }
}

/// `rt::sync::Condvar` with a `rt::sync::Mutex`. A wait returns its place among the waits, a signal under the
/// lock how many waits have begun.
pub(crate) struct RtCondition {
    waits: rt::sync::Mutex<u8>,
    condvar: rt::sync::Condvar,
}

impl Subject for RtCondition {
    const SEED: u64 = 5;
    const OPERATIONS: usize = 4;
    const SPECIFICATION: (&'static str, &'static str) = Condition::SPECIFICATION;
    const TWINS: &'static [&'static str] = &["lost-signal", "wakes-the-last", "wakes-too-many"];

    fn new() -> RtCondition {
        RtCondition { waits: rt::sync::Mutex::new(0), condvar: rt::sync::Condvar::new() }
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        match operation {
            0 => {
                let mut waits = self.waits.lock();
                *waits += 1;
                let place = *waits;
                drop(self.condvar.wait(waits));
                place
            }
            1 => {
                self.condvar.notify_one();
                1
            }
            2 => {
                let waits = self.waits.lock();
                self.condvar.notify_one();
                *waits
            }
            3 => {
                self.condvar.notify_all();
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![operations(&[&[0], &[2]]), handing_over(&[1], &[0]), operations(&[&[0], &[0], &[2]])]
    }
}

/// `sync::WaitGroup`.
pub(crate) struct Group(WaitGroup);

impl Subject for Group {
    const SEED: u64 = 6;
    const ATTEMPTS: &'static [usize] = &[5];
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/wait_group.rs", include_str!("../../../../primitives/src/spec/wait_group.rs"));
    const TWINS: &'static [&'static str] = &["early-wait", "lost-done"];

    fn new() -> Group {
        Group(WaitGroup::new())
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 | 1 => {
                self.0.add(1);
                own.permits += 1;
                1
            }
            2 | 3 => or_panic(|| {
                self.0.done();
                1
            }),
            4 => {
                self.0.wait();
                1
            }
            5 => u8::from(self.0.wait_timeout(TIMEOUT)),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![handing_over(&[0, 2], &[4]), operations(&[&[0, 4], &[2]]), operations(&[&[0, 0, 4], &[2, 2]])]
    }
}

/// `sync::WaitGroup` with one task, of which a program uses nothing but additions, ends of tasks and waits.
pub(crate) struct Tasks(WaitGroup);

impl Subject for Tasks {
    const SEED: u64 = 17;
    const OPERATIONS: usize = 3;
    const EXACT_ORDER: bool = true;
    const SPECIFICATION: (&'static str, &'static str) = (
        "primitives/src/spec/wait_group/apart.rs",
        include_str!("../../../../primitives/src/spec/wait_group/apart.rs"),
    );
    const TWINS: &'static [&'static str] =
        &["apart-early-wait", "apart-lost-done", "apart-no-edge-from-done"];

    fn new() -> Tasks {
        let group = WaitGroup::new();
        group.add(1);
        Tasks(group)
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        match operation {
            0 => or_panic(|| {
                self.0.done();
                1
            }),
            1 => {
                self.0.wait();
                1
            }
            2 => {
                self.0.add(1);
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            handing_over(&[0], &[1]),
            operations(&[&[0], &[1], &[1]]),
            operations(&[&[2, 0, 1], &[0]]),
            operations(&[&[2, 0], &[0], &[1]]),
        ]
    }
}

/// `sync::Semaphore` with one permit.
pub(crate) struct Permits(Semaphore);

impl Subject for Permits {
    const SEED: u64 = 7;
    const ATTEMPTS: &'static [usize] = &[3, 4];
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/semaphore.rs", include_str!("../../../../primitives/src/spec/semaphore.rs"));
    const TWINS: &'static [&'static str] = &["overtakes-waiters", "lost-permit"];

    fn new() -> Permits {
        Permits(Semaphore::new(1))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 => {
                self.0.acquire(1).forget();
                own.permits += 1;
                1
            }
            1 => {
                self.0.acquire(2).forget();
                own.permits += 2;
                1
            }
            2 => {
                self.0.release(1);
                own.permits = own.permits.saturating_sub(1);
                1
            }
            3 => {
                let taken = self.0.try_acquire(1).map(selvedge::sync::Permits::forget).is_some();
                own.permits += u64::from(taken);
                u8::from(taken)
            }
            4 => {
                let taken = self.0.acquire_timeout(2, TIMEOUT).map(selvedge::sync::Permits::forget).is_some();
                own.permits += 2 * u64::from(taken);
                u8::from(taken)
            }
            5 => {
                self.leave(own);
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, own: &mut Own) {
        match std::mem::take(&mut own.permits) {
            0 => (),
            permits => self.0.release(permits),
        }
    }

    fn programs() -> Vec<Program> {
        vec![handing_over(&[0, 5], &[0, 5]), operations(&[&[1], &[3]]), operations(&[&[1], &[0]])]
    }
}

/// `sync::Barrier` for two threads.
pub(crate) struct Gate(Barrier);

impl Subject for Gate {
    const SEED: u64 = 8;
    const OPERATIONS: usize = 1;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/barrier.rs", include_str!("../../../../primitives/src/spec/barrier.rs"));
    const TWINS: &'static [&'static str] = &["passes-early", "no-edge-to-the-last"];
    const EXACT_ORDER: bool = true;

    fn new() -> Gate {
        Gate(Barrier::new(2))
    }

    fn perform(&self, _: usize, _: &mut Own) -> u8 {
        u8::from(self.0.wait())
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![handing_over(&[0], &[0]), operations(&[&[0, 0], &[0, 0]]), operations(&[&[0], &[0], &[0]])]
    }
}

/// `sync::Once`. A call returns whether its closure ran.
pub(crate) struct RunsOnce(Once);

impl Subject for RunsOnce {
    const SEED: u64 = 9;
    const ATTEMPTS: &'static [usize] = &[1];
    const OPERATIONS: usize = 4;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/once.rs", include_str!("../../../../primitives/src/spec/once.rs"));
    const TWINS: &'static [&'static str] = &["early-return", "no-edge-of-the-end"];
    const EXACT_ORDER: bool = true;

    fn new() -> RunsOnce {
        RunsOnce(Once::new())
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        let mut ran = 0;
        match operation {
            0 => self.0.call(|| ran = 1),
            1 => return u8::from(self.0.is_done()),
            2 => {
                return or_panic(|| {
                    self.0.call(|| panic!("in the closure"));
                    0
                });
            }
            3 => {
                return or_panic(|| {
                    self.0.call(|| self.0.call(|| ran = 2));
                    ran
                });
            }
            _ => return NOT_NOW,
        }
        ran
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![handing_over(&[0], &[0]), handing_over(&[0], &[1]), operations(&[&[3, 0], &[2, 1]])]
    }
}
