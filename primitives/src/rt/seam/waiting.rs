//! Parking, time, choices, and other operations in which other threads run.

use super::made::Family;
use super::meeting::{Deed, Place};
use super::threads::Waits;
use super::{Change, FailureKind, Graph, Operation, Rmw, Session, Site, ThreadId, Values, Width, take_panic};
use core::panic::Location;
use core::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

/// The token of a parker.
struct Token {
    set: bool,
    waiters: Vec<ThreadId>,
    /// The atomic that holds the token where the engine has a memory model.
    edge: Option<u32>,
}

/// A place in the program for the token of each thread, which is there from the thread's beginning: to an engine it is a
/// static.
static PLACES: [u8; 4096] = [0; 4096];

#[derive(Default)]
pub(super) struct Tokens(Vec<Token>);

/// Returns what became of a token, for a trace. A token with an atomic is named by that.
fn token_is(edge: Option<u32>, token: usize, what: &'static str) -> Values {
    Values::Token(edge.is_none().then_some(token), what)
}

impl Session {
    /// Makes a token, and returns it with the execution to which it belongs.
    #[track_caller]
    pub(crate) fn token_new(&self) -> (u64, usize) {
        let edge = self.backend.memory().map(|memory| memory.atomic_new(Width::U32, 0));
        self.token_with(edge, "Parker", Location::caller())
    }

    fn token_with(&self, edge: Option<u32>, name: &'static str, site: Site) -> (u64, usize) {
        let (epoch, token) = {
            let mut state = self.state.borrow_mut();
            state.tokens.0.push(Token { set: false, waiters: Vec::new(), edge });
            (state.epoch, state.tokens.0.len() - 1)
        };
        let (family, number) = match edge {
            Some(edge) => (Family::Atomic, edge),
            None => (Family::Token, token as u32),
        };
        self.list(family, number, name, site);
        (epoch, token)
    }

    /// Returns the token that `unpark` gives to `thread` and for which its `park` waits.
    pub(crate) fn token_of(&self, thread: ThreadId, site: Site) -> (u64, usize) {
        if let Some(token) = self.state.borrow().threads.all[thread].parked {
            return (self.epoch(), token);
        }
        let Some(place) = PLACES.get(thread) else {
            let message = format!("a thread parks, and an execution has more than {} of them", PLACES.len());
            self.fail(FailureKind::Refused, message, vec![site]);
        };
        let edge = self.given_atomic(core::ptr::from_ref(place).addr());
        let made = self.token_with(edge, "Thread", site);
        self.state.borrow_mut().threads.all[thread].parked = Some(made.1);
        made
    }

    fn token_edge(&self, epoch: u64, token: usize) -> Option<Option<u32>> {
        let state = self.state.borrow();
        (state.epoch == epoch).then(|| state.tokens.0[token].edge)
    }

    /// Fails the execution because a destructor has to wait while its thread unwinds. No other thread can run
    /// meanwhile, so the report is of the panic.
    pub(super) fn cannot_wait(&self, site: Site) -> ! {
        let panic = take_panic().unwrap_or_else(|| "no message".to_string());
        self.fail(
            FailureKind::Panic,
            format!(
                "{} panicked: {panic}; unwinding, it waits at {}:{} for others, which cannot run",
                self.state.borrow().threads.title(self.this_thread()),
                site.file(),
                site.line()
            ),
            vec![site],
        )
    }

    /// Blocks until the token is given, takes it and returns `true`. With a deadline `park` is one test of the token at
    /// a moment that the scheduler picks, and returns `false` if the token was not there.
    pub(crate) fn park(&self, (epoch, token): (u64, usize), deadline: Option<Instant>, site: Site) -> bool {
        let Some(edge) = self.token_edge(epoch, token) else {
            self.fail(
                FailureKind::Refused,
                "a parker of an earlier execution is used; make it inside the closure".to_string(),
                vec![site],
            )
        };
        self.visit(Place::Token(token), Deed::Write);
        if let (Some(graph), Some(edge), None) = (self.backend.graph(), edge, deadline) {
            // `take` is an Acquire operation, and synchronizes with the Release swap in `unpark`.
            self.while_blocked(Waits::Token, site, || graph.take(edge));
            self.note_change(true);
            self.record("park", site, Some(edge), None, token_is(Some(edge), token, "taken"));
            return true;
        }
        loop {
            let taken = self.step(site, |backend| match (backend.memory(), edge) {
                // Acquire: synchronizes with the Release swap in `unpark`: what the caller of `unpark` did happens
                // before this returns. A read-modify-write reads the latest value, so it does not miss a token.
                (Some(memory), Some(edge)) if backend.graph().is_none() => {
                    memory.rmw(edge, Rmw::Swap(0), Width::U32, Acquire) == 1
                }
                // An engine that explores graphs gets here only with a deadline.
                (Some(_), Some(edge)) => backend.graph().zip(deadline).is_some_and(|(graph, deadline)| {
                    graph.take_until(edge, deadline.saturating_duration_since(self.started()))
                }),
                _ => {
                    backend.switch(false);
                    core::mem::take(&mut self.state.borrow_mut().tokens.0[token].set)
                }
            });
            if taken {
                self.note_change(true);
                self.record("park", site, edge, None, token_is(edge, token, "taken"));
                return true;
            }
            if let Some(deadline) = deadline {
                self.advance_to(deadline);
                self.record("park", site, edge, None, token_is(edge, token, "timed out"));
                return false;
            }
            if self.is_unwinding() {
                self.cannot_wait(site);
            }
            let me = self.this_thread();
            self.record("park", site, edge, None, token_is(edge, token, "not there: waits"));
            self.state.borrow_mut().tokens.0[token].waiters.push(me);
            self.block(Waits::Token, site);
        }
    }

    /// Gives the token. What the caller has done happens before the `park` that takes the token returns.
    pub(crate) fn unpark(&self, (epoch, token): (u64, usize), site: Site) {
        let Some(edge) = self.token_edge(epoch, token) else { return };
        self.met(site, Operation::Unpark, None, None);
        self.visit(Place::Token(token), Deed::Write);
        if self.change_at(site) == Some(Change::DropUnpark) {
            return;
        }
        self.step(site, |backend| match (backend.memory(), edge) {
            // Release: publishes what the caller has done to the Acquire swap in `park`. This is a read-modify-write,
            // too, because loom may order a store before a swap that it cannot precede (tokio-rs/loom issue 254).
            (Some(memory), Some(edge)) => {
                memory.rmw(edge, Rmw::Swap(1), Width::U32, Release);
            }
            _ => backend.switch(false),
        });
        self.note_change(true);
        self.record("unpark", site, edge, None, token_is(edge, token, "given"));
        // One of them takes the token, and the others wait again.
        let waiters = {
            let mut state = self.state.borrow_mut();
            state.tokens.0[token].set = true;
            let waiters = core::mem::take(&mut state.tokens.0[token].waiters);
            waiters.into_iter().filter(|waiter| state.threads.wake(*waiter)).collect::<Vec<_>>()
        };
        for waiter in waiters {
            self.backend.unblock(waiter);
        }
    }

    fn started(&self) -> Instant {
        self.state.borrow().started
    }

    /// Returns the virtual time: the execution's start and all waits so far.
    pub(crate) fn now(&self) -> Instant {
        let state = self.state.borrow();
        match self.backend.graph() {
            Some(graph) => state.started + graph.now(),
            None => state.started + state.clock,
        }
    }

    fn advance_to(&self, deadline: Instant) {
        let mut state = self.state.borrow_mut();
        let target = deadline.saturating_duration_since(state.started);
        if let Some(graph) = self.backend.graph() {
            return graph.advance_to(target);
        }
        state.clock = state.clock.max(target);
    }

    /// Lets virtual time pass.
    pub(crate) fn sleep(&self, duration: Duration, site: Site) {
        if !self.is_unwinding() {
            match self.backend.graph() {
                Some(graph) => {
                    let until = graph.now().saturating_add(duration);
                    match graph.is_time_discrete() {
                        true => self.while_blocked(Waits::Moment, site, || graph.advance_to(until)),
                        false => graph.advance_to(until),
                    }
                }
                None => {
                    self.step(site, |backend| backend.switch(true));
                    self.state.borrow_mut().clock += duration;
                }
            }
            self.record("sleep", site, None, None, Values::Span(duration));
        }
    }

    pub(crate) fn choose(&self, n: usize, site: Site) -> usize {
        let choice = self.step(site, |backend| backend.choose(n));
        let choice = choice.unwrap_or_else(|| (self.chooser.borrow_mut())(n));
        self.note_change(true);
        self.record("choose", site, None, None, Values::Choice { choice, of: n });
        choice
    }

    /// Returns only if `condition` holds. Otherwise the current thread stops for good, and the execution does not
    /// count.
    pub(crate) fn assume(&self, condition: bool, site: Site) {
        if condition {
            return;
        }
        match self.backend.graph() {
            Some(graph) => self.step(site, |_| graph.stop()),
            None => self.fail(
                FailureKind::Refused,
                format!(
                    "{} cannot leave an execution uncounted, as `assume` asks; use the graph engine",
                    self.backend.name()
                ),
                vec![site],
            ),
        }
    }

    /// Notes that an operation of the current thread begins anew.
    pub(crate) fn note_retry(&self, site: Site) {
        if self.backend.graph().is_some_and(Graph::bounds_retries) {
            self.step(site, |backend| backend.graph().into_iter().for_each(Graph::note_retry));
        }
    }

    /// Lets other threads run before the current one. `frames`: where the frames of the function that asks for it begin
    /// on the thread's stack, or 0.
    #[inline(never)]
    pub(crate) fn let_others_go(&self, name: &'static str, site: Site, frames: usize) {
        if !self.is_unwinding() {
            self.note_wait();
            self.step(site, |backend| backend.spin(frames));
            self.record(name, site, None, None, Values::None);
        }
    }

    /// Waits until `condition` holds, which only reads as long as it does not hold.
    pub(crate) fn wait_until(&self, mut condition: impl FnMut() -> bool, site: Site) {
        loop {
            let begun = self.backend.graph().map(|graph| graph.begin_wait());
            if condition() {
                return;
            }
            if self.is_unwinding() {
                self.cannot_wait(site);
            }
            self.note_wait();
            self.step(site, |backend| match backend.graph().zip(begun) {
                Some((graph, begun)) => graph.wait_again(begun),
                None => backend.wait(),
            });
            self.record("wait", site, None, None, Values::None);
        }
    }
}
