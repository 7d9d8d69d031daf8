//! Rate limits under contexts and with several takers. Lower bounds of times hold on every machine.

use super::everywhere;
use selvedge::context::{Error, background, with_cancel, with_timeout};
use selvedge::sync::WaitGroup;
use selvedge_go::patterns::{Pace, TokenBucket};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn takers_wait_as_long_as_the_tokens_take() {
    everywhere(|_| {
        let (start, bucket) = (Instant::now(), Arc::new(TokenBucket::new(MOMENT, 3)));
        let group = WaitGroup::new();
        for n in [1, 2, 3, 1, 2, 3] {
            let bucket = Arc::clone(&bucket);
            group.go(move || bucket.take(n));
        }
        group.wait();
        assert!(start.elapsed() >= 9 * MOMENT, "three of twelve tokens are there at once");
    });
}

#[test]
fn a_bucket_gives_a_burst_and_then_refuses() {
    everywhere(|_| {
        let bucket = TokenBucket::new(HOUR, 3);
        assert!(!bucket.try_take(4) && bucket.try_take(2) && !bucket.try_take(2) && bucket.try_take(1));
        assert!(!bucket.try_take(1) && bucket.try_take(0));
    });
}

#[test]
fn a_taker_that_gives_up_gives_its_tokens_back() {
    everywhere(|_| {
        let bucket = TokenBucket::new(HOUR, 2);
        let (done, cancel) = with_cancel(&background());
        cancel.cancel();
        assert_eq!(bucket.take_ctx(&done, 2), Err(Error::Canceled));
        assert!(bucket.try_take(1), "a context that is done takes nothing");
        let (late, _cancel) = with_timeout(&background(), MOMENT);
        assert_eq!(bucket.take_ctx(&late, 2), Err(Error::DeadlineExceeded));
        assert!(bucket.try_take(1), "the token that was there is there again");
        assert!(!bucket.try_take(1));
    });
}

#[test]
fn a_pace_gives_turns_one_by_one() {
    everywhere(|_| {
        let (start, pace) = (Instant::now(), Arc::new(Pace::new(MOMENT)));
        let group = WaitGroup::new();
        for _ in 0..5 {
            let pace = Arc::clone(&pace);
            group.go(move || pace.wait());
        }
        group.wait();
        assert!(start.elapsed() >= 5 * MOMENT);
        let (late, _cancel) = with_timeout(&background(), MOMENT);
        assert_eq!(Pace::new(HOUR).wait_ctx(&late), Err(Error::DeadlineExceeded));
        assert_eq!(pace.wait_ctx(&background()), Ok(()));
    });
}

#[test]
#[should_panic(expected = "3 tokens are never in a bucket for 2")]
fn more_than_a_burst_is_never_there() {
    TokenBucket::new(MOMENT, 2).take(3);
}

#[test]
#[should_panic(expected = "longer than zero")]
fn a_pace_has_a_period() {
    let _pace = Pace::new(Duration::ZERO);
}
