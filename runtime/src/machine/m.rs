//! A thread that runs goroutines, as other threads see it.

use super::Instance;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) struct M {
    pub(crate) instance: Arc<Instance>,
    mail: Mutex<Mail>,
    pub(crate) bell: Condvar,
    /// Whether there may be mail; only to look at.
    has_mail: AtomicBool,
}

/// What an M does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, searches, or is in a blocking call.
    Awake,
    /// It is awake and waits for a P.
    WantsProc,
    /// It sleeps, or is about to.
    Asleep,
}

/// What other threads tell an M.
pub(crate) struct Mail {
    pub(crate) state: State,
    /// Goroutines of the M that were made runnable.
    pub(crate) inbox: Vec<u32>,
    /// A P for the M, and whether the M counts as one that searches.
    pub(crate) proc: Option<(usize, bool)>,
    /// How often the M was counted as awake by threads that woke it (M2).
    pub(crate) credits: u32,
    /// The M is to look at the timers again before it sleeps on.
    pub(crate) poked: bool,
    /// The instance has ended.
    pub(crate) stop: bool,
}

impl M {
    pub(crate) fn new(instance: Arc<Instance>, proc: Option<(usize, bool)>) -> M {
        let mail = Mail {
            state: State::Awake,
            inbox: Vec::new(),
            proc,
            credits: 0,
            poked: false,
            stop: false,
        };
        M { instance, mail: Mutex::new(mail), bell: Condvar::new(), has_mail: AtomicBool::new(false) }
    }

    pub(crate) fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether there may be mail, for an M that runs.
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Relaxed) // Relaxed: the lock of the mail orders what is in it.
    }

    /// Takes the goroutines that were made runnable.
    pub(crate) fn take_inbox(&self) -> Vec<u32> {
        // Acquire: not needed for the mail, which has a lock; a store before the lock keeps a later letter's flag.
        self.has_mail.swap(false, Acquire);
        core::mem::take(&mut self.mail().inbox)
    }

    /// Makes a goroutine of this M runnable.
    pub(crate) fn post(&self, task: u32) {
        let mut mail = self.mail();
        mail.inbox.push(task);
        // Release: only to pair with the swap in `take_inbox`; the lock orders the mail.
        self.has_mail.store(true, Release);
        self.wake(&mut mail);
    }

    /// Wakes the M if it sleeps, and counts it.
    fn wake(&self, mail: &mut Mail) {
        if mail.state == State::Asleep {
            mail.state = State::Awake;
            mail.credits += 1;
            self.instance.idle.wakes_one();
            self.bell.notify_one();
        }
    }

    /// Gives the M a P, if it has none and waits for one or sleeps. The caller has counted the M.
    pub(crate) fn deliver(&self, proc: usize, searching: bool) -> bool {
        let mut mail = self.mail();
        if mail.state == State::Awake || mail.proc.is_some() || mail.stop {
            return false;
        }
        mail.state = State::Awake;
        mail.proc = Some((proc, searching));
        mail.credits += 1;
        self.bell.notify_one();
        true
    }

    /// Lets the M look at the timers again, if it sleeps.
    pub(crate) fn poke(&self) -> bool {
        let mut mail = self.mail();
        let sleeps = mail.state == State::Asleep;
        if sleeps {
            mail.poked = true;
            self.bell.notify_one();
        }
        sleeps
    }

    /// Tells the M that the instance has ended.
    pub(crate) fn stop(&self) {
        self.mail().stop = true;
        // Release: only to pair with the swap in `take_inbox`; the lock orders the mail.
        self.has_mail.store(true, Release);
        self.bell.notify_one();
    }
}
