//! The command line of `selvedge`.

pub(crate) mod audit;
pub(crate) mod bugs;
mod jobs;
mod junit;
pub(crate) mod litmus;
pub(crate) mod merge;
mod page;
mod row;
pub(crate) mod tighten;
pub(crate) mod verify;

use clap::{Args, Parser, Subcommand};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use selvedge_check::Engine;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Verifies selvedge's primitives under every engine that is compiled in.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run every model, and the mutants that it must catch
    Verify(VerifyArguments),
    /// Run concurrency bugs of well-known programs, buggy and fixed
    Bugs(Selection),
    /// Weaken each ordering of the primitives and leave out each fence and wake-up, and see which models
    /// object
    Audit(AuditArguments),
    /// Find the weakest orderings of the primitives with which all models that meet them still pass
    Tighten(TightenArguments),
    /// Add up the JSON reports of the shares of one verification
    Merge(MergeArguments),
    /// Explore litmus programs under memory models, and hold their counts against the known ones
    Litmus(LitmusArguments),
}

/// What to run, and how to show it.
#[derive(Args)]
pub(crate) struct Selection {
    /// Only those whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Only under this engine; may be given several times
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<Engine>,
    /// One JSON document on standard output instead of a table
    #[arg(long)]
    json: bool,
    /// How many to run at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
}

/// The arguments of `audit`.
#[derive(Args)]
pub(crate) struct AuditArguments {
    #[command(flatten)]
    selection: Selection,
    /// Write a page too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Seconds for each model with each change
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: u64,
    /// Only by models whose name contains this
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
}

/// The arguments of `tighten`.
#[derive(Args)]
pub(crate) struct TightenArguments {
    #[command(flatten)]
    selection: Selection,
    /// Executions of each model with each change, in each of its searches
    #[arg(long, value_name = "N", default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(1..))]
    executions: u64,
    /// Try also what comments explain, and say whether a model objects; it is never proposed
    #[arg(long)]
    explained: bool,
    /// Only by models whose name contains this
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
}

/// The arguments of `merge`.
#[derive(Args)]
pub(crate) struct MergeArguments {
    /// What `selvedge verify --json --shard I/N` has printed, for each I
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// One JSON document on standard output instead of a table
    #[arg(long)]
    json: bool,
}

/// Parses a share, such as `2/4`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("`{text}` is not a share; write the share and how many there are, such as 2/4");
    let (shard, shards) = text.split_once('/').ok_or_else(wrong)?;
    let (shard, shards) = (shard.parse().map_err(|_| wrong())?, shards.parse().map_err(|_| wrong())?);
    if (1..=shards).contains(&shard) { Ok((shard, shards)) } else { Err(wrong()) }
}

/// The arguments of `litmus`.
#[derive(Args)]
pub(crate) struct LitmusArguments {
    /// Only these programs; else all but the longest
    names: Vec<String>,
    /// Under this engine instead of the graph engine, with its outcomes held against the graph engine's; may be given
    /// several times
    #[arg(long = "engine", value_name = "ENGINE")]
    engines: Vec<Engine>,
    /// Under this memory model (c20, c20-published, rc11, genmc, ra, tso, sc); under two, with a comma between, to see
    /// where they differ. By default under those that the programs have numbers for
    #[arg(long = "model", value_name = "MODEL", value_delimiter = ',', conflicts_with_all = ["native"])]
    models: Vec<String>,
    /// Programs of your own, in the notation that the documentation of `selvedge_models::litmus` describes
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// On this machine's processors, with what they show held against what their model allows: tso on x86-64, else c20
    #[arg(long, conflicts_with_all = ["engines", "explore_jobs"])]
    native: bool,
    /// How often to run each program natively
    #[arg(long, value_name = "N", default_value_t = 1_000_000, requires = "native", value_parser = clap::value_parser!(u64).range(1..))]
    instances: u64,
    /// The longest programs too: millions of executions
    #[arg(long)]
    all: bool,
    /// Jobs that the graph engine shares each exploration among
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    explore_jobs: u16,
    /// One JSON document on standard output instead of a table
    #[arg(long)]
    json: bool,
    /// How many to run at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
}

/// The arguments of `verify`.
#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    selection: Selection,
    /// No preemption bounds, ten minutes for each model and engine, and 10,000 native runs
    #[arg(long)]
    full: bool,
    /// Jobs that the graph engine shares each exploration among
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    explore_jobs: u16,
    /// One of so many shares of each exploration under the graph engine, such as 2/4; `selvedge merge` adds the shares'
    /// reports
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// A folder in which the graph engine leaves what a time limit kept it from exploring, and from which it goes on
    #[arg(long, value_name = "FOLDER")]
    checkpoint: Option<PathBuf>,
    /// Write a page: models by primitive, engines side by side
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// An audit for that page: what `selvedge audit --json` has printed
    #[arg(long, value_name = "FILE", requires = "html")]
    audit: Option<PathBuf>,
    /// Write JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Seconds for each model under each engine, such as 0.3; 2, or 600 with --full, if not given
    #[arg(long, value_name = "SECONDS", value_parser = above_zero)]
    time_limit: Option<Duration>,
}

/// Reads a time in seconds.
fn above_zero(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| "give a number of seconds above 0".to_string())
}

impl Selection {
    /// Returns the engines that were asked for, or all that are compiled in.
    fn engines(&self) -> Result<Vec<Engine>, String> {
        if self.engines.is_empty() {
            return Ok(Engine::available());
        }
        if let Some(missing) = self.engines.iter().find(|engine| !engine.is_available()) {
            return Err(format!(
                "{missing} is not compiled in; add `--features loom,shuttle,graph` to cargo's command"
            ));
        }
        Ok(self.engines.clone())
    }

    /// Returns those of `all` whose names contain the filter.
    fn select<T>(&self, all: &'static [T], name: impl Fn(&T) -> &str) -> Result<Vec<&'static T>, String> {
        let wanted = self.filter.as_deref().unwrap_or("");
        let found: Vec<_> = all.iter().filter(|item| name(item).contains(wanted)).collect();
        if found.is_empty() {
            let names: Vec<_> = all.iter().map(&name).collect();
            return Err(format!("nothing is named `{wanted}`; there are:\n  {}", names.join("\n  ")));
        }
        Ok(found)
    }
}

/// Prints one JSON document.
fn print_json(rows: &impl Serialize) -> Result<(), String> {
    println!("{}", serde_json::to_string_pretty(rows).map_err(|error| error.to_string())?);
    Ok(())
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(head);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// Returns a cell in green or red.
fn coloured(text: &str, good: bool) -> Cell {
    cargo_selvedge::coloured(text, if good { Color::Green } else { Color::Red })
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Returns the number of outcomes, and one of them: `2, such as T0.r0=1 T1.r0=0`.
fn counted(outcomes: &[String]) -> String {
    match outcomes.first() {
        None => "0".to_string(),
        Some(first) => format!("{}, such as {first}", outcomes.len()),
    }
}
