//! Tasks that wait: their wakers, and their waits for the close of a channel.

use super::channel::Bell;
use super::world::{Key, Turn};
use crate::rt::spec::{StepId, Token};

impl Turn {
    /// Replaces the waker of an operation that waits, and returns the one before.
    pub(crate) fn change_waker(&mut self, key: Key, arrival: StepId, waker: Token) -> Option<Token> {
        let bell = Bell { waker, brought: self.me };
        self.known(key).waiter_mut(arrival)?.bell.replace(bell).map(|bell| bell.waker)
    }

    /// Returns whether the channel is closed: the close happens before this step then.
    pub(crate) fn sees_close(&mut self, key: Key) -> bool {
        let closed = self.known(key).closed;
        self.after.extend(closed);
        closed.is_some()
    }

    /// Lets the close of a channel wake a task, and returns the task's waker before.
    pub(crate) fn watch(&mut self, key: Key, arrival: StepId, waker: Token) -> Option<Token> {
        let before = self.stop_watching(key, arrival);
        let bell = Bell { waker, brought: self.me };
        self.known(key).watchers.push((arrival, bell));
        before
    }

    /// Lets the close of a channel not wake a task any more, and returns the task's waker.
    pub(crate) fn stop_watching(&mut self, key: Key, arrival: StepId) -> Option<Token> {
        let watchers = &mut self.known(key).watchers;
        let at = watchers.iter().position(|(watcher, _)| *watcher == arrival)?;
        Some(watchers.remove(at).1.waker)
    }
}
