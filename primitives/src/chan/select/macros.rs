//! `select!` and `select_biased!`: what they expand to.

use super::case::{Handle, Identity, Look, Progress, Round, Slot, Stamp};
use super::order::Order;
use super::run::{Case, run};
use super::specified::AsSteps;
use crate::chan::algorithm::cell::SENDER;
use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::error::{RecvError, SendError};
use crate::chan::handle::receiver::Receiver;
use crate::chan::handle::sender::Sender;
use crate::chan::select::observers::Observers;
use crate::chan::select::state::{Cause, SelectState};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use core::borrow::Borrow;
use core::cell::Cell as Stash;
use core::fmt;
#[cfg(feature = "async")]
use core::task::{Poll, Waker};
use std::time::Duration;

/// A send with its value.
#[doc(hidden)]
pub struct Sending<S, T> {
    sender: S,
    pub(super) value: Stash<Option<T>>,
}

impl<'a, T> Sending<&'a Sender<T>, T> {
    /// Returns a send by a sender that stays the same: a `Borrow` of the user's might name another channel each time.
    pub fn new(sender: &'a Sender<T>, value: T) -> Self {
        Sending { sender, value: Stash::new(Some(value)) }
    }
}

impl<S: Borrow<Sender<T>>, T> Sending<S, T> {
    pub(super) fn chan(&self) -> &Chan<T> {
        &self.sender.borrow().0
    }

    /// What has become of it.
    pub(in crate::chan) fn finish(&self, slot: &mut Slot) -> Result<(), SendError<T>> {
        self.chan().finish_send(slot, self.value.take())
    }
}

#[cfg(feature = "async")]
impl<S: Borrow<Sender<T>>, T> Sending<S, T> {
    /// One without a value.
    pub(in crate::chan) fn empty(sender: S) -> Self {
        Sending { sender, value: Stash::new(None) }
    }

    /// One with a value, by a sender whose `borrow` always gives the same one.
    pub(in crate::chan) fn by(sender: S, value: T) -> Self {
        Sending { sender, value: Stash::new(Some(value)) }
    }

    pub(in crate::chan) fn sender(&self) -> &Sender<T> {
        self.sender.borrow()
    }

    pub(in crate::chan) fn fill(&self, value: T) {
        self.value.set(Some(value));
    }

    pub(in crate::chan) fn poll(&self, slot: &mut Slot, waker: &Waker) -> Poll<Result<(), SendError<T>>> {
        self.chan().poll_send(slot, &self.value, waker)
    }

    /// The task does not wait any longer.
    pub(in crate::chan) fn cancel(&self, slot: &mut Slot) {
        self.chan().cancel_send(slot, &self.value);
    }

    pub(in crate::chan) fn is_empty(&self) -> bool {
        let value = self.value.take();
        let empty = value.is_none();
        self.value.set(value);
        empty
    }
}

impl<S, T> fmt::Debug for Sending<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sending { .. }")
    }
}

impl<S: Borrow<Sender<T>>, T> Handle for Sending<S, T> {
    fn attempt(&self, slot: &mut Slot) -> Progress {
        self.chan().case_send(slot, Some(&self.value), None)
    }

    fn register(&self, slot: &mut Slot, select: &Arc<SelectState>, case: usize) -> Progress {
        self.chan().case_send(slot, Some(&self.value), Some((select, case)))
    }

    fn look(&self, slot: &mut Slot, _round: Round) -> Look {
        self.chan().look_send(slot)
    }

    fn settle_in_flight(&self, slot: &Slot) -> Look {
        self.chan().settle_sends_before(slot)
    }

    fn chosen(&self, slot: &mut Slot, cause: Cause) -> Progress {
        self.chan().chosen_send(slot, cause, &self.value)
    }

    fn withdraw(&self, slot: &mut Slot) {
        self.chan().withdraw_case_send(slot, Some(&self.value));
    }

    fn is_ready(&self, own: u64) -> bool {
        self.chan().is_ready_to_send(own)
    }

    fn stamp(&self) -> Stamp {
        self.chan().stamp()
    }

    fn observers(&self) -> Option<&Observers> {
        Some(&self.chan().observers)
    }

    fn identity(&self) -> Identity {
        self.sender.borrow().identity()
    }

    fn steps(&self) -> Option<AsSteps<'_>> {
        Some(AsSteps(self))
    }

    fn rendezvous(&self) -> Option<Identity> {
        self.chan().rendezvous().map(|channel| Identity { channel, party: SENDER })
    }
}

/// What a macro's case is made of.
#[doc(hidden)]
pub trait Completes {
    type Result;
    fn handle(&self) -> &dyn Handle;
    fn complete(&self, slot: &mut Slot) -> Self::Result;
}

impl<T> Completes for &Receiver<T> {
    type Result = Result<T, RecvError>;

    fn handle(&self) -> &dyn Handle {
        *self
    }

    fn complete(&self, slot: &mut Slot) -> Self::Result {
        self.finish(slot)
    }
}

impl<S: Borrow<Sender<T>>, T> Completes for Sending<S, T> {
    type Result = Result<(), SendError<T>>;

    fn handle(&self) -> &dyn Handle {
        self
    }

    fn complete(&self, slot: &mut Slot) -> Self::Result {
        self.finish(slot)
    }
}

/// The cases of one `select!`.
#[doc(hidden)]
pub struct Cases<'a, const N: usize> {
    cases: [Case<'a>; N],
    chosen: Option<usize>,
    at: usize,
}

impl<'a, const N: usize> Cases<'a, N> {
    pub fn new(cases: [&'a dyn Handle; N]) -> Self {
        Cases { cases: cases.map(Case::new), chosen: None, at: 0 }
    }

    #[track_caller]
    fn run(&mut self, order: Order, blocking: Blocking) {
        let _entry = enter();
        assert!(self.chosen.is_none(), "a case that was chosen is completed before the select runs again");
        self.chosen = run(&mut self.cases, order, blocking);
    }

    #[track_caller]
    pub fn wait(&mut self, order: Order) {
        self.run(order, Blocking::FOREVER);
    }

    #[track_caller]
    pub fn attempt(&mut self, order: Order) {
        self.run(order, Blocking::Never);
    }

    #[track_caller]
    pub fn wait_timeout(&mut self, order: Order, timeout: Duration) {
        self.run(order, Blocking::Until(now().checked_add(timeout)));
    }

    /// Returns whether the next case, in source order, is the one that was chosen.
    pub fn is_next(&mut self) -> bool {
        let next = self.at;
        self.at += 1;
        self.chosen == Some(next)
    }

    /// Completes the case that was chosen.
    ///
    /// # Panics
    /// If `case` is not the one that stands in its place in the select: the slot is that case's alone. (Two handles of
    /// different channels never have the same address while the select borrows them.)
    #[track_caller]
    pub fn complete<C: Completes>(&mut self, case: &C) -> C::Result {
        let chosen = self.chosen.take().expect("only a case that was chosen is completed");
        let Case { handle, slot, .. } = &mut self.cases[chosen];
        let is_it =
            ::core::ptr::addr_eq(::core::ptr::from_ref(*handle), ::core::ptr::from_ref(case.handle()));
        assert!(is_it, "a case of a select is completed with another one's handle");
        case.complete(slot)
    }
}

#[doc(hidden)]
impl<const N: usize> fmt::Debug for Cases<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cases").field("chosen", &self.chosen).finish_non_exhaustive()
    }
}

/// Waits for one of several operations on channels.
///
/// The syntax is crossbeam-channel's: cases `recv(receiver) -> result => body` and
/// `send(sender, value) -> result => body`, and at most one `default => body` (taken if nothing can happen at once)
/// or `default(timeout) => body` (taken if nothing happened in time). As in Go, channels and values are evaluated
/// once, in source order, before anything happens; of several cases that are ready one is picked at random, each as
/// likely as any other; and exactly one case happens. A closed channel is ready: its case gets the error.
///
/// The values of sends that do not happen are dropped. (crossbeam-channel evaluates a value only when its case has been
/// chosen. Here a select waits with its values in the cells, so that a receiver takes one in its turn without waiting
/// for the select's thread.) A value that must not be made in vain, or that two cases could send, belongs into a
/// [`Select`](crate::chan::Select), whose operation gets its value when it has been chosen:
///
/// ```
/// use selvedge::chan::{Select, bounded};
/// let ((one, _from_one), (two, _from_two)) = (bounded(1), bounded(1));
/// let mut value = Some(1);
/// let mut select = Select::new();
/// let (first, _second) = (select.send(&one), select.send(&two));
/// let operation = select.select();
/// let sender = if operation.index() == first { &one } else { &two };
/// operation.send(sender, value.take().unwrap()).unwrap();
/// ```
///
/// ```
/// use selvedge::chan::{bounded, select};
/// use std::time::Duration;
///
/// let (numbers, from) = bounded(1);
/// let (quit, stopped) = bounded::<()>(0);
/// numbers.send(1).unwrap();
/// let got = select! {
///     recv(from) -> number => number.ok(),
///     recv(stopped) -> _ => None,
///     default(Duration::from_secs(5)) => unreachable!("a number is there"),
/// };
/// assert_eq!(got, Some(1));
/// select! {
///     send(numbers, 2) -> sent => assert_eq!(sent, Ok(())),
///     default => unreachable!("there is room"),
/// }
/// # drop(quit);
/// ```
#[macro_export]
macro_rules! select {
    ($($cases:tt)*) => { $crate::__chan_select_cases!(@parse Random [] [] $($cases)*) };
}

/// [`select!`](crate::chan::select), but of several cases that are ready the first one happens.
///
/// ```
/// use selvedge::chan::{select_biased, unbounded};
/// let (urgent, first) = unbounded();
/// let (normal, second) = unbounded();
/// normal.send("normal").unwrap();
/// urgent.send("urgent").unwrap();
/// let got = select_biased! {
///     recv(first) -> text => text,
///     recv(second) -> text => text,
/// };
/// assert_eq!(got, Ok("urgent"));
/// ```
#[macro_export]
macro_rules! select_biased {
    ($($cases:tt)*) => { $crate::__chan_select_cases!(@parse Given [] [] $($cases)*) };
}

/// `@parse` brings every case into the form `(kind operands pattern body)`, `@expand` gives each its channel, and
/// `@arms` runs the body of the one that was chosen.
#[macro_export]
#[doc(hidden)]
macro_rules! __chan_select_cases {
    (@parse $b:tt $c:tt $d:tt) => { $crate::__chan_select_cases!(@expand $b $c [] $d) };

    (@parse $b:tt [$($c:tt)*] $d:tt recv($r:expr $(,)?) -> $p:pat => $body:block, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (recv $r, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt recv($r:expr $(,)?) -> $p:pat => $body:block $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (recv $r, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt recv($r:expr $(,)?) -> $p:pat => $body:expr, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (recv $r, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt recv($r:expr $(,)?) -> $p:pat => $body:expr) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (recv $r, $p, $body)] $d)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt send($s:expr, $v:expr $(,)?) -> $p:pat => $body:block, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (send $s, $v, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt send($s:expr, $v:expr $(,)?) -> $p:pat => $body:block $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (send $s, $v, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt send($s:expr, $v:expr $(,)?) -> $p:pat => $body:expr, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (send $s, $v, $p, $body)] $d $($rest)*)
    };
    (@parse $b:tt [$($c:tt)*] $d:tt send($s:expr, $v:expr $(,)?) -> $p:pat => $body:expr) => {
        $crate::__chan_select_cases!(@parse $b [$($c)* (send $s, $v, $p, $body)] $d)
    };
    (@parse $b:tt $c:tt [] default => $body:block, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default => $body:block $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default => $body:expr, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default => $body:expr) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body])
    };
    (@parse $b:tt $c:tt [] default() => $body:block, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default() => $body:block $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default() => $body:expr, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default() => $body:expr) => {
        $crate::__chan_select_cases!(@parse $b $c [now $body])
    };
    (@parse $b:tt $c:tt [] default($t:expr $(,)?) => $body:block, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [later $t, $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default($t:expr $(,)?) => $body:block $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [later $t, $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default($t:expr $(,)?) => $body:expr, $($rest:tt)*) => {
        $crate::__chan_select_cases!(@parse $b $c [later $t, $body] $($rest)*)
    };
    (@parse $b:tt $c:tt [] default($t:expr $(,)?) => $body:expr) => {
        $crate::__chan_select_cases!(@parse $b $c [later $t, $body])
    };
    (@parse $b:tt $c:tt [$($d:tt)+] default $($rest:tt)*) => {
        ::core::compile_error!("there can be only one `default` case in a `select!` block")
    };
    (@parse $b:tt $c:tt $d:tt $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a case of a `select!` is `recv(receiver) -> result => body`, `send(sender, value) -> result => body`, ",
            "`default => body` or `default(timeout) => body`, with a comma after a body that is no block; found: ",
            ::core::stringify!($($rest)*)
        ))
    };

    (@expand $b:tt [(recv $r:expr, $p:pat, $body:expr) $($more:tt)*] [$($done:tt)*] $d:tt) => {
        match &$r {
            receiver => {
                let receiver: &$crate::chan::Receiver<_> = receiver;
                $crate::__chan_select_cases!(@expand $b [$($more)*] [$($done)* (receiver, $p, $body)] $d)
            }
        }
    };
    (@expand $b:tt [(send $s:expr, $v:expr, $p:pat, $body:expr) $($more:tt)*] [$($done:tt)*] $d:tt) => {
        match &$s {
            sender => {
                let sender: &$crate::chan::Sender<_> = sender;
                let sending = $crate::chan::__select::Sending::new(sender, $v);
                $crate::__chan_select_cases!(@expand $b [$($more)*] [$($done)* (sending, $p, $body)] $d)
            }
        }
    };
    (@expand $b:tt [] [$(($case:ident, $p:pat, $body:expr))*] $d:tt) => {{
        let mut cases = $crate::chan::__select::Cases::new([
            $($crate::chan::__select::Completes::handle(&$case)),*
        ]);
        $crate::__chan_select_cases!(@wait cases $b $d);
        $crate::__chan_select_cases!(@arms cases [$(($case, $p, $body))*] $d)
    }};

    (@wait $cases:ident $b:tt []) => { $cases.wait($crate::chan::__select::Order::$b) };
    (@wait $cases:ident $b:tt [now $body:expr]) => { $cases.attempt($crate::chan::__select::Order::$b) };
    (@wait $cases:ident $b:tt [later $t:expr, $body:expr]) => { $cases.wait_timeout($crate::chan::__select::Order::$b, $t) };

    (@arms $cases:ident [($case:ident, $p:pat, $body:expr) $($more:tt)*] $d:tt) => {
        if $cases.is_next() {
            let $p = $cases.complete(&$case);
            $body
        } else {
            $crate::__chan_select_cases!(@arms $cases [$($more)*] $d)
        }
    };
    (@arms $cases:ident [] []) => {
        ::core::unreachable!("a select without a default ends with one of its cases")
    };
    (@arms $cases:ident [] [now $body:expr]) => { $body };
    (@arms $cases:ident [] [later $t:expr, $body:expr]) => { $body };
}
