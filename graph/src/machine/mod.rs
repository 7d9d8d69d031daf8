//! The machine that a program under exploration runs on: its memory, its threads, its clock.
//!
//! [`Machine::run`] runs the program once; between runs [`Machine::advance`] goes to the next branch. The
//! operations are to be called by the program's threads only, during a run.

mod access;
mod detach;
mod end;
mod fair;
mod groups;
mod objects;
mod rehearsal;
mod retries;
mod rounds;
mod steps;
mod thread;

use crate::event::{Event, EventId, LocationId, NONE, Site};
use crate::explore::options::Added;
use crate::explore::split::Part;
use crate::explore::{Exploration, Mode, Statistics};
use crate::groups::Groups;
use crate::race::{self, Epoch, Race};
use crate::replay::Token;
use crate::run::{Run, Status};
use crate::threads::Threads;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

pub use end::End;
pub use objects::Statics;
pub use rehearsal::Loops;

/// Settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// The memory model.
    pub model: crate::Model,
    /// Report data races. Without races plain accesses are relaxed ones.
    pub races: bool,
    /// Let weak compare-exchanges fail spuriously, and again unless the thread is proved to have only come back to do
    /// so.
    pub spurious_failures: bool,
    /// Let virtual time pass only while all threads wait, to the earliest moment for which one waits. Nothing else takes
    /// time: what is written at one time, all threads see at later times. Otherwise each thread has a time of its own, and a
    /// timed wait may come to its end at any moment.
    pub discrete_time: bool,
    /// Leave out executions with more preemptions than this, or with more events.
    pub max_preemptions: Option<u32>,
    /// The bound on events, as [`max_preemptions`](Self::max_preemptions) on preemptions.
    pub max_events: Option<u32>,
    /// How often a thread may go round at one line where it lets others go first, if its rounds are not all alike. A
    /// round that leaves it in the state in which it began counts as eight: only others can end such a loop.
    ///
    /// The number also bounds how often a thread's weak compare-exchange at one line fails spuriously.
    pub rounds: u32,
    /// How often a thread's operations may begin anew, where they say so by [`note_retry`](Machine::note_retry).
    pub max_retries: Option<u32>,
    /// Leave out executions that no fair schedule has: a thread that spins or yields lets others go first.
    pub fair_schedules: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            model: crate::Model::default(),
            races: true,
            spurious_failures: true,
            discrete_time: false,
            max_preemptions: None,
            max_events: None,
            rounds: 32,
            max_retries: None,
            fair_schedules: false,
        }
    }
}

/// The machine.
pub struct Machine {
    pub(crate) state: RefCell<State>,
    threads: Rc<RefCell<Threads>>,
    options: Options,
    statics: Statics,
    groups: Groups,
    /// The groups with which the exploration has to begin anew.
    regrouped: RefCell<Option<Groups>>,
}

pub(crate) struct State {
    pub(crate) exploration: Exploration,
    pub(crate) run: Run,
}

impl Machine {
    /// Returns a machine that explores all executions.
    pub fn new(options: Options) -> Machine {
        Machine::with(options, Mode::Explore)
    }

    /// Returns a machine that draws executions at random, each by a descent through the tree of executions that
    /// [`begin_descent`](Self::begin_descent) begins.
    pub fn sampling(options: Options) -> Machine {
        Machine::with(options, Mode::Sample { random: fastrand::Rng::with_seed(0), size: 1.0 })
    }

    /// Returns a machine that runs the execution which a token names.
    pub fn replaying(options: Options, token: &Token) -> Machine {
        let options = Options { model: token.model(), ..options };
        Machine::with(options, Mode::Guided(token.guide())).grouping(token.groups())
    }

    fn with(options: Options, mode: Mode) -> Machine {
        crate::overflow::prepare();
        let mut exploration = Exploration::new(mode, options.model);
        exploration.bound = options.max_preemptions;
        exploration.fair = options.fair_schedules;
        let state = RefCell::new(State { exploration, run: Run::default() });
        Machine {
            state,
            threads: Rc::default(),
            options,
            statics: Statics::default(),
            groups: Groups::default(),
            regrouped: RefCell::default(),
        }
    }

    /// Shares the statics with other machines of the same exploration.
    pub fn sharing(mut self, statics: &Statics) -> Machine {
        self.statics = statics.clone();
        self
    }

    /// Returns what the machine has found out about the program's loops.
    pub fn loops(&self) -> Loops {
        let state = self.state.borrow();
        Loops { rehearsed: state.exploration.rehearsed.clone(), suspects: state.exploration.suspects.clone() }
    }

    /// Takes over what other machines have found out about the loops of the same program.
    pub fn learn(&self, loops: &Loops) {
        let mut state = self.state.borrow_mut();
        state.exploration.rehearsed.extend(&loops.rehearsed);
        state.exploration.suspects.extend(&loops.suspects);
    }

    /// Returns whether one of the bounds in [`Options`] has cut anything.
    pub fn bound_cut(&self) -> bool {
        self.state.borrow().exploration.bound_cut
    }

    /// Returns whether the bound to fair schedules has cut anything.
    pub fn fairness_cut(&self) -> bool {
        self.state.borrow().exploration.fair_cut
    }

    /// Returns the loops that were cut, in words.
    pub fn loops_cut(&self) -> Vec<String> {
        let state = self.state.borrow();
        let cuts = state.exploration.loops_cut.iter();
        cuts.map(|(why, site)| why.describe(site, self.options.rounds)).collect()
    }

    /// Returns the statistics of the exploration so far.
    pub fn statistics(&self) -> Statistics {
        self.state.borrow().exploration.statistics
    }

    /// Returns the statistics of the exploration so far, and begins to count anew.
    pub fn take_statistics(&self) -> Statistics {
        core::mem::take(&mut self.state.borrow_mut().exploration.statistics)
    }

    /// Goes to the next branch; returns `false` if all branches have been explored.
    pub fn advance(&self) -> bool {
        self.state.borrow_mut().exploration.advance()
    }

    /// Returns how many branches wait to be explored.
    pub fn pending(&self) -> usize {
        self.state.borrow().exploration.pending()
    }

    /// Gives the oldest branch away, to be explored elsewhere.
    pub fn give(&self) -> Option<Part> {
        self.state.borrow_mut().exploration.give()
    }

    /// Gives all branches away, to be explored elsewhere.
    pub fn give_all(&self) -> Vec<Part> {
        self.state.borrow_mut().exploration.give_all()
    }

    /// Gives the current branch away instead of running it. To be called when no other branch is left.
    pub fn give_current(&self) -> Part {
        self.state.borrow_mut().exploration.give_current()
    }

    /// Takes a branch on, after which [`advance`](Self::advance) goes to it. No other branch may be left.
    pub fn take(&self, part: Part) {
        self.state.borrow_mut().exploration.take(part);
    }

    /// Returns the token of the execution that is running.
    pub fn token(&self) -> Token {
        let state = self.state.borrow();
        Token::of(&state.exploration.graph, &state.run).grouping(&self.groups)
    }

    /// Returns a token that orders the execution as an interleaving with few context switches, if the execution has
    /// one. The caller has to check that a replay of the token comes to the failure of the execution.
    pub fn interleaved_token(&self) -> Option<Token> {
        let state = self.state.borrow();
        let token = Token::interleaved(&state.exploration.graph, &state.run)?;
        Some(token.grouping(&self.groups))
    }

    /// Returns the estimate of the number of executions that a descent gives at its end.
    pub fn sampled_size(&self) -> f64 {
        match &self.state.borrow().exploration.mode {
            Mode::Sample { size, .. } => *size,
            _ => 0.0,
        }
    }

    /// Begins descent number `number` of those that `seed` stands for. A descent does not depend on those before it.
    pub fn begin_descent(&self, seed: u64, number: u64) {
        let mut state = self.state.borrow_mut();
        state.exploration.restart();
        if let Mode::Sample { random, size } = &mut state.exploration.mode {
            let first = fastrand::Rng::with_seed(seed).u64(..);
            *random = fastrand::Rng::with_seed(first.wrapping_add(number));
            *size = 1.0;
        }
    }

    /// Gives stacks and graphs back to the system, for a machine that is kept after its work.
    pub fn retire(&self) {
        self.threads.borrow_mut().retire();
        let mut state = self.state.borrow_mut();
        state.exploration.forget();
        state.run = Run::default();
    }

    /// Returns whether the replayed token fits the program.
    pub fn went_astray(&self) -> bool {
        match &self.state.borrow().exploration.mode {
            Mode::Guided(guide) => guide.astray,
            _ => false,
        }
    }

    /// Returns the current thread's epoch.
    pub fn epoch(&self) -> Epoch {
        self.state.borrow().run.epoch()
    }

    /// Returns whether a epoch happens before what the current thread does now.
    pub fn is_ordered(&self, epoch: Epoch) -> bool {
        let state = self.state.borrow();
        let last = state.run.last_event(&state.exploration.graph);
        race::is_ordered(&state.exploration.graph, epoch, state.run.current, last)
    }

    /// Returns the current thread's virtual time.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.state.borrow_mut().run.me().time)
    }

    /// Returns whether time is discrete: whether it passes only while all threads wait.
    pub fn is_time_discrete(&self) -> bool {
        self.options.discrete_time
    }

    /// Moves the current thread's virtual time on. Where time is discrete, the thread waits until then.
    pub fn advance_to(&self, time: Duration) {
        loop {
            let status = {
                let mut state = self.state.borrow_mut();
                let State { exploration, run, .. } = &mut *state;
                let me = run.me();
                me.time = me.time.max(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
                let until = me.time;
                let goes_on = run.rehearsal.is_some() || run.next_recorded(&exploration.graph).is_some();
                match run.clock {
                    Some(clock) if until > clock && !goes_on => match run.remaining {
                        0 => Status::Sleeps(until),
                        _ => Status::Frontier,
                    },
                    _ => return,
                }
            };
            self.wait(status);
        }
    }

    /// Waits until the current thread may go on. Returns the recorded event to replay, or `None` if the thread is to
    /// add a new one.
    fn turn(&self) -> Option<EventId> {
        let mut was_held = false;
        loop {
            self.judge_fairness();
            let status = {
                let mut state = self.state.borrow_mut();
                let State { exploration, run, .. } = &mut *state;
                if run.rehearsal.is_some() {
                    drop(state);
                    self.fail_rehearsal();
                }
                if let Some(recorded) = run.next_recorded(&exploration.graph) {
                    if run.clock.is_some() {
                        let time = exploration.graph.event(recorded).time;
                        run.me().time = run.me().time.max(time);
                    }
                    return Some(recorded);
                }
                if run.dead {
                    Status::Stopped
                } else if run.remaining > 0 {
                    Status::Frontier
                } else if core::mem::take(&mut run.reschedule) {
                    Status::Ready
                } else if !exploration.may_add(run.current) {
                    Status::Frontier
                } else if !was_held && run.is_held(&exploration.graph, run.current) {
                    exploration.fair_cut = true;
                    was_held = true;
                    Status::Held
                } else {
                    return None;
                }
            };
            self.wait(status);
        }
    }

    /// Suspends the current thread.
    fn wait(&self, status: Status) {
        let me = {
            let mut state = self.state.borrow_mut();
            state.run.me().status = status;
            state.run.current
        };
        let yielder = self.threads.borrow().yielder(me);
        let yielder = yielder.expect("operations are called by the program's threads, which have yielders");
        // SAFETY: the yielder lives on the current thread's coroutine, whose stack we are on.
        unsafe { (*yielder).suspend(()) };
    }

    /// Gives the run up: none of its threads goes on.
    fn dead_end(&self) -> ! {
        self.state.borrow_mut().run.dead = true;
        loop {
            self.wait(Status::Stopped);
        }
    }

    /// Fails the run: the program has done something else than in the run before, up to the same point.
    fn diverged(&self, what: &str, site: Option<Site>) -> ! {
        let at = site.map(|site| format!(" at {}:{}", site.file(), site.line())).unwrap_or_default();
        self.state.borrow_mut().run.failure = Some(format!(
            "the program is not deterministic: {what}{at} is not what an earlier run did there. It must not depend on time, \
             random numbers, addresses, or what earlier executions left behind"
        ));
        self.dead_end()
    }

    /// Returns a new event of the current thread.
    fn event(&self, kind: crate::event::Kind, order: crate::Order, site: Site) -> Event {
        let mut state = self.state.borrow_mut();
        let (thread, time) = (state.run.current, state.run.now());
        Event { thread, time, site: Some(site), ..Event::new(kind, order) }
    }

    /// Returns whether the graph is beyond the bounds on preemptions and to fair schedules, and so is all that it may grow to.
    /// It is looked at where the turn has gone from one thread to another. Without fair schedules a run goes on, and finds
    /// what is wrong a little beyond the bound.
    fn exceeds_preemptions(&self, id: EventId) -> bool {
        let exploration = &mut self.state.borrow_mut().exploration;
        if exploration.bound.is_none() || !exploration.is_fair() {
            return false;
        }
        let first = exploration.graph.other_half(id).min(id);
        let before = first.checked_sub(1).map(|before| exploration.graph.event(before).thread);
        before != Some(exploration.graph.event(id).thread) && !exploration.may_keep_bound()
    }

    /// Notes a new event of the current thread, and its races.
    fn note_added(&self, added: Added) -> Result<EventId, Race> {
        let id = match added {
            Added::Event(id) => id,
            Added::NotYet | Added::Never => self.dead_end(),
        };
        let jump = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let thread = run.current as usize;
            while (run.threads[thread].cursor as usize) < exploration.graph.threads[thread].events.len() {
                run.happened();
                exploration.note_event(run.current);
            }
            if exploration.graph.event(id).is_write() {
                run.reschedule |= run.waiter_is_ready(&exploration.graph);
            }
            core::mem::take(&mut exploration.jump)
        };
        if jump || self.exceeds_length() || self.exceeds_preemptions(id) {
            self.dead_end();
        }
        self.cut_if_overtaken();
        self.judge_again();
        self.check_race(id)?;
        Ok(id)
    }

    fn exceeds_length(&self) -> bool {
        let Some(bound) = self.options.max_events else { return false };
        let exploration = &mut self.state.borrow_mut().exploration;
        let too_long = exploration.graph.len() > bound;
        exploration.bound_cut |= too_long;
        too_long
    }

    fn check_race(&self, id: EventId) -> Result<(), Race> {
        if !self.options.races {
            return Ok(());
        }
        match race::with_event(&self.state.borrow().exploration.graph, id) {
            Some(race) => Err(race),
            None => Ok(()),
        }
    }

    /// Returns whether the making of a location happens before the current thread's next access.
    fn check_birth(&self, location: LocationId) -> Result<(), Race> {
        let state = self.state.borrow();
        let birth = state.run.births.get(location as usize).copied().flatten();
        match birth {
            Some((epoch, site)) if self.options.races => {
                let graph = &state.exploration.graph;
                let last = state.run.last_event(graph);
                if race::is_ordered(graph, epoch, state.run.current, last) {
                    return Ok(());
                }
                Err(Race { epoch, write: true, site })
            }
            _ => Ok(()),
        }
    }

    /// Returns whether `id` has happened in this run.
    fn has_happened(&self, id: EventId) -> bool {
        let state = self.state.borrow();
        id == NONE || state.run.has_happened(&state.exploration.graph, id)
    }
}
