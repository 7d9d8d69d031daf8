//! One execution of a model's body.

use super::{FailureKind, Session, take_panic};
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Session {
    /// Runs the model's body as the main thread of a new execution. The engine's driver calls this on the stack that the
    /// engine gave to its main thread.
    pub fn execute(&self, body: &(dyn Fn() + Sync)) {
        self.begin_execution();
        let result = catch_unwind(AssertUnwindSafe(body));
        if result.is_err() {
            let message = take_panic().unwrap_or_else(|| "no message".to_string());
            self.fail(FailureKind::Panic, format!("the body panicked: {message}"), Vec::new());
        }
        self.state.borrow_mut().body_returned = true;
        self.run_ends();
        self.drop_locals();
        self.run_late_ends();
        self.forget_locals();
        self.finish(0);
    }

    /// Returns how many executions have begun.
    pub fn executions(&self) -> u64 {
        self.state.borrow().execution
    }
}
