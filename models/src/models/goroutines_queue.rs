//! Models of the run queue of a P, of the global queue, and of an M's inbox. A task is a number with a cell, which is written before the
//! task is put and read by the thread that takes it.

use super::{Model, Plain, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicU32};
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::chain::{Chain, Links, Task};
use selvedge_go::core::inbox::Inbox;
use selvedge_go::core::injector::Injector;
use selvedge_go::core::run_queue::RunQueue;

models![
    queue_conserves,
    queue_conserves_as_slots_are_used_again,
    queue_conserves_as_it_overflows,
    queue_conserves_beside_two_thieves,
    queue_conserves_what_is_stolen_from_a_thief,
    queue_conserves_the_next_task,
    queue_is_never_falsely_empty,
    queue_is_never_falsely_empty_while_its_owner_takes,
    queue_is_never_falsely_empty_while_it_overflows,
    queue_is_never_falsely_empty_beside_a_thief,
    the_global_queue_conserves,
    an_inbox_keeps_the_order,
];

const QUEUE: Mutant = mutant_of!("runtime/src/core/run_queue.rs");
const INBOX: Mutant = mutant_of!("runtime/src/core/inbox.rs");
const INJECTOR: Mutant = mutant_of!("runtime/src/core/injector.rs");
/// A task is put and not published to a thief.
const WEAK_PUT: Mutant = QUEUE.weaken("put-task").or(FailureKind::Panic);
const WEAK_LOOK: Mutant = QUEUE.weaken("load-tail").or(FailureKind::Panic);
/// Tasks are taken, and stay in the queue.
const TAKEN_TWICE: Mutant = QUEUE.lose("take-task", FailureKind::Panic).or(FailureKind::Race);
const STOLEN_TWICE: Mutant = QUEUE.lose("steal-tasks", FailureKind::Panic).or(FailureKind::Race);
const OVERFLOWS_TWICE: Mutant = QUEUE.lose("take-half", FailureKind::Panic).or(FailureKind::Race);
const NEXT_TWICE: Mutant = QUEUE.lose("steal-next", FailureKind::Panic).or(FailureKind::Race);
const LOST_PUT: Mutant = QUEUE.lose("put-task", FailureKind::Panic);

/// What a task's cell holds once the task was put, and once it was taken.
const PUT: u32 = 1;
const TAKEN: u32 = 2;

/// Tasks 1 to `N - 1`.
struct Tasks<const N: usize> {
    cells: [Plain; N],
    links: [AtomicU32; N],
}

impl<const N: usize> Links for Tasks<N> {
    fn link(&self, task: Task) -> &AtomicU32 {
        &self.links[task as usize]
    }
}

impl<const N: usize> Tasks<N> {
    fn new() -> Tasks<N> {
        Tasks {
            cells: core::array::from_fn(|_| Plain::new(0)),
            links: core::array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Readies a task: what is done here happens before the task is taken.
    fn ready(&self, task: Task) -> Task {
        self.cells[task as usize].set(PUT);
        task
    }

    /// Puts a task that fits into the queue.
    fn put<const M: usize>(&self, queue: &RunQueue<M>, task: Task) {
        assert_eq!(queue.put(self, self.ready(task)), None);
    }

    /// Runs a task that was taken.
    fn run(&self, task: Task) {
        let cell = &self.cells[task as usize];
        assert_eq!(cell.get(), PUT, "a task is taken once");
        cell.set(TAKEN);
    }

    /// Runs what the owner takes until the ring is empty: the tasks come in the order in which they were put.
    fn run_all<const M: usize>(&self, queue: &RunQueue<M>) {
        let mut last = 0;
        while let Some(task) = queue.take() {
            assert!(task > last, "first in, first out");
            last = task;
            self.run(task);
        }
    }

    fn run_chain(&self, mut chain: Chain) {
        while let Some(task) = chain.pop(self) {
            self.run(task);
        }
    }

    /// Steals for a P without tasks, and runs them.
    fn steal<const M: usize>(&self, victim: &RunQueue<M>) {
        let own = RunQueue::new();
        if let Some(task) = victim.steal_half(&own) {
            self.run(task);
            self.run_all(&own);
        }
    }

    fn all_were_run(&self) {
        assert!(self.cells[1..].iter().all(|cell| cell.get() == TAKEN), "each task is taken");
    }
}

/// The owner puts and takes beside a thief.
fn queue_conserves() -> Model {
    model("each task is taken once, after it was put, by the owner first in, first out", || {
        let (tasks, queue) = (Tasks::<5>::new(), RunQueue::<4>::new());
        thread::scope(|scope| {
            scope.spawn(|| tasks.steal(&queue));
            (1..=4).for_each(|task| tasks.put(&queue, task));
            tasks.run_all(&queue);
        });
        tasks.all_were_run();
    })
    .catches([WEAK_PUT, WEAK_LOOK, TAKEN_TWICE, STOLEN_TWICE, LOST_PUT])
}

/// The owner puts tasks into slots that it, or a thief, has taken tasks from.
fn queue_conserves_as_slots_are_used_again() -> Model {
    model("a slot that is used again gives each of its tasks once", || {
        let (tasks, queue) = (Tasks::<5>::new(), RunQueue::<2>::new());
        tasks.put(&queue, 1);
        thread::scope(|scope| {
            scope.spawn(|| tasks.steal(&queue));
            tasks.put(&queue, 2);
            queue.take().into_iter().for_each(|task| tasks.run(task));
            tasks.put(&queue, 3);
            queue.take().into_iter().for_each(|task| tasks.run(task));
            tasks.put(&queue, 4);
            tasks.run_all(&queue);
        });
        tasks.all_were_run();
    })
    .catches([WEAK_PUT, WEAK_LOOK, TAKEN_TWICE, STOLEN_TWICE])
}

/// The ring is full, and the owner takes half of it for the global queue beside a thief.
fn queue_conserves_as_it_overflows() -> Model {
    model("a full ring gives half of its tasks away, each once", || {
        let (tasks, queue) = (Tasks::<6>::new(), RunQueue::<4>::new());
        (1..=3).for_each(|task| tasks.put(&queue, task));
        thread::scope(|scope| {
            scope.spawn(|| tasks.steal(&queue));
            for task in 4..=5 {
                queue.put(&tasks, tasks.ready(task)).into_iter().for_each(|chain| {
                    assert_eq!(chain.len(), 3);
                    tasks.run_chain(chain);
                });
            }
            tasks.run_all(&queue);
        });
        tasks.all_were_run();
    })
    .catches([OVERFLOWS_TWICE, STOLEN_TWICE, WEAK_PUT])
}

/// Two thieves steal from one owner.
fn queue_conserves_beside_two_thieves() -> Model {
    model("each task is taken once beside two thieves", || {
        let (tasks, queue) = (Tasks::<4>::new(), RunQueue::<4>::new());
        tasks.put(&queue, 1);
        thread::scope(|scope| {
            scope.spawn(|| tasks.steal(&queue));
            scope.spawn(|| tasks.steal(&queue));
            (2..=3).for_each(|task| tasks.put(&queue, task));
            tasks.run_all(&queue);
        });
        tasks.all_were_run();
    })
    .bound(2)
    .catches([WEAK_PUT, WEAK_LOOK, TAKEN_TWICE, STOLEN_TWICE])
}

/// A thief's tasks are stolen from it by another thread.
fn queue_conserves_what_is_stolen_from_a_thief() -> Model {
    model("tasks are stolen from a thief after they were put by their first owner", || {
        let (tasks, queue, own) = (Tasks::<4>::new(), RunQueue::<4>::new(), RunQueue::<4>::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                queue.steal_half(&own).into_iter().for_each(|task| tasks.run(task));
                tasks.run_all(&own);
            });
            scope.spawn(|| tasks.steal(&own));
            (1..=3).for_each(|task| tasks.put(&queue, task));
        });
        tasks.run_all(&queue);
        tasks.all_were_run();
    })
    .bound(2)
    .catches([
        QUEUE.weaken("put-stolen").or(FailureKind::Panic),
        QUEUE.lose("put-stolen", FailureKind::Panic),
        WEAK_LOOK,
    ])
}

/// The task that runs next is displaced and taken by the owner beside a thief.
fn queue_conserves_the_next_task() -> Model {
    model("the next task is taken once, by its owner or a thief", || {
        let (tasks, queue) = (Tasks::<4>::new(), RunQueue::<4>::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                let next = queue.next().filter(|task| queue.steal_next(*task));
                next.into_iter().for_each(|task| tasks.run(task));
                tasks.steal(&queue);
            });
            for task in 1..=2 {
                assert_eq!(queue.put_next(&tasks, tasks.ready(task)), None);
            }
            queue.take_next().into_iter().for_each(|task| tasks.run(task));
            assert_eq!(queue.put_next(&tasks, tasks.ready(3)), None);
        });
        queue.take_next().into_iter().for_each(|task| tasks.run(task));
        tasks.run_all(&queue);
        tasks.all_were_run();
    })
    .catches([
        NEXT_TWICE,
        QUEUE.weaken("put-next"),
        QUEUE.weaken("steal-next"),
        QUEUE.lose("take-next", FailureKind::Panic).or(FailureKind::Race),
        QUEUE.lose("put-next", FailureKind::Panic),
    ])
}

/// A task is displaced by another one, which is taken: the first one is there at all times.
fn queue_is_never_falsely_empty() -> Model {
    model("a task that moves from next to the ring is always seen", || {
        let (tasks, queue) = (Tasks::<3>::new(), RunQueue::<2>::new());
        assert_eq!(queue.put_next(&tasks, 1), None);
        thread::scope(|scope| {
            scope.spawn(|| assert!(!queue.is_empty()));
            assert_eq!(queue.put_next(&tasks, 2), None);
            assert_eq!(queue.take_next(), Some(2));
        });
        assert_eq!(queue.take(), Some(1));
        assert!(queue.is_empty());
    })
    .catches([
        QUEUE.mutant("look-at-tail-again", Change::Twin, FailureKind::Panic, Needs::Interleavings),
        order_is_needed("look-at-next"),
        order_is_needed("take-next"),
    ])
}

/// A weaker ordering lets a queue look empty that is not.
const fn order_is_needed(site: &'static str) -> Mutant {
    QUEUE.weaken(site).fails_with(FailureKind::Panic)
}

/// A task is put before the one before it is taken.
fn queue_is_never_falsely_empty_while_its_owner_takes() -> Model {
    model("a task that is put before another is taken is always seen", || {
        let (tasks, queue) = (Tasks::<3>::new(), RunQueue::<2>::new());
        assert_eq!(queue.put(&tasks, 1), None);
        thread::scope(|scope| {
            scope.spawn(|| assert!(!queue.is_empty()));
            assert_eq!(queue.put(&tasks, 2), None);
            assert_eq!(queue.take(), Some(1));
        });
        assert_eq!(queue.take(), Some(2));
    })
    .catches([order_is_needed("look-at-head"), order_is_needed("take-task")])
}

/// Half of a full ring goes to the global queue; the other half is always there.
fn queue_is_never_falsely_empty_while_it_overflows() -> Model {
    model("the tasks that are left in an overflowing ring are always seen", || {
        let (tasks, queue) = (Tasks::<4>::new(), RunQueue::<2>::new());
        assert_eq!(queue.put(&tasks, 1), None);
        thread::scope(|scope| {
            scope.spawn(|| assert!(!queue.is_empty()));
            assert_eq!(queue.put(&tasks, 2), None);
            let overflow = queue.put(&tasks, 3).expect("the ring is full");
            assert_eq!(overflow.len(), 2);
        });
        assert_eq!(queue.take(), Some(2));
    })
    .catches([order_is_needed("look-at-head"), order_is_needed("take-half")])
}

/// A thief takes half; the other half is always there.
fn queue_is_never_falsely_empty_beside_a_thief() -> Model {
    model("the tasks that a thief leaves are always seen", || {
        let (tasks, queue, both) = (Tasks::<3>::new(), RunQueue::<2>::new(), AtomicBool::new(false));
        assert_eq!(queue.put(&tasks, 1), None);
        thread::scope(|scope| {
            scope.spawn(|| assert!(!queue.is_empty()));
            scope.spawn(|| {
                until(|| both.load(Acquire));
                assert_eq!(queue.steal_half(&RunQueue::new()), Some(1));
            });
            assert_eq!(queue.put(&tasks, 2), None);
            both.store(true, Release);
        });
        assert_eq!(queue.take(), Some(2));
    })
    .catches([order_is_needed("look-at-head"), order_is_needed("steal-tasks")])
}

/// Two threads push to the global queue and take from it.
fn the_global_queue_conserves() -> Model {
    model("each task of the global queue is taken once, after it was put", || {
        let (tasks, queue) = (Tasks::<4>::new(), Injector::new());
        let mut both = Chain::new();
        (1..=2).for_each(|task| both.push(&tasks, tasks.ready(task)));
        thread::scope(|scope| {
            scope.spawn(|| {
                queue.push_one(&tasks, tasks.ready(3));
                tasks.run_chain(queue.take(&tasks, 2, 8));
            });
            queue.push(&tasks, both);
            tasks.run_chain(queue.take(&tasks, 2, 1));
        });
        tasks.run_chain(queue.take(&tasks, 1, 8));
        assert!(queue.is_empty());
        tasks.all_were_run();
    })
    .bound(2)
    .catches([
        INJECTOR.lose("count-pushed", FailureKind::Panic),
        INJECTOR.lose("count-taken", FailureKind::Panic),
    ])
}

/// A thread puts two tasks, beside the M that takes them.
fn an_inbox_keeps_the_order() -> Model {
    model("each task in an inbox is taken once, in the order in which they were put", || {
        let (tasks, inbox) = (Tasks::<3>::new(), Inbox::new());
        let take = || {
            let mut taken = inbox.take(&tasks);
            core::iter::from_fn(|| taken.pop(&tasks)).inspect(|task| tasks.run(*task)).collect::<Vec<_>>()
        };
        let early = thread::scope(|scope| {
            scope.spawn(|| [1, 2].iter().for_each(|task| inbox.push(&tasks, tasks.ready(*task))));
            take()
        });
        assert_eq!(early.into_iter().chain(take()).collect::<Vec<_>>(), [1, 2]);
    })
    .catches([
        INBOX.lose("push-bound", FailureKind::Panic),
        INBOX.lose("take-bound", FailureKind::Panic).or(FailureKind::Livelock),
        INBOX.weaken("push-bound").or(FailureKind::Panic),
    ])
}
