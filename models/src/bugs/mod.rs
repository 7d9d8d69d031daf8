//! Concurrency bugs of well-known Go programs as small kernels, each in its buggy and its fixed form.
//!
//! `data/bug-kernels.tsv` describes them: mechanism, symptom, trigger, fix. A Go channel stays open until it is
//! closed explicitly, and nothing happens when a thread forgets it. So the threads of a kernel share both sides of each
//! channel, which are dropped when all threads have ended.

mod blocking;
mod channels;
mod contexts;
mod locks;
mod races;
mod shutdown;
mod sync;

use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::rt::execution::at_end;
use selvedge_check::{Checker, Counterexample, Engine, FailureKind, Report, Verdict};
use std::time::Duration;

/// A bug.
pub struct Bug {
    /// Project and issue, as in the data.
    pub id: &'static str,
    /// How the buggy form must fail.
    pub kind: FailureKind,
    /// The buggy program.
    pub buggy: fn(),
    /// The fixed program.
    pub fixed: fn(),
}

/// Makes a bug whose two forms are one function, which is told whether to be the fixed one.
macro_rules! bug {
    ($id:literal, $kind:ident, $module:ident::$kernel:ident) => {
        Bug {
            id: $id,
            kind: FailureKind::$kind,
            buggy: || $module::$kernel(false),
            fixed: || $module::$kernel(true),
        }
    };
}

/// Every kernel.
pub const BUGS: &[Bug] = &[
    Bug {
        id: "moby/4395",
        kind: FailureKind::Leak,
        buggy: || blocking::moby_4395(0),
        fixed: || blocking::moby_4395(1),
    },
    Bug {
        id: "moby/33293",
        kind: FailureKind::Leak,
        buggy: || blocking::moby_33293(0),
        fixed: || blocking::moby_33293(1),
    },
    bug!("cockroach/25456", Deadlock, blocking::cockroach_25456),
    bug!("cockroach/24808", Deadlock, blocking::cockroach_24808),
    bug!("kubernetes/1321", Leak, blocking::kubernetes_1321),
    bug!("etcd/6857", Leak, channels::etcd_6857),
    bug!("etcd/6873", Leak, channels::etcd_6873),
    bug!("grpc/660", Leak, channels::grpc_660),
    bug!("grpc/1275", Leak, channels::grpc_1275),
    bug!("moby/21233", Leak, channels::moby_21233),
    bug!("etcd/3077", Race, channels::etcd_3077),
    bug!("istio/8967", Race, channels::istio_8967),
    bug!("moby/18412", Race, channels::moby_18412),
    bug!("cockroach/10790", Leak, contexts::cockroach_10790),
    bug!("cockroach/13755", Leak, contexts::cockroach_13755),
    bug!("kubernetes/25331", Leak, contexts::kubernetes_25331),
    bug!("hugo/5379", Deadlock, contexts::hugo_5379),
    bug!("istio/18454", Leak, contexts::istio_18454),
    bug!("cockroach/9935", Leak, locks::cockroach_9935),
    bug!("cockroach/10214", Leak, locks::cockroach_10214),
    bug!("etcd/10492", Deadlock, locks::etcd_10492),
    bug!("grpc/795", Deadlock, locks::grpc_795),
    bug!("moby/36114", Leak, locks::moby_36114),
    bug!("kubernetes/6632", Leak, locks::kubernetes_6632),
    bug!("kubernetes/30872", Leak, locks::kubernetes_30872),
    bug!("moby/28462", Leak, locks::moby_28462),
    bug!("moby/29733", Deadlock, locks::moby_29733),
    bug!("cockroach/6181", Leak, sync::cockroach_6181),
    bug!("kubernetes/62464", Leak, sync::kubernetes_62464),
    bug!("syncthing/4829", Deadlock, sync::syncthing_4829),
    bug!("moby/25384", Leak, sync::moby_25384),
    bug!("hugo/3251", Deadlock, sync::hugo_3251),
    bug!("etcd/7902", Leak, sync::etcd_7902),
    bug!("grpc/1353", Leak, sync::grpc_1353),
    bug!("grpc/2371", Panic, sync::grpc_2371),
    bug!("cockroach/1055", Deadlock, shutdown::cockroach_1055),
    bug!("cockroach/2448", Leak, shutdown::cockroach_2448),
    bug!("cockroach/4407", Race, shutdown::cockroach_4407),
    bug!("kubernetes/11298", Deadlock, shutdown::kubernetes_11298),
    bug!("serving/6171", Panic, shutdown::serving_6171),
    bug!("cockroach/35501", Race, races::cockroach_35501),
    bug!("moby/22941", Race, races::moby_22941),
    bug!("istio/8214", Race, races::istio_8214),
    bug!("serving/3148", Race, races::serving_3148),
    bug!("serving/6472", Race, races::serving_6472),
    bug!("etcd/9446", Race, races::etcd_9446),
    bug!("grpc/1748", Race, races::grpc_1748),
    bug!("grpc/3090", Race, races::grpc_3090),
    bug!("kubernetes/79631", Race, races::kubernetes_79631),
    bug!("kubernetes/81148", Race, races::kubernetes_81148),
    bug!("kubernetes/82239", Race, races::kubernetes_82239),
    bug!("kubernetes/89164", Race, races::kubernetes_89164),
];

/// The description of a kernel in the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// `blocking` or `nonblocking`, and the kind of mistake.
    pub class: (&'static str, &'static str),
    /// The symptom.
    pub symptom: &'static str,
    /// The mechanism, in words.
    pub summary: &'static str,
}

/// What one engine has found.
pub struct Finding {
    /// The buggy form; `None`: the engine cannot report this bug.
    pub buggy: Option<Report>,
    /// The fixed form.
    pub fixed: Report,
}

impl Bug {
    /// Returns its description in the data.
    pub fn description(&self) -> Option<Description> {
        let mut rows = include_str!("../../data/bug-kernels.tsv").lines().map(|row| row.split('\t'));
        let column = |name: &str, row: &[&'static str], head: &[&str]| {
            head.iter().position(|title| *title == name).and_then(|at| row.get(at).copied())
        };
        let head: Vec<_> = rows.next()?.collect();
        let row: Vec<_> = rows.map(Iterator::collect::<Vec<_>>).find(|row| row.first() == Some(&self.id))?;
        Some(Description {
            class: (column("class", &row, &head)?, column("subclass", &row, &head)?),
            symptom: column("symptom", &row, &head)?,
            summary: column("summary", &row, &head)?,
        })
    }

    /// Returns whether an engine can report this bug.
    pub fn is_seen_by(&self, engine: Engine) -> bool {
        self.kind != FailureKind::Race || engine.sees_races()
    }

    /// Returns whether an engine that can see the bug must find it; real threads may never run into it.
    pub fn must_be_found_by(&self, engine: Engine) -> bool {
        self.is_seen_by(engine) && engine != Engine::Native
    }

    /// Runs both forms.
    pub fn run(&self, engine: Engine) -> Finding {
        let checker = Checker::new()
            .name(self.id)
            .ignore_environment()
            .engines([engine])
            .iterations(100)
            .shrink(false)
            .time_limit(Duration::from_secs(10));
        let run =
            |checker: &Checker, body: fn()| checker.run(body).pop().expect("one engine gives one report");
        let find = || {
            // loom does not find first by itself: few preemptions come before many.
            let few = if engine == Engine::Loom { 0..2 } else { 0..0 };
            let bounded = few.map(|bound| checker.clone().preemption_bound(Some(bound)));
            let mut checkers = bounded.chain([checker.clone()]).peekable();
            loop {
                let report = run(&checkers.next().expect("the last one returns"), self.buggy);
                if report.verdict.failure().is_some() || checkers.peek().is_none() {
                    return report;
                }
            }
        };
        // Under the graph engine primitives are steps, and the fixed forms end. Under the others most do not in the time of a
        // test.
        let limit = if engine == Engine::Graph { u64::MAX } else { FIXED_LIMIT };
        let fixed = run(&checker.clone().max_executions(limit), self.fixed);
        Finding { buggy: self.is_seen_by(engine).then(find), fixed }
    }
}

/// The number of executions of a fixed form under engines without graphs.
const FIXED_LIMIT: u64 = 3_000;

impl Finding {
    /// Judges whether the buggy form failed as it must, and the fixed form passed.
    ///
    /// # Errors
    /// If not: what is wrong.
    pub fn judge(&self, bug: &Bug, engine: Engine) -> Result<(), String> {
        if !self.fixed.verdict.passed() {
            return Err(format!("the fixed form of {} did not pass: {}", bug.id, self.fixed));
        }
        let is_cut =
            matches!(&self.fixed.verdict, Verdict::Searched { bounds, .. } if bounds.contains("stopped"));
        if engine == Engine::Graph && is_cut {
            return Err(format!("the fixed form of {} was not explored to its end: {}", bug.id, self.fixed));
        }
        let Some(buggy) = &self.buggy else { return Ok(()) };
        match self.found() {
            Some(found) if found.failure.kind == bug.kind => Ok(()),
            None if buggy.verdict.passed() && !bug.must_be_found_by(engine) => Ok(()),
            _ => Err(format!("the buggy form of {} should have failed with a {}: {buggy}", bug.id, bug.kind)),
        }
    }

    /// Returns the failure of the buggy form.
    pub fn found(&self) -> Option<&Counterexample> {
        self.buggy.as_ref().and_then(|report| report.verdict.failure())
    }
}

/// Both sides of a channel, as a Go channel has them. Clones are the same handles.
#[allow(clippy::disallowed_types, reason = "the collection of garbage is no event of the program")]
struct Pair<T>(std::sync::Arc<Sender<T>>, std::sync::Arc<Receiver<T>>);

impl<T: Send + 'static> Pair<T> {
    fn new(capacity: usize) -> Pair<T> {
        Pair::of(bounded(capacity))
    }

    /// Returns the handles as a pair, which stay until the end of the execution.
    fn of((tx, rx): (Sender<T>, Receiver<T>)) -> Pair<T> {
        let pair = Pair(tx.into(), rx.into());
        let kept = pair.clone();
        at_end(move || drop(kept));
        pair
    }
}

impl<T> Pair<T> {
    /// Sends, and returns `false` if the channel is closed (where Go would panic).
    fn send(&self, value: T) -> bool {
        self.0.send(value).is_ok()
    }

    fn recv(&self) -> Option<T> {
        self.1.recv().ok()
    }

    fn close(&self) {
        self.0.close().expect("closed once");
    }
}

impl<T> Clone for Pair<T> {
    fn clone(&self) -> Self {
        Pair(self.0.clone(), self.1.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_described() {
        for bug in BUGS {
            let description = bug.description().unwrap_or_else(|| panic!("no data on {}", bug.id));
            let blocking = description.class.0 == "blocking";
            let waits = matches!(bug.kind, FailureKind::Leak | FailureKind::Deadlock);
            assert_eq!(blocking, waits, "{}", bug.id);
            assert!(!description.summary.is_empty() && !description.symptom.is_empty());
        }
    }
}
