//! Rate limits: one turn in each period, or a bucket of tokens that fills at a steady rate.
//!
//! No goroutine fills the bucket. [`TokenBucket`] keeps one instant, `full`, at which the bucket will be full if no
//! more is taken. Taking `n` tokens moves it by `n` periods, from now if it lies in the past. With room for `burst`
//! tokens, the tokens are there `burst` periods before the new `full`; the taker sleeps until then. This is the
//! generic cell rate algorithm of ITU-T I.371.

use core::fmt;
use selvedge::chan::{Receiver, at, select_biased, tick};
use selvedge::context::{Context, Error, RecvCtxError, background};
use selvedge::rt::time::now;
use selvedge::rt::twin::is_twin;
use selvedge::sync::Mutex;
use std::time::{Duration, Instant};

/// Gives one turn in each period: turns that nobody takes are lost, so there are no bursts; Go's limit by a
/// `time.Tick`.
///
/// Each turn goes to one of those that wait for it.
///
/// ```
/// use selvedge_go::patterns::Pace;
/// use std::time::{Duration, Instant};
/// let (start, pace) = (Instant::now(), Pace::new(Duration::from_millis(2)));
/// (0..3).for_each(|_| pace.wait());
/// assert!(start.elapsed() >= Duration::from_millis(6));
/// ```
#[derive(Debug)]
pub struct Pace {
    turns: Receiver<Instant>,
}

impl Pace {
    /// Creates one whose first turn comes after `period`.
    ///
    /// # Panics
    /// If the period is zero.
    ///
    /// ```
    /// let _pace = selvedge_go::patterns::Pace::new(std::time::Duration::from_secs(1));
    /// ```
    #[track_caller]
    pub fn new(period: Duration) -> Pace {
        assert!(period > Duration::ZERO, "the period of a pace must be longer than zero");
        Pace { turns: turns(period) }
    }

    /// Waits for a turn.
    ///
    /// ```
    /// selvedge_go::patterns::Pace::new(std::time::Duration::from_millis(1)).wait();
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        let _instant = self.turns.recv();
    }

    /// Waits for a turn, until the context is done at most.
    ///
    /// # Errors
    /// If the context is done; the turn is left for others.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge_go::patterns::Pace;
    /// use std::time::Duration;
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// assert_eq!(Pace::new(Duration::from_secs(3600)).wait_ctx(&context), Err(Error::DeadlineExceeded));
    /// ```
    #[track_caller]
    pub fn wait_ctx(&self, context: &Context) -> Result<(), Error> {
        match self.turns.recv_ctx(context) {
            Ok(_) => Ok(()),
            Err(RecvCtxError::Done(why)) => Err(why),
            Err(RecvCtxError::Closed) => unreachable!("a channel of instants stays open"),
        }
    }
}

/// Returns the channel of turns.
fn turns(period: Duration) -> Receiver<Instant> {
    let period = if is_twin() { Duration::ZERO } else { period }; // site: keep-period
    tick(period)
}

/// Gives out tokens, of which one more is there after each period, up to a number that may be taken in a burst; Go's
/// `x/time/rate`.
///
/// In any time `t`, at most `burst + t / period` tokens are taken. Those that wait get their tokens in the order of
/// their calls: a large request makes later small ones wait.
///
/// ```
/// use selvedge_go::patterns::TokenBucket;
/// use std::time::Duration;
/// let requests = TokenBucket::new(Duration::from_secs(3600), 2);
/// assert!(requests.try_take(1) && requests.try_take(1), "a burst");
/// assert!(!requests.try_take(1), "the next one comes in an hour");
/// ```
pub struct TokenBucket {
    period: Duration,
    burst: u32,
    /// When the bucket will be full.
    full: Mutex<Instant>,
}

impl TokenBucket {
    /// Creates a full bucket: one token comes after each `period`, and up to `burst` are kept.
    ///
    /// # Panics
    /// If the period or the burst is zero, or `burst` periods are longer than a [`Duration`] can be.
    ///
    /// ```
    /// use std::time::Duration;
    /// // A hundred in a second, ten at once.
    /// let bucket = selvedge_go::patterns::TokenBucket::new(Duration::from_millis(10), 10);
    /// assert!(bucket.try_take(10));
    /// ```
    #[track_caller]
    pub fn new(period: Duration, burst: u32) -> TokenBucket {
        assert!(period > Duration::ZERO, "the period of a bucket must be longer than zero");
        assert!(burst > 0, "a bucket without room for a token would give none");
        assert!(period.checked_mul(burst).is_some(), "it would take too long to fill the bucket");
        TokenBucket { period, burst, full: Mutex::new(now()) }
    }

    /// Takes `n` tokens if they are there, and returns whether they were.
    ///
    /// ```
    /// use std::time::Duration;
    /// let bucket = selvedge_go::patterns::TokenBucket::new(Duration::from_secs(1), 3);
    /// assert!(!bucket.try_take(4) && bucket.try_take(3) && bucket.try_take(0));
    /// ```
    pub fn try_take(&self, n: u32) -> bool {
        let mut full = self.full.lock();
        let Some(place) = self.after(*full, n) else { return false };
        let is_there = place.wait.is_zero();
        if is_there {
            *full = place.full;
        }
        is_there
    }

    /// Takes `n` tokens, waiting until they are there.
    ///
    /// # Panics
    /// If `n` is more than the burst, which are never there, or the time to wait is longer than an [`Instant`] can
    /// tell.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// let bucket = selvedge_go::patterns::TokenBucket::new(Duration::from_millis(1), 1);
    /// let start = Instant::now();
    /// (0..3).for_each(|_| bucket.take(1));
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// ```
    #[track_caller]
    pub fn take(&self, n: u32) {
        self.take_ctx(&background(), n).unwrap_or_else(|_| unreachable!("the background is never done"));
    }

    /// Takes `n` tokens, waiting until they are there, or until the context is done.
    ///
    /// # Errors
    /// If the context is done. Then the tokens are there for others, if nobody has come for tokens meanwhile;
    /// otherwise they are lost.
    ///
    /// # Panics
    /// Where [`take`](Self::take) does.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge_go::patterns::TokenBucket;
    /// use std::time::Duration;
    /// let bucket = TokenBucket::new(Duration::from_secs(3600), 1);
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// assert_eq!(bucket.take_ctx(&context, 1), Ok(()));
    /// assert_eq!(bucket.take_ctx(&context, 1), Err(Error::DeadlineExceeded));
    /// ```
    #[track_caller]
    pub fn take_ctx(&self, context: &Context, n: u32) -> Result<(), Error> {
        assert!(n <= self.burst, "{n} tokens are never in a bucket for {}: take fewer at a time", self.burst);
        if let Some(why) = context.err() {
            return Err(why);
        }
        let mut full = self.full.lock();
        let place = self.after(*full, n).expect("the tokens come in more years than an instant can tell");
        let before = core::mem::replace(&mut *full, place.full);
        drop(full);
        sleep(context, &place).inspect_err(|_| self.give_back(before, place.full))
    }

    /// Gives tokens back, if nobody has come for tokens since: those that came later are to wait as they do.
    fn give_back(&self, before: Instant, after: Instant) {
        let mut full = self.full.lock();
        if *full == after {
            *full = before;
        }
    }

    /// Returns where `n` tokens are, for a bucket that is to be full at an instant. `None`: the instant is too far
    /// away, or there are never so many.
    fn after(&self, full: Instant, n: u32) -> Option<Place> {
        let now = now();
        // A bucket that is full since some time holds no more than its burst.
        let from = if is_twin() { full } else { full.max(now) }; // site: start-now
        let full = from.checked_add(self.period.checked_mul(n)?)?;
        let wait = full.saturating_duration_since(now).saturating_sub(self.period * self.burst);
        (n <= self.burst).then_some(Place { full, wait, due: now.checked_add(wait)? })
    }
}

/// Where tokens are in time.
struct Place {
    /// When the bucket will be full after they are taken.
    full: Instant,
    /// How long it takes until they are there.
    wait: Duration,
    /// When they are there.
    due: Instant,
}

/// Waits until the tokens are there.
fn sleep(context: &Context, place: &Place) -> Result<(), Error> {
    let waits = !place.wait.is_zero() && !is_twin(); // site: wait-for-tokens
    if !waits {
        return Ok(());
    }
    select_biased! {
        recv(at(place.due)) -> _ => Ok(()),
        recv(context.done()) -> _ => Err(context.err().unwrap_or(Error::Canceled)),
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBucket")
            .field("period", &self.period)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}
