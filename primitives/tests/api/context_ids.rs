//! Each behaviour of Go's contexts that the page on contexts lists is shown by a test, whose comment names it.

use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/contexts.md");
/// The files with the tests.
const FILES: [&str; 5] = [
    include_str!("context_tree.rs"),
    include_str!("context_causes.rs"),
    include_str!("context_calls.rs"),
    include_str!("../memory.rs"),
    include_str!("../../../runtime/tests/contexts.rs"),
];
/// Shown by an example that does not compile.
const TYPES: &str = "CX-15";

/// Returns the names of behaviours in a text.
fn names(text: &str) -> impl Iterator<Item = String> {
    let ends = text.match_indices("CX-").map(|(at, _)| &text[at..]);
    ends.filter_map(|rest| rest.get(..5).filter(|name| name[3..].parse::<u32>().is_ok()).map(str::to_owned))
}

/// Returns the behaviours that the comments of tests name.
fn shown(file: &str) -> BTreeSet<String> {
    let (mut comment, mut all) = (String::new(), BTreeSet::new());
    for line in file.lines() {
        if line.starts_with("///") {
            comment.push_str(line);
            continue;
        }
        if line == "#[test]" {
            all.extend(names(&comment));
        } else {
            assert_eq!(names(&comment).next(), None, "{comment} is above no test, but {line}");
        }
        comment.clear();
    }
    all
}

#[test]
fn each_behaviour_is_shown_by_a_test_that_names_it() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| CX-"));
    let listed: BTreeSet<String> = rows.map(|row| format!("CX-{}", &row[..2])).collect();
    let expected: BTreeSet<String> = (1..=24).map(|number| format!("CX-{number:02}")).collect();
    assert_eq!(listed, expected, "the page lists all");
    let mut found: BTreeSet<String> = FILES.iter().flat_map(|file| shown(file)).collect();
    assert!(found.insert(TYPES.to_owned()), "types show {TYPES}, and no test");
    assert_eq!(found, listed);
}
