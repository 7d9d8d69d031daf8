//! Goroutines that are told to end.

use super::{everywhere, panic_of, panic_quietly};
use selvedge::chan::{bounded, select};
use selvedge_go::patterns::Exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// PA-06.
#[test]
fn all_ten_workers_hear_the_quit_channel() {
    everywhere(|values| {
        let ((tx, rx), exit) = (bounded(0), Exit::new());
        for first in 0..10 {
            let (tx, values) = (tx.clone(), values.clone());
            exit.go(move |quit| {
                for n in (first..).step_by(10) {
                    let value = values.make(n);
                    select! {
                        send(tx, value) -> _ => (),
                        recv(quit) -> _ => return,
                    }
                }
            });
        }
        drop(tx);
        assert_eq!(rx.iter().take(25).count(), 25);
        exit.finish();
        assert!(rx.recv().is_err(), "every sender is gone");
    });
}

#[test]
fn those_that_start_late_hear_it_too() {
    everywhere(|_| {
        let exit = Exit::new();
        assert!(!exit.quit_channel().is_closed());
        assert!(exit.quit() && !exit.quit());
        exit.go(|quit| assert!(quit.recv().is_err()));
        exit.wait();
        exit.finish();
    });
}

#[test]
fn a_panic_comes_out_when_all_have_ended() {
    everywhere(|_| {
        let (exit, ended) = (Exit::new(), Arc::new(AtomicUsize::new(0)));
        for n in 0..5 {
            let ended = Arc::clone(&ended);
            exit.go(move |quit| {
                assert!(quit.recv().is_err());
                ended.fetch_add(1, SeqCst);
                if n % 2 == 0 {
                    panic_quietly("a goroutine")
                }
            });
        }
        assert_eq!(panic_of(|| exit.finish()), "a goroutine");
        assert_eq!(ended.load(SeqCst), 5);
    });
}

#[test]
fn patience_with_those_that_do_not_listen_has_an_end() {
    everywhere(|_| {
        let (exit, (tx, rx)) = (Exit::new(), bounded::<()>(0));
        exit.go(move |_quit| assert!(rx.recv().is_err()));
        assert!(!exit.finish_within(Duration::from_millis(1)));
        drop(tx);
        assert!(Exit::new().finish_within(Duration::from_secs(3600)));
    });
}

#[test]
fn dropping_it_tells_all() {
    everywhere(|values| {
        let exit = Exit::default();
        for n in 0..3 {
            let value = values.make(n);
            exit.go(move |quit| {
                assert!(quit.recv().is_err());
                drop(value);
            });
        }
        drop(exit);
        values.wait_until_dropped();
    });
}
