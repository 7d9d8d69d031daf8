//! Time-outs of hours and days, whose tests run in milliseconds: sessions that expire, a retry with back-off, and a watchdog.
//!
//! `cargo test -p selvedge-go --example timeouts`, or `cargo run -p selvedge-go --example timeouts`

use selvedge::chan::{Receiver, RecvTimeoutError, select, tick};
use selvedge::context::Context;
use selvedge::rt::time::now;
use selvedge::sync::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Sessions, each of which ends a day after it was last used.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<u64, Instant>>);

impl Sessions {
    /// Begins a session, or uses it.
    pub fn touch(&self, session: u64) {
        self.0.lock().insert(session, now());
    }

    /// Returns how many sessions there are.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Throws out sessions that have ended, every hour, until the context is done.
    pub fn sweep(&self, context: &Context) {
        let hours = tick(HOUR);
        loop {
            select! {
                recv(hours) -> _hour => self.0.lock().retain(|_, used| now() - *used < DAY),
                recv(context.done()) -> _done => return,
            }
        }
    }
}

/// Calls `f` until it succeeds, after pauses that begin with a minute and double up to 16 hours; or gives up with the last
/// error when the context is done.
pub fn retry<T, E>(context: &Context, mut f: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut pause = MINUTE;
    loop {
        let error = match f() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if context.done().recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return Err(error);
        }
        pause = (pause * 2).min(16 * HOUR);
    }
}

/// Returns when no beat has come for an hour: when the last one came. `None`: the heart has ended in order.
pub fn watch(beats: &Receiver<()>) -> Option<Instant> {
    let mut last = now();
    loop {
        match beats.recv_timeout(HOUR) {
            Ok(()) => last = now(),
            Err(RecvTimeoutError::Timeout) => return Some(last),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// Retries for thirty days.
pub fn main() {
    use selvedge::context::{background, with_timeout};
    let begun = now();
    let (calls, passed) = selvedge_go::run(|| {
        selvedge::testing::bubble(|b| {
            let (context, _cancel) = with_timeout(&background(), 30 * DAY);
            let mut calls = 0;
            let failed: Result<(), u32> = retry(&context, || {
                calls += 1;
                Err(calls)
            });
            assert_eq!(failed, Err(calls));
            (calls, b.elapsed())
        })
    });
    println!("{calls} calls in {} days, in {:?}", passed.as_secs() / DAY.as_secs(), now() - begun);
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge::chan::bounded;
    use selvedge::context::{background, with_cancel, with_timeout};
    use selvedge::rt::sync::Arc;
    use selvedge::rt::thread::sleep;
    use selvedge::testing::{Bubble, bubble};

    /// Runs a test in a bubble on threads, and in one on goroutines.
    fn on_both(test: fn(&Bubble)) {
        bubble(test);
        selvedge_go::run(|| bubble(test));
    }

    #[test]
    fn a_session_ends_a_day_after_its_last_use() {
        on_both(|b| {
            let sessions = Arc::new(Sessions::default());
            let (context, cancel) = with_cancel(&background());
            let theirs = Arc::clone(&sessions);
            b.spawn(move || theirs.sweep(&context));
            sessions.touch(1);
            sleep(12 * HOUR);
            sessions.touch(2);
            b.sleep(12 * HOUR - MINUTE);
            assert_eq!(sessions.count(), 2);
            b.sleep(MINUTE);
            assert_eq!(sessions.count(), 1, "a sweep has come when the first one was a day old");
            b.sleep(DAY);
            assert_eq!(sessions.count(), 0);
            cancel.cancel();
        });
    }

    #[test]
    fn a_retry_doubles_its_pauses() {
        on_both(|_| {
            let (context, _cancel) = with_timeout(&background(), DAY);
            let begun = now();
            let mut at = Vec::new();
            let result = retry(&context, || {
                at.push((now() - begun).as_secs() / 60);
                if at.len() < 6 { Err("not yet") } else { Ok(at.len()) }
            });
            assert_eq!((result, at), (Ok(6), vec![0, 1, 3, 7, 15, 31]));
        });
    }

    #[test]
    fn a_retry_gives_up_when_its_context_is_done() {
        on_both(|b| {
            let (context, _cancel) = with_timeout(&background(), 30 * DAY);
            let result: Result<(), &str> = retry(&context, || Err("never"));
            assert_eq!((result, b.elapsed()), (Err("never"), 30 * DAY));
        });
    }

    #[test]
    fn a_watchdog_tells_of_the_last_beat() {
        on_both(|b| {
            let begun = now();
            let (beat, beats) = bounded(0);
            let dog = b.spawn(move || watch(&beats));
            for _ in 0..1000 {
                sleep(59 * MINUTE);
                beat.send(()).expect("the dog listens");
            }
            assert_eq!(dog.join().expect("no panic"), Some(begun + 59_000 * MINUTE));
            assert_eq!(b.elapsed(), 59_000 * MINUTE + HOUR);
        });
    }

    #[test]
    fn a_watchdog_ends_with_the_heart() {
        on_both(|b| {
            let (beat, beats) = bounded::<()>(0);
            let dog = b.spawn(move || watch(&beats));
            b.sleep(30 * MINUTE);
            drop(beat);
            assert_eq!((dog.join().expect("no panic"), b.elapsed()), (None, 30 * MINUTE));
        });
    }
}
