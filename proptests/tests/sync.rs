//! Locks and wait groups against state machines, operation by operation.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc")]

use proptest::collection::vec;
use proptest::prelude::{any, prop_assert_eq, proptest};
use selvedge::sync::{
    RwMutex, RwMutexReadGuard, RwMutexUpgradableReadGuard, RwMutexWriteGuard, Semaphore, WaitGroup,
};
use std::time::Duration;

/// What a thread has of a lock.
enum Guard<'a> {
    Read(RwMutexReadGuard<'a, ()>),
    Upgradable(RwMutexUpgradableReadGuard<'a, ()>),
    Write(RwMutexWriteGuard<'a, ()>),
}

proptest! {
    /// The lock grants what the number of readers, of upgradable readers and of writers allows.
    #[test]
    fn a_rw_mutex_keeps_its_state_machine(steps in vec((0_u8..7, any::<usize>()), 0..200)) {
        let lock = RwMutex::new(());
        let mut held = Vec::new();
        for (step, which) in steps {
            let count = |kind: fn(&Guard<'_>) -> bool| held.iter().filter(|guard| kind(guard)).count();
            let upgradable = count(|guard| matches!(guard, Guard::Upgradable(_)));
            let writers = count(|guard| matches!(guard, Guard::Write(_)));
            let others = held.len();
            match step {
                0 => {
                    let got = lock.try_read().map(Guard::Read);
                    prop_assert_eq!(got.is_some(), writers == 0);
                    held.extend(got);
                }
                1 => {
                    let got = lock.try_write().map(Guard::Write);
                    prop_assert_eq!(got.is_some(), others == 0);
                    held.extend(got);
                }
                2 => {
                    let got = lock.try_upgradable_read().map(Guard::Upgradable);
                    prop_assert_eq!(got.is_some(), writers == 0 && upgradable == 0);
                    held.extend(got);
                }
                3 => {
                    let got = lock.read_timeout(Duration::ZERO).map(Guard::Read);
                    prop_assert_eq!(got.is_some(), writers == 0);
                    held.extend(got);
                }
                4 => {
                    let got = lock.write_timeout(Duration::ZERO).map(Guard::Write);
                    prop_assert_eq!(got.is_some(), others == 0);
                    held.extend(got);
                }
                _ if held.is_empty() => (),
                5 => drop(held.swap_remove(which % others)),
                _ => {
                    let changed = match held.swap_remove(which % others) {
                        Guard::Write(guard) => Guard::Read(RwMutexWriteGuard::downgrade(guard)),
                        Guard::Upgradable(guard) => match RwMutexUpgradableReadGuard::try_upgrade(guard) {
                            Ok(guard) => {
                                prop_assert_eq!(others, 1);
                                Guard::Write(guard)
                            }
                            Err(guard) => {
                                prop_assert_eq!(others > 1, true);
                                Guard::Upgradable(guard)
                            }
                        },
                        Guard::Read(guard) => Guard::Read(guard),
                    };
                    held.push(changed);
                }
            }
            prop_assert_eq!(lock.as_lock_api().is_locked(), !held.is_empty());
        }
    }

    /// A wait ends at once when nothing is left, and not before.
    #[test]
    fn a_wait_group_counts(steps in vec(0_u32..4, 0..100)) {
        let (group, mut left) = (WaitGroup::new(), 0);
        for step in steps {
            if step == 3 && left > 0 {
                group.done();
                left -= 1;
            } else {
                group.add(step);
                left += step;
            }
            prop_assert_eq!(group.wait_timeout(Duration::ZERO), left == 0);
        }
    }

    /// Permits are there, or out.
    #[test]
    fn a_semaphore_keeps_count(steps in vec((any::<bool>(), 0_u64..4), 0..100)) {
        let (semaphore, mut there, mut out) = (Semaphore::new(5), 5, Vec::new());
        for (takes, count) in steps {
            if takes {
                let got = semaphore.try_acquire(count);
                prop_assert_eq!(got.is_some(), there >= count);
                if let Some(permits) = got {
                    there -= count;
                    out.push(permits);
                }
            } else if let Some(permits) = out.pop() {
                there += permits.count();
            }
            prop_assert_eq!(semaphore.available(), there);
        }
    }
}
