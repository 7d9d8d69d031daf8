//! A readers-writer lock.
//!
//! A write *announces* itself, and completes when the readers before it have left; readers that come later wait for it.
//! An announcement that finds the lock free completes in the same step. A reader that waits is seen by nobody, so a read
//! is one step: when a writer leaves, a reader may be let in before a writer that announces itself later. Of several
//! writers that wait any may be the next. The upgradable reader announces that it wants to write in the same way.
//!
//! A write that times out or is stopped withdraws in a step of its own. The last reader that leaves meanwhile gives it the
//! lock, and takes the lock back in another step: for that moment attempts of others fail.
//!
//! A writer's unlock happens before every later lock, a reader's before the next write.
//!
//! Under an engine with graphs, readers need less order as long as the program only reads and writes ([`apart`]).

mod apart;

use super::stopped::{self, Ended, Stoppable, Stopped};
use super::{done, pass_until, timed};
use crate::rt::spec::{Done, Native, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;
use std::time::Instant;

/// A readers-writer lock as specified.
pub(crate) struct RwMutex(Object<State>, Native<apart::Apart>);

/// The state of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    writer: bool,
    /// The readers, the upgradable one among them.
    readers: u32,
    upgradable: bool,
    /// Whether the upgradable reader waits to write.
    upgrading: bool,
    /// The announcements of the writers that wait.
    announced: Vec<StepId>,
    /// Those of the writers that have given up, and not withdrawn yet.
    given_up: Vec<StepId>,
    /// How many readers have left the lock to writers that had given up, and now take it back.
    in_vain: u32,
    /// The last writer's unlock.
    written: Option<StepId>,
    /// The unlocks of the readers since the last write began.
    read: Vec<StepId>,
    stopped: Stopped,
}

impl State {
    const FREE: State = State {
        writer: false,
        readers: 0,
        upgradable: false,
        upgrading: false,
        announced: Vec::new(),
        given_up: Vec::new(),
        in_vain: 0,
        written: None,
        read: Vec::new(),
        stopped: Stopped::NONE,
    };

    fn admits_readers(&self) -> bool {
        let waits = !self.announced.is_empty() && !is_twin(); // site: overtakes-writers
        !self.writer && !waits && !self.upgrading && self.in_vain == 0
    }

    fn try_read(&self) -> Option<Done<State, ()>> {
        let reading = || State { readers: self.readers + 1, ..self.clone() };
        self.admits_readers().then(|| done(reading(), (), self.written))
    }

    /// Ends a read, and returns whether the lock is left to a writer that has given up.
    fn unlock_read(&self, me: StepId) -> Option<Done<State, bool>> {
        let (readers, read) = (self.readers.checked_sub(1)?, self.read.iter().copied().chain([me]).collect());
        let in_vain = readers == 0 && !self.writer && !self.given_up.is_empty();
        let state = State { readers, read, in_vain: self.in_vain + u32::from(in_vain), ..self.clone() };
        Some(done(state, in_vain, None))
    }

    /// Lets a writer in when only so many readers are left, all of which become the writer: none, or the upgradable one.
    fn begin_write(&self, readers: u32) -> Option<Done<State, ()>> {
        let alone = self.readers == readers || is_twin(); // site: writes-beside-readers
        let begun = || State { writer: true, readers: 0, read: Vec::new(), ..self.clone() };
        let earlier = self.written.into_iter().chain(self.read.iter().copied());
        (alone && !self.writer && self.in_vain == 0).then(|| done(begun(), (), earlier))
    }

    fn try_write(&self) -> Option<Done<State, ()>> {
        self.begin_write(0)
    }

    /// Begins a write, or announces it and returns `Some` of the announcement.
    fn announce(&self, me: StepId) -> Done<State, Option<StepId>> {
        if let Some(Done { state, after, .. }) = self.try_write() {
            return done(state, None, after);
        }
        let announced = self.announced.iter().copied().chain([me]).collect();
        done(State { announced, ..self.clone() }, Some(me), None)
    }

    fn without(&self, announcement: StepId) -> State {
        let mut state = self.clone();
        state.announced.retain(|other| *other != announcement);
        state.given_up.retain(|other| *other != announcement);
        state
    }

    /// Withdraws a writer that has given up.
    fn withdraw(&self, announcement: StepId) -> State {
        let stays = is_twin(); // site: stays-announced
        if stays { self.clone() } else { self.without(announcement) }
    }

    /// Lets a writer give up.
    fn give_up(&self, announcement: StepId) -> State {
        let mut state = self.clone();
        state.given_up.push(announcement);
        state
    }

    fn complete_write(&self, announcement: StepId) -> Option<Done<State, ()>> {
        self.without(announcement).try_write()
    }

    fn end_write(&self, me: StepId) -> Option<Done<State, ()>> {
        let writer = is_twin(); // site: lost-unlock
        self.writer.then(|| done(State { writer, written: Some(me), ..self.clone() }, (), None))
    }

    fn downgrade(&self, me: StepId) -> Option<Done<State, ()>> {
        let Done { state, .. } = self.end_write(me)?;
        Some(done(State { readers: 1, ..state }, (), None))
    }

    fn try_upgradable(&self) -> Option<Done<State, ()>> {
        let Done { state, after, .. } = self.try_read().filter(|_| !self.upgradable)?;
        Some(done(State { upgradable: true, ..state }, (), after))
    }

    fn unlock_upgradable(&self, me: StepId) -> Option<Done<State, bool>> {
        let Done { state, result, after } = self.unlock_read(me)?;
        Some(Done { state: State { upgradable: false, ..state }, result, after })
    }

    fn try_upgrade(&self) -> Option<Done<State, ()>> {
        let Done { state, after, .. } = self.begin_write(1)?;
        Some(done(State { upgradable: false, upgrading: false, ..state }, (), after))
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

/// Makes a step of what may be impossible, and then changes nothing and returns `false`.
fn tried(state: &State, taken: Option<Done<State, ()>>) -> Done<State, bool> {
    match taken {
        Some(Done { state, after, .. }) => Done { state, result: true, after },
        None => done(state.clone(), false, None),
    }
}

impl RwMutex {
    constructor! {
        pub(crate) fn new() -> RwMutex {
            RwMutex(Object::new("rwmutex", State::FREE), Native::of_default())
        }
    }

    pub(crate) const fn const_new() -> RwMutex {
        RwMutex(Object::const_new("rwmutex", State::FREE), Native::none())
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Returns what the lock has if nothing looks at it.
    fn apart(&self) -> Option<&apart::Apart> {
        self.1.get().filter(|apart| !apart.is_looked_at())
    }

    /// Returns the order of all operations, for an operation that looks at the lock.
    fn looked_at(&self) -> &Object<State> {
        if let Some(apart) = self.apart() {
            apart.look();
        }
        &self.0
    }

    #[track_caller]
    pub(crate) fn try_read(&self) -> bool {
        self.looked_at().step("try to read", |state, _| Some(tried(state, state.try_read())))
    }

    /// Locks to read, or returns `false` when the wait may last no longer.
    #[track_caller]
    pub(crate) fn read_within(&self, until: Until<'_>) -> bool {
        match (until, self.apart()) {
            (Until { deadline: None, stop: None }, Some(apart)) => apart.read(&self.0),
            (Until { deadline: None, stop: None }, None) => {
                self.0.step("read", |state, _| state.try_read());
            }
            _ => {
                let object = self.looked_at();
                let over = |state: &State, _| state.try_read();
                let ended = stopped::wait(object, "read or give up", until, over, State::clone);
                return ended == Ended::Over(());
            }
        }
        true
    }

    /// Makes a step that succeeds, or fails at the deadline.
    #[track_caller]
    fn until(
        &self,
        operation: &'static str,
        deadline: Instant,
        attempt: impl Fn(&State) -> Done<State, bool>,
    ) -> bool {
        let step = |state: &State, _, is_due| timed(attempt(state), is_due);
        let succeeds = self.looked_at().step_until(operation, deadline, step);
        if !succeeds {
            pass_until(deadline);
        }
        succeeds
    }

    /// Returns `false` if nobody reads.
    #[track_caller]
    pub(crate) fn unlock_read(&self) -> bool {
        if let Some(apart) = self.apart() {
            apart.end_read();
            return true;
        }
        self.leave("end to read", State::unlock_read)
    }

    #[track_caller]
    fn leave(&self, operation: &'static str, leave: fn(&State, StepId) -> Option<Done<State, bool>>) -> bool {
        let in_vain = self.0.step(operation, |state, me| {
            Some(match leave(state, me) {
                Some(Done { state, result, after }) => Done { state, result: Some(result), after },
                None => done(state.clone(), None, None),
            })
        });
        if in_vain == Some(true) {
            self.0.step("take back", |state, _| {
                Some(done(State { in_vain: state.in_vain - 1, ..state.clone() }, (), None))
            });
        }
        in_vain.is_some()
    }

    #[track_caller]
    pub(crate) fn try_write(&self) -> bool {
        self.looked_at().step("try to write", |state, _| Some(tried(state, state.try_write())))
    }

    /// Locks to write, or returns `false` when the wait may last no longer.
    #[track_caller]
    pub(crate) fn write_within(&self, until: Until<'_>) -> bool {
        let lasts = until.deadline.is_none() && until.stop.is_none();
        if let (true, Some(apart)) = (lasts, self.apart()) {
            apart.write(&self.0);
            return true;
        }
        let Some(announcement) = self.looked_at().step("write", |state, me| Some(state.announce(me))) else {
            return true;
        };
        if lasts {
            self.0.step("write", |state, _| state.complete_write(announcement));
            return true;
        }
        let over = |state: &State, _| state.complete_write(announcement);
        let given_up = |state: &State| state.give_up(announcement);
        let writes = stopped::wait(&self.0, "write or give up", until, over, given_up) == Ended::Over(());
        if !writes {
            self.0.step("withdraw", |state, _| Some(done(state.withdraw(announcement), (), None)));
        }
        writes
    }

    /// Returns `false` if nobody writes.
    #[track_caller]
    pub(crate) fn unlock_write(&self) -> bool {
        if let Some(apart) = self.apart() {
            return apart.end_write(&self.0);
        }
        self.0.step("end to write", |state, me| Some(tried(state, state.end_write(me))))
    }

    /// Returns `false` if nobody writes.
    #[track_caller]
    pub(crate) fn downgrade(&self) -> bool {
        self.looked_at().step("downgrade", |state, me| Some(tried(state, state.downgrade(me))))
    }

    #[track_caller]
    pub(crate) fn try_upgradable(&self) -> bool {
        self.looked_at()
            .step("try to read, upgradable", |state, _| Some(tried(state, state.try_upgradable())))
    }

    /// Locks to read and perhaps to write later, or returns `false` at the deadline.
    #[track_caller]
    pub(crate) fn upgradable_until(&self, deadline: Option<Instant>) -> bool {
        match deadline {
            None => {
                self.looked_at().step("read, upgradable", |state, _| state.try_upgradable());
                true
            }
            Some(deadline) => self.until("read, upgradable, or time out", deadline, |state| {
                tried(state, state.try_upgradable())
            }),
        }
    }

    /// Returns `false` if nobody reads.
    #[track_caller]
    pub(crate) fn unlock_upgradable(&self) -> bool {
        self.leave("end to read, upgradable", State::unlock_upgradable)
    }

    #[track_caller]
    pub(crate) fn try_upgrade(&self) -> bool {
        self.looked_at().step("try to upgrade", |state, _| Some(tried(state, state.try_upgrade())))
    }

    /// Makes the upgradable reader the writer, or returns `false` at the deadline.
    #[track_caller]
    pub(crate) fn upgrade_until(&self, deadline: Option<Instant>) -> bool {
        let upgraded = self.looked_at().step("upgrade", |state, _| {
            Some(tried(&State { upgrading: true, ..state.clone() }, state.try_upgrade()))
        });
        match deadline {
            _ if upgraded => true,
            None => {
                self.looked_at().step("upgrade", |state, _| state.try_upgrade());
                true
            }
            Some(deadline) => self.until("upgrade or time out", deadline, |state| {
                tried(&State { upgrading: false, ..state.clone() }, state.try_upgrade())
            }),
        }
    }

    /// Returns whether a writer has the lock, and how many readers have it.
    #[track_caller]
    pub(crate) fn holders(&self) -> (bool, usize) {
        self.looked_at()
            .step("look", |state, _| Some(done(state.clone(), (state.writer, state.readers as usize), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::{after, step};

    fn reading() -> State {
        State::FREE.try_read().expect("it is free").state
    }

    #[test]
    fn readers_share_and_exclude_a_writer() {
        let two = reading().try_read().expect("readers share").state;
        assert!(two.try_write().is_none());
        let one = two.unlock_read(step(1)).expect("it reads").state;
        let none = one.unlock_read(step(2)).expect("it reads").state;
        assert_eq!(none.try_write().map(after), Some(vec![step(1), step(2)]), "both readers come before");
        assert_eq!(none.try_read().map(after), Some(Vec::new()), "no reader comes before a reader");
        assert!(none.unlock_read(step(3)).is_none());
    }

    #[test]
    fn a_waiting_writer_keeps_new_readers_out() {
        let announced = reading().announce(step(1));
        assert_eq!(announced.result, Some(step(1)));
        assert!(announced.state.try_read().is_none() && announced.state.complete_write(step(1)).is_none());
        let left = announced.state.unlock_read(step(2)).expect("it reads").state;
        let written = left.complete_write(step(1)).expect("the reader has left");
        assert_eq!(written.after, [step(2)]);
        let free = written.state.end_write(step(3)).expect("it writes").state;
        assert_eq!(free.try_read().map(after), Some(vec![step(3)]));
        assert_eq!(free.announce(step(4)).result, None, "a write of a free lock does not wait");
    }

    #[test]
    fn a_writer_that_gives_up_lets_the_readers_in_again() {
        let late = reading().announce(step(1)).state.give_up(step(1));
        assert!(late.try_read().is_none());
        assert!(late.withdraw(step(1)).try_read().is_some());
        let in_vain = late.unlock_read(step(2)).expect("it reads");
        assert!(in_vain.result && in_vain.state.withdraw(step(1)).try_read().is_none());
    }

    #[test]
    fn the_upgradable_reader_becomes_the_writer_when_it_is_alone() {
        let upgradable = State::FREE.try_upgradable().expect("it is free").state;
        assert!(upgradable.try_upgradable().is_none() && upgradable.try_read().is_some());
        let beside = upgradable.try_read().expect("readers share").state;
        assert!(beside.try_upgrade().is_none());
        let alone = beside.unlock_read(step(1)).expect("it reads").state;
        let writer = alone.try_upgrade().expect("it is alone");
        assert_eq!(writer.after, [step(1)]);
        let reader = writer.state.downgrade(step(2)).expect("it writes").state;
        assert_eq!(reader.try_read().map(after), Some(vec![step(2)]));
        assert!(reader.try_write().is_none());
    }
}
