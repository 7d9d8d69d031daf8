//! What the rows of timers that run closures, and of contexts with deadlines, do: one comes and goes while n others are armed.

use crate::Meter;
use selvedge::chan::{FuncTimer, after_func};
use selvedge::context::{self, Cancel, Context, background, with_cancel, with_timeout};
use std::hint::black_box;
use std::time::Duration;

/// When the others are due at the earliest, and how far apart they are.
const FIRST: Duration = Duration::from_secs(36_000);
const APART: Duration = Duration::from_micros(10);
/// Before all others, amid them, and after them.
pub(crate) const EARLY: fn(usize) -> Duration = |_| FIRST / 2;
pub(crate) const AMID: fn(usize) -> Duration = |n| FIRST + APART * (n / 2) as u32;
pub(crate) const LATE: fn(usize) -> Duration = |_| FIRST * 2;
/// How often one comes and goes.
const TIMES: usize = 10_000;

/// When the others are due, in no order.
fn moments(n: usize) -> impl Iterator<Item = Duration> {
    // The prime divides no number of others, so each moment comes once.
    (0..n).map(move |at| FIRST + APART * (at * 7919 % n) as u32)
}

/// Timers that are armed while this is there.
struct Armed(Vec<FuncTimer>);

impl Armed {
    fn new(n: usize) -> Armed {
        Armed(moments(n).map(|moment| after_func(moment, || ())).collect())
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.0.iter().for_each(|timer| _ = timer.stop());
    }
}

pub(crate) fn arm_and_stop(n: usize, meter: &mut Meter, moment: fn(usize) -> Duration) {
    let (_others, moment) = (Armed::new(n), moment(n));
    meter.measure(TIMES, || (0..TIMES).for_each(|_| assert!(after_func(moment, || ()).stop())));
}

pub(crate) fn set_anew(n: usize, meter: &mut Meter) {
    let (_others, timer) = (Armed::new(n), after_func(LATE(n), || ()));
    let moments: Vec<_> = moments(n).collect();
    meter.measure(TIMES, || (0..TIMES).for_each(|at| assert!(timer.reset(moments[at % n]))));
    assert!(timer.stop());
}

pub(crate) fn arm_all_and_stop(n: usize, meter: &mut Meter) {
    meter.measure(2 * n, || drop(Armed::new(n)));
}

/// Runs a row where timers belong to the scheduler and not to a thread of their own.
pub(crate) fn on_a_goroutine(row: impl FnOnce()) {
    selvedge_go::run(row);
}

/// Makes contexts with deadlines below one.
fn with_deadlines(above: &Context, n: usize) -> Vec<(Context, Cancel)> {
    moments(n).map(|moment| with_timeout(above, moment)).collect()
}

pub(crate) fn deadline_beside(n: usize, meter: &mut Meter) {
    let (above, _cancel) = with_cancel(&background());
    let _others = with_deadlines(&above, n);
    meter.measure(TIMES, || {
        for _ in 0..TIMES {
            let (context, cancel) = with_timeout(&above, AMID(n));
            black_box(&context);
            cancel.cancel();
        }
    });
}

/// A closure needs a timer for the deadline.
pub(crate) fn closure_at_a_deadline_beside(n: usize, meter: &mut Meter) {
    let (above, _cancel) = with_cancel(&background());
    let others = with_deadlines(&above, n);
    let stops: Vec<_> = others.iter().map(|(context, _)| context::after_func(context, || ())).collect();
    meter.measure(TIMES, || {
        for _ in 0..TIMES {
            let (context, cancel) = with_timeout(&above, AMID(n));
            assert!(context::after_func(&context, || ()).stop());
            cancel.cancel();
        }
    });
    stops.iter().for_each(|stop| assert!(stop.stop()));
}

pub(crate) fn cancel_above_deadlines(n: usize, meter: &mut Meter) {
    let (above, cancel) = with_cancel(&background());
    let others = with_deadlines(&above, n);
    meter.measure(n, || cancel.cancel());
    drop(others);
}
