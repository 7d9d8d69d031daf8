//! Which channels have which signals, and the thread that sends.
//!
//! A handler counts a signal (`core::caught`) and rings a bell. A thread of the process hears it, takes the counts, and sends each
//! signal to the channels that are registered for it. Values are sent with no lock held, since the waker of a task is user code.
//!
//! `core::post` sees to it that a call that changes what is registered has sent what came before when it returns, and that nothing
//! comes later.
//!
//! D1. While something is registered, or a call waits here, the detector of deadlocks takes it that a goroutine may be woken.

use super::disposition::{self, CAUGHT};
use super::expects::{Expects, is_own};
use super::number::{Set, Signal};
use crate::core::post::{Outbox, Post};
use core::mem::take;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};
use selvedge::chan::Sender;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::catch_unwind;
use std::sync::{Arc, Barrier};

/// What a process has registered. A child of `fork` has a new one.
struct Process {
    id: u32,
    post: Post<Registry>,
}

static PROCESS: AtomicPtr<Process> = AtomicPtr::new(null_mut());

#[derive(Default)]
struct Registry {
    /// Where the handler writes, once a thread reads at the other end.
    bell: Option<UnixStream>,
    registrations: Vec<Registration>,
    /// In the order in which it came.
    outbox: VecDeque<Letter>,
}

enum Letter {
    Signal(Sender<Signal>, Signal),
    /// A channel that is dropped may call a waker, so this is, with no lock held.
    Goodbye(Registration),
}

impl Outbox for Registry {
    type Letter = Letter;

    fn next(&mut self) -> Option<Letter> {
        self.outbox.pop_front()
    }
}

fn send(letter: Letter) {
    match letter {
        // A channel that is full or closed loses the signal.
        Letter::Signal(sender, signal) => _ = sender.try_send(signal),
        Letter::Goodbye(registration) => drop(registration),
    }
}

struct Registration {
    sender: Sender<Signal>,
    signals: Set,
    _expects: Expects,
}

/// Registers a channel for more signals.
pub(super) fn add(sender: &Sender<Signal>, signals: Set) -> io::Result<()> {
    change(|registry| {
        if registry.bell.is_none() {
            registry.bell = Some(hang_bell()?);
        }
        // What came before is not for this channel.
        registry.collect(wanted(&registry.registrations), Set::default());
        match registry.registrations.iter_mut().find(|one| one.sender.same_channel(sender)) {
            Some(one) => one.signals = one.signals.and(signals),
            None => {
                let (sender, _expects) = (sender.clone(), Expects::new());
                registry.registrations.push(Registration { sender, signals, _expects });
            }
        }
        signals.iter().for_each(disposition::catch);
        Ok(())
    })
}

/// Takes a channel out.
pub(super) fn remove(sender: &Sender<Signal>) {
    change(|registry| {
        registry.take_out(|one| one.sender.same_channel(sender));
    });
}

/// Takes signals from all channels, once the kernel does with them what `dispose` says.
pub(super) fn take_away(signals: Set, dispose: impl Fn(Signal)) {
    change(|registry| {
        signals.iter().for_each(dispose);
        registry.collect(signals, signals);
        for one in &mut registry.registrations {
            one.signals = one.signals.without(signals);
        }
        registry.take_out(|one| one.signals.is_empty());
    });
}

/// Changes what is registered, and sends what is owed then.
fn change<R>(change: impl FnOnce(&mut Registry) -> R) -> R {
    let _expects = Expects::new();
    Process::this().post.change(change, send)
}

impl Registry {
    /// Puts into the outbox what has come of these signals. Those that are `gone` are no longer caught: the kernel does
    /// something else with them already, and gets what no open channel takes.
    fn collect(&mut self, signals: Set, gone: Set) {
        for signal in signals.iter() {
            let caught = &CAUGHT[signal.index()];
            let count = if gone.has(signal) { caught.release() } else { caught.take() };
            let takers =
                self.registrations.iter().filter(|one| one.signals.has(signal) && !one.sender.is_closed());
            let takers: Vec<_> = takers.map(|one| &one.sender).collect();
            for _ in 0..count {
                self.outbox.extend(takers.iter().map(|sender| Letter::Signal((*sender).clone(), signal)));
            }
            if count > 0 && takers.is_empty() && gone.has(signal) {
                disposition::send_again(signal);
            }
        }
    }

    /// Takes registrations out, with the signals that are only theirs.
    fn take_out(&mut self, is_out: impl Fn(&Registration) -> bool) {
        // A channel may be closed at any moment, so each is asked once.
        let (out, stay): (Vec<_>, Vec<_>) = take(&mut self.registrations).into_iter().partition(is_out);
        let gone = wanted(&out).without(wanted(&stay));
        gone.iter().for_each(disposition::restore);
        self.registrations = stay;
        let stays = self.registrations.len();
        // What came before is for those that go, too.
        self.registrations.extend(out);
        self.collect(wanted(&self.registrations), gone);
        let removed = self.registrations.drain(stays..);
        self.outbox.extend(removed.map(Letter::Goodbye));
    }
}

/// The signals that a channel is registered for.
fn wanted(registrations: &[Registration]) -> Set {
    registrations.iter().fold(Set::default(), |all, one| all.and(one.signals))
}

impl Process {
    /// Returns what this process has registered.
    fn this() -> &'static Process {
        let id = std::process::id();
        // Acquire: synchronizes with the Release CAS below.
        let found = PROCESS.load(Acquire);
        // SAFETY: the pointer is null, or a box that is never freed once it stands in the static.
        if let Some(found) = unsafe { found.as_ref() }
            && found.id == id
        {
            return found;
        }
        let new = Box::into_raw(Box::new(Process { id, post: Post::new(Registry::default()) }));
        // SAFETY: the box is freed below only, if no other thread has seen it.
        let ours = unsafe { &*new };
        // Another thread that finds this process waits until nothing is left of the parent's.
        let publish = |_: &mut Registry| {
            // Release: publishes the box. Acquire on failure: another thread's box is read.
            let published = PROCESS.compare_exchange(found, new, Release, Acquire);
            if published.is_ok() {
                disposition::restore_all();
            }
            published
        };
        match ours.post.change(publish, send) {
            Ok(_) => ours,
            Err(theirs) => {
                // SAFETY: the box was made by `into_raw` above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: the pointer is a box that is never freed.
                unsafe { &*theirs }
            }
        }
    }
}

/// Starts the thread that sends, and returns where the handler writes to wake it.
fn hang_bell() -> io::Result<UnixStream> {
    let (writer, reader) = UnixStream::pair()?;
    writer.set_nonblocking(true)?;
    let has_begun = Arc::new(Barrier::new(2));
    let its = Arc::clone(&has_begun);
    let listen = move || {
        is_own();
        its.wait();
        listen(reader);
    };
    std::thread::Builder::new().name("signals".to_string()).spawn(listen)?;
    // Before it is one of the runtime's threads, the detector of deadlocks would take it for one outside.
    has_begun.wait();
    disposition::set_bell(writer.as_raw_fd());
    Ok(writer)
}

/// Sends signals to channels whenever the bell rings.
fn listen(mut bell: UnixStream) {
    let mut rings = [0; 64];
    loop {
        match bell.read(&mut rings) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // The other end stays open for good.
            Ok(0) | Err(_) => return,
            Ok(_) => (),
        }
        disposition::count_deferred();
        // The panic of a waker has been reported by its hook.
        _ = catch_unwind(|| {
            change(|registry| {
                // A channel whose receivers are gone is no longer registered. This collects what has come for the others.
                registry.take_out(|one| one.sender.is_closed());
            });
        });
    }
}
