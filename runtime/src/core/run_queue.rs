//! The runnable tasks of one P: a ring, and one task that runs next.
//!
//! One thread, the *owner*, has the P and puts and takes tasks; any thread may steal. A P that changes its owner does so
//! by something that synchronizes. The ring has `N` slots; `head` and `tail` count without end, and `tail - head` tasks
//! are in the ring. The owner writes slots and `tail`; a thread that takes tasks moves `head` by a CAS.
//!
//! R1. A task is taken once. The CAS of `head` from h to h + n gives the tasks h to h + n - 1 to its thread: `head` only
//! grows, and the slots held these tasks when the CAS succeeded, because the owner overwrites the slot of task h only
//! after it has read a greater `head`. (A count comes back to the same value after 2³² tasks, and a thief that sleeps so
//! long between its load and its CAS is not expected.)
//!
//! R2. What a thread did before it put a task happens before the return of the call that takes it.
//!
//! R3. The queue does not look empty while it holds a task, with one exception: `put_next` has displaced a task, and a
//! thief takes the new one before a look sees the displaced one in the ring. The owner, which is still in `put_next` or
//! goes on to `Idle::submit`, wakes another thread for it.
//!
//! Source: the run queue of Go's scheduler, whose rules these are: the ring's size, the slot for the next task, stealing
//! half, and the overflow of half to the global queue.

use super::chain::{Chain, Links, NONE, Task};
use core::array;
use core::fmt;
use selvedge::rt::hint;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::twin::is_twin;

/// The runnable tasks of a P. `N` is a power of two; models use a small one.
#[repr(align(64))]
pub struct RunQueue<const N: usize = 256> {
    head: AtomicU32,
    tail: AtomicU32,
    /// The task that runs next, or none.
    next: AtomicU32,
    slots: [AtomicU32; N],
}

impl<const N: usize> RunQueue<N> {
    const SIZE: u32 = {
        assert!(N.is_power_of_two() && N >= 2 && N <= 1 << 16);
        N as u32
    };

    /// Returns a queue without tasks.
    pub fn new() -> RunQueue<N> {
        RunQueue {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            next: AtomicU32::new(NONE),
            slots: array::from_fn(|_| AtomicU32::new(NONE)),
        }
    }

    fn slot(&self, number: u32) -> &AtomicU32 {
        &self.slots[(number % Self::SIZE) as usize]
    }

    /// Puts a task at the tail; for the owner. If the ring is full, returns the older half of its tasks and the new one,
    /// for the global queue.
    #[must_use]
    pub fn put(&self, links: &impl Links, task: Task) -> Option<Chain> {
        loop {
            // Acquire: synchronizes with the Release CAS of the thread that took the task of this slot: it has read the
            // slot before the store below overwrites it (R1). Not model-checked: the execution that shows the need is
            // load buffering.
            let head = self.head.load(Acquire);
            let tail = self.tail.load(Relaxed); // Relaxed: only the owner changes `tail`.
            if tail.wrapping_sub(head) < Self::SIZE {
                self.slot(tail).store(task, Relaxed); // Relaxed: the store of `tail` publishes the slot.
                // Release: publishes the slot, and all that was done before, to the Acquire load of `tail` in
                // `steal_half` (R2).
                self.tail.store(tail.wrapping_add(1), Release); // site: put-task
                return None;
            }
            if let Some(overflow) = self.take_half(links, head, task) {
                return Some(overflow);
            }
        }
    }

    /// Takes half of a full ring, and adds a task; or fails if a thief has made room.
    #[cold]
    fn take_half(&self, links: &impl Links, head: u32, task: Task) -> Option<Chain> {
        let after = head.wrapping_add(Self::SIZE / 2);
        // Release: continues what `is_empty` relies on (R3). Relaxed on failure: the caller looks again.
        self.head.compare_exchange(head, after, Release, Relaxed).ok()?; // site: take-half
        let mut overflow = Chain::new();
        for number in 0..Self::SIZE / 2 {
            // Relaxed: the owner's own stores; no other thread writes slots.
            overflow.push(links, self.slot(head.wrapping_add(number)).load(Relaxed));
        }
        overflow.push(links, task);
        Some(overflow)
    }

    /// Puts a task where it runs next, and the one that was there at the tail; for the owner. Returns what overflows.
    #[must_use]
    pub fn put_next(&self, links: &impl Links, task: Task) -> Option<Chain> {
        // Release: publishes all that was done before to the Acquire CAS in `steal_next` (R2). No Acquire: a task found
        // here was put by the owner.
        let displaced = self.next.swap(task, Release); // site: put-next
        if displaced == NONE { None } else { self.put(links, displaced) }
    }

    /// Takes the task that is to run next; for the owner.
    pub fn take_next(&self) -> Option<Task> {
        let task = self.next.load(Relaxed); // Relaxed: the owner put the task there.
        if task == NONE {
            return None;
        }
        // Release: publishes the ring's `tail`, to which the last task in this place was moved, to the Acquire load in
        // `is_empty` (R3). Relaxed on failure: a thief has the task.
        self.next.compare_exchange(task, NONE, Release, Relaxed).ok() // site: take-next
    }

    /// Takes the oldest task of the ring; for the owner.
    pub fn take(&self) -> Option<Task> {
        loop {
            // Relaxed: the CAS checks the value of `head`, and only the owner changes `tail`.
            let head = self.head.load(Relaxed);
            if head == self.tail.load(Relaxed) {
                return None;
            }
            let task = self.slot(head).load(Relaxed); // Relaxed: the owner's own store.
            let after = head.wrapping_add(1);
            // Release: publishes the `tail` that this thread has stored to the Acquire load in `is_empty` (R3). Relaxed
            // on failure: the loop only looks again.
            // site: take-task
            if self.head.compare_exchange(head, after, Release, Relaxed).is_ok() {
                return Some(task);
            }
        }
    }

    /// Steals half of the ring's tasks, rounded up: returns the youngest of them, and puts the others into `thief`, a queue
    /// that the caller owns and whose ring is empty. May return `None` also if another thread takes tasks at the same time.
    #[must_use]
    pub fn steal_half(&self, thief: &RunQueue<N>) -> Option<Task> {
        // Acquire: synchronizes with the Release CAS of a thread that stole from the thief: it has read the slots that are
        // overwritten below (R1). Not model-checked: the execution that shows the need is load buffering.
        let (own_head, own_tail) = (thief.head.load(Acquire), thief.tail.load(Relaxed));
        debug_assert_eq!(own_head, own_tail, "a thief has no task in its ring");
        loop {
            let head = self.head.load(Relaxed); // Relaxed: the CAS checks the value.
            // Acquire: synchronizes with the Release stores in `put` and in `steal_half`: the slots, and what was done
            // before the tasks were put (R2).
            let tail = self.tail.load(Acquire); // site: load-tail
            let tasks = tail.wrapping_sub(head);
            let count = tasks - tasks / 2;
            // With more than half of the ring the two loads do not fit together: `head` has moved between them.
            if count == 0 || count > Self::SIZE / 2 {
                return None;
            }
            for number in 0..count {
                // Relaxed: read after the Acquire load of `tail`. A value that the owner has written later is not used,
                // since the CAS fails (R1).
                let task = self.slot(head.wrapping_add(number)).load(Relaxed);
                thief.slot(own_tail.wrapping_add(number)).store(task, Relaxed);
            }
            // Release: the slots are read before the owner's Acquire load in `put` finds them free (R1), and `is_empty`
            // finds the `tail` that this thread has found (R3). Relaxed on failure: the loop looks again.
            // site: steal-tasks
            if self.head.compare_exchange(head, head.wrapping_add(count), Release, Relaxed).is_ok() {
                let kept = own_tail.wrapping_add(count - 1);
                // Release: publishes the slots, and what was done before their tasks were put, to the Acquire load of
                // `tail` by a thread that steals them from this one (R2).
                thief.tail.store(kept, Release); // site: put-stolen
                return Some(thief.slot(kept).load(Relaxed)); // Relaxed: this thread's own store.
            }
        }
    }

    /// Returns the task that is to run next, for a thief that may steal it later.
    pub fn next(&self) -> Option<Task> {
        let task = self.next.load(Relaxed); // Relaxed: the CAS of `steal_next` checks the value.
        (task != NONE).then_some(task)
    }

    /// Steals the task that is to run next, if it is this one; returns whether it was.
    #[must_use]
    pub fn steal_next(&self, task: Task) -> bool {
        // Acquire: synchronizes with the Release swap in `put_next` (R2). Relaxed on failure: another thread has it.
        self.next.compare_exchange(task, NONE, Acquire, Relaxed).is_ok() // site: steal-next
    }

    /// Returns whether there is no task.
    ///
    /// R3. The owner moves a task from `next` to the ring in two steps, and then takes the one that displaced it. A look at
    /// the ring before and at `next` after these steps finds nothing; so the ring's `tail` is read again.
    pub fn is_empty(&self) -> bool {
        loop {
            // Acquire: if `head` was moved past a task, then the `tail` that the taker knew is found below, and with it
            // the tasks that were put before.
            let head = self.head.load(Acquire); // site: look-at-head
            let tail = self.tail.load(Relaxed); // Relaxed: the value only.
            // Acquire: if the owner took `next`, then the `tail` that it stored before is found below.
            let next = self.next.load(Acquire); // site: look-at-next
            // Relaxed: the value only.
            let tail_again = self.tail.load(Relaxed);
            // site: look-at-tail-again
            if is_twin() || tail == tail_again {
                return head == tail && next == NONE;
            }
            hint::spin_loop();
        }
    }
}

impl<const N: usize> Default for RunQueue<N> {
    fn default() -> RunQueue<N> {
        RunQueue::new()
    }
}

impl<const N: usize> fmt::Debug for RunQueue<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunQueue").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}
