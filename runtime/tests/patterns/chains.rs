//! Long chains of goroutines, as Go's tutorials have them.

use super::everywhere;
use selvedge::chan::{Receiver, bounded};
use selvedge::context::background;
use selvedge_go::patterns::Pipeline;
use selvedge_go::{Builder, Leftover, go};

/// Runs a program on goroutines alone: so many threads would be too many.
pub(super) fn on_goroutines(program: impl Fn()) {
    for procs in [1, 2, 4] {
        Builder::new().procs(procs).leftover(Leftover::Fail).run(&program);
    }
}

/// PA-09.
#[test]
fn a_daisy_chain_of_ten_thousand_adds_one_at_each_link() {
    on_goroutines(|| {
        let (first, mut rx) = bounded(0);
        for _ in 0..10_000 {
            let (tx, next) = bounded(0);
            let before: Receiver<u32> = std::mem::replace(&mut rx, next);
            go(move || tx.send(before.recv().expect("a number") + 1).expect("the next link"));
        }
        first.send(0).expect("the first link");
        assert_eq!(rx.recv(), Ok(10_000));
    });
}

/// PA-09.
#[test]
fn a_sieve_is_a_pipeline_that_grows() {
    everywhere(|_| {
        let pipeline = Pipeline::<()>::new(&background());
        let (mut numbers, mut primes) = (pipeline.source(0, 2_u32..), Vec::new());
        while primes.len() < 20 {
            let prime = numbers.recv().expect("there are more");
            primes.push(prime);
            numbers = pipeline.stage(numbers, 0, move |n| Ok((!n.is_multiple_of(prime)).then_some(n)));
        }
        drop(numbers);
        assert_eq!(pipeline.wait(), Ok(()));
        assert_eq!(primes.last(), Some(&71));
    });
}
