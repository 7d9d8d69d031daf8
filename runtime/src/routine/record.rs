//! Records of what hooks are told: [`Trace`] and [`Profile`].

use super::within::Event;
use core::{fmt, mem};
use selvedge::rt::sync::Arc;
use selvedge::rt::time::now;
use selvedge::sync::{Cond, Mutex};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// A record of when tasks ran, in the format of Chrome's trace viewer, which [Perfetto](https://ui.perfetto.dev) shows too. A clone
/// is the same record.
///
/// Each task that has ended is a bar with its name. Bars that overlap are in rows of their own. A task that still runs when the
/// trace is finished is not in it.
///
/// The writer is called by whatever task has ended, one call at a time and under no lock: a writer that is slow keeps that task, and
/// other tasks go on. What ends meanwhile is written with the next task that ends, or at the end of the trace.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Routine, Trace};
/// let trace = Trace::new(Vec::new())?;
/// let routine = Routine::new(|_: &_| Ok(())).observe(trace.hook());
/// assert!(routine.execute(&background()).is_ok());
/// let text = String::from_utf8(trace.finish()?).expect("it is text");
/// assert!(text.contains(r#""name":"main""#));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Trace<W>(Arc<Shared<W>>);

struct Shared<W> {
    traced: Mutex<Traced<W>>,
    /// The writer is back.
    is_back: Cond,
}

struct Traced<W> {
    writer: Writer<W>,
    failed: Option<io::Error>,
    /// What is to be written.
    text: String,
    begun: Instant,
    /// When the last bar of each row ends.
    rows: Vec<Duration>,
}

enum Writer<W> {
    Here(W),
    /// A task writes.
    Away,
    /// The trace is finished.
    Gone,
}

impl<W: Write + Send + 'static> Trace<W> {
    /// Begins a trace.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(mut writer: W) -> io::Result<Trace<W>> {
        writer.write_all(b"[")?;
        let traced = Traced {
            writer: Writer::Here(writer),
            failed: None,
            text: String::new(),
            begun: now(),
            rows: Vec::new(),
        };
        Ok(Trace(Arc::new(Shared { traced: Mutex::new(traced), is_back: Cond::new() })))
    }

    /// Returns a hook that records what it is told, until the trace is finished.
    ///
    /// # Panics
    /// The hook: if the writer panics. Nothing is written after that.
    pub fn hook(&self) -> impl Fn(&Event<'_>) + Send + Sync + use<W> {
        let shared = Arc::clone(&self.0);
        move |event| {
            if let Event::Ends { name, elapsed, outcome } = event {
                shared.add(name, *elapsed, outcome.is_ok());
            }
        }
    }

    /// Ends the trace, and returns the writer. Blocks while a task writes; so a writer that finishes its own trace waits for ever.
    ///
    /// # Errors
    /// The first error of the writer, if it had one since the beginning; also if it has panicked, or the trace is finished already.
    pub fn finish(self) -> io::Result<W> {
        let mut traced = self.0.traced.lock();
        while matches!(traced.writer, Writer::Away) {
            self.0.is_back.wait(&mut traced);
        }
        let (failed, mut text) = (traced.failed.take(), mem::take(&mut traced.text));
        let Writer::Here(mut writer) = mem::replace(&mut traced.writer, Writer::Gone) else {
            return Err(io::Error::other("the trace is finished already"));
        };
        drop(traced);
        failed.map_or(Ok(()), Err)?;
        text.push_str("\n]\n");
        writer.write_all(text.as_bytes())?;
        writer.flush()?;
        Ok(writer)
    }
}

impl<W: Write> Shared<W> {
    /// Adds a bar that ends now, and writes what there is if nobody writes.
    fn add(&self, name: &str, elapsed: Duration, is_well: bool) {
        let mut traced = self.traced.lock();
        if traced.failed.is_some() || matches!(traced.writer, Writer::Gone) {
            return;
        }
        traced.add(name, elapsed, is_well);
        if let Writer::Here(writer) = mem::replace(&mut traced.writer, Writer::Away) {
            let text = mem::take(&mut traced.text);
            drop(traced);
            let panicked = io::Error::other("the writer has panicked");
            let mut writing = Writing { shared: self, writer: Some(writer), ended: Err(panicked) };
            writing.ended =
                writing.writer.as_mut().map_or(Ok(()), |writer| writer.write_all(text.as_bytes()));
        }
    }
}

/// A writer on its way, which comes back when this is dropped, also by a panic of its own.
struct Writing<'a, W> {
    shared: &'a Shared<W>,
    writer: Option<W>,
    ended: io::Result<()>,
}

impl<W> Drop for Writing<'_, W> {
    fn drop(&mut self) {
        let mut traced = self.shared.traced.lock();
        traced.failed = mem::replace(&mut self.ended, Ok(())).err();
        traced.writer = self.writer.take().map_or(Writer::Gone, Writer::Here);
        drop(traced);
        self.shared.is_back.broadcast();
    }
}

impl<W> Traced<W> {
    /// Adds a bar that ends now to what is to be written.
    fn add(&mut self, name: &str, elapsed: Duration, is_well: bool) {
        let end = now().saturating_duration_since(self.begun);
        let begin = end.saturating_sub(elapsed);
        let row = self.rows.iter().position(|last| *last <= begin).unwrap_or(self.rows.len());
        let comma = if self.rows.is_empty() { "" } else { "," };
        self.rows.resize(self.rows.len().max(row + 1), Duration::ZERO);
        self.rows[row] = end;
        self.text += &format!(
            "{comma}\n{{\"name\":{},\"ph\":\"X\",\"ts\":{},\"dur\":{},\"pid\":1,\"tid\":{row},\"args\":{{\"well\":{is_well}}}}}",
            Quoted(name),
            Micros(begin),
            Micros(elapsed),
        );
    }
}

/// A time in microseconds, as a number with a fraction.
struct Micros(Duration);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0.as_micros(), self.0.subsec_nanos() % 1000)
    }
}

/// A string of JSON.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\0'..='\x1f' => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => write!(f, "{character}")?,
            }
        }
        f.write_str("\"")
    }
}

impl<W> Clone for Trace<W> {
    fn clone(&self) -> Trace<W> {
        Trace(Arc::clone(&self.0))
    }
}

impl<W> fmt::Debug for Trace<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Trace { .. }")
    }
}

/// How long tasks took, by their names. A clone is the same profile.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::routine::{Executor, Profile, Task};
/// let profile = Profile::new();
/// let task = Task::new(|_| Ok(())).observed("a task", profile.hook()).repeat(3, std::time::Duration::ZERO);
/// assert!(task.execute(&background()).is_ok());
/// assert_eq!(profile.took("a task").map(|took| (took.times, took.failed)), Some((3, 0)));
/// println!("{profile}");
/// ```
#[derive(Clone)]
pub struct Profile(Arc<Mutex<BTreeMap<String, Took>>>);

/// How often and how long the tasks of a name ran that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Took {
    /// How many have ended.
    pub times: u64,
    /// How many of them have failed.
    pub failed: u64,
    /// How long all of them took together.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
}

impl Profile {
    /// Returns a profile in which nothing has ended.
    pub fn new() -> Profile {
        Profile(Arc::new(Mutex::new(BTreeMap::new())))
    }

    /// Returns a hook that adds what it is told, for [`Task::observed`](super::Task::observed) and
    /// [`Routine::observe`](super::Routine::observe).
    pub fn hook(&self) -> impl Fn(&Event<'_>) + Send + Sync + use<> {
        let all = Arc::clone(&self.0);
        move |event| {
            if let Event::Ends { name, elapsed, outcome } = event {
                let mut all = all.lock();
                let took = match all.get_mut(*name) {
                    Some(took) => took,
                    None => all.entry((*name).to_string()).or_default(),
                };
                took.times += 1;
                took.failed += u64::from(outcome.is_err());
                took.total += *elapsed;
                took.longest = took.longest.max(*elapsed);
            }
        }
    }

    /// Returns what the tasks of a name took, if one has ended.
    pub fn took(&self, name: &str) -> Option<Took> {
        self.0.lock().get(name).copied()
    }

    /// Returns all names in their order, and what their tasks took.
    pub fn rows(&self) -> Vec<(String, Took)> {
        self.0.lock().iter().map(|(name, took)| (name.clone(), *took)).collect()
    }
}

impl Default for Profile {
    fn default() -> Profile {
        Profile::new()
    }
}

impl fmt::Display for Profile {
    /// Writes a line for each name; the one that took longest comes first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = self.rows();
        rows.sort_by_key(|(_, took)| core::cmp::Reverse(took.total));
        for (name, Took { times, failed, total, longest }) in rows {
            writeln!(f, "{name}: {times} times, {failed} failed, {total:?} in all, {longest:?} at most")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.rows()).finish()
    }
}
