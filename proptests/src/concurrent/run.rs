//! Runs a program on real or modelled threads.
//!
//! # How a program ends
//! Random programs block for ever, rightly: a second `recv` that no send matches. So the body waits
//! until each thread is done or waits for something that, by the books, no thread will ever do; then it
//! closes the channel, which ends all waits. It must not close earlier: a close wakes every waiter,
//! and would hide a lost wake-up. With this rule a lost wake-up is what it should
//! be, a deadlock: the books say that a thread can go on, so the body waits for it, and it never does.

use super::{Entry, Ledger, Operation, Program, value_of};
use crate::call::{Answer, receive, send};
use selvedge::chan::{Receiver, Sender, bounded_with_segments};
use selvedge::rt::park::Parker;
use selvedge::rt::thread;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs the program as a model's body, and returns its books. The channel has segments of two to the
/// power `shift` cells; 5 is what `bounded` makes.
///
/// # Panics
/// If the channel broke a promise, with the history.
pub fn run(program: &Program, shift: u32) -> Ledger {
    let (tx, rx) = bounded_with_segments(program.capacity, shift);
    let quiet = Parker::new();
    let ledger = Ledger::new(program.capacity, program.threads.len(), quiet.unparker());
    thread::scope(|scope| {
        for (number, operations) in program.threads.iter().enumerate() {
            let (tx, rx, ledger) = (&tx, &rx, &ledger);
            scope.spawn(move || follow(number, operations, tx, rx, ledger));
        }
        if !program.threads.is_empty() {
            quiet.park();
        }
        perform(program.threads.len(), 0, Operation::Close, &tx, &rx, &ledger);
    });
    let rest: Vec<_> = rx.iter().collect();
    ledger.settle(&rest);
    ledger
}

/// Runs one thread of the program. The books are closed even if the thread panics, or the body would wait for it.
fn follow(number: usize, operations: &[Operation], tx: &Sender<u32>, rx: &Receiver<u32>, ledger: &Ledger) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        for (position, operation) in operations.iter().enumerate() {
            perform(number, position, *operation, tx, rx, ledger);
        }
    }));
    ledger.done(number);
    if let Err(panic) = result {
        resume_unwind(panic);
    }
}

fn perform(
    thread: usize,
    position: usize,
    operation: Operation,
    tx: &Sender<u32>,
    rx: &Receiver<u32>,
    ledger: &Ledger,
) {
    let value = value_of(thread, position);
    let begun = ledger.begin(thread, operation);
    let answer = match (operation.sends(), operation.receives()) {
        (Some(wait), _) => send(tx, value, wait),
        (_, Some(wait)) => receive(rx, wait),
        _ => Answer::Closed(tx.close().is_ok()),
    };
    ledger.end(Entry { thread, operation, value, answer }, &begun);
    ledger.observe(tx.len());
}
