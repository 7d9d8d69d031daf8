//! What a bubble's members share, under its lock; and how the baton is passed.

use super::wait::{Fate, Wait};
use super::{Bubble, Here, Name, member};
use crate::rt;
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::rt::thread::{under_engine, yield_now};
use crate::rt::timer::{Armed, NEVER, Timer};
use crate::rt::twin::is_twin;
use core::fmt::Write;
use core::panic::Location;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of the member that has begun the bubble.
pub(super) const MAIN: u32 = 1;

/// A member, as reports tell of it.
pub(super) struct Member {
    /// Where it was started.
    site: &'static Location<'static>,
    /// The wait in which it rests, with its deadline in the list.
    rests: Option<(Arc<Wait>, Option<Moment>)>,
}

/// A deadline by the clock, and what tells it from others of the same moment.
type Moment = (u64, u64);

/// Whom the baton's holder is to start, without the lock. They are counted.
#[derive(Default)]
#[must_use = "members are counted that nobody wakes"]
pub(super) struct Passed {
    /// Members whose rest has ended.
    woken: Vec<Arc<Wait>>,
    /// Timers that are due, with the numbers of the members that run their closures.
    due: Vec<(rt::sync::Arc<Timer>, u32)>,
}

impl Passed {
    fn waking(woken: Option<Arc<Wait>>) -> Passed {
        Passed { woken: woken.into_iter().collect(), due: Vec::new() }
    }

    /// Starts them all, for a member of the bubble. It may be about to wait for one of them itself: those before that one go on
    /// first then, if a goroutine is only made runnable by being woken.
    pub(super) fn start(self, here: &Here, own: Option<&Arc<Wait>>) {
        for (timer, member) in self.due {
            member::start(timer, Here { bubble: Arc::clone(&here.bubble), member });
        }
        for wait in self.woken {
            if !under_engine() && own.is_some_and(|own| Arc::ptr_eq(own, &wait)) {
                yield_now();
            }
            wait.wake();
        }
    }
}

pub(super) struct State {
    name: Name,
    pub(super) members: BTreeMap<u32, Member>,
    next_member: u32,
    /// The members that do not rest.
    pub(super) active: usize,
    /// The waits with deadlines, by deadline.
    timers: BTreeMap<Moment, Arc<Wait>>,
    next_timer: u64,
    /// The closures that run at a moment.
    pub(super) armed: Armed,
    /// The call of `wait` that is under way.
    pub(super) quiet: Option<Arc<Wait>>,
    /// Whether the main member's closure has returned: then time stands still.
    pub(super) main_has_ended: bool,
    /// Whether the bubble has ended. Members that it has left behind may still go on.
    pub(super) is_over: bool,
    /// The deadlock that was found.
    pub(super) deadlock: Option<String>,
    /// The first panic of a member that nobody joins.
    pub(super) panic: Option<Box<dyn Any + Send>>,
}

impl State {
    pub(super) fn new(name: Name) -> State {
        let main = Member { site: name.0, rests: None };
        State {
            name,
            members: BTreeMap::from([(MAIN, main)]),
            next_member: MAIN + 1,
            active: 1,
            timers: BTreeMap::new(),
            next_timer: 0,
            armed: Armed::new(),
            quiet: None,
            main_has_ended: false,
            is_over: false,
            deadlock: None,
            panic: None,
        }
    }

    /// Adds a member, which is counted before it begins.
    pub(super) fn add(&mut self, site: &'static Location<'static>) -> u32 {
        let number = self.next_member;
        self.next_member += 1;
        self.members.insert(number, Member { site, rests: None });
        self.active += 1;
        number
    }

    /// Keeps a panic that nobody asks for, if it is the first; or returns it.
    pub(super) fn keep_panic(&mut self, panic: Box<dyn Any + Send>) -> Option<Box<dyn Any + Send>> {
        if self.panic.is_some() {
            return Some(panic);
        }
        self.panic.replace(panic)
    }

    /// Takes a member out that has ended; returns whom to start.
    pub(super) fn remove(&mut self, member: u32, bubble: &Bubble) -> Passed {
        self.members.remove(&member);
        self.active -= 1;
        self.pass_if_all_rest(bubble)
    }

    /// Lets a member rest, in this wait (B1); returns whom to start.
    pub(super) fn rest(&mut self, wait: &Arc<Wait>, until: Option<u64>, bubble: &Bubble) -> Passed {
        wait.set_fate(Fate::Rests);
        self.active -= 1;
        // site: set-deadline-first
        if is_twin() {
            let passed = self.pass_if_all_rest(bubble);
            self.note_rest(wait, until);
            return passed;
        }
        self.note_rest(wait, until);
        self.pass_if_all_rest(bubble)
    }

    fn note_rest(&mut self, wait: &Arc<Wait>, until: Option<u64>) {
        self.next_timer += 1;
        let timer = until.map(|until| (until, self.next_timer));
        if let Some(timer) = timer {
            self.timers.insert(timer, Arc::clone(wait));
        }
        if let Some(member) = self.members.get_mut(&wait.member) {
            member.rests = Some((Arc::clone(wait), timer));
        }
    }

    /// Ends the rest of a member, which is counted from now on (B2). The caller wakes it.
    pub(super) fn end_rest(&mut self, wait: &Arc<Wait>, fate: Fate) {
        wait.set_fate(fate);
        let rested = self.members.get_mut(&wait.member).and_then(|member| member.rests.take());
        if let Some((_, Some(timer))) = rested {
            self.timers.remove(&timer);
        }
        self.active += 1;
    }

    fn pass_if_all_rest(&mut self, bubble: &Bubble) -> Passed {
        if self.active > 0 || self.is_over { Passed::default() } else { self.pass(bubble) }
    }

    /// Passes the baton on, by whom all members rest; returns whom to start.
    fn pass(&mut self, bubble: &Bubble) -> Passed {
        if self.main_has_ended {
            return Passed::waking(self.end_main());
        }
        let earliest = self.timers.keys().next().map_or(NEVER, |(at, _)| *at).min(self.armed.earliest());
        if earliest > bubble.passed()
            && let Some(waiter) = self.quiet.take()
        {
            self.end_rest(&waiter, Fate::Given);
            return Passed::waking(Some(waiter));
        }
        if earliest == NEVER {
            return Passed::waking(self.report_deadlock());
        }
        // Relaxed: all members rest, and each that goes on has locked the state after this (B3).
        bubble.passed.store(earliest, Relaxed); // site: move-clock
        let due = self.timers.range((earliest, 0)..=(earliest, u64::MAX));
        let mut passed = Passed { woken: due.map(|(_, wait)| Arc::clone(wait)).collect(), due: Vec::new() };
        passed.woken.iter().for_each(|wait| self.end_rest(wait, Fate::Due));
        while let Some(timer) = self.armed.take_due(earliest) {
            let member = self.add(timer.site());
            passed.due.push((timer, member));
        }
        // An engine lets them go on in every order in any case.
        if !under_engine() {
            fastrand::shuffle(&mut passed.woken);
            fastrand::shuffle(&mut passed.due);
        }
        passed
    }

    /// Wakes the main member, whose closure has returned: the others have ended, or never will.
    fn end_main(&mut self) -> Option<Arc<Wait>> {
        let main = self.main()?;
        if self.members.len() > 1 {
            self.deadlock = Some(format!(
                "deadlock: the main goroutine of {} has ended, and others are blocked for ever: time stands still, and \
                 nobody is left to wake them\n{}",
                self.name,
                self.list()
            ));
        }
        self.end_rest(&main, Fate::Given);
        Some(main)
    }

    /// Lets the main member panic.
    fn report_deadlock(&mut self) -> Option<Arc<Wait>> {
        self.deadlock = Some(format!(
            "deadlock: all goroutines of {} are blocked, and none of them waits for a moment\n{}",
            self.name,
            self.list()
        ));
        let main = self.main()?;
        self.end_rest(&main, Fate::Doomed);
        Some(main)
    }

    /// Returns the wait in which the main member rests.
    fn main(&self) -> Option<Arc<Wait>> {
        let (wait, _) = self.members.get(&MAIN)?.rests.as_ref()?;
        Some(Arc::clone(wait))
    }

    /// Returns a line for each member.
    fn list(&self) -> String {
        let mut text = String::new();
        for (number, member) in &self.members {
            let what = member.rests.as_ref().map_or("runs", |(wait, _)| wait.words());
            let site = member.site;
            let role = if *number == MAIN { "begun" } else { "started" };
            _ = writeln!(text, "  goroutine {number}, {role} at {}:{}: {what}", site.file(), site.line());
        }
        text
    }
}
