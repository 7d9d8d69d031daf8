//! Models of signals: the handler is a thread, and the signal has come when it begins.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::chan::{Receiver, Sender, TryRecvError, bounded};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::caught::Caught;
use selvedge_go::core::post::{Outbox, Post};
use std::collections::VecDeque;

models![
    a_signal_is_caught_or_left_to_its_default_action,
    each_signal_is_taken_once,
    what_precedes_a_signal_happens_before_its_receipt,
    a_stopped_channel_has_what_came_before_and_gets_nothing_later,
    a_receiver_may_change_what_is_registered,
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

const POST: Mutant = mutant_of!("runtime/src/core/post.rs");
/// A thread does not wait for the one that sends.
const WAITS_FOR_NONE: Mutant =
    POST.mutant("await-the-sender", Change::Twin, FailureKind::Panic, Needs::Interleavings);
/// The thread that has sent wakes none of those that wait for it.
const WAKES_NONE: Mutant =
    POST.mutant("say-settled", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);
/// A receiver that changes something waits for its own thread.
const WAITS_FOR_ITSELF: Mutant =
    POST.mutant("know-itself", Change::Twin, FailureKind::Deadlock, Needs::Interleavings);

/// A registry with one channel, and one kind of signal.
struct Registry {
    channel: Option<Sender<u32>>,
    caught: Caught,
    owed: VecDeque<(Sender<u32>, u32)>,
}

impl Registry {
    fn new() -> (Arc<Post<Registry>>, Receiver<u32>) {
        let (tx, rx) = bounded(2);
        let registry = Registry { channel: Some(tx), caught: Caught::new(), owed: VecDeque::new() };
        registry.caught.want();
        (Arc::new(Post::new(registry)), rx)
    }

    /// Owes the channel what has come.
    fn collect(&mut self) {
        for _ in 0..self.caught.take() {
            self.owed.extend(self.channel.clone().map(|channel| (channel, 1)));
        }
    }
}

impl Outbox for Registry {
    type Letter = (Sender<u32>, u32);

    fn next(&mut self) -> Option<(Sender<u32>, u32)> {
        self.owed.pop_front()
    }
}

fn send((channel, signal): (Sender<u32>, u32)) {
    channel.try_send(signal).expect("there is room");
}

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

/// A signal has come, and the thread that sends takes it, while the channel is stopped.
fn a_stopped_channel_has_what_came_before_and_gets_nothing_later() -> Model {
    model("a channel that is stopped has what came before, and gets nothing later", || {
        let (post, rx) = Registry::new();
        post.change(|registry| assert!(registry.caught.catch()), send);
        // That change has not collected it.
        let theirs = Arc::clone(&post);
        let sender = thread::spawn(move || theirs.change(Registry::collect, send));
        let stop = |registry: &mut Registry| {
            registry.collect();
            registry.channel = None;
        };
        post.change(stop, send);
        assert_eq!(rx.try_recv(), Ok(1));
        sender.join().expect("no panic");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    })
    .of_specified()
    .catches([WAITS_FOR_NONE, WAKES_NONE])
}

/// What gets the signal stops the channel, while another thread changes something too.
fn a_receiver_may_change_what_is_registered() -> Model {
    model("a receiver that changes what is registered does not wait for itself", || {
        let (post, rx) = Registry::new();
        post.change(|registry| assert!(registry.caught.catch() && registry.caught.catch()), send);
        let (theirs, inner) = (Arc::clone(&post), Arc::clone(&post));
        let sender = thread::spawn(move || {
            theirs.change(Registry::collect, move |letter| {
                send(letter);
                inner.change(|registry| registry.channel = None, send);
            });
        });
        post.change(Registry::collect, send);
        sender.join().expect("no panic");
        assert_eq!((rx.try_recv(), rx.try_recv()), (Ok(1), Ok(1)));
        assert!(rx.try_recv().is_err());
    })
    .of_specified()
    .catches([WAITS_FOR_ITSELF])
}
