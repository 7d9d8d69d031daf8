//! Memory orderings, plain accesses included.

use core::sync::atomic::Ordering;
use serde::{Deserialize, Serialize};

/// The ordering of an access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Not atomic: unordered conflicting accesses are data races.
    #[default]
    Plain,
    /// `Relaxed`.
    Relaxed,
    /// `Acquire`.
    Acquire,
    /// `Release`.
    Release,
    /// `AcqRel`.
    AcqRel,
    /// `SeqCst`.
    SeqCst,
}

impl Order {
    /// Returns whether a read or fence of this order acquires.
    pub fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcqRel | Order::SeqCst)
    }

    /// Returns whether a write or fence of this order releases.
    pub fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcqRel | Order::SeqCst)
    }

    /// Returns whether it takes part in the total order of sequentially consistent accesses.
    pub fn is_seq_cst(self) -> bool {
        self == Order::SeqCst
    }

    /// Returns the ordering as core names it; `None` for plain accesses.
    pub fn ordering(self) -> Option<Ordering> {
        match self {
            Order::Plain => None,
            Order::Relaxed => Some(Ordering::Relaxed),
            Order::Acquire => Some(Ordering::Acquire),
            Order::Release => Some(Ordering::Release),
            Order::AcqRel => Some(Ordering::AcqRel),
            Order::SeqCst => Some(Ordering::SeqCst),
        }
    }
}

impl From<Ordering> for Order {
    fn from(ordering: Ordering) -> Order {
        match ordering {
            Ordering::Relaxed => Order::Relaxed,
            Ordering::Acquire => Order::Acquire,
            Ordering::Release => Order::Release,
            Ordering::AcqRel => Order::AcqRel,
            _ => Order::SeqCst,
        }
    }
}
