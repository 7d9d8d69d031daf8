//! Pipelines that come to their end, and that are cut at each value.

use super::{Values, everywhere, panic_of, panic_quietly};
use selvedge::context::{Error, background, with_cancel};
use selvedge_go::patterns::{Fault, Pipeline};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

const VALUES: u32 = 6;

/// How a function ends the pipeline.
#[derive(Clone, Copy)]
enum End {
    Fails,
    Panics,
}

/// Makes three stages and a sink, of which the one with number `at` ends the pipeline at the value `when`.
fn pipeline(values: &Values, end: End, at: u32, when: u32) -> Pipeline<u32> {
    let pipeline = Pipeline::new(&background());
    let meet = move |stage: u32, number: u32| match end {
        _ if (stage, number) != (at, when) => Ok(()),
        End::Fails => Err(number),
        End::Panics => panic_quietly("a stage"),
    };
    let values = values.clone();
    let first = pipeline.source(0, (0..VALUES).map(move |n| values.make(n)));
    let second = pipeline.stage(first, 1, move |value| meet(0, value.number).map(|()| Some(value)));
    let third = pipeline.stage(second, 0, move |value| meet(1, value.number).map(|()| Some(value)));
    pipeline.sink(third, move |value| meet(2, value.number));
    pipeline
}

#[test]
fn a_failure_at_each_place_is_the_pipelines_and_drops_all_values() {
    everywhere(|values| {
        for (at, when) in (0..3).flat_map(|at| (0..VALUES).map(move |when| (at, when))) {
            assert_eq!(pipeline(values, End::Fails, at, when).wait(), Err(Fault::Failed(when)));
            assert_eq!(panic_of(|| pipeline(values, End::Panics, at, when).wait()), "a stage");
        }
        assert_eq!(pipeline(values, End::Fails, 3, 0).wait(), Ok(()));
    });
}

/// PA-02.
#[test]
fn values_keep_their_order_and_may_become_none_or_several() {
    everywhere(|values| {
        let pipeline = Pipeline::<()>::new(&background());
        let made = values.clone();
        let numbers = pipeline.source(2, (0..100).map(move |n| made.make(n)));
        let odd = pipeline.stage(numbers, 0, |value| Ok((value.number % 2 == 1).then_some(value)));
        let twice = pipeline.stage(odd, 3, |value| Ok([value.clone(), value]));
        let expected = (0..100).filter(|n| n % 2 == 1).flat_map(|n| [n, n]);
        assert!(twice.iter().map(|value| value.number).eq(expected));
        assert_eq!(pipeline.wait(), Ok(()));
    });
}

/// PA-02.
#[test]
fn a_reader_may_leave_after_each_value() {
    everywhere(|values| {
        for taken in 0..VALUES as usize {
            let pipeline = Pipeline::<()>::new(&background());
            let made = values.clone();
            let endless = pipeline.source(1, (0..).map(move |n| made.make(n)));
            let out = pipeline.fan_out(endless, 2, 0, |value| Ok(Some(value)));
            assert_eq!(out.iter().take(taken).count(), taken);
            drop(out);
            assert_eq!(pipeline.wait(), Ok(()));
        }
    });
}

#[test]
fn a_stage_may_end_before_its_input() {
    everywhere(|values| {
        let pipeline = Pipeline::<()>::new(&background());
        let made = values.clone();
        let endless = pipeline.source(1, (0..).map(move |n| made.make(n)));
        let first = pipeline.source(0, endless.into_iter().take(3));
        assert!(first.iter().map(|value| value.number).eq(0..3));
        assert_eq!(pipeline.wait(), Ok(()));
    });
}

#[test]
fn a_context_may_be_cancelled_at_each_value() {
    everywhere(|values| {
        for when in 0..VALUES {
            let (context, cancel) = with_cancel(&background());
            let pipeline = Pipeline::<()>::new(&context);
            let made = values.clone();
            let numbers = pipeline.source(0, (0..).map(move |n| made.make(n)));
            let numbers = pipeline.stage(numbers, 1, |value| Ok(Some(value)));
            let count = Arc::new(AtomicU32::new(0));
            let theirs = Arc::clone(&count);
            pipeline.sink(numbers, move |value| {
                theirs.fetch_add(1, SeqCst);
                if value.number == when {
                    cancel.cancel();
                }
                Ok(())
            });
            assert_eq!(pipeline.wait(), Err(Fault::Done(Error::Canceled)));
            assert_eq!(count.load(SeqCst), when + 1, "nothing is received after the cancellation");
        }
    });
}

#[test]
fn a_pipeline_that_is_dropped_ends() {
    everywhere(|values| {
        let pipeline = Pipeline::<()>::new(&background());
        let made = values.clone();
        let kept = pipeline.source(0, (0..).map(move |n| made.make(n)));
        assert_eq!(kept.recv().map(|value| value.number), Ok(0));
        drop(pipeline);
        // The source ends for the context, though its receiver is there.
        assert!(kept.iter().count() <= 1);
        values.wait_until_dropped();
    });
}

#[test]
fn a_receiver_that_is_forgotten_holds_its_stage_until_the_cancellation() {
    everywhere(|values| {
        let pipeline = Pipeline::<()>::new(&background());
        let made = values.clone();
        std::mem::forget(pipeline.source(0, (0..2).map(move |n| made.make(n))));
        pipeline.cancel();
        assert_eq!(pipeline.wait(), Err(Fault::Done(Error::Canceled)));
    });
}

#[test]
#[should_panic(expected = "a stage without workers")]
fn a_stage_has_workers() {
    let pipeline = Pipeline::<()>::new(&background());
    let numbers = pipeline.source(0, [1]);
    let _never = pipeline.fan_out(numbers, 0, 0, |n| Ok(Some(n)));
}
