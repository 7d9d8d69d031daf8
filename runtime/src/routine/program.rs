//! Other programs as tasks: [`Task::program`].

use super::executor::{Task, ended_by};
use crate::blocking;
use core::fmt;
use selvedge::chan::bounded;
use selvedge::context::{Context, after_func};
use selvedge::rt::sync::Arc;
use selvedge::sync::Mutex;
use std::io;
use std::process::{Child, Command, ExitStatus};

impl Task {
    /// Returns the task that runs another program and waits for its end. Arguments, environment, folder, input and output are the
    /// [`Command`]'s.
    ///
    /// Once the context is done the program is killed, and the outcome is the context's cause. Programs that it has started
    /// are not killed. Executions of the task at the same time run the program once each.
    ///
    /// # Errors
    /// The task fails with an [`io::Error`] if the program cannot be started, and with [`Exited`] unless it ends with
    /// status 0.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::routine::{Executor, Exited, Task};
    /// use std::process::Command;
    /// use std::time::Duration;
    /// let shell = |text: &str| {
    ///     let mut command = Command::new("sh");
    ///     command.args(["-c", text]).env("STATUS", "3");
    ///     Task::program(command)
    /// };
    /// assert!(shell("true").execute(&background()).is_ok());
    /// let error = shell("exit $STATUS").execute(&background()).expect_err("it fails");
    /// assert_eq!(error.downcast_ref::<Exited>().and_then(|exited| exited.status().code()), Some(3));
    /// let error = shell("exec sleep 3600").timeout(Duration::from_millis(1)).execute(&background());
    /// assert_eq!(error.expect_err("it is killed").to_string(), "context deadline exceeded");
    /// ```
    pub fn program(command: Command) -> Task {
        let command = Mutex::new(command);
        Task::new(move |context: &Context| {
            ended_by(context)?;
            let child = command.lock().spawn()?;
            let status = Running(Arc::new(Mutex::new(Some(child)))).wait(context)?;
            ended_by(context)?;
            if status.success() { Ok(()) } else { Err(Exited(status).into()) }
        })
    }
}

/// A program that runs; if this is dropped, then it is killed and waited for.
struct Running(Arc<Mutex<Option<Child>>>);

impl Running {
    /// Waits until the program has ended, and kills it once the context is done.
    fn wait(self, context: &Context) -> io::Result<ExitStatus> {
        let (running, ended) = bounded::<()>(0);
        let child = Arc::clone(&self.0);
        let stop = after_func(context, move || {
            let _running = running;
            if let Some(child) = &mut *child.lock() {
                // It may have ended, but its number is its own until it has been waited for.
                _ = child.kill();
            }
        });
        let number = self.0.lock().as_ref().map_or(0, Child::id);
        blocking(|| await_end(number));
        // From here on nothing kills it, so its number may become another's.
        let child = self.0.lock().take();
        let status = child.map(|mut child| child.wait());
        if !stop.stop() {
            // The closure has begun.
            _ = ended.recv();
        }
        status.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.lock().take() {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Waits until a child has ended, and leaves it to be waited for.
fn await_end(number: u32) {
    loop {
        let mut info = core::mem::MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: the call writes to the place that the pointer names, which has room for what it writes.
        let waited =
            unsafe { libc::waitid(libc::P_PID, number, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
        // Another error than an interruption says that there is no such child: then there is nothing to wait for.
        if waited == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// The error that a program ends with whose status is not 0 ([`Task::program`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exited(ExitStatus);

impl Exited {
    /// Returns how the program has ended.
    pub fn status(&self) -> ExitStatus {
        self.0
    }
}

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the program ended with {}", self.0)
    }
}

impl std::error::Error for Exited {}
