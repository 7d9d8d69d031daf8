//! The rules for comments that a machine can check: those of CONTRIBUTING.md on names for subjects, on proofs that stand where
//! they are used, and on the first lines of public functions.
//!
//! A comment that breaks a rule fails the test with its line.

use std::fs;
use std::path::{Path, PathBuf};

/// The folders and files whose comments are checked, below the root of the repository.
const CHECKED: [&str; 8] =
    ["primitives", "runtime", "check", "graph", "models", "cargo-selvedge", "proptests", "compat"];

/// Words without a subject of their own, and references to text elsewhere.
const FORBIDDEN: [&str; 11] = [
    "whoever",
    "who",
    "nobody else",
    "as above",
    "as below",
    "the caller's promise",
    "he",
    "his",
    "him",
    "himself",
    "see the module",
];

/// What a reason began with that is now called `Not model-checked:`.
const AUDIT: &str = "Audit: ";

/// First words that end like a verb in the third person and are none.
const NO_VERBS: [&str; 7] = ["as", "this", "its", "is", "always", "has", "was"];

/// The fewest words of an argument.
const SHORTEST: usize = 5;

struct File {
    path: String,
    lines: Vec<String>,
}

impl File {
    /// Returns the text of the comment of a line, if there is one outside an example.
    fn comment(&self, at: usize) -> Option<&str> {
        let line = self.lines[at].trim_start();
        let whole = ["///", "//!", "//"].iter().find_map(|start| line.strip_prefix(start));
        // Behind an odd number of quotes the slashes are in a string.
        let behind = || line.split_once(" // ").filter(|(code, _)| code.matches('"').count() % 2 == 0);
        whole.or_else(|| behind().map(|(_, text)| text)).map(str::trim)
    }

    fn is_comment(&self, at: usize) -> bool {
        self.lines.get(at).is_some_and(|line| line.trim_start().starts_with("//"))
    }

    /// Returns the comment that begins at a line, up to its last line.
    fn whole_comment(&self, at: usize) -> String {
        let more = (at + 1..self.lines.len()).take_while(|at| self.is_comment(*at));
        let lines = std::iter::once(at).chain(more).filter_map(|at| self.comment(at));
        lines.take_while(|text| !text.starts_with("site:")).collect::<Vec<_>>().join(" ")
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut in_example = false;
        for at in 0..self.lines.len() {
            if let Some(text) = self.comment(at) {
                in_example ^= text.starts_with("```");
                if !in_example {
                    faults.extend(words_fault(text).map(|fault| (at, fault)));
                    faults.extend(argument_fault(&self.whole_comment(at)).map(|fault| (at, fault)));
                }
            } else {
                in_example = false;
            }
            if is_public_function(&self.lines[at]) {
                faults.extend(self.first_line_fault(at).map(|fault| (at, fault)));
            }
        }
        faults.into_iter().map(|(at, fault)| format!("{}:{}: {fault}", self.path, at + 1)).collect()
    }

    /// Checks the first line of the documentation of the function at a line.
    fn first_line_fault(&self, function: usize) -> Option<String> {
        let is_above = |at: &usize| {
            let line = self.lines[*at].trim_start();
            line.starts_with("///") || line.starts_with("#[")
        };
        let first = (0..function).rev().take_while(is_above).last()?;
        let is_doc = |at: &usize| {
            let line = self.lines[*at].trim_start();
            line.starts_with("///") || line.starts_with("#[doc = ")
        };
        let line = self.lines[(first..function).find(is_doc)?].trim_start();
        let text = match line.strip_prefix("///") {
            Some(text) => text,
            None => line.split_once('"')?.1,
        };
        let word = text.split_whitespace().next()?.trim_end_matches([',', ':', '.']);
        let is_verb = word.ends_with('s') && !NO_VERBS.contains(&word.to_lowercase().as_str());
        (!is_verb).then(|| format!("`{}` does not begin with a verb in the third person", text.trim()))
    }
}

fn is_public_function(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("pub ") else { return false };
    let words = rest.split_whitespace().take_while(|word| !word.contains('('));
    let mut words = words.map(|word| word.split('<').next().unwrap_or(word));
    rest.starts_with("fn ") || words.any(|word| word == "fn")
}

/// Checks a line of a comment for words that it must not have.
fn words_fault(original: &str) -> Option<String> {
    let text: String = original.to_lowercase().split('`').step_by(2).collect::<Vec<_>>().join("·");
    let found = FORBIDDEN.iter().find(|words| {
        text.match_indices(**words).any(|(at, found)| {
            let letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
            !letter(text[..at].chars().next_back()) && !letter(text[at + found.len()..].chars().next())
        })
    });
    let found = found.copied().or(original.contains(AUDIT).then_some(AUDIT));
    found.map(|words| format!("says `{words}`: name the subject, or the fact"))
}

/// Checks an argument for safety or for an ordering, which must stand by itself.
fn argument_fault(comment: &str) -> Option<String> {
    let kinds = ["SAFETY: ", "Relaxed: ", "Acquire: ", "Release: ", "AcqRel: ", "SeqCst: "];
    let (kind, argument) = kinds.iter().find_map(|kind| Some((*kind, comment.strip_prefix(kind)?)))?;
    let points_on = ["see ", "as in ", "as for "].iter().any(|start| argument.starts_with(start));
    let is_short = kind == kinds[0] && argument.split_whitespace().count() < SHORTEST;
    (points_on || is_short).then(|| format!("`{kind}{argument}` is no argument by itself"))
}

fn source_files(folder: &Path, into: &mut Vec<PathBuf>) {
    if folder.extension().is_some_and(|extension| extension == "rs") {
        into.push(folder.to_path_buf());
    } else if folder.is_dir() && !folder.ends_with("target") {
        let entries = fs::read_dir(folder).expect("a folder of the repository can be read");
        entries.for_each(|entry| source_files(&entry.expect("an entry").path(), into));
    }
}

#[test]
fn comments_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    CHECKED.iter().for_each(|folder| source_files(&root.join(folder), &mut paths));
    paths.sort();
    assert!(paths.len() > 100, "only {} files are checked", paths.len());
    let checked = paths.iter().map(|path| {
        let text = fs::read_to_string(path).expect("a source file can be read");
        let path = path.strip_prefix(&root).expect("the file is below the root");
        File {
            path: path.display().to_string().replace('\\', "/"),
            lines: text.lines().map(str::to_string).collect(),
        }
    });
    let faults: Vec<String> = checked.flat_map(|file| file.faults()).collect();
    assert!(faults.is_empty(), "{} comments break a rule:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn each_rule_finds_its_fault() {
    let faults = |text: &str| {
        let lines = text.lines().map(str::to_string).collect();
        File { path: "a.rs".to_string(), lines }.faults().len()
    };
    assert_eq!(faults("// The thread that wakes.\n/// Returns it.\npub fn a() {}"), 0);
    assert_eq!(faults("// Whoever wakes."), 1);
    assert_eq!(faults("x(); // as above"), 1);
    assert_eq!(faults(&["let text = \"x(); // as", "above\";"].join(" ")), 0);
    assert_eq!(faults("// The value of `who` is kept."), 0);
    assert_eq!(faults("// SAFETY: nobody has it."), 1);
    assert_eq!(faults("// SAFETY: this thread has popped the node\n// and owns it."), 0);
    assert_eq!(faults("// SeqCst: see `run`."), 1);
    assert_eq!(faults("/// The value.\n#[inline]\npub const fn a() {}"), 1);
    assert_eq!(faults("/// The value.\npub(crate) fn a() {}"), 0);
    assert_eq!(faults("/// ```\n/// // whoever\n/// ```"), 0);
}
