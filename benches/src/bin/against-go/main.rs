//! Selvedge against Go, and goroutines against the tasks of tokio and the coroutines of may, by whole programs that run in
//! turn: the medians of several runs, and their ratio. Goroutines run in each of the three modes in which they may change their threads:
//! `ours` is the default. Without Go the program says so, and does not fail.
//!
//! Words after the program's name choose the scenarios whose names contain one of them.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "benches run on real threads")]

mod contexts;
mod coroutines;
mod goroutines;
mod sync;
mod tasks;

use selvedge_go::Migration;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Scenarios, and how many operations each has.
const SCENARIOS: [(&str, u64); 44] = [
    ("mutex", 20_000_000),
    ("mutex-two", 4_000_000),
    ("rw-read", 20_000_000),
    ("wait-group", 10_000_000),
    ("pool", 10_000_000),
    ("pool-two", 10_000_000),
    ("map-1024-loads", 10_000_000),
    ("map-1024-stores", 4_000_000),
    ("map-million-loads", 4_000_000),
    ("map-million-stores", 2_000_000),
    ("go-ping-pong", 1_000_000),
    ("go-ping-pong-locked", 20_000),
    ("go-cond-ping-pong", 1_000_000),
    ("go-spsc-0", 2_000_000),
    ("go-spsc-1", 2_000_000),
    ("go-spsc-128", 10_000_000),
    ("go-mpmc-2x-0", 2_000_000),
    ("go-mpmc-8x-128", 8_000_000),
    ("go-pipeline-100", 20_000),
    ("go-ring-1000", 2_000_000),
    ("go-select-2", 1_000_000),
    ("go-select-8", 1_000_000),
    ("go-start", 2_000_000),
    ("go-start-chain", 2_000_000),
    ("go-start-join", 1_000_000),
    ("go-start-wait", 1_000_000),
    ("go-yield-1", 10_000_000),
    ("go-yield-2", 10_000_000),
    ("go-yield-100", 10_000_000),
    ("go-yield-10000", 4_000_000),
    ("go-stack", 50_000),
    ("go-mutex-2", 4_000_000),
    ("go-mutex-32", 4_000_000),
    ("go-after-in-select", 2_000_000),
    ("go-timer-stop", 4_000_000),
    ("go-parked-bytes", 100_000),
    ("go-wake-and-end", 100_000),
    ("context-cancel", 4_000_000),
    ("context-child", 4_000_000),
    ("context-timeout", 2_000_000),
    ("context-tree-1000", 2_000),
    ("func-timer-stop", 4_000_000),
    ("func-timer-reset", 4_000_000),
    ("func-timer-many", 1_000_000),
];

/// Runs of each program.
const ROUNDS: usize = 5;

/// What a scenario is measured with: its name, and what gives a scenario's figure.
type Peer = (&'static str, fn(&str, u64) -> Option<u64>);

/// The peers that are part of this program.
const PEERS: [Peer; 5] =
    [("ours", ours), ("checked", checked), ("free", free), ("tokio", tasks::run), ("may", coroutines::run)];

fn ours(scenario: &str, times: u64) -> Option<u64> {
    sync::run(scenario, times).or_else(|| on_goroutines(scenario, times, Migration::never()))
}

fn checked(scenario: &str, times: u64) -> Option<u64> {
    // SAFETY: the goroutines of the scenarios keep across waits what is `Send`, and, in `go-ping-pong-locked`, the guard of a
    // thread, with which a goroutine stays there.
    on_goroutines(scenario, times, unsafe { Migration::checked() })
}

fn free(scenario: &str, times: u64) -> Option<u64> {
    // SAFETY: all that the goroutines of the scenarios keep across waits is `Send`, but for the guard of a thread in
    // `go-ping-pong-locked`, with which a goroutine stays there.
    on_goroutines(scenario, times, unsafe { Migration::free() })
}

fn on_goroutines(scenario: &str, times: u64, migration: Migration) -> Option<u64> {
    contexts::run(scenario, times, migration).or_else(|| goroutines::run(scenario, times, migration))
}

fn nanoseconds(took: Duration) -> u64 {
    took.as_nanos().try_into().expect("no scenario takes centuries")
}

/// Returns how much memory of the process is resident.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("the bench of memory runs on Linux");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second number counts resident pages") * 4096
}

/// Returns what a program prints; `None`: the peer has no such scenario.
fn run(program: &Path, arguments: [&str; 3]) -> Result<Option<u64>, String> {
    let shown = program.display();
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{shown} does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim() {
        "-" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("{shown} {} prints no number: {text}{errors}", arguments.join(" "))
        }),
    }
}

fn build_go() -> Result<Option<PathBuf>, String> {
    let go = std::env::var("GO").unwrap_or_else(|_| "go".to_string());
    if Command::new(&go).arg("version").output().is_err() {
        return Ok(None);
    }
    let program = std::env::temp_dir().join(format!("selvedge-against-go-{}", std::process::id()));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/go");
    let built = Command::new(&go).args(["build", "-o"]).arg(&program).arg(".").current_dir(source).status();
    match built {
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(status) => Err(format!("`{go} build` ended with {status}")),
        Err(error) => Err(format!("`{go} build` does not start: {error}")),
    }
}

/// Prints a row for each scenario whose name contains one of `words`: the medians of all peers, which run in turn.
fn compare(go: &Path, words: &[String]) -> Result<(), String> {
    let me = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let peers: Vec<(&str, &Path)> = PEERS.iter().map(|(peer, _)| (*peer, &*me)).chain([("go", go)]).collect();
    print!("{:<22}", "an operation (ns)");
    peers.iter().for_each(|(peer, _)| print!("{peer:>11}"));
    println!("  ours/Go");
    for (scenario, times) in SCENARIOS {
        if !words.is_empty() && !words.iter().any(|word| scenario.contains(word.as_str())) {
            continue;
        }
        let mut figures = vec![Vec::new(); peers.len()];
        for _ in 0..ROUNDS {
            for ((peer, program), figures) in peers.iter().zip(&mut figures) {
                figures.extend(run(program, [*peer, scenario, &times.to_string()])?);
            }
        }
        let medians: Vec<Option<f64>> = figures.iter_mut().map(|figures| median(figures, times)).collect();
        print!("{scenario:<22}");
        for figure in &medians {
            print!("{:>11}", figure.map_or_else(|| "-".to_string(), |figure| format!("{figure:.1}")));
        }
        match medians[..] {
            [Some(ours), .., Some(go)] => println!("  {:.2}", ours / go),
            _ => println!("  -"),
        }
    }
    Ok(())
}

/// The median, by operation; `None` if the peer has no figures.
fn median(figures: &mut [u64], times: u64) -> Option<f64> {
    figures.sort_unstable();
    Some(*figures.get(figures.len() / 2)? as f64 / times as f64)
}

/// Prints the figure of one scenario, for the program that compares.
fn measure(peer: &str, scenario: &str, times: &str) -> Result<(), String> {
    let (_, measure) = PEERS.iter().find(|(name, _)| *name == peer).ok_or(format!("no peer `{peer}`"))?;
    let times = times.parse().map_err(|_| format!("`{times}` is no number of operations"))?;
    match measure(scenario, times) {
        Some(figure) => println!("{figure}"),
        None => println!("-"),
    }
    Ok(())
}

fn build_and_compare(words: &[String]) -> Result<(), String> {
    let Some(go) = build_go()? else {
        println!("against-go: there is no Go here (set GO to its command): nothing was compared");
        return Ok(());
    };
    let compared = compare(&go, words);
    // It was made for this run.
    _ = std::fs::remove_file(&go);
    compared
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [peer, scenario, times] if PEERS.iter().any(|(name, _)| name == peer) => {
            measure(peer, scenario, times)
        }
        words => build_and_compare(words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("against-go: {error}");
            ExitCode::FAILURE
        }
    }
}
