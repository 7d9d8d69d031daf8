//! Searching for the edits that let a failing model pass: `SELVEDGE_REPAIR`.
//!
//! The search adds one edit, then two. A pair of operations is tried first as strong as it can be: if the model still fails,
//! so it does with anything weaker there. Each counterexample refutes further sets: an execution stays as it is if the
//! edits at its sites are no stronger than those that it was found with.

use super::edit::{Part, SourceEdit, as_edits};
use super::on_check::{TIME, folder_of, is_test_code, judges, write};
use super::strengthen::{Reach, edits, is_covered, rank, strongest};
use crate::explore::Model;
use crate::{Checker, Engine, Report};
use selvedge::rt::seam::{Operation, Use, is_own_source};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The variable with the folder for findings.
pub const REPAIR: &str = "SELVEDGE_REPAIR";

/// The variable with the seconds that the search may take for each model.
pub const REPAIR_SECONDS: &str = "SELVEDGE_REPAIR_SECONDS";

/// The most edits in a set.
const LARGEST: usize = 2;

/// What a search has found for one failing model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The model.
    pub model: String,
    /// Its failure: the kind, and what happened.
    pub failure: String,
    /// The smallest sets of edits with which the model passes.
    pub sets: Vec<Vec<SourceEdit>>,
    /// How many operations can be strengthened.
    pub operations: usize,
    /// How many runs the search took.
    pub runs: u64,
    /// What the search did not come to the end of, or why there is nothing to find.
    pub note: Option<String>,
}

/// Searches for a repair of a model that has failed, if the environment asks for that and the checker heeds it, and
/// writes what it finds.
///
/// # Panics
/// If the findings cannot be written.
pub(crate) fn repair_check(checker: &Checker, model: &Model, bad: &[&Report]) {
    let Some(folder) = folder_of(REPAIR, "repair").filter(|_| checker.may_be_audited()) else { return };
    let name = checker.model_name();
    let failure = bad.iter().find_map(|report| report.verdict.failure());
    let failure = failure.map_or_else(
        || "refused".to_string(),
        |found| format!("{}: {}", found.failure.kind, found.failure.message),
    );
    let mut search = Search::new(checker, model);
    let sets = search.run();
    let findings = Findings {
        model: name.clone(),
        failure,
        sets,
        operations: search.met.len(),
        runs: search.runs,
        note: search.note,
    };
    if let Err(why) = write(&folder, &name, &findings) {
        panic!("{why}; set {REPAIR} to a folder that can be written to");
    }
}

/// A place: file, line, column.
type Place = (String, u32, u32);

fn place(site: selvedge::rt::seam::Site) -> Place {
    (site.file().to_string(), site.line(), site.column())
}

/// A failing execution, and the edits that it was found with.
struct Refutation {
    places: HashSet<Place>,
    edits: Vec<SourceEdit>,
}

impl Refutation {
    /// Returns whether the model fails with these edits too.
    fn refutes(&self, edits: &[SourceEdit]) -> bool {
        let is_here = |edit: &&SourceEdit| self.places.contains(&(edit.file.clone(), edit.line, edit.column));
        edits.iter().filter(is_here).all(|edit| self.edits.iter().any(|by| is_covered(edit, by)))
    }
}

/// How a run with edits ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    /// The engine refused the run, or the search has no time left.
    Unknown,
}

struct Search {
    checker: Checker,
    model: Model,
    engines: Vec<Engine>,
    until: Instant,
    /// The operations that runs have met, those of the first counterexample first.
    met: Vec<Use>,
    /// Other operations, of test code.
    met_in_tests: Vec<Use>,
    refutations: Vec<Refutation>,
    runs: u64,
    note: Option<String>,
}

impl Search {
    fn new(checker: &Checker, model: &Model) -> Search {
        let seconds = std::env::var(REPAIR_SECONDS).ok().and_then(|text| text.parse().ok()).unwrap_or(60);
        let name = checker.model_name();
        Search {
            checker: checker.clone().in_environment().name(&name).ignore_environment().shrink(false),
            model: Arc::clone(model),
            engines: judges(checker),
            until: Instant::now() + Duration::from_secs(seconds),
            met: Vec::new(),
            met_in_tests: Vec::new(),
            refutations: Vec::new(),
            runs: 0,
            note: None,
        }
    }

    /// Returns the smallest sets of edits with which the model passes.
    fn run(&mut self) -> Vec<Vec<SourceEdit>> {
        if self.engines.is_empty() {
            self.note = Some("no engine that explores is compiled in".to_string());
            return Vec::new();
        }
        if self.end(&[]) == End::Passed {
            let engines: Vec<&str> = self.engines.iter().map(|engine| engine.name()).collect();
            self.note =
                Some(format!("it passes under {}, so no ordering is at fault there", engines.join(", ")));
            return Vec::new();
        }
        if self.met.is_empty() {
            self.met = core::mem::take(&mut self.met_in_tests);
        }
        self.order_by_counterexample();
        if self.fails_with_everything() {
            let told = format!(
                "it fails although all {} operations are SeqCst with a fence before and after each, so this is no fault \
                 of orderings",
                self.met.len()
            );
            self.note = Some(told);
            return Vec::new();
        }
        for size in 1..=LARGEST {
            for reach in Reach::ALL {
                let found = if size == 1 { self.singles(reach) } else { self.pairs(reach) };
                if !found.is_empty() {
                    return found;
                }
            }
        }
        if self.note.is_none() {
            self.note = Some(format!("no set of up to {LARGEST} changes lets it pass; more would be needed"));
        }
        Vec::new()
    }

    /// Puts the operations of the first counterexample first.
    fn order_by_counterexample(&mut self) {
        let Some(first) = self.refutations.first() else { return };
        let key = |met: &Use| (!first.places.contains(&place(met.site)), place(met.site));
        self.met.sort_by_cached_key(key);
    }

    /// Returns whether the model fails with every operation as strong as it can be.
    fn fails_with_everything(&mut self) -> bool {
        loop {
            let known = self.met.len();
            let all: Vec<SourceEdit> =
                self.met.iter().flat_map(|met| strongest(met, Reach::FencesAfter)).collect();
            match self.end(&all) {
                End::Failed if self.met.len() > known => (),
                end => return end == End::Failed,
            }
        }
    }

    fn singles(&mut self, reach: Reach) -> Vec<Vec<SourceEdit>> {
        let mut found = Vec::new();
        let mut at = 0;
        // A run may meet further operations.
        while at < self.met.len() {
            let met = self.met[at];
            if self.passes(&strongest(&met, reach)) {
                let sets = edits(&met, reach).into_iter().map(|edit| vec![edit]).collect();
                self.keep_passing(sets, &mut found);
            }
            at += 1;
        }
        found
    }

    fn pairs(&mut self, reach: Reach) -> Vec<Vec<SourceEdit>> {
        let mut found = Vec::new();
        let mut second = 0;
        while second < self.met.len() {
            for first in 0..=second {
                let (one, other) = (self.met[first], self.met[second]);
                let mut strong = strongest(&one, reach);
                if first != second {
                    strong.extend(strongest(&other, reach));
                }
                if self.passes(&strong) {
                    self.keep_passing(sets_of_two(&one, &other, reach), &mut found);
                }
            }
            second += 1;
        }
        found
    }

    /// Adds the sets with which the model passes, but none that another one makes needless.
    fn keep_passing(&mut self, sets: Vec<Vec<SourceEdit>>, found: &mut Vec<Vec<SourceEdit>>) {
        for set in sets {
            if !found.iter().any(|better| is_needless(&set, better)) && self.passes(&set) {
                found.push(set);
            }
        }
    }

    fn passes(&mut self, edits: &[SourceEdit]) -> bool {
        self.end(edits) == End::Passed
    }

    /// Runs the model with edits, unless a counterexample that is known refutes them.
    fn end(&mut self, edits: &[SourceEdit]) -> End {
        if self.refutations.iter().any(|known| known.refutes(edits)) {
            return End::Failed;
        }
        if Instant::now() >= self.until {
            self.note = Some(format!("the search ran out of time after {} runs", self.runs));
            return End::Unknown;
        }
        let Ok(applied) = as_edits(edits) else { return End::Unknown };
        self.runs += 1;
        for engine in self.engines.clone() {
            let model = Arc::clone(&self.model);
            let checker = self.checker.clone().engines([engine]).time_limit(TIME).edits(applied.clone());
            let (report, met) = checker.survey(move || model());
            self.add(met);
            if let Some(found) = report.verdict.failure() {
                let places = found.failure.steps.iter().map(|step| place(step.site)).collect();
                self.refutations.push(Refutation { places, edits: edits.to_vec() });
                return End::Failed;
            }
            if !report.verdict.passed() {
                return End::Unknown;
            }
        }
        End::Passed
    }

    /// Adds operations that a run has met. At a place that is known, the run has met its edits.
    fn add(&mut self, uses: Vec<Use>) {
        let mut uses: Vec<Use> =
            uses.into_iter().filter(|met| met.order.is_some() && !is_own_source(met.site.file())).collect();
        let exchanges: HashSet<Place> = uses
            .iter()
            .filter(|met| met.operation == Operation::CompareExchange)
            .map(|met| place(met.site))
            .collect();
        // The load of a `fetch_update` has the ordering of its failed compare-exchange.
        uses.retain(|met| met.operation != Operation::Load || !exchanges.contains(&place(met.site)));
        uses.sort_by_cached_key(|met| place(met.site));
        for met in uses {
            let list = if is_test_code(met.site.file()) { &mut self.met_in_tests } else { &mut self.met };
            if !list.iter().any(|known| known.site == met.site && known.operation == met.operation) {
                list.push(met);
            }
        }
    }
}

/// Returns the pairs of edits of two operations, the cheapest first.
fn sets_of_two(one: &Use, other: &Use, reach: Reach) -> Vec<Vec<SourceEdit>> {
    let mut found = Vec::new();
    for first in edits(one, reach) {
        for second in edits(other, reach) {
            let together = first.place() != second.place() || first.part < second.part;
            if together {
                found.push(vec![first.clone(), second]);
            }
        }
    }
    found.sort_by_key(|set| set.iter().map(rank).sum::<u32>());
    found
}

/// Returns whether a set only does more where a better one does enough: a stronger ordering, or a fence in place of an
/// ordering at the same operation.
fn is_needless(set: &[SourceEdit], better: &[SourceEdit]) -> bool {
    let is_fence = |edit: &SourceEdit| matches!(edit.part, Part::FenceBefore | Part::FenceAfter);
    better.len() <= set.len()
        && better.iter().all(|edit| {
            set.iter().any(|other| {
                is_covered(edit, other)
                    || (edit.place() == other.place() && !is_fence(edit) && is_fence(other))
            })
        })
}
