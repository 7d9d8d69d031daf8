//! Models of what is built on compare-and-swap: floats, counters, spin locks.

use super::{Model, Plain, both, model, models, mutant_of};
use crate::mutant::Mutant;
use selvedge::atomic::{AtomicCounter, AtomicF64, RawSpinLock, RawTicketLock, SpinLock, TicketLock};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![floats_lose_no_addition, a_counter_keeps_its_limit, a_spin_lock_excludes, a_ticket_lock_excludes,];

const FLOAT: Mutant = mutant_of!("models/src/models/atomics.rs");
const COUNTER: Mutant = mutant_of!("primitives/src/atomic/counter.rs");
const SPIN: Mutant = mutant_of!("primitives/src/atomic/spin.rs");

/// Two threads add to a float: the sum has both additions, and a thread that reads the sum also reads what the other
/// thread wrote before it added.
fn floats_lose_no_addition() -> Model {
    model("no addition to a float is lost", || {
        let shared = Arc::new((AtomicF64::new(0.0), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || {
            theirs.1.set(5);
            theirs.0.fetch_add(0.5, Release); // site: add-on-the-thread
        });
        shared.0.fetch_add(1.0, Relaxed); // site: add-in-the-body
        if shared.0.load(Acquire) > 1.0 {
            assert_eq!(shared.1.get(), 5);
        }
        other.join().expect("no panic");
        assert_eq!(shared.0.load(Relaxed), 1.5);
    })
    .catches([FLOAT.weaken("add-on-the-thread"), FLOAT.lose("add-in-the-body", FailureKind::Panic)])
}

/// Two threads want the last place; a thread that gets the place after the other has left it reads what the other
/// wrote there.
fn a_counter_keeps_its_limit() -> Model {
    model("a bounded count keeps its limit", || {
        let shared = Arc::new((AtomicCounter::new(0, 1), Plain::new(0)));
        let enter = |shared: &(AtomicCounter, Plain)| {
            let entered = shared.0.try_add(1).is_ok();
            if entered {
                shared.1.set(shared.1.get() + 1);
                shared.0.try_sub(1).expect("we are in");
            }
            entered
        };
        let (here, there) = both(&shared, enter);
        assert!((here || there) && shared.0.get() == 0);
        assert_eq!(shared.1.get(), u32::from(here) + u32::from(there));
    })
    .catches([COUNTER.weaken("change-count")])
}

fn twice<R: lock_api::RawMutex + Send + Sync + 'static>(lock: lock_api::Mutex<R, ()>) {
    let shared = Arc::new((lock, Plain::new(0)));
    let theirs = Arc::clone(&shared);
    let increment = |shared: &(lock_api::Mutex<R, ()>, Plain)| {
        let _held = shared.0.lock();
        shared.1.set(shared.1.get() + 1);
    };
    let other = thread::spawn(move || increment(&theirs));
    if let Some(_held) = shared.0.try_lock() {
        shared.1.set(shared.1.get() + 1);
    } else {
        increment(&shared);
    }
    other.join().expect("no panic");
    assert_eq!(shared.1.get(), 2);
}

/// Two threads increment under the lock: one at a time, and each reads what the other wrote.
fn a_spin_lock_excludes() -> Model {
    model("a spin lock excludes", || {
        twice(SpinLock::from_raw(RawSpinLock::new(), ()));
    })
    .catches([SPIN.weaken("lock-spin-lock"), SPIN.weaken("unlock-spin-lock")])
}

/// Two threads increment under the lock, which serves them in the order of their tickets.
fn a_ticket_lock_excludes() -> Model {
    model("a ticket lock excludes", || {
        twice(TicketLock::from_raw(RawTicketLock::new(), ()));
    })
    .catches([SPIN.weaken("wait-for-ticket"), SPIN.weaken("serve-next-ticket")])
}
