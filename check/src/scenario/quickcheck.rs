//! Programs from quickcheck's `Arbitrary`.

use super::{AUDITED, Failing, Program, Scenario};
use crate::Spec;
use core::ops::RangeInclusive;
use quickcheck::{Arbitrary, Gen};

/// How large arguments get.
const SIZE: usize = 8;

impl<S, T> Scenario<S, T>
where
    S: Spec + Send + Sync + 'static,
    S::Operation: Arbitrary + Send + Sync + 'static,
    S::Answer: Send,
    T: Sync + 'static,
{
    /// Draws programs of arbitrary operations, and runs them.
    ///
    /// # Errors
    /// Fails with the smallest program found that fails.
    pub fn run_arbitrary(&self) -> Result<(), Box<Failing<S::Operation>>> {
        let mut random = Gen::from_size_and_seed(SIZE, self.seed);
        for number in 0..self.programs {
            let program = self.draw(&mut random);
            if let Err(failing) = self.run_for(&program, None, false) {
                return Err(self.shrunk(failing, smaller));
            }
            if number < AUDITED {
                self.audit(&program);
            }
        }
        Ok(())
    }

    /// Draws and runs programs in a test, as [`run_arbitrary`](Self::run_arbitrary) does, and prints a line for each
    /// engine on standard error.
    ///
    /// # Panics
    /// With the smallest program found that fails, as a test.
    #[track_caller]
    pub fn check_arbitrary(&self) {
        if let Err(failing) = self.run_arbitrary() {
            panic!("{failing}");
        }
        self.seen.announce(&self.name);
    }

    fn draw(&self, random: &mut Gen) -> Program<S::Operation> {
        let sizes = &self.sizes;
        let threads = length(random, &sizes.threads);
        Program {
            first: operations(random, &sizes.first),
            threads: (0..threads).map(|_| operations(random, &sizes.operations)).collect(),
            last: operations(random, &sizes.last),
        }
    }
}

fn length(random: &mut Gen, range: &RangeInclusive<usize>) -> usize {
    let lengths: Vec<usize> = range.clone().collect();
    random.choose(&lengths).copied().unwrap_or(*range.start())
}

fn operations<O: Arbitrary>(random: &mut Gen, range: &RangeInclusive<usize>) -> Vec<O> {
    (0..length(random, range)).map(|_| O::arbitrary(random)).collect()
}

/// Returns programs with fewer threads and operations, then with simpler operations.
fn smaller<O: Arbitrary>(program: &Program<O>) -> Vec<Program<O>> {
    let mut found = program.with_less();
    for (part, at) in program.places() {
        let simpler = program.clone().part(part)[at].shrink();
        found.extend(simpler.map(|simpler| {
            let mut changed = program.clone();
            changed.part(part)[at] = simpler;
            changed
        }));
    }
    found
}
