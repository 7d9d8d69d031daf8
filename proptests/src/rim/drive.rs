//! Draws programs, runs them in a process of their own, and shrinks one that fails.
//!
//! A fault in a primitive may abort the process, corrupt its memory or never return, and then no code in it could
//! shrink the program. So a test starts itself again as a *runner*, which runs case after case and says which one it
//! begins. If the runner panics, dies or hangs, the test shrinks that case, with one runner for each
//! candidate. A runner makes a candidate itself: it draws the program from the seed of the case, and follows the path of
//! the choices among [`Smaller::smaller`] that led to it.
//!
//! A case also fails if each run of it leaves more memory behind than the program says that it forgets.

use super::patience::{Patience, Watch};
use super::smaller::Smaller;
use core::fmt::Debug;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The seed of the short run.
const SEED: u64 = 0x5e17ed6e;
/// What a runner has to do: the test, the seed, the first case, the end, and the path of a candidate.
const JOB: &str = "SELVEDGE_RIM_JOB";
/// How many candidates are tried to shrink a program.
const CANDIDATES: usize = 500;
/// How long a runner may begin no further case.
const PATIENCE: Patience = Patience { looks: 30, seconds: 90 };
/// How long a runner may begin no further case when it tries a candidate of a program that hangs.
const LESS_PATIENCE: Patience = Patience { looks: 3, seconds: 30 };

/// A family of programs.
#[derive(Debug)]
pub struct Family<S, R> {
    /// The name of the test, as libtest knows it.
    pub test: &'static str,
    /// How many programs the short run draws.
    pub cases: u64,
    /// The programs.
    pub programs: S,
    /// Runs one; returns how many bytes it may leave allocated.
    pub run: R,
    /// How many bytes are allocated now.
    pub live: fn() -> isize,
}

/// How a program failed, and the program.
struct Failing {
    program: String,
    why: String,
}

impl<S, R> Family<S, R>
where
    S: Strategy,
    S::Value: Debug + Smaller,
    R: Fn(&S::Value) -> isize,
{
    /// Runs the programs: `cases` many with a fixed seed; or, if `SELVEDGE_SOAK` names a number of seconds, new ones
    /// for that long.
    ///
    /// # Panics
    /// With the smallest program found that fails.
    pub fn check(&self) {
        if let Ok(job) = std::env::var(JOB) {
            return self.work(&job);
        }
        if cfg!(miri) {
            // Miri has no processes.
            (0..self.cases.min(20)).for_each(|case| self.once(&self.program(SEED, case)));
            return;
        }
        let Some(seconds) = std::env::var("SELVEDGE_SOAK").ok().and_then(|text| text.parse().ok()) else {
            return self.search(SEED, 0, self.cases);
        };
        let seed = RandomState::new().hash_one(self.test);
        let begun = Instant::now();
        let mut case = 0;
        // As many at a time as in the short run: a run that is much longer than was asked for finds out late.
        while begun.elapsed() < Duration::from_secs(seconds) {
            self.search(seed, case, case + self.cases);
            case += self.cases;
        }
    }

    fn search(&self, seed: u64, from: u64, to: u64) {
        let Err((case, why)) = self.runner(seed, from, to, "", PATIENCE) else { return };
        let Failing { program, why } = self.shrunk(seed, case, why);
        panic!("{} (seed {seed:#x}, case {case}):\n{program}\n{why}", self.test);
    }

    /// Takes smaller programs that fail, until there is none.
    fn shrunk(&self, seed: u64, case: u64, why: String) -> Failing {
        let mut program = self.program(seed, case);
        let patience = if why == HANGS { LESS_PATIENCE } else { PATIENCE };
        let (mut why, mut path, mut left) = (why, String::new(), CANDIDATES);
        loop {
            let (mut at, mut smaller, before) = (0, program.smaller(), path.len());
            while at < smaller.len() && left > 0 {
                left -= 1;
                let candidate = format!("{path},{at}");
                if let Err((_, how)) = self.runner(seed, case, case + 1, &candidate, patience) {
                    (why, path) = (how, candidate);
                    program = smaller.swap_remove(at);
                    smaller = program.smaller();
                } else {
                    at += 1;
                }
            }
            if left == 0 || path.len() == before {
                return Failing { program: format!("{program:?}"), why };
            }
        }
    }

    /// Runs cases in a process of their own, and returns the first that fails, and how.
    fn runner(
        &self,
        seed: u64,
        from: u64,
        to: u64,
        path: &str,
        patience: Patience,
    ) -> Result<(), (u64, String)> {
        let mut runner = Command::new(std::env::current_exe().expect("a test has a file"))
            .args(["--exact", self.test, "--nocapture", "--test-threads=1"])
            .env(JOB, format!("{seed} {from} {to} {path}"))
            // Steps that forget leak, and `run` says how much.
            .env(
                "ASAN_OPTIONS",
                format!("{}:detect_leaks=0", std::env::var("ASAN_OPTIONS").unwrap_or_default()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a test can start itself");
        let said = BufReader::new(runner.stdout.take().expect("it is piped"));
        let mut errors = runner.stderr.take().expect("it is piped");
        let (tell, lines) = mpsc::channel();
        let reader = std::thread::spawn(move || {
            said.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line)));
        });
        let text = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _partly = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let (mut case, mut watch, mut hung) = (from, Watch::new(runner.id()), false);
        loop {
            match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => {
                    watch.hear();
                    case = line.strip_prefix("case ").and_then(|number| number.parse().ok()).unwrap_or(case);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if !watch.has_hung(patience) => (),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    hung = true;
                    runner.kill().expect("it is ours");
                    break;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = runner.wait().expect("it is ours");
        reader.join().expect("it does not panic");
        let text = text.join().expect("it does not panic");
        match (hung, status.success()) {
            (true, _) => Err((case, HANGS.to_string())),
            (false, true) => Ok(()),
            (false, false) => Err((case, format!("{status}\n{}", text.trim()))),
        }
    }

    /// Does the work of a runner.
    fn work(&self, job: &str) {
        let mut words = job.split(' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a job has three numbers");
        let (seed, from, to): (u64, u64, u64) = (number(), number(), number());
        let path = words.next().unwrap_or("");
        std::panic::set_hook(Box::new(remember));
        for case in from..to {
            let mut said = std::io::stdout();
            writeln!(said, "\ncase {case}").and_then(|()| said.flush()).expect("the test listens");
            let mut program = self.program(seed, case);
            for choice in path.split(',').skip(1) {
                program = program.smaller().swap_remove(choice.parse().expect("a path is of numbers"));
            }
            if catch_unwind(AssertUnwindSafe(|| self.once(&program))).is_err() {
                let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                eprintln!("{}", panics.last().map_or("a panic without a text", String::as_str));
                std::process::exit(1);
            }
        }
        std::process::exit(0);
    }

    /// Runs a program, and again if memory was left behind: what is made once stays, and a leak grows.
    fn once(&self, program: &S::Value) {
        let left = || {
            let before = (self.live)();
            let allowed = (self.run)(program);
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).clear();
            ((self.live)() - before, allowed)
        };
        let mut last = left();
        let mut again = 0;
        while last.0 > last.1 && again < 3 {
            last = left();
            again += 1;
        }
        if last.0 <= last.1 {
            return;
        }
        panic!("each run leaves {} bytes behind, where {} are to be expected", last.0, last.1);
    }

    fn program(&self, seed: u64, case: u64) -> S::Value {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&case.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        self.programs.new_tree(&mut runner).expect("nothing is filtered out").current()
    }
}

/// Returns a report without the steps: they would be those of the program before it shrank.
pub fn headline(report: &selvedge_check::Report) -> String {
    report.to_string().lines().take(12).collect::<Vec<_>>().join("\n")
}

const HANGS: &str = "it does not end";

/// The panics of the current program, of which most are its own.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn remember(panic: &std::panic::PanicHookInfo<'_>) {
    // A panic that cannot be caught is printed before the process aborts.
    if panic.to_string().contains("cannot unwind") || panic.to_string().contains("destructor during cleanup")
    {
        eprintln!("{panic}");
    }
    let what = if panic.payload().is::<super::user::Scripted>() { "a scripted panic came out: " } else { "" };
    let text = format!("{what}{panic}\n{}", std::backtrace::Backtrace::capture());
    PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
}
