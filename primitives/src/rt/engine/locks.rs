//! Who has which lock: for reports of threads that wait for each other.

use super::threads::{Thread, Threads};
use super::{Session, Site, ThreadId};

/// A lock, by its address and what it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    pub(crate) address: usize,
    pub(crate) kind: &'static str,
}

/// What a thread has, and wants.
#[derive(Default)]
pub(super) struct Books {
    has: Vec<(Lock, Site)>,
    wants: Option<Lock>,
}

impl Thread {
    /// Where it called the operation that is under way.
    pub(super) fn entered_at(&self) -> Option<Site> {
        self.entries.first().copied()
    }
}

impl Threads {
    /// For whom a thread waits, if it wants a lock that somebody has.
    pub(super) fn waits_for_lock(&self, thread: ThreadId) -> Option<String> {
        let wanted = self.all[thread].books.wants?;
        let (holder, site) = self.all.iter().enumerate().find_map(|(holder, state)| {
            let has = state.books.has.iter().find(|(lock, _)| lock.address == wanted.address);
            has.map(|(_, site)| (holder, *site))
        })?;
        let (kind, file, line) = (wanted.kind, site.file(), site.line());
        Some(if holder == thread {
            format!("it has locked the {kind} itself, at {file}:{line}: a lock is not recursive")
        } else {
            format!("T{holder} has the {kind}, locked at {file}:{line}")
        })
    }
}

impl Session {
    /// The current thread is about to wait for a lock, or (`None`) waits no longer.
    pub(crate) fn wants_lock(&self, lock: Option<Lock>) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[me].books.wants = lock;
    }

    /// The current thread has got a lock: at `site`, or where it called the operation that is under way.
    pub(crate) fn took_lock(&self, lock: Lock, site: Site) {
        let me = self.this_thread();
        let thread = &mut self.state.borrow_mut().threads.all[me];
        let site = thread.entered_at().unwrap_or(site);
        thread.books.has.push((lock, site));
        thread.books.wants = None;
    }

    /// A lock was unlocked, by whichever thread.
    pub(crate) fn freed_lock(&self, address: usize) {
        let me = self.this_thread();
        let all = &mut self.state.borrow_mut().threads.all;
        let count = all.len();
        for thread in (0..count).map(|n| (me + n) % count) {
            let has = &mut all[thread].books.has;
            if let Some(at) = has.iter().rposition(|(lock, _)| lock.address == address) {
                has.remove(at);
                return;
            }
        }
    }
}
