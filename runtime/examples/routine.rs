//! A program as a routine: it fetches pages from servers that fail now and then, tries each again with a back-off, stores what has
//! come, and says how long everything took. It stops at SIGINT, at SIGTERM, or after its time.
//!
//! `cargo run --release -p selvedge-go --example routine -- 20`

use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Context, Key, background, with_value};
use selvedge::rt::sync::Arc;
use selvedge::sync::Mutex;
use selvedge_go::routine::{Attempt, Event, Executor, Outcome, Retry, Routine, Task, parallel};
use selvedge_go::sleep;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// The number of a page.
#[derive(PartialEq, Eq)]
struct Page;
impl Key for Page {
    type Value = u64;
}

/// Fetches a page: the servers answer every third time.
fn fetch(context: &Context, pages: &Sender<u64>) -> Outcome {
    let page = *context.value(&Page).expect("a page has a number");
    let attempt = *context.value(&Attempt).expect("each try has a number");
    sleep(MS);
    if !(page + u64::from(attempt)).is_multiple_of(3) {
        return Err(format!("page {page}: no answer").into());
    }
    Ok(pages.send_ctx(context, page)?)
}

/// Returns the task that fetches a page.
fn fetching(page: u64, pages: Sender<u64>) -> Task {
    let once = Task::new(move |context: &Context| fetch(context, &pages)).timeout(60_000 * MS);
    // The number of the page is its seed, so that the pages do not come back together.
    let again = once.retry(Retry::times(5).doubling(MS, 20 * MS).jitter(page));
    Task::new(move |context: &Context| again.execute(&with_value(context, Page, page)))
}

/// Stores pages until no more can come.
fn store(pages: &Receiver<u64>, stored: &Mutex<Vec<u64>>) {
    for page in pages {
        stored.lock().push(page);
    }
}

/// Stands for what may fail.
fn say(text: &str) -> Outcome {
    println!("{text}");
    Ok(())
}

/// Runs the routine.
pub fn main() {
    let count = std::env::args().nth(1).map_or(20, |text| text.parse().expect("a number"));
    let stored = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&stored);
    let outcome = selvedge_go::run(move || {
        // Nothing is left of a routine, so its channel closes when it and its tasks are dropped.
        let (tx, pages) = bounded(4);
        let storing = selvedge_go::spawn({
            let stored = Arc::clone(&all);
            move || store(&pages, &stored)
        });
        let beat = Task::new(move |_: &Context| say(&format!("{} pages so far", all.lock().len())));
        let hook = |event: &Event<'_>| {
            if let Event::Ends { name, elapsed, outcome } = event {
                println!("{name}: {} after {elapsed:?}", if outcome.is_ok() { "well" } else { "failed" });
            }
        };
        let routine = Routine::new(parallel((0..count).map(|page| fetching(page, tx.clone()))))
            .prepare(|_| say("begins"))
            .daemon("heartbeat", beat.repeat(0, 5 * MS))
            .cleanup(|_| say("the connections are closed"))
            .observe(hook);
        #[cfg(unix)]
        let routine = {
            use selvedge_go::signal::Signal;
            routine.stop_on([Signal::SIGINT, Signal::SIGTERM])
        };
        let outcome = Task::of(routine).timeout(600_000 * MS).execute(&background());
        drop(tx);
        storing.join().expect("no panic");
        outcome
    });
    let stored = stored.lock().len() as u64;
    println!(
        "{stored} pages of {count}: {}",
        outcome.map_or_else(|error| error.to_string(), |()| "well".to_string())
    );
    assert_eq!(stored, count);
}
