//! Drawn programs that register channels, stop them, ignore, reset and raise signals, against a sequential specification. What is
//! raised are signals whose default action is to do nothing. Drivers that are broken on purpose are found.

#![cfg(unix)]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof, proptest};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use selvedge::chan::{Receiver, Sender, bounded, unbounded};
use selvedge_go::Builder;
use selvedge_go::signal::{Signal, ignore, ignored, notify, reset, stop};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

const SIGNALS: [Signal; 3] = [Signal::SIGURG, Signal::SIGWINCH, Signal::SIGCHLD];
/// The capacities of the channels; `None`: unbounded.
const CHANNELS: [Option<usize>; 3] = [Some(1), Some(2), None];

#[derive(Clone, Debug)]
enum Step {
    Notify(usize, Vec<usize>),
    Stop(usize),
    Ignore(Vec<usize>),
    Reset(Vec<usize>),
    Raise(usize),
    /// Compares what a channel has, and takes it out.
    Look(usize),
    /// Puts a new channel in the place of one, whose receiver is dropped.
    Renew(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (channel, signal) = (|| 0..CHANNELS.len(), || 0..SIGNALS.len());
    let signals = move || vec(signal(), 0..3);
    let step = prop_oneof![
        4 => (channel(), signals()).prop_map(|(channel, signals)| Step::Notify(channel, signals)),
        2 => channel().prop_map(Step::Stop),
        1 => signals().prop_map(Step::Ignore),
        1 => signals().prop_map(Step::Reset),
        6 => signal().prop_map(Step::Raise),
        3 => channel().prop_map(Step::Look),
        1 => channel().prop_map(Step::Renew),
    ];
    vec(step, 0..40)
}

/// How a driver is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// A second registration takes the place of the first.
    Replaces,
    /// A stop is left out.
    GoesOn,
    /// A reset only ignores.
    Ignores,
}

/// What a channel is registered for and has, by the specification.
#[derive(Default)]
struct Specified {
    signals: BTreeSet<usize>,
    has: VecDeque<Signal>,
}

struct World {
    channels: [(Sender<Signal>, Receiver<Signal>); 3],
    specified: [Specified; 3],
    ignored: BTreeSet<usize>,
}

fn channel(at: usize) -> (Sender<Signal>, Receiver<Signal>) {
    CHANNELS[at].map_or_else(unbounded, bounded)
}

fn these(signals: &[usize]) -> impl Iterator<Item = Signal> {
    signals.iter().map(|at| SIGNALS[*at])
}

/// Waits until what has come was sent: a change of what is registered does.
fn settle() {
    let (tx, _rx) = bounded(1);
    notify(&tx, [Signal::SIGUSR1]).expect("there is room for a thread");
    stop(&tx);
}

impl World {
    fn new() -> World {
        reset(SIGNALS);
        let channels = [0, 1, 2].map(channel);
        World { channels, specified: Default::default(), ignored: BTreeSet::new() }
    }

    fn step(&mut self, step: &Step, fault: Fault) -> Result<(), String> {
        match step {
            Step::Notify(at, signals) => {
                if fault == Fault::Replaces {
                    stop(&self.channels[*at].0);
                }
                notify(&self.channels[*at].0, these(signals)).expect("there is room for a thread");
                self.specified[*at].signals.extend(signals);
                signals.iter().for_each(|signal| _ = self.ignored.remove(signal));
            }
            Step::Stop(at) => {
                if fault != Fault::GoesOn {
                    stop(&self.channels[*at].0);
                }
                self.specified[*at].signals.clear();
            }
            Step::Ignore(signals) => {
                ignore(these(signals));
                self.take_away(signals);
                self.ignored.extend(signals);
            }
            Step::Reset(signals) => {
                if fault == Fault::Ignores {
                    ignore(these(signals))
                } else {
                    reset(these(signals))
                }
                self.take_away(signals);
                signals.iter().for_each(|signal| _ = self.ignored.remove(signal));
            }
            Step::Raise(signal) => {
                // Signals of several kinds that nobody has taken are sent in no order.
                settle();
                // SAFETY: the call has no effect on memory, and the signal does nothing by default.
                assert_eq!(unsafe { libc::raise(SIGNALS[*signal].number()) }, 0);
                for (at, specified) in self.specified.iter_mut().enumerate() {
                    let has_room = CHANNELS[at].is_none_or(|capacity| specified.has.len() < capacity);
                    if specified.signals.contains(signal) && has_room {
                        specified.has.push_back(SIGNALS[*signal]);
                    }
                }
            }
            Step::Look(at) => {
                settle();
                let has: VecDeque<_> = self.channels[*at].1.try_iter().collect();
                let specified = core::mem::take(&mut self.specified[*at].has);
                if has != specified {
                    return Err(format!("channel {at} has {has:?}, specified {specified:?}"));
                }
            }
            Step::Renew(at) => {
                self.channels[*at] = channel(*at);
                self.specified[*at] = Specified::default();
            }
        }
        let found: BTreeSet<_> = (0..SIGNALS.len()).filter(|at| ignored(SIGNALS[*at])).collect();
        if found == self.ignored {
            Ok(())
        } else {
            Err(format!("ignored {found:?}, specified {:?}", self.ignored))
        }
    }

    fn take_away(&mut self, signals: &[usize]) {
        for specified in &mut self.specified {
            signals.iter().for_each(|signal| _ = specified.signals.remove(signal));
        }
    }
}

/// The signals are the process's: one program at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn check(steps: &[Step], fault: Fault) -> Result<(), String> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut world = World::new();
    let looks = (0..CHANNELS.len()).map(Step::Look);
    let result = steps.iter().cloned().chain(looks).try_for_each(|step| world.step(&step, fault));
    world.channels.iter().for_each(|(tx, _)| stop(tx));
    result
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(200) })]

    #[test]
    fn channels_have_what_the_specification_says(steps in steps()) {
        check(&steps, Fault::None).map_err(TestCaseError::fail)?;
        Builder::new().procs(2).run(|| check(&steps, Fault::None)).map_err(TestCaseError::fail)?;
    }
}

/// The thread that sends may look for closed channels at any moment of this program.
#[test]
fn a_receiver_may_be_dropped_beside_the_thread_that_sends() {
    use Step::{Notify, Raise, Renew, Stop};
    let steps = [Notify(1, vec![0]), Raise(0), Stop(0), Raise(1), Renew(1), Raise(0), Notify(0, vec![0])];
    (0..500).for_each(|_| check(&steps, Fault::None).expect("what is specified"));
}

#[test]
fn drivers_that_are_broken_are_found() {
    for fault in [Fault::Replaces, Fault::GoesOn, Fault::Ignores] {
        let mut runner = TestRunner::deterministic();
        let found = (0..1000).any(|_| {
            let steps = steps().new_tree(&mut runner).expect("a program").current();
            check(&steps, fault).is_err()
        });
        assert!(found, "{fault:?} is not found");
    }
}
