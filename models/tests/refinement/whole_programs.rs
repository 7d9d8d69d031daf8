//! Whole programs of channels and locks, each explored to the end.

use crate::counts::executions;
use selvedge::chan::{bounded, unbounded};
use selvedge::rt::thread;
use selvedge::sync::{Barrier, Mutex, RwMutex};
use selvedge_check::{Checker, Engine, FailureKind, Verdict};

/// Counts the executions of so many workers that double so many jobs; `alike`: which worker is which does not count.
fn pool(workers: usize, jobs: u32, alike: bool) -> u64 {
    executions(move || {
        let (todo, queue) = unbounded();
        let (done, results) = unbounded();
        let worker = || {
            let (queue, done) = (queue.clone(), done.clone());
            move || queue.iter().for_each(|job: u32| done.send(job * 2).expect("open"))
        };
        if alike {
            drop(thread::spawn_symmetric(workers, worker));
        } else {
            (0..workers).for_each(|_| drop(thread::spawn(worker())));
        }
        drop((queue, done));
        (1..=jobs).for_each(|job| todo.send(job).expect("open"));
        drop(todo);
        assert_eq!(results.iter().sum::<u32>(), jobs * (jobs + 1));
    })
}

#[test]
fn pools_of_workers() {
    assert_eq!(pool(2, 2, false), 12);
    assert_eq!(pool(3, 4, false), 3_042);
}

#[test]
fn pools_of_workers_that_are_alike() {
    assert_eq!(pool(2, 2, true), 6);
    assert_eq!(pool(3, 4, true), 507);
}

/// Squares numbers by two workers; `apart`: a thread of its own sends the jobs; `alike`: which worker is which does not
/// count.
fn squares(numbers: &'static [u64], apart: bool, alike: bool) -> u64 {
    let (jobs, queue) = bounded(1);
    let (done, results) = bounded(1);
    let worker = || {
        let (queue, done) = (queue.clone(), done.clone());
        move || queue.iter().for_each(|n: u64| done.send(n * n).expect("open"))
    };
    if alike {
        drop(thread::spawn_symmetric(2, worker));
    } else {
        (0..2).for_each(|_| drop(thread::spawn(worker())));
    }
    drop((queue, done));
    let send = move || numbers.iter().for_each(|n| jobs.send(*n).expect("open"));
    if apart {
        thread::spawn(send);
    } else {
        send();
        drop(send);
    }
    results.iter().sum()
}

/// Returns how a program fails.
fn failure(program: impl Fn() + Send + Sync + 'static) -> FailureKind {
    let checker = Checker::new().ignore_environment().engines([Engine::Graph]).shrink(false);
    let report = checker.run(program).remove(0);
    let Verdict::Failed(found) = report.verdict else { panic!("it should have failed: {report}") };
    found.failure.kind
}

/// The worker pool of the chapter on programs.
#[test]
fn a_worker_pool_that_reads_too_late_deadlocks() {
    assert_eq!(failure(|| assert_eq!(squares(&[1, 2, 3, 4, 5, 6], false, false), 91)), FailureKind::Deadlock);
    assert_eq!(failure(|| assert_eq!(squares(&[1, 2, 3, 4, 5, 6], false, true), 91)), FailureKind::Deadlock);
    assert_eq!(executions(|| assert_eq!(squares(&[1, 2, 3], false, false), 14)), 36);
    assert_eq!(executions(|| assert_eq!(squares(&[1, 2, 3], false, true), 14)), 18);
    assert_eq!(executions(|| assert_eq!(squares(&[1, 2, 3, 4, 5], true, false), 55)), 324);
    assert_eq!(executions(|| assert_eq!(squares(&[1, 2, 3, 4, 5], true, true), 55)), 162);
}

#[test]
fn a_pipeline_of_three_stages() {
    let count = executions(|| {
        let (first, source) = bounded(1);
        let (second, squares) = bounded(1);
        let (third, sums) = bounded(1);
        thread::spawn(move || (1..4).for_each(|n: u32| first.send(n).expect("open")));
        thread::spawn(move || source.iter().for_each(|n| second.send(n * n).expect("open")));
        thread::spawn(move || squares.iter().for_each(|n| third.send(n + 1).expect("open")));
        assert_eq!(sums.iter().collect::<Vec<u32>>(), [2, 5, 10]);
    });
    assert_eq!(count, 1);
}

/// Three philosophers, each with a fork on both sides; `ordered`: all take the lower fork first.
fn philosophers(ordered: bool) {
    let forks = [(); 3].map(Mutex::new);
    let dine = |n: usize| {
        let (left, right) = (n, (n + 1) % 3);
        let (first, second) = if ordered && right < left { (right, left) } else { (left, right) };
        let _first = forks[first].lock();
        let _second = forks[second].lock();
    };
    thread::scope(|scope| {
        let dine = &dine;
        (0..3).for_each(|n| drop(scope.spawn(move || dine(n))));
    });
}

#[test]
fn philosophers_with_ordered_forks() {
    assert_eq!(executions(|| philosophers(true)), 6);
}

#[test]
fn philosophers_deadlock() {
    assert_eq!(failure(|| philosophers(false)), FailureKind::Deadlock);
}

#[test]
fn a_barrier_of_three() {
    let count = executions(|| {
        let (barrier, written) = (Barrier::new(3), Mutex::new(0));
        let work = || {
            *written.lock() += 1;
            barrier.wait();
            assert_eq!(*written.lock(), 3);
        };
        thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(work))));
    });
    assert_eq!(count, 432);
}

/// A subscriber for each topic, and one for both, in a list behind a lock.
#[test]
fn topics_and_their_subscribers() {
    let count = executions(|| {
        let (one, first) = unbounded();
        let (two, second) = unbounded();
        let (of_both, both) = unbounded();
        let topics = RwMutex::new([vec![one, of_both.clone()], vec![two, of_both]]);
        thread::scope(|scope| {
            for topic in 0..2 {
                let topics = &topics;
                scope.spawn(move || {
                    topics.read()[topic].iter().for_each(|subscriber| subscriber.send(topic).expect("open"));
                });
            }
        });
        drop(topics);
        assert_eq!((first.iter().collect::<Vec<_>>(), second.iter().collect::<Vec<_>>()), (vec![0], vec![1]));
        let mut both: Vec<usize> = both.iter().collect();
        both.sort_unstable();
        assert_eq!(both, [0, 1]);
    });
    assert_eq!(count, 2, "which topic comes first to the subscriber of both");
}
