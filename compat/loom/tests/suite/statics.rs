//! Statics and thread-locals, anew in each execution.

use super::loom::sync::Arc;
use super::loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use super::loom::thread;
use super::{executions, results};
use std::cell::RefCell;

super::loom::lazy_static! {
    /// Counted up by every execution.
    static ref COUNT: AtomicUsize = AtomicUsize::new(0);
    static ref SHARED: Arc<usize> = Arc::new(5);
}

super::loom::thread_local! {
    static OWN: RefCell<Vec<u8>> = RefCell::new(Vec::new());
}

#[test]
fn a_lazy_static_is_made_anew_in_each_execution() {
    let model = || {
        let thread = thread::spawn(|| COUNT.fetch_add(1, Relaxed));
        let mine = COUNT.fetch_add(1, Relaxed);
        (mine, thread.join().unwrap())
    };
    assert_eq!(results(model), [(0, 1), (1, 0)]);
}

#[test]
fn only_the_thread_that_makes_a_lazy_static_is_explored() {
    let model = |threads: usize| {
        move || {
            let look = || **SHARED + **SHARED;
            let threads: Vec<_> = (0..threads).map(|_| thread::spawn(look)).collect();
            threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), 10));
        }
    };
    for threads in 2..=4 {
        assert_eq!(executions(model(threads)), threads as u64);
    }
}

/// Looks at the thread-local when its thread drops it.
struct Looks(Arc<AtomicUsize>);

impl Drop for Looks {
    fn drop(&mut self) {
        if OWN_LOOKS.try_with(|_| ()).is_err() {
            self.0.store(1, Relaxed);
        }
    }
}

super::loom::thread_local! {
    static OWN_LOOKS: RefCell<Option<Looks>> = RefCell::new(None);
}

#[test]
fn a_thread_local_is_its_thread_s_until_it_ends() {
    let model = || {
        let gone = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&gone);
        OWN.with(|own| own.borrow_mut().push(1));
        let thread = thread::spawn(move || {
            OWN_LOOKS.with(|own| *own.borrow_mut() = Some(Looks(theirs)));
            OWN.with(|own| own.borrow().len())
        });
        assert_eq!(thread.join().unwrap(), 0);
        assert_eq!((OWN.with(|own| own.borrow().len()), gone.load(Relaxed)), (1, 1));
    };
    executions(model);
}
