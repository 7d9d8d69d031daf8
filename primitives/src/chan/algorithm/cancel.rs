//! Leaving a cell with nothing done: giving its ticket back, or saying that nobody will come.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, Registered, SENDER, see};
use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::algorithm::expand::END;
use crate::chan::select::state::Stage;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

impl<T> Chan<T> {
    /// A sender leaves its cell with its value, which it has taken out.
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
                            // SAFETY: the exchange left the phase in which other threads look at the slot, from a state that says
                            // that none has seen it. So no other thread uses the slot, and this party still holds its ticket.
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

    /// Somebody else has said what becomes of the cell.
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
                // Release: what the sender did happens before the receiver goes on. Acquire: the waiter that this
                // thread takes out is that of the cell's present holder. Not model-checked: the receiver needs nothing
                // of the sender, and no model comes here.
                Phase::ReceiverWaits => match cell.advance(Phase::ReceiverWaits, Phase::Poisoned, AcqRel) {
                    Err(found) => Err(found),
                    Ok(state) => {
                        // SAFETY: the exchange moved the cell out of its waiting phase, and gave the `state` found there; only one
                        // thread's exchange can, so this one ended the wait.
                        if let Some(waiter) = unsafe { place.aside().take_sleeper(RECEIVER, state) } {
                            // Not model-checked: no model has a sender leave twice while later ones have tickets.
                            waiter.unpark();
                        }
                        return;
                    }
                },
                Phase::Promised => return self.end_promise(place, Phase::Poisoned),
                // SAFETY: this operation has not left the cell, so its segment is alive.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => Err(found),
                    Ok(Registered { select, .. }) => {
                        if select.commit(Stage::WAITING, Stage::OVER).is_ok() {
                            select.wake();
                        }
                        self.poison_select(place, Phase::ReceiverSelects, select)
                    }
                },
                Phase::ReceiverLeaving => self.skip_receiver(place, state),
                _ => return,
            };
            match told {
                Ok(()) => return,
                Err(found) => state = found,
            }
        }
    }

    /// The cell says that its sender is gone.
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
            // SeqCst: a sender that gives up writes to its cell and then reads the end; this thread has moved the end and
            // reads the cell: one of the two sees the other. Not model-checked: if both missed it, the cell would only be kept
            // longer, which no model observes.
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

    /// If the end of the buffer was at a cell before that said that its sender is gone, it may not have passed over it.
    /// SeqCst: we have written to the cell and read the end; an expander moves the end and then reads the cell.
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
                            // SAFETY: the exchange left the phase in which other threads look at the slot, from a state that says
                            // that none has seen it. So no other thread uses the slot, and this party still holds its ticket.
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

    /// The cell says that its receiver is gone.
    fn receive_is_gone(&self, place: Place<'_, T>) {
        self.array.abandon(place, RECEIVER);
        self.skip_gone_receivers();
    }

    /// After a receiver gave up: takes the tickets of senders that would only find such cells, so that
    /// these can be given back though no sender ever comes.
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
                // Lost, if the cell was not abandoned, but done with long ago.
                Err(next) => _ = self.skip_sends(sent, next),
            }
        }
    }

    /// After a sender gave up: the same for the tickets of receivers.
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
                // As for receivers.
                Err(next) => {
                    if self.skip_receives(received, next) {
                        self.forget_missing(next - received);
                    }
                }
            }
        }
    }
}
