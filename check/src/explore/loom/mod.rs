//! loom: its builder, driven so that every bound is ours.

mod adapter;

use self::adapter::LoomBackend;
use super::{Event, Limits, Model, Plan, isolated, judge};
use crate::Verdict;
use crate::replay::Token;
use corosensei::on_stack;
use corosensei::stack::DefaultStack;
use selvedge::rt::seam::{Failure, Options, Outcome, Record, Session, StaticKey};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

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

/// For the model's body; its other threads have as much.
const STACK_SIZE: usize = 256 * 1024;

/// Thrown through loom, at the start of an execution, to end an exploration.
struct Enough(String);

pub(super) fn warm_up() {
    // The cancelling of a generator, and with it loom's panic hook, comes with a failing model.
    let _ = std::thread::spawn(|| {
        catch_unwind(AssertUnwindSafe(|| loom::model::Builder::new().check(|| panic!("warm-up"))))
    })
    .join();
}

pub(super) fn run(plan: &Plan, model: &Model) -> Verdict {
    if let Some(Token::Loom { execution, preemptions, choices }) = &plan.replay {
        let plan = &Plan { preemptions: *preemptions, ..plan.clone() };
        return match replay(plan, model, *execution, choices.clone()) {
            Event::Failed(failure, token) => judge(*failure, token, None),
            other => nothing_found(other, "the replayed execution did not fail"),
        };
    }
    let (limits, mut done) = (Limits::of(plan), 0);
    let mut choices = Choices::default();
    loop {
        // All explorations together keep to the limits.
        let part = Part { limits: limits.clone(), done, record: Record::Every };
        let (event, met) = explore(plan, model, &part, choices.given.clone());
        done += met.executions;
        match event {
            Event::Done { cut: None } => match met.next() {
                Some(next) => choices = next,
                None => return nothing_found(Event::Done { cut: None }, &bounds(plan)),
            },
            other => return nothing_found(other, &bounds(plan)),
        }
    }
}

/// One execution again, of the exploration with these choices: as far as that goes, however long it takes.
fn replay(plan: &Plan, model: &Model, execution: u64, given: Vec<usize>) -> Event {
    let limits = Limits { executions: Some(execution), time: None, ..Limits::of(plan) };
    explore(plan, model, &Part { limits, done: 0, record: Record::Execution(execution) }, given).0
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

fn bounds(plan: &Plan) -> String {
    match plan.preemptions {
        None => "loom misses some interleavings".to_string(),
        Some(bound) => format!("at most {bound} preemptions; loom misses some interleavings"),
    }
}

fn nothing_found(event: Event, bounds: &str) -> Verdict {
    match event {
        Event::Done { cut: None } => Verdict::Searched { executions: 0, bounds: bounds.to_string() },
        Event::Done { cut: Some(cut) } => {
            Verdict::Searched { executions: 0, bounds: format!("{cut}; {bounds}") }
        }
        Event::Crashed(why) => Verdict::Refused { why: format!("loom gave up: {why}") },
        Event::Failed(failure, token) => judge(*failure, token, None),
        Event::Restart(_) => Verdict::Refused {
            why: "the addresses of statics change from one execution to the next: objects made with `const_new` \
                  must be statics, or be made with `new`"
                .to_string(),
        },
    }
}

/// One exploration for one vector of choices, started over as long as it meets new statics.
fn explore(plan: &Plan, model: &Model, part: &Part, given: Vec<usize>) -> (Event, Choices) {
    const MAX_STATICS: usize = 1_000;
    let mut statics = Vec::new();
    loop {
        let choices = Arc::new(Mutex::new(Choices { given: given.clone(), ..Choices::default() }));
        let (their_plan, their_model, theirs) = (plan.clone(), Arc::clone(model), Arc::clone(&choices));
        let their_part = part.clone();
        let event = isolated(plan, "selvedge-loom", move |report| {
            exploration(&their_plan, their_model, statics, their_part, theirs, report);
        });
        match event {
            Event::Restart(met) if met.len() < MAX_STATICS => statics = met,
            event => {
                let met = choices.lock().unwrap_or_else(PoisonError::into_inner).clone();
                return (event, met);
            }
        }
    }
}

/// The body of an exploration's OS thread.
fn exploration(
    plan: &Plan,
    model: Model,
    statics: Vec<StaticKey>,
    part: Part,
    choices: Arc<Mutex<Choices>>,
    report: Sender<Event>,
) {
    let lock = |choices: &Mutex<Choices>| choices.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (for_outcome, for_choices) = (Arc::clone(&choices), Arc::clone(&choices));
    let (outcome, preemptions) = (report.clone(), plan.preemptions);
    let session = Session::install(
        Box::new(LoomBackend::default()),
        Options {
            max_operations: plan.max_operations,
            record: part.record,
            mutations: plan.mutations.clone(),
            statics,
            chooser: Box::new(move |n| for_choices.lock().unwrap_or_else(PoisonError::into_inner).choose(n)),
            on_outcome: Box::new(move |ended| {
                let _ = outcome.send(event_of(ended, preemptions, lock(&for_outcome).given));
            }),
            counters: Arc::clone(&plan.counters),
        },
    );
    // loom gives its main thread 32 KiB and no way to ask for more.
    let mut stack = match DefaultStack::new(STACK_SIZE) {
        Ok(stack) => stack,
        Err(error) => {
            let _ = report.send(Event::Crashed(format!("no stack for the model's body: {error}")));
            return;
        }
    };
    let body = Rc::new(RefCell::new(move || {
        if let Some(cut) = part.limits.reached(part.done + session.executions()) {
            resume_unwind(Box::new(Enough(cut)));
        }
        let mut chosen = choices.lock().unwrap_or_else(PoisonError::into_inner);
        (chosen.position, chosen.executions) = (0, chosen.executions + 1);
        drop(chosen);
        on_stack(&mut stack, || session.execute(&*model));
    }));
    let body = OnThisThread(body);
    let result = catch_unwind(AssertUnwindSafe(|| {
        builder(plan).check(move || body.run());
    }));
    let event = match result {
        Ok(()) => Event::Done { cut: None },
        Err(payload) => match payload.downcast::<Enough>() {
            Ok(enough) => Event::Done { cut: Some(enough.0) },
            Err(payload) => Event::Crashed(super::text_of(&*payload)),
        },
    };
    let _ = report.send(event);
}

/// loom wants a closure that could travel, and runs it on the calling thread.
struct OnThisThread<F>(Rc<RefCell<F>>);

// SAFETY: `Builder::check` runs the model's main thread as a coroutine of the OS thread that calls
// it, which is the one that made this value; it never leaves it.
unsafe impl<F> Send for OnThisThread<F> {}
// SAFETY: as above.
unsafe impl<F> Sync for OnThisThread<F> {}

impl<F: FnMut()> OnThisThread<F> {
    fn run(&self) {
        (self.0.borrow_mut())();
    }
}

fn event_of(outcome: Outcome, preemptions: Option<usize>, choices: Vec<usize>) -> Event {
    match outcome {
        Outcome::Restart(statics) => Event::Restart(statics),
        Outcome::Failed(failure) => {
            let failure: Failure = *failure;
            let token = Token::Loom { execution: failure.execution, preemptions, choices };
            Event::Failed(Box::new(failure), Some(token))
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
