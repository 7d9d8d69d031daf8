//! Waiting until an operation could happen, without doing it.

use super::case::Handle;
use super::order::{Order, Sequence};
use super::specified;
use super::{ReadyTimeoutError, Select, TryReadyError};
use crate::chan::algorithm::chan::Blocking;
use crate::chan::select::state::OwnWait;
use crate::rt::bubble::Owner;
use crate::rt::entry::enter;
use crate::rt::time::now;
use std::time::{Duration, Instant};

/// Which of the operations is ready, in this order; `None` only if at one moment none was: before and after they were
/// looked at all channels look the same.
fn find_ready(handles: &[&dyn Handle], order: &mut Sequence) -> Option<usize> {
    let stamps = || -> Vec<_> { handles.iter().map(|handle| handle.stamp()).collect() };
    loop {
        let before = if handles.len() > 1 { stamps() } else { Vec::new() };
        let found = order.find(|at| handles[at].is_ready(0));
        // A further round means that another thread's operation has begun or ended.
        if found.is_some() || handles.len() < 2 || before == stamps() {
            return found;
        }
    }
}

/// Which of the operations is ready.
fn until_ready(handles: &[&dyn Handle], order: Order, blocking: Blocking) -> Option<usize> {
    if let Some(ready) = specified::until_ready(handles, order, blocking) {
        return ready;
    }
    let mut order = order.of(handles.len());
    let mut find = || find_ready(handles, &mut order);
    loop {
        if let Some(ready) = find() {
            return Some(ready);
        }
        let Blocking::Until(deadline) = blocking else { return None };
        let owners = || handles.iter().filter_map(|handle| handle.owner());
        owners().for_each(|owner| owner.check("a channel or a timer"));
        let own = OwnWait::begin(|| Owner::of_all(owners()));
        let select = own.wait();
        let observers = || handles.iter().filter_map(|handle| handle.observers());
        observers().for_each(|observers| observers.add(select));
        // Whatever changes from now on wakes us.
        let ready = find();
        if ready.is_none() {
            let timers = handles.iter().filter_map(|handle| handle.deadline());
            own.parker().park_deadline(timers.chain(deadline).min());
        }
        observers().for_each(|observers| observers.remove(select));
        if ready.is_some() || deadline.is_some_and(|deadline| deadline <= now()) {
            return ready.or_else(find);
        }
    }
}

/// Waiting for an operation to become ready, without doing it.
impl<'a> Select<'a> {
    fn ready_until(&self, blocking: Blocking) -> Option<usize> {
        let handles: Vec<&'a dyn Handle> = self.cases.iter().map(|(_, handle)| *handle).collect();
        until_ready(&handles, self.order, blocking).map(|at| self.cases[at].0)
    }

    /// Returns the index of an operation that is ready now: it would not wait, if no other thread came first.
    ///
    /// Another thread may take away what made it ready: try the operation with `try_send` or `try_recv`, and do not
    /// count on it. A receiver that has begun and has not come to its cell, a select that has not decided yet whether
    /// it waits, and an instant that another select is about to take make an operation seem ready too. Each of them,
    /// but for the instant, does so once: an operation that is tried in vain does not seem ready again before another
    /// thread has taken a further step, so a loop around [`ready`](Self::ready) sleeps.
    ///
    /// # Errors
    /// If, at one moment, none is.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// assert_eq!(select.try_ready(), Ok(index));
    /// assert_eq!(rx.recv(), Ok(1), "it was not received by that");
    /// ```
    #[track_caller]
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        let _entry = enter();
        self.ready_until(Blocking::Never).ok_or(TryReadyError)
    }

    /// Blocks until an operation is ready, and returns its index. It may have ceased to be by the time it is tried, or
    /// only have seemed so, as [`try_ready`](Self::try_ready) says. Two selects that only wait to become ready do not
    /// meet on a channel without a buffer.
    ///
    /// ```
    /// use selvedge::chan::{Select, bounded};
    /// let (tx, rx) = bounded(1);
    /// let mut select = Select::new();
    /// let (send, recv) = (select.send(&tx), select.recv(&rx));
    /// assert_eq!(select.ready(), send);
    /// tx.send(1).unwrap();
    /// assert_eq!(select.ready(), recv);
    /// ```
    ///
    /// # Panics
    /// If there are no operations: it would wait for ever.
    #[track_caller]
    pub fn ready(&mut self) -> usize {
        let _entry = enter();
        assert!(
            !self.cases.is_empty(),
            "no operations have been added to this select: it would wait for ever"
        );
        self.ready_until(Blocking::FOREVER).expect("without a deadline it does not time out")
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// If no operation became ready in time.
    ///
    /// ```
    /// use selvedge::chan::Select;
    /// use std::time::Duration;
    /// assert!(Select::new().ready_timeout(Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        let _entry = enter();
        // A time too far away to be named is no limit.
        self.ready_until(Blocking::Until(now().checked_add(timeout))).ok_or(ReadyTimeoutError)
    }

    /// Waits until `deadline` at most.
    ///
    /// # Errors
    /// If no operation became ready in time.
    ///
    /// ```
    /// use selvedge::chan::Select;
    /// use std::time::Instant;
    /// assert!(Select::new().ready_deadline(Instant::now()).is_err());
    /// ```
    #[track_caller]
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        let _entry = enter();
        self.ready_until(Blocking::Until(Some(deadline))).ok_or(ReadyTimeoutError)
    }
}
