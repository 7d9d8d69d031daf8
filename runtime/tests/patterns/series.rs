//! Power series, after M. D. McIlroy's "Squinting at Power Series" (1990), which Go's own tests have too: a series is a channel of
//! its coefficients, and what is computed with it is a goroutine.

use super::chains::on_goroutines;
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge_go::go;

/// A fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio(i64, i64);

impl Ratio {
    /// `None`: the fraction has no room here.
    fn new(over: Option<i64>, under: Option<i64>) -> Option<Ratio> {
        let (over, under) = (over?, under?);
        let (mut a, mut b) = (over.checked_abs()?, under.checked_abs()?);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Some(Ratio(over / a, under / a))
    }

    fn plus(self, other: Ratio) -> Option<Ratio> {
        let over = self.0.checked_mul(other.1)?.checked_add(other.0.checked_mul(self.1)?);
        Ratio::new(over, self.1.checked_mul(other.1))
    }

    fn times(self, other: Ratio) -> Option<Ratio> {
        Ratio::new(self.0.checked_mul(other.0), self.1.checked_mul(other.1))
    }
}

type Series = Receiver<Ratio>;

/// Returns the series that a goroutine sends, until nobody receives it, or it has no more to take from, or a coefficient has no
/// room: goroutines compute ahead of what is asked for.
fn series(send: impl FnOnce(&Sender<Ratio>) -> Option<()> + Send + 'static) -> Series {
    let (tx, rx) = bounded(0);
    go(move || _ = send(&tx));
    rx
}

/// Sends `first`, and then what `next` returns.
fn begun(first: Ratio, mut next: impl FnMut() -> Option<Ratio> + Send + 'static) -> Series {
    series(move |tx| {
        tx.send(first).ok()?;
        loop {
            tx.send(next()?).ok()?;
        }
    })
}

fn plus(f: Series, g: Series) -> Series {
    series(move |tx| {
        loop {
            tx.send(f.recv().ok()?.plus(g.recv().ok()?)?).ok()?;
        }
    })
}

fn scaled(f: Series, by: Ratio) -> Series {
    series(move |tx| {
        loop {
            tx.send(f.recv().ok()?.times(by)?).ok()?;
        }
    })
}

/// Returns the integral that is `constant` at 0.
fn integral(f: Series, constant: Ratio) -> Series {
    let mut n = 0;
    begun(constant, move || {
        n += 1;
        f.recv().ok()?.times(Ratio(1, n))
    })
}

/// Returns the series twice. It ends when nobody receives one of the two. One may be ahead of the other by the room there is.
fn split(f: Series) -> (Series, Series) {
    let ((tx, first), (other, second)) = (bounded(0), bounded(32));
    go(move || {
        while let Ok(coefficient) = f.recv() {
            if other.send(coefficient).and_then(|()| tx.send(coefficient)).is_err() {
                return;
            }
        }
    });
    (first, second)
}

/// Returns the product: `(f0 + x F) (g0 + x G) = f0 g0 + x (f0 G + g0 F + x F G)`.
fn product(f: Series, g: Series) -> Series {
    series(move |tx| {
        let (f0, g0) = (f.recv().ok()?, g.recv().ok()?);
        tx.send(f0.times(g0)?).ok()?;
        let ((f, f_again), (g, g_again)) = (split(f), split(g));
        let both = product(f_again, g_again);
        let shifted = begun(Ratio(0, 1), move || both.recv().ok());
        let rest = plus(plus(scaled(g, f0), scaled(f, g0)), shifted);
        loop {
            tx.send(rest.recv().ok()?).ok()?;
        }
    })
}

/// Returns the exponential function, which is its own integral.
fn exponential() -> Series {
    let (back, fed_back) = bounded(32);
    let (result, again) = split(integral(fed_back, Ratio(1, 1)));
    go(move || while again.recv().is_ok_and(|coefficient| back.send(coefficient).is_ok()) {});
    result
}

/// The coefficients of exp(x) are 1/n!, and those of its square 2^n/n!. PA-09 series.
#[test]
fn a_power_series_is_a_channel_and_a_sum_of_two_a_goroutine() {
    on_goroutines(|| {
        let mut expected = Ratio(1, 1);
        for (n, coefficient) in (1..).zip(exponential().iter().take(12)) {
            assert_eq!(coefficient, expected);
            expected = expected.times(Ratio(1, n)).expect("12! is small");
        }
        let square = product(exponential(), exponential());
        let mut expected = Ratio(1, 1);
        for (n, coefficient) in (1..).zip(square.iter().take(8)) {
            assert_eq!(coefficient, expected);
            expected = expected.times(Ratio(2, n)).expect("8! is small");
        }
    });
}
