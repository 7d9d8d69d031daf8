//! The lists of what Go's packages do, whose entries have names such as TI-03: each is shown by a test, or named here with the
//! reason why there is none.
//!
//! A test shows an entry if the comment right above it names the entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The letters of each list, how long it is, and what it lists.
const LISTS: [(&str, u32, &str); 6] = [
    ("TI", 18, "timers and tickers of package `time`"),
    ("ST", 13, "package `testing/synctest`"),
    ("SG", 7, "package `os/signal`"),
    ("PA", 9, "the patterns of Go's tutorials"),
    ("XR", 10, "the library `x-mod/routine`"),
    ("XS", 13, "`golang.org/x/sync`: groups, semaphores, calls that are shared"),
];

/// Entries that no test shows, and why. A second word names the part of an entry that is meant.
const ABSENT: [(&str, &str); 6] = [
    (
        "TI-02 length",
        "a timer's channel says that it has room for one instant, as crossbeam-channel's does, and Go's none",
    ),
    ("TI-07", "a timer that was not made by a constructor cannot be written in Rust"),
    (
        "XR-09 server",
        "no HTTP server comes with it: a profile is a value, which a program serves as it likes",
    ),
    (
        "XS-08 bars",
        "a semaphore has no size, as permits may be added, so no request is known to be too large",
    ),
    ("XS-10 shared", "a caller knows by its own closure whether its result was made by another one"),
    ("XS-13 goexit", "a closure that ends its goroutine ends the caller that runs it, and the others panic"),
];

/// Where tests stand, below the root of the repository.
const TESTS: [&str; 6] = [
    "primitives/tests",
    "runtime/tests",
    "models/tests",
    "models/src/models",
    "proptests/tests",
    "check/tests",
];

/// The entries that comments of tests name, and where; those with a second word too.
type Named = BTreeMap<String, Vec<String>>;

/// Returns whether a line begins a test, a model, or a program that is run in a process of its own.
fn begins_test(line: &str) -> bool {
    line.trim_start().starts_with("fn ") || line.contains("Program::new(")
}

/// Returns the entries that a comment names, each also with the word after it.
fn entries(comment: &str) -> Vec<String> {
    let words: Vec<&str> = comment.split([' ', ',', '.', ':', '(', ')']).collect();
    let mut entries = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some((letters, number)) = word.split_once('-') else { continue };
        let is_listed = LISTS.iter().any(|list| list.0 == letters);
        if is_listed && number.len() == 2 && number.parse::<u32>().is_ok() {
            entries.push((*word).to_string());
            entries.extend(words.get(at + 1).map(|next| format!("{word} {next}")));
        }
    }
    entries
}

/// Adds what the comments above tests name in a file.
fn read(text: &str, path: &str, named: &mut Named) {
    let mut above = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") && !trimmed.starts_with("//!") {
            above.extend(entries(trimmed));
        } else if begins_test(line) {
            for entry in above.drain(..) {
                named.entry(entry).or_default().push(format!("{path}:{}", at + 1));
            }
        } else if !trimmed.starts_with("#[") {
            above.clear();
        }
    }
}

/// Returns what is wrong with the lists.
fn faults(named: &Named) -> Vec<String> {
    let name = |letters: &str, number: u32| format!("{letters}-{number:02}");
    let all: BTreeSet<String> = LISTS
        .iter()
        .flat_map(|(letters, last, _)| (1..=*last).map(move |number| name(letters, number)))
        .collect();
    let mut faults = Vec::new();
    for entry in &all {
        let is_absent = ABSENT.iter().any(|(absent, _)| absent == entry);
        if !is_absent && !named.contains_key(entry) {
            faults.push(format!("no test shows {entry}: name it in the comment above one, or in ABSENT"));
        }
    }
    for (entry, places) in named {
        if let Some((_, why)) = ABSENT.iter().find(|(absent, _)| absent == entry) {
            faults.push(format!("{entry} is shown at {}, and is to be absent: {why}", places.join(", ")));
        }
        if !entry.contains(' ') && !all.contains(entry) {
            faults.push(format!("{} names {entry}, which is in no list", places.join(", ")));
        }
    }
    for (absent, _) in ABSENT {
        if !all.contains(absent.split(' ').next().unwrap_or_default()) {
            faults.push(format!("{absent} is in no list"));
        }
    }
    faults
}

fn read_folder(folder: &Path, named: &mut Named) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            read_folder(&path, named);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with(file!()) {
            let text = fs::read_to_string(&path).expect("a file of Rust");
            read(&text, &path.display().to_string(), named);
        }
    }
}

#[test]
fn each_behaviour_of_go_is_shown_or_named_as_absent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the repository");
    let mut named = Named::new();
    TESTS.iter().for_each(|folder| read_folder(&root.join(folder), &mut named));
    let faults = faults(&named);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_kind_of_fault_is_found() {
    let found = |text: &str| {
        let mut named = Named::new();
        read(text, "file", &mut named);
        faults(&named)
    };
    let missing = found("");
    let length: u32 = LISTS.iter().map(|list| list.1).sum();
    let whole = ABSENT.iter().filter(|(absent, _)| !absent.contains(' ')).count();
    assert_eq!(missing.len(), length as usize - whole);
    assert!(missing[0].starts_with("no test shows PA-01"), "{}", missing[0]);
    let differs = |text: &str, by: &str| {
        let faults = found(text);
        assert!(faults.iter().any(|fault| fault.contains(by)), "{by:?} in {faults:#?}");
    };
    differs("/// TI-07.\n#[test]\nfn zero() {}", "TI-07 is shown at file:3");
    differs("// XR-09 server.\nProgram::new(\"pprof\")", "XR-09 server is shown at file:2");
    differs("/// As ST-77 says.\nfn st77() {}", "file:2 names ST-77, which is in no list");
    let shown = |text: &str| !found(text).iter().any(|fault| fault.contains("shows ST-10"));
    assert!(shown("/// Orders. ST-09, ST-10.\n#[test]\n#[cfg(unix)]\nfn orders() {}"));
    assert!(
        !shown("//! ST-10.\n\nfn orders() {}")
            && !shown("/// ST-10.\nconst ORDERS: u32 = 6;\nfn orders() {}")
    );
}
