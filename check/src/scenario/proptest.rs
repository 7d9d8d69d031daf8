//! Programs from proptest's strategies.

use super::{AUDITED, Cause, Failing, Program, SHRINKS, Scenario, cause_of};
use crate::Spec;
use core::cell::{Cell, RefCell};
use proptest::collection::vec;
use proptest::strategy::{BoxedStrategy, Strategy, Union};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

impl<S, T> Scenario<S, T>
where
    S: Spec + Send + Sync + 'static,
    S::Operation: Send + Sync + 'static,
    S::Answer: Send,
    T: Sync + 'static,
{
    /// Draws programs of which every thread does what `operations` draws, and runs them.
    ///
    /// # Errors
    /// Fails with the smallest program found that fails.
    ///
    /// # Panics
    /// If no program can be drawn.
    #[track_caller]
    pub fn run(
        &self,
        operations: impl Strategy<Value = S::Operation> + 'static,
    ) -> Result<(), Box<Failing<S::Operation>>> {
        let operation = operations.boxed();
        let sizes = self.sizes.clone();
        let some = move |count| vec(operation.clone(), count);
        let threads = vec(some(sizes.operations.clone()), sizes.threads.clone());
        self.run_all((some(sizes.first), threads, some(sizes.last)))
    }

    /// Draws programs in which thread n does what the n-th of `roles` draws, and runs them. The operations before and
    /// after the threads are drawn from all roles.
    ///
    /// # Errors
    /// Fails with the smallest program found that fails.
    ///
    /// # Panics
    /// If no program can be drawn.
    #[track_caller]
    pub fn run_roles(
        &self,
        roles: impl IntoIterator<Item = BoxedStrategy<S::Operation>>,
    ) -> Result<(), Box<Failing<S::Operation>>> {
        let roles: Vec<_> = roles.into_iter().collect();
        let sizes = self.sizes.clone();
        let any = Union::new(roles.clone());
        // A thread may do nothing, so that a smaller program can do without it.
        let thread = |role| vec(role, 0..=*sizes.operations.end());
        let threads: Vec<_> = roles.into_iter().map(thread).collect();
        self.run_all((vec(any.clone(), sizes.first), threads, vec(any, sizes.last)))
    }

    /// Draws and runs programs in a test, as [`run`](Self::run) does, and prints a line for each engine on standard
    /// error.
    ///
    /// # Panics
    /// With the smallest program found that fails, as a test.
    #[track_caller]
    pub fn check(&self, operations: impl Strategy<Value = S::Operation> + 'static) {
        if let Err(failing) = self.run(operations) {
            panic!("{failing}");
        }
        self.seen.announce(&self.name);
    }

    /// Draws and runs programs in a test, as [`run_roles`](Self::run_roles) does, and prints a line for each engine on
    /// standard error.
    ///
    /// # Panics
    /// With the smallest program found that fails, as a test.
    #[track_caller]
    pub fn check_roles(&self, roles: impl IntoIterator<Item = BoxedStrategy<S::Operation>>) {
        if let Err(failing) = self.run_roles(roles) {
            panic!("{failing}");
        }
        self.seen.announce(&self.name);
    }

    #[track_caller]
    fn run_all(
        &self,
        parts: impl Strategy<Value = (Vec<S::Operation>, Vec<Vec<S::Operation>>, Vec<S::Operation>)>,
    ) -> Result<(), Box<Failing<S::Operation>>> {
        let config = Config {
            cases: self.programs,
            max_shrink_iters: SHRINKS as u32,
            failure_persistence: None,
            ..Config::default()
        };
        let seed: Vec<u8> = self.seed.to_le_bytes().into_iter().cycle().take(32).collect();
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let smallest: RefCell<Option<Box<Failing<S::Operation>>>> = RefCell::new(None);
        let audited = Cell::new(0);
        let outcome = TestRunner::new_with_rng(config, random).run(&parts, |(first, threads, last)| {
            let program = Program { first, threads, last }.trimmed();
            let cause: Option<Cause> = smallest.borrow().as_ref().map(|failing| cause_of(&failing.report));
            match self.run_for(&program, cause, false) {
                Ok(()) => {
                    audited.set(audited.get() + 1);
                    if audited.get() <= AUDITED {
                        self.audit(&program);
                    }
                    Ok(())
                }
                Err(failing) => {
                    smallest.replace(Some(failing));
                    Err(TestCaseError::fail("it fails"))
                }
            }
        });
        match (smallest.into_inner(), outcome) {
            // proptest shrinks each part once; smaller programs may be left.
            (Some(failing), _) => Err(self.shrunk(failing, Program::with_less)),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => panic!("{}: no program could be drawn: {error}", self.name),
        }
    }
}
