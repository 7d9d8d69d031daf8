//! A token goes round a ring of goroutines.
//!
//! `cargo run --release -p selvedge-go --example ring -- 1000 100`

use selvedge::chan::bounded;
use selvedge::rt::time::now;
use selvedge_go::{go, run};

/// Sends the token round.
pub fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u32>().expect("a number"));
    let (size, rounds) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(100));
    run(|| {
        let (first, mut last) = bounded(0);
        for _ in 1..size {
            let (tx, rx) = bounded(0);
            go(move || _ = last.iter().try_for_each(|hops: u32| tx.send(hops + 1)));
            last = rx;
        }
        let begun = now();
        let mut hops = 0;
        for _ in 0..rounds {
            // The first channel leads to a goroutine that passes the token on, unless the ring is this goroutine alone.
            first.send(hops).expect("the ring is there");
            hops = last.recv().expect("the ring is there") + 1;
        }
        let each = begun.elapsed() / hops.max(1);
        println!("{hops} hops, {each:?} each");
    });
}
