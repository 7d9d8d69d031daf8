//! A readers-writer lock of which a program uses nothing but blocking reads and writes.
//!
//! Reads need no order with each other then. The threads are in a few *lanes*, each of which is an object. A read is a step on
//! the lane of its thread. A write *claims* one lane after the other, the first one first, which keeps later readers of the lane
//! out, and other writers; when it ends it leaves the lanes, the first one last. So the order of a lane has reads, claims and
//! the ends of writes, and no more.
//!
//! The ends of reads need no order either, not even with a writer that waits for them: they are steps on objects of their own.
//! A writer that has claimed all lanes observes the ends of the reads that came before its claims.
//!
//! A claim keeps other writers out earlier than an announcement does. Only a failed attempt or a time-out could tell. If the
//! program makes one, or if another thread than its reader ends a read, the program *looks* at the lock: the exploration
//! begins anew, with one order of all operations.

use super::State;
use crate::rt::shard;
use crate::rt::spec::{Common, Done, Object, StepId};
use crate::rt::thread;
use crate::rt::twin::is_twin;
use crate::spec::done;
use core::array;
use core::cell::RefCell;

/// How many lanes there are. Readers with numbers that differ by a multiple of this have an order.
const LANES: usize = 4;

/// What a lock has as long as nothing looks at it.
pub(super) struct Apart {
    /// The two things that are together if the program looks.
    looked_at: [Common<LookedAt>; 2],
    lanes: [Object<Lane>; LANES],
    /// The ends of the reads of each lane: the read, and the step that has ended it.
    ends: [Object<Vec<(StepId, StepId)>>; LANES],
    /// The reads that go on, with their threads.
    reads: RefCell<Vec<(u64, StepId)>>,
}

/// What stands for the knowledge that a program looks at a lock; it has no state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LookedAt;

/// What the reads of some threads know of the writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lane {
    /// Whether a writer has claimed the lane.
    writer: bool,
    /// The reads since the last claim.
    begun: Vec<StepId>,
    /// The end of the last write.
    written: Option<StepId>,
}

impl Lane {
    /// Begins a read, and returns its name.
    fn begin_read(&self, me: StepId) -> Option<Done<Lane, StepId>> {
        let mut state = self.clone();
        state.begun.push(me);
        let free = !self.writer || is_twin(); // site: reads-beside-a-claim
        free.then(|| done(state, me, self.written))
    }

    /// Claims the lane for a writer, and returns the reads that it has to wait for.
    fn claim(&self) -> Option<Done<Lane, Vec<StepId>>> {
        let begun = if is_twin() { Vec::new() } else { self.begun.clone() }; // site: waits-for-no-reader
        let claimed = || Lane { writer: true, begun: Vec::new(), ..self.clone() };
        (!self.writer).then(|| done(claimed(), begun, self.written))
    }

    /// Ends a write, and returns `false` if nobody writes.
    fn end_write(&self, me: StepId) -> Done<Lane, bool> {
        match self.writer {
            true => done(Lane { writer: is_twin(), written: Some(me), ..self.clone() }, true, None), // site: keeps-a-lane
            false => done(self.clone(), false, None),
        }
    }
}

impl Default for Apart {
    fn default() -> Apart {
        Apart {
            looked_at: [Common::new("lock"), Common::new("look")],
            lanes: array::from_fn(|_| Object::new("lane", Lane::default())),
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
        &self.ends[read.thread as usize % LANES]
    }

    #[track_caller]
    pub(super) fn read(&self, lock: &Object<State>) {
        let lane = &self.lanes[shard::of_thread() % LANES];
        let begun = lane.step_in(lock, "read", |lane, me| lane.begin_read(me));
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
        let claims = self.lanes.iter().map(|lane| lane.step_in(lock, "write", |lane, _| lane.claim()));
        for begun in claims.collect::<Vec<_>>().into_iter().flatten() {
            self.ends_with(begun).observe("write after", |ends| {
                let (_, end) = ends.iter().find(|(read, _)| *read == begun)?;
                Some(((), Some(*end).into_iter().filter(|_| !is_twin()).collect())) // site: no-edge-from-the-reads
            });
        }
    }

    /// Ends a write, and returns `false` if nobody writes.
    #[track_caller]
    pub(super) fn end_write(&self, lock: &Object<State>) -> bool {
        let mut lanes = self.lanes.iter().rev();
        lanes.all(|lane| lane.step_in(lock, "end to write", |lane, me| Some(lane.end_write(me))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn a_claim_keeps_others_out_and_names_the_reads_before_it() {
        let two = Lane::default().begin_read(step(1)).expect("it is free").state;
        let two = two.begin_read(step(2)).expect("readers share").state;
        let claimed = two.claim().expect("no writer has it");
        assert_eq!(claimed.result, [step(1), step(2)]);
        assert!(claimed.state.claim().is_none() && claimed.state.begin_read(step(3)).is_none());
        let free = claimed.state.end_write(step(4)).state;
        let read = free.begin_read(step(5)).expect("it is free");
        assert_eq!((read.result, read.after.as_slice()), (step(5), [step(4)].as_slice()));
        assert_eq!(free.claim().expect("it is free").result, []);
    }
}
