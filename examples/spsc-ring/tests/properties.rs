//! The ring against its specification, with programs that are drawn, and its progress.

use proptest::prelude::{Just, Strategy, any};
use selvedge_check::Scenario;
use selvedge_check::spec::FifoAnswer::{Done, Empty, Full, Value};
use selvedge_check::spec::FifoOp::{self, TryRecv, TrySend};
use selvedge_check::spec::{Fifo, FifoAnswer};
use spsc_ring::{Consumer, Producer, ring};

/// Both ends. Each is used by one thread at a time, so the cells are never contended: they only make the ends
/// shareable, and the engines do not see them.
struct Ends(Owned<Producer<u8>>, Owned<Consumer<u8>>);

/// An end that belongs to a thread.
#[allow(clippy::disallowed_types, reason = "engines must not see it")]
struct Owned<T>(std::sync::Mutex<T>);

impl<T> Owned<T> {
    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.try_lock().expect("one thread has this end"))
    }
}

#[allow(clippy::disallowed_types, reason = "as above")]
fn ends() -> Ends {
    let (producer, consumer) = ring(2);
    Ends(Owned(std::sync::Mutex::new(producer)), Owned(std::sync::Mutex::new(consumer)))
}

fn perform(Ends(producer, consumer): &Ends, operation: &FifoOp<u8>) -> FifoAnswer<u8> {
    match operation {
        TrySend(value) => producer.with(|end| end.push(*value)).map_or(Full, |()| Done),
        _ => consumer.with(Consumer::pop).map_or(Empty, Value),
    }
}

/// A ring of two slots is a queue of two places, but for `push` and `pop` that fail: each side may see the
/// other's counter as it was before. (Without `stale` the graph engine finds the program in which both do: full for the
/// one, empty for the other.)
fn two_slots() -> Scenario<Fifo<u8>, Ends> {
    Scenario::new("two_slots", Fifo::bounded(2).stale(), ends, perform).programs(40)
}

#[test]
fn the_ring_is_a_queue() {
    two_slots().check_roles([any::<u8>().prop_map(TrySend).boxed(), Just(TryRecv).boxed()]);
}

/// The graph engine finds the program, of two threads, in which `push` says full and `pop` says empty.
#[test]
#[cfg(feature = "graph")]
fn full_and_empty_at_once_is_no_state_of_a_queue() {
    use selvedge_check::{Checker, Engine};
    let scenario = Scenario::new("strict", Fifo::bounded(2), ends, perform)
        .checker(Checker::new().ignore_environment().engines([Engine::Graph]));
    let roles = [any::<u8>().prop_map(TrySend).boxed(), Just(TryRecv).boxed()];
    let failing = scenario.run_roles(roles).expect_err("each side sees the other as it was");
    assert_eq!((failing.program.threads.len(), failing.program.operations()), (2, 5), "{failing}");
}

/// Neither side waits for the other: an operation takes at most three operations on atomics.
#[test]
#[cfg(feature = "shuttle")]
fn the_ring_is_wait_free() {
    let progress = selvedge_check::Progress::new("ring", ends)
        .thread(|ends| assert_eq!(perform(ends, &TrySend(1)), Done))
        .thread(|ends| assert_ne!(perform(ends, &TryRecv), Full));
    progress.check_lock_free();
    progress.check_wait_free(5);
}
