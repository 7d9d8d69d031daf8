//! Timers and tickers between threads, and selects that only wait to become ready.
//!
//! Operations on a timer come one after the other, as if by one thread: afterwards a ticker ticks on or is still, and
//! a timer goes off once or not at all. When no thread has anything left to do, nothing runs on.

use super::drive::headline;
use super::smaller::{Smaller, smaller_lists};
use core::fmt;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::Strategy;
use selvedge::chan::{Receiver, Select, Ticker, Timer, bounded_with_segments};
use selvedge::rt::park::Parker;
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, FailureKind, Primitives, Strategy as Way};
use std::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_micros(1);

/// A step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `stop`
    Stop,
    /// `reset` to an hour
    Reset,
    /// `reset` to two hours
    Later,
    /// `recv_timeout` for a moment
    Wait,
    /// `select_timeout` for a moment
    Select,
    /// `ready_timeout` for a moment
    Ready,
    /// `try_recv`
    Try,
}

/// What threads do with a timer or a ticker.
#[derive(Clone)]
pub struct Program {
    ticker: bool,
    threads: Vec<Vec<Step>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a {}", if self.ticker { "ticker" } else { "timer" })?;
        self.threads.iter().try_for_each(|thread| writeln!(f, "  thread {thread:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let threads = smaller_lists(&self.threads, |thread| smaller_lists(thread, |_| Vec::new()));
        threads.into_iter().map(|threads| Program { threads, ticker: self.ticker }).collect()
    }
}

/// Programs of two or three threads.
pub fn programs() -> impl Strategy<Value = Program> {
    let steps =
        [Step::Stop, Step::Reset, Step::Later, Step::Wait, Step::Wait, Step::Select, Step::Ready, Step::Try];
    let threads = vec(vec(one_of(steps.to_vec()), 1..3), 2..4);
    (any::<bool>(), threads).prop_map(|(ticker, threads)| Program { ticker, threads })
}

/// A timer or a ticker.
enum Alarm {
    Timer(Timer),
    Ticker(Ticker),
}

impl Alarm {
    fn receiver(&self) -> &Receiver<Instant> {
        match self {
            Alarm::Timer(timer) => timer.receiver(),
            Alarm::Ticker(ticker) => ticker.receiver(),
        }
    }

    fn step(&self, step: Step) {
        let mut select = Select::new();
        select.recv(self.receiver());
        match (step, self) {
            (Step::Stop, Alarm::Timer(timer)) => drop(Some(timer.stop())),
            (Step::Stop, Alarm::Ticker(ticker)) => ticker.stop(),
            (Step::Reset, Alarm::Timer(timer)) => drop(Some(timer.reset(HOUR))),
            (Step::Reset, Alarm::Ticker(ticker)) => ticker.reset(HOUR).expect("an hour is a period"),
            (Step::Later, Alarm::Timer(timer)) => drop(Some(timer.reset(2 * HOUR))),
            (Step::Later, Alarm::Ticker(ticker)) => ticker.reset(2 * HOUR).expect("two hours are a period"),
            (Step::Wait, _) => {
                assert!(self.receiver().recv_timeout(MOMENT).is_err(), "an hour has not passed")
            }
            (Step::Select, _) => assert!(select.select_timeout(MOMENT).is_err(), "an hour has not passed"),
            (Step::Ready, _) => assert!(select.ready_timeout(MOMENT).is_err(), "an hour has not passed"),
            (Step::Try, _) => assert!(self.receiver().try_recv().is_err(), "an hour has not passed"),
        }
    }
}

fn body(program: &Program, waits: bool) {
    let alarm = if program.ticker {
        Alarm::Ticker(Ticker::new(HOUR).expect("an hour is a period"))
    } else {
        Alarm::Timer(Timer::new(HOUR))
    };
    thread::scope(|scope| {
        for steps in &program.threads {
            let alarm = &alarm;
            scope.spawn(move || steps.iter().for_each(|step| alarm.step(*step)));
        }
    });
    if !waits {
        return; // real hours
    }
    let comes = || alarm.receiver().recv_timeout(5 * HOUR).is_ok();
    let (first, second) = (comes(), comes());
    if program.ticker {
        assert_eq!(first, second, "a ticker that ticked once, and never again");
    } else {
        assert!(!second, "a timer that went off twice");
    }
}

/// Runs a program under every engine.
///
/// # Panics
/// With the first report of a failure.
pub fn run(program: &Program) -> isize {
    let checker = || {
        Checker::new()
            .primitives(Primitives::Real)
            .ignore_environment()
            .name("alarms")
            .shrink(false)
            .max_operations(3_000)
    };
    let check = |engine, waits| {
        let theirs = program.clone();
        let checker =
            checker().engines([engine]).preemption_bound(Some(3)).max_executions(300).iterations(100);
        for report in checker.run(move || body(&theirs, waits)) {
            assert!(report.verdict.failure().is_none(), "{}", headline(&report));
        }
    };
    check(Engine::Native, false);
    if cfg!(feature = "shuttle") {
        [Way::Random, Way::DepthFirst].into_iter().for_each(|way| check(Engine::Shuttle(way), true));
    }
    if cfg!(feature = "graph") {
        check(Engine::Graph, true);
    }
    isize::MAX // the engines look after memory
}

/// Threads that wait until a channel becomes ready, and visitors that time out; no value ever arrives.
#[derive(Clone)]
pub struct Idle {
    waiting: usize,
    visitors: usize,
    rendezvous: bool,
    sends: bool,
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Idle { waiting, visitors, rendezvous, sends } = self;
        write!(f, "{waiting} wait, {visitors} visit; rendezvous: {rendezvous}, to send: {sends}")
    }
}

impl Smaller for Idle {
    fn smaller(&self) -> Vec<Idle> {
        let mut all = Vec::new();
        if self.waiting > 1 {
            all.push(Idle { waiting: self.waiting - 1, ..self.clone() });
        }
        if self.visitors > 0 {
            all.push(Idle { visitors: self.visitors - 1, ..self.clone() });
        }
        all
    }
}

/// Draws up to three threads that wait.
pub fn idle() -> impl Strategy<Value = Idle> {
    (1..5_usize, 0..3_usize, any::<bool>(), any::<bool>())
        .prop_map(|(waiting, visitors, rendezvous, sends)| Idle { waiting, visitors, rendezvous, sends })
}

fn idle_body(idle: &Idle) {
    let capacity = usize::from(!idle.rendezvous);
    let (tx, rx) = bounded_with_segments::<u8>(capacity, 2);
    if idle.sends {
        (0..capacity).for_each(|_| tx.send(0).expect("there is room"));
    }
    let wait = |visits: bool| {
        let mut select = Select::new();
        if idle.sends {
            select.send(&tx)
        } else {
            select.recv(&rx)
        };
        if visits {
            assert!(select.ready_timeout(MOMENT).is_err(), "nothing has come");
        } else {
            select.ready();
            unreachable!("nothing comes");
        }
    };
    thread::scope(|scope| {
        for _ in 0..idle.waiting {
            scope.spawn(|| wait(false));
        }
        for _ in 0..idle.visitors {
            scope.spawn(|| wait(true));
        }
        Parker::new().park();
    });
}

/// Runs a program under an engine that sees whether any thread runs.
///
/// # Panics
/// If something goes on.
pub fn run_idle(idle: &Idle) -> isize {
    if cfg!(feature = "shuttle") {
        // In the end all threads wait, which is a deadlock, and a search ends with it: so one schedule at a time is
        // run. The first schedule of a depth-first search lets each thread run until it waits.
        for seed in 0..20 {
            let theirs = idle.clone();
            let checker = Checker::new()
                .primitives(Primitives::Real)
                .ignore_environment()
                .name("idle")
                .shrink(false)
                .max_operations(3_000);
            let engines = [Way::DepthFirst, Way::Random, Way::Pct].map(Engine::Shuttle);
            for report in checker.engines(engines).iterations(1).seed(seed).run(move || idle_body(&theirs)) {
                let kind = report.verdict.failure().map(|found| found.failure.kind);
                assert_eq!(kind, Some(FailureKind::Deadlock), "{}", headline(&report));
            }
        }
    }
    isize::MAX // the engines look after memory
}
