//! shuttle behind the seam: it schedules; memory is sequentially consistent, on the shadows.
//!
//! Only shuttle's scheduling is used (switch, block, unblock, spawn), none of its std mirrors: their
//! spurious wake-ups and warnings would come with them.

use core::cell::{Cell, RefCell};
use core::panic::Location;
use selvedge::rt::seam::{Backend, Memory, Site, ThreadId};
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::task::TaskId;
use shuttle_engine::runtime::thread;
use std::collections::HashMap;
use std::rc::Rc;

/// shuttle's scheduler.
#[derive(Default)]
pub(super) struct ShuttleBackend {
    tasks: RefCell<HashMap<ThreadId, TaskId>>,
    held: Cell<bool>,
    /// The running thread has made another since the last scheduling decision.
    made_thread: Rc<Cell<bool>>,
    /// The operation about to run, for the scheduler to see.
    site: Rc<Cell<Option<Site>>>,
    /// The thread that yields would only wait again.
    promised: Rc<Cell<bool>>,
    complaint: Rc<RefCell<Option<String>>>,
}

impl ShuttleBackend {
    /// Where the scheduler leaves what is wrong with an execution.
    pub(super) fn complaints(&self) -> Rc<RefCell<Option<String>>> {
        Rc::clone(&self.complaint)
    }

    /// Whether the thread that yields has promised that it would only wait again.
    pub(super) fn promised(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.promised)
    }

    /// Where the operation stands that asks for the scheduling decision.
    pub(super) fn site(&self) -> Rc<Cell<Option<Site>>> {
        Rc::clone(&self.site)
    }

    /// Lets the scheduler pick the next thread, and returns once it picks this one.
    fn decide(&self) {
        thread::switch();
        self.made_thread.set(false);
    }
}

impl Backend for ShuttleBackend {
    fn name(&self) -> &'static str {
        "shuttle"
    }

    fn begin(&self) {
        self.tasks.replace(HashMap::from([(0, ExecutionState::me())]));
        self.made_thread.set(false);
    }

    fn at(&self, site: Site) {
        self.site.set(Some(site));
    }

    fn complaint(&self) -> Option<String> {
        self.complaint.take()
    }

    fn hold(&self, on: bool) {
        self.held.set(on);
    }

    fn switch(&self, yielding: bool) {
        if self.held.get() {
            return;
        }
        if yielding {
            ExecutionState::request_yield();
        }
        self.decide();
    }

    fn plain(&self) {
        // The spawner's next atomic operation begins with a decision; a plain access that comes before it has to, or
        // the new thread would never be first.
        if self.made_thread.get() {
            self.switch(false);
        }
    }

    fn wait(&self) {
        self.promised.set(!self.held.get());
        self.switch(true);
    }

    fn block(&self) {
        ExecutionState::with(|state| state.current_mut().block(false));
        self.decide();
    }

    fn unblock(&self, thread: ThreadId) {
        let task = self.tasks.borrow()[&thread];
        ExecutionState::with(|state| state.get_mut(task).unblock());
    }

    fn spawn(&self, thread: ThreadId, stack_size: usize, body: Box<dyn FnOnce()>) {
        let made_thread = Rc::clone(&self.made_thread);
        let body = move || {
            made_thread.set(false);
            body();
        };
        let task = ExecutionState::spawn_thread(Box::new(body), stack_size, None, None, Location::caller());
        // No switch here: the spawner's next operation begins with one.
        self.made_thread.set(true);
        self.tasks.borrow_mut().insert(thread, task);
    }

    fn memory(&self) -> Option<&dyn Memory> {
        None
    }
}
