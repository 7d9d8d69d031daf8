//! Memory that the engine tracks.

use super::loom::alloc::{Layout, Track, alloc, alloc_zeroed, dealloc};
use super::loom::sync::Arc;
use super::loom::thread;
use super::{executions, failure};
use selvedge_check::FailureKind;
use std::fmt::Display;

#[test]
fn what_is_never_dropped_is_a_leak() {
    assert_eq!(failure(|| std::mem::forget(Arc::new(()))), FailureKind::Leak);
    assert_eq!(failure(|| std::mem::forget(Track::new(()))), FailureKind::Leak);
    // SAFETY: the layout is not empty.
    assert_eq!(failure(|| _ = unsafe { alloc(Layout::new::<u64>()) }), FailureKind::Leak);
}

#[test]
fn what_is_dropped_is_none() {
    executions(|| {
        let mut value = Track::new(vec![1]);
        value.get_mut().push(2);
        assert_eq!(value.get_ref().len(), 2);
        assert_eq!(value.into_inner(), [1, 2]);
        let layout = Layout::new::<u64>();
        // SAFETY: the layout is not empty, and the memory is freed once, with its layout.
        unsafe {
            let memory = alloc_zeroed(layout);
            assert_eq!(memory.cast::<u64>().read(), 0);
            dealloc(memory, layout);
        }
    });
}

#[test]
fn an_owner_may_be_of_any_type() {
    let model = || {
        let text: Arc<dyn Display + Send + Sync> = Arc::from_std(std::sync::Arc::new(5));
        let theirs = Arc::clone(&text);
        let thread = thread::spawn(move || theirs.to_string());
        assert_eq!(text.to_string(), thread.join().unwrap());
        assert_eq!(Arc::strong_count(&text), 1);
    };
    assert_eq!(executions(model), 1);
}

#[test]
fn a_raw_pointer_is_taken_back_by_the_thread_that_has_it() {
    executions(|| {
        let raw = Arc::into_raw(Arc::new(5));
        // SAFETY: the pointer comes from `into_raw`; each owner that is counted is taken back once.
        unsafe {
            Arc::increment_strong_count(raw);
            assert_eq!(*Arc::from_raw(raw), 5);
            Arc::decrement_strong_count(raw);
        }
    });
}
