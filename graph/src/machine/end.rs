//! Running the program once, and how that ends.

use super::rounds::{IDLE_ROUNDS, is_newest};
use super::{Machine, State};
use crate::event::{Site, ThreadId};
use crate::explore::loop_cut::LoopCut;
use crate::explore::twin::{self, Twin};
use crate::overflow::Ended;
use crate::run::Status;
use corosensei::CoroutineResult;
use std::rc::Rc;

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// All threads have ended.
    Complete,
    /// The run cannot go on, but another branch does; or the run was given up.
    Blocked,
    /// The threads that have not ended wait for each other.
    Deadlock,
    /// A thread repeats a round, in one state each time, and no other thread can bring it a new value; the line.
    Livelock(Site),
    /// The thread that ran last has overflowed its stack, of so many bytes. What its frames had begun, such as a
    /// lock of std that they had taken, stays as it is: the program must not run again on this OS thread.
    Overflow(usize),
    /// The exploration cannot go on, for this reason.
    Failed(String),
}

impl Machine {
    /// Runs the program once, in the branch that is up.
    pub fn run(&self, body: Box<dyn FnOnce()>) -> End {
        {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            exploration.graph.discrete = self.options.discrete_time;
            run.begin(&exploration.graph);
            run.threads[0].status = Status::Ready;
        }
        self.threads.borrow_mut().make(0, None, body);
        let end = loop {
            let next = {
                let state = self.state.borrow();
                if let Some(size) = state.run.overflow {
                    break End::Overflow(size);
                }
                match &state.run.failure {
                    Some(why) => break End::Failed(why.clone()),
                    None if state.run.dead => break End::Blocked,
                    None if state.exploration.is_lost() => {
                        break End::Failed(
                            "the token does not fit this model: it takes other steps".to_string(),
                        );
                    }
                    None => state.exploration.scheduled(&state.run),
                }
            };
            match next {
                Some(thread) => {
                    if let Err(why) = self.resume(thread) {
                        break End::Failed(why);
                    }
                }
                None => match self.settle() {
                    Some(end) => break end,
                    None => continue,
                },
            }
        };
        self.threads.borrow_mut().abandon();
        if !self.state.borrow().exploration.again {
            self.account(&end);
        }
        end
    }

    fn resume(&self, thread: ThreadId) -> Result<(), String> {
        {
            let run = &mut self.state.borrow_mut().run;
            run.current = thread;
            run.me().status = Status::Ready;
        }
        let report_to = Rc::clone(&self.threads);
        let taken = self.threads.borrow_mut().take(thread, move |yielder| {
            report_to.borrow_mut().set_yielder(thread, yielder);
        });
        let mut running = match taken {
            Ok(Some(running)) => running,
            Ok(None) => return Err("a thread was scheduled that has no body".to_string()),
            Err(error) => return Err(format!("no stack for a thread: {error}")),
        };
        let result = running.resume();
        if matches!(result, CoroutineResult::Return(Ended::Overflowed)) {
            let size = self.threads.borrow().stack_size(thread);
            self.state.borrow_mut().run.overflow = Some(size);
        }
        if matches!(result, CoroutineResult::Return(Ended::Returned)) {
            self.note_failed_rehearsal();
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let doubted = run.threads[thread as usize].doubted.take();
            exploration.loops_cut.extend(doubted.map(|site| (LoopCut::HiddenState, site)));
            run.threads[thread as usize].status = Status::Done;
        }
        self.threads.borrow_mut().put(thread, running, result);
        Ok(())
    }

    /// Returns how the run ends when no thread can go on; `None` if time passes, or a thread that spins is let go round once
    /// more.
    fn settle(&self) -> Option<End> {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let graph = &exploration.graph;
        if run.remaining > 0 {
            let why = "the program is not deterministic: it ended before it had done what an earlier run did";
            return Some(End::Failed(why.to_string()));
        }
        let unfinished = |status: &Status| !matches!(status, Status::Done | Status::Absent);
        if !run.threads.iter().any(|thread| unfinished(&thread.status)) {
            return Some(End::Complete);
        }
        let stale = |thread: &crate::run::ThreadState| match &thread.status {
            Status::Stopped => true,
            Status::Disabled { .. } => thread.assumes,
            Status::Waits { read, .. } => {
                let event = graph.event(*read);
                graph.position_of(event.source) != graph.location(event.location).writes.len() as u32
            }
            Status::Spins(spin) => spin.chose || !spin.reads.iter().all(|read| is_newest(graph, *read)),
            _ => false,
        };
        if run.threads.iter().any(stale) {
            return Some(End::Blocked);
        }
        if let Some(clock) = run.clock {
            let moments =
                run.threads.iter().filter_map(|thread| thread.until().filter(|until| *until > clock));
            let next = if twin::is(Twin::LatestComesFirst) { moments.max() } else { moments.min() };
            if next.is_some() {
                run.clock = next;
                return None;
            }
        }
        let goes_round = |thread: &crate::run::ThreadState| match &thread.status {
            Status::Spins(spin) => !spin.promised && thread.idle_rounds < self.options.rounds,
            Status::Yields { .. } => thread.idle_rounds < IDLE_ROUNDS,
            _ => false,
        };
        if let Some(thread) = run.threads.iter().position(goes_round) {
            // No other thread can bring the thread a new value.
            let state = &mut run.threads[thread];
            let status = core::mem::replace(&mut state.status, Status::Ready);
            state.idle_rounds += 1;
            if let Status::Spins(spin) = status {
                state.doubted = Some(spin.site);
            }
            run.current = thread as ThreadId;
            return None;
        }
        // A thread that has gone round too often, in a new state each time, may still come to its end.
        let endless = run.threads.iter().find_map(|thread| match &thread.status {
            Status::Yields { site, forever: false } => Some(*site),
            _ => None,
        });
        if let Some(site) = endless {
            exploration.loops_cut.insert((LoopCut::Rounds, site));
            return Some(End::Blocked);
        }
        let site = run.threads.iter().find_map(|thread| match &thread.status {
            Status::Spins(spin) => Some(spin.site),
            Status::Yields { site, .. } => Some(*site),
            _ => None,
        });
        Some(site.map_or(End::Deadlock, End::Livelock))
    }

    fn account(&self, end: &End) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run } = &mut *state;
        // A run that was given up may have left a write without a place.
        let within =
            !matches!(end, End::Complete) || exploration.check_preemptions(true) && run.is_fair(exploration);
        let events = u64::from(exploration.graph.len());
        let statistics = &mut exploration.statistics;
        statistics.progress += exploration.weight;
        match end {
            End::Complete if !within => statistics.blocked += 1,
            End::Complete => {
                statistics.executions += 1;
                statistics.events += events;
            }
            End::Blocked => statistics.blocked += 1,
            _ => (),
        }
    }
}
