//! Workers take jobs from one channel and give the results to another.
//!
//! `cargo run --release -p selvedge-go --example worker_pool -- 8 100000`

use selvedge::chan::bounded;
use selvedge_go::{go, run};

/// The length of the Collatz sequence that begins with `n`.
fn steps(n: u64) -> u64 {
    let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
    std::iter::successors(Some(n), next).count() as u64
}

/// Looks for the longest sequence.
pub fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let (workers, jobs) = (numbers.next().unwrap_or(8), numbers.next().unwrap_or(100_000));
    let longest = run(|| {
        let (job, todo) = bounded(64);
        let (done, results) = bounded(64);
        for _ in 0..workers {
            let (todo, done) = (todo.clone(), done.clone());
            go(move || todo.iter().for_each(|n| done.send((steps(n), n)).expect("main takes all results")));
        }
        // Each worker has its own handles: when the jobs are sent, the channel of results closes after the last one.
        drop((todo, done));
        go(move || (1..=jobs).for_each(|n| job.send(n).expect("a worker is there")));
        results.iter().max()
    });
    match longest {
        Some((steps, n)) => println!("the longest sequence up to {jobs} begins with {n}: {steps} numbers"),
        None => println!("there was nothing to do"),
    }
}
