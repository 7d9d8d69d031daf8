//! Lists of tasks that are linked through the tasks themselves, so that a list of any length costs no memory.

use core::mem;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;

/// The number of a task: a slot of the goroutine table. It is never [`NONE`].
pub type Task = u32;

/// No task.
pub const NONE: Task = 0;

/// Where tasks keep their links.
pub trait Links {
    /// Returns the link of a task, which belongs to the list or the thread that has the task.
    fn link(&self, task: Task) -> &AtomicU32;
}

/// A list of tasks that its owner has alone.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Chain {
    first: Task,
    last: Task,
    len: u32,
}

impl Chain {
    /// Returns a list without tasks.
    pub const fn new() -> Chain {
        Chain { first: NONE, last: NONE, len: 0 }
    }

    /// Returns how many tasks there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Returns whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a task at the end.
    pub fn push(&mut self, links: &impl Links, task: Task) {
        self.append(links, Chain { first: task, last: task, len: 1 });
    }

    /// Adds a task at the beginning.
    pub fn push_front(&mut self, links: &impl Links, task: Task) {
        let mut one = Chain { first: task, last: task, len: 1 };
        one.append(links, mem::take(self));
        *self = one;
    }

    /// Adds the tasks of another list at the end.
    pub fn append(&mut self, links: &impl Links, more: Chain) {
        match self.len {
            0 => *self = more,
            _ if more.len == 0 => (),
            _ => {
                // Relaxed: the owner of the list has its tasks alone, and the queue or lock by which it hands the list
                // on publishes the links.
                links.link(self.last).store(more.first, Relaxed);
                self.last = more.last;
                self.len += more.len;
            }
        }
    }

    /// Takes the first task.
    pub fn pop(&mut self, links: &impl Links) -> Option<Task> {
        let (task, left) = (self.first, self.len.checked_sub(1)?);
        self.len = left;
        if left > 0 {
            // Relaxed: the owner of the list has its tasks alone. The last task's link is never read.
            self.first = links.link(task).load(Relaxed);
        }
        Some(task)
    }

    /// Takes up to `count` tasks from the beginning.
    pub fn split(&mut self, links: &impl Links, count: u32) -> Chain {
        let mut taken = Chain::new();
        while taken.len < count
            && let Some(task) = self.pop(links)
        {
            taken.push(links, task);
        }
        taken
    }
}
