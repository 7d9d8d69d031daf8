//! One thread: every answer of a channel is the reference's (GO-SEMANTICS points 1, 4 to 8, 10, 12
//! and 13, as far as one thread can see them).

use proptest::sample::select;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use proptest::{prop_assert, prop_assert_eq};
use selvedge_proptests::sequential::{
    Chan, Counted, Large, Payload, Reference, Step, Subject, Zero, alive, steps,
};
use std::collections::BTreeSet;

const SEED: u64 = 0x5e17ed6e;
const CASES: u32 = 600;

/// A capacity, the size of the channel's segments, and what to do. Small segments, so that short
/// sequences cross from one to the next; 5 is what `bounded` makes.
fn sequences() -> impl Strategy<Value = (usize, u32, Vec<Step>)> {
    let capacity = select(vec![0, 0, 1, 1, 2, 2, 3, 7, 8, 40]);
    let shift = select(vec![5, 5, 5, 0, 1, 2]);
    (capacity, shift, steps(120))
}

fn runner() -> TestRunner {
    TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(SEED),
        ..Config::default()
    })
}

/// Takes the steps side by side.
fn agree<T: Payload>(capacity: usize, shift: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let before = alive();
    let mut reference = Reference::new(capacity);
    let mut subject = Subject::<T>::new(capacity, shift);
    for (number, step) in (1..).zip(steps) {
        let value = if T::TRAITS.numbered { number } else { 0 };
        let Some(expected) = reference.apply(step.action, value) else { continue };
        prop_assert_eq!(subject.apply(*step, value), expected, "step {}: {:?}", number, step);
        for state in subject.states() {
            prop_assert_eq!(state, reference.state(), "after step {}: {:?}", number, step);
        }
        prop_assert!(subject.is_one_channel());
        if T::TRAITS.counted {
            prop_assert_eq!(alive() - before, reference.len(), "alive after step {}: {:?}", number, step);
        }
    }
    drop(subject);
    prop_assert_eq!(alive(), before, "values outlived their channel");
    Ok(())
}

fn check<T: Payload>() {
    let result = runner().run(&sequences(), |(capacity, shift, steps)| agree::<T>(capacity, shift, &steps));
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn numbers_come_out_as_the_reference_says() {
    check::<u32>();
}

#[test]
fn values_with_a_destructor_are_dropped_once() {
    check::<Counted>();
}

#[test]
fn large_values_come_whole() {
    check::<Large>();
}

#[test]
fn zero_sized_values_are_counted_like_others() {
    check::<Zero>();
}

#[test]
fn channels_travel_through_channels() {
    check::<Chan>();
}

#[test]
fn the_sequences_get_everywhere() {
    let mut runner = runner();
    let mut seen = BTreeSet::new();
    for _ in 0..CASES {
        let drawn = sequences().new_tree(&mut runner).expect("nothing is filtered out");
        let (capacity, _, steps) = drawn.current();
        let mut reference = Reference::new(capacity);
        for step in steps {
            if let Some(answer) = reference.apply(step.action, 1) {
                seen.insert((capacity, answer.kind()));
            }
        }
    }
    let everywhere =
        ["empty", "recv timed out", "not sent", "nothing left", "closed", "already closed", "values"];
    let full = ["full", "send timed out"];
    for capacity in [0, 1, 2, 3, 7, 8, 40] {
        let buffered = if capacity > 0 { &["sent", "received"][..] } else { &[] };
        let full = if capacity < 40 { &full[..] } else { &[] };
        for kind in everywhere.iter().chain(full).chain(buffered) {
            assert!(seen.contains(&(capacity, *kind)), "never `{kind}` at capacity {capacity}");
        }
    }
}
