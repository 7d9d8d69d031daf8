//! The patterns on goroutines and on plain threads: what they return, and that nothing is left of them.
//!
//! Each program runs on 1, 2 and 4 Ps and on threads. After it no goroutine is left, and every value has been
//! dropped.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod chains;
mod crawl;
mod exit;
mod fetch;
mod group;
mod pipeline;
mod produce;
mod pub_sub;
mod rate;
mod series;
mod timeouts;
mod workers;

use selvedge_go::{Builder, Leftover};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Makes values, and counts those that have not been dropped.
#[derive(Clone, Default)]
struct Values(Arc<AtomicUsize>);

impl Values {
    fn make(&self, number: u32) -> Value {
        self.0.fetch_add(1, SeqCst);
        Value { number, alive: Arc::clone(&self.0) }
    }

    /// Waits until every value has been dropped, by threads that nobody joins.
    fn wait_until_dropped(&self) {
        while self.0.load(SeqCst) > 0 {
            selvedge::rt::thread::yield_now();
        }
    }
}

/// A value that is counted.
struct Value {
    number: u32,
    alive: Arc<AtomicUsize>,
}

impl Clone for Value {
    fn clone(&self) -> Value {
        Values(Arc::clone(&self.alive)).make(self.number)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

/// Runs a program on goroutines and on threads. When it returns, its goroutines and values must be gone.
fn everywhere(program: impl Fn(&Values)) {
    for procs in [1, 2, 4] {
        let values = Values::default();
        Builder::new().procs(procs).leftover(Leftover::Fail).run(|| program(&values));
        assert_eq!(values.0.load(SeqCst), 0, "values are left, on {procs} Ps");
    }
    let values = Values::default();
    program(&values);
    assert_eq!(values.0.load(SeqCst), 0, "values are left, on threads");
}

/// Panics without a message.
fn panic_quietly(what: &'static str) -> ! {
    resume_unwind(Box::new(what))
}

/// Returns the text of the panic that `f` must end with.
fn panic_of<R>(f: impl FnOnce() -> R) -> &'static str {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { panic!("it should panic") };
    text_of(&*panic)
}

/// Returns the text of a panic that [`panic_quietly`] has begun.
fn text_of(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("another panic")
}
