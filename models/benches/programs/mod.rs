//! The programs of the bench `engines`: twelve small ones of our own, and those of GenMC's test suite that have many
//! executions.

use selvedge::chan::bounded;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use selvedge::rt::{alloc::TrackedBox, hint, thread};
use selvedge_check::Engine;
use selvedge_models::litmus::{Compiled, Mode, PROGRAMS, Program as Litmus, parse};
use selvedge_models::models::MODELS;
use std::ptr::null_mut;
use std::sync::Arc;

/// A program to explore.
pub(crate) struct Program {
    pub(crate) name: String,
    /// Its threads besides the one that starts them.
    pub(crate) threads: usize,
    body: Body,
    /// The number of executions that GenMC publishes.
    pub(crate) published: Option<u64>,
}

enum Body {
    Function(fn()),
    Litmus(Box<Litmus>),
}

impl Program {
    fn new(name: &str, threads: usize, body: fn()) -> Program {
        Program { name: name.to_owned(), threads, body: Body::Function(body), published: None }
    }

    /// Names the litmus program that is the same program, for which GenMC publishes a number.
    fn published_as(self, name: &str) -> Program {
        let published = litmus().into_iter().find(|program| program.name == name);
        let published = published.expect("the litmus program is in the file").expectation.executions;
        Program { published, ..self }
    }

    /// Returns whether its data races are failures. Litmus programs race on purpose.
    pub(crate) fn is_free_of_races(&self) -> bool {
        matches!(self.body, Body::Function(_))
    }

    /// Returns the program as an engine runs it.
    pub(crate) fn body(&self, engine: Engine) -> Box<dyn Fn() + Send + Sync> {
        match &self.body {
            Body::Function(body) => Box::new(*body),
            Body::Litmus(program) => {
                let mode = if engine == Engine::Graph { Mode::Graph } else { Mode::Other };
                let compiled = Arc::new(Compiled::new(program, mode, None));
                Box::new(move || Arc::clone(&compiled).run())
            }
        }
    }
}

fn litmus() -> Vec<Litmus> {
    parse(PROGRAMS).expect("the file is good")
}

/// Returns the twelve programs of our own.
pub(crate) fn ours() -> Vec<Program> {
    vec![
        Program::new("MP", 2, message_passing).published_as("MP"),
        Program::new("SB", 2, store_buffering),
        Program::new("Dekker", 2, dekker),
        Program::new("spin lock", 2, spin_lock),
        Program::new("SPSC ring", 2, ring),
        Program::new("channel close", 2, channel),
        Program::new("Treiber 2", 2, || treiber(2)),
        Program::new("IRIW", 4, iriw).published_as("IRIW-acq-sc"),
        Program::new("fa3", 3, || fetch_add(3, 2)),
        Program::new("fa4", 4, || fetch_add(4, 1)).published_as("ainc[N=4]"),
        Program::new("MP3", 3, relay),
        Program::new("Treiber 3", 3, || treiber(3)),
    ]
}

/// Returns the programs of GenMC's test suite with 100 to 100,000 executions.
pub(crate) fn of_genmc() -> Vec<Program> {
    let many = |program: &Litmus| {
        program.suite != "models"
            && program.expectation.executions.is_some_and(|count| (100..=100_000).contains(&count))
    };
    let program = |program: Litmus| Program {
        name: program.name.clone(),
        threads: program.threads(),
        published: program.expectation.executions,
        body: Body::Litmus(Box::new(program)),
    };
    litmus().into_iter().filter(many).map(program).collect()
}

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
