//! A generated program, and how it is printed.

use core::fmt::{self, Debug};

/// A small concurrent program: operations before the threads start, those of each thread, and those after all
/// have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<O> {
    /// What the body does first.
    pub first: Vec<O>,
    /// What each thread does.
    pub threads: Vec<Vec<O>>,
    /// What the body does last.
    pub last: Vec<O>,
}

impl<O> Program<O> {
    /// The number of operations.
    pub fn operations(&self) -> usize {
        self.first.len() + self.threads.iter().map(Vec::len).sum::<usize>() + self.last.len()
    }

    /// Without threads that do nothing.
    #[cfg(any(feature = "proptest", feature = "quickcheck"))]
    pub(super) fn trimmed(mut self) -> Program<O> {
        self.threads.retain(|thread| !thread.is_empty());
        self
    }
}

#[cfg(any(feature = "proptest", feature = "quickcheck"))]
impl<O: Clone> Program<O> {
    /// The lists by number: first, last, then the threads.
    pub(super) fn part(&mut self, part: usize) -> &mut Vec<O> {
        match part {
            0 => &mut self.first,
            1 => &mut self.last,
            thread => &mut self.threads[thread - 2],
        }
    }

    /// Where the operations stand.
    pub(super) fn places(&self) -> Vec<(usize, usize)> {
        let mut program = self.clone();
        let parts = 0..2 + self.threads.len();
        parts.flat_map(|part| (0..program.part(part).len()).map(move |at| (part, at))).collect()
    }

    /// Programs with a thread or an operation less.
    pub(super) fn with_less(&self) -> Vec<Program<O>> {
        let mut found = Vec::new();
        for thread in 0..self.threads.len() {
            let mut without = self.clone();
            without.threads.remove(thread);
            found.push(without);
        }
        for (part, at) in self.places() {
            let mut without = self.clone();
            without.part(part).remove(at);
            found.push(without);
        }
        found
    }
}

/// The program as a test in Rust, for the scenario that the function `name` returns.
pub(super) fn as_test<O: Debug>(program: &Program<O>, name: &str) -> impl fmt::Display {
    let list = |operations: &[O]| {
        let operations: Vec<String> = operations.iter().map(|operation| format!("{operation:?}")).collect();
        format!("vec![{}]", operations.join(", "))
    };
    let threads: String =
        program.threads.iter().map(|thread| format!("            {},\n", list(thread))).collect();
    format!(
        "#[test]\n\
         fn {name}_regression() {{\n    \
             {name}().check_program(&Program {{\n        \
                 first: {},\n        \
                 threads: vec![\n{threads}        ],\n        \
                 last: {},\n    \
             }});\n\
         }}",
        list(&program.first),
        list(&program.last)
    )
}
