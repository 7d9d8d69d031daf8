//! Producers and consumers that end early.

use super::{Value, everywhere, panic_of, panic_quietly};
use selvedge::context::{Error, background, with_cancel};
use selvedge::sync::Mutex;
use selvedge_go::patterns::{Fault, Outlet, produce_and_consume};
use std::sync::Arc;

#[test]
fn each_value_is_consumed_once_and_those_of_a_producer_in_order() {
    everywhere(|values| {
        let got = Arc::new(Mutex::new(Vec::new()));
        let produce = |first: u32| {
            let values = values.clone();
            move |out: &Outlet<Value>| {
                (first..first + 50).try_for_each(|n| out.send(values.make(n))).map_err(|_| "cut short")
            }
        };
        let theirs = Arc::clone(&got);
        let consume = move |value: Value| {
            theirs.lock().push(value.number);
            Ok(())
        };
        let ended = produce_and_consume(&background(), 64, [0, 100, 200].map(produce), [consume]);
        assert_eq!(ended, Ok(()));
        let got = got.lock();
        for first in [0, 100, 200] {
            let of_one = got.iter().filter(|n| (first..first + 100).contains(*n));
            assert!(of_one.copied().eq(first..first + 50));
        }
    });
}

#[test]
fn a_consumer_that_fails_or_panics_at_each_value_stops_all() {
    everywhere(|values| {
        for when in 0..6 {
            let endless = || {
                let values = values.clone();
                move |out: &Outlet<Value>| (0..).try_for_each(|n| out.send(values.make(n))).or(Ok(()))
            };
            let fails = move |value: Value| if value.number == when { Err(when) } else { Ok(()) };
            let ended = produce_and_consume(&background(), 2, [endless()], [fails, fails]);
            assert_eq!(ended, Err(Fault::Failed(when)));
            let panics =
                move |value: Value| if value.number == when { panic_quietly("a consumer") } else { Ok(()) };
            let run = || produce_and_consume::<_, u32, _, _>(&background(), 2, [endless()], [panics, panics]);
            assert_eq!(panic_of(run), "a consumer");
        }
    });
}

#[test]
fn a_producer_that_fails_ends_the_consumers() {
    everywhere(|values| {
        let values = values.clone();
        let fails = move |out: &Outlet<Value>| {
            out.send(values.make(0)).map_err(|_| "no consumer").and(Err("no more"))
        };
        let ended = produce_and_consume(&background(), 0, [fails], [|_: Value| Ok(())]);
        assert_eq!(ended, Err(Fault::Failed("no more")));
    });
}

#[test]
fn a_cancellation_ends_all_and_drops_what_waits() {
    everywhere(|values| {
        for when in 0..6 {
            let (context, cancel) = with_cancel(&background());
            let values = values.clone();
            let produce = move |out: &Outlet<Value>| {
                let cut = (0..).try_for_each(|n| {
                    if n == when {
                        cancel.cancel();
                    }
                    out.send(values.make(n))
                });
                assert!(cut.is_err_and(|value| value.number == when) && out.context().err().is_some());
                Ok(())
            };
            let ended = produce_and_consume::<_, (), _, _>(&context, 3, [produce], [|_| Ok(())]);
            assert_eq!(ended, Err(Fault::Done(Error::Canceled)));
        }
    });
}

#[test]
fn without_consumers_the_values_come_back() {
    everywhere(|values| {
        let values = values.clone();
        let produce = move |out: &Outlet<Value>| match out.send(values.make(7)) {
            Ok(()) => Err("there is no consumer"),
            Err(value) => {
                assert_eq!(value.number, 7);
                Ok(())
            }
        };
        let nobody = [|_: Value| Ok(())].into_iter().skip(1);
        assert_eq!(produce_and_consume(&background(), 5, [produce], nobody), Ok(()));
    });
}
