//! A race between channels: each row is one task, which its contestants do in turn, in short slices, so that what else the
//! machine does meets all of them alike. A *run* is some slices of each contestant, and its result is their median. After
//! all runs a row says in how many of them selvedge met the goal, and how far the contestants' results lay apart.
//!
//! Arguments name the rows to run, by a part of their names. `--runs=5` sets the number of runs.

use std::process::ExitCode;
use std::time::Duration;

/// How long a slice takes, about.
const SLICE: Duration = Duration::from_millis(10);
/// The slices of each contestant in a run.
const SLICES: usize = 5;
/// What a row may take of the best peer's time where all threads share one processor.
const GOAL_OF_ONE_PROCESSOR: f64 = 1.2;

/// A channel that does the task of a row.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// Does the task for so many messages, and returns how long that took.
    pub(crate) run: Box<dyn Fn(u64) -> Duration>,
}

/// One task.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What selvedge may take at most, of the time of the best peer.
    pub(crate) goal: f64,
    /// The number of messages is a multiple of this.
    pub(crate) burst: u64,
    /// The first one is selvedge.
    pub(crate) contestants: Vec<Contestant>,
}

/// Returns a row whose task is a generic function of the channel: of a shape, and of the number of messages.
macro_rules! row {
    ($name:literal, $goal:expr, $burst:expr, $run:ident, $shape:expr, [$($peer:ident),*]) => {
        $crate::race::Row {
            name: $name,
            goal: $goal,
            burst: $burst,
            contestants: vec![$($crate::race::Contestant {
                name: <$peer as $crate::peers::Ends>::NAME,
                run: Box::new(|messages| $run::<$peer>($shape, messages)),
            }),*],
        }
    };
}
pub(crate) use row;

/// The results of one contestant: nanoseconds for each message, for each run.
struct Lane<'a> {
    contestant: &'a Contestant,
    messages: u64,
    results: Vec<f64>,
}

impl Lane<'_> {
    /// A lane whose slices take about as long as they should.
    fn calibrated(contestant: &Contestant, burst: u64) -> Lane<'_> {
        let mut messages = burst;
        loop {
            let took = (contestant.run)(messages);
            if took * 4 >= SLICE {
                let scale = SLICE.as_secs_f64() / took.as_secs_f64();
                let bursts = (messages as f64 * scale / burst as f64).ceil().max(1.0) as u64;
                return Lane { contestant, messages: bursts * burst, results: Vec::new() };
            }
            messages *= 2;
        }
    }

    fn slice(&self) -> f64 {
        (self.contestant.run)(self.messages).as_nanos() as f64 / self.messages as f64
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// The lowest, the middle, and the highest of some results.
struct Spread {
    low: f64,
    middle: f64,
    high: f64,
}

impl Spread {
    fn of(results: &[f64]) -> Spread {
        let fold = |pick: fn(f64, f64) -> f64| results.iter().copied().reduce(pick).expect("there is a run");
        Spread { low: fold(f64::min), middle: median(results.to_vec()), high: fold(f64::max) }
    }

    fn in_digits(&self, digits: usize) -> String {
        let Spread { low, middle, high } = self;
        format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
    }
}

/// The ratios of one row, for each run.
struct Ratios {
    to_best: Vec<f64>,
    to_crossbeam: Option<Vec<f64>>,
}

fn race(row: &Row, runs: usize) -> Ratios {
    let one_processor = std::thread::available_parallelism().is_ok_and(|threads| threads.get() == 1);
    let goal = if one_processor { GOAL_OF_ONE_PROCESSOR } else { row.goal };
    let mut lanes: Vec<Lane<'_>> =
        row.contestants.iter().map(|contestant| Lane::calibrated(contestant, row.burst)).collect();
    for _ in 0..runs {
        let mut slices = vec![Vec::new(); lanes.len()];
        for _ in 0..SLICES {
            lanes.iter().zip(&mut slices).for_each(|(lane, slices)| slices.push(lane.slice()));
        }
        lanes.iter_mut().zip(slices).for_each(|(lane, slices)| lane.results.push(median(slices)));
    }
    let (ours, peers) = lanes.split_first().expect("selvedge is in every row");
    let ratios = |to: &dyn Fn(usize) -> f64| (0..runs).map(|run| ours.results[run] / to(run)).collect();
    let best_of = |run: usize| peers.iter().map(|peer| peer.results[run]).fold(f64::INFINITY, f64::min);
    let crossbeam = peers.iter().find(|peer| peer.contestant.name == "crossbeam-channel");
    let to_best: Vec<f64> = ratios(&best_of);
    let to_crossbeam = crossbeam.map(|crossbeam| ratios(&|run| crossbeam.results[run]));
    let met = to_best.iter().filter(|ratio| **ratio <= goal).count();
    let to_crossbeam_text: Option<String> =
        to_crossbeam.as_ref().map(|ratios: &Vec<f64>| format!("{:.2}", Spread::of(ratios).middle));
    println!(
        "{:<26} {met}/{runs} <= {goal:.1} {:>22} {:>6}  {}",
        row.name,
        Spread::of(&to_best).in_digits(2),
        to_crossbeam_text.unwrap_or_default(),
        lanes
            .iter()
            .map(|lane| format!("{} {}", lane.contestant.name, Spread::of(&lane.results).in_digits(1)))
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ratios { to_best, to_crossbeam }
}

/// Returns the geometric mean of each run over some rows.
fn geometric_means(rows: &[Vec<f64>]) -> Vec<f64> {
    let runs = rows.first().map_or(0, Vec::len);
    let mean = |run: usize| (rows.iter().map(|row| row[run].ln()).sum::<f64>() / rows.len() as f64).exp();
    (0..runs).map(mean).collect()
}

/// Runs the rows that the arguments name, and prints the geometric means of the ratios.
pub(crate) fn run(rows: &[Row], goal_of_mean: f64) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runs =
        arguments.iter().find_map(|argument| argument.strip_prefix("--runs=")).map_or(Ok(5), str::parse);
    let Ok(runs @ 1..) = runs else {
        eprintln!("`--runs=` takes the number of runs, at least 1, as in `--runs=5`");
        return ExitCode::FAILURE;
    };
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    println!(
        "{:<26} {:<10} {:>22} {:>6}  nanoseconds a message: median of {runs} runs (lowest to highest)",
        "row", "goal met", "ours / best peer", "/ cb"
    );
    let ratios: Vec<Ratios> = rows
        .iter()
        .filter(|row| names.is_empty() || names.iter().any(|name| row.name.contains(name.as_str())))
        .map(|row| race(row, runs))
        .collect();
    if ratios.is_empty() {
        let all: Vec<&str> = rows.iter().map(|row| row.name).collect();
        eprintln!("no row has such a name; the rows are: {}", all.join(", "));
        return ExitCode::FAILURE;
    }
    let (to_best, to_crossbeam): (Vec<_>, Vec<_>) =
        ratios.into_iter().map(|Ratios { to_best, to_crossbeam }| (to_best, to_crossbeam)).unzip();
    let means = geometric_means(&to_best);
    let met = means.iter().filter(|mean| **mean <= goal_of_mean).count();
    println!(
        "geometric mean of the best: {}, goal {goal_of_mean:.1} met in {met} of {runs}",
        Spread::of(&means).in_digits(2)
    );
    let to_crossbeam: Vec<Vec<f64>> = to_crossbeam.into_iter().flatten().collect();
    if !to_crossbeam.is_empty() {
        let means = geometric_means(&to_crossbeam);
        println!("geometric mean of crossbeam-channel: {}", Spread::of(&means).in_digits(2));
    }
    ExitCode::SUCCESS
}
