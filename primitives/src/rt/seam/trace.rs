//! The record of one execution.

use super::{Family, Site, ThreadId};
use core::fmt;
use core::sync::atomic::Ordering;
use std::time::Duration;

/// Which executions of a session are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// None.
    Nothing,
    /// This one, counted from 1.
    Execution(u64),
    /// Each one; its record is kept until the next execution begins, so that of a failing one is at hand.
    Every,
}

/// What a step read or wrote, or did besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Values {
    /// Nothing to tell.
    None,
    /// It read this.
    Read(u64),
    /// It wrote this.
    Written(u64),
    /// It replaced a value.
    Changed {
        /// What it found.
        old: u64,
        /// What it left.
        new: u64,
    },
    /// A compare-exchange found another value than it wants.
    Missed {
        /// What it found.
        found: u64,
        /// What it wants.
        wanted: u64,
    },
    /// A weak compare-exchange found what it wants, and failed.
    Spurious(u64),
    /// A parker's token, by its number if no object stands for it, and what became of it.
    Token(Option<usize>, &'static str),
    /// The thread that was made or joined.
    Thread(ThreadId),
    /// A choice.
    Choice {
        /// What was chosen.
        choice: usize,
        /// Among how many.
        of: usize,
    },
    /// A span of time.
    Span(Duration),
    /// The object of a step.
    Of {
        /// Its kind.
        kind: &'static str,
        /// Its number among those of its kind.
        number: u32,
    },
}

impl Values {
    /// Returns the values in words, with each value as `name` calls it.
    pub fn text(&self, mut name: impl FnMut(u64) -> String) -> String {
        match *self {
            Values::None => String::new(),
            Values::Read(value) => format!("→ {}", name(value)),
            Values::Written(value) => format!("← {}", name(value)),
            Values::Changed { old, new } => format!("{} → {}", name(old), name(new)),
            Values::Missed { found, wanted } => format!("found {}, not {}", name(found), name(wanted)),
            Values::Spurious(found) => format!("found {}, and failed spuriously", name(found)),
            Values::Token(_, what) => what.to_string(),
            Values::Thread(thread) => format!("T{thread}"),
            Values::Choice { choice, of } => format!("{choice} of {of}"),
            Values::Span(span) => format!("{span:?}"),
            Values::Of { .. } => String::new(),
        }
    }
}

/// A call of a public operation that may wait, from outside the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call of its thread, from 1.
    pub number: u32,
    /// The line that calls.
    pub site: Site,
}

/// One operation of one thread.
#[derive(Clone, Debug)]
pub struct Step {
    /// The thread's number; 0 is the model's body.
    pub thread: usize,
    /// The operation: `store`, `fetch_add`, `park` …
    pub operation: &'static str,
    /// The object's number in this execution, in order of creation; atomics and cells are numbered apart.
    pub object: Option<u32>,
    /// The ordering that was in force, after any mutation.
    pub ordering: Option<Ordering>,
    /// Values read and written.
    pub values: Values,
    /// The source line.
    pub site: Site,
    /// The call that it is a part of, if that is known.
    pub call: Option<Call>,
}

impl Step {
    /// Returns the kind of the object, and its number.
    pub fn object(&self) -> Option<(Family, u32)> {
        match (self.object, self.values) {
            (None, Values::Token(Some(token), _)) => Some((Family::Token, token as u32)),
            (None, Values::Of { kind, number }) => Some((Family::Specified(kind), number)),
            (object, _) if self.operation.starts_with("cell") => object.map(|number| (Family::Cell, number)),
            (object, _) => object.map(|number| (Family::Atomic, number)),
        }
    }

    /// Returns the step in words, without its source line, with the object as `object` calls it and each value as `value`
    /// calls it.
    pub fn text(
        &self,
        object: impl FnOnce(Family, u32) -> String,
        value: impl FnMut(u64) -> String,
    ) -> String {
        let mut text = format!("T{} {}", self.thread, self.operation);
        if let Some((family, number)) = self.object() {
            text.push_str(&format!(" {}", object(family, number)));
        }
        if let Some(ordering) = self.ordering {
            text.push_str(&format!(".{ordering:?}"));
        }
        let values = self.values.text(value);
        if !values.is_empty() {
            text.push(' ');
            text.push_str(&values);
        }
        text
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = |family, number| match family {
            Family::Atomic => format!("#{number}"),
            Family::Cell => format!("c{number}"),
            Family::Token => format!("token {number}"),
            Family::Memory => format!("memory {number}"),
            Family::Specified(kind) => format!("{kind}#{number}"),
        };
        let text = self.text(object, |value| value.to_string());
        write!(f, "{text}  {}:{}", self.site.file(), self.site.line())
    }
}
