//! Twins that several groups of models have.

use crate::twin::Twin;
use selvedge_check::FailureKind;

pub(super) const SEND: Twin =
    Twin::of("primitives/src/chan/send.rs", include_str!("../../../primitives/src/chan/send.rs"));
pub(super) const RECV: Twin =
    Twin::of("primitives/src/chan/recv.rs", include_str!("../../../primitives/src/chan/recv.rs"));
pub(super) const CLOSE: Twin =
    Twin::of("primitives/src/chan/close.rs", include_str!("../../../primitives/src/chan/close.rs"));
pub(super) const EXPAND: Twin =
    Twin::of("primitives/src/chan/expand.rs", include_str!("../../../primitives/src/chan/expand.rs"));
/// A value is not in the buffer; the buffer does not grow; closing has no effect.
pub(super) const LOST_VALUE: Twin =
    SEND.lose("place.cell().exchange(State::new(Phase::Empty as u8), full, SeqCst)", FailureKind::Panic);
pub(super) const WAKE_RECEIVER: Twin = SEND.drop_wake("waiter.unpark();").shows_in("chan/recv.rs");
pub(super) const DISMISS_RECEIVER: Twin =
    CLOSE.drop_wake("waiter.unpark();").after("fn dismiss").shows_in("chan/recv.rs");
