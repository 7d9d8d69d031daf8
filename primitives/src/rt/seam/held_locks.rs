//! Which thread has which lock, for reports of threads that wait for each other.

use super::threads::Thread;
use super::{Session, Site, ThreadId};

/// A lock, by its address and what it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lock {
    pub(crate) address: usize,
    pub(crate) kind: &'static str,
}

/// The locks that a thread has, and the one that it waits for.
#[derive(Default)]
struct Account {
    has: Vec<(Lock, Site)>,
    wants: Option<Lock>,
}

/// The locks of all threads of an execution.
#[derive(Default)]
pub(super) struct HeldLocks(Vec<Account>);

impl HeldLocks {
    fn account(&mut self, thread: ThreadId) -> &mut Account {
        if self.0.len() <= thread {
            self.0.resize_with(thread + 1, Account::default);
        }
        &mut self.0[thread]
    }

    /// Notes that a thread is about to wait for a lock, or (`None`) no longer waits.
    pub(super) fn wants(&mut self, thread: ThreadId, lock: Option<Lock>) {
        self.account(thread).wants = lock;
    }

    /// Notes that a thread has got a lock, at `site`.
    pub(super) fn took(&mut self, thread: ThreadId, lock: Lock, site: Site) {
        let account = self.account(thread);
        account.has.push((lock, site));
        account.wants = None;
    }

    /// Notes that `thread` has unlocked a lock, which another thread may have locked.
    pub(super) fn freed(&mut self, thread: ThreadId, address: usize) {
        let count = self.0.len();
        for holder in (0..count).map(|n| (thread + n) % count) {
            let has = &mut self.0[holder].has;
            if let Some(at) = has.iter().rposition(|(lock, _)| lock.address == address) {
                has.remove(at);
                return;
            }
        }
    }

    /// Returns, in words, which thread has the lock that `thread` waits for, if one has it.
    pub(super) fn waits_for(&self, thread: ThreadId) -> Option<String> {
        let wanted = self.0.get(thread)?.wants?;
        let (holder, site) = self.0.iter().enumerate().find_map(|(holder, account)| {
            let has = account.has.iter().find(|(lock, _)| lock.address == wanted.address);
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

impl Thread {
    /// Returns where the thread called the public operation in which it is.
    pub(super) fn entered_at(&self) -> Option<Site> {
        self.entries.first().copied()
    }
}

impl Session {
    /// Notes that the current thread is about to wait for a lock, or (`None`) no longer waits.
    pub(crate) fn wants_lock(&self, lock: Option<Lock>) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.held_locks.wants(me, lock);
    }

    /// Notes that the current thread has got a lock: where it called the public operation in which it is, or at `site`.
    pub(crate) fn took_lock(&self, lock: Lock, site: Site) {
        let me = self.this_thread();
        let threads = &mut self.state.borrow_mut().threads;
        let site = threads.all[me].entered_at().unwrap_or(site);
        threads.held_locks.took(me, lock, site);
    }

    /// Notes that the current thread has unlocked a lock, which another thread may have locked.
    pub(crate) fn freed_lock(&self, address: usize) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.held_locks.freed(me, address);
    }
}
