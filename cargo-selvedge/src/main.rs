//! `cargo selvedge`: which orderings, fences and wake-ups the tests of a crate need, and which would repair it.

mod audit;
mod judge;
mod project;
mod repair;
mod tighten;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo")]
struct Cargo {
    #[command(subcommand)]
    command: Selvedge,
}

#[derive(Subcommand)]
enum Selvedge {
    /// What selvedge can do for a crate
    #[command(version)]
    Selvedge {
        #[command(subcommand)]
        command: Command,
    },
}

#[derive(Subcommand)]
enum Command {
    /// Weaken each ordering and leave out each fence and wake-up in turn, and see which the tests need
    Audit(audit::Arguments),
    /// Find the fewest stronger orderings and fences after which failing tests pass
    Repair(repair::Arguments),
    /// Find the weakest orderings and the fewest fences with which all tests still pass
    Tighten(tighten::Arguments),
}

fn main() -> ExitCode {
    let Cargo { command: Selvedge::Selvedge { command } } = Cargo::parse();
    let outcome = match &command {
        Command::Audit(arguments) => audit::run(arguments),
        Command::Repair(arguments) => repair::run(arguments),
        Command::Tighten(arguments) => tighten::run(arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("cargo selvedge: {why}");
            ExitCode::from(2)
        }
    }
}
