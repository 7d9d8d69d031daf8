//! Each of the patterns in a small program: all of them, or those whose names are given.
//!
//! `cargo run --release -p selvedge-go --example patterns -- pipeline workers`

use core::ops::ControlFlow;
use selvedge::chan::{bounded, select};
use selvedge::context::{Context, background, with_timeout};
use selvedge::rt::time::now;
use selvedge::sync::ErrGroup;
use selvedge_go::patterns::{
    Broker, Exit, Outlet, Pace, Patience, Pipeline, TokenBucket, Workers, crawl, fetch_all, fetch_first,
    produce_and_consume,
};
use selvedge_go::{Builder, Leftover, go, sleep};
use std::time::Duration;

type Example = (&'static str, fn());

const EXAMPLES: [Example; 9] = [
    ("fetch", fetch),
    ("pipeline", pipeline),
    ("produce", produce),
    ("broker", broker),
    ("workers", workers),
    ("crawl", crawl_numbers),
    ("rate", rate),
    ("exit", exit),
    ("group", group),
];

/// A millisecond of work.
fn work() {
    sleep(Duration::from_millis(1));
}

/// Asks ten servers for all of their answers, and then for the first one.
fn fetch() {
    let ask = |server: u64| {
        move |context: &Context| {
            // A server that is further away takes longer, unless nobody waits any more.
            let (context, _cancel) = with_timeout(context, Duration::from_millis(server * 2));
            let _done = context.done().recv();
            context
                .err()
                .is_some_and(|why| why.to_string().contains("deadline"))
                .then_some(server)
                .ok_or("too late")
        }
    };
    let all = fetch_all(&background(), (1..=10).map(ask)).expect("each server answers");
    let first = fetch_first(&background(), (1..=10).map(ask)).expect("a server answers");
    println!("fetch: {} answers, and server {first} was the first", all.len());
}

/// Reads numbers, works on them with three goroutines, and adds them up.
fn pipeline() {
    let pipeline = Pipeline::new(&background());
    let words = pipeline.source(4, (1..=30).map(|n: u32| n.to_string()));
    let numbers = pipeline.stage(words, 4, |word: String| word.parse::<u32>().map(Some));
    let squares = pipeline.fan_out(numbers, 3, 4, |n| {
        work();
        Ok(Some(n * n))
    });
    let sum: u32 = squares.iter().sum();
    pipeline.wait().expect("each word is a number");
    println!("pipeline: the squares up to 30 add up to {sum}");
}

/// Three producers and two consumers on a channel for 64 values.
fn produce() {
    let (tx, counts) = bounded(2);
    let produce = |first: u32| {
        move |out: &Outlet<u32>| (first..first + 100).try_for_each(|n| out.send(n)).map_err(drop)
    };
    let consumers = [(); 2].map(|()| {
        let (tx, mut count) = (tx.clone(), Count(0, None));
        move |_| {
            count.1.get_or_insert_with(|| tx.clone());
            count.0 += 1;
            Ok(())
        }
    });
    produce_and_consume(&background(), 64, [0, 100, 200].map(produce), consumers).expect("nothing fails");
    drop(tx);
    println!("produce: the consumers took {:?} values", counts.iter().collect::<Vec<_>>());
}

/// Tells how many values a consumer took, when the consumer has ended.
struct Count(u32, Option<selvedge::chan::Sender<u32>>);

impl Drop for Count {
    fn drop(&mut self) {
        if let Some(tx) = &self.1 {
            let _nobody_asks = tx.send(self.0);
        }
    }
}

/// A subscriber for each topic, one of which never reads.
fn broker() {
    let broker = Broker::new(Patience { wait: Duration::from_millis(1), misses: Some(2) });
    let weather = broker.subscribe(100, |(topic, _)| *topic == "weather");
    let asleep = broker.subscribe(1, |(topic, _)| *topic == "sports");
    for n in 0..10 {
        broker.publish(("weather", n));
        broker.publish(("sports", n));
    }
    broker.close();
    let (read, missed) = (weather.iter().count(), asleep.missed());
    println!(
        "broker: {read} messages were read; {missed} were missed, then the subscriber was evicted: {}",
        asleep.is_evicted()
    );
}

/// Four workers, a queue for ten, fifteen jobs.
fn workers() {
    let workers = Workers::new(4, 10);
    let job = |n: u32| {
        move || {
            work();
            n * n
        }
    };
    let tickets: Vec<_> = (1..=15).map(|n| workers.submit(job(n))).collect();
    workers.finish();
    let sum: u32 = tickets.into_iter().map(|ticket| ticket.wait().expect("no job panics")).sum();
    println!("workers: fifteen jobs add up to {sum}");
}

/// Follows n to n / 2 and 3 n + 1, below a limit.
fn crawl_numbers() {
    let fetch = |_: &Context, n: &u64| {
        work();
        let next = if n.is_multiple_of(2) { vec![n / 2] } else { vec![3 * n + 1] };
        Ok::<_, ()>((n.to_string().len(), next))
    };
    let (tx, longest) = bounded(1);
    let found = move |n: u64, digits| {
        if digits >= 4 {
            let _told = tx.try_send(n);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let pages = crawl(&background(), 4, [27], fetch, found).expect("no fetch fails");
    println!("crawl: {:?} after {pages} numbers is the first one with four digits", longest.recv().ok());
}

/// A burst of five, and then one in each millisecond.
fn rate() {
    let (start, bucket) = (now(), TokenBucket::new(Duration::from_millis(1), 5));
    (0..15).for_each(|_| bucket.take(1));
    let burst = start.elapsed();
    let (start, pace) = (now(), Pace::new(Duration::from_millis(1)));
    (0..10).for_each(|_| pace.wait());
    println!("rate: fifteen tokens took {burst:.0?}, and ten turns {:.0?}", start.elapsed());
}

/// Goroutines that count until they are told to end.
fn exit() {
    let ((tx, counts), exit) = (bounded(0), Exit::new());
    for _ in 0..3 {
        let tx = tx.clone();
        exit.go(move |quit| {
            for count in 0_u32.. {
                select! {
                    send(tx, count) -> _ => (),
                    recv(quit) -> _ => return,
                }
            }
        });
    }
    let most = counts.iter().take(300).max();
    exit.finish();
    println!("exit: the quickest goroutine had come to {most:?}");
}

/// A group in which one fails.
fn group() {
    let group = ErrGroup::with_limit(4);
    for n in 0..10 {
        group.go(
            move |stop| if n == 7 { Err(n) } else { stop.recv_timeout(Duration::from_millis(1)).or(Ok(())) },
        );
    }
    println!("group: the first error is {:?}", group.wait());
}

/// Runs the patterns that the arguments name, or all of them.
pub fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for (name, example) in EXAMPLES {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            // Nothing may be left of it.
            Builder::new().leftover(Leftover::Fail).run(|| {
                let (done, ended) = bounded::<()>(0);
                go(move || {
                    example();
                    drop(done);
                });
                assert!(ended.recv().is_err());
            });
        }
    }
}
