//! A readers-writer lock of which a program uses nothing but blocking reads and writes.
//!
//! The ends of reads need no order then, neither with each other nor with a writer that waits for them: they are steps on
//! objects of their own, one for a few threads. A write *claims* the lock, which keeps later readers and writers out, and then
//! observes the ends of the reads that came before its claim. So the order of the lock has reads, claims and the
//! ends of writes, and no more.
//!
//! A claim keeps other writers out earlier than an announcement does. Only a failed attempt or a time-out could tell. If the
//! program makes one, or if another thread than its reader ends a read, the program *looks* at the lock: the exploration
//! begins anew, with one order of all operations.

use super::State;
use crate::rt::spec::{Common, Done, Object, StepId};
use crate::rt::thread;
use crate::rt::twin::is_twin;
use crate::spec::done;
use core::array;
use core::cell::RefCell;

/// How many objects there are for the ends of reads. Readers with numbers that differ by a multiple of this have an order.
const ENDS: usize = 4;

/// What a lock has as long as nothing looks at it.
pub(super) struct Apart {
    /// The two things that are together if the program looks.
    looked_at: [Common<LookedAt>; 2],
    /// The ends of the reads of each part of the threads: the read, and the step that has ended it.
    ends: [Object<Vec<(StepId, StepId)>>; ENDS],
    /// The reads that go on, with their threads.
    reads: RefCell<Vec<(u64, StepId)>>,
}

/// What stands for the knowledge that a program looks at a lock; it has no state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LookedAt;

impl State {
    /// Begins a read, and returns its name.
    fn begin_read(&self, me: StepId) -> Option<Done<State, StepId>> {
        let mut state = self.clone();
        state.begun.push(me);
        let free = !self.writer || is_twin(); // site: reads-beside-a-claim
        free.then(|| done(state, me, self.written))
    }

    /// Claims the lock for a writer, and returns the reads that it has to wait for.
    fn claim(&self) -> Option<Done<State, Vec<StepId>>> {
        let begun = if is_twin() { Vec::new() } else { self.begun.clone() }; // site: waits-for-no-reader
        let claimed = || State { writer: true, begun: Vec::new(), ..self.clone() };
        (!self.writer).then(|| done(claimed(), begun, self.written))
    }
}

impl Default for Apart {
    fn default() -> Apart {
        Apart {
            looked_at: [Common::new("lock"), Common::new("look")],
            ends: array::from_fn(|_| Object::new("reads", Vec::new())),
            reads: RefCell::new(Vec::new()),
        }
    }
}

impl Apart {
    fn looked_at(&self) -> [&Common<LookedAt>; 2] {
        self.looked_at.each_ref()
    }

    /// Returns whether the program looks at the lock in this exploration.
    pub(super) fn is_looked_at(&self) -> bool {
        Common::are_together(&self.looked_at())
    }

    /// Lets the lock be looked at: if it has not been so far, the exploration begins anew, and this does not return.
    pub(super) fn look(&self) {
        Common::need_together(&self.looked_at());
    }

    fn ends_with(&self, read: StepId) -> &Object<Vec<(StepId, StepId)>> {
        &self.ends[read.thread as usize % ENDS]
    }

    #[track_caller]
    pub(super) fn read(&self, lock: &Object<State>) {
        let begun = lock.step("read", |state, me| state.begin_read(me));
        self.reads.borrow_mut().push((thread::number(), begun));
    }

    /// Ends a read of the calling thread.
    #[track_caller]
    pub(super) fn end_read(&self) {
        let own = {
            let reads = &mut *self.reads.borrow_mut();
            let last = reads.iter().rposition(|(reader, _)| *reader == thread::number());
            last.map(|at| reads.swap_remove(at).1)
        };
        let Some(begun) = own else { return self.look() };
        self.ends_with(begun).step("end to read", |ends, me| {
            Some(done(ends.iter().copied().chain([(begun, me)]).collect(), (), None))
        });
    }

    #[track_caller]
    pub(super) fn write(&self, lock: &Object<State>) {
        for begun in lock.step("write", |state, _| state.claim()) {
            self.ends_with(begun).observe("write after", |ends| {
                let (_, end) = ends.iter().find(|(read, _)| *read == begun)?;
                Some(((), Some(*end).into_iter().filter(|_| !is_twin()).collect())) // site: no-edge-from-the-reads
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn a_claim_keeps_others_out_and_names_the_reads_before_it() {
        let two = State::FREE.begin_read(step(1)).expect("it is free").state;
        let two = two.begin_read(step(2)).expect("readers share").state;
        let claimed = two.claim().expect("no writer has it");
        assert_eq!(claimed.result, [step(1), step(2)]);
        assert!(claimed.state.claim().is_none() && claimed.state.begin_read(step(3)).is_none());
        let free = claimed.state.end_write(step(4)).expect("it writes").state;
        let read = free.begin_read(step(5)).expect("it is free");
        assert_eq!((read.result, read.after.as_slice()), (step(5), [step(4)].as_slice()));
        assert_eq!(free.claim().expect("it is free").result, []);
    }
}
