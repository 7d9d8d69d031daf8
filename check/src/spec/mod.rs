//! Sequential specifications: what an object does when its operations follow one another.
//!
//! A [`Spec`] is a state machine. [`History::check`](crate::History::check) decides whether the answers that concurrent
//! threads got could have come from the specification, one operation at a time.
//!
//! Ready ones: [`Queue`], [`Fifo`], [`Stack`], [`Register`], [`Counter`], [`Map`], [`Set`], [`Mutex`], [`RwLock`],
//! [`Semaphore`], [`Once`], [`Pool`].

mod collections;
mod counters;
mod fifo;
mod locks;
mod queue;

pub use collections::{Map, MapOp, Pool, PoolOp, Set, SetOp, Stack, StackOp};
pub use counters::{Counter, CounterOp, Register, RegisterOp};
pub use fifo::{Fifo, FifoAnswer, FifoOp, FifoState};
pub use locks::{Holders, LockOp, Mutex, Once, OnceOp, RwLock, RwLockOp, Semaphore, SemaphoreOp};
pub use queue::{Queue, QueueOp};

use crate::history::Entry;
use core::fmt::Debug;
use core::hash::{Hash, Hasher};

/// A sequential specification.
///
/// ```
/// use selvedge_check::Spec;
///
/// /// A counter that stops at a limit.
/// struct Limited(u32);
///
/// #[derive(Clone, Debug)]
/// enum Op { Increment, Get }
///
/// impl Spec for Limited {
///     type State = u32;
///     type Operation = Op;
///     type Answer = Option<u32>;
///
///     fn initial(&self) -> u32 {
///         0
///     }
///
///     fn apply(&self, state: &mut u32, operation: &Op) -> Option<Option<u32>> {
///         match operation {
///             Op::Get => Some(Some(*state)),
///             Op::Increment if *state == self.0 => Some(None),
///             Op::Increment => {
///                 *state += 1;
///                 Some(Some(*state))
///             }
///         }
///     }
/// }
/// assert_eq!(Limited(1).apply(&mut 1, &Op::Increment), Some(None));
/// ```
pub trait Spec {
    /// The object's state.
    type State: Clone + Eq + Hash;
    /// An operation, with its arguments.
    type Operation: Clone + Debug;
    /// What an operation returns.
    type Answer: Clone + PartialEq + Debug;

    /// Returns the state of a new object.
    fn initial(&self) -> Self::State;

    /// Performs an operation, and returns its answer; `None`, with the state unchanged, if it blocks in this state or
    /// is not allowed there.
    fn apply(&self, state: &mut Self::State, operation: &Self::Operation) -> Option<Self::Answer>;

    /// Returns every answer that an operation may give in a state, with the state after it; none if it blocks. A
    /// specification overrides this if an operation has several outcomes, such as one that may fail for no reason.
    fn outcomes(&self, state: &Self::State, operation: &Self::Operation) -> Vec<(Self::Answer, Self::State)> {
        let mut after = state.clone();
        self.apply(&mut after, operation).map(|answer| (answer, after)).into_iter().collect()
    }

    /// Returns the independent part of the object on which an operation works, such as a map's key. The histories of
    /// different parts are decided one by one, which is cheaper.
    fn part(&self, _operation: &Self::Operation) -> u64 {
        0
    }

    /// Returns whether an operation with this answer leaves *every* state in which it gives the answer unchanged, as
    /// a read does, or a try that fails. Such an operation may as well happen as soon as it can, which makes
    /// histories cheaper to decide. (A write of the value that is there already is none: it might undo what comes
    /// between.)
    fn observes(&self, _operation: &Self::Operation, _answer: &Self::Answer) -> bool {
        false
    }

    /// Returns the group of operations that only make sense together, such as the send and the receive of one value.
    /// This is a promise: a sequence that the specification allows is still allowed without any whole groups, and
    /// without all operations that have no group. By that promise a few operations prove and show a violation in a
    /// long history.
    fn group(&self, _operation: &Self::Operation, _answer: Option<&Self::Answer>) -> Option<u64> {
        None
    }

    /// Returns for each entry of a history when to try it, if the specification has a good guess. A guess changes the
    /// time of a decision, never its result.
    fn guesses(&self, _entries: &[Entry<Self::Operation, Self::Answer>]) -> Option<Vec<Guess>> {
        None
    }
}

/// When to try an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guess {
    /// Operations of a smaller rank are tried first.
    pub rank: u64,
    /// Operations that have turns are tried in this order first, from 0, and in any order if that fails.
    pub turn: Option<u32>,
}

/// Returns a number for a value, for [`Spec::part`] and [`Spec::group`].
pub fn number_of(value: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
