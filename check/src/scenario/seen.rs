//! Counts the verdicts on a scenario's programs, for a line about each engine.

use crate::checker::print;
use crate::{Engine, Report};
use std::sync::{Mutex, PoisonError};

/// The verdicts on the programs that have passed so far.
#[derive(Default)]
pub(super) struct Seen(Mutex<Vec<Verdicts>>);

/// How many programs one engine has passed, by the label of the verdict.
struct Verdicts {
    engine: Engine,
    words: Vec<(&'static str, u64)>,
    out_of_time: u64,
}

impl Seen {
    pub(super) fn add(&self, report: &Report) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|verdicts| verdicts.engine == report.engine).unwrap_or_else(|| {
            all.push(Verdicts { engine: report.engine, words: Vec::new(), out_of_time: 0 });
            all.len() - 1
        });
        let word = report.verdict.label();
        match all[at].words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => all[at].words.push((word, 1)),
        }
        all[at].out_of_time += u64::from(report.out_of_time);
    }

    /// Prints a line for each engine, and begins to count anew.
    pub(super) fn announce(&self, scenario: &str) {
        let all = core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let text: String = all.iter().map(|verdicts| verdicts.line(scenario)).collect();
        print(&text);
    }
}

impl Verdicts {
    fn line(&self, scenario: &str) -> String {
        let programs: u64 = self.words.iter().map(|(_, count)| count).sum();
        let words: Vec<_> = self.words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let time = match self.out_of_time {
            0 => String::new(),
            cut => {
                format!("; {cut} ran out of time: raise the checker's `time_limit` or draw smaller programs")
            }
        };
        format!("{scenario}: {}: programs: {programs}, of these {}{time}\n", self.engine, words.join(", "))
    }
}
