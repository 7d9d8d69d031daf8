//! A generated program, and how it is printed.

use core::fmt::Debug;

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
    /// Returns the number of operations.
    pub fn operations(&self) -> usize {
        self.first.len() + self.threads.iter().map(Vec::len).sum::<usize>() + self.last.len()
    }

    /// Returns the program without threads that do nothing.
    #[cfg(any(feature = "proptest", feature = "quickcheck"))]
    pub(super) fn trimmed(mut self) -> Program<O> {
        self.threads.retain(|thread| !thread.is_empty());
        self
    }
}

#[cfg(any(feature = "proptest", feature = "quickcheck"))]
impl<O: Clone> Program<O> {
    /// Returns a list by its number: 0 is `first`, 1 is `last`, then come the threads.
    pub(super) fn part(&mut self, part: usize) -> &mut Vec<O> {
        match part {
            0 => &mut self.first,
            1 => &mut self.last,
            thread => &mut self.threads[thread - 2],
        }
    }

    /// Returns the list and the index of each operation.
    pub(super) fn places(&self) -> Vec<(usize, usize)> {
        let mut program = self.clone();
        let parts = 0..2 + self.threads.len();
        parts.flat_map(|part| (0..program.part(part).len()).map(move |at| (part, at))).collect()
    }

    /// Returns the programs with a thread or an operation less.
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

/// Returns the program as a test in Rust, for the scenario that the function `name` returns. `fails` says under which
/// engines it fails.
pub(super) fn as_test<O: Debug>(program: &Program<O>, name: &str, fails: &str) -> String {
    let list = |operations: &[O]| {
        let operations: Vec<String> = operations.iter().map(|operation| format!("{operation:?}")).collect();
        format!("vec![{}]", operations.join(", "))
    };
    let threads: String =
        program.threads.iter().map(|thread| format!("            {},\n", list(thread))).collect();
    let all = program.first.iter().chain(program.threads.iter().flatten()).chain(&program.last);
    let import = import(core::any::type_name::<O>(), all).map(|path| format!("    use {path};\n"));
    format!(
        "/// {fails}\n\
         #[test]\n\
         fn {}_regression() {{\n\
             {}    \
             {name}().check_program(&selvedge_check::Program {{\n        \
                 first: {},\n        \
                 threads: vec![\n{threads}        ],\n        \
                 last: {},\n    \
             }});\n\
         }}",
        identifier(name),
        import.unwrap_or_default(),
        list(&program.first),
        list(&program.last)
    )
}

/// Returns the name with underscores where an identifier cannot have its characters.
fn identifier(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
}

/// Returns the path that a test must import for the printed operations: of the variants of an enum, or of the type.
fn import<'o, O: Debug + 'o>(name: &str, mut operations: impl Iterator<Item = &'o O>) -> Option<String> {
    let path = name.split('<').next()?;
    let (module, last) =
        path.rsplit_once("::").filter(|_| path.chars().all(|c| c.is_alphanumeric() || "_:".contains(c)))?;
    let (krate, inner) = module.split_once("::").unwrap_or((module, ""));
    let module = match (krate, inner) {
        // The specifications of this crate stand in private modules, which no other crate can name.
        ("selvedge_check", inner) if inner.starts_with("spec::") => "selvedge_check::spec".to_string(),
        (krate, "") if Some(krate) == this_crate().as_deref() => "crate".to_string(),
        (krate, inner) if Some(krate) == this_crate().as_deref() => format!("crate::{inner}"),
        _ => module.to_string(),
    };
    let printed = format!("{:?}", operations.next()?);
    let is_variant = printed.starts_with(char::is_uppercase)
        && printed.strip_prefix(last).is_none_or(|rest| rest.starts_with(char::is_alphanumeric));
    Some(if is_variant { format!("{module}::{last}::*") } else { format!("{module}::{last}") })
}

/// Returns the name of the crate that the running test is: cargo names the program after it, and adds a hash.
fn this_crate() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let stem = program.file_stem()?.to_str()?;
    Some(stem.rsplit_once('-').map_or(stem, |(name, _)| name).replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[allow(dead_code, reason = "printed")]
    enum Op {
        Up(u8),
        Opposite,
    }

    #[derive(Debug)]
    struct Jump;

    #[test]
    fn what_a_test_imports_is_where_its_operations_are() {
        let variants = import(core::any::type_name::<Op>(), [Op::Up(1), Op::Opposite].iter());
        assert_eq!(variants.as_deref(), Some("crate::scenario::program::tests::Op::*"));
        let opposite = import(core::any::type_name::<Op>(), [Op::Opposite].iter());
        assert_eq!(opposite.as_deref(), Some("crate::scenario::program::tests::Op::*"));
        let whole = import(core::any::type_name::<Jump>(), [Jump].iter());
        assert_eq!(whole.as_deref(), Some("crate::scenario::program::tests::Jump"));
        assert_eq!(import("u8", [7].iter()), None);
        assert_eq!(import("(alloc::string::String, u8)", [("a", 7)].iter()), None);
        let fifo = import("selvedge_check::spec::fifo::FifoOp<u8>", [Op::Up(1)].iter());
        assert_eq!(fifo.as_deref(), Some("selvedge_check::spec::FifoOp::*"));
    }
}
