//! How programs end: each runs in a process of its own, which has no thread but those of the runtime.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod bubbles;
#[path = "../common/mod.rs"]
mod common;
mod deadlocks;
mod faults;

use common::{MODE, MODES, builder};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};

/// The environment variable that names the program which a process is to run.
const PROGRAM: &str = "SELVEDGE_GO_TEST_PROGRAM";

/// A program, and how it is to end.
struct Program {
    name: &'static str,
    run: fn(),
    /// The exit status; `None`: a signal ends it.
    status: Option<i32>,
    /// What it says, in this order.
    says: &'static [&'static str],
    /// What it does not say.
    never_says: &'static [&'static str],
}

impl Program {
    const fn new(name: &'static str, run: fn()) -> Program {
        Program { name, run, status: Some(0), says: &[], never_says: &["deadlock", "warning", "fatal"] }
    }

    const fn fails(self, says: &'static [&'static str]) -> Program {
        Program { status: Some(2), says, never_says: &["warning"], ..self }
    }

    const fn says(self, says: &'static [&'static str]) -> Program {
        Program { says, never_says: &["fatal"], ..self }
    }

    const fn may_warn(self) -> Program {
        Program { never_says: &[], ..self }
    }

    const fn dies(self, says: &'static [&'static str]) -> Program {
        Program { status: None, says, never_says: &["goroutine"], ..self }
    }

    fn check(&self, mode: &str) -> Result<(), Failed> {
        let this = std::env::current_exe().map_err(|error| Failed::from(error.to_string()))?;
        let mut command = Command::new(this);
        let output = command.env(PROGRAM, self.name).env(MODE, mode).env("RUST_BACKTRACE", "0").output();
        let output = output.map_err(|error| Failed::from(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != self.status {
            return Err(format!("it ends with {}, and says:\n{text}", output.status).into());
        }
        let mut rest = text.as_str();
        for words in self.says {
            let Some(at) = rest.find(words) else {
                return Err(format!("it does not say {words:?}, or not there:\n{text}").into());
            };
            rest = &rest[at + words.len()..];
        }
        match self.never_says.iter().find(|words| text.contains(**words)) {
            Some(words) => Err(format!("it says {words:?}:\n{text}").into()),
            None => Ok(()),
        }
    }
}

/// Runs `main` as the first goroutine, in the mode of this process.
#[track_caller]
fn run<R>(main: impl FnOnce() -> R) -> R {
    builder().run(main)
}

fn main() -> ExitCode {
    let programs = || bubbles::PROGRAMS.iter().chain(deadlocks::PROGRAMS).chain(faults::PROGRAMS);
    if let Ok(name) = std::env::var(PROGRAM) {
        let program = programs().find(|program| program.name == name);
        (program.expect("the program exists").run)();
        return ExitCode::SUCCESS;
    }
    let trials = MODES.iter().flat_map(|mode| {
        programs().map(move |program| Trial::test(format!("{mode}_{}", program.name), || program.check(mode)))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
