//! The executions that the machine explores.

use super::executions::{Execution, Memory};
use super::program::{Deed, Program};
use crate::report::Source;
use crate::{Disabled, End, LocationId, Machine, Model, Options, Order, Part, StepId, StepName, Taken};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// What an exploration came to.
pub(crate) struct Explored {
    /// How often each execution was found.
    pub(crate) found: BTreeMap<Execution, u32>,
    /// Runs that came to nothing.
    pub(crate) blocked: u32,
    /// Whether the bound on retries has cut anything.
    pub(crate) cut: bool,
}

/// The state of an object, and all of its steps with the states that they left.
#[derive(Clone, PartialEq)]
struct State {
    state: u8,
    steps: Vec<(StepId, u8)>,
}

fn options(program: &Program, memory: Memory) -> Options {
    let model = match memory {
        Memory::Relaxed => Model::C20,
        Memory::Sequential => Model::Sc,
    };
    Options { model, discrete_time: program.discrete, max_retries: program.retries, ..Options::default() }
}

/// Explores a program; `split`: each part that can be given away is explored by a machine of its own.
pub(crate) fn explore(program: &Program, memory: Memory, split: bool) -> Explored {
    let mut explored = Explored { found: BTreeMap::new(), blocked: 0, cut: false };
    let mut parts = vec![Part::whole(options(program, memory).model)];
    while let Some(part) = parts.pop() {
        let machine = Machine::new(options(program, memory));
        machine.take(part);
        while machine.advance() {
            match run(&machine, program) {
                (End::Complete | End::Deadlock, execution) => {
                    *explored.found.entry(execution).or_default() += 1;
                }
                (End::Blocked, _) => explored.blocked += 1,
                (end, _) => panic!("{end:?}"),
            }
            parts.extend(split.then(|| machine.give()).flatten());
        }
        explored.cut |= machine.retries_cut();
    }
    explored
}

/// Returns the number of executions of a program with at most so many preemptions.
pub(crate) fn within(program: &Program, preemptions: u32) -> u64 {
    let options = Options { max_preemptions: Some(preemptions), ..options(program, Memory::Relaxed) };
    let machine = Machine::new(options);
    loop {
        let _ = run(&machine, program);
        if !machine.advance() {
            return machine.statistics().executions;
        }
    }
}

/// Explores a program, and runs each execution again by its token. Returns whether all came out the same.
pub(crate) fn replays(program: &Program, memory: Memory) -> bool {
    let machine = Machine::new(options(program, memory));
    loop {
        let (_, execution) = run(&machine, program);
        let interleaved = machine.interleaved_token();
        assert!(
            memory == Memory::Relaxed || interleaved.is_some(),
            "a sequentially consistent execution is an interleaving"
        );
        for token in [Some(machine.token()), interleaved].into_iter().flatten() {
            let token = token.to_string().parse().unwrap();
            let machine = Machine::replaying(options(program, memory), &token);
            let (_, again) = run(&machine, program);
            if machine.went_astray() || again != execution {
                return false;
            }
        }
        if !machine.advance() {
            return true;
        }
    }
}

/// Returns executions drawn at random.
pub(crate) fn sampled(program: &Program, memory: Memory, samples: u64) -> Vec<Execution> {
    let machine = Machine::sampling(options(program, memory));
    let mut drawn = Vec::new();
    for sample in 0..samples {
        machine.begin_descent(1, sample);
        loop {
            match run(&machine, program) {
                (End::Complete | End::Deadlock, execution) => {
                    drawn.push(execution);
                    break;
                }
                _ if machine.advance() => (),
                _ => break,
            }
        }
    }
    drawn
}

/// What the threads of a run share. It lasts longer than the run, whose threads only borrow it: those that never end are
/// given up with all that they own.
struct Shared<'a> {
    machine: &'a Machine,
    program: &'a Program,
    objects: RefCell<Vec<LocationId>>,
    locations: RefCell<Vec<LocationId>>,
    /// The operations that each thread has done, by their positions in the program, and the thread's time after each.
    done: RefCell<Vec<Vec<(usize, u8)>>>,
}

/// Runs the program once, and returns how that ended, and the execution.
fn run(machine: &Machine, program: &Program) -> (End, Execution) {
    let shared = Shared {
        machine,
        program,
        objects: RefCell::default(),
        locations: RefCell::default(),
        done: RefCell::new(vec![Vec::new(); program.threads.len()]),
    };
    // SAFETY: the threads of a run go on only inside of `Machine::run`, which returns before `shared` ends.
    let borrowed: &'static Shared<'static> =
        unsafe { core::mem::transmute::<&Shared<'_>, &'static Shared<'static>>(&shared) };
    let end = machine.run(Box::new(move || body(borrowed)));
    let execution = match end {
        End::Complete | End::Deadlock => execution(machine, &shared.done.borrow()),
        _ => Execution::default(),
    };
    (end, execution)
}

fn body(shared: &'static Shared<'static>) {
    let Shared { machine, program, .. } = shared;
    let first = || Rc::new(State { state: 0, steps: Vec::new() });
    shared.objects.replace((0..program.all_objects()).map(|_| machine.new_object(first())).collect());
    shared.locations.replace((0..program.locations).map(|_| machine.new_location(0, None)).collect());
    let threads = 0..program.threads.len();
    let spawn = |thread| machine.spawn(Box::new(move || thread_body(shared, thread)), Location::caller());
    let made: Vec<_> = threads.map(spawn).collect();
    assert!(machine.alike(&made[program.alike.clone()]));
}

fn thread_body(shared: &Shared<'_>, thread: usize) {
    let Shared { machine, program, .. } = shared;
    let site = Location::caller();
    let object = |at: usize| shared.objects.borrow()[at];
    let location = |at: usize| shared.locations.borrow()[at];
    let (mut at, mut last) = (0, 0);
    while let Some((found, deed, sleep)) = program.next(thread, at, last) {
        machine.advance_to(machine.now() + Duration::from_nanos(sleep.into()));
        match deed {
            Deed::Step { object: at, table, ordered, within } => {
                let deadline = within.map(|within| machine.now() + Duration::from_nanos(within.into()));
                last = step(machine, object(at), (&table, deadline), ordered);
            }
            Deed::Observe { object: at, steps, ordered } => {
                last = observe(machine, object(at), steps, ordered);
            }
            Deed::Load { location: at } => {
                last = machine.load(location(at), Order::Relaxed, site).unwrap() as u8;
            }
            Deed::Store { location: at } => {
                let value = program.stored(thread, found).into();
                machine.store(location(at), value, Order::Relaxed, site).unwrap();
            }
            Deed::Add { location: at } => {
                let add = |old: u128| (old as u8).wrapping_add(1).into();
                last = machine.update(location(at), &add, Order::Relaxed, site).unwrap() as u8;
            }
        }
        shared.done.borrow_mut()[thread].push((found, machine.now().as_nanos() as u8));
        if last % 2 == 1 {
            machine.note_retry();
        }
        at = found + 1;
    }
}

fn step(
    machine: &Machine,
    object: LocationId,
    (table, until): (&[Option<u8>], Option<Duration>),
    ordered: bool,
) -> u8 {
    let attempt = |state: &Rc<dyn std::any::Any>, me: StepId, now: Option<Duration>| {
        let old: &State = state.downcast_ref().unwrap();
        let mut new = old.clone();
        let is_late = until.is_some() && until <= now;
        new.state = table[old.state as usize].or(is_late.then_some(old.state)).ok_or(Disabled { until })?;
        new.steps.push((me, new.state));
        let after = old.steps.last().filter(|_| ordered).map(|(step, _)| *step);
        Ok(Taken { state: Rc::new(new), after: after.into_iter().collect() })
    };
    let name = StepName { operation: "step", kind: "object", number: 0 };
    let (found, _) = machine.step(object, name, (&attempt, false), Location::caller()).unwrap();
    found.downcast_ref::<State>().unwrap().state
}

fn observe(machine: &Machine, object: LocationId, steps: usize, ordered: bool) -> u8 {
    let sees = |state: &Rc<dyn std::any::Any>| {
        let (step, _) = state.downcast_ref::<State>().unwrap().steps.get(steps - 1)?;
        Some(Some(*step).filter(|_| ordered).into_iter().collect())
    };
    let name = StepName { operation: "observe", kind: "object", number: 0 };
    let found = machine.observe(object, name, &sees, Location::caller()).unwrap();
    found.downcast_ref::<State>().unwrap().steps[steps - 1].1
}

/// Returns the execution that has just been run. Thread 0 of the machine is the body, which only makes the others.
fn execution(machine: &Machine, done: &[Vec<(usize, u8)>]) -> Execution {
    let graph = machine.execution("");
    let place = |id: crate::report::EventId| (id.thread - 1, id.index);
    let deeds = |(events, done): (&crate::report::Thread, &Vec<(usize, u8)>)| {
        assert_eq!(events.events.len(), done.len());
        let source = |source: Option<Source>| {
            source.map(|source| match source {
                Source::Initial => None,
                Source::Write(write) => Some(place(write)),
            })
        };
        let deeds = done.iter().zip(&events.events);
        deeds.map(|((at, time), event)| (*at, source(event.reads_from), *time)).collect()
    };
    let threads = graph.threads[1..].iter().zip(done).map(deeds).collect();
    let order = |location: &crate::report::Location| location.writes.iter().map(|id| place(*id)).collect();
    let orders: BTreeSet<Vec<_>> =
        graph.locations.iter().map(order).filter(|order: &Vec<_>| !order.is_empty()).collect();
    Execution { threads, orders }
}
