//! The order in which a select tries its cases.

use crate::rt::{Choices, choose};

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
        let numbers =
            if cases <= FEW { Numbers::Few(Few::IN_ORDER) } else { Numbers::Many((0..cases).collect()) };
        let drawn = if self == Order::Random { 0 } else { cases };
        Sequence { numbers, cases, drawn, choices: Choices::new() }
    }
}

/// So many cases are few: their order is not allocated, and they are tried several times before the select waits.
pub(super) const FEW: usize = 16;

const _: () = assert!(4 * FEW == u64::BITS as usize, "few numbers of four bits fill a word");

/// The numbers of the cases, in some order, which is drawn as far as it is asked for.
pub(super) struct Sequence {
    numbers: Numbers,
    cases: usize,
    /// How many of the numbers are in their places.
    drawn: usize,
    choices: Choices,
}

enum Numbers {
    Few(Few),
    Many(Vec<usize>),
}

/// As many numbers as are few, of four bits each.
struct Few(u64);

impl Few {
    const IN_ORDER: Few = Few(0xfedc_ba98_7654_3210);

    fn at(&self, at: usize) -> usize {
        (self.0 >> (4 * at)) as usize % FEW
    }

    fn swap(&mut self, one: usize, other: usize) {
        let differs = (self.at(one) ^ self.at(other)) as u64;
        // The two places differ in these bits: if they are one place, in none.
        self.0 ^= differs << (4 * one) | differs << (4 * other);
    }
}

impl Sequence {
    /// Returns the case at this place of the order. All before it have been asked for.
    #[inline]
    pub(super) fn at(&mut self, at: usize) -> usize {
        let Numbers::Few(numbers) = &mut self.numbers else { return self.at_of_many(at) };
        if at == self.drawn {
            let left = self.cases - at;
            let other = if left == 1 { 0 } else { self.choices.choose(left) };
            numbers.swap(at, at + other);
            self.drawn += 1;
        }
        numbers.at(at)
    }

    /// Not inlined, so that few numbers stay in registers.
    #[inline(never)]
    fn at_of_many(&mut self, at: usize) -> usize {
        let Numbers::Many(numbers) = &mut self.numbers else { unreachable!("there are many") };
        if at == self.drawn {
            let left = self.cases - at;
            let other = if left == 1 { 0 } else { choose(left) };
            numbers.swap(at, at + other);
            self.drawn += 1;
        }
        numbers[at]
    }

    /// Returns the first case in the order that is such.
    pub(super) fn find(&mut self, mut is_such: impl FnMut(usize) -> bool) -> Option<usize> {
        (0..self.cases).map(|at| self.at(at)).find(|&case| is_such(case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_has_each_case_once() {
        for cases in [0, 1, FEW, FEW + 1, 100] {
            for order in [Order::Random, Order::Given] {
                let (mut sequence, mut numbers) = (order.of(cases), Vec::new());
                assert_eq!(sequence.find(|_| false), None);
                sequence.find(|case| {
                    numbers.push(case);
                    false
                });
                if order == Order::Random {
                    numbers.sort_unstable();
                }
                assert_eq!(numbers, (0..cases).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_order_stays_as_it_was_drawn() {
        for cases in [3, FEW + 1] {
            let mut sequence = Order::Random.of(cases);
            let first = sequence.at(0);
            let drawn: Vec<usize> = (0..cases).map(|at| sequence.at(at)).collect();
            assert_eq!((drawn[0], drawn), (first, (0..cases).map(|at| sequence.at(at)).collect()));
        }
    }
}
