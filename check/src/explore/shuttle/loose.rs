//! Shorter schedules: with fewer context switches than a recorded one, tried whether they still fail.

use crate::replay::Decision;

/// So many steps of one thread.
type Run = (usize, usize);

/// A schedule to be followed as far as it can be: a thread that cannot run is passed over, and after the end
/// the running thread goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loose {
    runs: Vec<Run>,
    at: usize,
    choices: std::collections::VecDeque<usize>,
}

/// The runs of a recorded schedule.
fn runs(decisions: &[Decision]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for decision in decisions {
        let Decision::Thread(thread) = decision else { continue };
        match runs.last_mut() {
            Some((last, count)) if last == thread => *count += 1,
            _ => runs.push((*thread, 1)),
        }
    }
    runs
}

/// How often a schedule switches from one thread to another.
pub(super) fn switches(decisions: &[Decision]) -> usize {
    runs(decisions).len().saturating_sub(1)
}

impl Loose {
    fn new(runs: Vec<Run>, decisions: &[Decision]) -> Loose {
        let choice = |decision: &Decision| match decision {
            Decision::Choice(choice) => Some(*choice),
            Decision::Thread(_) => None,
        };
        Loose { runs, at: 0, choices: decisions.iter().filter_map(choice).collect() }
    }

    /// Schedules in which one of the runs has gone: its steps are done in the run before of the same thread,
    /// or in the one after.
    pub(super) fn shorter(decisions: &[Decision]) -> Vec<Loose> {
        let runs = runs(decisions);
        let mut found = Vec::new();
        for (at, (thread, count)) in runs.iter().copied().enumerate().skip(1) {
            let of_thread = |other: usize| runs[other].0 == thread;
            let before = (0..at).rev().find(|other| of_thread(*other));
            let after = (at + 1..runs.len()).find(|other| of_thread(*other));
            for to in [after, before].into_iter().flatten() {
                let mut fewer = runs.clone();
                fewer[to].1 += count;
                fewer.remove(at);
                found.push(Loose::new(fewer, decisions));
            }
            if after.is_none() {
                let mut fewer = runs.clone();
                fewer.remove(at);
                found.push(Loose::new(fewer, decisions));
            }
        }
        found
    }

    /// The thread to run next.
    pub(super) fn schedule(&mut self, runnable: &[usize], current: Option<usize>, yielding: bool) -> usize {
        while let Some((thread, left)) = self.runs.get_mut(self.at) {
            if *left > 0 && runnable.contains(thread) {
                *left -= 1;
                return *thread;
            }
            self.at += 1;
        }
        let goes_on = current.filter(|thread| !yielding && runnable.contains(thread));
        let other = runnable.iter().copied().find(|thread| Some(*thread) != current);
        goes_on.or(other).unwrap_or(runnable[0])
    }

    /// A choice below `n`.
    pub(super) fn choose(&mut self, n: usize) -> usize {
        self.choices.pop_front().unwrap_or(0).min(n - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Decision::{Choice, Thread};

    #[test]
    fn each_shorter_schedule_has_a_run_less_and_the_same_steps() {
        let decisions = [Thread(0), Thread(1), Choice(3), Thread(1), Thread(0), Thread(1)];
        assert_eq!(switches(&decisions), 3);
        let runs = Loose::shorter(&decisions).into_iter().map(|loose| loose.runs);
        assert_eq!(
            runs.collect::<Vec<_>>(),
            [
                vec![(0, 1), (0, 1), (1, 3)],
                vec![(0, 2), (1, 2), (1, 1)],
                vec![(0, 1), (1, 2), (1, 1)],
                vec![(0, 1), (1, 3), (0, 1)],
                vec![(0, 1), (1, 2), (0, 1)],
            ]
        );
    }

    #[test]
    fn a_thread_that_cannot_run_is_passed_over() {
        let mut loose = Loose::new(vec![(0, 1), (1, 5), (2, 1)], &[Choice(4)]);
        let order = [
            loose.schedule(&[0, 1, 2], None, false),
            loose.schedule(&[0, 1, 2], Some(0), false),
            loose.schedule(&[0, 2], Some(1), false),
            loose.schedule(&[0, 2], Some(2), false),
            loose.schedule(&[0, 2], Some(2), true),
        ];
        assert_eq!((order, loose.choose(9), loose.choose(9)), ([0, 1, 2, 2, 0], 4, 0));
    }
}
