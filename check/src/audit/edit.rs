//! Edits of the source, as files and variables carry them.

use super::costs::{Instructions, NOTHING, costs};
use super::strengthen::is_stronger;
use core::fmt;
use selvedge::rt::seam::{Edit, Editing, Edits, Operation, Use};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

/// The variable with the edits that all models of a process run with, as JSON.
pub const EDITS: &str = "SELVEDGE_EDITS";

/// The part of an operation that an edit concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The ordering; of a compare-exchange on success.
    Order,
    /// The ordering of a compare-exchange on failure; of a `fetch_update` that of its load.
    FailureOrder,
    /// A fence to add before the operation.
    FenceBefore,
    /// A fence to add after the operation.
    FenceAfter,
}

/// An edit of the source: an ordering to change, or a fence to add or to take away.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceEdit {
    /// The source file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The operation, as in [`Entry`](super::Entry).
    pub operation: String,
    /// What is edited.
    pub part: Part,
    /// The ordering in the source; `None` for a fence to add.
    pub from: Option<String>,
    /// The ordering after the edit; `None` for a fence to take away.
    pub to: Option<String>,
}

const ORDERINGS: [Ordering; 5] = [Relaxed, Acquire, Release, AcqRel, SeqCst];

const OPERATIONS: [Operation; 5] =
    [Operation::Load, Operation::Store, Operation::Rmw, Operation::CompareExchange, Operation::Fence];

/// Returns the ordering with a name.
pub fn ordering_of(name: &str) -> Option<Ordering> {
    ORDERINGS.into_iter().find(|order| format!("{order:?}") == name)
}

/// Returns the names of the orderings that are weaker than that of an operation, the weakest first; `None` stands for a
/// fence that is taken away. `on_failure`: the ordering is that of a failed compare-exchange.
pub fn weaker_orderings(operation: &str, from: &str, on_failure: bool) -> Vec<Option<String>> {
    let Some(from) = ordering_of(from) else { return Vec::new() };
    let operation = if on_failure { "load" } else { operation };
    let is_legal = |order: &Ordering| match operation {
        "load" => !matches!(order, Release | AcqRel),
        "store" => !matches!(order, Acquire | AcqRel),
        "fence" => *order != Relaxed,
        "read-modify-write" | "compare-exchange" => true,
        _ => false,
    };
    let weaker = ORDERINGS.into_iter().filter(is_legal).filter(|order| is_stronger(from, *order));
    let removed = (operation == "fence").then_some(None);
    removed.into_iter().chain(weaker.map(|order| Some(format!("{order:?}")))).collect()
}

impl SourceEdit {
    /// Returns an edit of an operation.
    pub(super) fn of(met: &Use, part: Part, from: Option<Ordering>, to: Option<Ordering>) -> SourceEdit {
        let name = |order: Ordering| format!("{order:?}");
        SourceEdit {
            file: met.site.file().to_string(),
            line: met.site.line(),
            column: met.site.column(),
            operation: super::changes::name(met.operation).to_string(),
            part,
            from: from.map(name),
            to: to.map(name),
        }
    }

    /// Returns the operation that is edited, if the name is one's.
    pub fn operation(&self) -> Option<Operation> {
        OPERATIONS.into_iter().find(|operation| super::changes::name(*operation) == self.operation)
    }

    /// Returns the ordering after the edit.
    pub fn to(&self) -> Option<Ordering> {
        self.to.as_deref().and_then(ordering_of)
    }

    /// Returns the ordering in the source.
    pub fn from(&self) -> Option<Ordering> {
        self.from.as_deref().and_then(ordering_of)
    }

    /// Returns what the edited part compiles to, without the edit and with it.
    pub fn instructions(&self) -> (Instructions, Instructions) {
        let operation = match self.part {
            Part::Order => self.operation(),
            Part::FailureOrder => Some(Operation::CompareExchange),
            Part::FenceBefore | Part::FenceAfter => Some(Operation::Fence),
        };
        let of = |order: Option<Ordering>| {
            operation.zip(order).map_or(NOTHING, |(operation, order)| costs(operation, order))
        };
        (of(self.from()), of(self.to()))
    }

    /// Returns the place of the operation, to compare places.
    pub fn place(&self) -> (&str, u32, u32, &str) {
        (&self.file, self.line, self.column, &self.operation)
    }

    fn as_edit(&self) -> Option<Edit> {
        let editing = match (self.part, self.to()) {
            (Part::Order, None) => Editing::DropFence,
            (Part::Order, Some(order)) => Editing::Order(order),
            (Part::FailureOrder, order) => Editing::FailureOrder(order?),
            (Part::FenceBefore, order) => Editing::FenceBefore(order?),
            (Part::FenceAfter, order) => Editing::FenceAfter(order?),
        };
        let (file, line, column) = (self.file.clone(), self.line, self.column);
        Some(Edit { file, line, column, operation: self.operation()?, editing })
    }

    /// Returns the edit in words, without its place.
    pub fn change(&self) -> String {
        let (from, to) = (self.from.as_deref().unwrap_or(""), self.to.as_deref().unwrap_or(""));
        match self.part {
            Part::Order if self.to.is_none() => format!("remove fence({from})"),
            Part::Order => format!("{from} -> {to}"),
            Part::FailureOrder => format!("{from} -> {to} on failure"),
            Part::FenceBefore => format!("add fence({to}) before"),
            Part::FenceAfter => format!("add fence({to}) after"),
        }
    }
}

impl fmt::Display for SourceEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.change())
    }
}

/// Returns edits as an engine applies them.
///
/// # Errors
/// If an edit names no operation or no ordering.
pub(crate) fn as_edits(edits: &[SourceEdit]) -> Result<Edits, String> {
    let edit = |edit: &SourceEdit| edit.as_edit().ok_or_else(|| format!("`{edit}` is no edit"));
    edits.iter().map(edit).collect::<Result<_, _>>().map(Edits)
}

/// Returns the edits that the environment asks for.
///
/// # Panics
/// If the variable holds something else.
pub(crate) fn edits_of_environment() -> Edits {
    static EDITS_OF_ENVIRONMENT: OnceLock<Edits> = OnceLock::new();
    let read = || {
        let Some(text) = std::env::var(EDITS).ok().filter(|text| !text.is_empty()) else {
            return Edits::default();
        };
        let edits = serde_json::from_str::<Vec<SourceEdit>>(&text).map_err(|error| error.to_string());
        match edits.and_then(|edits| as_edits(&edits)) {
            Ok(edits) => edits,
            Err(why) => panic!("{EDITS} holds no edits: {why}"),
        }
    };
    EDITS_OF_ENVIRONMENT.get_or_init(read).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(part: Part, from: Option<&str>, to: Option<&str>) -> SourceEdit {
        let operation = if part == Part::Order && to.is_none() { "fence" } else { "compare-exchange" };
        SourceEdit {
            file: "src/a.rs".to_string(),
            line: 9,
            column: 5,
            operation: operation.to_string(),
            part,
            from: from.map(str::to_string),
            to: to.map(str::to_string),
        }
    }

    #[test]
    fn an_edit_reads_as_its_place_and_its_change() {
        for (edit, words) in [
            (edit(Part::Order, Some("Relaxed"), Some("Release")), "src/a.rs:9: Relaxed -> Release"),
            (
                edit(Part::FailureOrder, Some("Relaxed"), Some("Acquire")),
                "src/a.rs:9: Relaxed -> Acquire on failure",
            ),
            (edit(Part::FenceBefore, None, Some("SeqCst")), "src/a.rs:9: add fence(SeqCst) before"),
            (edit(Part::FenceAfter, None, Some("Acquire")), "src/a.rs:9: add fence(Acquire) after"),
            (edit(Part::Order, Some("SeqCst"), None), "src/a.rs:9: remove fence(SeqCst)"),
        ] {
            assert_eq!(edit.to_string(), words);
        }
    }

    #[test]
    fn the_weakest_ordering_is_tried_first() {
        let weaker = |operation, from, on_failure| {
            let names = weaker_orderings(operation, from, on_failure).into_iter();
            names.map(|name| name.unwrap_or_default()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(weaker("load", "SeqCst", false), "Relaxed Acquire");
        assert_eq!(weaker("store", "SeqCst", false), "Relaxed Release");
        assert_eq!(weaker("compare-exchange", "AcqRel", false), "Relaxed Acquire Release");
        assert_eq!(weaker("compare-exchange", "Acquire", true), "Relaxed");
        assert_eq!(weaker("fence", "SeqCst", false), " Acquire Release AcqRel");
        assert_eq!(weaker("wake-up", "", false), "");
    }

    #[test]
    fn an_edit_survives_its_file_and_bad_ones_are_refused() {
        let edits =
            [edit(Part::Order, Some("Relaxed"), Some("Release")), edit(Part::Order, Some("SeqCst"), None)];
        let text = serde_json::to_string(&edits).expect("it can be written");
        let read: Vec<SourceEdit> = serde_json::from_str(&text).expect("it can be read");
        assert_eq!(read, edits);
        let editings: Vec<Editing> =
            as_edits(&read).expect("they are good").0.iter().map(|edit| edit.editing).collect();
        assert_eq!(editings, [Editing::Order(Release), Editing::DropFence]);
        assert!(as_edits(&[edit(Part::FenceBefore, None, Some("Strong"))]).is_err());
    }
}
