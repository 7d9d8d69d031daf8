//! What may be concluded from an exploration: the one place in which verdicts are made.

use super::{Counts, Cut, End, Explored, Found, Past, Plan};
use crate::replay::Tagged;
use crate::{Counterexample, Engine, Primitives, Strategy, Verdict};

/// A verdict, and what a report says beside it.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// What limits a verdict that has no bounds of its own.
    pub(super) remark: Option<String>,
    /// Whether the limit on time ended a run that had more to do.
    pub(super) out_of_time: bool,
}

impl Judged {
    fn plainly(verdict: Verdict) -> Judged {
        Judged { verdict, remark: None, out_of_time: false }
    }
}

/// Judges an exploration.
pub(super) fn judge(plan: &Plan, explored: Explored) -> Judged {
    match explored.end {
        End::Refused(why) => Judged::plainly(Verdict::Refused { why }),
        End::Failed(found) => Judged::plainly(failed(plan, *found)),
        End::Passed(ref cuts) => passed(plan, &explored, cuts),
    }
}

/// The verdict on a failed execution: some kinds of failure are neither pass nor failure.
fn failed(plan: &Plan, found: Found) -> Verdict {
    if !found.is_of_the_model() {
        return Verdict::Refused { why: found.failure.message };
    }
    let seed = found.phase.and_then(|phase| phase.seed()).or(plan.replayed_seed);
    let form = Some(if plan.specified() { Primitives::Specified } else { Primitives::Real });
    let tagged = |token| Tagged { token, form, seed, model: plan.name.clone() };
    let token = found.token.map(|token| tagged(token).to_string());
    let counterexample =
        Counterexample::new(found.failure, &plan.name, token.unwrap_or_default(), found.note);
    #[cfg(feature = "graph")]
    let counterexample = counterexample.with_graph(found.graph);
    Verdict::Failed(Box::new(Counterexample { phase: found.phase, ..counterexample }))
}

/// The verdict on an exploration without a failure.
fn passed(plan: &Plan, explored: &Explored, cuts: &[Cut]) -> Judged {
    let counts = &explored.counts;
    if counts.operations == 0 && !plan.allows_no_operations {
        let why = "the engine saw no operation: the model uses std's types instead of selvedge::rt's, or two copies of \
                   selvedge are linked";
        return Judged::plainly(Verdict::Refused { why: why.to_string() });
    }
    let out_of_time = cuts.iter().any(|cut| matches!(cut, Cut::Time(_)));
    let remark = remark(plan, counts, out_of_time);
    match plan.engine {
        Engine::Native => {
            Judged { verdict: Verdict::Stressed { runs: counts.executions }, remark: None, out_of_time }
        }
        Engine::Shuttle(strategy) if strategy != Strategy::DepthFirst => {
            let verdict = Verdict::Sampled { schedules: counts.executions, seed: plan.seed };
            Judged { verdict, remark, out_of_time }
        }
        _ => {
            let limited = cuts.iter().any(|cut| !matches!(cut, Cut::Bound(_)));
            let coverage = explored.coverage.filter(|_| limited).map(in_words);
            let tried = tried(&explored.past).filter(|_| limited);
            // Where a model may do nothing that the engine sees, that it does nothing between threads is no bound.
            let (remark, bound) = match plan.allows_no_operations && !counts.met {
                true => (remark, None),
                false => (None, remark),
            };
            let bounds = cuts.iter().map(Cut::to_string).chain(coverage).chain(tried).chain(bound);
            let bounds: Vec<String> = bounds.collect();
            Judged { verdict: searched(plan, counts, &bounds), remark, out_of_time }
        }
    }
}

/// Says what share was explored.
fn in_words(coverage: f64) -> String {
    match coverage * 100.0 {
        percent if percent < 1.0 => "less than 1 % explored".to_string(),
        percent => format!("about {percent:.0} % explored"),
    }
}

/// Says which phases have looked for failures besides the search of everything.
fn tried(past: &[Past]) -> Option<String> {
    let past: Vec<String> = past.iter().map(Past::to_string).collect();
    (!past.is_empty()).then(|| format!("also tried: {}", past.join(", ")))
}

/// The verdict on a search within bounds.
fn searched(plan: &Plan, counts: &Counts, bounds: &[String]) -> Verdict {
    if bounds.is_empty() {
        return Verdict::Exhaustive;
    }
    let bounds = bounds.join("; ");
    // One share of an exploration may have no execution at all.
    if counts.executions == 0 && plan.replay.is_none() && plan.graph.shard.is_none() {
        let why = format!(
            "no execution came to its end ({bounds}), so nothing was checked: allow more, or make the model smaller"
        );
        return Verdict::Refused { why };
    }
    Verdict::Searched { executions: counts.executions, bounds }
}

/// What the numbers of threads and executions tell of an exploration that has passed.
fn remark(plan: &Plan, counts: &Counts, out_of_time: bool) -> Option<String> {
    let threads = counts.threads;
    if threads < 2 || plan.replay.is_some() || plan.engine == Engine::Native {
        return None;
    }
    if !counts.met {
        return Some(format!(
            "{threads} threads, and the engine saw no conflict between them: they share nothing (but owners of an Arc), or \
             what they share is std's and not selvedge::rt's"
        ));
    }
    let limited = out_of_time || plan.max_executions == Some(1);
    (plan.engine == Engine::Loom && counts.executions == 1 && !limited)
        .then(|| format!("only one execution for {threads} threads that conflict: loom missed the others"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Checker;
    use std::time::Duration;

    fn judged(engine: Engine, counts: Counts, cuts: Vec<Cut>) -> Judged {
        let plans = Checker::new().ignore_environment().engines([Engine::Native]).plans();
        let plan = Plan { engine, ..plans.expect("real threads are always there").remove(0) };
        judge(&plan, Explored { end: End::Passed(cuts), counts, past: Vec::new(), coverage: None })
    }

    const DONE: Counts = Counts {
        executions: 3,
        operations: 9,
        mutated: 0,
        met: true,
        threads: 2,
        blocked: 0,
        events: 0,
        specified: 0,
        up_to_symmetry: false,
    };

    #[test]
    fn a_search_is_exhaustive_only_if_nothing_was_left_out() {
        let all = judged(Engine::Graph, DONE, Vec::new());
        assert!(matches!(all.verdict, Verdict::Exhaustive) && !all.out_of_time);
        let cut = judged(Engine::Graph, DONE, vec![Cut::Bound("at most 9 events".to_string())]);
        let Verdict::Searched { executions, bounds } = cut.verdict else { panic!("it was bounded") };
        assert_eq!((executions, bounds.as_str(), cut.out_of_time), (3, "at most 9 events", false));
        let apart = judged(Engine::Graph, Counts { met: false, ..DONE }, Vec::new());
        let Verdict::Searched { bounds, .. } = apart.verdict else { panic!("the threads share nothing") };
        assert!(bounds.contains("no conflict"), "{bounds}");
    }

    #[test]
    fn threads_that_share_nothing_are_a_remark_where_a_model_may_do_nothing() {
        let plans =
            Checker::new().ignore_environment().engines([Engine::Native]).allow_no_operations().plans();
        let plan = Plan { engine: Engine::Graph, ..plans.expect("real threads are always there").remove(0) };
        let apart = Counts { met: false, ..DONE };
        let end = End::Passed(Vec::new());
        let judged = judge(&plan, Explored { end, counts: apart, past: Vec::new(), coverage: None });
        assert!(matches!(judged.verdict, Verdict::Exhaustive));
        assert!(judged.remark.is_some_and(|remark| remark.contains("no conflict")));
    }

    #[test]
    fn the_limit_on_time_shows_whatever_the_verdict() {
        let cut = || vec![Cut::Time(Duration::from_secs(1))];
        let stressed = judged(Engine::Native, DONE, cut());
        assert!(matches!(stressed.verdict, Verdict::Stressed { runs: 3 }) && stressed.out_of_time);
        let sampled = judged(Engine::Shuttle(Strategy::Random), DONE, cut());
        assert!(matches!(sampled.verdict, Verdict::Sampled { schedules: 3, .. }) && sampled.out_of_time);
        let searched = judged(Engine::Shuttle(Strategy::DepthFirst), DONE, cut());
        let Verdict::Searched { bounds, .. } = searched.verdict else { panic!("time cut it") };
        assert_eq!((bounds.as_str(), searched.out_of_time), ("stopped after 1s", true));
    }

    #[test]
    fn a_run_that_shows_nothing_is_refused() {
        let refusal = |judged: Judged| match judged.verdict {
            Verdict::Refused { why } => why,
            other => panic!("{}", other.label()),
        };
        let blind = refusal(judged(Engine::Graph, Counts { operations: 0, ..DONE }, Vec::new()));
        assert!(blind.contains("no operation"), "{blind}");
        let cut = vec![Cut::Executions(1)];
        let empty = refusal(judged(Engine::Graph, Counts { executions: 0, ..DONE }, cut));
        assert!(empty.contains("no execution came to its end (stopped after 1 executions)"), "{empty}");
    }
}
