//! Figures on how evenly threads are served.

use super::Entry;
use core::fmt;

/// Figures on how evenly the operations of a history were served.
#[derive(Clone, Debug, PartialEq)]
pub struct Fairness {
    /// Operations that returned, by thread.
    pub completed: Vec<u64>,
    /// Jain's index of these counts: 1 if all threads completed equally many, 1/n if one of n threads completed all,
    /// and 1 if there are no operations.
    pub jain: f64,
    /// The most operations of one thread that were called after an operation of another thread and returned before
    /// it: how often one thread has overtaken another.
    pub overtaken: u64,
    /// The number of operations that have not returned.
    pub pending: u64,
}

impl Fairness {
    pub(super) fn of<O, A>(entries: &[Entry<O, A>]) -> Fairness {
        let threads = entries.iter().map(|entry| entry.thread + 1).max().unwrap_or(0);
        let mut completed = vec![0_u64; threads];
        let mut spans = vec![Vec::new(); threads];
        for entry in entries {
            completed[entry.thread] += u64::from(entry.returned.is_some());
            spans[entry.thread].push((entry.called, entry.returned.unwrap_or(u64::MAX)));
        }
        let mut overtaken = 0;
        for entry in entries {
            let until = entry.returned.unwrap_or(u64::MAX);
            for (_, spans) in spans.iter().enumerate().filter(|(thread, _)| *thread != entry.thread) {
                let from = spans.partition_point(|(called, _)| *called < entry.called);
                let to = spans.partition_point(|(_, returned)| *returned < until);
                overtaken = overtaken.max(to.saturating_sub(from) as u64);
            }
        }
        let sum: f64 = completed.iter().map(|count| *count as f64).sum();
        let squares: f64 = completed.iter().map(|count| (*count as f64).powi(2)).sum();
        let jain = if squares == 0.0 { 1.0 } else { sum * sum / (threads as f64 * squares) };
        let pending = entries.iter().filter(|entry| entry.returned.is_none()).count() as u64;
        Fairness { completed, jain, overtaken, pending }
    }
}

impl fmt::Display for Fairness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fairness { completed, jain, overtaken, pending } = self;
        write!(f, "operations by thread {completed:?}, Jain's index {jain:.3}, ")?;
        write!(f, "overtaken by one thread up to {overtaken} times, {pending} pending")
    }
}
