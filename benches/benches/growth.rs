//! How costs grow: each row is one operation on a channel with n values, waiters, cases or messages, or on n instants, timers,
//! contexts, keys or things that are retired, its time and the bytes that it leaves, for each n. The exponent with which they grow is
//! printed: 0 is a constant cost for each operation, 1 a total that is quadratic. Arguments name the rows to run.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, beside an allocator that counts"
)]

#[path = "growth/others.rs"]
mod others;
#[path = "growth/rows.rs"]
mod rows;
#[path = "growth/timers.rs"]
mod timers;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call is passed on to the allocator of the system, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed); // Relaxed: a count, read by the thread that allocates.
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System` too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed); // Relaxed: a count.
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System` too.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The sizes of a row; a row ends early at a size that takes too long.
const SIZES: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
const TOO_LONG: Duration = Duration::from_secs(1);

/// What a row measures: some operations, in the middle of an untimed beginning and end.
#[derive(Default)]
struct Meter {
    took: Duration,
    left: isize,
    operations: usize,
}

impl Meter {
    /// Measures `work`, which does so many operations.
    fn measure(&mut self, operations: usize, work: impl FnOnce()) {
        let (live, at) = (LIVE.load(Relaxed), Instant::now()); // Relaxed: this thread's own count.
        work();
        self.took += at.elapsed();
        self.left += LIVE.load(Relaxed) - live; // Relaxed: a count, read by the thread that allocates.
        self.operations += operations;
    }
}

/// One operation, of selvedge and, where it has the operation, of crossbeam-channel.
struct Row {
    name: &'static str,
    ours: fn(usize, &mut Meter),
    theirs: Option<fn(usize, &mut Meter)>,
}

/// Returns the slope, by least squares, of the logarithm of `costs` over that of the sizes.
fn exponent(costs: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> =
        SIZES.iter().zip(costs).map(|(size, cost)| ((*size as f64).ln(), cost.max(1e-3).ln())).collect();
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    above / below
}

fn print(name: &str, whose: &str, run: fn(usize, &mut Meter)) {
    let (mut costs, mut left) = (Vec::new(), Vec::new());
    print!("{name:<52} {whose:<9}");
    for size in SIZES {
        let mut meter = Meter::default();
        run(size, &mut meter);
        let each = meter.took.as_nanos() as f64 / meter.operations as f64;
        costs.push(each);
        left.push(meter.left as f64 / meter.operations as f64);
        print!(" {each:>10.0}");
        if meter.took > TOO_LONG {
            break;
        }
    }
    (costs.len()..SIZES.len()).for_each(|_| print!(" {:>10}", "-"));
    let exponent = if costs.len() > 1 { format!("{:.2}", exponent(&costs)) } else { "-".to_string() };
    println!(" {exponent:>8} {:>10.1}", left.last().expect("one size is run"));
}

fn main() {
    let names: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    print!("{:<52} {:<9}", "nanoseconds for each, n =", "");
    SIZES.iter().for_each(|size| print!(" {size:>10}"));
    println!(" {:>8} {:>10}", "exponent", "bytes left");
    for Row { name, ours, theirs } in rows::ROWS {
        if names.is_empty() || names.iter().any(|part| name.contains(part.as_str())) {
            print(name, "selvedge", *ours);
            if let Some(theirs) = theirs {
                print("", "crossbeam", *theirs);
            }
        }
    }
}
