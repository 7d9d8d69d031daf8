//! One channel on one thread, step by step.
//!
//! With one thread the order of everything is known: which tasks wait, which is served next, which must have been woken. So a
//! [`Model`] of a queue of values and two queues of waiters knows every answer. A task is a future, a stream or a
//! sink; a task whose poll panicked is dropped at once, as an executor does.

mod machine;
mod model;
mod more;
mod nested;
mod select;
mod step;
mod task;

pub use machine::run;
pub use model::{Model, Stage};
pub use step::{Kind, Leave, Program, Step, programs};
