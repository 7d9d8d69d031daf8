//! Small programs over a primitive, drawn at random.

use crate::explore::{Outcome, Seen};
use std::fmt;

/// What a thread does at a time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// An operation of the primitive, by its number, on one of the two objects.
    Operate { operation: usize, object: usize },
    /// A relaxed load of an atomic.
    Load(usize),
    /// A relaxed store to an atomic.
    Store(usize),
    /// Notes the moment. It is no event: no engine sees it.
    Mark,
    /// Counts the noted moments of the other threads that happen before now.
    Sight,
}

/// A program: what each thread does.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) threads: Vec<Vec<Act>>,
}

impl Act {
    fn is_access(self) -> bool {
        matches!(self, Act::Load(_) | Act::Store(_))
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Operate { operation, object } => write!(f, "op{operation}({object})"),
            Act::Load(atomic) => write!(f, "load({atomic})"),
            Act::Store(atomic) => write!(f, "store({atomic})"),
            Act::Mark => f.write_str("mark"),
            Act::Sight => f.write_str("sight"),
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads: Vec<String> = self.threads.iter().map(|acts| format!("{acts:?}")).collect();
        f.write_str(&threads.join(" ‖ "))
    }
}

impl Program {
    /// Returns whether one of these operations has returned 0 in an outcome.
    pub(crate) fn fails(&self, outcome: &Outcome, attempts: &[usize]) -> bool {
        let acts = self.threads.iter().flatten().zip(outcome.iter().flatten());
        acts.into_iter().any(|(act, seen)| {
            let is_attempt = matches!(act, Act::Operate { operation, .. } if attempts.contains(operation));
            is_attempt && *seen == Some(Seen::Value(0))
        })
    }

    /// Returns whether the threads access nothing but the primitive.
    pub(crate) fn is_pure(&self) -> bool {
        !self.threads.iter().flatten().any(|act| act.is_access())
    }
}

/// Numbers that look random: SplitMix64.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// Draws a program over a primitive with so many operations: one in three is pure, one in two has one object.
    pub(crate) fn program(&mut self, operations: usize) -> Program {
        let (pure, objects) = (self.below(3) == 0, 1 + self.below(2));
        let threads = if self.below(4) == 0 { 3 } else { 2 };
        let most = if threads == 3 { 2 } else { 4 };
        let mut thread = || {
            let length = 1 + self.below(most);
            (0..length).map(|_| self.act(operations, objects, pure)).collect()
        };
        Program { threads: (0..threads).map(|_| thread()).collect() }
    }

    fn act(&mut self, operations: usize, objects: usize, pure: bool) -> Act {
        match self.below(if pure { 5 } else { 9 }) {
            0..=4 => Act::Operate { operation: self.below(operations), object: self.below(objects) },
            5 => Act::Load(self.below(2)),
            6 => Act::Store(self.below(2)),
            7 => Act::Mark,
            _ => Act::Sight,
        }
    }
}
