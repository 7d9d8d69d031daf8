//! Chapter 2: processes, threads, goroutines.

use super::{Chapter, Checked};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge::sync::WaitGroup;
use selvedge_check::FailureKind;
use selvedge_go::{go, run, scope, spawn};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "2-threads.md",
    source: include_str!("threads.rs"),
    programs: &[ten_thousand, results, borrows, on_threads],
    checked: &[
        Checked("two_count", two_count, Some(FailureKind::Panic)),
        Checked("two_count_in_one_step", two_count_in_one_step, None),
    ],
};

fn ten_thousand() {
    let count = Arc::new(AtomicU32::new(0));
    run(|| {
        let group = WaitGroup::new();
        for _ in 0..10_000 {
            let (task, count) = (group.task(), Arc::clone(&count));
            go(move || {
                count.fetch_add(1, Relaxed);
                drop(task);
            });
        }
        group.wait();
    });
    assert_eq!(count.load(Relaxed), 10_000);
}

fn results() {
    run(|| {
        let good = spawn(|| 6 * 7);
        let bad = spawn(|| -> u32 { std::panic::resume_unwind(Box::new("it went wrong")) });
        assert_eq!(good.join().expect("no panic"), 42);
        assert!(bad.join().is_err(), "a panic is a result");
    });
}

fn borrows() {
    run(|| {
        let mut words = ["warp", "weft"].map(str::to_string);
        scope(|scope| {
            for word in &mut words {
                scope.go(move || word.make_ascii_uppercase());
            }
        });
        assert_eq!(words, ["WARP", "WEFT"]);
    });
}

fn on_threads() {
    let group = WaitGroup::new();
    let from_group = group.go(|| 1); // a thread here, a goroutine inside `run`
    let own = thread::spawn(|| 2);
    assert_eq!((from_group.join().ok(), own.join().ok()), (Some(1), Some(2)));
}

fn two_count() {
    let count = Arc::new(AtomicU32::new(0));
    let theirs = Arc::clone(&count);
    let other = spawn(move || {
        let seen = theirs.load(Relaxed);
        theirs.store(seen + 1, Relaxed);
    });
    let seen = count.load(Relaxed);
    count.store(seen + 1, Relaxed);
    other.join().expect("no panic");
    assert_eq!(count.load(Relaxed), 2);
}

fn two_count_in_one_step() {
    let count = Arc::new(AtomicU32::new(0));
    let theirs = Arc::clone(&count);
    let other = spawn(move || theirs.fetch_add(1, Relaxed));
    count.fetch_add(1, Relaxed);
    other.join().expect("no panic");
    assert_eq!(count.load(Relaxed), 2);
}
