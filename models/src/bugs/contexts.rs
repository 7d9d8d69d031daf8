//! Contexts and timers that end one side of a conversation, and leave the other one waiting.
//!
//! In Go nothing happens when a `cancel` is forgotten. Here the drop of the last handle cancels, so a kernel that
//! forgets one detaches it.

use super::Pair;
use selvedge::chan::{Timer, select};
use selvedge::context::{Context, background, with_cancel, with_timeout};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{Mutex, Once, WaitGroup};
use std::time::Duration;

const SOON: Duration = Duration::from_micros(1);

/// A reader that finds its context cancelled leaves the rest to a thread, which receives from a channel whose sender
/// has gone for the same reason. (One channel. The main thread cancels.) Fixed by a thread that looks at the context
/// too.
pub(super) fn cockroach_10790(mended: bool) {
    let (context, cancel) = with_cancel(&background());
    let channel = Pair::new(0);
    let (theirs, sends) = (context.clone(), channel.clone());
    thread::spawn(move || {
        select! {
            send(sends.0, ()) -> _ => (),
            recv(theirs.done()) -> _ => (),
        }
    });
    thread::spawn(move || {
        select! {
            recv(channel.1) -> _ => (),
            recv(context.done()) -> _ => {
                let context = if mended { context.clone() } else { background() };
                let drains = channel.clone();
                thread::spawn(move || {
                    select! {
                        recv(drains.1) -> _ => (),
                        recv(context.done()) -> _ => (),
                    }
                });
            }
        }
    });
    cancel.cancel();
}

/// The rows of a query are never closed, and a thread waits for that. Fixed by closing them, which cancels.
pub(super) fn cockroach_13755(mended: bool) {
    let (context, cancel) = with_cancel(&background());
    thread::spawn(move || {
        assert!(context.done().recv().is_err());
        assert!(context.err().is_some());
    });
    if mended {
        cancel.cancel();
    } else {
        cancel.detach();
    }
}

/// A watch that takes an error cancels its own context and then sends the error to a reader that is not there. Fixed
/// by a send that the context ends, and by leaving the cancellation to the stopping thread.
pub(super) fn kubernetes_25331(mended: bool) {
    let (context, cancel) = with_cancel(&background());
    let (errors, results) = (Pair::new(0), Pair::new(0));
    let (theirs, stops) = (errors.clone(), cancel.clone());
    thread::spawn(move || {
        select! {
            recv(errors.1) -> _ => {
                if mended {
                    select! {
                        send(results.0, ()) -> _ => (),
                        recv(context.done()) -> _ => (),
                    }
                } else {
                    cancel.cancel();
                    results.send(());
                }
            }
            recv(context.done()) -> _ => (),
        }
    });
    thread::spawn(move || {
        theirs.send(());
        stops.cancel();
    });
}

/// The content of a page is made once, by a thread that is given up after a while, and that asks for the number of
/// words, which needs the content, and the lock that the thread holds. Fixed by counting without the lock.
pub(super) fn hugo_5379(mended: bool) {
    struct Page {
        content: Once,
        plain: Once,
        lock: Mutex<()>,
    }
    fn count_words(page: &Arc<Page>, mended: bool) {
        page.content.call(|| {
            let (context, _cancel) = with_timeout(&background(), SOON);
            let (theirs, rendered) = (Arc::clone(page), Pair::new(1));
            let done = rendered.clone();
            thread::spawn(move || {
                let held = theirs.lock.lock();
                // A short code of the page wants the number of its words.
                count_words(&theirs, mended);
                drop(held);
                done.send(());
            });
            select! {
                recv(context.done()) -> _ => (),
                recv(rendered.1) -> _ => (),
            }
        });
        page.plain.call(|| {
            if !mended {
                drop(page.lock.lock());
            }
        });
    }
    let page = Arc::new(Page { content: Once::new(), plain: Once::new(), lock: Mutex::new(()) });
    let group = WaitGroup::new();
    for _ in 0..2 {
        let page = Arc::clone(&page);
        group.go(move || count_words(&page, mended));
    }
    group.wait();
}

/// A loop that is told to set its timer anew stops the timer, and receives its instant if the stop came too late; but
/// the loop itself may have received that instant. Then it does not hear its cancellation. (Two events, and one
/// context for the worker and the loop.) Fixed by not receiving.
pub(super) fn istio_18454(mended: bool) {
    let (context, cancel) = with_cancel(&background());
    thread::spawn(move || {
        let resets = Pair::new(1);
        let (theirs, to_set) = (context.clone(), resets.clone());
        // The first event starts the loop, the second one sets its timer anew.
        thread::spawn(move || debounce(mended, &theirs, &to_set));
        resets.send(());
        assert!(context.done().recv().is_err());
    });
    cancel.cancel();
}

/// Waits for a timer, which it sets anew at each reset.
fn debounce(mended: bool, context: &Context, resets: &Pair<()>) {
    let timer = Timer::new(SOON);
    loop {
        select! {
            recv(timer.receiver()) -> _ => (),
            recv(resets.1) -> _ => {
                if !timer.stop() && !mended {
                    timer.receiver().recv().expect("a timer's channel stays open");
                }
                timer.reset(SOON);
            }
            recv(context.done()) -> _ => return,
        }
    }
}
