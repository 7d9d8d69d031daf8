//! What the receivers of a timer share: the instant that is due next, which a receive compares with the clock.
//!
//! **T1, resets.** A reset stops a ticker, writes the period, sets the new start, and then rings the bell. A thread that
//! waits registers with the bell, and then reads the start, the period, and the start again. The start and the bell are
//! SeqCst, so a thread that misses the bell reads the new start; the period is published by a Release and read by an
//! Acquire, so a period that is newer than the start shows the stop before it. *Not model-checked* one by one: no model
//! fails within the audit's bounds when one of these accesses alone is weakened.

use crate::chan::algorithm::cell::RECEIVER;
use crate::chan::algorithm::chan::{Blocking, Capacity, Chan};
use crate::chan::algorithm::deferred::Mark;
use crate::chan::select::case::{Handle, Hold, Identity, Look, Progress, Round, Slot, Stamp};
use crate::chan::select::observers::Observers;
use crate::chan::select::specified::{Form, Happened, Steps};
use crate::chan::select::state::{Cause, SelectWait};
use crate::queue::LazyBox;
use crate::rt::bubble::Owner;
use crate::rt::spec::Common;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::thread::yield_now;
use crate::rt::time::now;
use crate::spec::chan as spec;
use std::time::{Duration, Instant};

/// An instant that is too far away to be told in nanoseconds, or does not come.
const NEVER: u64 = u64::MAX >> 1;
/// The start of a ticker that is stopped.
const STOPPED: u64 = 0;

/// With an instant or a start: a select has it on trial. A select that waits takes an instant on trial, commits itself
/// to it, and then has received the instant or puts it back; so it keeps its places whichever of the two it loses.
const ON_TRIAL: u64 = 1 << 63;

/// An instant, or regular ones. Times are nanoseconds after the alarm's base.
enum Pace {
    /// When the instant is due; [`NEVER`]: it is not. The thread that exchanges it has received it.
    Once(AtomicU64),
    Ticks {
        /// One more than the time a period before the next instant; or [`STOPPED`]. The thread that exchanges it has
        /// received the instant. Resets only move it on, so that of two at the same time each leaves the other's alone.
        start: AtomicU64,
        /// How long after the start the instant is due. A reset writes it between a stop and a new start.
        period: AtomicU64,
    },
}

/// See the [module](self).
pub(in crate::chan) struct Alarm {
    base: Instant,
    pace: Pace,
    /// Wakes the threads that wait when the alarm is set anew; not there if it never is. Made when a thread first waits.
    bell: Option<LazyBox<Bell>>,
    /// The bubble by whose clock it goes.
    owner: Owner,
    /// The alarm's specified form, which a checker takes instead.
    spec: Common<spec::World>,
}

/// The channel of a bell.
struct Bell(Chan<()>);

impl Default for Bell {
    fn default() -> Bell {
        // The alarm tells to which bubble it belongs; a thread of another one may ring first.
        Bell(Owner::NOBODY.lets_make(|| Chan::new(Capacity::Rendezvous, 2)))
    }
}

/// Whether an alarm can be set anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::chan) enum Setting {
    /// Once: it is as it was made.
    Once,
    /// Any number of times: it has a bell.
    Anew,
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos().try_into().map_or(NEVER, |nanos: u64| nanos.min(NEVER))
}

impl Alarm {
    fn new(base: Instant, pace: Pace, setting: Setting) -> Alarm {
        let timer = Common::new("timer");
        // As specified a thread that waits sees what the alarm comes to.
        let has_bell = setting == Setting::Anew && !timer.is_specified();
        let bell = has_bell.then(LazyBox::new);
        Alarm { base, pace, bell, owner: Owner::here(), spec: timer }
    }

    /// An alarm with one instant.
    pub(in crate::chan) fn once(base: Instant, first: Duration, setting: Setting) -> Alarm {
        Alarm::new(base, Pace::Once(AtomicU64::new(nanos(first))), setting)
    }

    /// An alarm with an instant after each period.
    pub(in crate::chan) fn ticks(period: Duration, setting: Setting) -> Alarm {
        let (start, period) = (AtomicU64::new(STOPPED + 1), AtomicU64::new(nanos(period)));
        Alarm::new(now(), Pace::Ticks { start, period }, setting)
    }

    /// The time by now.
    fn passed(&self) -> u64 {
        self.owner.check("a timer");
        nanos(now().saturating_duration_since(self.base))
    }

    /// When the next instant is due, or [`NEVER`].
    fn next(&self) -> u64 {
        match &self.pace {
            // SeqCst: `reset` sets it anew and then rings the bell, and a thread that waits for the bell reads it after
            // that, so one of them sees the other.
            Pace::Once(next) => next.load(SeqCst) & !ON_TRIAL,
            Pace::Ticks { start, period } => {
                // SeqCst: read after the select waits for the bell. Not model-checked: T1.
                let mut from = start.load(SeqCst);
                while from != STOPPED {
                    // Acquire: pairs with the Release in `reset_ticks`: if the period is of a reset that came after the
                    // start, the load below sees its stop. Not model-checked: T1.
                    let every = period.load(Acquire);
                    // SeqCst: read after the period, in the order of the resets. Not model-checked: T1.
                    let again = start.load(SeqCst);
                    if again == from {
                        return ((from & !ON_TRIAL) - 1).saturating_add(every).min(NEVER);
                    }
                    from = again;
                }
                NEVER
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let next = self.next();
        (next != NEVER).then(|| self.base.checked_add(Duration::from_nanos(next))).flatten()
    }

    /// Takes the instant that is due by now.
    pub(in crate::chan) fn take(&self) -> Option<Instant> {
        let taken = match &self.pace {
            _ if self.spec.is_specified() => self.take_specified(),
            Pace::Once(next) => self.take_one(next),
            Pace::Ticks { start, period } => self.take_tick(start, period),
        };
        taken.and_then(|taken| self.base.checked_add(Duration::from_nanos(taken)))
    }

    fn take_one(&self, next: &AtomicU64) -> Option<u64> {
        // Relaxed: an instant publishes nothing. Not model-checked: no model looks for anything that it might publish.
        let mut due = next.load(Relaxed);
        loop {
            if due >= NEVER || due > self.passed() {
                return None;
            }
            // Relaxed: an instant publishes nothing; the word alone decides which receiver has it.
            // site: take-instant
            match next.compare_exchange(due, NEVER, Relaxed, Relaxed) {
                Ok(_) => return Some(due),
                Err(found) => due = found,
            }
        }
    }

    fn take_tick(&self, start: &AtomicU64, period: &AtomicU64) -> Option<u64> {
        // Acquire: pairs with the Release of the `fetch_max` in `reset_ticks`: the period belongs to the start, or is
        // newer. Not model-checked: T1.
        let mut from = start.load(Acquire);
        loop {
            // Relaxed: a period that is newer than the start does no harm: the exchange fails, since the reset stopped
            // the ticker before it wrote the period.
            let every = period.load(Relaxed);
            if from == STOPPED {
                return None;
            }
            let (due, passed) = ((from - 1).saturating_add(every), self.passed());
            if due >= NEVER || due > passed {
                return None;
            }
            // Instants that nobody received in time are dropped: the next one comes after the clock.
            let late = (passed - due).checked_rem(every).unwrap_or(0);
            // Release: the period was read before this; a reset whose stop comes after this writes another one. Acquire
            // on failure: pairs with the Release in `reset_ticks`. Not model-checked: no model comes to a ticker's
            // instant that is due.
            match start.compare_exchange(from, passed - late + 1, Release, Acquire) {
                Ok(_) => return Some(due),
                Err(found) => from = found,
            }
        }
    }

    /// Returns the word whose exchange receives an instant.
    fn word(&self) -> &AtomicU64 {
        match &self.pace {
            Pace::Once(next) => next,
            Pace::Ticks { start, .. } => start,
        }
    }

    /// The instant that this word tells of, if it is due, and the word after it.
    fn due_at(&self, word: u64) -> Option<(u64, u64)> {
        let passed = self.passed();
        let (due, after) = match &self.pace {
            Pace::Once(_) => (word, NEVER),
            Pace::Ticks { .. } if word == STOPPED => return None,
            Pace::Ticks { period, .. } => {
                // Relaxed: a period that is newer than the start does no harm: the exchange of the start fails.
                let every = period.load(Relaxed);
                let due = (word - 1).saturating_add(every);
                (due, passed - passed.saturating_sub(due).checked_rem(every).unwrap_or(0) + 1)
            }
        };
        (due < NEVER && due <= passed).then_some((due, after))
    }

    pub(in crate::chan) fn is_due(&self) -> bool {
        if self.spec.is_specified() {
            return self.is_due_specified();
        }
        self.due().is_some_and(|due| due <= now())
    }

    /// Lets no instant come any more; whether one was still to be received.
    pub(in crate::chan) fn stop(&self) -> bool {
        self.owner.check("a timer");
        if self.spec.is_specified() {
            return self.set_specified("stop", spec::Alarm::stop);
        }
        match &self.pace {
            // SeqCst: written before the bell is rung; a thread that waits for the bell reads it after that. Not
            // model-checked: T1.
            Pace::Once(next) => next.swap(NEVER, SeqCst) != NEVER,
            // SeqCst: written before the bell is rung. Acquire, by that: pairs with the Release in `take_tick`. Not
            // model-checked: T1.
            // site: stop-ticks
            Pace::Ticks { start, .. } => start.swap(STOPPED, SeqCst) != STOPPED,
        }
    }

    /// Sets the alarm anew, from now on; whether an instant was still to be received.
    pub(in crate::chan) fn reset(&self, after: Duration) -> bool {
        if self.spec.is_specified() {
            let (passed, after) = (self.passed(), number(nanos(after)));
            return self.set_specified("reset", |alarm| alarm.reset(passed, after));
        }
        let was_set = match &self.pace {
            // SeqCst: written before the bell is rung; a thread that waits for the bell reads it after that.
            Pace::Once(next) => {
                next.swap(self.passed().saturating_add(nanos(after)).min(NEVER), SeqCst) != NEVER
            }
            Pace::Ticks { start, period } => self.reset_ticks(start, period, nanos(after)),
        };
        // A thread that makes the bell later reads the new start after that (T1).
        if let Some(bell) = self.bell.as_ref().and_then(LazyBox::get) {
            ring(&bell.0);
        }
        was_set
    }

    /// First stops the ticker, so that no start is ever taken for one with another period.
    fn reset_ticks(&self, start: &AtomicU64, period: &AtomicU64, every: u64) -> bool {
        let was_set = self.stop();
        // Release: publishes the stop to the Acquire load of the period in `next`. Not model-checked: T1.
        period.store(every, Release);
        // SeqCst: written before the bell is rung. Release, by that: publishes the period to the threads that read the
        // start. Not model-checked: T1.
        // site: start-ticks
        start.fetch_max(self.passed().saturating_add(1), SeqCst);
        was_set
    }
}

/// Wakes all threads that wait for the bell; those that come later see the new instant.
///
/// A round that takes no ticket finds that tickets of receivers went back, and so looks for fewer.
fn ring(bell: &Chan<()>) {
    let mut waiting = bell.received();
    while bell.sent().ticket() < waiting {
        let _under_way = bell.send((), Blocking::Never);
        waiting = waiting.min(bell.received());
    }
    bell.observers.notify();
}

impl Handle for Alarm {
    fn owner(&self) -> Option<Owner> {
        Some(self.owner)
    }

    fn identity(&self) -> Identity {
        Identity { channel: core::ptr::from_ref(self).addr(), party: RECEIVER }
    }

    fn attempt(&self, slot: &mut Slot, _: Mark) -> Progress {
        let Some(instant) = self.take() else { return Progress::NotYet };
        // The slot may still have the cell in which it waits for the bell.
        self.withdraw(slot);
        slot.set(nanos(instant.saturating_duration_since(self.base)), Hold::Happened);
        Progress::Happened
    }

    fn register(&self, slot: &mut Slot, select: &SelectWait, case: usize) -> Progress {
        match self.bell() {
            // A bell's channel stays open, and nobody sends without a receiver that waits.
            Some(bell) => bell.register_recv(slot, select, case),
            None => {
                slot.hold = Hold::Waiting;
                Progress::NotYet
            }
        }
    }

    fn look(&self, slot: &mut Slot, round: Round) -> Look {
        self.bell().map_or(Look::Waits, |bell| bell.look_recv(slot, round))
    }

    fn chosen(&self, slot: &mut Slot, cause: Cause) -> Progress {
        if let Some(bell) = self.bell() {
            bell.chosen_recv(slot, cause);
            let _rung = bell.finish_recv(slot);
        }
        self.attempt(slot, Mark::NOBODY)
    }

    fn withdraw(&self, slot: &mut Slot) {
        if slot.hold == Hold::Waiting
            && let Some(bell) = self.bell()
        {
            bell.withdraw_recv(slot);
        }
        // An instant that has been taken counts as received: once the alarm has been set anew it must not come back.
        slot.hold = Hold::Nothing;
    }

    fn reserve(&self) -> Option<u64> {
        let word = self.word();
        // Acquire: pairs with the Release in `reset_ticks`: the period belongs to the start, or is newer. Not
        // model-checked: T1.
        let found = word.load(Acquire);
        if found & ON_TRIAL != 0 {
            // Another select has it on trial, and takes it or puts it back. Nobody would tell us.
            yield_now();
            return None;
        }
        self.due_at(found)?;
        // Relaxed: nothing is handed over. If another receiver was faster, this one comes again.
        word.compare_exchange(found, found | ON_TRIAL, Relaxed, Relaxed).is_ok().then_some(found)
    }

    fn confirm(&self, slot: &mut Slot, found: u64) -> Progress {
        let Some((due, after)) = self.due_at(found) else {
            // The period is that of a reset.
            self.put_back(found);
            return Progress::NotYet;
        };
        // Release: the period was read before this. If the CAS fails, the timer was set anew. Not model-checked: T1.
        if self.word().compare_exchange(found | ON_TRIAL, after, Release, Relaxed).is_err() {
            return Progress::NotYet;
        }
        self.withdraw(slot);
        slot.set(due, Hold::Happened);
        Progress::Happened
    }

    fn put_back(&self, found: u64) {
        // Relaxed: nothing is handed over. If it fails, the timer was set anew.
        let _set_anew = self.word().compare_exchange(found | ON_TRIAL, found, Relaxed, Relaxed).is_err();
    }

    fn deadline(&self) -> Option<Instant> {
        self.due()
    }

    fn is_ready(&self, _own: u64) -> bool {
        self.is_due()
    }

    fn stamp(&self) -> Stamp {
        // SeqCst: stamps are compared with those of other channels. Not model-checked: T1.
        [self.word().load(SeqCst), 0, 0, 0, 0, 0, 0]
    }

    fn observers(&self) -> Option<&Observers> {
        self.bell().map(|bell| &bell.observers)
    }
}

impl Alarm {
    /// Returns the channel in which threads wait for the bell, if the alarm has one.
    fn bell(&self) -> Option<&Chan<()>> {
        self.bell.as_ref().map(|bell| &bell.make().0)
    }

    /// The instant that a case has received.
    pub(in crate::chan) fn finish(&self, slot: &mut Slot) -> Instant {
        debug_assert!(slot.hold == Hold::Happened, "a timer's channel is never closed");
        slot.hold = Hold::Nothing;
        self.base + Duration::from_nanos(slot.ticket)
    }
}

/// Returns a time that comes.
fn number(nanos: u64) -> Option<u64> {
    (nanos != NEVER).then_some(nanos)
}

impl Steps for Alarm {
    fn form(&self) -> Form<'_> {
        if self.spec.is_specified() { Form::Specified(&self.spec) } else { Form::Real }
    }

    fn case(&self) -> spec::Case {
        spec::Case::Alarm(self.handle())
    }

    fn learn(&self, slot: &mut Slot, _case: &spec::Case, happened: Option<Happened>) {
        match happened.map(|happened| happened.event) {
            Some(spec::Event::Instant(instant)) => slot.set(instant, Hold::Happened),
            _ => slot.hold = Hold::Nothing,
        }
    }
}

/// An alarm as specified.
impl Alarm {
    fn handle(&self) -> spec::AlarmHandle {
        // Relaxed: as specified the words keep what the alarm was made with.
        let first = match &self.pace {
            Pace::Once(next) => spec::Alarm::once(number(next.load(Relaxed))),
            Pace::Ticks { period, .. } => spec::Alarm::ticks(number(period.load(Relaxed))),
        };
        spec::AlarmHandle { key: self.spec.key(), first, base: self.base }
    }

    #[track_caller]
    fn step<R>(&self, operation: &'static str, act: impl Fn(&mut spec::Turn, &spec::AlarmHandle) -> R) -> R {
        let handle = self.handle();
        let (result, _no_wakers) = self.spec.step(operation, |world, me| {
            let mut turn = spec::Turn::new(world, me);
            let result = act(&mut turn, &handle);
            Some(turn.done(result))
        });
        result
    }

    fn take_specified(&self) -> Option<u64> {
        let now = now();
        self.step("take an instant", |turn, alarm| turn.take_instant(alarm, now))
    }

    fn is_due_specified(&self) -> bool {
        let now = now();
        self.step("look", |turn, alarm| turn.is_due(alarm, now))
    }

    /// Sets the alarm, and returns whether an instant was still to be received.
    fn set_specified(
        &self,
        operation: &'static str,
        set: impl Fn(spec::Alarm) -> (spec::Alarm, bool),
    ) -> bool {
        self.step(operation, |turn, alarm| turn.set(alarm, &set))
    }
}
