//! Locks and what else waits; what is built of compare-exchange.

use super::shared::*;
use super::{TWO, models};
use crate::mutant::{Mutant, Needs};
use selvedge_check::FailureKind;

const RAW_MUTEX: Mutant =
    Mutant::of("primitives/src/sync/raw_mutex.rs", include_str!("../../../primitives/src/sync/raw_mutex.rs"));
const RAW_RW_MUTEX: Mutant = Mutant::of(
    "primitives/src/sync/raw_rw_mutex.rs",
    include_str!("../../../primitives/src/sync/raw_rw_mutex.rs"),
);
const RW_WRITERS: Mutant = Mutant::of(
    "primitives/src/sync/raw_rw_mutex/write.rs",
    include_str!("../../../primitives/src/sync/raw_rw_mutex/write.rs"),
);
const FLOAT: Mutant = Mutant::of("models/src/models/atomics.rs", include_str!("../models/atomics.rs"));
const COUNTER: Mutant =
    Mutant::of("primitives/src/atomic/counter.rs", include_str!("../../../primitives/src/atomic/counter.rs"));
const SPIN: Mutant =
    Mutant::of("primitives/src/atomic/spin.rs", include_str!("../../../primitives/src/atomic/spin.rs"));
const SEMAPHORE: Mutant =
    Mutant::of("primitives/src/sync/semaphore.rs", include_str!("../../../primitives/src/sync/semaphore.rs"));
const BARRIER: Mutant =
    Mutant::of("primitives/src/sync/barrier.rs", include_str!("../../../primitives/src/sync/barrier.rs"));
const WEAK_TAKE: Mutant = SEMAPHORE.weaken("acquire-permits").needs(Needs::SeqCst);
const WEAK_RELEASE: Mutant = SEMAPHORE.weaken("release-permits");
const WEAK_ARRIVAL: Mutant = BARRIER.weaken("arrive").or(FailureKind::Deadlock);
const ONCE: Mutant =
    Mutant::of("primitives/src/sync/once.rs", include_str!("../../../primitives/src/sync/once.rs"));
const WAIT_GROUP: Mutant = Mutant::of(
    "primitives/src/sync/wait_group.rs",
    include_str!("../../../primitives/src/sync/wait_group.rs"),
);
const WAITERS: Mutant =
    Mutant::of("primitives/src/queue/waiters.rs", include_str!("../../../primitives/src/queue/waiters.rs"));
/// Locking or unlocking orders nothing.
const WEAK_LOCK: Mutant = RAW_MUTEX.weaken("lock");
const WEAK_UNLOCK: Mutant = RAW_MUTEX.weaken("unlock");
const WEAK_WRITE: Mutant = RW_WRITERS.weaken("lock-exclusive");
const WEAK_UPGRADE: Mutant = Mutant::of(
    "primitives/src/sync/raw_rw_mutex/upgrade.rs",
    include_str!("../../../primitives/src/sync/raw_rw_mutex/upgrade.rs"),
)
.weaken("upgrade");
const WEAK_END_READ: Mutant = RAW_RW_MUTEX.weaken("unlock-shared");
const WEAK_END_WRITE: Mutant = RW_WRITERS.weaken("unlock-exclusive");
/// Who sleeps is not woken, or takes no note of it.
const WAKE_SLEEPER: Mutant = WAITERS.drop_wake("wake-waiter");
/// Who hands something over orders nothing by it. Loom does not come to that within three preemptions.
const WEAK_WAKE: Mutant = WAITERS.weaken("end-wait").needs(Needs::SeqCst);
/// A wait is given up, and can still be ended by others.
const GIVE_UP_WAIT: Mutant =
    WAITERS.lose("cancel-wait", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Race);
/// Nobody sees that a thread runs the closure.
const NO_OWNER: Mutant = ONCE.lose("begin-once", FailureKind::Panic).or(FailureKind::Race);
/// What was done is not told to who comes later.
const WEAK_DONE: Mutant = ONCE.weaken("set-done");
const WEAK_COUNT: Mutant = WAIT_GROUP.weaken("change-count");

/// Who starves does not say so, and tries again for ever, which ends the other engines' searches.
const NO_STARVING: Mutant =
    RAW_MUTEX.lose("mark-starving", FailureKind::Panic).or(FailureKind::Deadlock).needs(Needs::SeqCst);

models! {
    queue::each_wake_up_ends_one_wait, TWO, "each wake-up ends one wait", [WAKE_SLEEPER.or(FailureKind::Livelock), WEAK_WAKE];
    queue::no_wake_up_is_lost_or_counts_twice, TWO, "no wake-up is lost, and none counts twice", [WAKE_SLEEPER, GIVE_UP_WAIT];
    queue::a_cancelled_wait_leaves_no_trace, TWO, "a cancelled wait leaves no trace", [GIVE_UP_WAIT];
    queue::waking_all_wakes_those_that_wait, TWO, "waking all wakes those that wait", [WAKE_SLEEPER];
    queue::a_wait_given_up_in_the_middle_is_passed_over, TWO, "a wait given up in the middle is passed over", [NOT_ENTERED];
    queue::a_wait_given_up_behind_the_oldest_is_passed_over, TWO, "a wait given up while the oldest ends is passed over", [NOT_SEALED];
    queue::waits_given_up_side_by_side_are_passed_over, TWO, "waits given up side by side are passed over", [TWO_SURGEONS];
    atomics::floats_lose_no_addition, None, "no addition to a float is lost", [
        FLOAT.weaken("add-on-the-thread"),
        FLOAT.lose("add-in-the-body", FailureKind::Panic),
    ];
    atomics::a_counter_keeps_its_limit, None, "a bounded count keeps its limit",
        [COUNTER.weaken("change-count")];
    atomics::a_spin_lock_excludes, None, "a spin lock excludes", [
        SPIN.weaken("lock-spin-lock"),
        SPIN.weaken("unlock-spin-lock"),
    ];
    atomics::a_ticket_lock_excludes, None, "a ticket lock excludes", [
        SPIN.weaken("wait-for-ticket"),
        SPIN.weaken("serve-next-ticket"),
    ];
    sync::a_mutex_excludes, None, "a mutex excludes, and unlocking happens before the next lock", [WEAK_LOCK, WEAK_UNLOCK];
    sync::a_mutex_wakes_who_sleeps, TWO, "whoever sleeps gets the mutex in the end", [WAKE_SLEEPER];
    sync::a_lock_that_timed_out_disturbs_nobody, TWO, "a lock that timed out costs no other its wake-up", [WAKE_SLEEPER];
    sync::a_fair_unlock_passes_on_what_was_done, Some(3), "a fair unlock passes on what was done", [WEAK_WAKE];
    sync::a_fair_unlock_hands_the_lock_over, TWO, "a fair unlock hands the lock over", [WEAK_WAKE];
    sync::a_starving_waiter_is_handed_the_lock, TWO, "who has lost for a millisecond is handed the lock", [NO_STARVING];
    sync::a_try_lock_fails_only_if_the_lock_is_held, None, "try_lock fails only if the lock is held", [WEAK_UNLOCK];
    rw::readers_share_and_writers_exclude, TWO, "readers share, and a writer excludes all", [WEAK_WRITE, WEAK_END_READ];
    rw::writers_exclude_each_other, TWO, "writers exclude each other", [WEAK_WRITE, WEAK_END_WRITE];
    rw::readers_that_waited_get_in_together, TWO, "readers that waited for a writer get in together", [WAKE_SLEEPER.or(FailureKind::Livelock)];
    rw::a_write_that_timed_out_blocks_no_reader, TWO, "a writer that gave up blocks no reader", [WAKE_SLEEPER];
    rw::a_write_that_timed_out_loses_no_wake_up, TWO, "a writer that gave up leaves its turn to the next", [WAKE_SLEEPER, GIVE_UP_WAIT];
    rw::a_downgrade_lets_readers_in, TWO, "a downgrade lets readers in", [WAKE_SLEEPER];
    rw::a_writer_that_waits_gets_in_before_later_readers, TWO, "a writer that waits gets in before later readers", [WAKE_SLEEPER];
    rw::an_upgrade_waits_for_readers, TWO, "a reader becomes a writer when the others have left", [WEAK_UPGRADE, WAKE_SLEEPER];
    rw::upgrades_take_turns, TWO, "readers that may become writers take turns", [WAKE_SLEEPER];
    rw::an_upgrade_waits_for_the_writer_that_let_it_in, Some(3), "an upgrade waits for the writer that let it in", [WAKE_SLEEPER];
    rw::an_upgrade_that_timed_out_blocks_no_reader, TWO, "an upgrade that gave up blocks no reader", [WAKE_SLEEPER];
    sync::a_signal_is_not_lost, TWO, "a signal between unlocking and sleeping is not lost", [WAKE_SLEEPER];
    sync::a_broadcast_wakes_all, TWO, "a broadcast wakes all that wait", [WAKE_SLEEPER];
    sync::a_signal_is_not_consumed_by_who_timed_out, TWO, "who reports a timeout has consumed no signal", [GIVE_UP_WAIT];
    sync::the_first_who_waits_gets_the_signal, TWO, "a signal wakes who has waited longest", [WAKE_SLEEPER];
    sync::one_call_runs_and_all_see_it, TWO, "one call runs, and all see what it did", [WEAK_DONE, NO_OWNER, WAKE_SLEEPER];
    sync::a_closure_that_calls_itself_is_told_and_others_wait, TWO, "a closure that calls itself is told", [NO_OWNER, WEAK_DONE, WAKE_SLEEPER];
    sync::a_single_flight_shares_its_result, TWO, "calls at the same time share one result", [WEAK_UNLOCK, WAKE_SLEEPER];
    sync::a_wait_sees_all_that_was_done, TWO, "done happens before the wait that it releases", [WEAK_COUNT, WAKE_SLEEPER];
    sync::a_wait_group_is_used_again, TWO, "a wait group is used again", [WEAK_COUNT.or(FailureKind::Deadlock)];
    sync::a_semaphore_keeps_its_limit, TWO, "a semaphore keeps its limit", [WEAK_TAKE, WEAK_RELEASE, WAKE_SLEEPER];
    sync::a_semaphore_serves_who_asks_for_more, TWO, "a semaphore serves who asks for more", [WAKE_SLEEPER];
    sync::a_semaphore_that_timed_out_loses_no_permit, TWO, "who gave up has taken no permit",
        [SEMAPHORE.lose("release-permits", FailureKind::Panic)];
    sync::a_barrier_is_passed_together, TWO, "a barrier is passed together", [WEAK_ARRIVAL, WAKE_SLEEPER];
    sync::a_panic_stops_the_rest_and_comes_out, TWO, "a panic stops the rest, and comes out", [DISMISS_RECEIVER];
    sync::the_first_error_stops_the_rest, TWO, "the first error stops the rest", [DISMISS_RECEIVER];
}
