//! Chapter 7: leaks, limits and safe exit.

use super::{Chapter, Checked};
use selvedge::chan::{bounded, select};
use selvedge::context::{background, with_cancel};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::sync::ErrGroup;
use selvedge_check::FailureKind;
use selvedge_go::patterns::Exit;
use selvedge_go::{Builder, Leftover, go, gosched, run};
use std::panic::catch_unwind;

pub(super) const CHAPTER: Chapter = Chapter {
    page: "7-leaks.md",
    source: include_str!("leaks.rs"),
    programs: &[left_over, quit, limit],
    checked: &[
        Checked("nobody_cancels", nobody_cancels, Some(FailureKind::Leak)),
        Checked("the_handle_cancels", the_handle_cancels, None),
    ],
};

fn left_over() {
    let (never_sends, rx) = bounded::<()>(0);
    let leaks = || Builder::new().leftover(Leftover::Fail).run(|| go(move || _ = rx.recv()));
    let panic = catch_unwind(std::panic::AssertUnwindSafe(leaks)).expect_err("a goroutine is left");
    let list = panic.downcast_ref::<String>().expect("a text");
    assert!(list.contains("1 goroutines are left") && list.contains("[chan receive]"));
    drop(never_sends);
}

fn quit() {
    run(|| {
        let ((tx, numbers), exit) = (bounded(0), Exit::new());
        for first in 0..10 {
            let tx = tx.clone();
            exit.go(move |quit| {
                for n in (first..).step_by(10) {
                    select! {
                        send(tx, n) -> _ => (),
                        recv(quit) -> _ => return,
                    }
                }
            });
        }
        drop(tx);
        assert_eq!(numbers.iter().take(100).count(), 100);
        exit.finish(); // tells all ten, and waits for them
        assert!(numbers.recv().is_err(), "no sender is left");
    });
}

fn limit() {
    let (busy, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    run(|| {
        let group = ErrGroup::<()>::with_limit(3);
        for _ in 0..20 {
            let (busy, most) = (Arc::clone(&busy), Arc::clone(&most));
            group.go(move |_stop| {
                most.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                gosched();
                busy.fetch_sub(1, SeqCst);
                Ok(())
            });
        }
        assert_eq!(group.wait(), Ok(()));
    });
    assert!(most.load(SeqCst) <= 3);
}

fn nobody_cancels() {
    let (context, cancel) = with_cancel(&background());
    cancel.detach(); // as if it were Go, and `cancel` forgotten
    go(move || {
        let _done = context.done().recv();
    });
}

fn the_handle_cancels() {
    let (context, _cancel) = with_cancel(&background());
    go(move || {
        let _done = context.done().recv();
    });
}
