//! Selvedge's `sync` against Go's, by whole programs that run in turn: the medians of several runs, and their ratio.
//! Without Go the program says so, and does not fail.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "benches run on real threads")]

use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::sync::{Mutex, RwMutex, WaitGroup};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

/// Scenarios, and how many operations each has.
const SCENARIOS: [(&str, u64); 10] = [
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
];

/// Runs of each program.
const ROUNDS: usize = 5;

/// Runs half of the operations in each of two threads.
fn both(times: u64, run: impl Fn(u64, u64) + Sync) {
    thread::scope(|scope| {
        scope.spawn(|| run(1, times / 2));
        run(2, times / 2);
    });
}

fn use_map(keys: u64, every: u64, times: u64) -> Duration {
    let map: Map<u64, u64> = (0..keys).map(|key| (key, key)).collect();
    let started = Instant::now();
    both(times, |mut random, times| {
        for n in 0..times {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (random >> 33) % keys;
            if every != 0 && n % every == every - 1 {
                map.store(key, n);
            } else {
                black_box(map.load(&key));
            }
        }
    });
    started.elapsed()
}

/// Returns the time of a scenario here; `None`: no scenario has this name.
fn ours(scenario: &str, times: u64) -> Option<Duration> {
    let started = Instant::now();
    match scenario {
        "mutex" => {
            let lock = Mutex::new(0_u64);
            (0..times).for_each(|_| *black_box(&lock).lock() += 1);
        }
        "mutex-two" => {
            let lock = Mutex::new(0_u64);
            both(times, |_, times| (0..times).for_each(|_| *lock.lock() += 1));
        }
        "rw-read" => {
            let lock = RwMutex::new(0_u64);
            (0..times).for_each(|_| _ = black_box(*black_box(&lock).read()));
        }
        "wait-group" => {
            let group = WaitGroup::new();
            for _ in 0..times {
                group.add(1);
                group.done();
                group.wait();
            }
        }
        "pool" => {
            let pool = Pool::new(|| [0_u8; 64]);
            (0..times).for_each(|_| _ = black_box(pool.get()));
        }
        "pool-two" => {
            let pool = Pool::new(|| [0_u8; 64]);
            both(times, |_, times| (0..times).for_each(|_| _ = black_box(pool.get())));
        }
        "map-1024-loads" => return Some(use_map(1024, 0, times)),
        "map-1024-stores" => return Some(use_map(1024, 10, times)),
        "map-million-loads" => return Some(use_map(1_000_000, 0, times)),
        "map-million-stores" => return Some(use_map(1_000_000, 10, times)),
        _ => return None,
    }
    Some(started.elapsed())
}

/// Returns the nanoseconds that a program prints.
fn run(program: &Path, scenario: &str, times: u64) -> Result<u64, String> {
    let shown = program.display();
    let output = Command::new(program).args([scenario, &times.to_string()]).output();
    let output = output.map_err(|error| format!("{shown} does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        format!("{shown} {scenario} prints no number: {text}{}", String::from_utf8_lossy(&output.stderr))
    })
}

fn build_go() -> Result<Option<PathBuf>, String> {
    let go = std::env::var("GO").unwrap_or_else(|_| "go".to_string());
    if Command::new(&go).arg("version").output().is_err() {
        return Ok(None);
    }
    let program = std::env::temp_dir().join(format!("selvedge-against-go-{}", std::process::id()));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/go/main.go");
    let built = Command::new(&go).args(["build", "-o"]).arg(&program).arg(source).status();
    match built {
        Ok(status) if status.success() => Ok(Some(program)),
        Ok(status) => Err(format!("`{go} build` ended with {status}")),
        Err(error) => Err(format!("`{go} build` does not start: {error}")),
    }
}

fn compare(go: &Path) -> Result<(), String> {
    let me = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    println!("{:<20} {:>10} {:>10}  ours/Go", "scenario", "ours", "Go");
    for (scenario, times) in SCENARIOS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(run(&me, scenario, times)?);
            theirs.push(run(go, scenario, times)?);
        }
        let each = |all: &mut Vec<u64>| {
            all.sort_unstable();
            all[ROUNDS / 2] as f64 / times as f64
        };
        let (ours, theirs) = (each(&mut ours), each(&mut theirs));
        println!("{scenario:<20} {ours:>7.1} ns {theirs:>7.1} ns  {:.2}", ours / theirs);
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [scenario, times] => match times.parse().ok().and_then(|times| ours(scenario, times)) {
            Some(took) => {
                println!("{}", took.as_nanos());
                Ok(())
            }
            None => Err(format!("no scenario `{scenario}` with `{times}` operations")),
        },
        _ => match build_go() {
            Ok(None) => {
                println!("against-go: there is no Go here (set GO to its command): nothing was compared");
                Ok(())
            }
            Ok(Some(go)) => {
                let compared = compare(&go);
                // The folder was made for this run.
                _ = std::fs::remove_file(&go);
                compared
            }
            Err(error) => Err(error),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("against-go: {error}");
            ExitCode::FAILURE
        }
    }
}
