//! Fetches that succeed, fail, panic and are cancelled.

use super::{everywhere, panic_of, panic_quietly};
use selvedge::context::{Context, background, with_cancel};
use selvedge_go::patterns::{fetch_all, fetch_first};

/// PA-01.
#[test]
fn results_come_in_the_order_of_the_fetches() {
    everywhere(|values| {
        let fetches = (0..20).map(|n| {
            let value = values.make(n);
            move |_: &Context| Ok::<_, ()>(value)
        });
        let results = fetch_all(&background(), fetches).expect("all succeed");
        assert!(results.iter().map(|value| value.number).eq(0..20));
        let none = || [|_: &Context| Ok::<u32, u32>(1)].into_iter().skip(1);
        assert_eq!(fetch_all(&background(), none()), Ok(vec![]));
        assert_eq!(fetch_first(&background(), none()), Err(vec![]));
    });
}

#[test]
fn an_error_stops_the_others_and_their_results_are_dropped() {
    everywhere(|values| {
        for failing in 0..5 {
            let fetch = |n| {
                let value = values.make(n);
                move |context: &Context| match n {
                    _ if n == failing => Err(n),
                    // Half of the others wait for the failure, half have results.
                    _ if n % 2 == 0 && context.done().recv().is_err() => Err(100),
                    _ => Ok(value),
                }
            };
            assert_eq!(fetch_all(&background(), (0..5).map(fetch)).err(), Some(failing));
        }
    });
}

#[test]
fn the_first_result_counts_and_errors_keep_their_order() {
    everywhere(|values| {
        for good in 0..5 {
            let fetch = |n| {
                let value = values.make(n);
                move |context: &Context| match n {
                    _ if n == good => Ok(value),
                    _ => Err(context.done().recv().is_err()),
                }
            };
            let first = fetch_first(&background(), (0..5).map(fetch));
            assert_eq!(first.map(|value| value.number), Ok(good));
        }
        let fetch = |n| move |_: &Context| Err::<u32, _>(n);
        assert_eq!(fetch_first(&background(), (0..5).map(fetch)), Err(vec![0, 1, 2, 3, 4]));
    });
}

#[test]
fn a_panic_comes_out_when_all_have_ended() {
    everywhere(|values| {
        for wild in 0..3 {
            let fetch = |n| {
                let value = values.make(n);
                move |context: &Context| match n {
                    _ if n == wild => panic_quietly("a fetch"),
                    _ => {
                        assert!(context.done().recv().is_err());
                        drop(value);
                        Err::<u32, _>("stopped")
                    }
                }
            };
            assert_eq!(panic_of(|| fetch_all(&background(), (0..3).map(fetch))), "a fetch");
            assert_eq!(panic_of(|| fetch_first(&background(), (0..3).map(fetch))), "a fetch");
        }
    });
}

#[test]
fn a_panic_of_the_iterator_starts_nothing() {
    everywhere(|values| {
        let fetches = (0..3).map(|n| {
            let value = values.make(n);
            if n == 2 {
                panic_quietly("the iterator")
            }
            move |_: &Context| -> Result<u32, u32> { unreachable!("{} does not start", value.number) }
        });
        assert_eq!(panic_of(|| fetch_all(&background(), fetches)), "the iterator");
    });
}

#[test]
fn fetches_hear_of_a_cancellation_by_any_of_them() {
    everywhere(|values| {
        for canceller in 0..4 {
            let (context, cancel) = with_cancel(&background());
            let fetch = |n| {
                let (value, cancel) = (values.make(n), cancel.clone());
                move |context: &Context| {
                    if n == canceller {
                        cancel.cancel();
                    }
                    assert!(context.done().recv().is_err());
                    drop(value);
                    Err::<u32, _>("stopped")
                }
            };
            assert_eq!(fetch_all(&context, (0..4).map(fetch)), Err("stopped"));
            assert_eq!(fetch_first(&context, (0..4).map(fetch)), Err(vec!["stopped"; 4]));
        }
    });
}
