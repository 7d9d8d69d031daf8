//! The table of models: what each is about, how far it is searched, and which twins it must catch.

use crate::models::{
    atomics, chan_close, chan_edges, chan_order, chan_room, futures, layer, orders, select, sync, timers,
};
use crate::twin::{Teeth, Twin, order};
use selvedge::rt::sync::atomic::Ordering::{self, Acquire, Release};
use selvedge_check::{Change, FailureKind};

/// A model, and how it is checked.
pub struct Model {
    /// Its name: `chan_close::one_of_two_closers_succeeds`.
    pub name: &'static str,
    /// The property, in words.
    pub property: &'static str,
    /// The model itself.
    pub body: fn(),
    /// The preemption bound of searches; `None`: none.
    pub bound: Option<usize>,
    /// Mutations of the code under test that the model must catch.
    pub twins: &'static [Twin],
}

/// The bound of models whose full search takes more than a few seconds.
const TWO: Option<usize> = Some(2);

macro_rules! models {
    ($($module:ident :: $body:ident, $bound:expr, $property:literal, [$($twin:expr),* $(,)?];)*) => {
        /// Every model.
        pub const MODELS: &[Model] = &[$(
            Model {
                name: concat!(stringify!($module), "::", stringify!($body)),
                property: $property,
                body: $module::$body,
                bound: $bound,
                twins: &[$($twin),*],
            },
        )*];
    };
}

const LAYER: Twin = Twin::of("models/src/models/layer.rs", include_str!("models/layer.rs"));
const ORDERS: Twin = Twin::of("models/src/models/orders.rs", include_str!("models/orders.rs"));
const ARC: Twin =
    Twin::of("primitives/src/rt/sync/arc.rs", include_str!("../../primitives/src/rt/sync/arc.rs"));
const MUTEX: Twin =
    Twin::of("primitives/src/rt/sync/mutex.rs", include_str!("../../primitives/src/rt/sync/mutex.rs"));
const SEND: Twin = Twin::of("primitives/src/chan/send.rs", include_str!("../../primitives/src/chan/send.rs"));
const RECV: Twin = Twin::of("primitives/src/chan/recv.rs", include_str!("../../primitives/src/chan/recv.rs"));
const CLOSE: Twin =
    Twin::of("primitives/src/chan/close.rs", include_str!("../../primitives/src/chan/close.rs"));
const SHARED: Twin =
    Twin::of("primitives/src/chan/shared.rs", include_str!("../../primitives/src/chan/shared.rs"));
const ARRAY: Twin =
    Twin::of("primitives/src/queue/array.rs", include_str!("../../primitives/src/queue/array.rs"));
const CORE: Twin = Twin::of("primitives/src/chan/core.rs", include_str!("../../primitives/src/chan/core.rs"));
const CELL: Twin = Twin::of("primitives/src/chan/cell.rs", include_str!("../../primitives/src/chan/cell.rs"));
const RUN: Twin =
    Twin::of("primitives/src/chan/select/run.rs", include_str!("../../primitives/src/chan/select/run.rs"));
const WATCH: Twin =
    Twin::of("primitives/src/chan/watch.rs", include_str!("../../primitives/src/chan/watch.rs"));
const TIMER: Twin =
    Twin::of("primitives/src/chan/timer.rs", include_str!("../../primitives/src/chan/timer.rs"));
const TASK: Twin = Twin::of("primitives/src/chan/task.rs", include_str!("../../primitives/src/chan/task.rs"));
const RETURNED: Twin =
    Twin::of("primitives/src/chan/returned.rs", include_str!("../../primitives/src/chan/returned.rs"));
const EXPAND: Twin =
    Twin::of("primitives/src/chan/expand.rs", include_str!("../../primitives/src/chan/expand.rs"));

const RAW_MUTEX: Twin =
    Twin::of("primitives/src/sync/mutex.rs", include_str!("../../primitives/src/sync/mutex.rs"));
const RAW_RW_MUTEX: Twin = Twin::of(
    "primitives/src/sync/raw_rw_mutex.rs",
    include_str!("../../primitives/src/sync/raw_rw_mutex.rs"),
);
const FLOAT: Twin = Twin::of("models/src/models/atomics.rs", include_str!("models/atomics.rs"));
const COUNTER: Twin =
    Twin::of("primitives/src/atomic/counter.rs", include_str!("../../primitives/src/atomic/counter.rs"));
const SPIN: Twin =
    Twin::of("primitives/src/atomic/spin.rs", include_str!("../../primitives/src/atomic/spin.rs"));
const SEMAPHORE: Twin =
    Twin::of("primitives/src/sync/semaphore.rs", include_str!("../../primitives/src/sync/semaphore.rs"));
const BARRIER: Twin =
    Twin::of("primitives/src/sync/barrier.rs", include_str!("../../primitives/src/sync/barrier.rs"));
const WEAK_TAKE: Twin = SEMAPHORE
    .weaken("match self.permits.compare_exchange(permits, permits - count, Acquire, Relaxed)")
    .needs(Teeth::SeqCst);
const WEAK_RELEASE: Twin = SEMAPHORE.weaken("let before = self.permits.fetch_add(count, SeqCst)");
const WEAK_ARRIVAL: Twin = BARRIER
    .weaken("match self.arrived.compare_exchange(arrived, to, SeqCst, Relaxed)")
    .or(FailureKind::Deadlock);
const ONCE: Twin = Twin::of("primitives/src/sync/once.rs", include_str!("../../primitives/src/sync/once.rs"));
const WAIT_GROUP: Twin =
    Twin::of("primitives/src/sync/wait_group.rs", include_str!("../../primitives/src/sync/wait_group.rs"));
const WAITERS: Twin =
    Twin::of("primitives/src/queue/waiters.rs", include_str!("../../primitives/src/queue/waiters.rs"));

/// Locking or unlocking orders nothing.
const WEAK_LOCK: Twin = RAW_MUTEX.weaken("compare_exchange(0, LOCKED, Acquire, Relaxed)");
const WEAK_UNLOCK: Twin = RAW_MUTEX.weaken("if self.state.compare_exchange(LOCKED, 0, Release, Relaxed)");
const WEAK_WRITE: Twin = RAW_RW_MUTEX
    .weaken("match self.state.compare_exchange(state, state | WRITER | others, Acquire, Relaxed)");
const WEAK_UPGRADE: Twin = Twin::of(
    "primitives/src/sync/raw_rw_mutex/upgrade.rs",
    include_str!("../../primitives/src/sync/raw_rw_mutex/upgrade.rs"),
)
.weaken("match self.state.compare_exchange(state, writer, Acquire, Relaxed)");
const WEAK_END_READ: Twin = RAW_RW_MUTEX.weaken("let state = self.state.fetch_sub(READER, Release)");
const WEAK_END_WRITE: Twin =
    RAW_RW_MUTEX.weaken("if self.state.compare_exchange(WRITER, 0, Release, Relaxed)");
/// Who sleeps is not woken, or takes no note of it.
const WAKE_SLEEPER: Twin = WAITERS.drop_wake("sleeper.unpark();");
/// Who hands something over orders nothing by it. Loom does not come to that within three preemptions.
const WEAK_WAKE: Twin = WAITERS.weaken("from @ (EMPTY | WAITING)").needs(Teeth::SeqCst);
/// A wait is given up, and can still be ended by others.
const GIVE_UP_WAIT: Twin = WAITERS
    .lose("if !place.cell().advance(from, CANCELLED, Relaxed)", FailureKind::Deadlock)
    .or(FailureKind::Panic)
    .or(FailureKind::Race);
/// What was done is not told to who comes later.
const WEAK_DONE: Twin = ONCE.weaken("self.0.state.store(DONE, SeqCst)");
const WEAK_COUNT: Twin =
    WAIT_GROUP.weaken("match self.0.count.compare_exchange(count, to.0, SeqCst, Relaxed)");
/// The value is in its cell, and nobody told the receiver that comes for it.
const PUBLISH: Twin = SEND
    .weaken("place.cell().exchange(State::new(Phase::Empty as u8), full, SeqCst)")
    .shows_in("chan/cell.rs");
/// A receiver that waits is given the value, and may look before it is woken.
const HAND_OVER: Twin = SEND.weaken("cell.advance(Phase::ReceiverWaits, Phase::Handed, Release)");
/// The value of a sender that waits is taken, or moved into the buffer, and the cell does not say so.
const LOST_TAKE: Twin =
    RECV.lose("cell.advance(Phase::SenderWaits", FailureKind::Race).needs(Teeth::Orderings);
const LOST_MOVE: Twin =
    EXPAND.lose("cell.advance(Phase::SenderWaits", FailureKind::Panic).or(FailureKind::Race);
/// Walkers are not counted, so that segments are used again while somebody looks at them.
const UNPINNED: Twin = ARRAY
    .lose("self.walkers.fetch_add(1, SeqCst)", FailureKind::Leak)
    .and("self.0.walkers.fetch_sub(1, SeqCst)")
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic);
/// Cursors stay at a segment that dies.
const CURSOR_LEFT: Twin = ARRAY
    .lose("let _ = cursor.compare_exchange(from, to, SeqCst, SeqCst)", FailureKind::Panic)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Race);
/// A value is not in the buffer; the buffer does not grow; closing has no effect.
const LOST_VALUE: Twin =
    SEND.lose("place.cell().exchange(State::new(Phase::Empty as u8), full, SeqCst)", FailureKind::Panic);
const LOST_GROWTH: Twin =
    CORE.lose("self.receivers.buffer_end.fetch_add(1, SeqCst)", FailureKind::Panic).or(FailureKind::Deadlock);
const WEAK_GROWTH: Twin = CORE.weaken("self.receivers.buffer_end.fetch_add(1, SeqCst)").needs(Teeth::SeqCst);
const LOST_CLOSE: Twin = CORE.lose("self.senders.sent.fetch_or(Sent::CLOSED, SeqCst)", FailureKind::Panic);
const WAKE_RECEIVER: Twin = SEND.drop_wake("waiter.unpark();").shows_in("chan/recv.rs");
const WAKE_SENDER: Twin = RECV.drop_wake("waiter.unpark();").shows_in("chan/send.rs");
const WAKE_BY_EXPANDING: Twin = EXPAND.drop_wake("waiter.unpark();").shows_in("chan/send.rs");
const REFUSE_SENDER: Twin = CLOSE.drop_wake("waiter.unpark();").after("fn refuse").shows_in("chan/send.rs");
/// A select is decided, and not told; or told, and not decided.
const SEND_WAKES_SELECT: Twin = SEND.drop_wake("claim.wake();");
const RECV_WAKES_SELECT: Twin = RECV.drop_wake("claim.wake();").after("Meeting::Won { claim, late: false }");
const EXPANDING_WAKES_SELECT: Twin = EXPAND.drop_wake("claim.wake();");
const DISMISS_SELECT: Twin = CLOSE.drop_wake("claim.wake();").after("fn dismiss");
const REFUSE_SELECT: Twin = CLOSE.drop_wake("claim.wake();").after("fn refuse");
const REFUSE_SELECT_CELL: Twin =
    CELL.lose("match claim.decide(Outcome::WAITING", FailureKind::Panic).or(FailureKind::Deadlock);
const DECIDE: Twin = CELL
    .lose("match claim.decide(Outcome::WAITING", FailureKind::Deadlock)
    .or(FailureKind::Panic)
    .or(FailureKind::Leak);
/// Something has changed, and nobody tells who watches.
const TELL_WATCHERS: Twin = WATCH.drop_wake("self.take(|claim| claim.wake());");
/// The waker is taken, and not seen to be.
const SET_WAKER: Twin = TASK.weaken("if self.state.compare_exchange(SETTING, IDLE, Release, Acquire)");
const TAKE_WAKER: Twin = TASK.weaken("self.state.fetch_and(!WAKING, Release)");
/// A value that came for nobody is dropped on the floor.
const GIVE_BACK: Twin = RETURNED
    .lose("match self.0.compare_exchange(first, node, SeqCst, Relaxed)", FailureKind::Deadlock)
    .or(FailureKind::Leak)
    .or(FailureKind::Panic);
/// An instant is taken, and stays.
const TAKE_INSTANT: Twin =
    TIMER.lose("match self.next.compare_exchange(next, after, Relaxed, Acquire)", FailureKind::Panic);
/// A select gives up, and can still be decided.
const GIVE_UP: Twin =
    RUN.lose("match self.claim.decide(Outcome::WAITING, Outcome::TRYING)", FailureKind::Panic);
/// A sender tells others of their places, and not of what comes before. Loom does not come to that within two
/// preemptions.
const TOLD_PLACE: Twin = CORE.weaken("self.senders.known_end.fetch_max(end, Release)").needs(Teeth::SeqCst);
/// Who closes looks for waiters, and may miss one that has missed the closed bit.
const MISS_SENDER: Twin =
    CLOSE.demote("place.cell().look()))", Acquire, FailureKind::Deadlock).shows_in("chan/send.rs");
const DISMISS_RECEIVER: Twin =
    CLOSE.drop_wake("waiter.unpark();").after("fn dismiss").shows_in("chan/recv.rs");

models! {
    chan_order::values_arrive_in_the_order_sent, TWO, "values leave in the order they entered", [PUBLISH];
    chan_order::the_values_of_two_senders_interleave_in_order, TWO,
        "the values of each of two senders arrive in its order", [PUBLISH];
    chan_order::blocked_receivers_are_served_in_order, TWO,
        "blocked receivers are served first come, first served", [WAKE_RECEIVER];
    chan_order::blocked_receivers_of_a_buffer_are_served_in_order, TWO,
        "the same with a buffer", [WAKE_RECEIVER];
    chan_order::blocked_senders_are_served_in_order, TWO,
        "blocked senders are served first come, first served", [WAKE_BY_EXPANDING];
    chan_order::a_new_receiver_does_not_overtake_a_blocked_one, TWO,
        "a newcomer does not get the value of a blocked receiver", [WAKE_RECEIVER];
    chan_order::a_new_sender_does_not_overtake_a_blocked_one, TWO,
        "a newcomer does not get the place of a blocked sender", [WAKE_BY_EXPANDING];
    chan_order::a_receiver_that_gave_up_does_not_disturb_the_order, TWO,
        "a receiver that timed out costs no other its value", [WAKE_SENDER];
    chan_order::receivers_that_gave_up_in_between_leave_the_order, TWO,
        "receivers that gave up in between leave the order as it was", [WAKE_RECEIVER];
    chan_order::receivers_of_a_buffer_that_gave_up_in_between_leave_the_order, TWO,
        "the same with a buffer", [WAKE_RECEIVER];
    chan_order::a_sender_that_gave_up_in_between_leaves_the_order, TWO,
        "a sender that gave up in between takes no place", [LOST_VALUE.or(FailureKind::Deadlock)];
    chan_order::a_select_that_gave_up_in_between_leaves_the_order, TWO,
        "nor does a select", [LOST_VALUE.or(FailureKind::Deadlock)];
    chan_room::a_rendezvous_send_completes_only_with_a_receiver, TWO,
        "without a buffer a send completes only with a receiver", [WAKE_SENDER];
    chan_room::a_send_waits_only_while_the_channel_is_full, None,
        "a place that a receive freed is free", [LOST_VALUE.or(FailureKind::Deadlock)];
    chan_room::the_buffer_never_holds_more_than_its_capacity, None,
        "of two senders one finds room for one value", [LOST_VALUE];
    chan_room::try_recv_misses_nothing_and_invents_nothing, None,
        "try_recv misses no value that was there, and invents none", [LOST_VALUE];
    chan_room::try_recv_finds_a_value_among_other_receivers, TWO,
        "try_recv finds a value among other receivers", [PUBLISH];
    chan_room::timeouts_lose_no_value, TWO,
        "a value sent is received though both sides time out", [HAND_OVER];
    chan_room::timeouts_lose_no_value_of_a_buffer, TWO, "the same with a buffer", [PUBLISH];
    chan_room::a_sender_that_gave_up_leaves_its_place, TWO,
        "a sender that timed out takes no place", [LOST_VALUE.or(FailureKind::Deadlock)];
    chan_room::two_receivers_share_what_two_sends_bring, TWO,
        "two blocked receivers both get a value", [WAKE_RECEIVER];
    chan_room::a_waiting_sender_is_not_counted, TWO,
        "len counts the buffer, not who waits behind it", [WAKE_BY_EXPANDING];
    chan_close::close_wakes_every_blocked_receiver, TWO, "close wakes every blocked receiver", [DISMISS_RECEIVER];
    chan_close::close_gives_every_blocked_sender_its_value_back, TWO,
        "close wakes every blocked sender, with its value", [REFUSE_SENDER, MISS_SENDER];
    chan_close::the_buffer_survives_a_close_that_races_with_a_send, TWO,
        "after close the buffer is received first", [PUBLISH];
    chan_close::one_of_two_closers_succeeds, None, "of two closers exactly one succeeds", [LOST_CLOSE];
    chan_close::a_send_after_close_fails, None, "a send after close fails", [LOST_CLOSE.fails_with(FailureKind::Deadlock)];
    chan_close::a_close_and_a_send_that_makes_room_agree, TWO,
        "close and a send that makes room for itself agree", [LOST_VALUE];
    chan_close::dropping_the_last_sender_ends_the_receiver, TWO,
        "dropping the last sender closes", [WAKE_RECEIVER];
    chan_close::dropping_the_last_receiver_ends_the_sender, TWO,
        "dropping the last receiver closes", [REFUSE_SENDER];
    chan_close::the_last_handle_frees_the_channel, None, "the last handle frees the channel, after all uses", [
        SHARED.twin("self.count().fetch_sub(1, AcqRel)", order(Release), FailureKind::Race, Teeth::Freeing),
        SHARED.twin("self.count().fetch_sub(1, AcqRel)", order(Acquire), FailureKind::Race, Teeth::Freeing),
    ];
    chan_close::iteration_ends_with_the_channel, TWO, "iteration ends after the last value", [PUBLISH];
    chan_edges::a_send_happens_before_its_receive, TWO, "a send happens before its receive", [PUBLISH];
    chan_edges::a_rendezvous_send_happens_before_its_receive, TWO,
        "the same without a buffer", [WAKE_SENDER];
    chan_edges::a_rendezvous_receive_happens_before_its_send_completes, TWO,
        "without a buffer a receive happens before its send completes", [WAKE_SENDER];
    chan_edges::a_receive_happens_before_the_send_that_uses_its_place, TWO,
        "the k-th receive happens before send k+C completes", [WAKE_BY_EXPANDING, LOST_GROWTH];
    chan_edges::receives_happen_before_all_sends_that_use_their_places, TWO,
        "the same for a send that learns of its place from another", [TOLD_PLACE];
    chan_edges::a_receive_happens_before_a_try_send_that_uses_its_place, None,
        "the same where nobody waits", [WEAK_GROWTH];
    chan_edges::close_happens_before_a_receive_that_fails, TWO,
        "close happens before a receive that fails", [DISMISS_RECEIVER];
    chan_edges::a_send_happens_before_a_timed_receive, TWO,
        "a send happens before a receive that nearly timed out", [HAND_OVER];
    chan_edges::a_receive_happens_before_a_timed_send_completes, TWO,
        "a receive happens before a send that nearly timed out", [LOST_TAKE];
    chan_edges::a_receive_happens_before_a_timed_send_into_its_place, TWO,
        "the same with a buffer", [LOST_MOVE];
    chan_edges::every_value_is_dropped_once, TWO, "every value is dropped once", [LOST_VALUE];
    chan_edges::segments_are_reused_under_way, TWO, "memory is reused while others look for cells", [PUBLISH];
    chan_edges::a_walker_keeps_dead_segments_from_reuse, TWO,
        "a thread that looks for its cell keeps dead segments from reuse", [UNPINNED, CURSOR_LEFT];
    select::a_default_runs_only_if_nothing_is_ready, TWO, "a default runs only if nothing is ready", [LOST_VALUE];
    select::one_of_two_senders_decides_a_select, TWO, "a select is decided once, and takes one value", [DECIDE];
    select::losing_cases_leave_no_trace, TWO, "losing cases leave no trace", [DECIDE];
    select::two_selects_that_face_each_other_meet, TWO, "two selects that face each other meet", [DECIDE];
    select::two_selects_that_cross_meet_once, TWO, "two selects that cross meet once", [DECIDE];
    select::a_select_receives_what_a_plain_send_brings, TWO, "a select receives from a plain send", [SEND_WAKES_SELECT];
    select::a_select_sends_to_a_plain_receive, TWO, "a select sends to a plain receive", [RECV_WAKES_SELECT];
    select::a_select_sends_into_the_place_that_a_receive_frees, TWO, "a select gets the place that a receive frees", [EXPANDING_WAKES_SELECT];
    select::a_try_send_beside_a_select_says_full_only_if_it_is, TWO,
        "a try_send beside a select says full only if it is", [LOST_VALUE];
    select::a_close_leaves_what_a_select_has_sent, TWO, "close leaves what a select has sent", [EXPANDING_WAKES_SELECT];
    select::the_same_channel_may_stand_in_two_cases, TWO, "the same channel may stand in two cases", [SEND_WAKES_SELECT];
    select::a_select_does_not_meet_itself, TWO, "a select meets others, and not itself", [TELL_WATCHERS];
    select::close_decides_a_select_that_waits, TWO, "close decides a select that waits", [DISMISS_SELECT];
    select::close_gives_a_select_its_value_back, TWO, "close gives a select its value back", [REFUSE_SELECT];
    select::a_timeout_loses_no_value, TWO, "a select that times out loses no value", [GIVE_UP];
    select::a_timeout_loses_no_value_of_a_buffer, TWO, "the same with a buffer", [GIVE_UP];
    select::a_select_does_not_overtake_a_blocked_receiver, TWO, "a select does not overtake a blocked receiver", [SEND_WAKES_SELECT];
    timers::an_instant_is_received_or_stopped, TWO, "an instant is received or stopped, and not both", [TAKE_INSTANT];
    timers::a_reset_wakes_who_waits, TWO, "a reset wakes who waits for a timer", [SEND_WAKES_SELECT];
    timers::a_value_that_comes_late_is_received, TWO, "a value that comes late is received", [WAKE_RECEIVER];
    timers::a_value_that_comes_late_finds_its_place, TWO, "a value that comes late finds its place", [EXPANDING_WAKES_SELECT];
    futures::a_task_receives_from_a_thread, TWO, "a task receives what a thread sends", [TAKE_WAKER];
    futures::a_task_sends_to_a_thread, TWO, "a task sends to a thread that receives", [TAKE_WAKER];
    futures::a_dropped_future_loses_no_value, TWO, "a dropped future loses no value", [GIVE_BACK];
    futures::a_task_that_is_polled_again_is_woken, TWO, "a task that is polled again is woken", [SET_WAKER];
    futures::a_value_of_a_dropped_future_goes_to_who_waits, TWO,
        "the value of a dropped future goes to who waits", [GIVE_BACK];
    futures::a_close_that_refused_a_sender_lets_no_later_one_in, TWO,
        "close refuses all senders that wait, or the later ones", [REFUSE_SELECT_CELL];
    futures::a_dropped_future_sends_once_or_not_at_all, TWO, "a dropped future has sent, or leaves no trace", [DECIDE.fails_with(FailureKind::Race).or(FailureKind::UseAfterFree)];
    atomics::floats_lose_no_addition, None, "no addition to a float is lost", [
        FLOAT.weaken("theirs.0.fetch_add(0.5, Release);"),
        FLOAT.lose("shared.0.fetch_add(1.0, Relaxed);", FailureKind::Panic),
    ];
    atomics::a_counter_keeps_its_limit, None, "a bounded count keeps its limit",
        [COUNTER.weaken("match self.count.compare_exchange(count, to, AcqRel, Relaxed)")];
    atomics::a_spin_lock_excludes, None, "a spin lock excludes", [
        SPIN.weaken("let taken = self.locked.compare_exchange(false, true, Acquire, Relaxed)"),
        SPIN.weaken("self.locked.store(false, Release);"),
    ];
    atomics::a_ticket_lock_excludes, None, "a ticket lock excludes", [
        SPIN.weaken("while self.serving.load(Acquire) != mine"),
        SPIN.weaken("self.serving.store(serving.wrapping_add(1), Release);"),
    ];
    sync::a_mutex_excludes, None, "a mutex excludes, and unlocking happens before the next lock", [WEAK_LOCK, WEAK_UNLOCK];
    sync::a_mutex_wakes_who_sleeps, TWO, "whoever sleeps gets the mutex in the end", [WAKE_SLEEPER];
    sync::a_lock_that_timed_out_disturbs_nobody, TWO, "a lock that timed out costs no other its wake-up", [WAKE_SLEEPER];
    sync::a_fair_unlock_passes_on_what_was_done, Some(3), "a fair unlock passes on what was done", [WEAK_WAKE];
    sync::a_try_lock_fails_only_if_the_lock_is_held, None, "try_lock fails only if the lock is held", [WEAK_UNLOCK];
    sync::readers_share_and_writers_exclude, TWO, "readers share, and a writer excludes all", [WEAK_WRITE, WEAK_END_READ];
    sync::writers_exclude_each_other, TWO, "writers exclude each other", [WEAK_WRITE, WEAK_END_WRITE];
    sync::readers_that_waited_get_in_together, TWO, "readers that waited for a writer get in together", [WAKE_SLEEPER.or(FailureKind::Livelock)];
    sync::a_write_that_timed_out_blocks_no_reader, TWO, "a writer that gave up blocks no reader", [WAKE_SLEEPER];
    sync::a_downgrade_lets_readers_in, TWO, "a downgrade lets readers in", [WAKE_SLEEPER];
    sync::a_writer_that_waits_gets_in_before_later_readers, TWO, "a writer that waits gets in before later readers", [WAKE_SLEEPER];
    sync::an_upgrade_waits_for_readers, TWO, "a reader becomes a writer when the others have left", [WEAK_UPGRADE, WAKE_SLEEPER];
    sync::upgrades_take_turns, TWO, "readers that may become writers take turns", [WAKE_SLEEPER];
    sync::an_upgrade_that_timed_out_blocks_no_reader, TWO, "an upgrade that gave up blocks no reader", [WAKE_SLEEPER];
    sync::a_signal_is_not_lost, TWO, "a signal between unlocking and sleeping is not lost", [WAKE_SLEEPER];
    sync::a_broadcast_wakes_all, TWO, "a broadcast wakes all that wait", [WAKE_SLEEPER];
    sync::a_signal_is_not_consumed_by_who_timed_out, TWO, "who reports a timeout has consumed no signal", [GIVE_UP_WAIT];
    sync::the_first_who_waits_gets_the_signal, TWO, "a signal wakes who has waited longest", [WAKE_SLEEPER];
    sync::one_call_runs_and_all_see_it, TWO, "one call runs, and all see what it did", [WEAK_DONE, WAKE_SLEEPER];
    sync::a_wait_sees_all_that_was_done, TWO, "done happens before the wait that it releases", [WEAK_COUNT, WAKE_SLEEPER];
    sync::a_wait_group_is_used_again, TWO, "a wait group is used again", [WEAK_COUNT.or(FailureKind::Deadlock)];
    sync::a_semaphore_keeps_its_limit, TWO, "a semaphore keeps its limit", [WEAK_TAKE, WEAK_RELEASE, WAKE_SLEEPER];
    sync::a_semaphore_serves_who_asks_for_more, TWO, "a semaphore serves who asks for more", [WAKE_SLEEPER];
    sync::a_semaphore_that_timed_out_loses_no_permit, TWO, "who gave up has taken no permit",
        [SEMAPHORE.lose("let before = self.permits.fetch_add(count, SeqCst)", FailureKind::Panic)];
    sync::a_barrier_is_passed_together, TWO, "a barrier is passed together", [WEAK_ARRIVAL, WAKE_SLEEPER];
    sync::the_first_error_stops_the_rest, TWO, "the first error stops the rest", [DISMISS_RECEIVER];
    layer::a_flag_publishes_what_came_before, None, "message passing by Release and Acquire", [
        LAYER.weaken("ready.store(true, Release)"),
        LAYER.weaken("if ready.load(Acquire)"),
    ];
    layer::fences_publish_what_came_before, None, "message passing by fences", [
        LAYER.twin("fence(Release)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
        LAYER.twin("fence(Acquire)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
    ];
    layer::a_spin_lock_excludes, None, "a spin lock excludes", [
        LAYER.weaken("locked.swap(true, Acquire)"),
        LAYER.weaken("locked.swap(false, Release)"),
    ];
    layer::unpark_happens_before_park_returns, None, "unpark happens before park returns", [
        LAYER.drop_wake("unparker.unpark()"),
    ];
    layer::the_mutex_excludes_and_wakes, TWO, "the models' mutex excludes and wakes", [
        MUTEX.drop_wake("next.unpark()"),
        MUTEX.weaken("self.locked.swap(false, Release)"),
    ];
    layer::the_condvar_wakes_who_waits, None, "no notification is lost", [
        LAYER.drop_wake("changed.notify_one()"),
    ];
    layer::the_last_owner_of_an_arc_frees_it, None, "the last owner frees the value", [
        ARC.weaken("shared.strong.fetch_sub(1, Release)"),
    ];
    layer::the_value_of_an_arc_is_dropped_after_its_last_use, None, "the value is dropped after its last use", [
        ARC.twin("fence(Acquire);", Change::DropFence, FailureKind::Race, Teeth::Orderings).after("fn release_strong"),
    ];
    layer::a_weak_pointer_does_not_outlive_the_value, None, "a weak pointer does not keep the value", [
        ARC.lose("if shared.weak.fetch_sub(1, Release) == 1", FailureKind::Leak),
    ];
    orders::one_of_two_that_announce_themselves_is_seen, None, "Dekker: one of two sees the other", [
        ORDERS.demote("flags[me].store(true, SeqCst)", Release, FailureKind::Race),
        ORDERS.demote("if !flags[1 - me].load(SeqCst)", Acquire, FailureKind::Race),
    ];
    orders::one_of_two_that_announce_themselves_by_fences_is_seen, None, "the same by fences", [
        ORDERS.twin("fence(SeqCst)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
    ];
    orders::petersons_lock_excludes, None, "Peterson's lock excludes", [
        ORDERS.demote("wants[me].store(true, SeqCst)", Release, FailureKind::Race),
        ORDERS.demote("while wants[1 - me].load(SeqCst)", Acquire, FailureKind::Race),
        ORDERS.weaken("wants[me].store(false, Release)"),
    ];
    orders::readers_agree_on_the_order_of_independent_writes, None, "readers agree on the order of independent writes", [
        ORDERS.demote("let one = scope.spawn(|| x.load(SeqCst)", Acquire, FailureKind::Panic),
    ];
    orders::work_and_its_sleeper_do_not_miss_each_other, None, "work and its sleeper do not miss each other", [
        ORDERS.demote("work.store(true, SeqCst)", Release, FailureKind::Panic),
        ORDERS.demote("let woken = sleeps.load(SeqCst)", Acquire, FailureKind::Panic),
    ];
    orders::what_was_seen_is_passed_on, None, "what was seen is passed on", [
        ORDERS.twin("y.store(1, Release)", Change::Order(Ordering::Relaxed), FailureKind::Panic, Teeth::Orderings),
    ];
}
