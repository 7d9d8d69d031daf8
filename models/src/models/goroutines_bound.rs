//! Models of goroutines that are bound to an M: the M that sleeps is given a P when one of them is made ready; and of an M
//! that gives its P away.

use super::{Model, Plain, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::park::{Parker, Token, Unparker};
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::thread;
use selvedge::rt::twin::is_twin;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::bound::{Bound, GivenAway, WantsP, give_away, last_look_without_a_p, submit_bound};
use selvedge_go::core::chain::{Links, Task};
use selvedge_go::core::idle::{GaveUp, Idle, Taken};
use selvedge_go::core::inbox::Inbox;
use selvedge_go::core::mailbox::{Assigned, Mailbox};

models![
    inbox,
    inbox_keeps_the_order,
    wants_p,
    a_bound_task_and_another_get_a_p_each,
    a_poke_meets_a_bound_task,
    an_m_that_searches_gives_its_p_on,
    a_p_is_given_away_for_a_blocking_call,
];

const INBOX: Mutant = mutant_of!("runtime/src/core/inbox.rs");
const MAILBOX: Mutant = mutant_of!("runtime/src/core/mailbox.rs");
const BOUND: Mutant = mutant_of!("runtime/src/core/bound.rs");
const IDLE: Mutant = mutant_of!("runtime/src/core/idle.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines_bound.rs");
const WAKE: Mutant = HERE.drop_wake("wake-bound");
const NO_FENCE_OF_SLEEPER: Mutant =
    IDLE.mutant("fence-before-last-look", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);

/// The number of the M to which the tasks are bound.
const HOME: u32 = 0;
/// The hint of a P for which an M is to be started.
const START: u32 = 9;

/// A scheduler with an M that has bound tasks.
struct World {
    idle: Idle<u32>,
    mailbox: Mailbox<Unparker>,
    inbox: Inbox,
    wants_p: WantsP,
    links: [AtomicU32; 3],
    data: Plain,
    /// Whether a task is runnable that is not bound.
    free: AtomicU32,
    /// Starts the spare M, for the Ps of which the bits are set, or ends it.
    start: Token,
    started: AtomicU32,
    ended: AtomicU32,
}

impl Links for World {
    fn link(&self, task: Task) -> &AtomicU32 {
        &self.links[task as usize]
    }
}

impl World {
    fn new(procs: usize) -> World {
        World {
            idle: Idle::new(procs, |_| START),
            mailbox: Mailbox::new(),
            inbox: Inbox::new(),
            wants_p: WantsP::new(),
            links: core::array::from_fn(|_| AtomicU32::new(0)),
            data: Plain::new(0),
            free: AtomicU32::new(0),
            start: Token::new(),
            started: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        }
    }

    /// Readies the bound task 1.
    fn ready_bound(&self) {
        self.data.set(1);
        self.inbox.push(self, 1);
        self.wake_home();
    }

    /// Sees to it that the home M looks at its inbox.
    fn wake_home(&self) {
        match submit_bound(&self.idle, &self.mailbox, &self.wants_p, HOME) {
            Bound::Done => (),
            Bound::Wake { token, .. } => token.unpark(), // site: wake-bound
            Bound::Rest(taken) => self.rest(taken.p, taken.token),
        }
    }

    /// Leaves a P idle.
    fn rest(&self, p: usize, hint: u32) {
        if let Some(taken) = self.idle.rest(p, hint, || self.look()) {
            self.run_searcher(taken);
        }
    }

    /// Gives the home M a P, if it sleeps.
    fn assign(&self, number: u32, assigned: Assigned) -> Option<Unparker> {
        assert_eq!(number, HOME, "no other M wants a P");
        self.mailbox.assign(assigned)
    }

    /// Gives a P away.
    fn give_away(&self, p: usize) {
        let look = || !is_twin() && self.look(); // site: look-after-giving-away
        match give_away(&self.idle, &self.wants_p, p, START, |number, to| self.assign(number, to), look) {
            GivenAway::Idle => (),
            GivenAway::Wake(token) => token.unpark(), // site: wake-for-given-p
            GivenAway::Start(taken) => self.run_searcher(taken),
        }
    }

    /// Ends the search of an M.
    fn end_search(&self) {
        // site: look-after-search
        if let Some(taken) = self.idle.found_work(|| !is_twin() && self.look()) {
            self.run_searcher(taken);
        }
    }

    /// Wakes the M that left a P, as a searcher, or starts one if the M does not sleep.
    fn run_searcher(&self, taken: Taken<u32>) {
        let assigned = Assigned { p: Some(taken.p), searching: true };
        match if taken.token == HOME { self.mailbox.assign(assigned) } else { None } {
            Some(token) => token.unpark(),
            None => {
                self.started.fetch_or(1 << taken.p, Release);
                self.start.give();
            }
        }
    }

    /// Runs the spare M, which searches with each P for which it is started, and then gives the P away.
    fn spare(&self) {
        loop {
            self.start.wait();
            let started = self.started.swap(0, Acquire);
            for p in (0..2).filter(|p| started & 1 << p != 0) {
                self.take_free();
                self.end_search();
                self.give_away(p);
            }
            if self.ended.load(Acquire) == 1 {
                return;
            }
        }
    }

    /// Ends the spare M.
    fn end_spare(&self) {
        self.ended.store(1, Release);
        self.start.give();
    }

    /// Readies the task that is not bound.
    fn ready_free(&self) {
        self.free.store(1, Release);
        if let Some(taken) = self.idle.submit() {
            self.run_searcher(taken);
        }
    }

    fn take_free(&self) -> bool {
        self.free.load(Relaxed) == 1 && self.free.compare_exchange(1, 0, Acquire, Relaxed).is_ok()
    }

    fn look(&self) -> bool {
        self.free.load(Relaxed) == 1 || !self.wants_p.is_empty()
    }

    /// Runs the home M until it has run the bound task, and returns its P.
    fn home(&self, mut p: Option<usize>) -> usize {
        let mut searching = false;
        loop {
            let bound = p.and_then(|_| self.inbox.take(self).pop(self));
            let free = bound.is_none() && p.is_some() && self.take_free();
            if searching && (bound.is_some() || free) {
                searching = false;
                self.end_search();
            }
            if free {
                self.start.give();
                continue;
            }
            if let (Some(p), Some(_)) = (p, bound) {
                assert_eq!(self.data.get(), 1);
                return p;
            }
            (p, searching) = self.sleep(p, searching);
        }
    }

    /// Gives the P up, if there is one, and sleeps until the M has a P; returns whether it searches.
    fn sleep(&self, p: Option<usize>, searching: bool) -> (Option<usize>, bool) {
        let parker = Parker::new();
        self.mailbox.sleep(parker.unparker());
        let Some(p) = p else {
            if last_look_without_a_p(|| !self.inbox.is_empty()) {
                self.wake_home();
            }
            _ = self.idle.leave();
            parker.park();
            return self.woken();
        };
        let look = || self.look() || !self.inbox.is_empty();
        match self.idle.give_up(p, HOME, searching, look) {
            GaveUp::Found if self.mailbox.stay() => (Some(p), true),
            GaveUp::Found => {
                // Another thread has woken the M too: the M was counted twice, and may have another P.
                parker.park();
                let (other, other_searching) = self.woken();
                _ = self.idle.leave();
                if other_searching {
                    self.end_search();
                }
                if let Some(other) = other {
                    self.give_away(other);
                }
                (Some(p), true)
            }
            GaveUp::Sleep | GaveUp::Last => {
                parker.park();
                self.woken()
            }
        }
    }

    fn woken(&self) -> (Option<usize>, bool) {
        let assigned = self.mailbox.wake();
        (assigned.p, assigned.searching)
    }
}

/// A bound task is made ready while its M goes to sleep.
fn inbox() -> Model {
    model("a bound task runs on its M, which may be about to sleep", || {
        let world = World::new(1);
        thread::scope(|scope| {
            scope.spawn(|| world.ready_bound());
            world.home(Some(0));
        });
    })
    .catches([
        WAKE,
        NO_FENCE_OF_SLEEPER,
        BOUND.mutant("fence-after-inbox", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        INBOX.weaken("push-bound"),
        INBOX.weaken("take-bound"),
        INBOX.lose("push-bound", FailureKind::Deadlock),
        MAILBOX.lose("fall-asleep", FailureKind::Deadlock),
        MAILBOX.lose("assign", FailureKind::Panic).or(FailureKind::Race),
    ])
}

/// Two threads put a task each, beside the M that takes them.
fn inbox_keeps_the_order() -> Model {
    model("each bound task is taken once, in the order in which they were put", || {
        let world = World::new(1);
        let taken = thread::scope(|scope| {
            scope.spawn(|| {
                world.inbox.push(&world, 1);
                world.inbox.push(&world, 2);
            });
            let mut early = world.inbox.take(&world);
            core::array::from_fn::<_, 2, _>(|_| early.pop(&world)).into_iter().flatten().collect::<Vec<_>>()
        });
        let mut late = world.inbox.take(&world);
        let late = core::iter::from_fn(|| late.pop(&world));
        assert_eq!(taken.into_iter().chain(late).collect::<Vec<_>>(), [1, 2]);
    })
    .catches([
        INBOX.lose("push-bound", FailureKind::Panic),
        INBOX.lose("take-bound", FailureKind::Panic).or(FailureKind::Livelock),
        INBOX.weaken("push-bound").fails_with(FailureKind::Panic),
    ])
}

/// A bound task is made ready for an M without a P, while the only P is in use, and is given up.
fn wants_p() -> Model {
    model("an M with a bound task gets the P that another M has", || {
        let world = World::new(1);
        world.idle.wakes_one(); // The home M, which has no P.
        thread::scope(|scope| {
            scope.spawn(|| world.ready_bound());
            scope.spawn(|| {
                loop {
                    if let Some(token) =
                        world.wants_p.serve(&world.idle, 0, |number, p| world.assign(number, p))
                    {
                        token.unpark(); // site: hand-proc-on
                        return;
                    }
                    match world.idle.give_up(0, START, false, || world.look()) {
                        GaveUp::Found => drop(world.idle.found_work(|| false)),
                        GaveUp::Sleep | GaveUp::Last => return,
                    }
                }
            });
            world.home(None);
        });
    })
    .bound(2)
    .catches([
        WAKE,
        HERE.drop_wake("hand-proc-on"),
        NO_FENCE_OF_SLEEPER,
        BOUND.mutant("fence-after-wanting", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.mutant("fence-without-a-p", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
        BOUND.lose("count-wanting", FailureKind::Deadlock),
        // Loom does not find these within two preemptions.
        MAILBOX.weaken("fall-asleep").needs(Needs::SeqCst),
        MAILBOX.weaken("assign").needs(Needs::SeqCst),
    ])
}

/// A bound task and another one are made ready at once while their M goes to sleep and a P has no M.
fn a_bound_task_and_another_get_a_p_each() -> Model {
    model("a P whose M was woken for another P gets another M", || {
        let world = World::new(2);
        thread::scope(|scope| {
            scope.spawn(|| world.ready_bound());
            scope.spawn(|| {
                world.start.wait();
                if world.take_free() {
                    assert_eq!(world.free.load(Relaxed), 0);
                }
            });
            scope.spawn(|| world.ready_free());
            world.home(Some(0));
        });
        assert_eq!(world.free.load(Relaxed), 0, "the other task has run");
    })
    .bound(2)
    .catches([NO_FENCE_OF_SLEEPER, WAKE])
}

/// The home M is told to look again, as the poller is, while a bound task is made ready and while it goes to sleep.
fn a_poke_meets_a_bound_task() -> Model {
    model("an M that is told to look again does not miss a bound task", || {
        let world = World::new(1);
        thread::scope(|scope| {
            scope.spawn(|| world.spare());
            let submitter = scope.spawn(|| world.ready_bound());
            scope.spawn(|| {
                if let Some(token) = world.mailbox.assign(Assigned { p: None, searching: false }) {
                    world.idle.wakes_one();
                    token.unpark(); // site: wake-to-look
                }
            });
            let p = world.home(Some(0));
            world.give_away(p);
            submitter.join().expect("no panic");
            world.end_spare();
        });
    })
    .bound(2)
    .catches([
        WAKE,
        HERE.drop_wake("wake-to-look"),
        IDLE.weaken("take-back"),
        BOUND.mutant("fence-without-a-p", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst),
    ])
}

/// An M that searches finds that the home M wants a P, and gives its own on, while a thread makes a task ready and relies on
/// the search.
fn an_m_that_searches_gives_its_p_on() -> Model {
    model("an M that gives its P on ends its search first", || {
        let world = World::new(2);
        assert!(world.idle.start_search());
        let parker = Parker::new();
        world.mailbox.sleep(parker.unparker());
        world.wants_p.push(HOME);
        thread::scope(|scope| {
            scope.spawn(|| world.spare());
            let submitter = scope.spawn(|| world.ready_free());
            scope.spawn(|| {
                world.end_search();
                world.give_away(0);
            });
            parker.park();
            assert!(matches!(world.woken(), (Some(_), false)));
            // The home M is busy with its own task.
            submitter.join().expect("no panic");
            until(|| world.free.load(Relaxed) == 0);
            world.end_spare();
        });
    })
    .bound(2)
    .catches([HERE
        .mutant("look-after-search", Change::Twin, FailureKind::Deadlock, Needs::Interleavings)
        .or(FailureKind::Livelock)])
}

/// An M with the only P begins a blocking call while the home M, which has none, gets a bound task to run; and takes the P if
/// it is idle afterwards.
fn a_p_is_given_away_for_a_blocking_call() -> Model {
    model("the P of a blocking call goes to the M that wants it", || {
        let (world, used) = (World::new(1), Plain::new(0));
        world.idle.wakes_one(); // The home M, which has no P.
        thread::scope(|scope| {
            scope.spawn(|| world.spare());
            let submitter = scope.spawn(|| world.ready_bound());
            let caller = scope.spawn(|| {
                used.set(used.get() + 1);
                world.give_away(0);
                if let Some(Taken { p, .. }) = world.idle.take_idle() {
                    used.set(used.get() + 1);
                    world.give_away(p);
                }
            });
            let p = world.home(None);
            used.set(used.get() + 1);
            world.give_away(p);
            caller.join().expect("no panic");
            submitter.join().expect("no panic");
            world.end_spare();
        });
        assert!((2..=3).contains(&used.get()));
        assert_eq!(world.idle.idle(), 1, "the P is not lost");
    })
    .bound(2)
    .catches([WAKE, HERE.drop_wake("wake-for-given-p")])
}
