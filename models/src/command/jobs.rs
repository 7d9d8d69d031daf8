//! Runs many things at once, with progress.

use indicatif::{ProgressBar, ProgressStyle};
use selvedge_check::Counters;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a job is called, and its counters.
type Running = Mutex<Vec<(String, Arc<Counters>)>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on each item, `at_once` items at a time, and returns the results in the order of the items. A bar on
/// standard error, if that is a terminal, shows what runs and how many executions it has behind it.
pub(super) fn run<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    quiet: bool,
    name: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T, Arc<Counters>) -> R + Sync,
) -> Vec<R> {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(items.len() as u64) };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..items.len()).collect());
    let results: Mutex<Vec<Option<R>>> = Mutex::new(items.iter().map(|_| None).collect());
    let running = Running::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(item) = { lock(&queue).pop_front() } {
                        let (label, counters) = (name(&items[item]), Arc::new(Counters::default()));
                        lock(&running).push((label, Arc::clone(&counters)));
                        let result = work(&items[item], Arc::clone(&counters));
                        lock(&running).retain(|job| !Arc::ptr_eq(&job.1, &counters));
                        lock(&results)[item] = Some(result);
                        bar.inc(1);
                    }
                })
            })
            .collect();
        // Relaxed: only ends the display.
        scope.spawn(|| {
            while !done.load(Relaxed) {
                bar.set_message(message(&running));
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        for worker in workers {
            if let Err(panic) = worker.join() {
                done.store(true, Relaxed); // Relaxed: only ends the display.
                std::panic::resume_unwind(panic);
            }
        }
        done.store(true, Relaxed); // Relaxed: only ends the display.
    });
    bar.finish_and_clear();
    lock(&results).drain(..).flatten().collect()
}

fn message(running: &Running) -> String {
    let jobs = lock(running);
    let texts = jobs.iter().map(|(name, counters)| {
        // Relaxed: statistics for the display.
        let (begun, complete) = (counters.executions.load(Relaxed), counters.complete.load(Relaxed));
        match counters.share() {
            explored if complete > 0 && explored > 0.0 => {
                format!("{name}: {complete} of about {:.0}", complete as f64 / explored.min(1.0))
            }
            _ => format!("{name}: {begun}"),
        }
    });
    texts.collect::<Vec<_>>().join("  ")
}
