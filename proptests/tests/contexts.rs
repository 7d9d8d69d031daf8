//! Trees of contexts against a model that is a list with parents: drawn operations, answers compared one by one, at a
//! clock that moves only when the program sleeps. A context that was broken on purpose is found.
#![cfg(feature = "graph")]
#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use selvedge::chan::{Receiver, Sender, TryRecvError, unbounded};
use selvedge::context::{
    Cancel, CancelCause, Context, Error, Key, Stop, after_func, background, with_cancel, with_cancel_cause,
    with_deadline_cause, with_value, without_cancel,
};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge_check::{Change, Checker, Engine, Mutation, Primitives, Report, site_of};
use std::time::{Duration, Instant};

/// A step. Contexts are given modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    Cancellable(usize),
    WithCause(usize),
    /// A context with a deadline that is so many moments away.
    Deadline(usize, u32),
    Value(usize, u8, u8),
    WithoutCancel(usize),
    Cancel(usize),
    DropHandle(usize),
    Detach(usize),
    AfterFunc(usize),
    Stop(usize),
    Sleep(u32),
    Look(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || 0..16_usize;
    let step = prop_oneof![
        4 => at().prop_map(Step::Cancellable),
        2 => at().prop_map(Step::WithCause),
        4 => (at(), 0..6_u32).prop_map(|(at, moments)| Step::Deadline(at, moments)),
        2 => (at(), 0..3_u8, any::<u8>()).prop_map(|(at, key, value)| Step::Value(at, key, value)),
        1 => at().prop_map(Step::WithoutCancel),
        2 => at().prop_map(Step::Cancel),
        1 => at().prop_map(Step::DropHandle),
        1 => at().prop_map(Step::Detach),
        1 => at().prop_map(Step::AfterFunc),
        1 => at().prop_map(Step::Stop),
        3 => (0..3_u32).prop_map(Step::Sleep),
        4 => at().prop_map(Step::Look),
        1 => Just(Step::Sleep(0)),
    ];
    vec(step, 1..40)
}

const MOMENT: Duration = Duration::from_millis(1);
/// The most closures of a program: each costs a thread.
const CALLS: usize = 2;

#[derive(PartialEq, Eq)]
struct Number(u8);
impl Key for Number {
    type Value = u8;
}

/// The end of a context: why, and the cause.
type End = (Error, String);

/// A context in the model.
struct Expected {
    /// The one above that cancels it.
    parent: Option<usize>,
    /// Whether it has a state of its own, and not that of its parent.
    is_own: bool,
    /// Its own deadline, if that counts, and the one that it tells.
    own: Option<Instant>,
    told: Option<Instant>,
    end: Option<End>,
    values: Vec<(u8, u8)>,
    /// Whether its handle cancels it when it is dropped.
    has_handle: bool,
}

/// The model.
struct Model(Vec<Expected>);

impl Model {
    fn end(&self, at: usize) -> Option<&End> {
        let context = &self.0[at];
        match (context.is_own, context.parent) {
            (false, Some(parent)) => self.end(parent),
            _ => context.end.as_ref(),
        }
    }

    fn is_below(&self, at: usize, above: usize) -> bool {
        at == above || self.0[at].parent.is_some_and(|parent| self.is_below(parent, above))
    }

    /// Ends a context and those below it that are live.
    fn cancel(&mut self, above: usize, end: &End) {
        let below: Vec<usize> = (0..self.0.len()).filter(|at| self.is_below(*at, above)).collect();
        for at in below {
            if self.0[at].end.is_none() {
                self.0[at].end = Some(end.clone());
            }
        }
    }

    /// Lets the deadlines take effect that have passed, the earliest first, and of equal ones the lowest.
    fn pass(&mut self, now: Instant) {
        let passed = |at: &usize| self.0[*at].end.is_none() && self.0[*at].own.is_some_and(|own| own <= now);
        let mut due: Vec<usize> = (0..self.0.len()).filter(passed).collect();
        due.sort_by_key(|at| (self.0[*at].own, usize::MAX - at));
        for at in due {
            if self.0[at].end.is_none() {
                self.cancel(at, &(Error::DeadlineExceeded, format!("late {at}")));
            }
        }
    }

    fn add(&mut self, parent: usize, own: Option<Instant>) {
        let told = self.0[parent].told;
        let own = own.filter(|own| told.is_none_or(|told| *own <= told));
        let end = self.end(parent).cloned();
        let values = self.0[parent].values.clone();
        let (told, parent) = (own.or(told), Some(parent));
        self.0.push(Expected { parent, is_own: true, own, told, end, values, has_handle: true });
    }
}

enum Handle {
    Plain(Cancel),
    Cause(CancelCause),
}

/// The contexts under test.
struct Subject {
    contexts: Vec<(Context, Option<Handle>)>,
    stops: Vec<(usize, Stop, bool)>,
    tx: Sender<usize>,
    rx: Receiver<usize>,
    is_detached: bool,
}

fn run(steps: &[Step]) {
    let root = Expected {
        parent: None,
        is_own: true,
        own: None,
        told: None,
        end: None,
        values: Vec::new(),
        has_handle: false,
    };
    let mut model = Model(vec![root]);
    let (tx, rx) = unbounded();
    let mut subject =
        Subject { contexts: vec![(background(), None)], stops: Vec::new(), tx, rx, is_detached: false };
    for step in steps {
        model.pass(now());
        subject.step(step, &mut model);
        model.pass(now());
    }
    subject.finish(model);
}

impl Subject {
    fn step(&mut self, step: &Step, model: &mut Model) {
        let count = self.contexts.len();
        match step {
            Step::Cancellable(at) => {
                let (context, cancel) = with_cancel(&self.contexts[at % count].0);
                self.contexts.push((context, Some(Handle::Plain(cancel))));
                model.add(at % count, None);
            }
            Step::WithCause(at) => {
                let (context, cancel) = with_cancel_cause(&self.contexts[at % count].0);
                self.contexts.push((context, Some(Handle::Cause(cancel))));
                model.add(at % count, None);
            }
            Step::Deadline(at, moments) => {
                let deadline = now() + *moments * MOMENT;
                let cause = format!("late {count}");
                let (context, cancel) = with_deadline_cause(&self.contexts[at % count].0, deadline, cause);
                self.contexts.push((context, Some(Handle::Plain(cancel))));
                model.add(at % count, Some(deadline));
            }
            Step::Value(at, key, value) => {
                let context = with_value(&self.contexts[at % count].0, Number(*key), *value);
                self.contexts.push((context, None));
                model.add(at % count, None);
                let expected = &mut model.0[count];
                (expected.is_own, expected.has_handle) = (false, false);
                expected.values.push((*key, *value));
            }
            Step::WithoutCancel(at) => {
                self.contexts.push((without_cancel(&self.contexts[at % count].0), None));
                let values = model.0[at % count].values.clone();
                let (parent, end, own, told) = (None, None, None, None);
                let (is_own, has_handle) = (true, false);
                model.0.push(Expected { parent, is_own, own, told, end, values, has_handle });
            }
            Step::Cancel(at) => match &self.contexts[at % count].1 {
                Some(Handle::Plain(cancel)) => {
                    cancel.cancel();
                    model.cancel(at % count, &(Error::Canceled, "context canceled".into()));
                }
                Some(Handle::Cause(cancel)) => {
                    cancel.cancel("by hand");
                    model.cancel(at % count, &(Error::Canceled, "by hand".into()));
                }
                None => (),
            },
            Step::DropHandle(at) => {
                if self.contexts[at % count].1.take().is_some() {
                    model.cancel(at % count, &(Error::Canceled, "context canceled".into()));
                    model.0[at % count].has_handle = false;
                }
            }
            // A closure of a context that nothing cancels any more stays in memory, if others are above.
            Step::Detach(_) if !self.stops.is_empty() => (),
            Step::Detach(at) => {
                self.is_detached = true;
                match self.contexts[at % count].1.take() {
                    Some(Handle::Plain(cancel)) => cancel.detach(),
                    Some(Handle::Cause(cancel)) => cancel.detach(),
                    None => (),
                }
                model.0[at % count].has_handle = false;
            }
            Step::AfterFunc(at) => {
                if self.stops.len() < CALLS && !self.is_detached {
                    let (tx, number) = (self.tx.clone(), self.stops.len());
                    let call = move || tx.send(number).expect("it is received");
                    let stop = after_func(&self.contexts[at % count].0, call);
                    self.stops.push((at % count, stop, false));
                }
            }
            Step::Stop(at) => {
                let which = at % CALLS;
                if let Some((context, stop, is_stopped)) = self.stops.get_mut(which) {
                    // The thread that waits for a deadline may not have come so far, unless somebody looks.
                    let _looked = self.contexts[*context].0.err();
                    let comes_in_time = !*is_stopped && model.end(*context).is_none();
                    assert_eq!(stop.stop(), comes_in_time, "stop {which}");
                    *is_stopped |= comes_in_time;
                }
            }
            Step::Sleep(moments) => thread::sleep(*moments * MOMENT),
            Step::Look(at) => self.look(at % count, model),
        }
    }

    /// Compares all that a context tells with the model.
    fn look(&self, at: usize, model: &Model) {
        let context = &self.contexts[at].0;
        let (expected, end) = (&model.0[at], model.end(at));
        assert_eq!(context.err(), end.map(|(error, _)| *error), "context {at}");
        assert_eq!(context.cause().map(|cause| cause.to_string()), end.map(|(_, cause)| cause.clone()));
        let closed = if end.is_some() { TryRecvError::Disconnected } else { TryRecvError::Empty };
        assert_eq!(context.done().try_recv(), Err(closed));
        assert_eq!(context.deadline(), expected.told);
        for key in 0..3 {
            let bound = expected.values.iter().rev().find(|(other, _)| *other == key);
            assert_eq!(context.value(&Number(key)), bound.map(|(_, value)| value));
        }
    }

    /// Drops everything, and compares which closures have run.
    fn finish(mut self, mut model: Model) {
        (0..self.contexts.len()).for_each(|at| self.look(at, &model));
        for at in 0..self.contexts.len() {
            if model.0[at].has_handle {
                model.cancel(at, &(Error::Canceled, "context canceled".into()));
            }
            self.contexts[at].1 = None;
        }
        (0..self.contexts.len()).for_each(|at| self.look(at, &model));
        let runs = |(at, _, is_stopped): &(usize, Stop, bool)| {
            let is_done =
                model.end(*at).is_some() || model.0[*at].own.is_some() || model.0[*at].told.is_some();
            is_done && !is_stopped
        };
        let expected: Vec<usize> =
            self.stops.iter().enumerate().filter(|(_, stop)| runs(stop)).map(|(number, _)| number).collect();
        self.contexts.clear();
        self.stops.clear();
        drop(self.tx);
        let mut ran: Vec<usize> = self.rx.iter().collect();
        ran.sort_unstable();
        assert_eq!(ran, expected, "the closures that ran");
    }
}

fn checker() -> Checker {
    Checker::new()
        .ignore_environment()
        .engines([Engine::Graph])
        .primitives(Primitives::Specified)
        .discrete_time(true)
        .max_executions(30)
}

fn check(steps: Vec<Step>, checker: Checker) -> Report {
    checker.run(move || run(&steps)).remove(0)
}

proptest! {
    #![proptest_config(Config { cases: 400, ..Config::default() })]

    #[test]
    fn contexts_do_what_a_list_with_parents_says(steps in steps()) {
        let report = check(steps, checker());
        prop_assert!(report.verdict.failure().is_none(), "{report}");
    }
}

/// Runs programs with a mutation until one fails.
fn is_found(source: &str, file: &str, label: &str) -> bool {
    let site: Mutation = site_of(source, file, label, Change::Twin).expect("the label is there");
    let mut runner = TestRunner::deterministic();
    (0..400).any(|_| {
        let steps = steps().new_tree(&mut runner).expect("a program").current();
        check(steps, checker().mutate(site.clone())).verdict.failure().is_some()
    })
}

#[test]
fn broken_contexts_are_found() {
    let node = include_str!("../../primitives/src/context/node.rs");
    for label in [
        "look-before-ending",
        "look-before-adopting",
        "look-before-calling",
        "observe-lapse",
        "find-owner",
        "prefer-deadline",
    ] {
        assert!(is_found(node, "src/context/node.rs", label), "{label}");
    }
    let after = include_str!("../../primitives/src/context/after.rs");
    assert!(is_found(after, "src/context/after.rs", "say-stopped"));
}
