//! The sieve of Eratosthenes as a chain of goroutines: each keeps one prime and passes on what that does not divide.
//!
//! `cargo run --release -p selvedge-go --example prime_sieve -- 1000`

use selvedge::chan::{Receiver, bounded};
use selvedge_go::{go, run};

/// Starts a goroutine that counts from 2.
fn count() -> Receiver<u64> {
    let (tx, rx) = bounded(0);
    // When the program needs no more numbers, the receiver is gone and the send fails.
    go(move || _ = (2..).try_for_each(|n| tx.send(n)));
    rx
}

/// Starts a goroutine that passes on the numbers that `prime` does not divide.
fn filter(numbers: Receiver<u64>, prime: u64) -> Receiver<u64> {
    let (tx, rx) = bounded(0);
    go(move || _ = numbers.iter().filter(|n| n % prime != 0).try_for_each(|n| tx.send(n)));
    rx
}

/// Prints the prime whose number the argument is.
pub fn main() {
    let wanted = std::env::args().nth(1).map_or(100, |text| text.parse().expect("a number of primes"));
    let primes: Vec<u64> = run(|| {
        let mut numbers = count();
        (0..wanted)
            .map(|_| {
                let prime = numbers.recv().expect("there is always another number");
                numbers = filter(std::mem::replace(&mut numbers, bounded(0).1), prime);
                prime
            })
            .collect()
    });
    println!("prime {wanted} is {}", primes.last().expect("at least one prime"));
}
