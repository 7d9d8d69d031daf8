//! `cargo selvedge audit`: which orderings, fences and wake-ups the tests of a crate need.

use cargo_selvedge::{Summary, report, sources};
use clap::{Args, Parser, Subcommand};
use selvedge_check::audit::Entry;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode};

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
    Audit(Audit),
}

#[derive(Args)]
struct Audit {
    /// Features to test with; the graph engine judges best
    #[arg(long, default_value = "graph")]
    features: String,
    /// The package, if it is not that of the current folder
    #[arg(short, long)]
    package: Option<String>,
    /// The folder with the source, from where cargo runs
    #[arg(long, default_value = "src")]
    source: PathBuf,
    /// Only operations whose file and line contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// One JSON document on standard output instead of a table
    #[arg(long)]
    json: bool,
    /// Write a page too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Passed on to `cargo test`
    #[arg(last = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    let Cargo { command: Selvedge::Selvedge { command: Command::Audit(arguments) } } = Cargo::parse();
    match audit(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("cargo selvedge: {why}");
            ExitCode::from(2)
        }
    }
}

/// Runs the tests, shows what the audit has found, and returns whether everything is needed or explained.
fn audit(arguments: &Audit) -> Result<bool, String> {
    let folder = target_folder()?.join("selvedge/audit");
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{} cannot be emptied: {error}", folder.display()));
        }
        _ => (),
    }
    run_tests(arguments, &folder)?;
    let mut entries = read(&folder)?;
    let mut sites = Vec::new();
    for source in sources(Path::new(""), &arguments.source)? {
        sites.extend(source.scan()?);
    }
    if let Some(filter) = &arguments.filter {
        entries.retain(|entry| format!("{}:{}", entry.file, entry.line).contains(filter));
        sites.retain(|site| format!("{}:{}", site.file, site.lines.0).contains(filter));
    }
    if entries.is_empty() && sites.is_empty() {
        return Err(
            "nothing to audit: no ordering, fence or wake-up fits; look at --source and --filter".to_string()
        );
    }
    let summary = Summary::new(entries, &sites, |file| std::fs::read_to_string(file).ok());
    report(&summary, arguments.html.as_deref(), arguments.json)
}

/// Returns the command `cargo`.
fn cargo() -> Process {
    Process::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the target folder of the workspace, as cargo's settings and variables have it.
fn target_folder() -> Result<PathBuf, String> {
    let asked = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let told = asked.map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).trim().to_string());
    }
    let workspace: serde_json::Value = serde_json::from_slice(&told.stdout)
        .map_err(|error| format!("`cargo metadata` is not understood: {error}"))?;
    let folder = workspace["target_directory"].as_str();
    folder.map(PathBuf::from).ok_or_else(|| "`cargo metadata` names no target folder".to_string())
}

fn run_tests(arguments: &Audit, folder: &Path) -> Result<(), String> {
    let mut test = cargo();
    test.args(["test", "--quiet", "--features", &arguments.features]);
    if let Some(package) = &arguments.package {
        test.args(["--package", package]);
    }
    test.args(&arguments.rest).env("SELVEDGE_AUDIT", folder);
    // The output of the tests is no part of the report.
    test.stdout(std::process::Stdio::null());
    let status = test.status().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("the tests fail as they are; an audit begins with tests that pass (`cargo test` says more)"
            .to_string())
    }
}

fn read(folder: &Path) -> Result<Vec<Entry>, String> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return Err("no test was audited: none calls `check` or `Checker::check` on a model".to_string());
    };
    let mut entries = Vec::new();
    for file in files.flatten() {
        let path = file.path();
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let found: Vec<Entry> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        entries.extend(found);
    }
    Ok(entries)
}
