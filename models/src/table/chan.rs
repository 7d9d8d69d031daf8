//! Channels.

use super::shared::*;
use super::{TWO, models};
use crate::mutant::{Mutant, Needs, order};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge_check::FailureKind;

const SHARED: Mutant =
    Mutant::of("primitives/src/chan/shared.rs", include_str!("../../../primitives/src/chan/shared.rs"));
const FULL: Mutant =
    Mutant::of("primitives/src/chan/full.rs", include_str!("../../../primitives/src/chan/full.rs"));
const ARRAY: Mutant =
    Mutant::of("primitives/src/queue/array.rs", include_str!("../../../primitives/src/queue/array.rs"));
const CORE: Mutant =
    Mutant::of("primitives/src/chan/core.rs", include_str!("../../../primitives/src/chan/core.rs"));
/// The value is in its cell, and nobody told the receiver that comes for it.
const PUBLISH: Mutant = SEND.weaken("publish-value").shows_in("chan/cell.rs");
/// A receiver that waits is given the value, and may look before it is woken.
const HAND_OVER: Mutant = SEND.weaken("hand-value-to-receiver");
/// The value of a sender that waits is taken, or moved into the buffer, and the cell does not say so.
const LOST_TAKE: Mutant =
    RECV.lose("take-value-of-sender", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings);
const LOST_MOVE: Mutant = EXPAND.lose("move-value-into-buffer", FailureKind::Panic).or(FailureKind::Race);
/// Walkers are not counted, so that segments are used again while somebody looks at them.
const UNPINNED: Mutant = ARRAY
    .lose("count-walker", FailureKind::Leak)
    .and("uncount-walker")
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic);
/// A cell is noted as finished, and not what was done in it before.
const WEAK_DONE: Mutant =
    Mutant::of("primitives/src/queue/segment.rs", include_str!("../../../primitives/src/queue/segment.rs"))
        .weaken("finish-cell");
/// Who falls asleep does not say so; or says so, and not who can wake it.
const ASLEEP_UNSEEN: Mutant = RECV.lose("fall-asleep", FailureKind::Deadlock).shows_in("chan/recv.rs");
const SENDER_ASLEEP_UNSEEN: Mutant = SEND.lose("fall-asleep", FailureKind::Deadlock).shows_in("chan/send.rs");
const NO_SLEEPER: Mutant = RECV.weaken("fall-asleep");
const NO_SENDER_ASLEEP: Mutant = SEND.weaken("fall-asleep");
/// Whoever takes the place of a send that is under way does not tell it.
const KEPT_PLACE: Mutant = FULL.lose("take-place-of-sender", FailureKind::Panic);
/// A cell that is no place of a buffer is not counted as such, or a receiver that leaves it does not say that it came.
const SETTLED: Mutant =
    Mutant::of("primitives/src/chan/settled.rs", include_str!("../../../primitives/src/chan/settled.rs"));
const NO_PLACE_UNCOUNTED: Mutant = SETTLED.lose("count-no-place", FailureKind::Panic);
/// Loom does not come to that within two preemptions.
const LEFT_UNSEEN: Mutant =
    SETTLED.weaken("uncount-no-place").fails_with(FailureKind::Panic).needs(Needs::SeqCst);
/// A select is let in by a sender behind it, and not told.
const WAKE_SELECT: Mutant = FULL.drop_wake("wake-select").shows_in("select/run.rs");
/// The value of a select is not in the buffer.
const LOST_SELECTED: Mutant = SEND.lose("publish-value-of-select", FailureKind::Panic);
/// A cell without a sender is counted for ever.
const UNCOUNTED: Mutant =
    Mutant::of("primitives/src/chan/length.rs", include_str!("../../../primitives/src/chan/length.rs"))
        .lose("uncount-gone-sender", FailureKind::Panic);
/// Cursors stay at a segment that dies.
const CURSOR_LEFT: Mutant =
    Mutant::of("primitives/src/queue/death.rs", include_str!("../../../primitives/src/queue/death.rs"))
        .lose("advance-cursor", FailureKind::Panic)
        .or(FailureKind::UseAfterFree)
        .or(FailureKind::Race)
        .or(FailureKind::Livelock);
const LOST_GROWTH: Mutant = CORE.lose("grow-buffer", FailureKind::Panic).or(FailureKind::Deadlock);
const WEAK_GROWTH: Mutant = CORE.weaken("grow-buffer").needs(Needs::SeqCst);
const LOST_CLOSE: Mutant = CORE.lose("set-closed", FailureKind::Panic);
const WAKE_SENDER: Mutant = RECV.drop_wake("wake-sender").shows_in("chan/send.rs");
const WAKE_BY_EXPANDING: Mutant = EXPAND.drop_wake("wake-sender").shows_in("chan/send.rs");
const REFUSE_SENDER: Mutant = CLOSE.drop_wake("wake-refused-sender").shows_in("chan/send.rs");
/// A sender tells others of their places, and not of what comes before. Loom does not come to that within two
/// preemptions.
const TOLD_PLACE: Mutant = CORE.weaken("raise-known-end").needs(Needs::SeqCst);
/// Who closes looks for waiters, and may miss one that has missed the closed bit.
const MISS_SENDER: Mutant =
    CLOSE.demote("look-for-sender", Acquire, FailureKind::Deadlock).shows_in("chan/send.rs");

models! {
    chan_order::values_arrive_in_the_order_sent, TWO, "values leave in the order they entered", [PUBLISH];
    chan_order::the_values_of_two_senders_interleave_in_order, TWO,
        "the values of each of two senders arrive in its order", [PUBLISH];
    chan_order::blocked_receivers_are_served_in_order, TWO,
        "blocked receivers are served first come, first served", [WAKE_RECEIVER, WEAK_DONE];
    chan_order::blocked_receivers_of_a_buffer_are_served_in_order, TWO,
        "the same with a buffer", [WAKE_RECEIVER];
    chan_order::blocked_senders_are_served_in_order, TWO,
        "blocked senders are served first come, first served", [WAKE_BY_EXPANDING];
    chan_order::a_new_receiver_does_not_overtake_a_blocked_one, TWO,
        "a newcomer does not get the value of a blocked receiver", [WAKE_RECEIVER];
    chan_order::a_new_sender_does_not_overtake_a_blocked_one, TWO,
        "a newcomer does not get the place of a blocked sender", [WAKE_BY_EXPANDING];
    chan_order::a_receiver_that_gave_up_does_not_disturb_the_order, TWO,
        "a receiver that timed out costs no other its value", [WAKE_RECEIVER];
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
        "of two senders one finds room for one value", [LOST_VALUE, KEPT_PLACE];
    chan_room::try_recv_misses_nothing_and_invents_nothing, None,
        "try_recv misses no value that was there, and invents none", [LOST_VALUE];
    chan_room::try_recv_finds_a_value_among_other_receivers, TWO,
        "try_recv finds a value among other receivers", [PUBLISH];
    chan_room::timeouts_lose_no_value, TWO,
        "a value sent is received though both sides time out", [HAND_OVER];
    chan_room::timeouts_lose_no_value_of_a_buffer, TWO, "the same with a buffer", [SEND.weaken("publish-value")];
    chan_room::a_sender_that_gives_up_twice_leaves_no_receiver_waiting, Some(4),
        "a receiver does not wait for a sender that gave up twice", [WAKE_RECEIVER];
    chan_room::a_sender_that_gave_up_leaves_its_place, TWO,
        "a sender that timed out takes no place", [LOST_VALUE.or(FailureKind::Deadlock)];
    chan_room::two_receivers_share_what_two_sends_bring, TWO,
        "two blocked receivers both get a value", [WAKE_RECEIVER];
    chan_room::a_receiver_that_gave_up_is_not_counted, TWO,
        "len does not count the cell of a receiver that gave up", [UNCOUNTED];
    chan_room::a_waiting_sender_is_not_counted, TWO,
        "len counts the buffer, not who waits behind it", [WAKE_BY_EXPANDING];
    chan_room::a_place_that_is_passed_over_is_not_counted, TWO,
        "len does not count a place behind a full buffer that was given up", [UNCOUNTED];
    chan_full::who_is_told_full_receives_a_value, Some(4),
        "who is told that the buffer is full receives a value", [LOST_VALUE];
    chan_full::a_select_that_is_told_full_receives_a_value, Some(4), "so does a select with a default", [LOST_SELECTED];
    chan_full::a_full_buffer_that_is_closed_has_a_value, TWO,
        "a full buffer has a value also once it is closed", [LOST_CLOSE.fails_with(FailureKind::Deadlock)];
    chan_full::the_value_of_a_select_that_was_let_in_counts, TWO,
        "the value of a select that was let in counts", [WAKE_SELECT];
    chan_full::a_place_given_up_is_no_value, TWO,
        "a place given up is not taken for a value", [NO_PLACE_UNCOUNTED, LEFT_UNSEEN];
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
        SHARED.mutant("drop-handle", order(Release), FailureKind::Race, Needs::Freeing),
        SHARED.mutant("drop-handle", order(Acquire), FailureKind::Race, Needs::Freeing),
    ];
    chan_close::a_weak_sender_opens_no_side_again, TWO, "a weak sender opens no side again", [
        SHARED.lose("upgrade-handle", FailureKind::Panic).or(FailureKind::Race).or(FailureKind::UseAfterFree),
    ];
    chan_close::a_weak_handle_keeps_the_memory, None, "a weak handle keeps the memory, and no more", [
        SHARED.mutant("drop-keeper", order(Release), FailureKind::Race, Needs::Freeing),
        SHARED.mutant("drop-keeper", order(Acquire), FailureKind::Race, Needs::Freeing),
    ];
    chan_close::iteration_ends_with_the_channel, TWO, "iteration ends after the last value", [PUBLISH];
    chan_edges::a_send_happens_before_its_receive, TWO, "a send happens before its receive", [PUBLISH];
    chan_edges::a_rendezvous_send_happens_before_its_receive, TWO,
        "the same without a buffer", [WAKE_SENDER, ASLEEP_UNSEEN, NO_SLEEPER];
    chan_edges::a_rendezvous_receive_happens_before_its_send_completes, TWO,
        "without a buffer a receive happens before its send completes",
        [WAKE_SENDER, SENDER_ASLEEP_UNSEEN, NO_SENDER_ASLEEP];
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
    chan_edges::segments_behind_a_receive_that_stands_still_are_reused, TWO,
        "so it is behind a receive that stands still", [CURSOR_LEFT];
}
