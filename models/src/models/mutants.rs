//! Mutants that the models of several files catch.

use super::mutant_of;
use crate::mutant::{Mutant, Needs};
use selvedge_check::{Change, FailureKind};

pub(super) const TRY_SEND: Mutant = mutant_of!("primitives/src/chan/algorithm/try_send.rs");
pub(super) const CHAN: Mutant = mutant_of!("primitives/src/chan/algorithm/chan.rs");
/// The value is put into its cell and not published to the receiver that reads the cell.
pub(super) const PUBLISH: Mutant = SEND.weaken("publish-value").shows_in("chan/algorithm/cell.rs");
/// A value is handed to a receiver that waits and not published to a receiver that looks before it is woken.
pub(super) const HAND_OVER: Mutant = SEND.weaken("hand-value-to-receiver");
pub(super) const LOST_CLOSE: Mutant = CHAN.lose("set-closed", FailureKind::Panic);
pub(super) const WAKE_SENDER: Mutant = RECV.drop_wake("wake-sender").shows_in("chan/algorithm/send.rs");
pub(super) const WAKE_BY_EXPANDING: Mutant =
    EXPAND.drop_wake("wake-sender").shows_in("chan/algorithm/send.rs");
pub(super) const CELL: Mutant = mutant_of!("primitives/src/chan/algorithm/cell.rs");
/// A select is decided, and not woken; or woken, and not decided.
pub(super) const SEND_WAKES_SELECT: Mutant = SEND.drop_wake("wake-select");
pub(super) const EXPANDING_WAKES_SELECT: Mutant = EXPAND.drop_wake("wake-select");
pub(super) const DECIDE: Mutant =
    CELL.lose("commit-select", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Leak);
pub(super) const WAITERS: Mutant = mutant_of!("primitives/src/queue/waiters.rs");
/// A waiter is marked as woken, and not woken.
pub(super) const WAKE_SLEEPER: Mutant = WAITERS.drop_wake("wake-waiter");
/// A hand-over orders nothing. Loom does not find this within three preemptions.
pub(super) const WEAK_WAKE: Mutant = WAITERS.weaken("end-wait").needs(Needs::SeqCst);
/// A wait is cancelled, and others can still end it.
pub(super) const GIVE_UP_WAIT: Mutant =
    WAITERS.lose("cancel-wait", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Race);
/// A wait that was stopped is taken for one that was woken.
pub(super) const TRUST_PERMIT: Mutant = WAITERS
    .mutant("trust-permit", Change::Twin, FailureKind::Panic, Needs::Interleavings)
    .or(FailureKind::Deadlock)
    .or(FailureKind::Livelock);
pub(super) const SEND: Mutant = mutant_of!("primitives/src/chan/algorithm/send.rs");
pub(super) const RECV: Mutant = mutant_of!("primitives/src/chan/algorithm/recv.rs");
pub(super) const CLOSE: Mutant = mutant_of!("primitives/src/chan/algorithm/close.rs");
pub(super) const EXPAND: Mutant = mutant_of!("primitives/src/chan/algorithm/expand.rs");
/// A receiver that is bound to a select's value is not told that it has come or will not come.
pub(super) const NOT_TOLD: Mutant = SEND.drop_wake("wake-promised-receiver");
pub(super) const LATE: Mutant = mutant_of!("primitives/src/chan/algorithm/late.rs");
pub(super) const CASE_SEND: Mutant = mutant_of!("primitives/src/chan/select/case_send.rs");
/// A value is not put into the buffer.
pub(super) const LOST_VALUE: Mutant = SEND.lose("publish-value", FailureKind::Panic);
pub(super) const WAKE_RECEIVER: Mutant = SEND.drop_wake("wake-receiver").shows_in("chan/algorithm/recv.rs");
pub(super) const DISCONNECT_RECEIVER: Mutant =
    CLOSE.drop_wake("wake-disconnected-receiver").shows_in("chan/algorithm/recv.rs");
pub(super) const SEGMENT: Mutant = mutant_of!("primitives/src/queue/segment.rs");
/// A thread that enters a segment is not counted there, and the segment is unlinked.
pub(super) const NOT_ENTERED: Mutant = SEGMENT
    .lose("enter-segment", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Leak)
    .or(FailureKind::Deadlock);
