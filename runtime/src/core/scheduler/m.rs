//! A thread that runs goroutines, as other threads see it.

use super::{Env, Instance};
use crate::core::chain::Task;
use crate::core::inbox::Inbox;
use crate::core::mailbox::{Assigned, Mailbox};
use core::fmt;
use selvedge::rt::park::Unparker;
use std::sync::Arc;

/// A thread of the scheduler.
pub struct M<E: Env> {
    /// The instance that it belongs to.
    pub instance: Arc<Instance<E>>,
    /// The place of the M among those of its instance.
    pub number: u32,
    /// Whether the M sleeps, and what it is woken for.
    pub mailbox: Mailbox<Unparker>,
    /// Goroutines of the M that other threads made runnable.
    pub inbox: Inbox,
    /// What else there is.
    pub own: E::OfM,
}

impl<E: Env> M<E> {
    pub(super) fn new(instance: Arc<Instance<E>>, number: u32, own: E::OfM) -> M<E> {
        M { instance, number, mailbox: Mailbox::new(), inbox: Inbox::new(), own }
    }

    /// Makes a goroutine of this M runnable.
    pub fn post(&self, task: Task) {
        self.inbox.push(&self.instance.env, task);
        self.instance.look_after(self);
    }

    /// Lets the M look again, if it sleeps; returns whether it did.
    pub fn poke(&self) -> bool {
        let Some(token) = self.mailbox.assign(Assigned { p: None, searching: false }) else { return false };
        self.instance.idle.wakes_one();
        token.unpark(); // site: wake-to-look
        true
    }
}

impl<E: Env> fmt::Debug for M<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("M").field("number", &self.number).finish_non_exhaustive()
    }
}
