//! Threads.

use super::loom::sync::Arc;
use super::loom::sync::atomic::AtomicUsize;
use super::loom::sync::atomic::Ordering::{Acquire, Release};
use super::loom::thread;
use super::{executions, failure};
use selvedge_check::FailureKind;
use std::rc::Rc;

#[test]
fn what_a_thread_takes_and_returns_need_not_be_send() {
    executions(|| {
        let number = Rc::new(1);
        let thread = thread::spawn(move || Rc::new(*number + 1));
        assert_eq!(*thread.join().unwrap(), 2);
    });
}

#[test]
fn only_a_builder_names_threads() {
    executions(|| {
        assert_eq!(thread::current().name(), None);
        let named = thread::Builder::new().name("warp".to_string());
        let named = named.spawn(|| thread::current().name() == Some("warp")).unwrap();
        assert_eq!(named.thread().name(), Some("warp"));
        assert_ne!(named.thread().id(), thread::current().id());
        assert!(named.join().unwrap());
    });
}

#[test]
fn a_stack_holds_as_many_words_as_it_was_asked_for() {
    const WORDS: usize = 1 << 16;
    let model = || {
        let deep = || std::hint::black_box([1_usize; WORDS / 2]).iter().sum::<usize>();
        let thread = thread::Builder::new().stack_size(WORDS).spawn(deep).unwrap();
        assert_eq!(thread.join().unwrap(), WORDS / 2);
    };
    executions(model);
}

#[test]
fn a_thread_is_woken_by_one_that_knows_it() {
    executions(|| {
        let value = Arc::new(AtomicUsize::new(0));
        let (theirs, parked) = (Arc::clone(&value), thread::current());
        thread::spawn(move || {
            theirs.store(1, Release);
            parked.unpark();
        });
        thread::park();
        assert_eq!(value.load(Acquire), 1);
    });
    assert_eq!(failure(thread::park), FailureKind::Deadlock);
}

#[test]
fn a_panic_of_any_thread_fails_the_model() {
    let panics = |joined: bool| {
        move || {
            let thread = thread::spawn(|| panic!("the shuttle is lost"));
            if joined {
                let _: Result<(), _> = thread.join();
            }
        }
    };
    for joined in [true, false] {
        assert_eq!(failure(panics(joined)), FailureKind::Panic);
        let report = super::explore(panics(joined)).to_string();
        assert!(report.contains("the shuttle is lost"), "{report}");
    }
}

#[test]
#[should_panic = "outside `loom::model`"]
fn a_thread_belongs_to_a_model() {
    thread::spawn(|| ());
}

#[test]
fn code_that_is_never_reached_fails_where_it_is() {
    // SAFETY: none: the call is what the model shows to be reached.
    let model = || unsafe { super::loom::hint::unreachable_unchecked() };
    assert_eq!(failure(model), FailureKind::Panic);
}
