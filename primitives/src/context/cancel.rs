//! Cancelling a context with all that depends on it.
//!
//! The contexts below are visited depth first, with a path in place of recursion, so that a chain of any length fits a
//! small stack. A node stays locked until all below it are cancelled: so a second canceller, wherever in the tree it
//! begins, returns only when everything below is cancelled. Locks are taken from above to below, and a thread that has
//! locked a node takes no lock of a node above it.
//!
//! User code runs at the end, when nothing is locked: wakers of tasks, closures that could not be started, and what is
//! dropped with the last owner of a node.

use super::error::{Cause, Error};
use super::family::{Call, Kin, Rest};
use super::node::{Family, Node};
use crate::chan::deferred;
use crate::first_panic::FirstPanic;
use crate::rt::sync::Arc;
use crate::rt::task;
use crate::rt::time::now;
use crate::rt::timer::Timer;
use crate::rt::twin::is_twin;
use crate::rt::until::Nudge;
use crate::sync::MutexGuard;
use core::mem;
use std::time::Instant;

/// How a context ends.
#[derive(Clone)]
pub(super) struct Ended {
    pub(super) error: Error,
    /// The cause that was given, if one was.
    pub(super) cause: Option<Cause>,
}

/// A node on the path, locked, and those below that are still to be visited.
struct Step {
    node: Arc<Node>,
    rest: Rest,
    ended: Ended,
}

/// The way through the contexts that are to be cancelled.
struct Walk {
    path: Vec<Step>,
    /// Nodes that have been left: the last owner of one must not go while a node is locked.
    left: Vec<Arc<Node>>,
    /// What is to run on goroutines or threads of its own.
    calls: Vec<Call>,
    /// What lets go of custom contexts.
    releases: Vec<Call>,
    /// Timers of deadlines, which own their nodes.
    timers: Vec<Arc<Timer>>,
    now: Option<Instant>,
    /// Holds wakers back until nothing is locked.
    held: Option<deferred::Held>,
}

impl Walk {
    /// Cancels the node, and leaves it locked on the path if others depend on it.
    fn enter(&mut self, node: Arc<Node>, ended: Ended) {
        let ended = node.ending(ended, || *self.now.get_or_insert_with(now));
        let mut family = node.family.lock();
        match node.end(&mut family, &ended, &mut self.held) {
            Some(rest) if !rest.is_empty() => {
                self.take_from(&mut family);
                Walk::keep_locked(family);
                self.path.push(Step { node, rest, ended });
            }
            ended => {
                if ended.is_some() {
                    self.take_from(&mut family);
                }
                drop(family);
                self.left.push(node);
            }
        }
    }

    /// Takes what a node that has been cancelled just now holds on to.
    fn take_from(&mut self, family: &mut Family) {
        self.releases.extend(family.release.take());
        self.left.extend(family.pin.take());
        self.timers.extend(family.timer.take());
    }

    /// Keeps a node locked until [`leave`](Self::leave) unlocks it.
    fn keep_locked(family: MutexGuard<'_, Family>) {
        let early = is_twin(); // site: keep-locked
        match early {
            false => mem::forget(family),
            true => drop(family),
        }
    }

    /// Unlocks the last node of the path.
    fn leave(&mut self) {
        let Some(Step { node, .. }) = self.path.pop() else { return };
        node.set_over();
        // site: unlock-last
        if !is_twin() {
            // SAFETY: this thread locked the node in `enter` or in `cancel`. There `keep_locked` forgot the guard and the node came
            // to the path, which it leaves here.
            unsafe { node.family.as_lock_api().force_unlock() };
        }
        self.left.push(node);
    }

    /// Ends the wait of a thread, under the lock of the node: a thread that takes its nudge back and does not find it there
    /// locks the node, and thereby waits for the end of this.
    fn nudge(&mut self, nudge: Nudge) {
        let lost = is_twin(); // site: nudge
        match nudge {
            _ if lost => (),
            Nudge::Unpark(unparker) => unparker.unpark(),
            Nudge::Step(step) => step(),
        }
    }

    fn go(&mut self) {
        while let Some(step) = self.path.last_mut() {
            match step.rest.next() {
                Some(Kin::Child(child)) => {
                    let ended = step.ended.clone();
                    self.enter(child, ended);
                }
                Some(Kin::Detached(child)) => {
                    let ended = step.ended.clone();
                    // If it is gone, nobody knows it.
                    if let Some(child) = child.upgrade() {
                        self.enter(child, ended);
                    }
                }
                Some(Kin::Call(call)) => self.calls.push(call),
                Some(Kin::Nudge(nudge)) => self.nudge(nudge),
                None => self.leave(),
            }
        }
    }
}

/// Cancels a context, unless it is done, and returns when it and all that depend on it are. `time`: the time of the
/// cancellation, if the caller has looked at the clock.
#[inline]
pub(super) fn cancel(start: &Arc<Node>, ended: Ended, time: Option<Instant>) {
    let mut now_once = time;
    let ended = start.ending(ended, || *now_once.get_or_insert_with(now));
    let mut held = None;
    let mut family = start.family.lock();
    let Some(rest) = start.end(&mut family, &ended, &mut held) else { return };
    if rest.is_empty() && family.is_free() {
        drop(family);
        start.leave();
        return drop(held);
    }
    let mut walk = Walk {
        path: Vec::new(),
        left: Vec::new(),
        calls: Vec::new(),
        releases: Vec::new(),
        timers: Vec::new(),
        now: now_once,
        held,
    };
    walk.take_from(&mut family);
    if rest.is_empty() {
        drop(family);
    } else {
        Walk::keep_locked(family);
        walk.path.push(Step { node: Arc::clone(start), rest, ended });
    }
    cancel_below(start, walk);
}

/// Goes on where others depend on the context.
#[cold]
#[inline(never)]
fn cancel_below(start: &Arc<Node>, mut walk: Walk) {
    // The lock of the node above is taken when this node is unlocked: locks are taken from above to below.
    // site: leave-last
    if is_twin() {
        start.leave();
    }
    walk.go();
    start.leave();
    let mut first = FirstPanic::none();
    for call in walk.calls {
        first.catch(|| drop(task::spawn(call)));
    }
    for release in walk.releases {
        first.catch(release);
    }
    walk.timers.iter().for_each(|timer| _ = Timer::set(timer, None));
    first.drop_each(walk.timers);
    first.drop_each(walk.left);
    let held = walk.held;
    first.catch(|| drop(held));
    first.resume();
}

/// Sees to it that the context is cancelled at its deadline, though nobody looks at the clock: a timer looks, which a
/// cancellation stops.
pub(super) fn push(node: &Arc<Node>) {
    let Some(lapse) = node.next_lapse() else { return };
    let mut family = node.family.lock();
    if !node.is_live() || family.timer.is_some() {
        return;
    }
    let theirs = Arc::clone(node);
    let timer = family.timer.insert(Timer::new(Box::new(move || _ = Node::observe(&theirs))));
    // Armed under the lock, so that a cancellation which finds the timer stops it.
    Timer::set(timer, Some(lapse));
}
