//! Litmus programs on this machine: each is run many times on pinned threads, and the outcomes are counted.
//!
//! As in the litmus7 tool (Alglave, Maranget, Sarkar and Sewell, TACAS 2011) many instances of a program lie
//! side by side, each location in a cache line of its own, and every thread goes through all of them. Where
//! there is a processor for each thread they wait for each other before every instance, and then for a few
//! turns more, each time for others: so they meet at many different moments.

use super::interpret::{Compiled, Execution, Mode};
use super::outcome::Outcome;
use super::syntax::Program;
use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire},
};
use std::thread;

/// Instances that lie side by side.
const BATCH: usize = 4096;

/// A cache line, and the next one, which is fetched along with it, in values.
const STRIDE: usize = 16;

/// How often a thread looks before it yields the processor.
const SPINS: usize = 2_000;

/// A barrier at which threads wait without going to sleep: they must go on at the same moment.
struct Gate {
    arrived: AtomicUsize,
    threads: usize,
}

impl Gate {
    /// Waits for all threads, for the `round`-th time (from 1).
    fn pass(&self, round: usize) {
        // AcqRel and Acquire: what every thread did before the gate happens before what any thread does after it.
        self.arrived.fetch_add(1, AcqRel);
        let mut spins = 0;
        while self.arrived.load(Acquire) < round * self.threads {
            spins += 1;
            if spins % SPINS == 0 {
                thread::yield_now();
            }
            core::hint::spin_loop();
        }
    }
}

/// Where threads meet before an instance, in a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    /// Waits for the other threads, for the `round`-th time (from 1); then for a number of turns that differs between
    /// threads and instances.
    fn attend(&self, round: usize, threads: usize, turns: usize) {
        // AcqRel and Acquire: only the meeting matters.
        self.0.fetch_add(1, AcqRel);
        while self.0.load(Acquire) < round * threads {
            core::hint::spin_loop();
        }
        for turn in 0..turns {
            core::hint::black_box(turn);
        }
    }
}

/// The registers of a thread at the end of each instance of a batch; `None`: an assumption failed.
type Batch = Vec<Option<Vec<i64>>>;

/// Runs a program so many times (rounded up to whole batches), and counts its outcomes.
///
/// # Panics
/// If an assertion of the program fails.
pub fn run_natively(program: &Program, instances: u64) -> BTreeMap<Outcome, u64> {
    let compiled = Arc::new(Compiled::new(program, Mode::Other, None));
    let executions: Vec<Execution> = (0..BATCH).map(|_| Execution::spread(&compiled, STRIDE)).collect();
    let threads = compiled.threads();
    let gate = Gate { arrived: AtomicUsize::new(0), threads: threads + 1 };
    let results: Vec<Mutex<Batch>> = (0..threads).map(|_| Mutex::default()).collect();
    let batches = instances.div_ceil(BATCH as u64) as usize;
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let meet = threads <= cores.len();
    let meetings: Vec<Meeting> = (0..BATCH).map(|_| Meeting::default()).collect();
    let mut counts = BTreeMap::new();
    thread::scope(|scope| {
        for (number, result) in results.iter().enumerate() {
            let (executions, meetings, gate) = (&executions, &meetings, &gate);
            let core = cores.get(number % cores.len().max(1)).copied();
            scope.spawn(move || {
                core.map(core_affinity::set_for_current);
                for batch in 0..batches {
                    let mut ends = Vec::with_capacity(BATCH);
                    gate.pass(2 * batch + 1);
                    for (instance, execution) in executions.iter().enumerate() {
                        if meet {
                            let turns = (instance * (number + 3)) % 23;
                            meetings[instance].attend(batch + 1, threads, turns);
                        }
                        ends.push(execution.perform_thread(number));
                    }
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = ends;
                    gate.pass(2 * batch + 2);
                }
            });
        }
        for batch in 0..batches {
            gate.pass(2 * batch + 1);
            gate.pass(2 * batch + 2);
            let take = |result: &Mutex<Batch>| {
                core::mem::take(&mut *result.lock().unwrap_or_else(PoisonError::into_inner))
            };
            let ends: Vec<Batch> = results.iter().map(take).collect();
            for (instance, execution) in executions.iter().enumerate() {
                let of_threads = ends.iter().map(|batch| batch[instance].clone());
                let all = of_threads.chain([execution.perform_thread(threads)]).collect::<Option<Vec<_>>>();
                if let Some(registers) = all {
                    *counts.entry(Outcome(registers)).or_insert(0) += 1;
                }
                execution.reset();
            }
        }
    });
    counts
}
