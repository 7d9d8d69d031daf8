//! Rehearsals: they show whether a thread that seems to repeat a round for ever does so.
//!
//! A snapshot does not see memory outside of the stack, where a loop may count its rounds. So the first time that a
//! thread's round at a line is judged to be a stutter, the thread goes round some more times without the graph: each
//! operation returns what it returned in that round. If the thread does anything else, the line is *suspect*: the
//! branch is run again, and rounds at that line are explored as if the thread's state had changed.

use super::{Machine, State};
use crate::event::{Event, Kind, LocationId, Read, Site, ThreadId, Value};
use crate::explore::loop_cut::LoopCut;
use crate::run::{Rehearsal, Run};
use crate::snapshot::{Frames, Snapshot};
use std::collections::BTreeSet;

/// What machines find out about a program's loops: which rounds were rehearsed, and which lines are suspect.
#[derive(Clone, Debug, Default)]
pub struct Loops {
    pub(super) rehearsed: BTreeSet<(ThreadId, Site)>,
    pub(super) suspects: BTreeSet<Site>,
}

impl Loops {
    /// Adds what another machine has found out.
    pub fn extend(&mut self, other: Loops) {
        self.rehearsed.extend(other.rehearsed);
        self.suspects.extend(other.suspects);
    }
}

impl Machine {
    /// Lets the current thread rehearse its round at a line, whose events begin with `begun`, unless it has done so or
    /// follows a token. Returns whether the thread rehearses.
    pub(super) fn begin_rehearsal(&self, site: Site, begun: u32) -> bool {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        if exploration.is_guided() || !exploration.rehearsed.insert((run.current, site)) {
            return false;
        }
        run.rehearsal = Some(Rehearsal { site, begun, at: begun, left: self.options.rounds });
        true
    }

    /// Returns what the current thread reads in a rehearsal; `None` if there is no rehearsal.
    pub(super) fn rehearse_read(
        &self,
        location: LocationId,
        read: &Read,
        update: &dyn Fn(Value) -> Value,
    ) -> Option<Result<Value, Value>> {
        let event = self.rehearsed(|event| {
            let alike = event.read.reading == read.reading && event.read.wanted == read.wanted;
            event.kind == Kind::Read && event.location == location && alike
        })?;
        if !read.writes(event.value) {
            return Some(if read.reading == crate::event::Reading::Load {
                Ok(event.value)
            } else {
                Err(event.value)
            });
        }
        self.rehearsed(|write| write.kind == Kind::RmwWrite && update(event.value) == write.value);
        Some(Ok(event.value))
    }

    /// Returns the event of an operation in a rehearsal, which has to be the next operation of the round.
    pub(super) fn rehearsed(&self, fits: impl FnOnce(&Event) -> bool) -> Option<Event> {
        let next = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let me = run.current as usize;
            let end = run.threads[me].cursor;
            let rehearsal = run.rehearsal.as_mut()?;
            let at = rehearsal.at;
            rehearsal.at += 1;
            let event = (at < end)
                .then(|| *exploration.graph.event(exploration.graph.threads[me].events[at as usize]));
            event.filter(fits)
        };
        if next.is_none() {
            self.fail_rehearsal();
        }
        next
    }

    /// Fails the rehearsal, if there is one: the thread does something that its round has not done.
    pub(super) fn fail_if_rehearsing(&self) {
        if self.state.borrow().run.rehearsal.is_some() {
            self.fail_rehearsal();
        }
    }

    /// Passes a line in a rehearsal. Returns the first event of the round once the rehearsal is over.
    pub(super) fn rehearse_pass(&self, site: Site, frames: Frames) -> Option<u32> {
        let alike = {
            let mut state = self.state.borrow_mut();
            let run = &mut state.run;
            let base = self.threads.borrow().base(run.current);
            let end = run.me().cursor;
            let me = run.current as usize;
            let rehearsal = run.rehearsal.as_mut()?;
            if rehearsal.site != site {
                return None;
            }
            let whole = rehearsal.at == end;
            rehearsal.at = rehearsal.begun;
            rehearsal.left = rehearsal.left.saturating_sub(1);
            whole && is_in_state_of_line(run, me, frames, base)
        };
        if !alike {
            self.fail_rehearsal();
        }
        let rehearsal = &mut self.state.borrow_mut().run.rehearsal;
        rehearsal.take_if(|rehearsal| rehearsal.left == 0).map(|rehearsal| rehearsal.begun)
    }

    pub(super) fn fail_rehearsal(&self) -> ! {
        self.note_failed_rehearsal();
        self.dead_end()
    }

    /// Notes that the thread that rehearses has done something else: the branch is run again.
    pub(super) fn note_failed_rehearsal(&self) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let Some(rehearsal) = run.rehearsal.take() else { return };
        let before = exploration.rehearsed.iter().filter(|(_, site)| *site == rehearsal.site).count();
        // Another thread's rounds at this line have been judged by its state.
        if before > 1 {
            exploration.loops_cut.insert((LoopCut::HiddenState, rehearsal.site));
        }
        exploration.suspects.insert(rehearsal.site);
        exploration.again = true;
        run.dead = true;
    }
}

fn is_in_state_of_line(run: &mut Run, me: usize, frames: Frames, base: usize) -> bool {
    let Some(rehearsal) = &run.rehearsal else { return true };
    let Some(at) = run.threads[me].lines.iter().position(|line| line.site == rehearsal.site) else {
        return true;
    };
    let mut snapshot: Snapshot = core::mem::take(&mut run.threads[me].lines[at].state);
    let same = snapshot.update(frames, base, run.threads[me].kept());
    run.threads[me].lines[at].state = snapshot;
    same
}
