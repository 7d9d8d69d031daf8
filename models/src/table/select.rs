//! Select, timers and futures.

use super::shared::*;
use super::{TWO, models};
use crate::mutant::{Mutant, Needs};
use selvedge_check::FailureKind;

const CELL: Mutant =
    Mutant::of("primitives/src/chan/cell.rs", include_str!("../../../primitives/src/chan/cell.rs"));
const RUN: Mutant = Mutant::of(
    "primitives/src/chan/select/run.rs",
    include_str!("../../../primitives/src/chan/select/run.rs"),
);
const WATCH: Mutant =
    Mutant::of("primitives/src/chan/watch.rs", include_str!("../../../primitives/src/chan/watch.rs"));
const ALARM: Mutant =
    Mutant::of("primitives/src/chan/alarm.rs", include_str!("../../../primitives/src/chan/alarm.rs"));
const POLL: Mutant =
    Mutant::of("primitives/src/chan/poll.rs", include_str!("../../../primitives/src/chan/poll.rs"));
const RETURNED: Mutant =
    Mutant::of("primitives/src/chan/returned.rs", include_str!("../../../primitives/src/chan/returned.rs"));
/// A select is decided, and not told; or told, and not decided.
const SEND_WAKES_SELECT: Mutant = SEND.drop_wake("wake-select");
const RECV_WAKES_SELECT: Mutant = RECV.drop_wake("wake-select");
const EXPANDING_WAKES_SELECT: Mutant = EXPAND.drop_wake("wake-select");
const DISMISS_SELECT: Mutant = CLOSE.drop_wake("wake-dismissed-select");
const REFUSE_SELECT: Mutant = CLOSE.drop_wake("wake-refused-select");
/// A sender that waits is told of the close, and its cell does not say so.
const REFUSED: Mutant = CLOSE.lose("refuse-sender", FailureKind::Panic).or(FailureKind::Race);
/// The value of a sender that waits is taken, and its cell does not say so.
const LOST_TAKE: Mutant =
    RECV.lose("take-value-of-sender", FailureKind::Race).or(FailureKind::UseAfterFree).or(FailureKind::Panic);
/// A cell of a select is broken that goes on to wait there.
const UNSPOILED: Mutant =
    Mutant::of("primitives/src/chan/claim.rs", include_str!("../../../primitives/src/chan/claim.rs"))
        .lose("spoil-claim", FailureKind::Deadlock)
        .or(FailureKind::Panic);
const DECIDE: Mutant =
    CELL.lose("decide-select", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Leak);
/// Something has changed, and nobody tells who watches.
const TELL_WATCHERS: Mutant = WATCH.drop_wake("wake-watchers");
/// A task does not say that it can be woken; or says so, and its waker is not there; or changes its waker without having
/// said that it is awake.
const DOZE: Mutant = POLL.lose("fall-asleep", FailureKind::Deadlock);
const NO_WAKER: Mutant = POLL.weaken("fall-asleep");
const NOT_ROUSED: Mutant = POLL
    .lose("rouse", FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Deadlock)
    .needs(Needs::Orderings);
/// A value that came for nobody is dropped on the floor.
const GIVE_BACK: Mutant =
    RETURNED.lose("give-value-back", FailureKind::Deadlock).or(FailureKind::Leak).or(FailureKind::Panic);
/// Two take a value that came back; or it is on loan for ever.
const TAKEN_TWICE: Mutant = RETURNED
    .lose("take-returned", FailureKind::Panic)
    .or(FailureKind::Race)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Deadlock);
const LENT_FOR_EVER: Mutant = RETURNED.lose("end-loan", FailureKind::Deadlock).or(FailureKind::Panic);
/// An instant is taken, and stays.
const TAKE_INSTANT: Mutant = ALARM.lose("take-instant", FailureKind::Panic);
/// A ticker is stopped, and ticks; or set anew, and does not.
const STOP_TICKS: Mutant = ALARM.lose("stop-ticks", FailureKind::Panic);
const START_TICKS: Mutant = ALARM.lose("start-ticks", FailureKind::Deadlock).or(FailureKind::Panic);
/// A select gives up, and can still be decided.
const GIVE_UP: Mutant = RUN.lose("stop-waiting", FailureKind::Panic);

models! {
    select::a_default_runs_only_if_nothing_is_ready, TWO, "a default runs only if nothing is ready", [LOST_VALUE];
    select::one_of_two_senders_decides_a_select, TWO, "a select is decided once, and takes one value", [DECIDE];
    select::losing_cases_leave_no_trace, TWO, "losing cases leave no trace", [DECIDE];
    select::two_selects_that_face_each_other_meet, TWO, "two selects that face each other meet", [DECIDE];
    select::two_selects_that_cross_meet_once, TWO, "two selects that cross meet once", [DECIDE];
    select::a_select_receives_what_a_plain_send_brings, TWO, "a select receives from a plain send", [SEND_WAKES_SELECT, UNSPOILED];
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
    timers::a_select_whose_timer_others_received_keeps_its_place, TWO,
        "a select keeps its places when somebody else receives its timer", [SEND_WAKES_SELECT];
    timers::a_select_that_is_chosen_leaves_its_timer, TWO,
        "a select that is chosen leaves its timer's instant to others", [DECIDE];
    timers::a_reset_wakes_who_waits, TWO, "a reset wakes who waits for a timer", [SEND_WAKES_SELECT];
    timers::a_reset_ends_though_a_receiver_gives_up, TWO, "a reset ends though a receiver gives up", [TAKE_INSTANT];
    timers::a_stop_beside_a_reset_leaves_a_ticker_that_ticks_or_does_not, TWO,
        "a ticker that is stopped and set anew ticks or does not", [STOP_TICKS];
    timers::one_of_two_resets_of_a_ticker_counts, TWO, "one of two resets of a ticker counts", [START_TICKS];
    timers::a_value_that_comes_late_is_received, TWO, "a value that comes late is received", [WAKE_RECEIVER];
    timers::a_value_that_comes_late_finds_its_place, TWO, "a value that comes late finds its place", [EXPANDING_WAKES_SELECT];
    futures::a_receiver_that_gives_up_in_the_middle_loses_no_value, TWO, "a receiver that gives up in the middle loses no value", [NOT_ENTERED];
    futures::a_receiver_of_a_buffer_that_gives_up_loses_no_value, None, "a receiver of a buffer that gives up behind another loses no value", [GIVE_BACK];
    futures::a_sender_that_gives_up_in_the_middle_is_passed_over, TWO, "a sender that gives up in the middle is passed over", [NOT_ENTERED.or(FailureKind::Livelock)];
    futures::closing_passes_over_a_receiver_that_gave_up, TWO, "closing passes over a receiver that gave up", [DOZE];
    futures::a_task_receives_from_a_thread, TWO, "a task receives what a thread sends", [DOZE, NO_WAKER];
    futures::a_task_sends_to_a_thread, TWO, "a task sends to a thread that receives", [DOZE, NO_WAKER];
    futures::a_dropped_future_loses_no_value, TWO, "a dropped future loses no value", [GIVE_BACK];
    futures::a_task_that_is_polled_again_is_woken, TWO, "a task that is polled again is woken", [NOT_ROUSED];
    futures::a_waker_that_panics_loses_no_value_of_a_send, TWO, "a waker that panics loses no value of a send", [DOZE];
    futures::a_waker_that_panics_loses_no_value_of_a_receive, TWO, "nor of a receive", [GIVE_BACK];
    futures::a_value_of_a_dropped_future_goes_to_who_waits, TWO,
        "the value of a dropped future goes to who waits", [GIVE_BACK];
    futures::a_close_that_refused_a_sender_lets_no_later_one_in, TWO,
        "close refuses all senders that wait, or the later ones", [REFUSED];
    futures::a_dropped_future_sends_once_or_not_at_all, TWO, "a dropped future has sent, or leaves no trace", [LOST_TAKE];
    futures::receives_polled_in_order_get_values_in_order, TWO, "receives polled in order get values in order", [DOZE];
    futures::receives_of_a_buffer_polled_in_order_get_values_in_order, TWO, "the same with a buffer", [DOZE];
    futures::sends_polled_in_order_arrive_in_order, TWO, "sends polled in order arrive in order", [DOZE];
    futures::sends_to_a_buffer_polled_in_order_arrive_in_order, TWO, "the same with a buffer", [DOZE];
    futures::a_thread_does_not_overtake_a_future, TWO, "a thread does not overtake a future that waits", [DOZE];
    futures::a_thread_does_not_overtake_a_future_at_a_buffer, TWO, "the same with a buffer", [DOZE];
    futures::a_thread_does_not_overtake_a_future_without_a_bound, TWO, "the same without a bound", [DOZE];
    futures::two_values_that_came_back_reach_two_receivers, TWO, "two values that came back reach two receivers", [TAKEN_TWICE];
    futures::two_values_that_came_back_are_there_for_two_receivers, TWO, "and neither is told that there is none", [TAKEN_TWICE];
    futures::a_value_that_comes_back_after_the_close_is_received, TWO,
        "a value that comes back after the close is received", [GIVE_BACK, LENT_FOR_EVER];
    futures::receivers_are_sent_home_once_a_future_has_its_value, TWO,
        "receivers of a closed channel wait for what may come back, and no longer", [LENT_FOR_EVER];
    futures::a_value_that_is_sent_beside_a_close_is_received_though_a_future_is_dropped, TWO,
        "a value that is sent beside a close is received though a future is dropped", [LENT_FOR_EVER];
    select::a_default_is_not_taken_while_one_of_two_channels_has_a_value, TWO,
        "a default is not taken while one of two channels has a value", [LOST_VALUE];
    select::watchers_that_come_and_go_leave_the_others, TWO, "watchers that come and go leave the others", [TELL_WATCHERS];
}
