//! Models of idle Ps, of the threads that search and are woken for work, and of the decision that the program is
//! deadlocked. The threads of the scheduler are the model's threads; a task is a word that says whether it is runnable.

use super::{Model, Plain, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicU32};
use selvedge::rt::thread;
use selvedge::rt::twin::is_twin;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::idle::{GaveUp, Idle, Taken};

models![
    no_work_is_stranded,
    no_work_of_two_submitters_is_stranded,
    the_last_searcher_wakes_another,
    two_tasks_run_at_once,
    a_running_m_wakes_another,
    a_p_without_an_m_is_not_left_beside_work,
    deadlock_is_exact,
    deadlock_is_exact_beside_an_outsider,
    deadlock_is_exact_beside_an_outsider_that_relies_on_a_searcher,
    deadlock_is_exact_beside_a_blocking_call,
];

const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines_idle.rs");
/// Work and a sleeper do not see each other.
const NO_FENCE_OF_SUBMITTER: Mutant = IDLE
    .mutant("fence-after-publishing", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
    .or(FailureKind::Livelock);
const NO_FENCE_OF_SLEEPER: Mutant = IDLE
    .mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
    .or(FailureKind::Livelock);
/// An M sleeps without a last look.
const NO_LAST_LOOK: Mutant = HERE
    .mutant("last-look", Change::Twin, FailureKind::Deadlock, Needs::Interleavings)
    .or(FailureKind::Livelock);
/// An M decides that the program is deadlocked without a last look.
const REPORTS_BEFORE_LAST_LOOK: Mutant = NO_LAST_LOOK.fails_with(FailureKind::Panic).or(FailureKind::Race);
/// The token of an idle P is not published to the thread that takes the P.
const WEAK_GIVE_UP: Mutant = IDLE.weaken("give-up");
const WEAK_TAKE: Mutant = IDLE.weaken("take-idle-and-search");
const WAKE: Mutant = HERE.drop_wake("wake").or(FailureKind::Livelock);
/// A woken M is not counted.
const UNCOUNTED: Mutant = IDLE.lose("count-woken", FailureKind::Panic).or(FailureKind::Race);

/// A scheduler whose tasks are two words.
struct World {
    idle: Idle<Unparker>,
    /// Of each task whether it is runnable.
    tasks: [AtomicU32; 2],
    /// What is done before a task is made runnable.
    data: [Plain; 2],
    /// How many tasks have run.
    ran: AtomicU32,
    /// All Ms are to end.
    ended: AtomicBool,
    /// How often a deadlock was reported.
    reports: AtomicU32,
    /// What each M writes before it sleeps, and a report reads.
    states: [Plain; 2],
}

/// No task, or a task that was taken; a task that is runnable.
const NONE: u32 = 0;
const RUNNABLE: u32 = 1;

impl World {
    /// Makes a scheduler all of whose Ps have an M.
    fn new(procs: usize) -> World {
        let idle = Idle::new(procs, |_| Parker::new().unparker());
        for _ in 1..procs {
            idle.wakes_one();
            drop(idle.take_idle());
        }
        World {
            idle,
            tasks: [AtomicU32::new(NONE), AtomicU32::new(NONE)],
            data: [Plain::new(0), Plain::new(0)],
            ran: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            reports: AtomicU32::new(0),
            states: [Plain::new(0), Plain::new(0)],
        }
    }

    /// Makes a task runnable, and wakes an M for it.
    fn ready(&self, task: usize) {
        self.data[task].set(1);
        self.tasks[task].store(RUNNABLE, Release);
        wake(self.idle.submit());
    }

    /// Takes a task.
    fn take(&self) -> Option<usize> {
        let taken = |task: &AtomicU32| {
            task.load(Relaxed) == RUNNABLE && task.compare_exchange(RUNNABLE, NONE, Acquire, Relaxed).is_ok()
        };
        let task = self.tasks.iter().position(taken)?;
        assert_eq!(self.data[task].get(), 1);
        Some(task)
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Returns whether there is work, or all Ms are to end.
    fn look(&self) -> bool {
        self.tasks.iter().any(|task| task.load(Relaxed) == RUNNABLE) || self.has_ended()
    }

    /// Looks for work before an M sleeps.
    fn last_look(&self) -> bool {
        !is_twin() && self.look() // site: last-look
    }

    /// Looks for work after an M has ended its search.
    fn look_after_search(&self) -> bool {
        !is_twin() && self.look() // site: look-after-search
    }

    /// Ends all Ms: each sees `ended`, or is woken.
    fn end(&self) {
        self.ended.store(true, Relaxed);
        wake(self.idle.submit());
        while let Some(asleep) = self.idle.take_idle() {
            wake(Some(asleep));
        }
    }

    /// Runs an M with the P `p`, which has run out of work, until it has taken a task, or all Ms are to end. `last` is
    /// called where no other M is awake.
    fn next_task(&self, p: usize, last: impl Fn()) -> Option<usize> {
        let mut searching = self.idle.start_search();
        loop {
            let found = self.take();
            if self.has_ended() {
                return None;
            }
            if found.is_some() {
                if searching {
                    wake(self.idle.found_work(|| self.look_after_search()));
                }
                return found;
            }
            self.states[p].set(self.states[p].get() + 1);
            let parker = Parker::new();
            match self.idle.give_up(p, parker.unparker(), searching, || self.last_look()) {
                GaveUp::Found(taken) if taken.p == p => (),
                GaveUp::Found(other) => {
                    // The Ms of the model keep their Ps: the one of this P searches, and counts in place of this one.
                    wake(Some(other));
                    parker.park();
                }
                GaveUp::Gone => {
                    _ = self.idle.leave();
                    parker.park();
                }
                GaveUp::Sleep => parker.park(),
                GaveUp::Last => {
                    last();
                    parker.park();
                }
            }
            searching = true;
        }
    }

    /// Runs the M of the P `p` until all Ms are to end.
    fn run(&self, p: usize, last: impl Fn()) {
        while self.next_task(p, &last).is_some() {
            self.ran.fetch_add(1, Relaxed);
        }
    }

    /// Decides whether the program is deadlocked, and reports it, when `tasks` tasks have run.
    fn decide(&self, tasks: u32) {
        if self.idle.decide() {
            self.reports.fetch_add(1, Relaxed);
            assert_eq!(self.ran.load(Relaxed), tasks, "a task will run again");
            self.states.iter().for_each(|state| _ = state.get());
            self.end();
        }
    }
}

/// Wakes an M that was taken.
fn wake(taken: Option<Taken<Unparker>>) {
    if let Some(taken) = taken {
        taken.token.unpark(); // site: wake
    }
}

/// A thread makes a task runnable while the only M goes to sleep.
fn no_work_is_stranded() -> Model {
    model("no M sleeps for ever beside queued work", || {
        let world = World::new(1);
        thread::scope(|scope| {
            scope.spawn(|| world.ready(0));
            assert_eq!(world.next_task(0, || ()), Some(0));
        });
    })
    .catches([
        NO_FENCE_OF_SUBMITTER,
        NO_FENCE_OF_SLEEPER,
        NO_LAST_LOOK,
        WEAK_GIVE_UP,
        WEAK_TAKE,
        WAKE,
        IDLE.lose("give-up", FailureKind::Deadlock),
        IDLE.lose("take-idle-and-search", FailureKind::Panic).or(FailureKind::Race).or(FailureKind::Deadlock),
        IDLE.lose("take-back", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
    ])
}

/// Two threads make a task runnable each, and one M runs both.
fn no_work_of_two_submitters_is_stranded() -> Model {
    model("no M sleeps for ever beside work that two threads queued", || {
        let world = World::new(1);
        thread::scope(|scope| {
            scope.spawn(|| world.ready(0));
            scope.spawn(|| world.ready(1));
            for _ in 0..2 {
                assert!(world.next_task(0, || ()).is_some());
            }
        });
    })
    .catches([NO_FENCE_OF_SUBMITTER, NO_FENCE_OF_SLEEPER, NO_LAST_LOOK, WAKE])
}

/// An M that searches finds one of two tasks, which wait for each other, while the other M sleeps.
fn the_last_searcher_wakes_another() -> Model {
    model("an M that ends the search for all wakes another for the work that is left", || {
        let (world, here) = (World::new(2), [AtomicBool::new(false), AtomicBool::new(false)]);
        let meet = |task: usize| {
            here[task].store(true, Relaxed);
            until(|| here[1 - task].load(Relaxed));
        };
        thread::scope(|scope| {
            scope.spawn(|| meet(world.next_task(1, || ()).expect("the Ms do not end")));
            until(|| world.idle.idle() == 1);
            assert!(world.idle.start_search());
            (0..2).for_each(|task| world.ready(task));
            let task = world.take();
            wake(world.idle.found_work(|| world.look_after_search()));
            task.into_iter().for_each(meet);
        });
    })
    .catches([
        HERE.mutant("look-after-search", Change::Twin, FailureKind::Deadlock, Needs::Interleavings)
            .or(FailureKind::Livelock),
        WAKE,
    ])
}

/// Two tasks wait for each other, so each of two Ms has to run one.
fn two_tasks_run_at_once() -> Model {
    model("two tasks run at once on two Ps", || {
        let (world, here) = (World::new(2), [AtomicBool::new(false), AtomicBool::new(false)]);
        let run_one = |p: usize| {
            let task = world.next_task(p, || ()).expect("the Ms do not end");
            here[task].store(true, Relaxed);
            until(|| here[1 - task].load(Relaxed));
        };
        thread::scope(|scope| {
            scope.spawn(|| run_one(0));
            scope.spawn(|| run_one(1));
            world.ready(0);
            // The twin counts a searcher, which then finds no P, and does not look.
            // site: count-a-searcher-without-a-p
            let counted = is_twin() && world.idle.start_search();
            world.ready(1);
            if counted {
                wake(world.idle.found_work(|| false));
            }
        });
    })
    .bound(2)
    // Loom may need more than a minute for each of these.
    .catches([
        HERE.mutant("count-a-searcher-without-a-p", Change::Twin, FailureKind::Deadlock, Needs::SeqCst)
            .or(FailureKind::Livelock),
        HERE.mutant("look-after-search", Change::Twin, FailureKind::Deadlock, Needs::SeqCst)
            .or(FailureKind::Livelock),
        IDLE.mutant("fence-after-search", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
            .or(FailureKind::Livelock),
    ])
}

/// An M that runs makes a task runnable, and goes on when another M has run it.
fn a_running_m_wakes_another() -> Model {
    model("an idle M runs what another M made runnable", || {
        let (world, ran) = (World::new(2), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(world.next_task(1, || ()), Some(0));
                ran.store(true, Relaxed);
            });
            world.ready(0);
            until(|| ran.load(Relaxed));
        });
    })
    .catches([NO_FENCE_OF_SUBMITTER, NO_FENCE_OF_SLEEPER, NO_LAST_LOOK, WAKE])
}

/// A P is left without an M while a task is made runnable: its token, or the thread that left it, starts an M.
fn a_p_without_an_m_is_not_left_beside_work() -> Model {
    model("an M is started for a P that is left beside queued work", || {
        let (world, parker) = (World::new(1), Parker::new());
        thread::scope(|scope| {
            let unparker = parker.unparker();
            scope.spawn(|| wake(world.idle.rest(0, unparker, || world.look())));
            scope.spawn(|| world.ready(0));
            parker.park();
            assert_eq!(world.take(), Some(0));
        });
    })
    .catches([
        NO_FENCE_OF_SUBMITTER,
        IDLE.mutant("fence-after-rest", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst)
            .or(FailureKind::Livelock),
        IDLE.weaken("rest"),
        IDLE.lose("rest", FailureKind::Deadlock),
        WAKE,
    ])
}

/// An M makes a task runnable and runs out of work, as another M does.
fn deadlock_is_exact() -> Model {
    model("the last M reports that no task will run, once all have run", || {
        let world = World::new(2);
        thread::scope(|scope| {
            scope.spawn(|| world.run(1, || world.decide(1)));
            world.ready(0);
            world.run(0, || world.decide(1));
        });
        assert_eq!(world.reports.load(Relaxed), 1);
    })
    .catches([
        UNCOUNTED,
        // Loom does not find this in a minute.
        IDLE.weaken("decide").needs(Needs::SeqCst),
        IDLE.lose("count-asleep", FailureKind::Deadlock),
    ])
}

/// A thread outside the scheduler makes a task runnable, and counts itself as parked. It ends the program once the task
/// has run, if no M has reported a deadlock.
fn outsider(world: &World, parked: &AtomicBool, tasks: u32) {
    (0..tasks).for_each(|task| world.ready(task as usize));
    parked.store(true, Release);
    until(|| world.ran.load(Relaxed) == tasks);
    world.end();
}

/// A thread outside the scheduler brings a task while the only M goes to sleep.
fn deadlock_is_exact_beside_an_outsider() -> Model {
    model("no deadlock is reported before an outsider's task has run", || {
        let (world, parked) = (World::new(1), AtomicBool::new(false));
        let last = || {
            // site: find-parked-outsider
            if parked.load(Acquire) || is_twin() {
                world.decide(1);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| outsider(&world, &parked, 1));
            world.run(0, last);
        });
    })
    .catches([
        REPORTS_BEFORE_LAST_LOOK,
        HERE.mutant("find-parked-outsider", Change::Twin, FailureKind::Panic, Needs::Interleavings)
            .or(FailureKind::Race),
    ])
}

/// A thread outside the scheduler brings two tasks to two Ms. It does not wake an M for a task if one searches.
fn deadlock_is_exact_beside_an_outsider_that_relies_on_a_searcher() -> Model {
    model("no deadlock is reported while an M that searches has its last look before it", || {
        let (world, parked) = (World::new(2), AtomicBool::new(false));
        let last = || {
            if parked.load(Acquire) {
                world.decide(2);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| outsider(&world, &parked, 2));
            scope.spawn(|| world.run(1, last));
            world.run(0, last);
        });
    })
    .bound(2)
    .catches([REPORTS_BEFORE_LAST_LOOK.or(FailureKind::Deadlock)])
}

/// An M that has no P returns from a blocking call and takes an idle P, or leaves its task to the other M.
fn deadlock_is_exact_beside_a_blocking_call() -> Model {
    model("no deadlock is reported while an M is in a blocking call", || {
        let world = World::new(1);
        let ran = || {
            world.ran.fetch_add(1, Relaxed);
            world.end();
        };
        world.idle.wakes_one(); // The M in the blocking call.
        thread::scope(|scope| {
            scope.spawn(|| match world.idle.take_idle() {
                Some(sleeper) => {
                    ran();
                    wake(Some(sleeper));
                }
                None => {
                    world.ready(0);
                    if world.idle.leave() {
                        world.decide(1);
                    }
                }
            });
            while world.next_task(0, || world.decide(1)).is_some() {
                ran();
            }
        });
    })
    .catches([
        UNCOUNTED,
        IDLE.weaken("take-idle"),
        IDLE.lose("take-idle", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
    ])
}
