//! Programs in bubbles against a simple oracle of virtual time: members that sleep, send, receive and run closures at moments, with
//! time-outs for all that waits.
//!
//! Each channel has one sender and one receiver, and programs in which two things are due at one moment are left out. So what each member
//! sees, and when, does not depend on the order in which members run: natively it is compared once, and under the graph
//! engine in several orders.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::Config;
use selvedge::chan::{FuncTimer, Receiver, Sender, after_func, bounded, unbounded};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread::sleep;
use selvedge::rt::time::now;
use selvedge::testing::{bubble, wait};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A step of a member. Others are given modulo how many there are, and times in microseconds.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sleep(u64),
    /// Sends to a member, unless that is itself.
    Send(usize, u64),
    /// Receives from a member; from itself: from the closures that it has armed.
    Recv(usize, u64),
    /// Arms a closure, which sends.
    Arm(u64),
    /// Stops the closure that was armed last.
    Stop,
    /// Waits until all others rest. The main member alone does.
    Wait,
}

#[derive(Clone, Debug)]
struct Program {
    members: Vec<Vec<Step>>,
    /// The rooms of the channels from each member to each.
    rooms: Vec<usize>,
}

/// The most members of a program.
const MOST: usize = 4;

fn programs(steps: usize) -> impl Strategy<Value = Program> {
    let time = || 1..1_000_000_u64;
    let step = prop_oneof![
        3 => time().prop_map(Step::Sleep),
        4 => (0..MOST, time()).prop_map(|(to, within)| Step::Send(to, within)),
        5 => (0..MOST, time()).prop_map(|(from, within)| Step::Recv(from, within)),
        2 => time().prop_map(Step::Arm),
        1 => proptest::strategy::Just(Step::Stop),
        1 => proptest::strategy::Just(Step::Wait),
    ];
    let members = vec(vec(step, 0..=steps), 1..=MOST);
    (members, vec(0..3_usize, MOST * MOST)).prop_map(|(members, rooms)| Program { members, rooms })
}

/// What a member sees at the end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Woke,
    Sent(bool),
    Got(Option<u32>),
    Stopped(bool),
    /// How much all members had seen by then.
    Quiet(usize),
}

/// What each member sees, and at which microsecond; and when the bubble ends.
type Logs = (Vec<Vec<(u64, Seen)>>, u64);

/// Returns the value that a step of a member sends.
fn value(member: usize, step: usize) -> u32 {
    (member * 100 + step) as u32
}

/// A member that runs.
struct Member {
    number: usize,
    channels: Arc<Vec<(Sender<u32>, Receiver<u32>)>>,
    count: usize,
    seen: Arc<AtomicUsize>,
    begun: Instant,
    timers: Vec<FuncTimer>,
    log: Vec<(u64, Seen)>,
}

impl Member {
    fn sees(&mut self, seen: Seen) {
        self.seen.fetch_add(1, Relaxed); // Relaxed: a rest of this member orders it before the look of another.
        let at = now() - self.begun;
        self.log.push((at.as_micros() as u64, seen));
    }

    fn channel(&self, from: usize, to: usize) -> &(Sender<u32>, Receiver<u32>) {
        &self.channels[from * self.count + to]
    }

    fn run(mut self, steps: &[Step]) -> Vec<(u64, Seen)> {
        for (at, step) in steps.iter().enumerate() {
            let sent = value(self.number, at);
            match *step {
                Step::Sleep(time) => {
                    sleep(Duration::from_micros(time));
                    self.sees(Seen::Woke);
                }
                Step::Send(to, within) => {
                    let to = to % self.count;
                    if to != self.number {
                        let (tx, _) = self.channel(self.number, to);
                        let sent = tx.send_timeout(sent, Duration::from_micros(within)).is_ok();
                        self.sees(Seen::Sent(sent));
                    }
                }
                Step::Recv(from, within) => {
                    let (_, rx) = self.channel(from % self.count, self.number);
                    let got = rx.recv_timeout(Duration::from_micros(within)).ok();
                    self.sees(Seen::Got(got));
                }
                Step::Arm(time) => {
                    let tx = self.channel(self.number, self.number).0.clone();
                    let send = move || tx.send(sent).expect("the member keeps the channel");
                    self.timers.push(after_func(Duration::from_micros(time), send));
                }
                Step::Stop => {
                    if let Some(timer) = self.timers.pop() {
                        self.sees(Seen::Stopped(timer.stop()));
                    }
                }
                Step::Wait if self.number == 0 => {
                    wait();
                    let seen = self.seen.load(Relaxed); // Relaxed: the wait comes after what the others did.
                    self.sees(Seen::Quiet(seen));
                }
                Step::Wait => (),
            }
        }
        self.log
    }
}

fn run(program: &Program) -> Logs {
    bubble(|b| {
        let count = program.members.len();
        let channel = |at| if at / count == at % count { unbounded() } else { bounded(program.rooms[at]) };
        let channels = Arc::new((0..count * count).map(channel).collect::<Vec<_>>());
        let (seen, begun) = (Arc::new(AtomicUsize::new(0)), now());
        let member = |number| {
            let (channels, seen) = (Arc::clone(&channels), Arc::clone(&seen));
            Member { number, channels, count, seen, begun, timers: Vec::new(), log: Vec::new() }
        };
        let start = |(number, steps): (usize, &Vec<Step>)| {
            let (member, steps) = (member(number), steps.clone());
            b.spawn(move || member.run(&steps))
        };
        let others: Vec<_> = program.members.iter().enumerate().skip(1).map(start).collect();
        let mut logs = vec![member(0).run(&program.members[0])];
        logs.extend(others.into_iter().map(|other| other.join().expect("no panic")));
        (logs, b.elapsed().as_micros() as u64)
    })
}

/// What a member of the oracle waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Time,
    ToSend(usize, u32),
    ToReceive(usize),
    Quiet,
}

const NEVER: u64 = u64::MAX;

/// The oracle: members that run in turn until they wait, then the next moment.
struct Oracle<'a> {
    program: &'a Program,
    count: usize,
    time: u64,
    next: Vec<usize>,
    waits: Vec<Option<Waits>>,
    until: Vec<u64>,
    buffers: Vec<VecDeque<u32>>,
    /// When each closure is due, or `NEVER`; its channel and its value.
    closures: Vec<(u64, usize, u32)>,
    armed: Vec<Vec<usize>>,
    logs: Vec<Vec<(u64, Seen)>>,
}

impl Oracle<'_> {
    fn new(program: &Program) -> Oracle<'_> {
        let count = program.members.len();
        Oracle {
            program,
            count,
            time: 0,
            next: vec![0; count],
            waits: vec![None; count],
            until: vec![NEVER; count],
            buffers: vec![VecDeque::new(); count * count],
            closures: Vec::new(),
            armed: vec![Vec::new(); count],
            logs: vec![Vec::new(); count],
        }
    }

    fn sees(&mut self, member: usize, seen: Seen) {
        (self.waits[member], self.until[member]) = (None, NEVER);
        self.logs[member].push((self.time, seen));
    }

    fn put(&mut self, channel: usize, value: u32) -> bool {
        let (from, to) = (channel / self.count, channel % self.count);
        if self.waits[to] == Some(Waits::ToReceive(channel)) {
            self.sees(to, Seen::Got(Some(value)));
            return true;
        }
        let has_room = from == to || self.buffers[channel].len() < self.program.rooms[channel];
        if has_room {
            self.buffers[channel].push_back(value);
        }
        has_room
    }

    fn take(&mut self, channel: usize) -> Option<u32> {
        let from = channel / self.count;
        if let Some(Waits::ToSend(_, value)) =
            self.waits[from].filter(|waits| matches!(waits, Waits::ToSend(to, _) if *to == channel))
        {
            self.buffers[channel].push_back(value);
            self.sees(from, Seen::Sent(true));
        }
        self.buffers[channel].pop_front()
    }

    fn step(&mut self, member: usize) {
        let at = self.next[member];
        self.next[member] += 1;
        match self.program.members[member][at] {
            Step::Sleep(time) => self.wait(member, Waits::Time, time),
            Step::Send(to, _) if to % self.count == member => (),
            Step::Send(to, within) => {
                let (channel, value) = (member * self.count + to % self.count, value(member, at));
                if self.put(channel, value) {
                    self.sees(member, Seen::Sent(true));
                } else {
                    self.wait(member, Waits::ToSend(channel, value), within);
                }
            }
            Step::Recv(from, within) => {
                let channel = from % self.count * self.count + member;
                match self.take(channel) {
                    Some(value) => self.sees(member, Seen::Got(Some(value))),
                    None => self.wait(member, Waits::ToReceive(channel), within),
                }
            }
            Step::Arm(time) => {
                self.armed[member].push(self.closures.len());
                let channel = member * self.count + member;
                self.closures.push((self.time + time, channel, value(member, at)));
            }
            Step::Stop => {
                if let Some(closure) = self.armed[member].pop() {
                    let due = std::mem::replace(&mut self.closures[closure].0, NEVER);
                    self.sees(member, Seen::Stopped(due != NEVER));
                }
            }
            Step::Wait if member == 0 => self.waits[0] = Some(Waits::Quiet),
            Step::Wait => (),
        }
    }

    fn wait(&mut self, member: usize, waits: Waits, time: u64) {
        (self.waits[member], self.until[member]) = (Some(waits), self.time + time);
    }

    fn runs(&self, member: usize) -> bool {
        self.waits[member].is_none() && self.next[member] < self.program.members[member].len()
    }

    /// Returns what the members see; `None`: two things are due at one moment.
    fn run(mut self) -> Option<Logs> {
        loop {
            if let Some(member) = (0..self.count).find(|member| self.runs(*member)) {
                self.step(member);
            } else if self.waits[0] == Some(Waits::Quiet) {
                let seen = self.logs.iter().map(Vec::len).sum();
                self.sees(0, Seen::Quiet(seen));
            } else if self.waits.iter().all(Option::is_none) {
                // All have ended, and with them the bubble.
                return Some((self.logs, self.time));
            } else {
                self.next_moment()?;
            }
        }
    }

    fn next_moment(&mut self) -> Option<()> {
        let closures = self.closures.iter().map(|closure| closure.0);
        let mut due: Vec<u64> =
            self.until.iter().copied().chain(closures).filter(|at| *at != NEVER).collect();
        due.sort_unstable();
        if due.len() > 1 && due[0] == due[1] {
            return None;
        }
        self.time = due[0];
        if let Some(member) = self.until.iter().position(|until| *until == self.time) {
            let seen = match self.waits[member] {
                Some(Waits::ToSend(..)) => Seen::Sent(false),
                Some(Waits::ToReceive(_)) => Seen::Got(None),
                Some(Waits::Time | Waits::Quiet) | None => Seen::Woke,
            };
            self.sees(member, seen);
        } else if let Some(closure) = self.closures.iter().position(|closure| closure.0 == self.time) {
            let (_, channel, value) = std::mem::replace(&mut self.closures[closure], (NEVER, 0, 0));
            self.put(channel, value);
        }
        Some(())
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn members_see_what_the_oracle_says(program in programs(12)) {
        if let Some(expected) = Oracle::new(&program).run() {
            prop_assert_eq!(run(&program), expected);
        }
    }
}

#[cfg(feature = "graph")]
mod in_several_orders {
    use super::{Config, Oracle, Program, Strategy, programs, proptest, run};
    use proptest::prelude::prop_assert;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use selvedge_check::{Change, Checker, Engine, Mutation, Report, site_of};

    fn checker() -> Checker {
        Checker::new().ignore_environment().engines([Engine::Graph]).allow_no_operations().max_executions(20)
    }

    fn check(program: Program, checker: Checker) -> Option<Report> {
        let expected = Oracle::new(&program).run()?;
        Some(checker.run(move || assert_eq!(run(&program), expected)).remove(0))
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(100) })]

        #[test]
        fn members_see_what_the_oracle_says_in_any_order(program in programs(5)) {
            if let Some(report) = check(program, checker()) {
                prop_assert!(report.verdict.failure().is_none(), "{report}");
            }
        }
    }

    /// Runs programs with a mutation until one fails.
    fn is_found(file: &str, source: &str, label: &str, change: Change) -> bool {
        let mutation: Mutation = site_of(source, file, label, change).expect("the label is there");
        let mut runner = TestRunner::deterministic();
        (0..100).any(|_| {
            let program = programs(5).new_tree(&mut runner).expect("a program").current();
            let report = check(program, checker().mutate(mutation.clone()));
            report.is_some_and(|report| report.verdict.failure().is_some())
        })
    }

    #[test]
    fn broken_bubbles_are_found() {
        let state = ("src/rt/bubble/state.rs", include_str!("../../primitives/src/rt/bubble/state.rs"));
        let wait = ("src/rt/bubble/wait.rs", include_str!("../../primitives/src/rt/bubble/wait.rs"));
        for ((file, source), label, change) in [
            (state, "move-clock", Change::DropStore),
            (state, "set-deadline-first", Change::Twin),
            (wait, "announce-first", Change::Twin),
            (wait, "wake-member", Change::DropUnpark),
        ] {
            assert!(is_found(file, source, label, change), "{label}");
        }
    }
}
