//! Chapter 5: locks, maps and atomics.

use super::{Chapter, Checked};
use selvedge::map::Map;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::sync::{Mutex, RwMutex, WaitGroup};
use selvedge_check::FailureKind;
use selvedge_go::{go, run};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "5-locks.md",
    source: include_str!("locks.rs"),
    programs: &[under_a_lock, readers, words],
    checked: &[
        Checked("opposite_ways", opposite_ways, Some(FailureKind::Deadlock)),
        Checked("lower_account_first", lower_account_first, None),
    ],
};

fn under_a_lock() {
    let log = Arc::new(Mutex::new(Vec::new()));
    run(|| {
        let group = WaitGroup::new();
        for n in 0..3 {
            let log = Arc::clone(&log);
            group.go(move || log.lock().push(n)); // unlocked at the end of the statement
        }
        group.wait();
    });
    assert_eq!(log.lock().iter().sum::<u32>(), 3);
}

fn readers() {
    let settings = RwMutex::new("quiet");
    {
        let (one, other) = (settings.read(), settings.read());
        assert_eq!((*one, *other), ("quiet", "quiet"));
    }
    *settings.write() = "loud";
    assert_eq!(*settings.read(), "loud");
}

fn words() {
    let (counts, total) = (Arc::new(Map::new()), Arc::new(AtomicU32::new(0)));
    run(|| {
        let group = WaitGroup::new();
        for line in ["over under over", "under over"] {
            let (counts, total) = (Arc::clone(&counts), Arc::clone(&total));
            group.go(move || {
                for word in line.split(' ') {
                    loop {
                        let (seen, was_there) = counts.load_or_store(word, 1);
                        if !was_there || counts.compare_and_swap(word, &seen, seen + 1) {
                            break;
                        }
                    }
                    total.fetch_add(1, Relaxed);
                }
            });
        }
        group.wait();
    });
    assert_eq!((counts.load("over"), total.load(Relaxed)), (Some(3), 5));
}

fn opposite_ways() {
    let accounts = Arc::new([Mutex::new(5), Mutex::new(5)]);
    let transfer = |accounts: &[Mutex<u32>; 2], from: usize, to: usize| {
        let (mut from, mut to) = (accounts[from].lock(), accounts[to].lock());
        *from -= 1;
        *to += 1;
    };
    let theirs = Arc::clone(&accounts);
    go(move || transfer(&theirs, 0, 1));
    transfer(&accounts, 1, 0);
}

fn lower_account_first() {
    let accounts = Arc::new([Mutex::new(5), Mutex::new(5)]);
    let transfer = |accounts: &[Mutex<u32>; 2], from: usize, to: usize| {
        let (mut lower, mut upper) = (accounts[from.min(to)].lock(), accounts[from.max(to)].lock());
        let (from, to) = if from < to { (&mut *lower, &mut *upper) } else { (&mut *upper, &mut *lower) };
        *from -= 1;
        *to += 1;
    };
    let theirs = Arc::clone(&accounts);
    go(move || transfer(&theirs, 0, 1));
    transfer(&accounts, 1, 0);
}
