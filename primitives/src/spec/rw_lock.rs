//! A readers-writer lock that prefers no side: no thread sees another one wait, so an operation is one step.
//!
//! A writer's unlock happens before every later lock, a reader's before the next write.

use super::done;
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;

/// A readers-writer lock as specified.
pub(crate) struct RwLock(Object<State>);

/// The state of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    writer: bool,
    readers: u32,
    /// The last writer's unlock.
    written: Option<StepId>,
    /// The unlocks of the readers since the last write began.
    read: Vec<StepId>,
}

impl State {
    const FREE: State = State { writer: false, readers: 0, written: None, read: Vec::new() };

    fn read(&self) -> Option<Done<State, ()>> {
        let free = !self.writer || is_twin(); // site: reads-beside-a-writer
        let after = self.written.filter(|_| !is_twin()); // site: no-edge-to-readers
        free.then(|| done(State { readers: self.readers + 1, ..self.clone() }, (), after))
    }

    fn end_read(&self, me: StepId) -> Done<State, ()> {
        let read = self.read.iter().copied().chain([me]).collect();
        done(State { readers: self.readers - 1, read, ..self.clone() }, (), None)
    }

    fn write(&self) -> Option<Done<State, ()>> {
        let alone = self.readers == 0 || is_twin(); // site: writes-beside-a-reader
        let readers = self.read.iter().copied().filter(|_| !is_twin()); // site: no-edge-from-readers
        let begun = || State { writer: true, read: Vec::new(), ..self.clone() };
        (alone && !self.writer).then(|| done(begun(), (), self.written.into_iter().chain(readers)))
    }

    fn end_write(&self, me: StepId) -> Done<State, ()> {
        let writer = is_twin(); // site: lost-unlock
        done(State { writer, written: Some(me), ..self.clone() }, (), None)
    }
}

/// Makes a step of what may be impossible, and then changes nothing and returns `false`.
fn tried(state: &State, taken: Option<Done<State, ()>>) -> Done<State, bool> {
    match taken {
        Some(Done { state, after, .. }) => Done { state, result: true, after },
        None => done(state.clone(), false, None),
    }
}

impl RwLock {
    constructor! {
        pub(crate) fn new() -> RwLock {
            RwLock(Object::new("rt rwlock", State::FREE))
        }
    }

    pub(crate) const fn const_new() -> RwLock {
        RwLock(Object::const_new("rt rwlock", State::FREE))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    #[track_caller]
    pub(crate) fn read(&self) {
        self.0.step("read", |state, _| state.read());
    }

    #[track_caller]
    pub(crate) fn try_read(&self) -> bool {
        self.0.step("try to read", |state, _| Some(tried(state, state.read())))
    }

    #[track_caller]
    pub(crate) fn end_read(&self) {
        self.0.step("end to read", |state, me| Some(state.end_read(me)));
    }

    #[track_caller]
    pub(crate) fn write(&self) {
        self.0.step("write", |state, _| state.write());
    }

    #[track_caller]
    pub(crate) fn try_write(&self) -> bool {
        self.0.step("try to write", |state, _| Some(tried(state, state.write())))
    }

    #[track_caller]
    pub(crate) fn end_write(&self) {
        self.0.step("end to write", |state, me| Some(state.end_write(me)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::{after, step};

    #[test]
    fn readers_share_and_come_before_the_next_write() {
        let one = State::FREE.read().expect("it is free").state;
        let two = one.read().expect("readers share").state;
        assert!(two.write().is_none());
        let none = two.end_read(step(1)).state.end_read(step(2)).state;
        assert_eq!(none.write().map(after), Some(vec![step(1), step(2)]));
        assert_eq!(none.read().map(after), Some(Vec::new()), "no reader comes before a reader");
    }

    #[test]
    fn a_writer_is_alone_and_comes_before_every_later_lock() {
        let held = State::FREE.write().expect("it is free").state;
        assert!(held.write().is_none() && held.read().is_none());
        assert!(!tried(&held, held.read()).result);
        let free = held.end_write(step(1)).state;
        assert_eq!(
            (free.read().map(after), free.write().map(after)),
            (Some(vec![step(1)]), Some(vec![step(1)]))
        );
    }
}
