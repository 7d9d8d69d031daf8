//! Smaller programs: how a program that fails shrinks.

use core::fmt;

/// What can be made smaller.
pub trait Smaller: Sized {
    /// Returns smaller ones, those first that leave out most, in an order that never changes.
    fn smaller(&self) -> Vec<Self>;
}

/// A step of a program.
pub trait Simpler: Clone {
    /// Returns simpler steps that may show the failure as well.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }
}

/// A program that is a list of steps.
#[derive(Clone)]
pub struct Steps<S>(pub Vec<S>);

impl<S: fmt::Debug> fmt::Debug for Steps<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

impl<S: Simpler> Smaller for Steps<S> {
    fn smaller(&self) -> Vec<Steps<S>> {
        smaller_lists(&self.0, S::simpler).into_iter().map(Steps).collect()
    }
}

/// Returns lists with fewer steps, then lists with a simpler step.
pub fn smaller_lists<T: Clone>(steps: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut lists = Vec::new();
    let mut length = steps.len();
    while length > 0 {
        // The last ones first: they depend on those before them.
        for end in (length..=steps.len()).rev().step_by(length) {
            lists.push([&steps[..end - length], &steps[end..]].concat());
        }
        length /= 2;
    }
    for (at, step) in steps.iter().enumerate() {
        for step in simpler(step) {
            lists.push([&steps[..at], &[step], &steps[at + 1..]].concat());
        }
    }
    lists
}
