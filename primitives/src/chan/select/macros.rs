//! `select!` and `select_biased!`: what they expand to.

use super::case::{Handle, Hold, Slot};
use super::order::Order;
use super::run::{Case, run};
use crate::chan::algorithm::chan::Blocking;
use crate::chan::algorithm::deferred;
use crate::chan::error::{RecvError, SendError};
use crate::chan::handle::receiver::Receiver;
use crate::chan::handle::sender::Sender;
use crate::rt::entry::enter;
use crate::rt::time::now;
use core::fmt;
use std::time::Duration;

/// Returns the side of a channel that stands in a case, with the type of its values forgotten.
#[doc(hidden)]
pub fn handle_of<'a>(handle: &'a (impl Handle + 'a)) -> &'a dyn Handle {
    handle
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

    /// Completes the receive that was chosen.
    #[inline]
    #[track_caller]
    pub fn recv<T>(&mut self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        let chosen = self.chosen.expect("only a case that was chosen is completed");
        let Case { handle, slot, .. } = &mut self.cases[chosen];
        must_be(*handle, receiver);
        self.chosen = None;
        receiver.finish(slot)
    }

    /// Returns the send that was chosen, to be completed.
    #[inline]
    #[track_caller]
    pub fn chosen(&mut self) -> Chosen<'a> {
        let chosen = self.chosen.take().expect("only a case that was chosen is completed");
        let Case { handle, slot, .. } = &mut self.cases[chosen];
        Chosen { handle: *handle, slot: core::mem::replace(slot, Slot::EMPTY) }
    }
}

/// # Panics
/// If `handle` is not the one that stands in the case: the slot is that case's alone. (Two handles of different channels
/// never have the same address while the select borrows them.)
#[track_caller]
fn must_be(case: &dyn Handle, handle: &dyn Handle) {
    let is_it = core::ptr::addr_eq(core::ptr::from_ref(case), core::ptr::from_ref(handle));
    assert!(is_it, "a case of a select is completed with another one's handle");
}

/// A send that was chosen. If it is not completed, since the value of a send panics or leaves the select, it has not
/// happened.
#[doc(hidden)]
pub struct Chosen<'a> {
    handle: &'a dyn Handle,
    slot: Slot,
}

impl Chosen<'_> {
    /// Completes a send.
    #[inline]
    #[track_caller]
    pub fn send<T>(mut self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        must_be(self.handle, sender);
        sender.finish_late(&mut self.slot, value)
    }
}

impl Drop for Chosen<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.slot.hold != Hold::Nothing {
            let _held = deferred::hold();
            self.handle.withdraw(&mut self.slot);
        }
    }
}

#[doc(hidden)]
impl fmt::Debug for Chosen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chosen").finish_non_exhaustive()
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
/// or `default(timeout) => body` (taken if nothing happened in time). Channels are evaluated first, once and in source
/// order; of several cases that are ready one is picked at random, each as likely as any other; and exactly one case
/// happens. A closed channel is ready: its case gets the error.
///
/// The value of a send is evaluated once its case has been chosen, also if it was chosen because the channel is closed:
/// then the value comes back in the error. So a value that is moved may stand in several cases. A value that panics, or
/// leaves the select by `return`, `break`, `continue` or `?`, leaves the channels as they were: the case has not
/// happened.
///
/// ```
/// use selvedge::chan::{bounded, select};
///
/// let ((one, from_one), (two, from_two)) = (bounded(1), bounded(1));
/// let mut value = Some(String::from("once"));
/// while value.is_some() {
///     select! {
///         send(one, value.take().unwrap()) -> sent => sent.unwrap(),
///         send(two, value.take().unwrap()) -> sent => sent.unwrap(),
///     }
/// }
/// assert_eq!(from_one.try_iter().chain(from_two.try_iter()).count(), 1);
/// ```
///
/// A value is user code that runs while its case is half done: the place of the send is taken, and a receiver that
/// comes there, or has met the send, waits for the value, also one that must not wait. So a value that waits for this
/// very receiver waits for ever.
///
/// A select that waits both to send to and to receive from one channel without a buffer never meets itself. It waits
/// there as a receiver, and sends when it finds a receiver of another thread: so a `try_recv` of another thread finds
/// no sender there. (In Go it does.)
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
/// The cases are looked at one after the other: a later one may happen though an earlier one has become ready since the
/// look at it.
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
                $crate::__chan_select_cases!(@expand $b [$($more)*] [$($done)* (recv receiver, (), $p, $body)] $d)
            }
        }
    };
    (@expand $b:tt [(send $s:expr, $v:expr, $p:pat, $body:expr) $($more:tt)*] [$($done:tt)*] $d:tt) => {
        match &$s {
            sender => {
                let sender: &$crate::chan::Sender<_> = sender;
                $crate::__chan_select_cases!(@expand $b [$($more)*] [$($done)* (send sender, ($v), $p, $body)] $d)
            }
        }
    };
    (@expand $b:tt [] [$(($kind:ident $case:ident, $v:tt, $p:pat, $body:expr))*] $d:tt) => {{
        let mut cases = $crate::chan::__select::Cases::new([$($crate::chan::__select::handle_of($case)),*]);
        $crate::__chan_select_cases!(@wait cases $b $d);
        $crate::__chan_select_cases!(@arms cases [$(($kind $case, $v, $p, $body))*] $d)
    }};

    (@wait $cases:ident $b:tt []) => { $cases.wait($crate::chan::__select::Order::$b) };
    (@wait $cases:ident $b:tt [now $body:expr]) => { $cases.attempt($crate::chan::__select::Order::$b) };
    (@wait $cases:ident $b:tt [later $t:expr, $body:expr]) => { $cases.wait_timeout($crate::chan::__select::Order::$b, $t) };

    (@arms $cases:ident [(recv $case:ident, (), $p:pat, $body:expr) $($more:tt)*] $d:tt) => {
        if $cases.is_next() {
            let $p = $cases.recv($case);
            $body
        } else {
            $crate::__chan_select_cases!(@arms $cases [$($more)*] $d)
        }
    };
    (@arms $cases:ident [(send $case:ident, ($v:expr), $p:pat, $body:expr) $($more:tt)*] $d:tt) => {
        if $cases.is_next() {
            #[allow(unreachable_code)]
            let $p = $cases.chosen().send($case, $v);
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
