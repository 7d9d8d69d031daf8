//! loom: its builder, driven so that every bound is ours.

mod adapter;

use self::adapter::LoomBackend;
use super::explored::replay_passed;
use super::isolated::{Reporter, isolated, text_of};
use super::{Cut, End, Found, Limits, Model, Plan};
use crate::replay::Token;
use corosensei::on_stack;
use corosensei::stack::DefaultStack;
use selvedge::rt::seam::{Options, Outcome, Record, STACK_SIZE, Session, StaticKey};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// The choices of one exploration: the first ones are given, all others are 0. What is met is kept,
/// so that the next vector can be found.
#[derive(Clone, Default)]
struct Choices {
    given: Vec<usize>,
    /// For each position the largest number of options that was met there.
    options: Vec<usize>,
    position: usize,
    /// Executions begun with these choices.
    executions: u64,
}

impl Choices {
    fn choose(&mut self, n: usize) -> usize {
        if self.options.len() == self.position {
            self.options.push(n);
        } else {
            self.options[self.position] = self.options[self.position].max(n);
        }
        let choice = self.given.get(self.position).copied().unwrap_or(0).min(n - 1);
        self.position += 1;
        choice
    }

    /// The next vector: like a counter whose digits are the choices.
    fn next(&self) -> Option<Choices> {
        let digit = |position: usize| self.given.get(position).copied().unwrap_or(0);
        let last = (0..self.options.len()).rev().find(|at| digit(*at) + 1 < self.options[*at])?;
        let mut given: Vec<_> = (0..=last).map(digit).collect();
        given[last] += 1;
        Some(Choices { given, ..Choices::default() })
    }
}

/// Thrown through loom, at the start of an execution, to end an exploration.
struct Enough(Cut);

pub(super) fn warm_up() {
    // The cancelling of a generator, and with it loom's panic hook, comes with a failing model.
    let _ = std::thread::spawn(|| {
        catch_unwind(AssertUnwindSafe(|| loom::model::Builder::new().check(|| panic!("warm-up"))))
    })
    .join();
}

/// What an exploration's OS thread reports.
enum Report {
    /// How the exploration ended, and the choices that it met.
    Ended(End, Choices),
    /// Statics were met that must be made before the body.
    Restart(Vec<StaticKey>),
}

pub(super) fn run(plan: &Plan, model: &Model) -> End {
    if let Some(Token::Loom { execution, preemptions, choices }) = &plan.replay {
        let plan = &Plan { preemptions: *preemptions, ..plan.clone() };
        return match replay(plan, model, *execution, choices.clone()) {
            End::Passed(mut cuts) => {
                cuts.push(replay_passed());
                End::Passed(cuts)
            }
            other => other,
        };
    }
    let (limits, mut done, mut statics) = (Limits::of(plan), 0, Vec::new());
    let mut choices = Choices::default();
    loop {
        // All explorations together keep to the limits.
        let part = Part { limits: limits.clone(), done, record: Record::Every };
        let (end, met) = explore(plan, model, &part, &mut statics, choices.given.clone());
        done += met.executions;
        match (end, met.next()) {
            (End::Passed(cuts), Some(next)) if cuts.is_empty() => choices = next,
            (End::Passed(mut cuts), _) => {
                cuts.extend(bounds(plan));
                return End::Passed(cuts);
            }
            (other, _) => return other,
        }
    }
}

/// One execution again, of the exploration with these choices: as far as that goes, however long it takes.
fn replay(plan: &Plan, model: &Model, execution: u64, given: Vec<usize>) -> End {
    let limits = Limits::new(None, Some(execution));
    explore(
        plan,
        model,
        &Part { limits, done: 0, record: Record::Execution(execution) },
        &mut Vec::new(),
        given,
    )
    .0
}

/// What one exploration is of the whole.
#[derive(Clone)]
struct Part {
    limits: Limits,
    /// Executions of those before it.
    done: u64,
    /// The executions to record.
    record: Record,
}

/// What no exploration of loom's reaches.
fn bounds(plan: &Plan) -> impl Iterator<Item = Cut> {
    let preemptions = plan.preemptions.map(|bound| format!("at most {bound} preemptions"));
    let bounds = preemptions.into_iter().chain(["loom misses some interleavings".to_string()]);
    bounds.map(Cut::Bound)
}

fn gave_up(why: &str) -> End {
    End::Refused(format!("loom gave up: {why}"))
}

/// One exploration for one vector of choices, started over as long as it meets new statics. `statics` are known: to start
/// over costs an OS thread, which cannot end.
fn explore(
    plan: &Plan,
    model: &Model,
    part: &Part,
    statics: &mut Vec<StaticKey>,
    given: Vec<usize>,
) -> (End, Choices) {
    const MAX_RESTARTS: usize = 1_000;
    for _ in 0..MAX_RESTARTS {
        let (their_plan, their_model) = (plan.clone(), Arc::clone(model));
        let (their_part, their_choices) =
            (part.clone(), Choices { given: given.clone(), ..Choices::default() });
        let known = statics.clone();
        let report = isolated(plan, "selvedge-loom", move |reporter| {
            exploration(&their_plan, their_model, known, their_part, their_choices, reporter);
        });
        match report {
            Ok(Report::Restart(met)) => *statics = met,
            Ok(Report::Ended(end, met)) => return (end, met),
            Err(why) => return (gave_up(&why), Choices::default()),
        }
    }
    let why = "the addresses of statics change from one execution to the next: objects made with `const_new` must be \
               statics, or be made with `new`";
    (End::Refused(why.to_string()), Choices::default())
}

/// The body of an exploration's OS thread.
fn exploration(
    plan: &Plan,
    model: Model,
    statics: Vec<StaticKey>,
    part: Part,
    choices: Choices,
    reporter: Reporter<Report>,
) {
    let choices = Rc::new(RefCell::new(choices));
    let (for_outcome, for_choices, for_body) =
        (Rc::clone(&choices), Rc::clone(&choices), Rc::clone(&choices));
    let (outcome, preemptions) = (reporter.clone(), plan.preemptions);
    let session = Session::install(
        Box::new(LoomBackend::default()),
        Options {
            max_operations: plan.max_operations,
            record: part.record,
            edits: plan.edits.clone(),
            mutations: plan.mutations.clone(),
            specified: plan.specified(),
            statics,
            chooser: Box::new(move |n| for_choices.borrow_mut().choose(n)),
            on_outcome: Box::new(move |ended| {
                outcome.report(report_of(ended, preemptions, for_outcome.borrow().clone()))
            }),
            counters: Arc::clone(&plan.counters),
        },
    );
    // loom gives its main thread 32 KiB and no way to ask for more.
    let mut stack = match DefaultStack::new(STACK_SIZE) {
        Ok(stack) => stack,
        Err(error) => return reporter.crashed(format!("no stack for the model's body: {error}")),
    };
    let body = Rc::new(RefCell::new(move || {
        if let Some(cut) = part.limits.reached(part.done + session.executions()) {
            resume_unwind(Box::new(Enough(cut)));
        }
        let mut chosen = for_body.borrow_mut();
        (chosen.position, chosen.executions) = (0, chosen.executions + 1);
        drop(chosen);
        on_stack(&mut stack, || session.execute(&*model));
    }));
    let body = OnThisThread(body);
    let result = catch_unwind(AssertUnwindSafe(|| {
        builder(plan).check(move || body.run());
    }));
    let end = match result {
        Ok(()) => End::Passed(Vec::new()),
        Err(payload) => match payload.downcast::<Enough>() {
            Ok(enough) => End::Passed(vec![enough.0]),
            Err(payload) => return reporter.crashed(text_of(&*payload)),
        },
    };
    let met = choices.borrow().clone();
    reporter.report(Report::Ended(end, met));
}

/// loom requires a `Send + Sync` closure, and runs it on the calling thread.
struct OnThisThread<F>(Rc<RefCell<F>>);

// SAFETY: `Builder::check` runs the model's main thread as a coroutine of the OS thread that calls `check`. That is the
// thread which made this value, so the value never leaves its thread.
unsafe impl<F> Send for OnThisThread<F> {}
// SAFETY: only the coroutine of the model's main thread has a reference to the value, on the thread that made it.
unsafe impl<F> Sync for OnThisThread<F> {}

impl<F: FnMut()> OnThisThread<F> {
    fn run(&self) {
        (self.0.borrow_mut())();
    }
}

fn report_of(outcome: Outcome, preemptions: Option<usize>, met: Choices) -> Report {
    match outcome {
        Outcome::Restart(statics) => Report::Restart(statics),
        Outcome::Failed(failure) => {
            let (execution, choices) = (failure.execution, met.given.clone());
            let token = Token::Loom { execution, preemptions, choices };
            Report::Ended(End::Failed(Box::new(Found::new(*failure, Some(token)))), met)
        }
    }
}

/// loom's settings, each of them ours: its defaults come from `LOOM_…` variables.
fn builder(plan: &Plan) -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = loom::MAX_THREADS;
    // Our own bound on operations comes first: an operation takes a few branches at most.
    builder.max_branches = (plan.max_operations as usize).saturating_mul(4) + 1_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = plan.preemptions;
    builder.checkpoint_file = None;
    builder.checkpoint_interval = usize::MAX;
    builder.expect_explicit_explore = false;
    builder.location = false;
    builder.log = false;
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_two_choices_are_all_met_once() {
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.choose(2);
            // The second choice has three options after a 0, and two after a 1.
            let second = choices.choose(3 - first);
            seen.push((first, second));
            match choices.next() {
                Some(next) => choices = next,
                None => break,
            }
        }
        assert_eq!(seen, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]);
    }
}
