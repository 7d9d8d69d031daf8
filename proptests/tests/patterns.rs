//! The patterns against sequential references: pipelines against iterators, a broker against queues, a bucket against
//! a count of tokens at a clock that moves only when the program sleeps, crawls against reachability, pools and
//! fetches against lists.
//!
//! Programs with goroutines run on the scheduler, and none may be left.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use core::ops::ControlFlow;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use selvedge::chan::{Receiver, TryRecvError};
use selvedge::context::{Context, background};
use selvedge_go::patterns::{
    Broker, Fault, Outlet, Patience, Pipeline, Subscription, Workers, crawl, fetch_all, fetch_first,
    produce_and_consume,
};
use selvedge_go::{Builder, Leftover};
use std::collections::{BTreeSet, VecDeque};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Runs a program on goroutines, none of which may be left.
fn run<R>(program: impl FnOnce() -> R) -> R {
    Builder::new().procs(2).leftover(Leftover::Fail).run(program)
}

/// What a stage does with a number.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Add(u32),
    KeepMultiples(u32),
    Repeat(u8),
    FailAt(u32),
}

impl Stage {
    fn apply(self, n: u32) -> Result<Vec<u32>, u32> {
        match self {
            Stage::Add(by) => Ok(vec![n + by]),
            Stage::KeepMultiples(of) => Ok(if n.is_multiple_of(of) { vec![n] } else { vec![] }),
            Stage::Repeat(times) => Ok(vec![n; times.into()]),
            Stage::FailAt(bad) if n == bad => Err(bad),
            Stage::FailAt(_) => Ok(vec![n]),
        }
    }
}

fn stages() -> impl Strategy<Value = Vec<(Stage, usize)>> {
    let stage = prop_oneof![
        (0..5_u32).prop_map(Stage::Add),
        (1..4_u32).prop_map(Stage::KeepMultiples),
        (0..3_u8).prop_map(Stage::Repeat),
        (0..40_u32).prop_map(Stage::FailAt),
    ];
    vec((stage, 0..3_usize), 0..4)
}

/// What the pipeline would send without goroutines, and its first error if it has one.
fn in_a_row(count: u32, stages: &[(Stage, usize)]) -> (Vec<u32>, BTreeSet<u32>) {
    let mut errors = BTreeSet::new();
    let out = stages.iter().fold((0..count).collect::<Vec<_>>(), |numbers, (stage, _)| {
        let mut out = Vec::new();
        for n in numbers {
            match stage.apply(n) {
                Ok(results) => out.extend(results),
                Err(error) => {
                    errors.insert(error);
                    break;
                }
            }
        }
        out
    });
    (out, errors)
}

/// A step on a broker. Subscribers are given modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Subscribe(usize, u32),
    Publish,
    Receive(usize),
    Leave(usize),
    Forget(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (1..4_usize, 1..4_u32).prop_map(|(room, divisor)| Step::Subscribe(room, divisor)),
        6 => any::<()>().prop_map(|()| Step::Publish),
        4 => any::<usize>().prop_map(Step::Receive),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Forget),
    ];
    vec(step, 0..60)
}

/// The reference of a subscriber.
struct Queue {
    room: usize,
    divisor: u32,
    waiting: VecDeque<u32>,
    missed: u64,
    in_a_row: u32,
    is_gone: bool,
    is_evicted: bool,
}

impl Queue {
    /// Takes a message, and returns how it changes the counts of delivered, missed and evicted.
    fn publish(&mut self, message: u32, borne: u32) -> [usize; 3] {
        if self.is_gone || !message.is_multiple_of(self.divisor) {
            return [0, 0, 0];
        }
        if self.waiting.len() < self.room {
            self.waiting.push_back(message);
            self.in_a_row = 0;
            return [1, 0, 0];
        }
        self.missed += 1;
        self.in_a_row += 1;
        self.is_evicted = self.in_a_row > borne;
        self.is_gone = self.is_evicted;
        [0, 1, usize::from(self.is_evicted)]
    }
}

fn broker_agrees(steps: &[Step], borne: u32) {
    let broker = Broker::new(Patience { wait: Duration::ZERO, misses: Some(borne) });
    let mut subscriptions: Vec<(Option<Subscription<u32>>, Queue)> = Vec::new();
    let mut message = 0;
    for step in steps {
        let at = |n: usize| n % subscriptions.len().max(1);
        match *step {
            Step::Subscribe(room, divisor) => {
                let subscription = broker.subscribe(room, move |n| n % divisor == 0);
                let (waiting, in_a_row) = (VecDeque::new(), 0);
                let queue =
                    Queue { room, divisor, waiting, missed: 0, in_a_row, is_gone: false, is_evicted: false };
                subscriptions.push((Some(subscription), queue));
            }
            Step::Publish => {
                message += 1;
                let changes = subscriptions.iter_mut().map(|(_, queue)| queue.publish(message, borne));
                let expected = changes.fold([0; 3], |sum, change| [0, 1, 2].map(|at| sum[at] + change[at]));
                let got = broker.publish(message);
                assert_eq!([got.delivered, got.missed, got.evicted], expected);
            }
            Step::Receive(n) => {
                let n = at(n);
                let Some((Some(subscription), queue)) = subscriptions.get_mut(n) else { continue };
                let nothing = if queue.is_gone { TryRecvError::Disconnected } else { TryRecvError::Empty };
                assert_eq!(subscription.try_recv(), queue.waiting.pop_front().ok_or(nothing));
            }
            Step::Leave(n) => {
                let n = at(n);
                let Some((subscription, queue)) = subscriptions.get_mut(n) else { continue };
                queue.is_gone |= subscription.is_some();
                *subscription = None;
            }
            Step::Forget(n) => {
                let n = at(n);
                let Some((subscription, _)) = subscriptions.get_mut(n) else { continue };
                std::mem::forget(subscription.take());
            }
        }
        for (subscription, queue) in &subscriptions {
            let Some(subscription) = subscription else { continue };
            assert_eq!((subscription.missed(), subscription.is_evicted()), (queue.missed, queue.is_evicted));
        }
        assert_eq!(broker.subscribers(), subscriptions.iter().filter(|(_, queue)| !queue.is_gone).count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_pipeline_is_an_iterator(count in 0..30_u32, stages in stages(), leaves in 0..60_usize) {
        let (expected, errors) = in_a_row(count, &stages);
        let (got, ended) = run(|| {
            let pipeline = Pipeline::new(&background());
            let source = pipeline.source(1, 0..count);
            let out = stages.iter().fold(source, |input: Receiver<u32>, (stage, capacity)| {
                let stage = *stage;
                pipeline.stage(input, *capacity, move |n| stage.apply(n))
            });
            let got: Vec<u32> = out.iter().take(leaves).collect();
            drop(out);
            (got, pipeline.wait())
        });
        // Whatever happens, what comes out is a beginning of what would come out.
        assert!(expected.starts_with(&got));
        match ended {
            Ok(()) => assert!(got.len() == leaves.min(expected.len())),
            Err(Fault::Failed(error)) => assert!(errors.contains(&error)),
            Err(Fault::Done(_)) => unreachable!("nobody cancels it"),
        }
        if errors.is_empty() {
            assert_eq!(ended, Ok(()));
        }
    }

    #[test]
    fn a_broker_is_a_queue_for_each_subscriber(steps in steps(), borne in 0..4_u32) {
        broker_agrees(&steps, borne);
    }

    #[test]
    fn a_crawl_finds_what_can_be_reached(links in vec(vec(0..20_usize, 0..4), 20), limit in 1..4_usize, start in 0..20_usize) {
        let mut reachable = BTreeSet::from([start]);
        let mut todo = vec![start];
        while let Some(page) = todo.pop() {
            todo.extend(links[page].iter().filter(|next| reachable.insert(**next)));
        }
        let found = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&found);
        let fetch = move |_: &Context, page: &usize| Ok::<_, ()>((page * 2, links[*page].clone()));
        let call = move |page, twice| {
            theirs.lock().expect("no panic").push((page, twice));
            ControlFlow::Continue(())
        };
        assert_eq!(run(|| crawl(&background(), limit, [start], fetch, call)), Ok(reachable.len()));
        let mut found = found.lock().expect("no panic").clone();
        found.sort_unstable();
        assert!(found.into_iter().eq(reachable.into_iter().map(|page| (page, page * 2))));
    }

    #[test]
    fn a_pool_does_each_job_once(jobs in vec(any::<bool>(), 0..40), count in 1..5_usize, queue in 0..5_usize) {
        let done = Arc::new(Mutex::new(Vec::new()));
        let results: Vec<_> = run(|| {
            let workers = Workers::new(count, queue);
            let submit = |(n, panics): (usize, &bool)| {
                let (done, panics) = (Arc::clone(&done), *panics);
                workers.submit(move || {
                    done.lock().expect("no panic").push(n);
                    if panics {
                        resume_unwind(Box::new(n));
                    }
                    n
                })
            };
            let tickets: Vec<_> = jobs.iter().enumerate().map(submit).collect();
            workers.finish();
            tickets.into_iter().map(|ticket| ticket.wait().map_err(|panic| panic.downcast_ref().copied())).collect()
        });
        let expected = jobs.iter().enumerate().map(|(n, panics)| if *panics { Err(Some(n)) } else { Ok(n) });
        assert!(results.into_iter().eq(expected));
        let mut done = done.lock().expect("no panic").clone();
        done.sort_unstable();
        assert!(done.into_iter().eq(0..jobs.len()));
    }

    #[test]
    fn fetches_are_a_list_of_results(outcomes in vec(any::<Result<u8, u8>>(), 0..12)) {
        let fetches = || outcomes.clone().into_iter().map(|outcome| move |_: &Context| outcome);
        let errors: Vec<u8> = outcomes.iter().filter_map(|outcome| outcome.err()).collect();
        match run(|| fetch_all(&background(), fetches())) {
            Ok(values) => assert_eq!(outcomes.iter().copied().collect::<Result<Vec<u8>, u8>>(), Ok(values)),
            Err(error) => assert!(errors.contains(&error)),
        }
        match run(|| fetch_first(&background(), fetches())) {
            Ok(value) => assert!(outcomes.contains(&Ok(value))),
            Err(all) => assert_eq!((all, errors.len()), (errors, outcomes.len())),
        }
    }

    #[test]
    fn consumers_get_what_producers_send(counts in vec(0..20_u32, 0..4), consumers in 1..4_usize, capacity in 0..4_usize) {
        let got = Arc::new(Mutex::new(Vec::new()));
        let producers = counts.iter().copied().zip(0..).map(|(count, producer): (u32, u32)| {
            move |out: &Outlet<(u32, u32)>| (0..count).try_for_each(|n| out.send((producer, n))).map_err(drop)
        });
        let consumer = || {
            let got = Arc::clone(&got);
            move |value| {
                got.lock().expect("no panic").push(value);
                Ok(())
            }
        };
        let consumers = (0..consumers).map(|_| consumer());
        assert_eq!(run(|| produce_and_consume(&background(), capacity, producers, consumers)), Ok(()));
        let mut got = got.lock().expect("no panic").clone();
        got.sort_unstable();
        let all = (0..).zip(&counts).flat_map(|(producer, count)| (0..*count).map(move |n| (producer, n)));
        assert!(got.into_iter().eq(all));
    }
}

/// Buckets and paces at a clock that an engine moves, and exits in several orders of their goroutines.
#[cfg(feature = "graph")]
mod at_a_clock {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy, prop_oneof, proptest};
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use selvedge::context::{Error, background, with_timeout};
    use selvedge::rt::sync::Arc;
    use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use selvedge::rt::thread;
    use selvedge::rt::time::now;
    use selvedge_check::{Change, Checker, Engine, site_of};
    use selvedge_go::patterns::{Exit, Pace, TokenBucket};
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::time::Duration;

    const PERIOD: u32 = 4;
    const TICK: Duration = Duration::from_millis(1);

    /// A step; times are in ticks.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Sleep(u32),
        TryTake(u32),
        Take(u32),
        TakeWithin(u32, u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..12_u32).prop_map(Step::Sleep),
            (0..5_u32).prop_map(Step::TryTake),
            (0..5_u32).prop_map(Step::Take),
            ((0..5_u32), (0..12_u32)).prop_map(|(n, ticks)| Step::TakeWithin(n, ticks)),
        ];
        vec(step, 0..25)
    }

    /// A bucket that counts: its level in parts of a token, of which one comes with each tick.
    struct Count {
        level: u32,
        burst: u32,
    }

    impl Count {
        fn pass(&mut self, ticks: u32) {
            self.level = (self.level + ticks).min(self.burst * PERIOD);
        }

        /// Takes tokens, and returns how many ticks pass until they are there.
        fn take(&mut self, n: u32) -> u32 {
            let wait = (n * PERIOD).saturating_sub(self.level);
            self.pass(wait);
            self.level -= n * PERIOD;
            wait
        }
    }

    fn agrees(steps: &[Step], burst: u32) {
        let bucket = TokenBucket::new(TICK * PERIOD, burst);
        let mut count = Count { level: burst * PERIOD, burst };
        for step in steps {
            let start = now();
            let passed = match *step {
                Step::Sleep(ticks) => {
                    thread::sleep(TICK * ticks);
                    count.pass(ticks);
                    ticks
                }
                Step::TryTake(n) => {
                    let is_there = n <= burst && n * PERIOD <= count.level;
                    assert_eq!(bucket.try_take(n), is_there);
                    if is_there {
                        count.take(n);
                    }
                    0
                }
                Step::Take(n) => {
                    bucket.take(n.min(burst));
                    count.take(n.min(burst))
                }
                Step::TakeWithin(n, ticks) => {
                    let (n, (context, _cancel)) = (n.min(burst), with_timeout(&background(), TICK * ticks));
                    let wait = (n * PERIOD).saturating_sub(count.level);
                    let taken = bucket.take_ctx(&context, n);
                    if ticks == 0 || wait > ticks {
                        assert_eq!(taken, Err(Error::DeadlineExceeded));
                        count.pass(ticks);
                        ticks
                    } else {
                        assert_eq!(taken, Ok(()));
                        count.take(n)
                    }
                }
            };
            assert_eq!(now() - start, TICK * passed);
        }
    }

    /// A step beside a pace; times are in ticks.
    #[derive(Clone, Copy, Debug)]
    enum Turn {
        Sleep(u32),
        Wait,
        WaitWithin(u32),
    }

    fn turns() -> impl Strategy<Value = Vec<Turn>> {
        let turn = prop_oneof![
            (0..12_u32).prop_map(Turn::Sleep),
            (0..1_u32).prop_map(|_| Turn::Wait),
            (0..12_u32).prop_map(Turn::WaitWithin),
        ];
        vec(turn, 0..25)
    }

    /// Compares a pace with a clock whose turns come at multiples of the period: one of them at most is kept.
    fn keeps_pace(turns: &[Turn]) {
        let pace = Pace::new(TICK * PERIOD);
        let (begun, mut time, mut next) = (now(), 0, PERIOD);
        for turn in turns {
            let is_taken = match *turn {
                Turn::Sleep(ticks) => {
                    thread::sleep(TICK * ticks);
                    time += ticks;
                    false
                }
                Turn::Wait => {
                    pace.wait();
                    true
                }
                Turn::WaitWithin(ticks) => {
                    let (context, _cancel) = with_timeout(&background(), TICK * ticks);
                    let taken = pace.wait_ctx(&context);
                    let (left, is_done) = (next.saturating_sub(time), ticks == 0);
                    // If both come at one moment, either may be the answer.
                    match taken {
                        Ok(()) => assert!(left <= ticks),
                        Err(why) => assert!(why == Error::DeadlineExceeded && (is_done || left >= ticks)),
                    }
                    time += if taken.is_err() { ticks } else { 0 };
                    taken.is_ok()
                }
            };
            if is_taken {
                time = time.max(next);
                next = (time / PERIOD + 1) * PERIOD;
            }
            assert_eq!(now() - begun, TICK * time);
        }
    }

    /// A step on an exit.
    #[derive(Clone, Copy, Debug)]
    enum Deed {
        /// Starts a goroutine that waits until it hears the quit channel.
        Listen,
        /// Starts one that ends by itself.
        Work,
        /// Starts one that panics once it hears the quit channel.
        Panic,
        Quit,
        /// Waits for all, if all end.
        Wait,
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        use proptest::strategy::Just;
        let deed = prop_oneof![
            3 => Just(Deed::Listen),
            2 => Just(Deed::Work),
            1 => Just(Deed::Panic),
            1 => Just(Deed::Quit),
            1 => Just(Deed::Wait),
        ];
        vec(deed, 0..6)
    }

    /// Compares an exit with a count of those that have been started, and of those that end only when they are told to.
    fn lets_all_out(deeds: &[Deed]) {
        let (exit, ended) = (Exit::new(), Arc::new(AtomicUsize::new(0)));
        let (mut started, mut listen, mut panics, mut has_quit) = (0, false, false, false);
        for deed in deeds {
            let theirs = Arc::clone(&ended);
            // Relaxed: the wait for all goroutines publishes the count.
            let end = move || _ = theirs.fetch_add(1, Relaxed);
            match deed {
                Deed::Listen => exit.go(move |quit| {
                    assert!(quit.recv().is_err(), "nothing is sent");
                    end();
                }),
                Deed::Work => exit.go(move |_| end()),
                Deed::Panic => exit.go(move |quit| {
                    assert!(quit.recv().is_err(), "nothing is sent");
                    end();
                    resume_unwind(Box::new("as planned"));
                }),
                Deed::Quit => {
                    assert_eq!(exit.quit(), !has_quit);
                    has_quit = true;
                }
                Deed::Wait if has_quit || !listen => {
                    let panicked = catch_unwind(AssertUnwindSafe(|| exit.wait())).is_err();
                    assert_eq!(panicked, panics);
                    // It has come out.
                    panics = false;
                    assert_eq!(ended.load(Relaxed), started); // Relaxed: all have been waited for.
                }
                Deed::Wait => (),
            }
            started += usize::from(matches!(deed, Deed::Listen | Deed::Work | Deed::Panic));
            listen |= matches!(deed, Deed::Listen | Deed::Panic);
            panics |= matches!(deed, Deed::Panic);
            assert_eq!(exit.quit_channel().is_closed(), has_quit);
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| exit.finish())).is_err();
        assert_eq!(panicked, panics);
        assert_eq!(ended.load(Relaxed), started); // Relaxed: all have been waited for.
    }

    fn checker() -> Checker {
        Checker::new().ignore_environment().engines([Engine::Graph]).discrete_time(true).allow_no_operations()
    }

    /// Tries programs with the twin of a site until one fails.
    fn is_found<T: Clone + Send + Sync + 'static>(
        (file, source): (&str, &str),
        label: &str,
        programs: impl Strategy<Value = T>,
        run: fn(&T),
    ) -> bool {
        let mutation = site_of(source, file, label, Change::Twin).expect("the label is there");
        let mut runner = TestRunner::deterministic();
        (0..100).any(|_| {
            let program = programs.new_tree(&mut runner).expect("a program").current();
            let checker = checker().max_executions(30).mutate(mutation.clone());
            checker.run(move || run(&program)).remove(0).verdict.failure().is_some()
        })
    }

    #[test]
    fn broken_buckets_paces_and_exits_are_found() {
        let rate = ("runtime/src/patterns/rate.rs", include_str!("../../runtime/src/patterns/rate.rs"));
        let exit = ("runtime/src/patterns/exit.rs", include_str!("../../runtime/src/patterns/exit.rs"));
        for label in ["start-now", "wait-for-tokens"] {
            assert!(is_found(rate, label, steps(), |steps| agrees(steps, 3)), "{label}");
        }
        assert!(is_found(rate, "keep-period", turns(), |turns| keeps_pace(turns)));
        assert!(is_found(exit, "close-quit", deeds(), |deeds| lets_all_out(deeds)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_bucket_is_a_count_of_tokens(steps in steps(), burst in 1..5_u32) {
            let checker = Checker::new().ignore_environment().engines([Engine::Graph]).discrete_time(true);
            let report = checker.run(move || agrees(&steps, burst)).remove(0);
            assert!(report.verdict.failure().is_none(), "{report}");
        }

        #[test]
        fn a_pace_is_a_clock_with_one_turn_in_each_period(turns in turns()) {
            let report = checker().run(move || keeps_pace(&turns)).remove(0);
            assert!(report.verdict.failure().is_none(), "{report}");
        }

        #[test]
        fn an_exit_counts_those_that_are_in(deeds in deeds()) {
            let report = checker().max_executions(30).run(move || lets_all_out(&deeds)).remove(0);
            assert!(report.verdict.failure().is_none(), "{report}");
        }
    }
}
