//! What `rt::sync` offers by std's names.

use super::{NOT_NOW, Own, Subject, handing_over, operations, or_panic, told};
use crate::program::{Act, Program};
use selvedge::rt::sync::{Barrier, Once, RwLock};

/// `rt::sync::RwLock`.
pub(crate) struct RtReadWrite(RwLock<()>);

impl Subject for RtReadWrite {
    const SEED: u64 = 10;
    const ATTEMPTS: &'static [usize] = &[2, 3, 4, 5];
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/rw_lock.rs", include_str!("../../../../primitives/src/spec/rw_lock.rs"));
    const TWINS: &'static [&'static str] = &[
        "reads-beside-a-writer",
        "writes-beside-a-reader",
        "no-edge-to-readers",
        "no-edge-from-readers",
        "lost-unlock",
    ];

    fn new() -> RtReadWrite {
        RtReadWrite(RwLock::new(()))
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        match operation {
            0 => {
                drop(self.0.read());
                1
            }
            1 => {
                drop(self.0.write());
                1
            }
            2 => u8::from(self.0.try_read().is_some()),
            3 => u8::from(self.0.try_write().is_some()),
            4 => {
                let _held = self.0.read();
                u8::from(self.0.try_write().is_some()) + 2 * u8::from(self.0.try_read().is_some())
            }
            5 => {
                let _held = self.0.write();
                u8::from(self.0.try_read().is_some())
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            handing_over(&[1], &[0]),
            handing_over(&[0], &[1]),
            told(&[1], &[0]),
            told(&[0], &[1]),
            operations(&[&[4], &[5]]),
            operations(&[&[0, 0], &[1]]),
        ]
    }
}

/// `rt::sync::Barrier` for two threads.
pub(crate) struct RtGate(Barrier);

impl Subject for RtGate {
    const SEED: u64 = 11;
    const OPERATIONS: usize = 1;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/barrier.rs", include_str!("../../../../primitives/src/spec/barrier.rs"));
    const TWINS: &'static [&'static str] = &["passes-early", "no-edge-to-the-last"];
    const EXACT_ORDER: bool = true;

    fn new() -> RtGate {
        RtGate(Barrier::new(2))
    }

    fn perform(&self, _: usize, _: &mut Own) -> u8 {
        u8::from(self.0.wait().is_leader())
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        let mut last = told(&[0], &[0]);
        last.threads[1].remove(0);
        vec![handing_over(&[0], &[0]), operations(&[&[0, 0], &[0, 0]]), last]
    }
}

/// `rt::sync::Once`. A call returns whether its closure ran.
pub(crate) struct RtRunsOnce(Once);

impl Subject for RtRunsOnce {
    const SEED: u64 = 12;
    /// Those that are drawn: a program in which a thread waits for ever is a livelock of the real form.
    const OPERATIONS: usize = 4;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/once.rs", include_str!("../../../../primitives/src/spec/once.rs"));
    const TWINS: &'static [&'static str] = &["no-edge-to-std-calls", "forgets-the-panic", "no-edge-to-waits"];
    const EXACT_ORDER: bool = true;

    fn new() -> RtRunsOnce {
        RtRunsOnce(Once::new())
    }

    fn perform(&self, operation: usize, _: &mut Own) -> u8 {
        or_panic(|| {
            let mut ran = 0;
            match operation {
                0 => self.0.call_once(|| ran = 1),
                1 => return u8::from(self.0.is_completed()),
                2 => self.0.call_once(|| panic!("in the closure")),
                3 => self.0.call_once_force(|state| ran = 1 + u8::from(state.is_poisoned())),
                4 => self.0.wait(),
                _ => return NOT_NOW,
            }
            ran
        })
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        let mut sees = handing_over(&[0], &[1]);
        sees.threads[1].push(Act::Operate { operation: 0, object: 0 });
        vec![
            handing_over(&[0], &[0]),
            handing_over(&[2], &[3]),
            handing_over(&[0], &[4]),
            sees,
            operations(&[&[2, 3], &[0, 4]]),
        ]
    }
}
