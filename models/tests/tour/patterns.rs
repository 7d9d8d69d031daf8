//! Chapter 6: patterns.

use super::{Chapter, Checked};
use core::ops::ControlFlow;
use selvedge::context::{Context, background};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::sync::WaitGroup;
use selvedge_check::FailureKind;
use selvedge_go::patterns::{Broker, Fault, Patience, Pipeline, Workers, crawl, fetch_all};
use selvedge_go::run;

pub(super) const CHAPTER: Chapter = Chapter {
    page: "6-patterns.md",
    source: include_str!("patterns.rs"),
    programs: &[stages, all_or_none, pool, topics, callback],
    checked: &[
        Checked("waits_before_it_reads", waits_before_it_reads, Some(FailureKind::Deadlock)),
        Checked("reads_and_then_waits", reads_and_then_waits, None),
        Checked("callbacks_at_once", callbacks_at_once, Some(FailureKind::Race)),
        Checked("one_callback_at_a_time", one_callback_at_a_time, None),
    ],
};

fn stages() {
    run(|| {
        let pipeline = Pipeline::new(&background());
        let words = pipeline.source(1, ["3", "4", "five"]);
        let numbers = pipeline.stage(words, 1, |word: &str| word.parse::<u32>().map(Some));
        let squares = pipeline.stage(numbers, 1, |n| Ok(Some(n * n)));
        let got: Vec<u32> = squares.iter().collect();
        assert!([9, 16].starts_with(&got), "what was on its way when `five` failed is dropped");
        assert!(matches!(pipeline.wait(), Err(Fault::Failed(_))));
    });
}

fn all_or_none() {
    let page =
        |name: &'static str| move |_: &Context| if name.is_empty() { Err("no name") } else { Ok(name.len()) };
    run(|| {
        assert_eq!(fetch_all(&background(), ["warp", "selvedge"].map(page)), Ok(vec![4, 8]));
        assert_eq!(fetch_all(&background(), ["warp", ""].map(page)), Err("no name"));
    });
}

fn pool() {
    run(|| {
        let workers = Workers::new(4, 10);
        let tickets: Vec<_> = (1..=15).map(|n| workers.submit(move || n * n)).collect();
        workers.finish();
        assert_eq!(tickets.into_iter().filter_map(|ticket| ticket.wait().ok()).sum::<u32>(), 1240);
    });
}

fn topics() {
    run(|| {
        let broker = Broker::new(Patience::default());
        let weather = broker.subscribe(4, |(topic, _)| *topic == "weather");
        broker.publish(("weather", "rain"));
        broker.publish(("sports", "one to nil"));
        drop(broker);
        assert!(weather.iter().eq([("weather", "rain")]));
    });
}

fn callback() {
    let fetch = |_: &Context, page: &u32| Ok::<_, ()>((page * 100, vec![page / 2, page / 3]));
    let mut sum = 0;
    let found = move |_page, size| {
        sum += size; // one call at a time, so no lock is needed
        if sum < 100_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    assert_eq!(run(|| crawl(&background(), 3, [12], fetch, found)), Ok(7));
}

fn waits_before_it_reads() {
    let pipeline = Pipeline::<()>::new(&background());
    let numbers = pipeline.source(1, 1..=3);
    assert!(pipeline.wait().is_ok());
    assert_eq!(numbers.iter().sum::<u32>(), 6);
}

fn reads_and_then_waits() {
    let pipeline = Pipeline::<()>::new(&background());
    let numbers = pipeline.source(1, 1..=3);
    assert_eq!(numbers.iter().sum::<u32>(), 6);
    assert!(pipeline.wait().is_ok());
}

/// Numbers that callbacks add up, without a lock.
struct Sum(UnsafeCell<u32>);

// SAFETY: this is what the program claims and a checker refutes: that calls never come at the same time.
unsafe impl Sync for Sum {}

impl Sum {
    fn add(&self, n: u32) {
        // SAFETY: this is what the program claims and a checker refutes: that calls never come at the same time.
        self.0.with_mut(|sum| unsafe { *sum += n });
    }
}

fn callbacks_at_once() {
    let (sum, group) = (Arc::new(Sum(UnsafeCell::new(0))), WaitGroup::new());
    for page in 1..=2 {
        let sum = Arc::clone(&sum);
        group.go(move || sum.add(page)); // the callback of each fetch
    }
    group.wait();
}

fn one_callback_at_a_time() {
    let sum = Arc::new(Sum(UnsafeCell::new(0)));
    let fetch = |_: &Context, page: &u32| Ok::<_, ()>((*page, vec![]));
    let found = move |_, size| {
        sum.add(size);
        ControlFlow::Continue(())
    };
    assert_eq!(crawl(&background(), 2, [1, 2], fetch, found), Ok(2));
}
