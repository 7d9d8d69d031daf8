//! A cell of a channel: where the send and the receive with the same ticket meet.

#[cfg(feature = "async")]
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::deferred::Mark;
use crate::chan::select::state::{Cause, SelectWait, Stage};
use crate::queue::{self, ArrayCell, CellPhase, Party};
use crate::rt::cell::UnsafeCell;
use crate::rt::park::{Parker, Unparker};
use crate::rt::spin_wait;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{self, Acquire, Relaxed, Release, SeqCst};
use core::mem::MaybeUninit;
#[cfg(feature = "async")]
use core::task::Waker;
use std::time::Instant;

/// The parties of a cell.
pub(in crate::chan) const SENDER: Party = Party::First;
pub(in crate::chan) const RECEIVER: Party = Party::Second;

/// The state of a channel's cell.
pub(in crate::chan) type State = queue::State<Phase>;

/// A channel's cell, found.
pub(in crate::chan) type Place<'a, T> = queue::Place<'a, Cell<T>>;

/// Where a cell is in its life. The head of the [module](super) has the moves, and which party makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::chan) enum Phase {
    /// No party has been here.
    Empty,
    /// A value is here for the receiver.
    Full,
    /// A sender waits with its value.
    SenderWaits,
    /// A select waits to send; its select state says what has become of it. Or, if the state says `asleep`, a late send
    /// has been chosen at once ([`State::is_late`]).
    SenderSelects,
    /// A receiver waits.
    ReceiverWaits,
    /// A select waits to receive; its select state says what has become of it.
    ReceiverSelects,
    /// A receiver waits for the value of a select that was chosen to send here. The receiver does not give up.
    Promised,
    /// The value went from one party to the other, one of which waited.
    Delivered,
    /// One party came and did not want to wait for the other: both go for new tickets.
    Poisoned,
    /// The waiting sender gives its ticket back.
    SenderLeaving,
    /// The waiting receiver gives its ticket back.
    ReceiverLeaving,
    /// The waiting sender gave up, and others came behind it: the cell is no place of the buffer.
    SenderGone,
    /// The waiting sender gave up, others came behind it, and the end of the buffer has passed the cell.
    PassedOver,
    /// The waiting receiver gave up, and others came behind it.
    ReceiverGone,
    /// The channel was closed before a sender came: there will be no value.
    Closed,
    /// The channel was closed while the sender waited: it goes, with its value.
    Rejected,
}

impl Phase {
    const ALL: [Phase; 16] = [
        Phase::Empty,
        Phase::Full,
        Phase::SenderWaits,
        Phase::SenderSelects,
        Phase::ReceiverWaits,
        Phase::ReceiverSelects,
        Phase::Promised,
        Phase::Delivered,
        Phase::Poisoned,
        Phase::SenderLeaving,
        Phase::ReceiverLeaving,
        Phase::SenderGone,
        Phase::PassedOver,
        Phase::ReceiverGone,
        Phase::Closed,
        Phase::Rejected,
    ];
}

impl CellPhase for Phase {
    const FRESH: Phase = Phase::Empty;

    #[inline]
    fn number(self) -> u8 {
        self as u8
    }

    #[inline]
    fn from_number(number: u8) -> Phase {
        Phase::ALL[usize::from(number)]
    }
}

/// A select that did not wait chooses a send whose place in the buffer is there. It leaves no select state in the cell,
/// for nothing is to be decided any more, but only which thread is to bring the value.
impl State {
    /// Returns the state once a late send has been chosen at once.
    pub(in crate::chan) fn with_late(self) -> State {
        self.with_phase(Phase::SenderSelects).asleep()
    }

    /// Returns whether a late send has been chosen at once: its place is taken, and its value is still to come.
    pub(in crate::chan) fn is_late(self) -> bool {
        self.phase() == Phase::SenderSelects && self.is_asleep()
    }
}

pub(in crate::chan) struct Cell<T> {
    state: AtomicU8,
    /// The sender's from the start; the receiver's once the phase says that a value is here for it.
    value: UnsafeCell<MaybeUninit<T>>,
    /// Which thread is to bring the value, if the state says so ([`State::is_late`]). (Beside most values it needs no
    /// memory.)
    sender: UnsafeCell<Mark>,
}

// SAFETY: S2: the phases hand the value from one thread to another; no two threads share it.
unsafe impl<T: Send> Send for Cell<T> {}
// SAFETY: S2: the phases hand the value from one thread to another; no two threads share it.
unsafe impl<T: Send> Sync for Cell<T> {}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Cell {
            state: AtomicU8::new(State::new(Phase::FRESH).bits()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            sender: UnsafeCell::new(Mark::NOBODY),
        }
    }
}

impl<T> ArrayCell for Cell<T> {
    type Aside = Aside;
    type Phase = Phase;

    fn state(&self) -> &AtomicU8 {
        &self.state
    }

    unsafe fn renew(&self, aside: Option<&Aside>) {
        // SAFETY: `Segment::renew`, the only caller, has the segment alone, and so the cell.
        let was = State::from_bits(unsafe { self.state.unsync_load() });
        // SAFETY: `Segment::renew`, the only caller, has the segment alone, and so the cell.
        unsafe { self.state.unsync_store(State::new(Phase::FRESH).bits()) };
        self.value.with_mut(|_| ());
        self.sender.with_mut(|_| ());
        // A cell that is Full and was not seen has empty slots: no party has waited here, or a plain operation that has
        // emptied its slot.
        if let Some(aside) = aside.filter(|_| was.phase() != Phase::Full || was.is_seen()) {
            // SAFETY: `Segment::renew`, the only caller, has the segment alone, and so the cell's slots.
            unsafe { aside.renew() };
        }
    }
}

/// What sleeps in a cell.
pub(in crate::chan) enum Sleeper {
    Thread(Unparker),
    #[cfg(feature = "async")]
    Task(Waker),
}

impl Sleeper {
    #[track_caller]
    pub(in crate::chan) fn unpark(self) {
        match self {
            Sleeper::Thread(unparker) => unparker.unpark(),
            #[cfg(feature = "async")]
            Sleeper::Task(waker) => deferred::wake(waker),
        }
    }

    /// Drops what would wake the operation, whose wait has ended.
    pub(in crate::chan) fn discard(self) {
        match self {
            Sleeper::Thread(unparker) => drop(unparker),
            #[cfg(feature = "async")]
            Sleeper::Task(waker) => deferred::discard(waker),
        }
    }
}

/// What waits in a cell.
pub(in crate::chan) enum Waiter {
    /// One operation, of a thread or a task: the thread that moves the cell out of its waiting phase ends the wait.
    Plain(Sleeper),
    /// One case of a select: the thread that commits it has ended the wait.
    Select { select: SelectWait, case: usize },
}

/// The select that waits in a cell.
pub(in crate::chan) struct Registered<'a> {
    pub(in crate::chan) select: &'a SelectWait,
    pub(in crate::chan) case: usize,
}

impl Waiter {
    /// Returns the sleeper in the slot of a plain operation that is asleep.
    #[track_caller]
    fn into_sleeper(waiter: Option<Waiter>) -> Option<Sleeper> {
        match waiter {
            Some(Waiter::Plain(sleeper)) => Some(sleeper),
            _ => unreachable!("an operation that is asleep has left its sleeper in the slot"),
        }
    }

    /// Drops what would wake the operation, whose wait has ended.
    #[cfg(feature = "async")]
    pub(in crate::chan) fn discard(self) {
        if let Waiter::Plain(sleeper) = self {
            sleeper.discard();
        }
    }
}

/// The waiters of a cell, one slot for each party, since both may be about to wait: written before the state says so. A
/// plain one, which is there only while its thread or task is *asleep* (a bit of the state), is taken by the thread
/// that ends the wait. A select's stays once a thread has *seen* the cell (another bit), until the cell is used again.
#[derive(Default)]
pub(in crate::chan) struct Aside([UnsafeCell<Option<Waiter>>; 2]);

// SAFETY: S3, S4: each slot has one owner at a time, or has been seen, and then it is only read (S5).
unsafe impl Send for Aside {}
// SAFETY: S5: a slot that several threads may reach has been seen, and a seen slot is only read.
unsafe impl Sync for Aside {}

impl Aside {
    /// # Safety
    /// Both slots are the caller's alone.
    unsafe fn renew(&self) {
        for slot in &self.0 {
            // SAFETY: `Cell::renew`, the only caller, has the cell alone, and so both slots.
            drop(slot.with_mut(|slot| unsafe { (*slot).take() }));
        }
    }

    /// # Safety
    /// The slot is the caller's, by S3 or S4.
    #[track_caller]
    pub(in crate::chan) unsafe fn set(&self, party: Party, waiter: Waiter) {
        self.0[party.index()].with_mut(|slot| {
            // SAFETY: the slot is the caller's alone, by this function's contract.
            unsafe { *slot = Some(waiter) };
        });
    }

    /// # Safety
    /// The slot is the caller's, by S3 or S4.
    #[track_caller]
    pub(in crate::chan) unsafe fn take(&self, party: Party) -> Option<Waiter> {
        self.0[party.index()].with_mut(|slot| {
            // SAFETY: the slot is the caller's alone, by this function's contract.
            unsafe { (*slot).take() }
        })
    }

    /// Wakes the select that waits as this party for a value that was promised; or returns the sleeper if a plain
    /// operation waits, for the caller to wake once it has left.
    ///
    /// # Safety
    /// The caller ended the wait, in the phase `Promised`, by an exchange from `state`, and has not left the cell.
    #[track_caller]
    pub(in crate::chan) unsafe fn end_promise(&self, party: Party, state: State) -> Option<Sleeper> {
        if !state.is_asleep() {
            return None;
        }
        let is_select = self.0[party.index()].with(|slot| {
            // SAFETY: S3: the slot was written before the cell said that this party is asleep, by an exchange that the
            // caller's has acquired. No thread writes to the slot of a select before the cell is used again, and a plain
            // waiter is the caller's, since the caller ended its wait.
            let Some(Waiter::Select { select, .. }) = (unsafe { &*slot }) else { return false };
            select.wake(); // site: wake-promised-select
            true
        });
        if is_select {
            return None;
        }
        // SAFETY: S3: a plain operation waits, asleep, and the caller ended its wait.
        Waiter::into_sleeper(unsafe { self.take(party) })
    }

    /// Returns the select that waits here.
    ///
    /// # Safety
    /// The cell has been seen as one in which a select waits; the caller is one of its parties that has not
    /// left, or holds the array pinned.
    #[track_caller]
    pub(in crate::chan) unsafe fn select(&self, party: Party) -> Registered<'_> {
        self.0[party.index()].with(|slot| {
            // SAFETY: S5: the slot has been seen, by this function's contract, and is only read.
            match unsafe { &*slot } {
                Some(Waiter::Select { select, case }) => Registered { select, case: *case },
                _ => unreachable!("a cell in which a select waits has its select state"),
            }
        })
    }
}

impl<T> Cell<T> {
    /// Returns the state. Acquire: pairs with the Release by which another party moved the cell there, so the value
    /// and the waiter that the phase promises are here.
    #[inline]
    pub(in crate::chan) fn load(&self) -> State {
        State::from_bits(self.state.load(Acquire))
    }

    /// The state now, in the one order of all SeqCst operations; what it reads, later reads know too.
    #[track_caller]
    pub(in crate::chan) fn look(&self) -> State {
        State::from_bits(self.state.load(SeqCst))
    }

    /// Moves the cell from exactly `from` to `to`; or the state found afterwards.
    #[inline]
    #[track_caller]
    pub(in crate::chan) fn exchange(&self, from: State, to: State, order: Ordering) -> Result<(), State> {
        match self.state.compare_exchange(from.bits(), to.bits(), order, Relaxed) {
            Ok(_) => Ok(()),
            // The failed exchange is Relaxed: what the phase promises is here by this load.
            Err(_) => Err(self.load()),
        }
    }

    /// Moves the cell from one phase to another, whatever its other bits; or returns the state found, once the phase is
    /// another. Other threads only set their bits meanwhile, a bounded number of times.
    ///
    /// A caller that goes on to take a waiter out must pass Acquire: after the load the waiter that it saw may have
    /// given its ticket back, and the next one with that ticket waits here (ABA). Otherwise `order` is Release or
    /// Relaxed: the load synchronizes with the thread that moved the cell to `from`.
    #[track_caller]
    pub(in crate::chan) fn advance(&self, from: Phase, to: Phase, order: Ordering) -> Result<State, State> {
        let mut state = self.load();
        while state.phase() == from {
            match self.exchange(state, state.with_phase(to), order) {
                Ok(()) => return Ok(state.with_phase(to)),
                Err(found) => state = found,
            }
        }
        Err(state)
    }

    /// Says that the calling thread, which waits in this state, is asleep, with its waiter aside; or the state found,
    /// once the wait has been ended. (As long as the thread holds its ticket, the phase does not come back after that.)
    #[track_caller]
    pub(in crate::chan) fn fall_asleep(&self, waits: State) -> Result<(), State> {
        let mut state = waits;
        loop {
            // Release: publishes the waiter to the thread that ends the wait, whose Acquire is in `load` or `advance`.
            match self.exchange(state, state.asleep(), Release) {
                Err(found) if found.phase() == waits.phase() => state = found,
                result => return result,
            }
        }
    }

    /// Says that the plain operation that waits in this phase is awake, so that its slot aside is the owner's again; or
    /// the state found, once the wait has been ended.
    #[track_caller]
    pub(in crate::chan) fn rouse(&self, phase: Phase) -> Result<State, State> {
        let mut state = self.load();
        loop {
            if state.phase() != phase {
                return Err(state);
            }
            if !state.is_asleep() {
                return Ok(state);
            }
            // Relaxed: the owner itself wrote the slot; a thread that ends the wait takes it only if the cell says
            // `asleep` then, and this exchange decides which comes first.
            match self.exchange(state, state.awake(), Relaxed) {
                Ok(()) => return Ok(state.awake()),
                Err(found) => state = found,
            }
        }
    }

    /// Looks for a moment whether the cell is in another state, before the thread says that it waits.
    pub(in crate::chan) fn changes_at_once(&self, state: State, deadline: Option<Instant>) -> bool {
        spin_wait::before_wait(deadline, || self.load() != state)
    }

    /// Looks for a moment whether somebody ends the wait in this phase, before the thread is parked. A
    /// deadline that has passed is not worth it.
    pub(in crate::chan) fn changes_soon(&self, phase: Phase, deadline: Option<Instant>) -> bool {
        spin_wait::before_park(deadline, || self.load().phase() != phase)
    }

    /// Looks as [`changes_soon`](Self::changes_soon) does, for a thread that has looked by
    /// [`changes_at_once`](Self::changes_at_once).
    pub(in crate::chan) fn changes_in_a_while(&self, phase: Phase, deadline: Option<Instant>) -> bool {
        spin_wait::yield_before_park(deadline, || self.load().phase() != phase)
    }

    /// # Safety
    /// The value slot is the caller's, and empty.
    #[inline]
    pub(in crate::chan) unsafe fn put(&self, value: T) {
        self.value.with_mut(|slot| {
            // SAFETY: the value slot is the caller's and empty, by this function's contract.
            unsafe { (*slot).write(value) };
        });
    }

    /// Says which thread is to bring the value.
    ///
    /// # Safety
    /// The caller is the cell's sender, and the cell has not been [late](State::is_late).
    pub(in crate::chan) unsafe fn announce(&self, sender: Mark) {
        self.sender.with_mut(|slot| {
            // SAFETY: the slot is the sender's until the state says that the cell is late.
            unsafe { *slot = sender };
        });
    }

    /// Returns which thread is to bring the value.
    ///
    /// # Safety
    /// The caller is the cell's receiver, has found the cell [late](State::is_late), and has not left it.
    pub(in crate::chan) unsafe fn sender_to_come(&self) -> Mark {
        // SAFETY: the sender wrote this before the state said so, by an exchange that the caller's load has acquired, and
        // nobody writes it before the caller has left the cell.
        self.sender.with(|slot| unsafe { *slot })
    }

    /// # Safety
    /// The value slot is the caller's, and full; it is empty from now on.
    #[inline]
    pub(in crate::chan) unsafe fn take(&self) -> T {
        self.value.with_mut(|slot| {
            // SAFETY: the value slot is the caller's and full, by this function's contract.
            unsafe { (*slot).assume_init_read() }
        })
    }
}

/// Moves the cell from exactly `from` to `to`, by which the caller leaves it; or the state found afterwards.
///
/// By its place, since the cell may be used again, or freed, before this returns: the memory of a reference among the
/// arguments would have to stay until then.
#[inline]
#[track_caller]
pub(in crate::chan) fn leave_by<T>(
    place: Place<'_, T>,
    from: State,
    to: State,
    order: Ordering,
) -> Result<(), State> {
    let cell = place.cell();
    match cell.state.compare_exchange(from.bits(), to.bits(), order, Relaxed) {
        Ok(_) => Ok(()),
        // The failed exchange is Relaxed: what the phase promises is here by this load.
        Err(_) => Err(cell.load()),
    }
}

/// Ends the wait of this party's plain operation, by moving the cell from the phase `from`, in which that waits; or
/// returns the state found, if the wait has ended already. The sleeper, if the operation is asleep, is for the caller
/// to wake.
///
/// `order` as for [`Cell::advance`]: a caller that is not the waiting party itself must pass Acquire.
#[inline]
#[track_caller]
pub(in crate::chan) fn end_wait<T>(
    place: Place<'_, T>,
    party: Party,
    from: Phase,
    to: Phase,
    order: Ordering,
) -> Result<Option<Sleeper>, State> {
    let state = place.cell().advance(from, to, order)?;
    // SAFETY: S3: the exchange in `advance` left the waiting phase, and `state` has the other bits that it found.
    Ok(unsafe { take_sleeper(place, party, state) })
}

/// Takes the sleeper of this party's plain operation out of its slot, if the operation is asleep.
///
/// # Safety
/// The caller ended the operation's wait (S3), by an exchange from `state` or to it: the bit `asleep` is the same in
/// both.
#[track_caller]
pub(in crate::chan) unsafe fn take_sleeper<T>(
    place: Place<'_, T>,
    party: Party,
    state: State,
) -> Option<Sleeper> {
    if !state.is_asleep() {
        return None;
    }
    // SAFETY: S3: the caller ended the wait of an operation that was asleep, so the slot is the caller's.
    Waiter::into_sleeper(unsafe { place.aside().take(party) })
}

/// Sleeps in a cell in which this party waits, in this state, until another thread ends the wait, `true`, or the
/// deadline has passed. A thread that ended the wait before the sleep found no thread to wake.
#[track_caller]
pub(in crate::chan) fn sleep<T>(
    place: Place<'_, T>,
    party: Party,
    waits: State,
    parker: &Parker,
    deadline: Option<Instant>,
) -> bool {
    debug_assert!(
        !waits.is_asleep(),
        "what an earlier wait with the ticket left is taken back when this one begins"
    );
    // SAFETY: S4: the cell says that this party waits, awake. (An earlier operation with the ticket has emptied the slot
    // before it gave the ticket back.)
    unsafe { place.aside().set(party, Waiter::Plain(Sleeper::Thread(parker.unparker()))) };
    if place.cell().fall_asleep(waits).is_err() {
        // SAFETY: S3: the wait was ended while the cell said that this party is awake, so the slot is still its own.
        drop(unsafe { place.aside().take(party) });
        return true;
    }
    parker.park_deadline(deadline)
}

/// What a party finds that meets a select in its cell.
pub(in crate::chan) enum Meeting<'a> {
    /// The caller has decided it: this case has happened.
    Won(&'a SelectWait),
    /// Another thread has decided it, and for this case.
    Happened(&'a SelectWait),
    /// It has been decided otherwise, or is over; the select will leave the cell.
    Lost,
    /// The select still goes through its cases: it cannot be decided yet.
    Registering(&'a SelectWait),
    /// The cell is no longer as it was.
    Changed(State),
}

/// Sees the select that waits in the cell, whose state was `state`, as that party; or the state found instead.
///
/// # Safety
/// The caller is a party of the cell that has not left, or holds the array pinned.
#[track_caller]
pub(in crate::chan) unsafe fn see<'a, T>(
    place: Place<'a, T>,
    party: Party,
    state: State,
) -> Result<Registered<'a>, State> {
    if !state.is_seen() {
        // Acquire: pairs with the Release that published the waiter, in `select_in`. A thread that takes the waiter out
        // knows by this bit whether another thread has seen it, or does so after this one has left the cell.
        place.cell().exchange(state, state.with_seen(), Acquire)?;
    }
    // SAFETY: S5: the cell has been seen, in a phase in which a select waits; the caller keeps it alive, by this
    // function's contract.
    Ok(unsafe { place.aside().select(party) })
}

/// Meets the select that waits in the cell, whose state was `state`, as that party, and decides it for this cause if it
/// waits.
///
/// # Safety
/// The caller is a party of the cell that has not left, or holds the array pinned.
pub(in crate::chan) unsafe fn meet<'a, T>(
    place: Place<'a, T>,
    party: Party,
    state: State,
    cause: Cause,
) -> Meeting<'a> {
    // SAFETY: the caller keeps the cell alive, by this function's contract.
    // Not model-checked: no model relies on the Acquire in `see` for this call within the audit's bounds.
    match unsafe { see(place, party, state) } {
        Ok(seen) => commit(seen, cause),
        Err(found) => Meeting::Changed(found),
    }
}

/// Meets the select that waits in the cell as [`meet`] does, for an operation that may be a case of a select itself,
/// with this select state: a select that meets itself finds that it is still registering.
///
/// # Safety
/// The caller is a party of the cell that has not left, or holds the array pinned.
pub(in crate::chan) unsafe fn meet_another<'a, T>(
    place: Place<'a, T>,
    party: Party,
    state: State,
    own: Option<&SelectWait>,
) -> Meeting<'a> {
    // SAFETY: the caller keeps the cell alive, by this function's contract.
    match unsafe { see(place, party, state) } {
        Ok(seen) if own.is_some_and(|own| own.is(seen.select)) => Meeting::Registering(seen.select),
        Ok(seen) => commit(seen, Cause::Operation),
        Err(found) => Meeting::Changed(found),
    }
}

/// Decides a select that has been seen, if it waits.
fn commit(seen: Registered<'_>, cause: Cause) -> Meeting<'_> {
    let Registered { select, case } = seen;
    // SeqCst in `commit`: the select commits to waiting and then looks at its cells. Not model-checked: the select
    // reads its cells again, and they say the same.
    // site: commit-select
    match select.commit(Stage::WAITING, Stage::chosen(case, cause)) {
        Ok(()) => Meeting::Won(select),
        Err(Stage::REGISTERING) => Meeting::Registering(select),
        Err(other) if other == Stage::chosen(case, Cause::Operation) => Meeting::Happened(select),
        Err(_) => Meeting::Lost,
    }
}
