//! Counterexamples with a graph, as files.

use crate::Counterexample;
use crate::names::{Names, Sources};
use crate::target_folder::target_folder;
use selvedge::rt::seam::{Failure, FailureKind, Family};
use selvedge_graph::report::{self, Execution, Values};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is said of an assertion that fails in an interleaving.
const NO_ORDERING: &str =
    "the execution is an interleaving of the threads' steps: no stronger ordering excludes it";

/// Returns the names of the pointers in a graph.
fn pointers(graph: &Execution, names: &Names) -> BTreeMap<u128, String> {
    let events = graph.threads.iter().flat_map(|thread| &thread.events);
    let values = events.flat_map(|event| [event.read, event.written]).flatten();
    let values = values.chain(graph.locations.iter().map(|location| location.initial));
    let named = |value: u128| Some((value, names.pointer(u64::try_from(value).ok()?)?));
    values.filter_map(named).collect()
}

/// Puts the names of objects and threads, the lines of the source, and what went wrong into a graph.
fn explain(graph: &mut Execution, failure: &Failure, names: &Names) {
    let threads = &graph.threads;
    for location in &mut graph.locations {
        let step = location.writes.first().and_then(|write| threads[write.thread].events[write.index].object);
        location.name = match step {
            Some((kind, number)) => names.object(Family::Specified(kind), number),
            None => names.object(Family::Atomic, location.number),
        };
        location.values = match names.type_name(Family::Atomic, location.number) {
            Some("AtomicBool") => Values::Bool,
            Some("AtomicI8") => Values::Signed(8),
            Some("AtomicI16") => Values::Signed(16),
            Some("AtomicI32") => Values::Signed(32),
            Some("AtomicI64" | "AtomicIsize") => Values::Signed(64),
            Some("AtomicPtr") => Values::Pointer,
            _ => Values::Unsigned,
        };
    }
    graph.cells = names.cells().collect();
    let objects = graph.threads.iter().flat_map(|thread| &thread.events).filter_map(|event| event.object);
    graph.objects = objects
        .map(|(kind, number)| ((kind, number), names.object(Family::Specified(kind), number)))
        .collect();
    graph.values = pointers(graph, names);
    let mut sources = Sources::default();
    for (number, thread) in graph.threads.iter_mut().enumerate() {
        thread.name = thread.name.take().or_else(|| names.thread(number).map(str::to_string));
        for event in &mut thread.events {
            let Some(site) = &mut event.site else { continue };
            if let Some(line) = sources.line(&site.file, site.line, site.column) {
                (site.text, site.mark) = (Some(line.text), line.start..line.start + line.length);
            }
            // A graph knows no more of a read-modify-write than that it is one.
            let is_here = |step: &&selvedge::rt::seam::Step| {
                let at = step.site;
                step.thread == number
                    && (at.file(), at.line(), at.column()) == (&site.file, site.line, site.column)
            };
            if event.operation == "read-modify-write"
                && let Some(step) = failure.steps.iter().find(is_here)
            {
                event.operation = step.operation;
            }
        }
    }
    match (failure.kind, &failure.sites[..]) {
        (FailureKind::Panic, _) => graph.blame_old_values(failure.thread),
        (FailureKind::Race, [here, there, ..]) => {
            let [here, there] = [here, there].map(|site| (site.file(), site.line(), site.column()));
            graph.blame_race(failure.thread, here, there);
        }
        _ => (),
    }
}

impl Counterexample {
    /// Returns the lines that say which two operations went wrong.
    pub(crate) fn summary(&self) -> Vec<String> {
        self.graph().map(Execution::summary).unwrap_or_default()
    }

    pub(crate) fn with_graph(mut self, mut graph: Option<Box<Execution>>) -> Counterexample {
        if let Some(graph) = &mut graph {
            explain(graph, &self.failure, &self.names);
            if self.failure.kind == FailureKind::Panic && graph.is_interleaving() {
                self.remarks.insert(0, NO_ORDERING.to_string());
            }
            graph.notes.extend(self.remarks.iter().cloned());
        }
        self.graph = graph;
        self
    }

    /// Returns the execution's graph, if the engine has graphs (only the graph engine has).
    pub fn graph(&self) -> Option<&report::Execution> {
        self.graph.as_deref()
    }

    /// Writes the execution's graph into `folder` as `name.txt`, `name.dot` (Graphviz) and `name.html`, a
    /// page that needs nothing else. Returns the page's path, or `None` if the engine has no graphs.
    ///
    /// # Errors
    /// Fails if a file cannot be written.
    pub fn write_to(&self, folder: &Path, name: &str) -> io::Result<Option<PathBuf>> {
        let Some(graph) = self.graph() else { return Ok(None) };
        fs::create_dir_all(folder)?;
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        let file = |extension| folder.join(format!("{name}.{extension}"));
        fs::write(file("txt"), report::text(graph))?;
        fs::write(file("dot"), report::dot(graph))?;
        fs::write(file("html"), report::html(graph))?;
        Ok(Some(file("html")))
    }

    /// Writes the graph into `target/selvedge`, and returns the line of the report that says where, or why it could
    /// not.
    pub(crate) fn write_beside_target(&self, name: &str) -> Option<String> {
        match self.write_to(&target_folder().join("selvedge"), name) {
            Ok(None) => None,
            Ok(Some(page)) => Some(format!("  the execution as a page: {}", page.display())),
            Err(error) => Some(format!("  the execution's page could not be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Checker, Engine};
    use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use selvedge::rt::thread;

    #[test]
    fn a_failure_of_the_graph_engine_comes_as_text_graph_and_page() {
        let reports = Checker::new().ignore_environment().engines([Engine::Graph]).run(|| {
            let x = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| x.store(1, Relaxed));
                assert_eq!(x.load(Relaxed), 0);
            });
        });
        let found = reports[0].verdict.failure().expect("the load may see the store");
        let folder = std::env::temp_dir().join(format!("selvedge-reports-{}", std::process::id()));
        let page = found
            .write_to(&folder, "a::model")
            .expect("it can be written")
            .expect("the graph engine has graphs");
        assert_eq!(page, folder.join("a__model.html"));
        let text = std::fs::read_to_string(folder.join("a__model.txt")).expect("it was written");
        assert!(
            text.contains("store x.Relaxed := 1") && text.contains("load x.Relaxed = 1  ← T1.0"),
            "{text}"
        );
        assert!(std::fs::read_to_string(page).is_ok_and(|page| page.contains("<svg")));
        assert!(folder.join("a__model.dot").exists());
    }
}
