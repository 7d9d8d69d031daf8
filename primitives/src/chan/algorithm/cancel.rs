//! Leaving a cell with nothing done. The last ticket of its side goes back to the counter, and the cell is as if no
//! operation had been there. Any other ticket stays used: the cell says that its party is gone, and the other side's
//! ticket for it is skipped (`skip_gone_senders`, `skip_gone_receivers`), so that waiters that give up leave nothing.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, Registered, SENDER, end_wait, see};
use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::algorithm::expand::END;
use crate::chan::select::state::Stage;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

impl<T> Chan<T> {
    /// The sender, which has taken its value out, leaves its cell.
    #[cold]
    pub(in crate::chan) fn withdraw_send(&self, place: Place<'_, T>, ticket: u64) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match state.phase() {
                // A thread that has seen the cell may still look at the select state, so the cell cannot be used again.
                Phase::SenderSelects => {
                    let to = if state.is_seen() { Phase::SenderGone } else { Phase::SenderLeaving };
                    // SeqCst: `send_is_gone` reads the end of the buffer after it (C2). Not model-checked: in no model
                    // does the end of a buffer come just then.
                    match cell.exchange(state, state.with_phase(to), SeqCst) {
                        Err(found) => state = found,
                        Ok(()) if to == Phase::SenderGone => return self.send_is_gone(place, ticket),
                        Ok(()) => {
                            // SAFETY: S4, S5: the exchange left the phase of a select from a state that says that no
                            // thread has seen the slot, and this party still holds its ticket.
                            drop(unsafe { place.aside().take(SENDER) });
                            return self.return_send(place, ticket);
                        }
                    }
                }
                _ => return self.leave_unsent(place),
            }
        }
    }

    /// A sender whose cell says that it is leaving gives its ticket back, or leaves the cell.
    #[cold]
    pub(in crate::chan) fn return_send(&self, place: Place<'_, T>, ticket: u64) {
        if self.return_send_ticket(ticket) {
            return self.remove_behind();
        }
        // SeqCst: `send_is_gone` reads the end of the buffer after it (C2). Not model-checked: in no model does the end
        // of a buffer come just then.
        if place.cell().advance(Phase::SenderLeaving, Phase::SenderGone, SeqCst).is_ok() {
            return self.send_is_gone(place, ticket);
        }
        // A receiver poisoned the cell meanwhile, or the end of the buffer passed over it. Or a receiver waits here,
        // which saw the cell when an earlier sender with this ticket had given it back.
        self.remove_behind();
        self.poison_receiver(place);
        self.leave_unsent(place);
    }

    /// The sender leaves a cell of which another thread has said what becomes of it.
    fn leave_unsent(&self, place: Place<'_, T>) {
        if matches!(place.cell().load().phase(), Phase::SenderGone | Phase::PassedOver) {
            self.note_gone_sender();
        }
        self.leave_passed_over(place);
        self.skip_gone_senders();
    }

    /// The sender leaves its cell, which nobody needs any more if the end of the buffer has passed over it.
    fn leave_passed_over(&self, place: Place<'_, T>) {
        self.array
            .leave_or_abandon(place, SENDER, |left| self.expands() && left.phase() == Phase::PassedOver);
    }

    /// Tells the receiver of a cell, if there is one, that nothing will come: it goes for a new ticket.
    pub(in crate::chan) fn poison_receiver(&self, place: Place<'_, T>) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            let told = match state.phase() {
                Phase::ReceiverWaits => {
                    // Release: what the sender did happens before the receiver goes on. Acquire: the waiter that this
                    // thread takes out is that of the cell's present holder. Not model-checked: the receiver needs
                    // nothing of the sender, and no model comes here.
                    match end_wait(place, RECEIVER, Phase::ReceiverWaits, Phase::Poisoned, AcqRel) {
                        Err(found) => Err(found),
                        Ok(sleeper) => {
                            if let Some(sleeper) = sleeper {
                                // Not model-checked: no model has a sender leave twice while later ones have tickets.
                                sleeper.unpark();
                            }
                            return;
                        }
                    }
                }
                Phase::Promised => return self.end_promise(place, Phase::Poisoned),
                // SAFETY: S1: the caller is the cell's sender and has not left.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => Err(found),
                    Ok(Registered { select, .. }) => {
                        if select.commit(Stage::WAITING, Stage::OVER).is_ok() {
                            select.wake();
                        }
                        self.poison_select(place, Phase::ReceiverSelects, select)
                    }
                },
                Phase::ReceiverLeaving => self.make_no_place(place, state),
                _ => return,
            };
            match told {
                Ok(()) => return,
                Err(found) => state = found,
            }
        }
    }

    /// The sender leaves a cell that says that its sender is gone.
    fn send_is_gone(&self, place: Place<'_, T>, ticket: u64) {
        self.note_gone_sender();
        if self.expands() {
            self.pass_over_behind_end(place, ticket);
        }
        if self.capacity() == Capacity::Rendezvous {
            self.array.abandon(place, SENDER);
        } else {
            // The end of the buffer must find out yet that the cell is no place.
            self.leave_passed_over(place);
        }
        if self.expands() {
            self.pass_over_at_end();
        }
        self.skip_gone_senders();
    }

    /// Moves the end of the buffer on as long as its next cell is one whose sender gave up, so that nobody need keep
    /// these until a receive moves it.
    fn pass_over_at_end(&self) {
        loop {
            let end = self.buffer_end();
            // SeqCst. Not model-checked: C1.
            if end >= self.sent().ticket() {
                return;
            }
            let walk = self.array.walk_from_scout(END, RECEIVER);
            // SeqCst: a sender that gives up writes to its cell and then reads the end; this thread has moved the end
            // and reads the cell: one of the two sees the other. Not model-checked: if both missed it, the cell would
            // only be kept longer, which no model observes.
            let passed = walk
                .find(end)
                .is_ok_and(|place| place.cell().look().phase() == Phase::SenderGone && self.pass_over(place));
            walk.move_scout(END);
            drop(walk);
            if !passed {
                return;
            }
            self.expand();
        }
    }

    /// Passes over a cell that says that its sender is gone, if the end of the buffer came to it before it said so:
    /// then the expander has not done it. SeqCst: this thread has written to the cell and reads the end; an expander
    /// moves the end and then reads the cell (C2).
    pub(in crate::chan) fn pass_over_behind_end(&self, place: Place<'_, T>, ticket: u64) {
        if ticket < self.buffer_end() && self.pass_over(place) {
            self.expand();
        }
    }

    /// The receiver leaves a cell whose sender gave up.
    pub(in crate::chan) fn leave_gone_sender(&self, place: Place<'_, T>) {
        self.forget_gone_senders(1);
        // Once both have left, the end of the buffer cannot tell any more that the cell is no place.
        let passed = self.pass_over(place);
        if place.cell().load().phase() == Phase::PassedOver {
            self.forget_no_places(1);
        }
        self.array.leave(place, RECEIVER);
        if passed {
            self.expand();
        }
    }

    /// A receiver leaves its cell with nothing.
    #[cold]
    pub(in crate::chan) fn withdraw_receive(&self, place: Place<'_, T>, ticket: u64) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match state.phase() {
                Phase::ReceiverLeaving => return self.return_receive(place, ticket),
                // A sender has been here that does not know what becomes of our ticket.
                Phase::SenderGone | Phase::PassedOver => return self.leave_gone_sender(place),
                Phase::ReceiverSelects => {
                    // A waiter that has been seen stays.
                    let to = if state.is_seen() { Phase::ReceiverGone } else { Phase::ReceiverLeaving };
                    // Relaxed: nothing is handed over. The ticket goes back by SeqCst.
                    match cell.exchange(state, state.with_phase(to), Relaxed) {
                        Err(found) => state = found,
                        Ok(()) if state.is_seen() => return self.receive_is_gone(place),
                        Ok(()) => {
                            // SAFETY: S4, S5: the exchange left the phase of a select from a state that says that no
                            // thread has seen the slot, and this party still holds its ticket.
                            drop(unsafe { place.aside().take(RECEIVER) });
                            return self.return_receive(place, ticket);
                        }
                    }
                }
                _ => break,
            }
        }
        self.array.leave(place, RECEIVER);
        self.skip_gone_receivers();
    }

    /// A receiver whose cell says that it is leaving gives its ticket back, or leaves the cell.
    fn return_receive(&self, place: Place<'_, T>, ticket: u64) {
        if self.return_receive_ticket(ticket) {
            return self.skip_gone_senders();
        }
        // Relaxed: nothing is handed over. A sender may have been here, or a close marked the cell.
        match place.cell().advance(Phase::ReceiverLeaving, Phase::ReceiverGone, Relaxed) {
            Ok(_) => self.receive_is_gone(place),
            Err(found) if matches!(found.phase(), Phase::SenderGone | Phase::PassedOver) => {
                self.leave_gone_sender(place);
            }
            Err(_) => {
                self.array.leave(place, RECEIVER);
                self.skip_gone_receivers();
            }
        }
    }

    /// The receiver leaves a cell that says that its receiver is gone.
    fn receive_is_gone(&self, place: Place<'_, T>) {
        self.array.abandon(place, RECEIVER);
        self.skip_gone_receivers();
    }

    /// Takes, after a receiver gave up, the senders' tickets for cells without a receiver, so that the memory of these is
    /// given back though no sender ever comes.
    fn skip_gone_receivers(&self) {
        let mut walk = None;
        loop {
            // SeqCst. Not model-checked: C1.
            let sent = self.sent();
            // SeqCst. Not model-checked: C1.
            if sent.is_closed() || sent.ticket() >= self.received() {
                return;
            }
            let walk = walk.get_or_insert_with(|| self.array.walk(SENDER));
            match walk.find(sent.ticket()) {
                // Not model-checked: only the phase matters here, and `Cell::load` is Acquire for other callers.
                Ok(place) if place.cell().load().phase() != Phase::ReceiverGone => return,
                Ok(place) => {
                    if self.skip_sends(sent, sent.ticket() + 1) {
                        walk.move_cursor();
                        self.array.leave(place, SENDER);
                    }
                }
                // The cells up to `next` are gone. This CAS fails if they are finished, since `sent` is beyond them then.
                Err(next) => _ = self.skip_sends(sent, next),
            }
        }
    }

    /// Takes, after a sender gave up, the receivers' tickets for cells without a sender, so that the memory of these is
    /// given back though no receiver ever comes.
    fn skip_gone_senders(&self) {
        use Phase::{PassedOver, Rejected, SenderGone};
        let mut walk = None;
        loop {
            // SeqCst. Not model-checked: C1.
            let received = self.received();
            // SeqCst. Not model-checked: C1.
            if received >= self.sent().ticket() {
                return;
            }
            let walk = walk.get_or_insert_with(|| self.array.walk(RECEIVER));
            match walk.find(received) {
                // Not model-checked: only the phase matters here, and `Cell::load` is Acquire for other callers.
                Ok(place) if !matches!(place.cell().load().phase(), SenderGone | PassedOver | Rejected) => {
                    return;
                }
                Ok(place) => {
                    if self.skip_receives(received, received + 1) {
                        walk.move_cursor();
                        self.leave_gone_sender(place);
                    }
                }
                // The cells up to `next` are gone. This CAS fails if they are finished, since `received` is beyond them
                // then.
                Err(next) => {
                    if self.skip_receives(received, next) {
                        self.forget_missing(next - received);
                    }
                }
            }
        }
    }
}
