//! Models of signals: the handler is a thread, and the signal has come when it begins.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::caught::Caught;

models![
    a_signal_is_caught_or_left_to_its_default_action,
    each_signal_is_taken_once,
    what_precedes_a_signal_happens_before_its_receipt,
];

const CAUGHT: Mutant = mutant_of!("runtime/src/core/caught.rs");
/// The handler looks whether the signal is caught, and counts it later.
const COUNTS_LATE: Mutant =
    CAUGHT.mutant("count-what-is-caught", Change::Twin, FailureKind::Panic, Needs::Interleavings);
/// The count stays when it is taken.
const TAKES_TWICE: Mutant = CAUGHT.lose("take", FailureKind::Panic);
const COUNTS_RELAXED: Mutant = CAUGHT.weaken("count");
const TAKES_RELAXED: Mutant = CAUGHT.weaken("take");
const RELEASES_RELAXED: Mutant = CAUGHT.weaken("release");

fn wanted() -> Arc<Caught> {
    let caught = Arc::new(Caught::new());
    caught.want();
    caught
}

/// The program ceases to catch a signal of which two come on two threads.
fn a_signal_is_caught_or_left_to_its_default_action() -> Model {
    model("a signal that is no longer caught is left to its default action, and none comes later", || {
        let caught = wanted();
        let handlers = [(); 2].map(|()| {
            let caught = Arc::clone(&caught);
            thread::spawn(move || caught.catch())
        });
        let came = caught.release();
        let counted: u32 = handlers.map(|handler| u32::from(handler.join().expect("no panic"))).iter().sum();
        assert_eq!(came, counted);
        assert_eq!(caught.take(), 0);
    })
    .catches([COUNTS_LATE])
}

/// The thread that sends takes what has come while another one stops a channel that is not the last.
fn each_signal_is_taken_once() -> Model {
    model("each signal that is counted is taken once", || {
        let caught = wanted();
        let (theirs, sender) = (Arc::clone(&caught), Arc::clone(&caught));
        let handler = thread::spawn(move || theirs.catch());
        let sender = thread::spawn(move || sender.take());
        let ours = caught.take();
        assert!(handler.join().expect("no panic"));
        let theirs = sender.join().expect("no panic");
        assert_eq!(ours + theirs + caught.release(), 1);
    })
    .catches([TAKES_TWICE])
}

/// A thread raises a signal for itself.
fn what_precedes_a_signal_happens_before_its_receipt() -> Model {
    model("what precedes a signal happens before its receipt", || {
        let (caught, data) = (wanted(), Arc::new(Plain::new(0)));
        let (theirs, written) = (Arc::clone(&caught), Arc::clone(&data));
        let handler = thread::spawn(move || {
            written.set(1);
            theirs.catch();
        });
        if caught.take() > 0 {
            assert_eq!(data.get(), 1);
        }
        if caught.release() > 0 {
            assert_eq!(data.get(), 1);
        }
        handler.join().expect("no panic");
    })
    .catches([COUNTS_RELAXED, TAKES_RELAXED, RELEASES_RELAXED])
}
