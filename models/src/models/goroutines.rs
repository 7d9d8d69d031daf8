//! Models of how a goroutine parks and is made ready.
//!
//! The goroutine is its task's word, and cells for what its thread saves of it. Each thread that is told to make it
//! runnable runs it at once.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread;
use selvedge::rt::twin::is_twin;
use selvedge_check::{Change, Engine, FailureKind};
use selvedge_go::core::ready::{TimeOut, begin_scan, begin_wait, commit, end_scan, given, time_out, unpark};

models![
    park_meets_ready,
    a_stale_unpark_does_not_end_a_later_wait,
    park_meets_ready_with_a_timeout,
    park_meets_ready_while_it_is_scanned,
    a_scan_is_alone_with_the_stack,
];

const READY: Mutant = mutant_of!("runtime/src/core/ready.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines.rs");
/// The context is not published to the thread that makes the goroutine runnable, or that thread does not acquire it.
const WEAK_COMMIT: Mutant = READY.weaken("commit-wait");
const WEAK_GIVE: Mutant = READY.weaken("give");
/// The goroutine can be resumed before its context is saved.
const EARLY_COMMIT: Mutant = HERE
    .mutant("commit-before-switch", Change::Twin, FailureKind::Race, Needs::Orderings)
    .or(FailureKind::Panic);
/// The wait is ended in the word by a write that does not happen.
const LOST_GIVE: Mutant = READY.lose("give", FailureKind::Panic).or(FailureKind::Race);
/// An unpark ends whatever wait it finds.
const UNCOMPARED: Mutant = READY
    .mutant("compare-waits", Change::Twin, FailureKind::Panic, Needs::Interleavings)
    .or(FailureKind::Race);

/// A wait begins with a store, while a CAS of an unpark of the last wait may be under way.
const STORE_AGAINST_CAS: (Engine, &str) =
    (Engine::Loom, "it may order a store before a read-modify-write that the store cannot precede");

/// A goroutine: its word, what its thread saves when it switches, and how often it was resumed.
struct Goroutine {
    word: AtomicU64,
    context: Plain,
    resumed: Plain,
}

impl Goroutine {
    fn new() -> Goroutine {
        Goroutine { word: AtomicU64::new(0), context: Plain::new(0), resumed: Plain::new(0) }
    }

    /// Saves the context, then commits the wait; returns whether the goroutine is parked.
    fn switch_off(&self, wait: u64) -> bool {
        // site: commit-before-switch
        if is_twin() {
            let parked = commit(&self.word, wait);
            self.context.set(wait as u32);
            return parked;
        }
        self.context.set(wait as u32);
        commit(&self.word, wait)
    }

    /// Runs the goroutine on after a wait, and returns whether it was woken.
    fn resume(&self, wait: u64) -> bool {
        assert_eq!(u64::from(self.context.get()), wait);
        self.resumed.set(self.resumed.get() + 1);
        given(&self.word, wait)
    }
}

/// A goroutine parks while a thread unparks it: it runs on once, after its context was saved and after what the other
/// thread did.
fn park_meets_ready() -> Model {
    model("a goroutine that is woken runs on once, with its context", || {
        let (goroutine, data) = (Goroutine::new(), Plain::new(0));
        let wait = begin_wait(&goroutine.word);
        let run_on = || {
            assert!(goroutine.resume(wait));
            assert_eq!(data.get(), 7);
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(7);
                if unpark(&goroutine.word, wait) {
                    run_on();
                }
            });
            if !goroutine.switch_off(wait) {
                run_on();
            }
        });
        assert_eq!(goroutine.resumed.get(), 1);
    })
    .catches([WEAK_COMMIT, WEAK_GIVE, EARLY_COMMIT, LOST_GIVE, READY.weaken("look-whether-given")])
}

/// Two threads unpark one wait. The goroutine that runs on parks again, in a wait that neither of them may end.
fn a_stale_unpark_does_not_end_a_later_wait() -> Model {
    model("an unpark of an earlier wait does nothing", || {
        let goroutine = Goroutine::new();
        let wait = begin_wait(&goroutine.word);
        let run_on = || {
            assert!(goroutine.resume(wait));
            let next = begin_wait(&goroutine.word);
            assert!(goroutine.switch_off(next), "no thread has the number of this wait");
        };
        let wake = || {
            if unpark(&goroutine.word, wait) {
                run_on();
            }
        };
        thread::scope(|scope| {
            scope.spawn(wake);
            scope.spawn(wake);
            if !goroutine.switch_off(wait) {
                run_on();
            }
        });
        assert_eq!(goroutine.resumed.get(), 1);
    })
    .not_under(STORE_AGAINST_CAS)
    .catches([
        WEAK_COMMIT,
        UNCOMPARED,
        READY.lose("begin-wait", FailureKind::Panic).or(FailureKind::Race),
    ])
}

/// The deadline of a wait passes while a thread unparks the goroutine: the goroutine runs on once, and knows whether it
/// was woken.
fn park_meets_ready_with_a_timeout() -> Model {
    model("a wait ends once, by an unpark or by time", || {
        let (goroutine, data) = (Goroutine::new(), Plain::new(0));
        let wait = begin_wait(&goroutine.word);
        let run_on = || {
            if goroutine.resume(wait) {
                assert_eq!(data.get(), 7);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(7);
                if unpark(&goroutine.word, wait) {
                    run_on();
                }
            });
            // The timer is set after the commit.
            if !goroutine.switch_off(wait) || time_out(&goroutine.word, wait) == TimeOut::Runnable {
                run_on();
            }
        });
        assert_eq!(goroutine.resumed.get(), 1);
    })
    .catches([
        WEAK_COMMIT,
        WEAK_GIVE,
        LOST_GIVE,
        READY.lose("time-out", FailureKind::Panic).or(FailureKind::Race),
    ])
}

/// A scanner reads and writes the context of a goroutine that parks, is unparked and times out meanwhile: the goroutine
/// runs on once, and not beside the scanner.
fn park_meets_ready_while_it_is_scanned() -> Model {
    model("a goroutine that is scanned runs on once, after the scan", || {
        let goroutine = Goroutine::new();
        let wait = begin_wait(&goroutine.word);
        let run_on = || _ = goroutine.resume(wait);
        thread::scope(|scope| {
            scope.spawn(|| {
                if unpark(&goroutine.word, wait) {
                    run_on();
                }
            });
            scope.spawn(|| {
                if begin_scan(&goroutine.word) == Some(wait) {
                    goroutine.context.set(goroutine.context.get());
                    if end_scan(&goroutine.word) {
                        run_on();
                    }
                }
            });
            if !goroutine.switch_off(wait) || time_out(&goroutine.word, wait) == TimeOut::Runnable {
                run_on();
            }
        });
        assert_eq!(goroutine.resumed.get(), 1);
    })
    .catches([
        WEAK_COMMIT,
        WEAK_GIVE,
        READY.weaken("time-out"),
        READY.weaken("begin-scan"),
        READY.weaken("end-scan"),
        READY.lose("begin-scan", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
        READY.lose("end-scan", FailureKind::Panic),
    ])
}

/// Two scanners come to a parked goroutine, whose deadline has passed: one of them has its stack, and a timer that comes
/// meanwhile is put back.
fn a_scan_is_alone_with_the_stack() -> Model {
    model("scanners and the goroutine have its stack one after another", || {
        let (goroutine, scans) = (Goroutine::new(), AtomicU64::new(0));
        let wait = begin_wait(&goroutine.word);
        let scan = || {
            if begin_scan(&goroutine.word).is_some() {
                goroutine.context.set(goroutine.context.get());
                scans.fetch_add(1, Relaxed);
                assert!(!end_scan(&goroutine.word), "no thread unparks the goroutine");
            }
        };
        assert!(goroutine.switch_off(wait));
        let met = thread::scope(|scope| {
            scope.spawn(scan);
            scope.spawn(scan);
            time_out(&goroutine.word, wait)
        });
        assert!(met != TimeOut::Over && (met == TimeOut::Runnable || scans.load(Relaxed) > 0));
        if met == TimeOut::Scanned {
            assert_eq!(time_out(&goroutine.word, wait), TimeOut::Runnable, "the timer was put back");
        }
        assert!(!goroutine.resume(wait), "no thread unparked the goroutine");
        assert_eq!(goroutine.resumed.get(), 1);
    })
    .catches([
        READY.weaken("begin-scan"),
        READY.weaken("end-scan"),
        READY.lose("begin-scan", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
    ])
}
