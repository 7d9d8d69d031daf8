//! A million goroutines wait for one channel at once.
//!
//! `cargo run --release -p selvedge-go --example million -- 1000000`

use selvedge::chan::bounded;
use selvedge::sync::WaitGroup;
use selvedge_go::{go, run};

/// Starts the goroutines, says how much memory each takes while it waits, and lets them go.
pub fn main() {
    let number = std::env::args().nth(1).map_or(1_000_000, |text| text.parse::<u64>().expect("a number"));
    run(|| {
        let (tx, rx) = bounded::<()>(0);
        let (begun, ended) = (WaitGroup::new(), WaitGroup::new());
        let before = resident_bytes();
        for _ in 0..number {
            let (rx, begun, ended) = (rx.clone(), begun.task(), ended.task());
            go(move || {
                drop(begun);
                _ = rx.recv();
                drop(ended);
            });
        }
        // All wait then, but the few that run at this moment on other threads.
        begun.wait();
        let each =
            before.zip(resident_bytes()).map(|(before, now)| now.saturating_sub(before) / number.max(1));
        // The channel is closed, which wakes all of them.
        drop(tx);
        ended.wait();
        match each {
            Some(bytes) => println!("{number} goroutines have waited, in {bytes} bytes each"),
            None => println!("{number} goroutines have waited"),
        }
    });
}

/// Returns how much memory of the process is resident, where the system tells: on Linux.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
