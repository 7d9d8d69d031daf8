//! Models of the patterns of `selvedge_go::patterns`. The locks, channels and groups in them are taken as specified:
//! they have models of their own.

use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use core::ops::ControlFlow;
use selvedge::chan::Receiver;
use selvedge::context::{Context, Error, background};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::Mutex;
use selvedge_check::{Change, FailureKind};
use selvedge_go::patterns::{
    Broker, ErrGroup, Exit, Fault, Outlet, Pace, Patience, Pipeline, TokenBucket, Workers, crawl, fetch_all,
    fetch_first, produce_and_consume,
};
use std::panic::resume_unwind;
use std::time::Duration;

models![
    all_fetches_have_ended_when_their_results_are_there,
    the_first_result_stops_the_other_fetch,
    an_error_is_that_of_the_pipeline,
    a_source_ends_with_its_reader,
    a_stage_ends_with_its_reader,
    a_cancelled_pipeline_ends_though_nobody_reads,
    consumers_end_after_the_producers,
    a_consumer_that_fails_stops_its_producer,
    a_message_is_delivered_or_counted,
    an_evicted_subscriber_is_told,
    a_subscriber_leaves_while_a_message_is_published,
    workers_keep_to_their_number,
    a_worker_goes_on_after_a_panic,
    a_crawl_fetches_each_key_once,
    a_bucket_makes_takers_wait,
    a_full_bucket_holds_no_more_than_a_burst,
    turns_of_a_pace_are_a_period_apart,
    all_hear_the_quit_channel,
    a_group_keeps_to_its_limit,
];

const FETCH: Mutant = mutant_of!("runtime/src/patterns/fetch.rs");
const PIPELINE: Mutant = mutant_of!("runtime/src/patterns/pipeline.rs");
const PRODUCE: Mutant = mutant_of!("runtime/src/patterns/produce.rs");
const PUB_SUB: Mutant = mutant_of!("runtime/src/patterns/pub_sub.rs");
const WORKERS: Mutant = mutant_of!("runtime/src/patterns/workers.rs");
const CRAWL: Mutant = mutant_of!("runtime/src/patterns/crawl.rs");
const RATE: Mutant = mutant_of!("runtime/src/patterns/rate.rs");
const ERR_GROUP: Mutant = mutant_of!("primitives/src/sync/err_group.rs");
const EXIT: Mutant = mutant_of!("runtime/src/patterns/exit.rs");

const fn twin(of: Mutant, site: &'static str, kind: FailureKind) -> Mutant {
    of.mutant(site, Change::Twin, kind, Needs::Interleavings)
}

/// A time that a model sleeps: natively it does.
const MOMENT: Duration = Duration::from_millis(1);

/// Two fetches count themselves, and the caller counts them. PA-01.
fn all_fetches_have_ended_when_their_results_are_there() -> Model {
    model("all fetches have ended when their results are there, in order", || {
        let count = Arc::new(AtomicU32::new(0));
        let fetch = |n: u32| {
            let count = Arc::clone(&count);
            move |_: &Context| {
                count.fetch_add(1, Relaxed);
                Ok::<_, ()>(n)
            }
        };
        assert_eq!(fetch_all(&background(), [1, 2].map(fetch)), Ok(vec![1, 2]));
        assert_eq!(count.load(Relaxed), 2);
    })
    .of_specified()
    .catches([twin(FETCH, "await-all", FailureKind::Panic)])
}

/// One of two fetches succeeds, and the other one waits for its context.
fn the_first_result_stops_the_other_fetch() -> Model {
    model("the first result of several fetches stops the others", || {
        let fetch = |n: u32| {
            move |context: &Context| match n {
                1 => Err(context.done().recv().is_err()),
                _ => Ok(n),
            }
        };
        assert_eq!(fetch_first(&background(), [1, 2].map(fetch)), Ok(2));
    })
    .of_specified()
    .catches([twin(FETCH, "tell-others", FailureKind::Deadlock)])
}

/// A stage fails at its first value.
fn an_error_is_that_of_the_pipeline() -> Model {
    model("the error of a stage is that of its pipeline, and ends it", || {
        let pipeline = Pipeline::new(&background());
        let numbers = pipeline.source(1, [1]);
        let out = pipeline.stage(numbers, 0, |n| if n == 1 { Err("one") } else { Ok(Some(n)) });
        assert!(out.recv().is_err());
        assert_eq!(pipeline.wait(), Err(Fault::Failed("one")));
    })
    .of_specified()
    .catches([twin(PIPELINE, "tell-error", FailureKind::Panic)])
}

/// The reader of a source takes one of four values and leaves.
fn a_source_ends_with_its_reader() -> Model {
    model("a source ends with its reader, and makes no value that has no place", || {
        let made = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&made);
        let pipeline = Pipeline::<()>::new(&background());
        let numbers = pipeline.source(0, (1..=4).inspect(move |_| _ = counts.fetch_add(1, Relaxed)));
        assert_eq!(numbers.recv(), Ok(1));
        drop(numbers);
        assert_eq!(pipeline.wait(), Ok(()));
        assert!(made.load(Relaxed) <= 2, "one was received, and one was about to be sent");
    })
    .of_specified()
    .catches([twin(PIPELINE, "end-with-output", FailureKind::Panic)])
}

/// The reader of a stage takes nothing and leaves. PA-02.
fn a_stage_ends_with_its_reader() -> Model {
    model("a stage ends with its reader, and the source ends with the stage", || {
        let made = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&made);
        let pipeline = Pipeline::<()>::new(&background());
        let numbers = pipeline.source(0, (1..=3).inspect(move |_| _ = counts.fetch_add(1, Relaxed)));
        drop(pipeline.stage(numbers, 0, |n| Ok(Some(n))));
        assert_eq!(pipeline.wait(), Ok(()));
        assert!(made.load(Relaxed) <= 2, "one came to the stage, and one was about to be sent");
    })
    .of_specified()
    .catches([twin(PIPELINE, "end-with-next", FailureKind::Panic)])
}

/// A source sends to a receiver that is there and does not receive.
fn a_cancelled_pipeline_ends_though_nobody_reads() -> Model {
    model("a cancelled pipeline ends, though nobody reads", || {
        let pipeline = Pipeline::<()>::new(&background());
        let numbers = pipeline.source(0, 1..=2);
        pipeline.cancel();
        assert_eq!(pipeline.wait(), Err(Fault::Done(Error::Canceled)));
        drop(numbers);
    })
    .of_specified()
    .catches([twin(PIPELINE, "look-at-context", FailureKind::Deadlock)])
}

/// A producer of two values, and a consumer that adds them up.
fn consumers_end_after_the_producers() -> Model {
    model("consumers take every value once, and end after the producers", || {
        let sum = Arc::new(AtomicU32::new(0));
        let produce = |out: &Outlet<u32>| [1, 2].into_iter().try_for_each(|n| out.send(n)).map_err(drop);
        let theirs = Arc::clone(&sum);
        let consume = move |n| {
            theirs.fetch_add(n, Relaxed);
            Ok(())
        };
        assert_eq!(produce_and_consume(&background(), 1, [produce], [consume]), Ok(()));
        assert_eq!(sum.load(Relaxed), 3);
    })
    .of_specified()
    .catches([twin(PRODUCE, "leave-channel", FailureKind::Deadlock)])
}

/// The only consumer fails at the first of three values.
fn a_consumer_that_fails_stops_its_producer() -> Model {
    model("a consumer that fails stops its producer", || {
        let produce = |out: &Outlet<u32>| {
            assert!([1, 2, 3].iter().any(|n| out.send(*n).is_err()));
            Ok(())
        };
        let ended = produce_and_consume(&background(), 0, [produce], [|_| Err("too much")]);
        assert_eq!(ended, Err(Fault::Failed("too much")));
    })
    .of_specified()
    .catches([twin(PRODUCE, "tell-error", FailureKind::Panic)])
}

/// A publisher that does not wait, and a subscriber with room for one message. PA-04.
fn a_message_is_delivered_or_counted() -> Model {
    model("a message is delivered, or counted as missed", || {
        let broker = Broker::new(Patience::default());
        let subscription = broker.subscribe(1, |n| *n < 3);
        let publisher =
            thread::spawn(move || [1, 2, 3].map(|n| broker.publish(n).delivered).iter().sum::<usize>());
        let got: Vec<u32> = subscription.iter().collect();
        assert!(got.is_sorted(), "in the order published");
        assert_eq!(publisher.join().expect("no panic"), got.len());
        assert_eq!(got.len() as u64 + subscription.missed(), 2);
    })
    .of_specified()
    .catches([twin(PUB_SUB, "count-missed", FailureKind::Panic)])
}

/// Two publishers, and a subscriber with room for one message that may miss none.
fn an_evicted_subscriber_is_told() -> Model {
    model("a subscriber that is evicted is told by a closed channel", || {
        let broker = Arc::new(Broker::new(Patience { wait: Duration::ZERO, misses: Some(0) }));
        let subscription = broker.subscribe(1, |_| true);
        let theirs = Arc::clone(&broker);
        let other = thread::spawn(move || theirs.publish(1));
        let ours = broker.publish(1);
        let counts = [ours, other.join().expect("no panic")];
        assert_eq!(subscription.iter().count(), 1);
        assert!(subscription.is_evicted());
        assert_eq!(counts.iter().map(|published| published.evicted).sum::<usize>(), 1);
        assert_eq!(broker.subscribers(), 0);
    })
    .of_specified()
    .catches([twin(PUB_SUB, "close-evicted", FailureKind::Deadlock)])
}

/// A subscriber that receives nothing leaves, and its publisher waits for room until then at most.
fn a_subscriber_leaves_while_a_message_is_published() -> Model {
    model("a message may be published to a subscriber that leaves", || {
        let broker = Broker::new(Patience { wait: MOMENT, misses: None });
        let leaver = broker.subscribe(0, |_| true);
        let leaves = thread::spawn(move || drop(leaver));
        let published = broker.publish(1);
        leaves.join().expect("no panic");
        assert_eq!((published.delivered, broker.subscribers()), (0, 0));
        let stays = broker.subscribe(1, |_| true);
        assert_eq!(broker.publish(2).delivered, 1);
        assert_eq!(stays.recv(), Ok(2));
    })
    .of_specified()
    .catches([twin(PUB_SUB, "leave-list", FailureKind::Panic)])
}

/// Two jobs and one worker.
fn workers_keep_to_their_number() -> Model {
    model("no more jobs run at once than there are workers", || {
        let workers = Workers::new(1, 1);
        let busy = Arc::new(Mutex::new(0));
        let tickets = [(); 2].map(|()| {
            let busy = Arc::clone(&busy);
            workers.submit(move || {
                *busy.lock() += 1;
                let at_once = *busy.lock();
                *busy.lock() -= 1;
                at_once
            })
        });
        workers.finish();
        tickets.into_iter().for_each(|ticket| assert_eq!(ticket.wait().expect("no panic"), 1));
    })
    .of_specified()
    .catches([twin(WORKERS, "keep-limit", FailureKind::Panic)])
}

/// A job panics, and another one follows.
fn a_worker_goes_on_after_a_panic() -> Model {
    model("a worker goes on after the panic of a job", || {
        let workers = Workers::new(1, 1);
        let panics = workers.submit(|| resume_unwind(Box::new("as planned")));
        let goes_on = workers.submit(|| 7);
        let panic: Result<(), _> = panics.wait();
        assert_eq!(panic.expect_err("it panics").downcast_ref(), Some(&"as planned"));
        assert_eq!(goes_on.wait().expect("no panic"), 7);
        workers.finish();
    })
    .of_specified()
    .catches([twin(WORKERS, "survive-panic", FailureKind::Panic).or(FailureKind::Deadlock)])
}

/// A page leads twice to another one.
fn a_crawl_fetches_each_key_once() -> Model {
    model("a crawl fetches each key once, and ends when there is no more", || {
        let fetch = |_: &Context, key: &u32| {
            let keys = if *key == 1 { vec![2, 2] } else { vec![] };
            Ok::<_, ()>((key * 10, keys))
        };
        let sum = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&sum);
        let found = move |_, page| {
            theirs.fetch_add(page, Relaxed);
            ControlFlow::Continue(())
        };
        assert_eq!(crawl(&background(), 2, [1], fetch, found), Ok(2));
        assert_eq!(sum.load(Relaxed), 30);
    })
    .of_specified()
    .catches([
        twin(CRAWL, "leave-out-met", FailureKind::Panic),
        twin(CRAWL, "wake-workers", FailureKind::Deadlock),
    ])
}

/// Two threads take from a bucket with room for one.
fn a_bucket_makes_takers_wait() -> Model {
    model("the second taker of a bucket with one token waits for a period", || {
        let start = now();
        let bucket = Arc::new(TokenBucket::new(MOMENT, 1));
        let theirs = Arc::clone(&bucket);
        let other = thread::spawn(move || {
            theirs.take(1);
            now()
        });
        bucket.take(1);
        let last = now().max(other.join().expect("no panic"));
        assert!(last >= start + MOMENT);
    })
    .of_specified()
    .catches([twin(RATE, "wait-for-tokens", FailureKind::Panic)])
}

/// A bucket that nobody uses for a while, and two threads that come at once.
fn a_full_bucket_holds_no_more_than_a_burst() -> Model {
    model("a bucket that is full stays so, and holds no more than its burst", || {
        let bucket = Arc::new(TokenBucket::new(MOMENT, 1));
        thread::sleep(2 * MOMENT);
        let (theirs, start) = (Arc::clone(&bucket), now());
        let other = thread::spawn(move || theirs.try_take(1));
        let taken = [bucket.try_take(1), other.join().expect("no panic")];
        // Both take one only if a period passes between.
        assert!(taken[0] != taken[1] || taken[0] && now() >= start + MOMENT);
    })
    .of_specified()
    .catches([twin(RATE, "start-now", FailureKind::Panic)])
}

/// Two threads wait for turns.
fn turns_of_a_pace_are_a_period_apart() -> Model {
    model("two turns of a pace are two periods after its start", || {
        let start = now();
        let pace = Arc::new(Pace::new(MOMENT));
        let theirs = Arc::clone(&pace);
        let other = thread::spawn(move || {
            theirs.wait();
            now()
        });
        pace.wait();
        let last = now().max(other.join().expect("no panic"));
        assert!(last >= start + 2 * MOMENT);
    })
    .of_specified()
    .catches([twin(RATE, "keep-period", FailureKind::Panic)])
}

/// Two goroutines listen, one of which has nothing else to do. PA-06.
fn all_hear_the_quit_channel() -> Model {
    model("all goroutines hear the quit channel, and have ended after the wait", || {
        let exit = Exit::new();
        let ended = Arc::new(AtomicU32::new(0));
        for _ in 0..2 {
            let ended = Arc::clone(&ended);
            exit.go(move |quit| {
                assert!(quit.recv().is_err(), "nothing is sent");
                ended.fetch_add(1, Relaxed);
            });
        }
        exit.finish();
        assert_eq!(ended.load(Relaxed), 2);
    })
    .of_specified()
    .catches([twin(EXIT, "close-quit", FailureKind::Deadlock).or(FailureKind::Panic)])
}

/// A closure that may start at once or not, beside one that counts itself.
fn a_group_keeps_to_its_limit() -> Model {
    model("a group starts no more closures at once than its limit", || {
        let (group, busy) = (ErrGroup::with_limit(1), Arc::new(Mutex::new(0)));
        let count = || {
            let busy = Arc::clone(&busy);
            move |_stop: &Receiver<()>| {
                *busy.lock() += 1;
                let at_once = *busy.lock();
                *busy.lock() -= 1;
                if at_once == 1 { Ok(()) } else { Err(at_once) }
            }
        };
        group.go(count());
        if let Err(refused) = group.try_go(count()) {
            group.go(refused);
        }
        assert_eq!(group.wait(), Ok(()));
    })
    .of_specified()
    .catches([twin(ERR_GROUP, "keep-limit", FailureKind::Panic)])
}
