//! Members: how a bubble begins and ends, and how goroutines and threads come to be in it.

use super::state::MAIN;
use super::wait::{Rest, What};
use super::{Bubble, HERE, Here, Name, Noted, Owner, here};
use crate::rt;
use crate::rt::park::{Parker, Unparker};
use crate::rt::sync::Mutex;
use crate::rt::task::{self, Why};
use crate::rt::timer::Timer;
use core::panic::Location;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Puts the calling thread or goroutine into the bubble, until this is dropped.
struct Entered;

impl Entered {
    fn new(here: Here) -> Entered {
        HERE.with(|place| place.replace(Some(here)));
        Entered
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Dropped outside the borrow.
        _ = HERE.try_with(|place| place.take());
    }
}

/// A member that was started, until it has ended.
pub(super) struct Membership {
    here: Here,
}

impl Membership {
    /// Counts a member that the caller is about to start.
    fn new(parent: &Here, site: &'static Location<'static>) -> Membership {
        let member = parent.bubble.lock().add(site);
        Membership { here: Here { bubble: Arc::clone(&parent.bubble), member } }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let bubble = &*self.here.bubble;
        let passed = bubble.lock().remove(self.here.member, bubble);
        passed.start(&self.here, None);
    }
}

/// Starts the closure of a timer, as this member, which is counted already.
pub(super) fn start(timer: rt::sync::Arc<Timer>, here: Here) {
    let membership = Membership { here };
    let body = move || {
        let _entered = Entered::new(membership.here.clone());
        let membership = membership;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| timer.run())) {
            membership.here.bubble.lose_panic(panic);
        }
    };
    task::start(Box::new(body));
}

/// Returns what runs the closure as a member of the caller's bubble, if it is in one.
#[track_caller]
pub(crate) fn inherit<T, F: FnOnce() -> T>(f: F) -> impl FnOnce() -> T + use<T, F> {
    let membership = here().map(|here| Membership::new(&here, Location::caller()));
    move || {
        let Some(membership) = membership else { return f() };
        let _entered = Entered::new(membership.here.clone());
        // Dropped before that, so while the thread is still in the bubble.
        let _membership = membership;
        f()
    }
}

/// Runs `f` outside any bubble: what it makes belongs to nobody.
pub(crate) fn apart<R>(f: impl FnOnce() -> R) -> R {
    struct Back(Here);
    impl Drop for Back {
        fn drop(&mut self) {
            _ = HERE.try_with(|place| place.replace(Some(self.0.clone())));
        }
    }
    let Some(here) = here() else { return f() };
    HERE.with(|place| place.take());
    let _back = Back(here);
    f()
}

/// Begins a bubble, whose main member runs `f`, and returns when all members have ended.
///
/// # Panics
/// If the caller is in a bubble; if `f` panics; if a member has panicked that nobody has joined; if there is a deadlock.
pub(crate) fn run<R>(site: &'static Location<'static>, f: impl FnOnce() -> R) -> R {
    if let Some(here) = here() {
        panic!(
            "a bubble begins inside {}: start goroutines there, or begin the second bubble when the first has ended",
            here.bubble.name
        );
    }
    let bubble = Bubble::new(Name(site));
    let _noted = Noted::new(&bubble);
    let here = Here { bubble: Arc::clone(&bubble), member: MAIN };
    let entered = Entered::new(here.clone());
    let result = catch_unwind(AssertUnwindSafe(f));
    await_others(here);
    drop(entered);
    let (deadlock, panic, timers) = {
        let mut state = bubble.lock();
        state.is_over = true;
        (state.deadlock.take(), state.panic.take(), state.armed.take_all())
    };
    // A timer that has not come runs nothing. What its closure owns is dropped without the lock.
    timers.for_each(drop);
    match (result, panic, deadlock) {
        (Err(panic), _, _) | (Ok(_), Some(panic), _) => resume_unwind(panic),
        (Ok(_), None, Some(deadlock)) => panic!("{deadlock}"),
        (Ok(value), None, None) => value,
    }
}

/// Blocks the main member, whose closure has returned or panicked, until the others have ended, or never will.
fn await_others(here: Here) {
    let bubble = Arc::clone(&here.bubble);
    let rest = Rest::for_what(here, What::Ends, None);
    let passed = {
        let mut state = bubble.lock();
        state.main_has_ended = true;
        if state.members.len() == 1 {
            return;
        }
        state.rest(rest.wait(), None, &bubble)
    };
    rest.block(passed);
}

impl Bubble {
    /// Keeps a panic that nobody asks for, for the end of the bubble.
    fn lose_panic(&self, panic: Box<dyn Any + Send>) {
        // A goroutine that has ended itself has not panicked.
        if !panic.is::<task::Goexit>() {
            let later = self.lock().keep_panic(panic);
            core::mem::forget(later);
        }
    }
}

/// The result of a member, for the member that joins it.
pub(crate) struct Packet<T> {
    bubble: Arc<Bubble>,
    state: Mutex<Joined<T>>,
}

struct Joined<T> {
    result: Option<std::thread::Result<T>>,
    is_done: bool,
    /// Whether nobody will ask for the result.
    is_abandoned: bool,
    waiters: Vec<Unparker>,
}

/// Permission to join a member. What becomes of the result is decided under a lock, and not by the count of an `Arc`, which an
/// engine does not see.
pub(crate) struct Joiner<T>(Option<Arc<Packet<T>>>);

impl<T> Packet<T> {
    /// Returns a packet for a member of the caller's bubble, if it is in one, and the permission to join that member.
    pub(crate) fn new() -> Option<(Arc<Packet<T>>, Joiner<T>)> {
        let here = here()?;
        let joined = Joined { result: None, is_done: false, is_abandoned: false, waiters: Vec::new() };
        let packet = Arc::new(Packet { bubble: here.bubble, state: Mutex::new(joined) });
        Some((Arc::clone(&packet), Joiner(Some(packet))))
    }

    /// Leaves the result there.
    pub(crate) fn finish(&self, result: std::thread::Result<T>) {
        let mut state = self.state.lock();
        state.is_done = true;
        if state.is_abandoned {
            drop(state);
            return self.lose(result);
        }
        state.result = Some(result);
        let waiters = core::mem::take(&mut state.waiters);
        drop(state);
        waiters.into_iter().for_each(Unparker::unpark);
    }

    /// Keeps a panic for the end of the bubble; drops a result.
    fn lose(&self, result: std::thread::Result<T>) {
        if let Err(panic) = result {
            self.bubble.lose_panic(panic);
        }
    }

    /// Blocks until the result is there, and takes it.
    fn join(&self) -> std::thread::Result<T> {
        loop {
            let owner = Owner(self.bubble.id);
            let parker = Parker::for_wait_of(Why::Join, || Some(owner));
            {
                let mut state = self.state.lock();
                if let Some(result) = state.result.take() {
                    return result;
                }
                state.waiters.push(parker.unparker());
            }
            parker.park();
        }
    }
}

impl<T> Joiner<T> {
    /// Blocks until the member has ended, and returns its result.
    pub(crate) fn join(mut self) -> std::thread::Result<T> {
        let packet = self.0.take().unwrap_or_else(|| unreachable!("only this takes the packet out"));
        packet.join()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.as_ref().is_some_and(|packet| packet.state.lock().is_done)
    }
}

impl<T> Drop for Joiner<T> {
    fn drop(&mut self) {
        let Some(packet) = self.0.take() else { return };
        let result = {
            let mut state = packet.state.lock();
            state.is_abandoned = true;
            state.result.take()
        };
        if let Some(result) = result {
            packet.lose(result);
        }
    }
}
