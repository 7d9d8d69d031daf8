//! What mode Never cannot hold against: code that sets a thread-local for its extent and calls back.

use selvedge::chan::bounded;
use selvedge_go::{Builder, go_local};
use std::cell::Cell;

thread_local! {
    /// The innermost call of `with_current` on this thread.
    static CURRENT: Cell<u32> = const { Cell::new(0) };
}

/// Calls `f` while `value` is the thread's current one, and then sets the one before again, as `scoped_tls` does.
fn with_current<R>(value: u32, f: impl FnOnce() -> R) -> R {
    let before = CURRENT.replace(value);
    let result = f();
    CURRENT.set(before);
    result
}

#[test]
fn a_callback_that_waits_finds_the_value_of_another_goroutine() {
    Builder::new().procs(1).run(|| {
        let (tx, rx) = bounded(0);
        let (done, all_done) = bounded(0);
        go_local(move || {
            with_current(2, || rx.recv().expect("a value"));
            done.send(CURRENT.get()).expect("a receiver");
        });
        let found = with_current(1, || {
            selvedge_go::gosched(); // the other goroutine begins its call
            CURRENT.get()
        });
        assert_eq!(found, 2, "the other goroutine's, in the middle of this one's call");
        tx.send(()).expect("a receiver");
        assert_eq!(all_done.recv(), Ok(1), "the value of a call that has ended: a reference would dangle");
    });
}
