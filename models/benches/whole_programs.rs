//! Programs on channels and locks under the graph engine, with primitives as specified, beside the same programs under
//! loom and shuttle with their own types: for each the number of executions, the time, and executions a second.
//!
//! loom and shuttle search without a bound on preemptions, shuttle depth-first. A search that does not end is cut after
//! the limit, and the table says how far it came.
//!
//! `cargo bench -p selvedge-models --all-features --bench whole_programs -- --limit 2 pool` runs the programs with `pool`
//! in their names, each for two seconds at most.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench runs models; it is none")]
#![allow(missing_docs, reason = "a bench has no users")]

mod arguments;

use arguments::Arguments;
use comfy_table::{Table, presets};
use selvedge_check::{Checker, Engine, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A program in the types of each engine.
struct Program {
    name: &'static str,
    selvedge: fn(),
    loom: fn(),
    shuttle: fn(),
}

/// How far a search came.
struct Searched {
    executions: u64,
    seconds: f64,
    ended: bool,
}

/// Defines a program once, over the types of a library: `thread`, `Mutex`, and a channel.
macro_rules! programs {
    ($module:ident, thread: $thread:path, Mutex: $mutex:path, lock: $lock:expr, channel: $channel:expr) => {
        mod $module {
            use std::sync::Arc;
            use $mutex as Mutex;
            use $thread as thread;

            fn increments(threads: usize, each: usize) {
                let sum = Arc::new(Mutex::new(0));
                let work = || {
                    let sum = Arc::clone(&sum);
                    thread::spawn(move || (0..each).for_each(|_| *$lock(&sum) += 1))
                };
                let workers: Vec<_> = (0..threads).map(|_| work()).collect();
                workers.into_iter().for_each(|worker| worker.join().unwrap());
                assert_eq!(*$lock(&sum), threads * each);
            }

            pub(super) fn three_increments() {
                increments(3, 1);
            }

            pub(super) fn two_increments_each() {
                increments(2, 2);
            }

            pub(super) fn pipeline() {
                let (first, source) = $channel();
                let (second, sums) = $channel();
                thread::spawn(move || (1..4).for_each(|n| first.send(n).unwrap()));
                thread::spawn(move || (0..3).for_each(|_| second.send(source.recv().unwrap() + 1).unwrap()));
                (2..5).for_each(|n| assert_eq!(sums.recv().unwrap(), n));
            }

            pub(super) fn two_senders() {
                let (tx, rx) = $channel();
                for n in [1, 2] {
                    let tx = tx.clone();
                    thread::spawn(move || (0..2).for_each(|_| tx.send(n).unwrap()));
                }
                assert_eq!((0..4).map(|_| rx.recv().unwrap()).sum::<i32>(), 6);
            }

            pub(super) fn worker_pool() {
                let (jobs, queue) = $channel();
                let (done, results) = $channel();
                let queue = Arc::new(Mutex::new(queue));
                for _ in 0..2 {
                    let (queue, done) = (Arc::clone(&queue), done.clone());
                    thread::spawn(move || {
                        let job: i32 = $lock(&queue).recv().unwrap();
                        done.send(job * job).unwrap();
                    });
                }
                [1, 2].into_iter().for_each(|job| jobs.send(job).unwrap());
                assert_eq!(results.recv().unwrap() + results.recv().unwrap(), 5);
            }
        }
    };
}

programs!(ours, thread: selvedge::rt::thread, Mutex: selvedge::sync::Mutex, lock: Mutex::lock, channel: selvedge::chan::unbounded);
programs!(looms, thread: loom::thread, Mutex: loom::sync::Mutex, lock: |mutex| Mutex::lock(mutex).unwrap(), channel: loom::sync::mpsc::channel);
programs!(shuttles, thread: shuttle::thread, Mutex: shuttle::sync::Mutex, lock: |mutex| Mutex::lock(mutex).unwrap(), channel: shuttle::sync::mpsc::channel);

macro_rules! program {
    ($name:literal, $function:ident) => {
        Program {
            name: $name,
            selvedge: ours::$function,
            loom: looms::$function,
            shuttle: shuttles::$function,
        }
    };
}

const PROGRAMS: [Program; 5] = [
    program!("three threads that increment under a lock", three_increments),
    program!("two threads that increment twice under a lock", two_increments_each),
    program!("two stages of a pipeline, three values", pipeline),
    program!("two senders of two values", two_senders),
    program!("a pool of two workers, two jobs", worker_pool),
];

fn graph(program: fn(), limit: Duration) -> Searched {
    let checker = Checker::new().ignore_environment().engines([Engine::Graph]).find_first(false);
    let report = checker.time_limit(limit).run(program).remove(0);
    assert!(report.verdict.passed(), "{report}");
    let ended = matches!(report.verdict, Verdict::Exhaustive);
    Searched { executions: report.executions, seconds: report.elapsed.as_secs_f64(), ended }
}

/// Lets `search` call a program that counts how often it runs.
fn counted(program: fn(), limit: Duration, search: impl FnOnce(Box<dyn Fn() + Send + Sync>)) -> Searched {
    let executions = Arc::new(AtomicU64::new(0));
    let (begun, count) = (Instant::now(), Arc::clone(&executions));
    search(Box::new(move || {
        count.fetch_add(1, Relaxed);
        program();
    }));
    let elapsed = begun.elapsed();
    let executions = executions.load(Relaxed);
    Searched { executions, seconds: elapsed.as_secs_f64(), ended: elapsed < limit }
}

fn under_loom(program: fn(), limit: Duration) -> Searched {
    counted(program, limit, |program| {
        let mut builder = loom::model::Builder::new();
        (builder.preemption_bound, builder.max_duration, builder.log) = (None, Some(limit), false);
        builder.check(program);
    })
}

fn under_shuttle(program: fn(), limit: Duration) -> Searched {
    counted(program, limit, |program| {
        let mut config = shuttle::Config::new();
        config.max_time = Some(limit);
        let scheduler = shuttle::scheduler::DfsScheduler::new(None, false);
        shuttle::Runner::new(scheduler, config).run(program);
    })
}

fn main() {
    let arguments = Arguments::read();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "program",
        "graph",
        "loom",
        "shuttle, depth-first",
    ]);
    for program in PROGRAMS.iter().filter(|program| arguments.select(program.name)) {
        let limit = arguments.limit;
        let searched = [
            graph(program.selvedge, limit),
            under_loom(program.loom, limit),
            under_shuttle(program.shuttle, limit),
        ];
        eprintln!("{}", program.name);
        let cells = searched.iter().map(|searched| {
            let rate = searched.executions as f64 / searched.seconds;
            let end = if searched.ended { "" } else { ", not done" };
            format!("{} in {:.1} ms ({rate:.0}/s){end}", searched.executions, searched.seconds * 1e3)
        });
        table.add_row(core::iter::once(program.name.to_string()).chain(cells));
    }
    println!("{table}");
}
