//! The `selvedge` command: verifies the models, and finds the bugs.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the command runs models; it is not one"
)]

mod command;

use clap::Parser;
use command::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Verify(arguments) => command::verify::run(&arguments),
        Command::Bugs(arguments) => command::bugs::run(&arguments),
        Command::Audit(arguments) => command::audit::run(&arguments),
        Command::Tighten(arguments) => command::tighten::run(&arguments),
        Command::Merge(arguments) => command::merge::run(&arguments),
        Command::Litmus(arguments) => command::litmus::run(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("selvedge: {error}");
            ExitCode::from(2)
        }
    }
}
