//! Judges weaker orderings of the primitives: which models are run with edits, in which order, and how far.
//!
//! A trial ends at the first model that fails, so those that are likely to fail come first: the models that have a mutant
//! at the edited line, then those that failed in earlier trials, the last first, then the others, the smallest first. A
//! model that does not meet the operation that is new among the edits is left out: it has judged the others before.
//! Executions bound each run, and not time, so a trial ends in the same way on every machine.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "threads that run models, outside any model"
)]

use crate::audit::{EVENTS, Effort};
use crate::model::Model;
use crate::run::checker;
use cargo_selvedge::Trial;
use selvedge_check::audit::SourceEdit;
use selvedge_check::{Checker, Engine, Use, Verdict};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// How much further the models go that have a mutant at the edited line, and all models with the final edits.
const FURTHER: u64 = 10;

/// The models that judge edits.
#[derive(Debug)]
pub struct Judges {
    judges: Vec<Judge>,
    executions: u64,
    at_once: usize,
    /// How many trials have ended.
    trials: u64,
}

/// A model, and what is known of it.
#[derive(Debug)]
struct Judge {
    model: &'static Model,
    /// The file, line and column of the operations that the model meets.
    meets: BTreeSet<(&'static str, u32, u32)>,
    /// The last trial in which the model failed; 0 if there is none.
    failed: u64,
    /// The operations of its last run that passed.
    operations: u64,
}

/// What became of a model in a trial.
struct Judged {
    judge: usize,
    /// `Err` if the model failed, or could not be judged: how.
    passed: Result<Passed, String>,
}

struct Passed {
    operations: u64,
    /// What bounded the search; `None` if the model was explored to the end.
    bounds: Option<String>,
    exposed: bool,
}

impl Judges {
    /// Returns judges that run each model through so many executions in each step, and so many models at once.
    pub fn new(executions: u64, at_once: usize) -> Judges {
        Judges { judges: Vec::new(), executions, at_once, trials: 0 }
    }

    /// Adds a model with the operations that it has met.
    pub fn add(&mut self, model: &'static Model, met: &[Use]) {
        let place = |met: &Use| (met.site.file(), met.site.line(), met.site.column());
        let meets = met.iter().map(place).collect();
        self.judges.push(Judge { model, meets, failed: 0, operations: 0 });
    }

    /// Runs the models that meet the last of the edits, with all of them, until one fails. Returns how that ended, and
    /// the model that failed.
    ///
    /// # Errors
    /// If an edit names no operation or no ordering.
    pub fn try_edits(&mut self, edits: &[SourceEdit]) -> Result<(Trial, Option<String>), String> {
        self.trials += 1;
        let Some(last) = edits.last() else { return Ok((Trial::Passed, None)) };
        let mut judges: Vec<(bool, usize)> = (0..self.judges.len())
            .filter(|judge| self.judges[*judge].meets(last))
            .map(|judge| (self.judges[judge].has_mutant_at(last), judge))
            .collect();
        judges.sort_by_key(|(has_mutant, judge)| {
            let Judge { failed, operations, .. } = self.judges[*judge];
            (!has_mutant, u64::MAX - failed, operations)
        });
        let further = |has_mutant: bool| self.executions * if has_mutant { FURTHER } else { 1 };
        let work: Vec<_> = judges.iter().map(|(has_mutant, judge)| (*judge, further(*has_mutant))).collect();
        let judged = self.run(&work, edits, true)?;
        let mut trial = Trial::Passed;
        for Judged { judge, passed } in judged {
            let known = &mut self.judges[judge];
            match passed {
                Err(how) => {
                    known.failed = self.trials;
                    return Ok((Trial::Failed, Some(format!("{} {how}", known.model.name))));
                }
                Ok(Passed { exposed: true, .. }) => trial = Trial::LoadBuffering,
                Ok(Passed { operations, .. }) => known.operations = operations,
            }
        }
        Ok((trial, None))
    }

    /// Runs all models that meet an edited operation, further than before. Returns the models that were not explored to
    /// the end, with what bounded them, and those that fail.
    ///
    /// # Errors
    /// If an edit names no operation or no ordering.
    pub fn confirm(&self, edits: &[SourceEdit]) -> Result<(Vec<String>, Vec<String>), String> {
        let meets = |judge: &usize| edits.iter().any(|edit| self.judges[*judge].meets(edit));
        let work = (0..self.judges.len()).filter(meets).map(|judge| (judge, self.executions * FURTHER));
        let (mut bounded, mut failing) = (Vec::new(), Vec::new());
        for Judged { judge, passed } in self.run(&work.collect::<Vec<_>>(), edits, false)? {
            let name = self.judges[judge].model.name;
            match passed {
                Err(how) => failing.push(format!("{name} {how}")),
                Ok(Passed { bounds, .. }) => {
                    bounded.extend(bounds.map(|bounds| format!("{name} ({bounds})")));
                }
            }
        }
        Ok((bounded, failing))
    }

    /// Runs judges with edits, each through so many executions; if so asked, no more after the first failure. A failure
    /// comes first in what is returned.
    fn run(
        &self,
        work: &[(usize, u64)],
        edits: &[SourceEdit],
        fail_fast: bool,
    ) -> Result<Vec<Judged>, String> {
        let steps: Vec<Vec<Checker>> = work
            .iter()
            .map(|(judge, executions)| steps(self.judges[*judge].model, edits, *executions))
            .collect::<Result<_, String>>()?;
        let judged: Mutex<Vec<Judged>> = Mutex::default();
        // Relaxed: `next` only deals out numbers, and `is_over` only saves work; joining the threads publishes the rest.
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        let at = next.fetch_add(1, Relaxed);
                        let Some((judge, _)) = work.get(at) else { return };
                        let passed = run(self.judges[*judge].model, &steps[at]);
                        is_over.fetch_or(fail_fast && passed.is_err(), Relaxed);
                        let judged = &mut judged.lock().unwrap_or_else(PoisonError::into_inner);
                        judged.push(Judged { judge: *judge, passed });
                    }
                });
            }
        });
        let mut judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
        judged.sort_by_key(|judged| (judged.passed.is_ok(), judged.judge));
        Ok(judged)
    }
}

impl Judge {
    fn meets(&self, edit: &SourceEdit) -> bool {
        self.meets
            .iter()
            .any(|(file, line, column)| (*file, *line, *column) == (&*edit.file, edit.line, edit.column))
    }

    fn has_mutant_at(&self, edit: &SourceEdit) -> bool {
        self.model.mutants.iter().any(|mutant| mutant.is_at(&edit.file, edit.line))
    }
}

/// Returns the searches of a model in turn: a bounded model first with one preemption in short executions, where most
/// failures show.
fn steps(model: &Model, edits: &[SourceEdit], executions: u64) -> Result<Vec<Checker>, String> {
    let checker = Effort::Executions(executions).limit(checker(model, Engine::Graph)).shrink(false);
    let checker = checker.source_edits(edits)?;
    let Some(bound) = model.bound else { return Ok(vec![checker]) };
    let [short, long] = EVENTS;
    let first = checker.clone().preemption_bound(bound.min(1)).event_bound(short);
    Ok(vec![first, checker.clone().event_bound(long), checker])
}

/// Runs a model's searches in turn, as far as the first failure. The last search has to end with a verdict; one before it
/// may find no execution that is short enough.
fn run(model: &Model, steps: &[Checker]) -> Result<Passed, String> {
    let mut all = Passed { operations: 0, bounds: None, exposed: false };
    for (left, step) in (0..steps.len()).rev().zip(steps) {
        let (report, exposed) = step.survey_load_buffering(model.body);
        all.operations += report.operations;
        all.exposed |= exposed.is_some();
        all.bounds = match report.verdict {
            Verdict::Exhaustive => None,
            Verdict::Searched { bounds, .. } => Some(bounds),
            Verdict::Failed(found) => return Err(format!("fails with a {}", found.failure.kind)),
            Verdict::Refused { .. } if left > 0 => continue,
            Verdict::Refused { why } => return Err(format!("is refused: {why}")),
            other => unreachable!("the graph engine does not end with `{}`", other.label()),
        };
    }
    Ok(all)
}

#[cfg(all(test, feature = "graph"))]
mod tests {
    use super::*;
    use crate::audit::survey;
    use crate::models::MODELS;
    use core::slice::from_ref;

    fn judges(names: &[&str]) -> Judges {
        let mut judges = Judges::new(500, 2);
        for model in MODELS.iter().filter(|model| names.contains(&model.name)) {
            let met = survey(model, Engine::Graph, &Effort::Executions(500)).expect("the model passes");
            judges.add(model, &met);
        }
        judges
    }

    /// Returns the edit of the first operation that `judges` meet in a file and that has this ordering.
    fn edit(met: &[Use], file: &str, from: &str, to: &str) -> SourceEdit {
        let is_it = |met: &&Use| {
            met.site.file().ends_with(file) && met.order.is_some_and(|order| format!("{order:?}") == from)
        };
        let found = met.iter().find(is_it).expect("the model meets such an operation");
        let candidates = selvedge_check::audit::candidates(&[*found]);
        let outcome = selvedge_check::audit::Outcome::CannotJudge { models: Vec::new() };
        let entry = candidates[0].entry(outcome);
        SourceEdit {
            file: entry.file,
            line: entry.line,
            column: entry.column,
            operation: entry.operation,
            part: selvedge_check::audit::Part::Order,
            from: Some(from.to_string()),
            to: Some(to.to_string()),
        }
    }

    #[test]
    fn an_edit_is_judged_by_the_models_that_meet_it_and_the_model_that_fails_is_named() {
        let [spin, ticket] = ["atomics::a_spin_lock_excludes", "atomics::a_ticket_lock_excludes"];
        let model = MODELS.iter().find(|model| model.name == spin).expect("there is such a model");
        let met = survey(model, Engine::Graph, &Effort::Executions(500)).expect("the model passes");
        let mut judges = judges(&[spin, ticket]);
        let weaker = edit(&met, "atomic/spin.rs", "Acquire", "Relaxed");
        assert_eq!(
            judges.try_edits(from_ref(&weaker)),
            Ok((Trial::Failed, Some(format!("{spin} fails with a race"))))
        );
        let known = |judges: &Judges, name| {
            let judge = judges.judges.iter().find(|judge| judge.model.name == name).expect("a judge");
            (judge.failed, judge.operations > 0)
        };
        assert_eq!((known(&judges, spin), known(&judges, ticket)), ((1, false), (0, false)));
        let stronger = edit(&met, "atomic/spin.rs", "Acquire", "SeqCst");
        assert_eq!(judges.try_edits(from_ref(&stronger)), Ok((Trial::Passed, None)));
        assert_eq!((known(&judges, spin), known(&judges, ticket)), ((1, true), (0, false)));
        assert_eq!(judges.confirm(&[stronger]), Ok((Vec::new(), Vec::new())));
        assert_eq!(judges.confirm(&[weaker]), Ok((Vec::new(), vec![format!("{spin} fails with a race")])));
    }
}
