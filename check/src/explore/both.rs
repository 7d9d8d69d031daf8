//! Running a model in both forms of the primitives: as specified, then real in what is left of the limits.

use super::{Model, Plan, run_in_one_form};
use crate::{Primitives, Report};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Explores the specified form and, if that passes, the real one.
pub(super) fn run(plan: &Plan, model: &Model) -> Report {
    let in_form = |primitives| Plan { primitives, ..plan.clone() };
    let first = in_form(Primitives::Specified);
    if !first.has_two_forms() {
        return run_in_one_form(first, Arc::clone(model));
    }
    let specified = run_in_one_form(first, Arc::clone(model));
    if !specified.verdict.passed() || plan.replay.is_some() {
        return specified;
    }
    match rest_of(in_form(Primitives::Real), &specified) {
        Some(rest) => together(specified, run_in_one_form(rest, Arc::clone(model))),
        None => {
            let remark = "primitives real: not explored, since no execution is left".to_string();
            Report { remark: Some(said(specified.remark.as_deref(), remark)), ..specified }
        }
    }
}

/// Returns the plan for the real form within what the specified one has left of the limits; `None`: it has left no execution.
fn rest_of(plan: Plan, specified: &Report) -> Option<Plan> {
    let max_executions = plan.max_executions.map(|limit| limit.saturating_sub(specified.executions));
    let time_limit = plan.time_limit.map(|limit| limit.saturating_sub(specified.elapsed));
    let mut rest = Plan { max_executions, time_limit, ..plan };
    rest.graph.checkpoint = rest.graph.checkpoint.as_deref().map(of_the_real_form);
    (max_executions != Some(0)).then_some(rest)
}

fn of_the_real_form(checkpoint: &Path) -> PathBuf {
    let mut name = checkpoint.as_os_str().to_os_string();
    name.push(".real");
    PathBuf::from(name)
}

/// Returns the report that tells of both forms.
fn together(specified: Report, real: Report) -> Report {
    let mutated = specified.mutated + real.mutated;
    let (said, other) = if real.verdict.passed() { (specified, real) } else { (real, specified) };
    Report { mutated, other_form: Some(Box::new(other)), ..said }
}

fn said(before: Option<&str>, remark: String) -> String {
    before.map(|before| format!("{before}; {remark}")).unwrap_or(remark)
}
