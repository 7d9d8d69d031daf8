//! Mutants that several groups of models have.

use crate::mutant::Mutant;
use selvedge_check::FailureKind;

pub(super) const SEND: Mutant =
    Mutant::of("primitives/src/chan/send.rs", include_str!("../../../primitives/src/chan/send.rs"));
pub(super) const RECV: Mutant =
    Mutant::of("primitives/src/chan/recv.rs", include_str!("../../../primitives/src/chan/recv.rs"));
pub(super) const CLOSE: Mutant =
    Mutant::of("primitives/src/chan/close.rs", include_str!("../../../primitives/src/chan/close.rs"));
pub(super) const EXPAND: Mutant =
    Mutant::of("primitives/src/chan/expand.rs", include_str!("../../../primitives/src/chan/expand.rs"));
/// A value is not in the buffer; the buffer does not grow; closing has no effect.
pub(super) const LOST_VALUE: Mutant = SEND.lose("publish-value", FailureKind::Panic);
pub(super) const WAKE_RECEIVER: Mutant = SEND.drop_wake("wake-receiver").shows_in("chan/recv.rs");
pub(super) const DISMISS_RECEIVER: Mutant =
    CLOSE.drop_wake("wake-dismissed-receiver").shows_in("chan/recv.rs");
const SEGMENT: Mutant =
    Mutant::of("primitives/src/queue/segment.rs", include_str!("../../../primitives/src/queue/segment.rs"));
/// Who comes to a segment does not say so, and it is taken out.
pub(super) const NOT_ENTERED: Mutant = SEGMENT
    .lose("enter-segment", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Leak)
    .or(FailureKind::Deadlock);
/// The segment after one that dies may still be taken out, though it comes to be the first.
pub(super) const NOT_SEALED: Mutant = SEGMENT
    .lose("seal-next", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Livelock)
    .or(FailureKind::DoubleFree);
/// Two threads take segments out at a time.
pub(super) const TWO_SURGEONS: Mutant =
    Mutant::of("primitives/src/queue/death.rs", include_str!("../../../primitives/src/queue/death.rs"))
        .lose("count-dead-segment", FailureKind::UseAfterFree)
        .or(FailureKind::Race)
        .or(FailureKind::Panic)
        .or(FailureKind::Livelock)
        .or(FailureKind::DoubleFree);
