//! The order in which a select tries its cases.

use crate::rt::choose;
use core::ops::Deref;

/// In which order the cases are tried, and so which of several that are ready is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A random one: each that is ready is as likely as any other.
    Random,
    /// As they are given.
    Given,
}

impl Order {
    /// Returns which of so many cases is the first.
    pub(super) fn first(self, cases: usize) -> usize {
        if self == Order::Random && cases > 1 { choose(cases) } else { 0 }
    }

    pub(super) fn of(self, cases: usize) -> Sequence {
        let mut sequence = if cases <= FEW {
            Sequence::Few(core::array::from_fn(|at| at), cases)
        } else {
            Sequence::Many((0..cases).collect())
        };
        if self == Order::Random {
            let order = match &mut sequence {
                Sequence::Few(order, cases) => &mut order[..*cases],
                Sequence::Many(order) => order,
            };
            for at in (1..cases).rev() {
                order.swap(at, choose(at + 1));
            }
        }
        sequence
    }
}

/// So many cases are few: their order is not allocated, and they are tried several times before the select waits.
pub(super) const FEW: usize = 16;

/// The numbers of the cases, in some order.
pub(super) enum Sequence {
    /// The first so many of these.
    Few([usize; FEW], usize),
    Many(Vec<usize>),
}

impl Deref for Sequence {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        match self {
            Sequence::Few(order, cases) => &order[..*cases],
            Sequence::Many(order) => order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_each_case_once() {
        for cases in [0, 1, FEW, FEW + 1, 100] {
            for order in [Order::Random, Order::Given] {
                let mut numbers = order.of(cases).to_vec();
                if order == Order::Random {
                    numbers.sort_unstable();
                }
                assert_eq!(numbers, (0..cases).collect::<Vec<_>>());
            }
        }
    }
}
