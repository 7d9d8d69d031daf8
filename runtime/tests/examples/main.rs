//! The examples: each runs in a process of its own, as a user starts it, and prints what it is to print.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]
#![allow(unreachable_pub, dead_code, unused_imports, reason = "the examples are programs of their own")]

#[path = "../../examples/million.rs"]
mod million;
#[path = "../../examples/patterns.rs"]
mod patterns;
#[path = "../../examples/prime_sieve.rs"]
mod prime_sieve;
#[path = "../../examples/ring.rs"]
mod ring;
#[path = "../../examples/routine.rs"]
mod routine;
#[path = "../../examples/server.rs"]
mod server;
#[path = "../../examples/timeouts.rs"]
mod timeouts;
#[path = "../../examples/worker_pool.rs"]
mod worker_pool;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};

/// The environment variable that names the example which a process is to run.
const EXAMPLE: &str = "SELVEDGE_GO_TEST_EXAMPLE";

/// An example that another test runs: `daemon` needs signals, and is one of the tests of them.
const ELSEWHERE: &str = "daemon";

/// A run of an example.
struct Run {
    example: &'static str,
    main: fn(),
    arguments: &'static [&'static str],
    /// The lines that it prints, in this order, with a `*` for a number or a time that differs from run to run. Other lines
    /// may stand between them if the first one here says so: `...`.
    prints: &'static [&'static str],
    /// What holds for the numbers that stand for the `*`, beyond that they are there.
    holds: fn(&[u64]) -> bool,
}

impl Run {
    const fn new(
        example: &'static str,
        main: fn(),
        arguments: &'static [&'static str],
        prints: &'static [&'static str],
    ) -> Run {
        Run { example, main, arguments, prints, holds: |_| true }
    }

    const fn holds(self, holds: fn(&[u64]) -> bool) -> Run {
        Run { holds, ..self }
    }

    fn name(&self) -> String {
        [&[self.example], self.arguments].concat().join("_")
    }

    fn check(&self) -> Result<(), Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(self.arguments).env(EXAMPLE, self.example).env("RUST_BACKTRACE", "0");
        let output = command.output()?;
        let (text, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() || !errors.is_empty() {
            return Err(format!("it ends with {}, and says:\n{text}{errors}", output.status).into());
        }
        match stars(self.prints, &text) {
            Some(numbers) if (self.holds)(&numbers) => Ok(()),
            Some(numbers) => Err(format!("{numbers:?} do not belong together:\n{text}").into()),
            None => Err(format!("it does not print {:#?}, but:\n{text}", self.prints).into()),
        }
    }
}

/// Returns the numbers with which what stands for the `*` begins, if `text` has the lines of `prints`.
fn stars(prints: &[&str], text: &str) -> Option<Vec<u64>> {
    let (has_others, wanted) = match prints {
        ["...", wanted @ ..] => (true, wanted),
        wanted => (false, wanted),
    };
    let (mut wanted, mut numbers) = (wanted.iter().peekable(), Vec::new());
    for line in text.lines() {
        match wanted.peek().and_then(|pattern| stars_of_line(pattern, line)) {
            Some(more) => {
                numbers.extend(more);
                wanted.next();
            }
            None if has_others => (),
            None => return None,
        }
    }
    wanted.next().is_none().then_some(numbers)
}

fn stars_of_line(pattern: &str, line: &str) -> Option<Vec<u64>> {
    let mut parts = pattern.split('*');
    let (mut rest, mut numbers) = (line.strip_prefix(parts.next()?)?, Vec::new());
    for part in parts {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        numbers.push(rest[..digits].parse().ok()?);
        let end = if part.is_empty() { rest.len() } else { rest.find(part)? };
        rest = &rest[end + part.len()..];
    }
    rest.is_empty().then_some(numbers)
}

const PATTERNS: Run = Run::new(
    "patterns",
    patterns::main,
    &[],
    &[
        "fetch: 10 answers, and server * was the first",
        "pipeline: the squares up to 30 add up to 9455",
        "produce: the consumers took [*] values",
        "broker: 10 messages were read; * were missed, then the subscriber was evicted: true",
        "workers: fifteen jobs add up to 1240",
        "crawl: Some(1186) after 37 numbers is the first one with four digits",
        "rate: fifteen tokens took *, and ten turns *",
        "exit: the quickest goroutine had come to Some(*)",
        "group: the first error is Err(7)",
    ],
);

/// Each example at least once; arguments choose, or keep a run short.
const RUNS: &[Run] = &[
    // A page of stack at least, and without optimisation a few.
    Run::new("million", million::main, &["10000"], &["10000 goroutines have waited, in * bytes each"])
        .holds(|numbers| matches!(numbers, [3_000..=20_000])),
    PATTERNS.holds(|numbers| matches!(numbers, [1..=10, 0..=300, 3, .., 99..=u64::MAX])),
    Run::new(
        "patterns",
        patterns::main,
        &["workers", "group"],
        &["workers: fifteen jobs add up to 1240", "group: the first error is Err(7)"],
    ),
    Run::new("patterns", patterns::main, &["no-such-pattern"], &[]),
    Run::new("prime_sieve", prime_sieve::main, &[], &["prime 100 is 541"]),
    Run::new("prime_sieve", prime_sieve::main, &["10"], &["prime 10 is 29"]),
    Run::new("ring", ring::main, &["10", "10"], &["100 hops, * each"]),
    Run::new(
        "routine",
        routine::main,
        &["7"],
        &["...", "begins", "the connections are closed", "7 pages of 7: well"],
    ),
    Run::new(
        "server",
        server::main,
        &["8"],
        &["8 requests, * answered, * too late; the server stopped: the operator said so"],
    )
    .holds(|numbers| matches!(numbers, [answered, late] if answered + late == 8 && *late >= 2)),
    Run::new("timeouts", timeouts::main, &[], &["* calls in 30 days, in *"]),
    Run::new(
        "worker_pool",
        worker_pool::main,
        &["3", "1000"],
        &["the longest sequence up to 1000 begins with 871: 179 numbers"],
    ),
    Run::new("worker_pool", worker_pool::main, &["2", "0"], &["there was nothing to do"]),
];

/// Compares the folder of the examples with those that are run.
fn check_that_each_is_run() -> Result<(), Failed> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name != ELSEWHERE && !RUNS.iter().any(|run| run.example == name) {
            return Err(format!("no test runs {}", path.display()).into());
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(EXAMPLE) {
        (RUNS.iter().find(|run| run.example == name).expect("the example exists").main)();
        return ExitCode::SUCCESS;
    }
    let mut trials: Vec<Trial> = RUNS.iter().map(|run| Trial::test(run.name(), || run.check())).collect();
    trials.push(Trial::test("each_example_is_run", check_that_each_is_run));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
