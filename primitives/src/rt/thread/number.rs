//! Numbers of threads, for a primitive that has to recognise its caller.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

std::thread_local! {
    /// 0: none yet. It has no destructor, so it is there as long as any code of the thread runs.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// Returns a number that no other thread or goroutine has, now or later; under an engine, that no other thread of the
/// execution has. Any code of a thread may call this, also the destructor of a thread-local.
///
/// Never inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
/// thread-local that the compiler has kept would be the first thread's.
#[inline(never)]
pub(crate) fn number() -> u64 {
    #[cfg(feature = "checking")]
    if let Some(thread) = super::index_under_engine() {
        return thread as u64;
    }
    if let Some(number) = crate::rt::task::number() {
        return number;
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(next());
        }
        number.get()
    })
}

fn next() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    // Relaxed: a read-modify-write gives each number once, and publishes nothing.
    LAST.fetch_add(1, Relaxed) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_thread_s_for_good() {
        let mine = number();
        let theirs = || std::thread::spawn(|| [number(), number()]).join().expect("no panic");
        let (one, two) = (theirs(), theirs());
        assert!(one[0] == one[1] && two[0] == two[1] && number() == mine);
        assert!(one[0] != mine && two[0] != mine && one[0] != two[0]);
    }
}
