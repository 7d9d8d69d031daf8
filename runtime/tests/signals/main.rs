//! Signals: each program runs in a process of its own, on a plain thread and on goroutines, and gets real signals.

#![cfg(unix)]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod channels;
mod contexts;
#[path = "../../examples/daemon.rs"]
#[allow(unreachable_pub, reason = "an example")]
mod daemon;
mod endings;
mod forks;

use libtest_mimic::{Arguments, Failed, Trial};
use selvedge_go::Builder;
use selvedge_go::signal::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Output, Stdio};

/// The environment variables that name the program which a process is to run, and on how many Ps; 0: on a plain thread.
const PROGRAM: &str = "SELVEDGE_GO_TEST_PROGRAM";
const PROCS: &str = "SELVEDGE_GO_TEST_PROCS";

/// The program that is the example.
const DAEMON: &str = "daemon";

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(Signal),
}

/// A program, and how it is to end.
struct Program {
    name: &'static str,
    run: fn(),
    end: End,
    /// What it says on the standard error.
    says: &'static [&'static str],
}

impl Program {
    const fn new(name: &'static str, run: fn()) -> Program {
        Program { name, run, end: End::Status(0), says: &[] }
    }

    const fn ends(self, end: End) -> Program {
        Program { end, ..self }
    }

    const fn says(self, says: &'static [&'static str]) -> Program {
        Program { says, ..self }
    }

    fn check(&self, procs: usize) -> Result<(), Failed> {
        let this = std::env::current_exe()?;
        let mut command = Command::new(this);
        command.env(PROGRAM, self.name).env(PROCS, procs.to_string()).env("RUST_BACKTRACE", "0");
        let Output { status, stderr, .. } = command.output()?;
        let text = String::from_utf8_lossy(&stderr);
        let end = match status.signal() {
            Some(number) => End::Signal(Signal::new(number).map_err(|_| format!("{status}\n{text}"))?),
            None => End::Status(status.code().expect("a status or a signal")),
        };
        if end != self.end {
            return Err(format!("it ends with {status}, and says:\n{text}").into());
        }
        match self.says.iter().find(|words| !text.contains(**words)) {
            Some(words) => Err(format!("it does not say {words:?}:\n{text}").into()),
            None if self.says.is_empty() && !text.is_empty() => Err(format!("it says:\n{text}").into()),
            None => Ok(()),
        }
    }
}

/// Sends a signal to this process. A handler that is called has returned when this does, or runs on another thread.
fn send(signal: Signal) {
    // SAFETY: the call has no effect on memory.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.number()) }, 0);
}

/// Sends a signal to this thread, whose handler has returned when this does.
fn raise(signal: Signal) {
    // SAFETY: the call has no effect on memory.
    assert_eq!(unsafe { libc::raise(signal.number()) }, 0);
}

/// Runs the example, and shuts it down by SIGTERM once it has worked.
fn check_daemon() -> Result<(), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.env(PROGRAM, DAEMON).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let number = i32::try_from(child.id())?;
    let send = |signal: Signal| {
        // SAFETY: the call has no effect on memory.
        assert_eq!(unsafe { libc::kill(number, signal.number()) }, 0);
    };
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut until = |words: &str| {
        lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains(words))
            .ok_or(format!("it does not say {words}"))
    };
    until("ready")?;
    send(Signal::SIGHUP);
    until("read the settings again")?;
    loop {
        send(Signal::SIGUSR1);
        if !until("jobs done")?.starts_with("0 ") {
            break;
        }
    }
    send(Signal::SIGTERM);
    until("terminated signal received: shutting down")?;
    let last = until("jobs begun")?;
    let numbers: Vec<u32> = last.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(
            format!("it ends with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    match numbers[..] {
        [begun, ended] if begun == ended && begun > 0 => Ok(()),
        _ => Err(format!("jobs are left: {last}").into()),
    }
}

fn main() -> ExitCode {
    let programs = || {
        let all = [channels::PROGRAMS, contexts::PROGRAMS, endings::PROGRAMS, forks::PROGRAMS];
        all.into_iter().flatten()
    };
    if let Ok(name) = std::env::var(PROGRAM) {
        if name == DAEMON {
            daemon::main();
            return ExitCode::SUCCESS;
        }
        let run = programs().find(|program| program.name == name).expect("the program exists").run;
        match std::env::var(PROCS).expect("a number of Ps").parse().expect("a number") {
            0 => run(),
            procs => Builder::new().procs(procs).run(run),
        }
        return ExitCode::SUCCESS;
    }
    let forms = [("thread", 0), ("one_p", 1), ("two_ps", 2)];
    let trials = programs().flat_map(|program| {
        forms.map(|(form, procs)| {
            Trial::test(format!("{}::{form}", program.name), move || program.check(procs))
        })
    });
    let daemon = Trial::test("the_daemon_shuts_down_when_it_is_told_to", check_daemon);
    libtest_mimic::run(&Arguments::from_args(), trials.chain([daemon]).collect()).exit_code()
}
