//! The queues and words of goroutines against sequential references, operation by operation; and that tasks are conserved
//! beside thieves. The same programs find faulty twins.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge_go::core::chain::{Chain, Links, Task};
use selvedge_go::core::injector::Injector;
use selvedge_go::core::run_queue::RunQueue;
use selvedge_go::core::timers::{Entry, NEVER, Timers};
use selvedge_proptests::small_checks;
use std::collections::{BTreeSet, VecDeque};

/// What is done to one of two Ps, or to the global queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put(usize),
    PutNext(usize),
    Take(usize),
    TakeNext(usize),
    StealFrom(usize),
    StealNext(usize),
    Inject,
    TakeInjected(u32, u32),
}

/// Programs of at most so many steps, of which 4 + `puts` parts put tasks and 10 do not.
fn steps(most: usize, puts: u32) -> impl Strategy<Value = Vec<Step>> {
    let p = || 0_usize..2;
    let step = prop_oneof![
        puts => p().prop_map(Step::Put),
        4 => p().prop_map(Step::PutNext),
        3 => p().prop_map(Step::Take),
        2 => p().prop_map(Step::TakeNext),
        2 => p().prop_map(Step::StealFrom),
        1 => p().prop_map(Step::StealNext),
        1 => Just(Step::Inject),
        1 => (1_u32..4, 1_u32..9).prop_map(|(procs, most)| Step::TakeInjected(procs, most)),
    ];
    vec(step, 0..most)
}

/// The links of tasks.
struct Table(Vec<AtomicU32>);

impl Table {
    fn new(tasks: usize) -> Table {
        Table((0..=tasks).map(|_| AtomicU32::new(0)).collect())
    }

    fn all_of(&self, mut chain: Chain) -> Vec<Task> {
        let (len, mut tasks) = (chain.len(), Vec::new());
        while let Some(task) = chain.pop(self) {
            tasks.push(task);
        }
        assert_eq!(tasks.len(), len as usize);
        tasks
    }
}

impl Links for Table {
    fn link(&self, task: Task) -> &AtomicU32 {
        &self.0[task as usize]
    }
}

/// The reference of a P with a ring of `N`.
#[derive(Default)]
struct Reference<const N: usize> {
    ring: VecDeque<Task>,
    next: Option<Task>,
}

impl<const N: usize> Reference<N> {
    /// Puts a task, and returns what overflows.
    fn put(&mut self, task: Task) -> Option<Vec<Task>> {
        if self.ring.len() < N {
            self.ring.push_back(task);
            return None;
        }
        Some(self.ring.drain(..N / 2).chain([task]).collect())
    }

    fn put_next(&mut self, task: Task) -> Option<Vec<Task>> {
        let displaced = self.next.replace(task)?;
        self.put(displaced)
    }

    fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.next.is_none()
    }
}

/// Runs a program on two run queues with rings of `N` and a global queue, and on their references.
fn agree<const N: usize>(steps: &[Step]) {
    let table = Table::new(steps.len());
    let queues = [RunQueue::<N>::new(), RunQueue::<N>::new()];
    let mut references = [Reference::<N>::default(), Reference::<N>::default()];
    let (injector, mut injected) = (Injector::new(), VecDeque::new());
    for (task, step) in (1..).zip(steps) {
        let mut overflow = |chain: Option<Chain>, expected: Option<Vec<Task>>| {
            let tasks = chain.map(|chain| table.all_of(chain));
            assert_eq!(tasks, expected);
            for task in tasks.into_iter().flatten() {
                injector.push_one(&table, task);
                injected.push_back(task);
            }
        };
        match *step {
            Step::Put(p) => overflow(queues[p].put(&table, task), references[p].put(task)),
            Step::PutNext(p) => overflow(queues[p].put_next(&table, task), references[p].put_next(task)),
            Step::Take(p) => assert_eq!(queues[p].take(), references[p].ring.pop_front()),
            Step::TakeNext(p) => assert_eq!(queues[p].take_next(), references[p].next.take()),
            Step::StealNext(p) => assert_eq!(steal_next(&queues[p]), references[p].next.take()),
            Step::StealFrom(p) if references[1 - p].ring.is_empty() => {
                let half = references[p].ring.len().div_ceil(2);
                let mut stolen: VecDeque<Task> = references[p].ring.drain(..half).collect();
                assert_eq!(queues[p].steal_half(&queues[1 - p]), stolen.pop_back());
                references[1 - p].ring = stolen;
            }
            Step::StealFrom(_) => (),
            Step::Inject => {
                injector.push_one(&table, task);
                injected.push_back(task);
            }
            Step::TakeInjected(procs, most) => {
                let share = (injected.len() as u32 / procs + 1).min(most) as usize;
                let expected: Vec<Task> = injected.drain(..share.min(injected.len())).collect();
                assert_eq!(table.all_of(injector.take(&table, procs, most)), expected);
            }
        }
        for (queue, reference) in queues.iter().zip(&references) {
            assert_eq!(queue.is_empty(), reference.is_empty());
        }
        assert_eq!(injector.len() as usize, injected.len());
    }
}

/// A deadline is added at a time, or what is due at a time is taken.
#[derive(Clone, Copy, Debug)]
enum TimerStep {
    Add(u64),
    TakeDue(u64),
    End,
}

fn timers_agree(steps: &[TimerStep]) {
    let (timers, mut reference) = (Timers::new(), BTreeSet::new());
    let mut ended = BTreeSet::new();
    for (wait, step) in (1..).zip(steps) {
        match *step {
            TimerStep::Add(when) => {
                let entry = Entry { when, task: 1, wait };
                timers.add(entry, |entry| !ended.contains(entry));
                reference.insert(entry);
            }
            TimerStep::TakeDue(now) => loop {
                let taken = timers.take_due(now);
                // An entry whose wait has ended may have been cleaned away.
                let expected = loop {
                    match reference.first().copied().filter(|entry| entry.when <= now) {
                        Some(first) if taken != Some(first) && ended.contains(&first) => {
                            reference.remove(&first);
                        }
                        first => break first,
                    }
                };
                assert_eq!(taken, expected);
                match taken {
                    None => break,
                    Some(entry) => _ = reference.remove(&entry),
                }
            },
            TimerStep::End => {
                if let Some(last) = reference.iter().rfind(|entry| !ended.contains(*entry)).copied() {
                    ended.insert(last);
                }
            }
        }
        let live = reference.iter().find(|entry| !ended.contains(*entry));
        assert!(timers.earliest() <= live.map_or(NEVER, |entry| entry.when), "no deadline is forgotten");
    }
}

fn timer_steps() -> impl Strategy<Value = Vec<TimerStep>> {
    let step = prop_oneof![
        4 => (1_u64..50).prop_map(TimerStep::Add),
        1 => (1_u64..50).prop_map(TimerStep::TakeDue),
        3 => Just(TimerStep::End),
    ];
    vec(step, 0..200)
}

proptest! {
    #[test]
    fn small_queues_agree_with_their_references(steps in steps(60, 6)) {
        agree::<2>(&steps);
        agree::<4>(&steps);
    }

    #[test]
    fn a_queue_of_the_real_size_agrees_with_its_reference(steps in steps(2_000, 30)) {
        agree::<256>(&steps);
    }

    #[test]
    fn timers_agree_with_a_sorted_set(steps in timer_steps()) {
        timers_agree(&steps);
    }
}

/// Steals the task that a look has found.
fn steal_next<const N: usize>(queue: &RunQueue<N>) -> Option<Task> {
    queue.next().filter(|task| queue.steal_next(*task))
}

/// Runs the owner's steps beside thieves, each of which steals so often, and looks whether each task was taken once.
fn conserves(owner: &[Step], thefts: [u8; 2]) {
    const SIZE: usize = 4;
    let table = Table::new(owner.len());
    let (queue, taken) = (RunQueue::<SIZE>::new(), Table::new(owner.len()));
    let take = |task: Task| _ = taken.link(task).fetch_add(1, Relaxed);
    let mut put = 0;
    thread::scope(|scope| {
        for thefts in thefts {
            let (queue, take) = (&queue, &take);
            scope.spawn(move || {
                let own = RunQueue::<SIZE>::new();
                for _ in 0..thefts {
                    queue.steal_half(&own).into_iter().for_each(take);
                    core::iter::from_fn(|| own.take()).for_each(take);
                    steal_next(queue).into_iter().for_each(take);
                }
            });
        }
        for step in owner {
            let overflow = match step {
                Step::Put(_) => {
                    put += 1;
                    queue.put(&table, put)
                }
                Step::PutNext(_) => {
                    put += 1;
                    queue.put_next(&table, put)
                }
                Step::Take(_) => {
                    queue.take().into_iter().for_each(take);
                    None
                }
                _ => {
                    queue.take_next().into_iter().for_each(take);
                    None
                }
            };
            overflow.into_iter().flat_map(|chain| table.all_of(chain)).for_each(take);
        }
    });
    queue.take_next().into_iter().for_each(take);
    core::iter::from_fn(|| queue.take()).for_each(take);
    for task in 1..=put {
        let times = taken.link(task).load(Relaxed);
        assert_eq!(times, 1, "task {task} is taken once");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn tasks_are_conserved_beside_thieves(owner in steps(12, 6), thefts in any::<[bool; 2]>()) {
        let thefts = thefts.map(|often| 1 + u8::from(often));
        small_checks().check(move || conserves(&owner, thefts));
    }
}

/// The same programs with a site changed: some of them must fail.
#[cfg(feature = "graph")]
mod twins {
    use super::{agree, conserves, steps, timer_steps, timers_agree};
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use selvedge_check::{Change, Engine, site_of};
    use selvedge_proptests::small_checks;

    /// Programs that are tried.
    const PROGRAMS: usize = 60;

    fn finds<T: Clone + Send + Sync + 'static>(
        file: &str,
        source: &str,
        site: &str,
        change: Change,
        programs: impl Strategy<Value = T>,
        run: fn(&T),
    ) {
        let mutation = site_of(source, file, site, change).expect("the site exists");
        let mut runner = TestRunner::deterministic();
        let mut fails = || {
            let program = programs.new_tree(&mut runner).expect("a program").current();
            let checker = small_checks().engines([Engine::Graph]).mutate(mutation.clone());
            checker.run(move || run(&program)).iter().any(|report| report.verdict.failure().is_some())
        };
        assert!((0..PROGRAMS).any(|_| fails()), "no program finds {site} {change:?}");
    }

    const QUEUE: (&str, &str) =
        ("runtime/src/core/run_queue.rs", include_str!("../../runtime/src/core/run_queue.rs"));

    fn queue_finds(site: &str) {
        finds(QUEUE.0, QUEUE.1, site, Change::DropStore, steps(60, 6), |steps| agree::<4>(steps));
    }

    #[test]
    fn references_find_lost_writes_of_a_queue() {
        for site in
            ["put-task", "take-half", "put-next", "take-next", "take-task", "steal-tasks", "put-stolen"]
        {
            queue_finds(site);
        }
    }

    #[test]
    fn programs_overflow_a_ring_of_the_real_size() {
        finds(QUEUE.0, QUEUE.1, "take-half", Change::DropStore, steps(2_000, 30), |steps| {
            agree::<256>(steps)
        });
    }

    #[test]
    fn a_reference_finds_a_lost_count_of_the_global_queue() {
        let source = include_str!("../../runtime/src/core/injector.rs");
        for site in ["count-pushed", "count-taken"] {
            finds("runtime/src/core/injector.rs", source, site, Change::DropStore, steps(60, 6), |steps| {
                agree::<4>(steps)
            });
        }
    }

    #[test]
    fn a_sorted_set_finds_a_lost_deadline() {
        let source = include_str!("../../runtime/src/core/timers.rs");
        let file = "runtime/src/core/timers.rs";
        finds(file, source, "publish-earliest", Change::DropStore, timer_steps(), |steps| {
            timers_agree(steps)
        });
    }

    #[test]
    fn thieves_find_tasks_that_are_taken_twice() {
        for site in ["steal-tasks", "steal-next"] {
            finds(QUEUE.0, QUEUE.1, site, Change::DropStore, steps(12, 6), |owner| conserves(owner, [1, 1]));
        }
    }
}
