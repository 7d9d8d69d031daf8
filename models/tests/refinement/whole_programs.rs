//! Whole programs of channels and locks, each explored to the end.

use crate::counts::executions;
use selvedge::chan::{bounded, unbounded};
use selvedge::rt::thread;
use selvedge::sync::{Barrier, Mutex};
use selvedge_check::{Checker, Engine, FailureKind, Verdict};

#[test]
fn three_workers_and_four_jobs() {
    let count = executions(|| {
        let (jobs, todo) = unbounded();
        let (done, results) = unbounded();
        for _ in 0..3 {
            let (todo, done) = (todo.clone(), done.clone());
            thread::spawn(move || todo.iter().for_each(|job: u32| done.send(job * 2).expect("open")));
        }
        drop((todo, done));
        (1..5).for_each(|job| jobs.send(job).expect("open"));
        drop(jobs);
        assert_eq!(results.iter().sum::<u32>(), 20);
    });
    assert_eq!(count, 3_042);
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
    let checker = Checker::new().ignore_environment().engines([Engine::Graph]);
    let report = checker.run(|| philosophers(false)).remove(0);
    let Verdict::Failed(found) = report.verdict else { panic!("they wait for each other: {report}") };
    assert_eq!(found.failure.kind, FailureKind::Deadlock);
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
