//! The engines side by side: the time that each takes to explore twelve small programs, in one run.
//!
//! An engine that does not finish a program within the limit is not measured on it again, and its line says so. At
//! the end stand the geometric mean of loom's and shuttle's times over the graph engine's, on the programs with three
//! or more threads that they finish, and the largest ratio of all programs.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench runs models; it is none")]
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{Criterion, criterion_group, criterion_main};
use selvedge::chan::bounded;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use selvedge::rt::{alloc::TrackedBox, hint, thread};
use selvedge_check::{Checker, Engine, Report, Strategy, Verdict};
use selvedge_models::models::MODELS;
use std::ptr::null_mut;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

struct Program {
    name: &'static str,
    threads: usize,
    body: fn(),
}

const PROGRAMS: [Program; 12] = [
    Program { name: "MP", threads: 2, body: message_passing },
    Program { name: "SB", threads: 2, body: store_buffering },
    Program { name: "Dekker", threads: 2, body: dekker },
    Program { name: "spin lock", threads: 2, body: spin_lock },
    Program { name: "SPSC ring", threads: 2, body: ring },
    Program { name: "channel close", threads: 2, body: channel },
    Program { name: "Treiber 2", threads: 2, body: || treiber(2) },
    Program { name: "IRIW", threads: 4, body: iriw },
    Program { name: "fa3", threads: 3, body: || fetch_add(3, 2) },
    Program { name: "fa4", threads: 4, body: || fetch_add(4, 1) },
    Program { name: "MP3", threads: 3, body: relay },
    Program { name: "Treiber 3", threads: 3, body: || treiber(3) },
];

fn message_passing() {
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            x.store(1, Relaxed);
            y.store(1, Release);
        });
        scope.spawn(|| (y.load(Acquire), x.load(Relaxed)));
    });
}

/// Peterson's lock, which is one of the models.
fn dekker() {
    let model = MODELS.iter().find(|model| model.name == "orders::petersons_lock_excludes");
    (model.expect("the model is in the table").body)();
}

fn store_buffering() {
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            x.store(1, Relaxed);
            y.load(Relaxed);
        });
        scope.spawn(|| {
            y.store(1, Relaxed);
            x.load(Relaxed);
        });
    });
}

fn spin_lock() {
    let locked = AtomicBool::new(false);
    let section = || {
        while locked.compare_exchange(false, true, Acquire, Relaxed).is_err() {
            hint::spin_loop();
        }
        locked.swap(false, Release);
    };
    thread::scope(|scope| {
        scope.spawn(section);
        scope.spawn(section);
    });
}

/// A ring of two slots, through which three values pass.
fn ring() {
    let (head, tail) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0..3 {
                if at - head.load(Acquire) < 2 {
                    tail.store(at + 1, Release);
                } else {
                    break;
                }
            }
        });
        scope.spawn(|| {
            for at in 0..3 {
                if tail.load(Acquire) > at {
                    head.store(at + 1, Release);
                } else {
                    break;
                }
            }
        });
    });
}

fn channel() {
    let (tx, rx) = bounded(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = tx.try_send(1);
        });
        scope.spawn(|| rx.close());
    });
}

fn iriw() {
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| x.store(1, SeqCst));
        scope.spawn(|| (x.load(Acquire), y.load(SeqCst)));
        scope.spawn(|| (y.load(Acquire), x.load(SeqCst)));
        scope.spawn(|| y.store(1, SeqCst));
    });
}

fn fetch_add(threads: usize, times: usize) {
    let counter = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..times {
                    counter.fetch_add(1, Relaxed);
                }
            });
        }
    });
}

fn relay() {
    let (x, y, z) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            x.store(1, Relaxed);
            y.store(1, Release);
        });
        scope.spawn(|| {
            if y.load(Acquire) == 1 {
                z.store(1, Release);
            }
        });
        scope.spawn(|| (z.load(Acquire), x.load(Relaxed)));
    });
}

struct Node {
    next: UnsafeCell<*mut Node>,
}

/// Threads that each push a node and then pop one; nodes are freed at the end.
fn treiber(threads: usize) {
    let head = AtomicPtr::new(null_mut::<Node>());
    let popped: Vec<AtomicPtr<Node>> = (0..threads).map(|_| AtomicPtr::new(null_mut())).collect();
    thread::scope(|scope| {
        for popped in &popped {
            let head = &head;
            scope.spawn(move || {
                let node = TrackedBox::into_raw(TrackedBox::new(Node { next: UnsafeCell::new(null_mut()) }));
                loop {
                    let top = head.load(Relaxed);
                    // SAFETY: no other thread has the node before it is pushed.
                    unsafe { &*node }.next.with_mut(|next| unsafe { *next = top });
                    if head.compare_exchange(top, node, Release, Relaxed).is_ok() {
                        break;
                    }
                }
                loop {
                    let top = head.load(Acquire);
                    if top.is_null() {
                        break;
                    }
                    // SAFETY: nodes are freed only when all threads have ended.
                    let next = unsafe { &*top }.next.with(|next| unsafe { *next });
                    if head.compare_exchange(top, next, Relaxed, Relaxed).is_ok() {
                        popped.store(top, Relaxed);
                        break;
                    }
                }
            });
        }
    });
    for popped in &popped {
        let node = popped.load(Relaxed);
        if !node.is_null() {
            // SAFETY: each node was popped once, and all threads have ended.
            drop(unsafe { TrackedBox::from_raw(node) });
        }
    }
}

fn explore(program: &Program, engine: Engine) -> Report {
    let checker = Checker::new().ignore_environment().engines([engine]).preemption_bound(None);
    checker.spurious_failures(false).time_limit(LIMIT).run(program.body).remove(0)
}

fn ends(report: &Report) -> bool {
    match &report.verdict {
        Verdict::Exhaustive => true,
        Verdict::Searched { bounds, .. } => !bounds.contains("stopped"),
        Verdict::Failed(_) | Verdict::Refused { .. } => panic!("{report}"),
        _ => false,
    }
}

/// Returns the seconds that a whole exploration takes, the least of three.
fn seconds(program: &Program, engine: Engine) -> Option<(f64, u64)> {
    let mut least = f64::INFINITY;
    let mut executions = 0;
    for _ in 0..3 {
        let report = explore(program, engine);
        if !ends(&report) {
            return None;
        }
        executions = report.executions;
        least = least.min(report.elapsed.as_secs_f64());
        if least > 1.0 {
            break;
        }
    }
    Some((least, executions))
}

fn engines(criterion: &mut Criterion) {
    let all = [Engine::Graph, Engine::Loom, Engine::Shuttle(Strategy::DepthFirst)];
    let mut ratios: Vec<(Engine, usize, f64)> = Vec::new();
    for program in &PROGRAMS {
        let mut group = criterion.benchmark_group(program.name);
        group
            .sample_size(10)
            .measurement_time(Duration::from_millis(500))
            .warm_up_time(Duration::from_millis(100));
        let mut base = f64::NAN;
        for engine in all {
            let Some((time, executions)) = seconds(program, engine) else {
                println!("{} under {engine}: does not end within {LIMIT:?}", program.name);
                continue;
            };
            println!("{} under {engine}: {executions} executions in {:.3} ms", program.name, time * 1e3);
            if engine == Engine::Graph {
                base = time;
            } else {
                ratios.push((engine, program.threads, time / base));
            }
            if time < 0.05 {
                group.bench_function(engine.name(), |bencher| bencher.iter(|| explore(program, engine)));
            }
        }
        group.finish();
    }
    for engine in &all[1..] {
        let of = |least: usize| {
            ratios.iter().filter(move |(other, threads, _)| other == engine && *threads >= least)
        };
        let (count, sum) = of(3).fold((0, 0.0), |(count, sum), ratio| (count + 1, sum + ratio.2.ln()));
        let worst = of(0).map(|ratio| ratio.2).fold(f64::INFINITY, f64::min);
        let mean = (sum / f64::from(count.max(1))).exp();
        println!(
            "{engine} takes {mean:.0} times as long as the graph engine with three or more threads ({count} programs); least of all {worst:.1}"
        );
    }
}

criterion_group!(benches, engines);
criterion_main!(benches);
