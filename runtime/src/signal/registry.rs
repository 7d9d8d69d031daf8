//! Which channels have which signals, and the thread that sends.
//!
//! A handler counts a signal (`core::caught`) and rings a bell. A thread of the process hears it, takes the counts, and sends each
//! signal to the channels that are registered for it. Values are sent with no lock held, since the waker of a task is user code.
//!
//! R1. The signals that a channel is owed stand in `outbox` until they are sent, and one thread at a time sends. A thread that changes
//! what is registered first waits until nothing is owed, and then puts what has come since into the outbox and sends it
//! before it returns: so nothing is lost, and nothing comes later.
//!
//! R2. A waker may change what is registered too, and would wait for its own thread or goroutine. It does not wait, and sends what is
//! owed itself.
//!
//! R3. While something is registered, or a call waits here, the detector of deadlocks takes it that a goroutine may be woken.

use super::disposition::{self, CAUGHT};
use super::expects::{Expects, is_own};
use super::number::{Set, Signal};
use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};
use selvedge::chan::Sender;
use selvedge::sync::{Cond, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Barrier};

/// What a process has registered. A child of `fork` has a new one.
struct Process {
    id: u32,
    registry: Mutex<Registry>,
    /// Nothing is owed any more.
    settled: Cond,
}

static PROCESS: AtomicPtr<Process> = AtomicPtr::new(null_mut());

#[derive(Default)]
struct Registry {
    /// Where the handler writes, once a thread reads at the other end.
    bell: Option<UnixStream>,
    registrations: Vec<Registration>,
    /// What channels are owed, in the order in which it came.
    outbox: VecDeque<(Sender<Signal>, Signal)>,
    is_sending: bool,
    /// What was taken out: a channel that is dropped may call a waker, so this is, with no lock held.
    removed: Vec<Registration>,
}

struct Registration {
    sender: Sender<Signal>,
    signals: Set,
    _expects: Expects,
}

selvedge::rt::thread_local! {
    /// Whether this thread or goroutine sends.
    static SENDS: Cell<bool> = const { Cell::new(false) };
}

/// Registers a channel for more signals.
pub(super) fn add(sender: &Sender<Signal>, signals: Set) -> io::Result<()> {
    change(|registry| {
        if registry.bell.is_none() {
            registry.bell = Some(hang_bell()?);
        }
        // What came before is not for this channel.
        registry.collect(registry.wanted(), Set::default());
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

/// Changes what is registered, once nothing is owed (R1), and sends what is owed then.
fn change<R>(change: impl FnOnce(&mut Registry) -> R) -> R {
    let _expects = Expects::new();
    let process = Process::this();
    let mut registry = process.registry.lock();
    while registry.is_sending && !SENDS.get() {
        process.settled.wait(&mut registry);
    }
    let result = change(&mut registry);
    process.send(registry);
    result
}

impl Registry {
    /// The signals that a channel is registered for.
    fn wanted(&self) -> Set {
        self.registrations.iter().fold(Set::default(), |all, one| all.and(one.signals))
    }

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
                self.outbox.extend(takers.iter().map(|sender| ((*sender).clone(), signal)));
            }
            if count > 0 && takers.is_empty() && gone.has(signal) {
                disposition::send_again(signal);
            }
        }
    }

    /// Takes registrations out, with the signals that are only theirs.
    fn take_out(&mut self, is_out: impl Fn(&Registration) -> bool) {
        let before = self.wanted();
        let stays = self.registrations.iter().filter(|one| !is_out(one));
        let gone = before.without(stays.fold(Set::default(), |all, one| all.and(one.signals)));
        gone.iter().for_each(disposition::restore);
        self.collect(before, gone);
        self.removed.extend(self.registrations.extract_if(.., |one| is_out(one)));
    }
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
        let new = Process { id, registry: Mutex::new(Registry::default()), settled: Cond::new() };
        let new = Box::into_raw(Box::new(new));
        // SAFETY: the box is freed below only, if no other thread has seen it.
        let ours = unsafe { &*new };
        let registry = ours.registry.lock();
        // Release: publishes the box. Acquire on failure: another thread's box is read.
        match PROCESS.compare_exchange(found, new, Release, Acquire) {
            Ok(_) => {
                disposition::restore_all();
                drop(registry);
                ours
            }
            Err(theirs) => {
                drop(registry);
                // SAFETY: the box was made by `into_raw` above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: the pointer is a box that is never freed.
                unsafe { &*theirs }
            }
        }
    }

    /// Sends what is owed, and unlocks. The first panic of a waker comes out, at the end.
    fn send<'a>(&'a self, mut registry: MutexGuard<'a, Registry>) {
        let is_nested = SENDS.replace(true);
        registry.is_sending = true;
        let mut panic = None;
        while let Some((sender, signal)) = registry.outbox.pop_front() {
            drop(registry);
            // A channel that is full or closed loses the signal.
            let sent = catch_unwind(AssertUnwindSafe(move || _ = sender.try_send(signal)));
            panic = panic.or(sent.err());
            registry = self.registry.lock();
        }
        SENDS.set(is_nested);
        registry.is_sending = is_nested;
        let removed = core::mem::take(&mut registry.removed);
        drop(registry);
        self.settled.broadcast();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(removed)));
        if let Some(panic) = panic.or(dropped.err()) {
            resume_unwind(panic);
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
