//! Runs litmus programs on `selvedge::rt`.

use super::outcome::{Outcome, Outcomes};
use super::syntax::{Array, Condition, Expression, Operation, Place, Program};
use selvedge::rt::sync::atomic::{AtomicI64, Ordering, fence};
use selvedge::rt::{self, thread};
use std::collections::BTreeMap;
#[allow(
    clippy::disallowed_types,
    reason = "what outlives the model's body must not be one of its operations"
)]
use std::sync::Arc;

/// How a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Under the graph engine: an execution in which an assumption fails is left uncounted.
    Graph,
    /// Under an engine that counts everything: a thread whose assumption fails ends, and the outcome is not
    /// collected.
    Other,
}

/// A program ready to run.
#[allow(clippy::disallowed_types, reason = "the engine must not see it")]
pub struct Compiled {
    program: Program,
    initial: Vec<i64>,
    /// Registers of each thread, and of main last.
    registers: Vec<usize>,
    mode: Mode,
    outcomes: Option<Arc<Outcomes>>,
}

/// One execution's state, shared by its threads.
#[allow(clippy::disallowed_types, reason = "the engine must not see it")]
pub(super) struct Execution {
    compiled: Arc<Compiled>,
    memory: Vec<AtomicI64>,
    /// How far apart locations lie.
    stride: usize,
    ended: Ended,
}

/// The registers with which each thread has ended, outside the sight of the engine.
#[derive(Default)]
#[allow(clippy::disallowed_types, reason = "the engine must not see it")]
struct Ended(std::sync::Mutex<Vec<Option<Vec<i64>>>>);

/// An assumption of the thread failed.
struct Discarded;

impl Compiled {
    /// Prepares a program. The outcomes of its executions go to `outcomes`, if they are wanted.
    #[allow(clippy::disallowed_types, reason = "the engine must not see it")]
    pub fn new(program: &Program, mode: Mode, outcomes: Option<Arc<Outcomes>>) -> Compiled {
        let mut program = program.clone();
        let mut lengths = BTreeMap::new();
        let mut measure = |place: &mut Place| {
            let length = lengths.entry(place.name.clone()).or_insert(1);
            *length = length_for(place).max(*length);
        };
        let bodies = program.threads.iter_mut().chain(&mut program.main);
        bodies.for_each(|body| for_each_place(body, &mut measure));
        program.init.iter().for_each(|(name, _)| {
            lengths.entry(name.clone()).or_insert(1);
        });
        let (mut arrays, mut size) = (BTreeMap::new(), 0);
        for (name, length) in lengths {
            arrays.insert(name, Array { first: size, length });
            size += length;
        }
        let mut initial = vec![0; size];
        for (name, value) in &program.init {
            let Array { first, length } = arrays[name];
            initial[first..first + length].fill(*value);
        }
        let bodies = program.threads.iter_mut().chain(&mut program.main);
        bodies.for_each(|body| for_each_place(body, &mut |place| place.array = arrays[&place.name]));
        let main = program.main.clone().unwrap_or_default();
        let registers = program.threads.iter().chain([&main]).map(|body| registers_of(body)).collect();
        Compiled { program, initial, registers, mode, outcomes }
    }

    /// Returns how many threads the program has, without main.
    pub(super) fn threads(&self) -> usize {
        self.program.threads.len()
    }

    /// Runs the program once, as the body of a model.
    #[allow(clippy::disallowed_types, reason = "the engine must not see it")]
    pub fn run(self: &Arc<Self>) {
        let execution = Arc::new(Execution::spread(self, 1));
        let threads: Vec<_> = (0..self.program.threads.len())
            .map(|number| {
                let execution = Arc::clone(&execution);
                thread::spawn(move || execution.run(number, &execution.compiled.program.threads[number]))
            })
            .collect();
        let number = threads.len();
        match &self.program.main {
            None => execution.run(number, &[]),
            Some(operations) => {
                for thread in threads {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                }
                execution.run(number, operations);
            }
        }
    }
}

/// Calls a function with every location that operations access.
fn for_each_place(operations: &mut [Operation], see: &mut impl FnMut(&mut Place)) {
    for operation in operations {
        match operation {
            Operation::Store { place, .. }
            | Operation::Load { place, .. }
            | Operation::Add { place, .. }
            | Operation::Exchange { place, .. }
            | Operation::CompareExchange { place, .. } => see(place),
            Operation::If(_, inner) => for_each_place(inner, see),
            Operation::Fence(_) | Operation::Assume(_) | Operation::Assert(_) => (),
        }
    }
}

/// Returns the length of the array that a place needs: 1 without an index, enough for a constant index, and at least
/// 2 for any other.
fn length_for(place: &Place) -> usize {
    match &place.index {
        None => 1,
        Some(Expression::Number(index)) => {
            usize::try_from(*index).unwrap_or(0).saturating_add(1).clamp(2, 4096)
        }
        Some(_) => 2,
    }
}

fn registers_of(operations: &[Operation]) -> usize {
    let count = |operation: &Operation| match operation {
        Operation::Load { register, .. }
        | Operation::Add { register, .. }
        | Operation::Exchange { register, .. }
        | Operation::CompareExchange { register, .. } => register + 1,
        Operation::If(_, inner) => registers_of(inner),
        _ => 0,
    };
    operations.iter().map(count).max().unwrap_or(0)
}

impl Execution {
    /// Makes an execution whose locations lie `stride` values apart.
    #[allow(clippy::disallowed_types, reason = "the engine must not see it")]
    pub(super) fn spread(compiled: &Arc<Compiled>, stride: usize) -> Execution {
        let values = compiled
            .initial
            .iter()
            .flat_map(|value| core::iter::once(*value).chain(core::iter::repeat_n(0, stride - 1)));
        let memory = values.map(AtomicI64::new).collect();
        Execution { compiled: Arc::clone(compiled), memory, stride, ended: Ended::default() }
    }

    /// Resets all locations, while no other thread runs.
    pub(super) fn reset(&self) {
        for (at, value) in self.compiled.initial.iter().enumerate() {
            // Relaxed: the threads that run next are ordered after this by their gate.
            self.memory[at * self.stride].store(*value, Ordering::Relaxed);
        }
    }

    /// Runs one thread, or main, whose number comes after the threads' numbers; returns its registers at the end, or
    /// `None` if an assumption failed.
    pub(super) fn perform_thread(&self, number: usize) -> Option<Vec<i64>> {
        let program = &self.compiled.program;
        let main = program.main.as_deref().unwrap_or_default();
        let operations = program.threads.get(number).map_or(main, Vec::as_slice);
        let mut registers = [0; super::parse::MAX_REGISTERS];
        self.perform(operations, &mut registers).ok()?;
        Some(registers[..self.compiled.registers[number]].to_vec())
    }

    /// Runs one thread to its end.
    fn run(&self, number: usize, operations: &[Operation]) {
        let mut registers = [0; super::parse::MAX_REGISTERS];
        let finished = self.perform(operations, &mut registers).is_ok();
        if let Some(outcomes) = &self.compiled.outcomes {
            let count = self.compiled.registers[number];
            let all = self.ended.note(
                number,
                self.compiled.registers.len(),
                finished.then(|| registers[..count].to_vec()),
            );
            if let Some(outcome) = all {
                outcomes.add(outcome);
            }
        }
    }

    fn place(&self, place: &Place, registers: &[i64]) -> &AtomicI64 {
        let Array { first, length } = place.array;
        let index = place.index.as_ref().map_or(0, |index| value(index, registers));
        let within = usize::try_from(index).ok().filter(|index| *index < length);
        let Some(within) = within else {
            panic!("`{}` has {length} elements, and no number {index}", place.name)
        };
        &self.memory[(first + within) * self.stride]
    }

    fn perform(&self, operations: &[Operation], registers: &mut [i64]) -> Result<(), Discarded> {
        for operation in operations {
            match operation {
                Operation::Store { order, place, value: new } => {
                    let new = value(new, registers);
                    store(self.place(place, registers), new, *order);
                }
                Operation::Load { register, order, place } => {
                    registers[*register] = load(self.place(place, registers), *order);
                }
                Operation::Add { register, order, place, value: added } => {
                    let added = value(added, registers);
                    registers[*register] = self.place(place, registers).fetch_add(added, *order);
                }
                Operation::Exchange { register, order, place, value: new } => {
                    let new = value(new, registers);
                    registers[*register] = self.place(place, registers).swap(new, *order);
                }
                Operation::CompareExchange { register, orders, place, old, new } => {
                    let (old, new) = (value(old, registers), value(new, registers));
                    let at = self.place(place, registers);
                    let found = at.compare_exchange(old, new, orders.0, orders.1);
                    registers[*register] = found.unwrap_or_else(|found| found);
                }
                Operation::Fence(order) => fence(*order),
                Operation::If(condition, inner) if holds(condition, registers) => {
                    self.perform(inner, registers)?;
                }
                Operation::If(..) => (),
                Operation::Assume(condition) => self.assume(holds(condition, registers))?,
                Operation::Assert(condition) => {
                    assert!(holds(condition, registers), "assert {condition}");
                }
            }
        }
        Ok(())
    }

    fn assume(&self, condition: bool) -> Result<(), Discarded> {
        if self.compiled.mode == Mode::Graph {
            rt::assume(condition);
        }
        if condition { Ok(()) } else { Err(Discarded) }
    }
}

fn load(at: &AtomicI64, order: Option<Ordering>) -> i64 {
    match order {
        Some(order) => at.load(order),
        // SAFETY: whether another thread writes meanwhile is what the checker is asked; under an engine all threads
        // are coroutines of one OS thread, and natively plain accesses are relaxed accesses of an atomic.
        None => unsafe { at.unsync_load() },
    }
}

fn store(at: &AtomicI64, value: i64, order: Option<Ordering>) {
    match order {
        Some(order) => at.store(value, order),
        // SAFETY: under an engine all threads are coroutines of one OS thread, and the checker reports a race;
        // natively plain accesses are relaxed accesses of an atomic.
        None => unsafe { at.unsync_store(value) },
    }
}

fn value(expression: &Expression, registers: &[i64]) -> i64 {
    match expression {
        Expression::Number(number) => *number,
        Expression::Register(register) => registers[*register],
        Expression::Binary(left, operator, right) => {
            operator.apply(value(left, registers), value(right, registers))
        }
    }
}

fn holds(condition: &Condition, registers: &[i64]) -> bool {
    match condition {
        Condition::Compare(left, comparison, right) => {
            comparison.holds(value(left, registers), value(right, registers))
        }
        Condition::And(left, right) => holds(left, registers) && holds(right, registers),
        Condition::Or(left, right) => holds(left, registers) || holds(right, registers),
    }
}

impl Ended {
    /// Notes that thread `number` has ended with these registers, or was discarded; returns the outcome if the thread
    /// was the last one and none was discarded.
    fn note(&self, number: usize, threads: usize, registers: Option<Vec<i64>>) -> Option<Outcome> {
        let mut ended = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(registers) = registers else {
            // A discarded thread keeps the outcome incomplete.
            ended.resize(threads + 1, None);
            return None;
        };
        if ended.len() < threads {
            ended.resize(threads, None);
        }
        ended[number] = Some(registers);
        let all: Option<Vec<_>> = ended.iter().cloned().collect();
        all.map(Outcome)
    }
}
