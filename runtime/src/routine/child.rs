//! Tasks that join a routine while it runs: [`child`].

use super::executor::{Executor, Task, catch};
use super::life::Hook;
use super::within::observe;
use selvedge::context::{Context, Key, with_value};
use selvedge::rt::sync::Arc;
use selvedge::rt::twin::is_twin;
use selvedge::sync::{Mutex, WaitGroup};

/// The innermost routine that runs, in the context of all that it executes.
#[derive(PartialEq, Eq)]
struct Innermost;

impl Key for Innermost {
    type Value = Arc<Mutex<Option<Host>>>;
}

/// An execution of a routine, to which tasks may be added.
struct Host {
    group: WaitGroup,
    context: Context,
    hook: Option<Hook>,
}

/// An execution of a routine; once this is dropped, it takes no tasks any more.
pub(super) struct Hosting(Arc<Mutex<Option<Host>>>);

impl Hosting {
    /// Returns a context below this one in which tasks can be added to the group.
    pub(super) fn new(context: &Context, group: &WaitGroup, hook: Option<&Hook>) -> (Hosting, Context) {
        let host = Arc::new(Mutex::new(None));
        let context = with_value(context, Innermost, Arc::clone(&host));
        *host.lock() = Some(Host { group: group.clone(), context: context.clone(), hook: hook.cloned() });
        (Hosting(host), context)
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        // site: take-no-more
        if is_twin() {
            return;
        }
        let host = self.0.lock().take();
        // The context of the host has the host as a value: outside the lock.
        drop(host);
    }
}

/// Adds a task to the innermost [`Routine`](super::Routine) that executes what has this context, as a
/// [daemon](super::Routine::daemon): under the routine's context, on a goroutine of its own or a thread, until the routine stops,
/// which waits for it. The routine's hook is told of it by its name.
///
/// # Errors
/// If there is no such routine, or it is about to stop: the task comes back.
///
/// # Panics
/// If the operating system cannot make a thread.
///
/// ```
/// use selvedge::context::{Context, background};
/// use selvedge_go::routine::{Executor, Routine, Task, child};
/// let routine = Routine::new(|context: &Context| {
///     for n in 0..3 {
///         let task = Task::new(move |_| Ok(println!("connection {n}")));
///         assert!(child(context, format!("connection {n}"), task).is_ok());
///     }
///     Ok(())
/// });
/// assert!(routine.execute(&background()).is_ok());
/// assert!(child(&background(), "nowhere", Task::new(|_| Ok(()))).is_err());
/// ```
pub fn child(context: &Context, name: impl Into<String>, task: Task) -> Result<(), Task> {
    let Some(host) = context.value(&Innermost) else { return Err(task) };
    // Before the lock: the conversion is user code, which may add a task too.
    let name = name.into();
    let host = host.lock();
    let Some(Host { group, context, hook }) = &*host else { return Err(task) };
    let (context, hook) = (context.clone(), hook.clone());
    // Under the lock: the routine waits for its group only after it has taken the host away.
    group.go(move || {
        // What it comes to decides nothing.
        _ = match &hook {
            Some(hook) => catch(|| observe(&name, &**hook, || task.execute(&context))),
            None => task.execute(&context),
        };
    });
    Ok(())
}
