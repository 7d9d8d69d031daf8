//! Leaving a cell with nothing done: giving its ticket back, or saying that nobody will come.

use super::cell::{Cell, Phase, RECEIVER, SENDER, see};
use super::claim::Outcome;
use super::core::{Capacity, Chan};
use super::expand::END;
use crate::queue::Place;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

impl<T> Chan<T> {
    /// A sender leaves its cell with its value, which it has taken out.
    #[cold]
    pub(super) fn withdraw_send(&self, place: Place<'_, Cell<T>>, ticket: u64) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                // Whoever has seen the cell may still look at the claim, so the cell cannot be used again.
                Phase::SenderSelects => {
                    let to = if state.is_seen() { Phase::SenderGone } else { Phase::SenderLeaving };
                    // SeqCst: see `send_is_gone`. Audit: no model has the end of a buffer come just then.
                    match cell.exchange(state, state.with_phase(to as u8), SeqCst) {
                        Err(found) => state = found,
                        Ok(()) if to == Phase::SenderGone => return self.send_is_gone(place, ticket),
                        Ok(()) => {
                            // SAFETY: nobody has seen the waiter, and nobody will.
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
    pub(super) fn return_send(&self, place: Place<'_, Cell<T>>, ticket: u64) {
        if self.return_send_ticket(ticket) {
            return self.remove_behind();
        }
        // SeqCst: see `send_is_gone`. Audit: as above.
        if place.cell().advance(Phase::SenderLeaving, Phase::SenderGone, SeqCst).is_ok() {
            return self.send_is_gone(place, ticket);
        }
        // A receiver broke the cell meanwhile, or the end of the buffer passed over it. Or a receiver waits here, which
        // saw the cell when an earlier sender with this ticket had given it back.
        self.remove_behind();
        self.disappoint(place);
        self.leave_unsent(place);
    }

    /// Somebody else has said what becomes of the cell.
    fn leave_unsent(&self, place: Place<'_, Cell<T>>) {
        if matches!(Phase::of(place.cell().load()), Phase::SenderGone | Phase::PassedOver) {
            self.note_gone_sender();
        }
        self.leave_passed_over(place);
        self.skip_gone_senders();
    }

    /// The sender leaves its cell, which nobody needs any more if the end of the buffer has passed over it.
    fn leave_passed_over(&self, place: Place<'_, Cell<T>>) {
        self.array
            .leave_or_abandon(place, SENDER, |left| self.expands() && Phase::of(left) == Phase::PassedOver);
    }

    /// Tells the receiver of a cell, if there is one, that nothing will come: it goes for a new ticket.
    pub(super) fn disappoint(&self, place: Place<'_, Cell<T>>) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            let told = match Phase::of(state) {
                // Release: what we did happens before the receiver goes on. Acquire: see `advance`. Audit: the receiver
                // needs nothing of it, and no model comes here.
                Phase::ReceiverWaits => match cell.advance(Phase::ReceiverWaits, Phase::Broken, AcqRel) {
                    Err(found) => Err(found),
                    Ok(state) => {
                        // SAFETY: we ended the wait.
                        if let Some(waiter) = unsafe { place.aside().take_sleeper(RECEIVER, state) } {
                            waiter.unpark(); // Audit: no model has a sender leave twice while later ones have tickets.
                        }
                        return;
                    }
                },
                // SAFETY: we have not left.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => Err(found),
                    Ok((claim, ..)) => {
                        if claim.decide(Outcome::WAITING, Outcome::OVER).is_ok() {
                            claim.wake();
                        }
                        self.spoil(place, Phase::ReceiverSelects, claim)
                    }
                },
                Phase::ReceiverLeaving => self.shun(place, state),
                _ => return,
            };
            match told {
                Ok(()) => return,
                Err(found) => state = found,
            }
        }
    }

    /// The cell says that its sender is gone.
    fn send_is_gone(&self, place: Place<'_, Cell<T>>, ticket: u64) {
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
            // Audit: see `sent`.
            if end >= self.sent().ticket() {
                return;
            }
            let walk = self.array.walk_from_scout(END, RECEIVER);
            // SeqCst: whoever gives up writes to its cell and then reads the end; we have moved the end and read the
            // cell: one of us sees the other. If both missed it, the cell would be kept longer.
            let passed = walk.find(end).is_ok_and(|place| {
                Phase::of(place.cell().look()) == Phase::SenderGone && self.pass_over(place)
            });
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
    pub(super) fn pass_over_behind_end(&self, place: Place<'_, Cell<T>>, ticket: u64) {
        if ticket < self.buffer_end() && self.pass_over(place) {
            self.expand();
        }
    }

    /// The receiver leaves a cell whose sender gave up.
    pub(super) fn leave_gone_sender(&self, place: Place<'_, Cell<T>>) {
        self.forget_gone_senders(1);
        // Once both have left, the end of the buffer cannot tell any more that the cell is no place.
        let passed = self.pass_over(place);
        if Phase::of(place.cell().load()) == Phase::PassedOver {
            self.forget_no_places(1);
        }
        self.array.leave(place, RECEIVER);
        if passed {
            self.expand();
        }
    }

    /// A receiver leaves its cell with nothing.
    #[cold]
    pub(super) fn withdraw_receive(&self, place: Place<'_, Cell<T>>, ticket: u64) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                Phase::ReceiverLeaving => return self.return_receive(place, ticket),
                // A sender has been here that does not know what becomes of our ticket.
                Phase::SenderGone | Phase::PassedOver => return self.leave_gone_sender(place),
                Phase::ReceiverSelects => {
                    // A waiter that has been seen stays.
                    let to = if state.is_seen() { Phase::ReceiverGone } else { Phase::ReceiverLeaving };
                    // Relaxed: nothing is handed over. The ticket goes back by SeqCst.
                    match cell.exchange(state, state.with_phase(to as u8), Relaxed) {
                        Err(found) => state = found,
                        Ok(()) if state.is_seen() => return self.receive_is_gone(place),
                        Ok(()) => {
                            // SAFETY: nobody has seen the waiter, and nobody will.
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

    fn return_receive(&self, place: Place<'_, Cell<T>>, ticket: u64) {
        if self.return_receive_ticket(ticket) {
            return self.skip_gone_senders();
        }
        // Relaxed: nothing is handed over. A sender may have been here, or a close marked the cell.
        match place.cell().advance(Phase::ReceiverLeaving, Phase::ReceiverGone, Relaxed) {
            Ok(_) => self.receive_is_gone(place),
            Err(found) if matches!(Phase::of(found), Phase::SenderGone | Phase::PassedOver) => {
                self.leave_gone_sender(place);
            }
            Err(_) => {
                self.array.leave(place, RECEIVER);
                self.skip_gone_receivers();
            }
        }
    }

    /// The cell says that its receiver is gone.
    fn receive_is_gone(&self, place: Place<'_, Cell<T>>) {
        self.array.abandon(place, RECEIVER);
        self.skip_gone_receivers();
    }

    /// After a receiver gave up: takes the tickets of senders that would only find such cells, so that
    /// these can be given back though no sender ever comes.
    fn skip_gone_receivers(&self) {
        let mut walk = None;
        loop {
            // Audit: see `sent`.
            let sent = self.sent();
            // Audit: see `sent`.
            if sent.is_closed() || sent.ticket() >= self.received() {
                return;
            }
            let walk = walk.get_or_insert_with(|| self.array.walk(SENDER));
            match walk.find(sent.ticket()) {
                // Audit: only the phase matters here; `Cell::load` serves others too.
                Ok(place) if Phase::of(place.cell().load()) != Phase::ReceiverGone => return,
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
        use Phase::{PassedOver, Refused, SenderGone};
        let mut walk = None;
        loop {
            // Audit: see `sent`.
            let received = self.received();
            // Audit: see `sent`.
            if received >= self.sent().ticket() {
                return;
            }
            let walk = walk.get_or_insert_with(|| self.array.walk(RECEIVER));
            match walk.find(received) {
                // Audit: only the phase matters here; `Cell::load` serves others too.
                Ok(place) if !matches!(Phase::of(place.cell().load()), SenderGone | PassedOver | Refused) => {
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
