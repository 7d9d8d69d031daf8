//! Mutants that the models of several files catch.

use super::mutant_of;
use crate::mutant::{Mutant, Needs};
use selvedge_check::FailureKind;

pub(super) const FULL: Mutant = mutant_of!("primitives/src/chan/full.rs");
pub(super) const CORE: Mutant = mutant_of!("primitives/src/chan/core.rs");
/// The value is in its cell, and nobody told the receiver that comes for it.
pub(super) const PUBLISH: Mutant = SEND.weaken("publish-value").shows_in("chan/cell.rs");
/// A receiver that waits is given the value, and may look before it is woken.
pub(super) const HAND_OVER: Mutant = SEND.weaken("hand-value-to-receiver");
pub(super) const LOST_CLOSE: Mutant = CORE.lose("set-closed", FailureKind::Panic);
pub(super) const WAKE_SENDER: Mutant = RECV.drop_wake("wake-sender").shows_in("chan/send.rs");
pub(super) const WAKE_BY_EXPANDING: Mutant = EXPAND.drop_wake("wake-sender").shows_in("chan/send.rs");
pub(super) const CELL: Mutant = mutant_of!("primitives/src/chan/cell.rs");
/// A select is decided, and not told; or told, and not decided.
pub(super) const SEND_WAKES_SELECT: Mutant = SEND.drop_wake("wake-select");
pub(super) const EXPANDING_WAKES_SELECT: Mutant = EXPAND.drop_wake("wake-select");
pub(super) const DECIDE: Mutant =
    CELL.lose("decide-select", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Leak);
pub(super) const WAITERS: Mutant = mutant_of!("primitives/src/queue/waiters.rs");
/// Who sleeps is not woken, or takes no note of it.
pub(super) const WAKE_SLEEPER: Mutant = WAITERS.drop_wake("wake-waiter");
/// Who hands something over orders nothing by it. Loom does not come to that within three preemptions.
pub(super) const WEAK_WAKE: Mutant = WAITERS.weaken("end-wait").needs(Needs::SeqCst);
/// A wait is given up, and can still be ended by others.
pub(super) const GIVE_UP_WAIT: Mutant =
    WAITERS.lose("cancel-wait", FailureKind::Deadlock).or(FailureKind::Panic).or(FailureKind::Race);
pub(super) const SEND: Mutant = mutant_of!("primitives/src/chan/send.rs");
pub(super) const RECV: Mutant = mutant_of!("primitives/src/chan/recv.rs");
pub(super) const CLOSE: Mutant = mutant_of!("primitives/src/chan/close.rs");
pub(super) const EXPAND: Mutant = mutant_of!("primitives/src/chan/expand.rs");
/// A value is not in the buffer; the buffer does not grow; closing has no effect.
pub(super) const LOST_VALUE: Mutant = SEND.lose("publish-value", FailureKind::Panic);
pub(super) const WAKE_RECEIVER: Mutant = SEND.drop_wake("wake-receiver").shows_in("chan/recv.rs");
pub(super) const DISMISS_RECEIVER: Mutant =
    CLOSE.drop_wake("wake-dismissed-receiver").shows_in("chan/recv.rs");
pub(super) const SEGMENT: Mutant = mutant_of!("primitives/src/queue/segment.rs");
/// Who comes to a segment does not say so, and it is taken out.
pub(super) const NOT_ENTERED: Mutant = SEGMENT
    .lose("enter-segment", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Leak)
    .or(FailureKind::Deadlock);
