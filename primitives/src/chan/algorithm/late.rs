//! Late sends: those of selects, whose values come once they have been chosen.
//!
//! A late send that is chosen has its cell in the buffer, or a receiver in it, and keeps that until its value comes. No
//! send takes the place, and a receiver that comes to the cell waits there for the value: so the buffer never comes to
//! hold more than its capacity, and the values stay in the order of the cells.
//!
//! Three operations do not wait: a receive in the thread that is to bring the value, a forced send that needs the
//! place, and a close that discards. They break the cell. Then the value is sent when it comes, beyond the capacity if
//! need be.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, State, sleep};
use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::algorithm::deferred;
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release};
use crate::rt::task::Why;
use crate::rt::time::now;

/// What a receiver knows of a late send that was chosen in its cell.
#[derive(Clone, Copy)]
pub(in crate::chan) struct Promise {
    /// The state of the cell.
    pub(in crate::chan) state: State,
    /// Whether the value is to come from the thread in which the receiver runs, inside user code: not before the receive
    /// ends.
    pub(in crate::chan) is_own: bool,
}

/// What a receiver has come to at the place of a late send.
pub(in crate::chan) enum Came {
    /// The value, which is in the cell: [`Chan::collect`] takes it.
    Value,
    /// Nothing; the receiver has left the cell.
    Nothing,
    /// The value is to come from the calling thread, and the ticket has gone back.
    Own,
}

/// Waits for the deadline of a receive to which nothing comes but values that come back.
fn wait_in_vain(blocking: Blocking) -> Came {
    match blocking {
        Blocking::Until(Some(deadline)) if deadline > now() => {
            Parker::for_wait(Why::Sleep).park_deadline(Some(deadline));
            Came::Nothing
        }
        _ => Came::Own,
    }
}

impl<T> Chan<T> {
    /// A cell has ceased to be one of a select, in this state, that waits for the end of the buffer.
    pub(in crate::chan) fn uncount_behind(&self, from: State) {
        if from.phase() == Phase::SenderSelects && !from.is_late() {
            self.remove_behind();
        }
    }

    /// Breaks the cell of a select that does not wait for its receiver, and leaves; or the state found.
    pub(in crate::chan) fn poison_sender(&self, place: Place<'_, T>) -> Result<(), State> {
        // Relaxed: nothing is handed over.
        let poisoned = place.cell().advance(Phase::SenderSelects, Phase::Poisoned, Relaxed)?;
        self.uncount_behind(poisoned.with_phase(Phase::SenderSelects));
        self.array.leave(place, RECEIVER);
        self.expand();
        Ok(())
    }

    /// Waits in the cell for the value of the late send that was chosen here. Or the state found, if the cell is no
    /// longer as it was.
    #[cold]
    pub(in crate::chan) fn accept_late(
        &self,
        place: Place<'_, T>,
        Promise { state, is_own }: Promise,
        ticket: u64,
        blocking: Blocking,
    ) -> Result<Came, State> {
        if is_own {
            // Until the ticket is back another thread's send may take a place that is not there.
            if !matches!(blocking, Blocking::Until(None)) && self.untake_receive_ticket(ticket) {
                return Ok(wait_in_vain(blocking));
            }
            return self.poison_sender(place).map(|()| Came::Nothing);
        }
        self.await_late(place, state, state.awake())?;
        // A panic comes out of the receive once the value is here.
        deferred::call();
        self.until_promise_ends(place);
        if place.cell().load().phase() == Phase::Delivered {
            return Ok(Came::Value);
        }
        self.array.leave(place, RECEIVER);
        Ok(Came::Nothing)
    }

    /// Begins to wait in the cell of a late send, from one state of the cell, in the phase `Promised` and with the other
    /// bits of another state.
    pub(in crate::chan) fn await_late(
        &self,
        place: Place<'_, T>,
        from: State,
        bits: State,
    ) -> Result<(), State> {
        // Release: publishes the waiter of a select to the Acquire in `end_promise`, and the receive so far.
        // site: wait-for-promised
        place.cell().exchange(from, bits.with_phase(Phase::Promised), Release)?;
        self.uncount_behind(from);
        self.expand();
        Ok(())
    }

    /// Waits in a cell until the value has come that was promised, or will not come.
    #[cold]
    pub(in crate::chan) fn until_promise_ends(&self, place: Place<'_, T>) {
        let Ok(awake) = place.cell().rouse(Phase::Promised) else { return };
        // SAFETY: S4: the cell says that the receiver waits, awake, and only the receiver changes that.
        drop(unsafe { place.aside().take(RECEIVER) });
        if !place.cell().changes_soon(Phase::Promised, None) {
            // site: fall-asleep-promised
            sleep(place, RECEIVER, awake, &Parker::for_wait_of(Why::Receive, || Some(self.owner())), None);
        }
    }
}
