//! What a run found.

use crate::names::{Names, Sources};
use crate::{Engine, Phase, Primitives, audit, command, narrative};
use core::fmt;
use core::time::Duration;
use selvedge::rt::seam::{Failure, Site, is_own_source};

/// The result of one model under one engine.
#[derive(Clone, Debug)]
pub struct Report {
    /// The engine.
    pub engine: Engine,
    /// What may be concluded.
    pub verdict: Verdict,
    /// Executions run.
    pub executions: u64,
    /// Operations that the engine saw.
    pub operations: u64,
    /// Time taken.
    pub elapsed: Duration,
    /// How often an operation stood on the mutated site; 0 without a mutation.
    pub mutated: u64,
    /// Executions that another branch completed, or an assumption excluded (graph engine).
    pub blocked: u64,
    /// Events of all executions together (graph engine).
    pub events: u64,
    /// The form of the primitives that the executions have used: specified, if they made a step of one.
    pub primitives: Primitives,
    /// What the other form came to, where [both](Primitives::Both) were explored. This report is of the specified form, unless
    /// only the real one failed or was refused.
    pub other_form: Option<Box<Report>>,
    /// Whether the program has threads that are alike, and executions that differ only in which of them is which counted as
    /// one (graph engine): those of [`spawn_symmetric`](selvedge::rt::thread::spawn_symmetric).
    pub up_to_symmetry: bool,
    /// An estimate of the share of everything that was explored, from 0 to 1 and 1 only if it was all: of a search that
    /// nothing cut or that a limit ended, under shuttle, depth-first, and under the graph engine. There the estimate comes
    /// from random descents, so a search without them has none until it is done.
    pub coverage: Option<f64>,
    /// What else limits what the verdict says.
    pub remark: Option<String>,
    /// Whether the limit on time ended a run that had more to do.
    pub out_of_time: bool,
}

/// What may be concluded from a run: no more than was explored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Everything was explored; no bound cut anything. Under the graph engine: every execution that the memory model
    /// allows. Under shuttle: every interleaving of a sequentially consistent machine.
    Exhaustive,
    /// The search ended, but a bound cut it, or the engine may miss some interleavings.
    Searched {
        /// Executions explored.
        executions: u64,
        /// What cut the search, in words.
        bounds: String,
    },
    /// Schedules were drawn at random.
    Sampled {
        /// How many.
        schedules: u64,
        /// The seed they came from.
        seed: u64,
    },
    /// The model ran on real threads.
    Stressed {
        /// How many times.
        runs: u64,
    },
    /// An execution failed.
    Failed(Box<Counterexample>),
    /// Neither pass nor failure: the run could not be judged.
    Refused {
        /// Why, and what to do.
        why: String,
    },
}

impl Verdict {
    /// Returns whether the run was judged and nothing failed.
    pub fn passed(&self) -> bool {
        !matches!(self, Verdict::Failed(_) | Verdict::Refused { .. })
    }

    /// Returns the counterexample, if there is one.
    pub fn failure(&self) -> Option<&Counterexample> {
        match self {
            Verdict::Failed(counterexample) => Some(counterexample),
            _ => None,
        }
    }

    /// Returns the verdict in one word, for tables.
    pub fn label(&self) -> &'static str {
        match self {
            Verdict::Exhaustive => "exhaustive",
            Verdict::Searched { .. } => "searched",
            Verdict::Sampled { .. } => "sampled",
            Verdict::Stressed { .. } => "stressed",
            Verdict::Failed(_) => "FAILED",
            Verdict::Refused { .. } => "refused",
        }
    }
}

/// A failed execution, and how to run it again.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What went wrong.
    pub failure: Failure,
    /// The token that replays exactly this run; empty if the engine cannot replay.
    pub token: String,
    /// The command that, with the token in `SELVEDGE_REPLAY`, replays it.
    pub command: String,
    /// Anything else worth knowing.
    pub note: Option<String>,
    /// The phase of the search that found the failure, if the search had several.
    pub phase: Option<Phase>,
    pub(crate) names: Names,
    /// What else a report says: whether an ordering can exclude the execution, and the repairs that have been found.
    pub(crate) remarks: Vec<String>,
    #[cfg(feature = "graph")]
    pub(crate) graph: Option<Box<selvedge_graph::report::Execution>>,
}

impl Counterexample {
    pub(crate) fn new(failure: Failure, model: &str, token: String, note: Option<String>) -> Counterexample {
        let names = Names::of(&failure, &mut Sources::default());
        Counterexample {
            names,
            remarks: audit::repairs_of(model).iter().map(ToString::to_string).collect(),
            failure,
            token,
            command: command::of_this_program(),
            note,
            phase: None,
            #[cfg(feature = "graph")]
            graph: None,
        }
    }
}

#[cfg(not(feature = "graph"))]
impl Counterexample {
    fn summary(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Report {
    /// Returns the report in one line, of a failure only its kind.
    pub fn line(&self) -> String {
        match &self.verdict {
            Verdict::Failed(found) => {
                let (engine, kind, time) = (self.engine, found.failure.kind, self.elapsed);
                let execution = found.failure.execution;
                let phase = found.phase.map(|phase| format!(", found {phase}")).unwrap_or_default();
                let form = self.form();
                format!("{engine}: FAILED: {kind} in execution {execution} in {time:.1?}{phase}{form}")
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.engine)?;
        self.write_outcome(f)?;
        match &self.other_form {
            None => Ok(()),
            Some(real) if self.verdict.passed() => {
                f.write_str("; primitives real: ")?;
                real.write_outcome(f)
            }
            Some(specified) => {
                f.write_str("\n  primitives as specified: ")?;
                specified.write_outcome(f)
            }
        }
    }
}

impl Report {
    /// Returns the form of the primitives that the verdict is about, as reports name it.
    fn form(&self) -> &'static str {
        match (self.primitives, self.verdict.passed()) {
            (Primitives::Specified | Primitives::Both, _) => ", primitives as specified",
            (Primitives::Real, false) if self.other_form.is_some() => ", primitives real",
            (Primitives::Real, _) => "",
        }
    }

    /// Writes the verdict, what it comes from, and what limits it.
    fn write_outcome(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (executions, time, form) = (self.executions, self.elapsed, self.form());
        let symmetry = if self.up_to_symmetry { " up to symmetry" } else { "" };
        match &self.verdict {
            Verdict::Exhaustive => write!(f, "exhaustive{symmetry}{form}, {executions} executions")?,
            Verdict::Searched { bounds, .. } => {
                write!(f, "searched{symmetry}{form}, {executions} executions ({bounds})")?
            }
            Verdict::Sampled { schedules, seed } => {
                write!(f, "sampled{form}, {schedules} schedules, seed {seed}")?
            }
            Verdict::Stressed { runs } => write!(f, "stressed, {runs} runs")?,
            Verdict::Failed(counterexample) if f.alternate() => write!(f, "FAILED: {counterexample:#}")?,
            Verdict::Failed(counterexample) => write!(f, "FAILED: {counterexample}")?,
            Verdict::Refused { why } => write!(f, "refused{form}: {why}")?,
        }
        if let Verdict::Failed(found) = &self.verdict {
            write!(f, "\n  found in {time:.1?}")?;
            found.phase.map_or(Ok(()), |phase| write!(f, " {phase}"))?;
            return f.write_str(form);
        }
        if self.blocked > 0 {
            write!(f, " and {} that others complete", self.blocked)?;
        }
        write!(f, " in {time:.1?}")?;
        match &self.remark {
            Some(remark) => write!(f, "; {remark}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &self.failure;
        writeln!(f, "{} in execution {}: {}", failure.kind, failure.execution, failure.message)?;
        let mut sources = Sources::default();
        let summary = self.summary();
        summary.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        let mut code = |site: Site| {
            let line = sources.line(site.file(), site.line(), site.column());
            let line = line.filter(|_| !is_own_source(site.file()));
            line.map(|line| format!("  {}", line.text)).unwrap_or_default()
        };
        for site in failure.sites.iter().filter(|_| summary.is_empty()) {
            writeln!(f, "  at {}:{}{}", site.file(), site.line(), code(site))?;
        }
        for blocked in &failure.blocked {
            let name = blocked.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let (file, line) = (blocked.site.file(), blocked.site.line());
            write!(f, "  T{}{name} waits: {} at {file}:{line}", blocked.thread, blocked.waits_for)?;
            match blocked.called_at {
                Some(site) if site == blocked.site => writeln!(f, "{}", code(site))?,
                Some(site) => writeln!(f, ", called at {}:{}{}", site.file(), site.line(), code(site))?,
                None => writeln!(f)?,
            }
            if let Some(holder) = &blocked.holder {
                writeln!(f, "    {holder}")?;
            }
        }
        for line in self.remarks.iter().flat_map(|remark| remark.lines()) {
            writeln!(f, "  {line}")?;
        }
        narrative::write(f, failure, &self.names, &mut sources)?;
        if let Some(note) = &self.note {
            writeln!(f, "  note: {note}")?;
        }
        if self.token.is_empty() {
            write!(f, "  real threads cannot be replayed; run it again, or under another engine")
        } else {
            write!(f, "  replay it: SELVEDGE_REPLAY={} {}", command::quoted(&self.token), self.command)
        }
    }
}
