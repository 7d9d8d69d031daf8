//! What the models and the source say of each operation.

use crate::scan::Site;
use selvedge_check::audit::{Entry, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The words after which a comment at an operation says why no model shows that it is needed.
const EXPLANATIONS: [&str; 2] = ["Not model-checked:", "Audit:"];

/// How far above an operation its comment may end.
const REACH: usize = 4;

/// What is known of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// A model fails with it.
    Needed,
    /// No model fails with it, and a comment says why that is no reason to make it.
    Explained,
    /// No model fails with it.
    NotShownNeeded,
    /// No model fails with it, and load buffering, which no engine explores, may need it.
    LoadBuffering,
    /// No engine that was used can tell.
    CannotJudge,
    /// No model reaches the operation.
    Untested,
}

/// A change to an operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The source file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column; 0 if the operation was never reached.
    pub column: u32,
    /// The operation.
    pub operation: String,
    /// Its orderings.
    pub ordering: String,
    /// The change; empty if the operation was never reached.
    pub change: String,
    /// What is known.
    pub status: Status,
    /// The reason: the model and its failure, the models that did not fail, or the comment.
    pub because: String,
    /// The counterexample.
    pub failure: Option<String>,
}

/// An audit's outcome.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// The rows, by file and line.
    pub rows: Vec<Row>,
}

impl Status {
    /// Returns the status in words.
    pub fn label(self) -> &'static str {
        match self {
            Status::Needed => "needed",
            Status::Explained => "explained",
            Status::NotShownNeeded => "not shown needed",
            Status::LoadBuffering => "not shown needed (load buffering not modelled)",
            Status::CannotJudge => "can't judge",
            Status::Untested => "untested",
        }
    }
}

impl Row {
    /// Returns whether the change is needed, or a comment explains why it is not made.
    pub fn is_good(&self) -> bool {
        matches!(self.status, Status::Needed | Status::Explained)
    }
}

impl Summary {
    /// Joins what models found with what stands in the sources; where `source` returns `None`, nothing counts as
    /// untested or explained.
    pub fn new(entries: Vec<Entry>, sites: &[Site], source: impl Fn(&str) -> Option<String>) -> Summary {
        let mut merged: BTreeMap<(String, u32, u32, String), Entry> = BTreeMap::new();
        for entry in entries {
            let (file, line, column, change) = entry.key();
            let key = (file.to_string(), line, column, change.to_string());
            match merged.remove(&key) {
                Some(known) => {
                    let outcome = known.outcome.clone().and(entry.outcome);
                    merged.insert(key, Entry { outcome, ..known });
                }
                None => drop(merged.insert(key, entry)),
            }
        }
        let reached = |site: &Site| {
            let (first, last) = site.lines;
            merged.values().any(|entry| entry.file == site.file && (first..=last).contains(&entry.line))
        };
        let untested = sites.iter().filter(|site| !reached(site)).map(untested);
        let mut rows: Vec<Row> = merged.values().map(row).chain(untested).collect();
        for row in &mut rows {
            let unproved = row.status != Status::Needed;
            let text = source(&row.file).filter(|_| unproved);
            if let Some(why) = text.and_then(|text| explanation(&text, row.line)) {
                (row.status, row.because) = (Status::Explained, why);
            }
        }
        rows.sort_by(|a, b| (&a.file, a.line, &a.change).cmp(&(&b.file, b.line, &b.change)));
        Summary { rows }
    }

    /// Returns how many rows have this status.
    pub fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    /// Returns whether everything is needed or explained.
    pub fn is_good(&self) -> bool {
        self.rows.iter().all(Row::is_good)
    }

    /// Returns the summary in one line.
    pub fn headline(&self) -> String {
        let statuses = [
            Status::Needed,
            Status::Explained,
            Status::NotShownNeeded,
            Status::LoadBuffering,
            Status::CannotJudge,
            Status::Untested,
        ];
        let counts = statuses.map(|status| (self.count(status), status.label()));
        let some = counts.iter().filter(|(count, label)| *count > 0 || *label == "needed");
        let parts: Vec<String> = some.map(|(count, label)| format!("{count} {label}")).collect();
        let all = self.rows.len();
        format!("{all} change{}: {}", if all == 1 { "" } else { "s" }, parts.join(", "))
    }
}

fn untested(site: &Site) -> Row {
    Row {
        file: site.file.clone(),
        line: site.lines.0,
        column: 0,
        operation: site.operation.clone(),
        ordering: site.ordering.clone(),
        change: String::new(),
        status: Status::Untested,
        because: "no model reaches it".to_string(),
        failure: None,
    }
}

fn row(entry: &Entry) -> Row {
    let (status, because, failure) = match &entry.outcome {
        Outcome::Needed { model, engine, kind, failure } => {
            (Status::Needed, format!("{kind} in {model} under {engine}"), Some(failure.clone()))
        }
        Outcome::NotShownNeeded { models, load_buffering } => {
            let status = if *load_buffering { Status::LoadBuffering } else { Status::NotShownNeeded };
            (status, format!("passed by {}", some(models)), None)
        }
        Outcome::CannotJudge { models } => {
            (Status::CannotJudge, format!("met by {}; run them under the graph engine", some(models)), None)
        }
    };
    let Entry { file, line, column, operation, ordering, change, .. } = entry.clone();
    Row { file, line, column, operation, ordering, change, status, because, failure }
}

/// Returns the first models, and how many more there are.
fn some(models: &[String]) -> String {
    const SHOWN: usize = 2;
    let more = models.len().saturating_sub(SHOWN);
    let shown = models.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// Returns what the comment at a line says after the words: at its end, or in the nearest comment above.
fn explanation(source: &str, line: u32) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let here = (line as usize).checked_sub(1)?;
    let is_comment = |at: usize| lines[at].trim_start().starts_with("//");
    let comment = |text: &str| text.split_once("//").map(|(_, comment)| comment.trim().to_string());
    let ends_statement =
        |text: &str| text.split(" //").next().is_some_and(|code| code.trim_end().ends_with([';', '}']));
    let mut text = lines.get(here).and_then(|text| comment(text)).unwrap_or_default();
    if reason(&text).is_none() {
        let same_statement = |at: &usize| !ends_statement(lines[*at]) || is_comment(*at);
        let above = (0..here.min(lines.len())).rev().take(REACH).take_while(same_statement);
        let end = above.into_iter().find(|at| is_comment(*at))?;
        let start = (0..=end).rev().take_while(|at| is_comment(*at)).last()?;
        let words = lines[start..=end].iter().filter_map(|line| comment(line));
        let words = words.filter(|words| !words.starts_with("site:"));
        text = words.collect::<Vec<_>>().join(" ");
    }
    reason(&text).map(str::to_string)
}

/// Returns what stands after the first words that introduce an explanation.
fn reason(comment: &str) -> Option<&str> {
    EXPLANATIONS.iter().find_map(|words| comment.split_once(words)).map(|(_, why)| why.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u32, outcome: Outcome) -> Entry {
        Entry {
            file: "a.rs".to_string(),
            line,
            column: 5,
            operation: "load".to_string(),
            ordering: "Acquire".to_string(),
            change: "Relaxed".to_string(),
            outcome,
        }
    }

    #[test]
    fn models_are_put_together_and_the_source_fills_the_gaps() {
        let passed =
            |model: &str| Outcome::NotShownNeeded { models: vec![model.to_string()], load_buffering: false };
        let needed = Outcome::Needed {
            model: "m".to_string(),
            engine: "graph".to_string(),
            kind: "data race".to_string(),
            failure: "…".to_string(),
        };
        let entries = vec![
            entry(2, passed("one")),
            entry(2, needed),
            entry(4, passed("one")),
            entry(4, passed("two")),
            entry(7, passed("one")),
        ];
        let site = |line| Site {
            file: "a.rs".to_string(),
            lines: (line, line),
            operation: "store".to_string(),
            ordering: "Release".to_string(),
        };
        let source = "fn a() {\n  x.load(Acquire);\n\n  x.load(Acquire);\n  // Acquire: as above. Audit: the join\n  // orders it too.\n  x.load(Acquire);\n}\n";
        let summary = Summary::new(entries, &[site(2), site(9)], |_| Some(source.to_string()));
        let rows: Vec<_> =
            summary.rows.iter().map(|row| (row.line, row.status, row.because.as_str())).collect();
        assert_eq!(
            rows,
            [
                (2, Status::Needed, "data race in m under graph"),
                (4, Status::NotShownNeeded, "passed by one, two"),
                (7, Status::Explained, "the join orders it too."),
                (9, Status::Untested, "no model reaches it"),
            ]
        );
        assert_eq!(summary.headline(), "4 changes: 1 needed, 1 explained, 1 not shown needed, 1 untested");
        assert!(!summary.is_good());
    }

    #[test]
    fn the_words_may_go_on_in_the_next_line() {
        let source =
            "// Acquire: reads the bit. Not\n// model-checked: no engine runs this.\nx.load(Acquire);\n";
        assert_eq!(explanation(source, 3), Some("no engine runs this.".to_string()));
    }

    #[test]
    fn the_label_of_a_site_belongs_to_no_explanation() {
        let source = "// Audit: the join.\nx.load(Acquire); // site: first\nx.load(Acquire);\n// Audit: this\n// too.\n// site: last\nx.load(Acquire);\n";
        let found = [2, 3, 7].map(|line| explanation(source, line));
        assert_eq!(found, [Some("the join.".to_string()), None, Some("this too.".to_string())]);
    }
}
