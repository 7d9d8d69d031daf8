//! Naming the site of a mutation by a label that stands at it.

use selvedge::rt::seam::{Change, Mutation};

const MARK: &str = "// site: ";

/// Returns a mutation of the one line of `source` that has this label.
///
/// `source` is the text of the file (from `include_str!`), `file` the end of its path. The comment
/// `// site: LABEL` stands at the end of the operation's line, or, where the formatter would move it from there, on a
/// line of its own above: then it names the next line that is no comment. In a chain of methods over several lines
/// the operation's line is that of the method's name. A label survives edits of the operation and of the rest of the
/// file, and stands once in a file.
///
/// # Errors
/// Fails if no site of the file has the label, with the labels that share a word with it; and if several sites have it,
/// with their lines.
///
/// ```
/// use selvedge_check::{Change, site_of};
/// use std::sync::atomic::Ordering;
/// let source = "fn set(&self) {\n    self.ready.store(true, Release); // site: set-ready\n}\n";
/// let mutation = site_of(source, "src/flag.rs", "set-ready", Change::Order(Ordering::Relaxed)).unwrap();
/// assert_eq!(mutation.line, 2);
/// ```
pub fn site_of(source: &str, file: &str, label: &str, change: Change) -> Result<Mutation, String> {
    let sites = sites(source);
    let lines: Vec<u32> = sites.iter().filter(|site| site.label == label).map(|site| site.line).collect();
    match lines[..] {
        [line] => Ok(Mutation { file: file.to_string(), line, column: None, change }),
        [] => Err(format!("no site of {file} has the label `{label}`; {}", near(&sites, label))),
        _ => Err(format!("several sites of {file} have the label `{label}`: lines {lines:?}")),
    }
}

/// A label, and the line that the label names.
struct Site<'a> {
    label: &'a str,
    line: u32,
}

fn sites(source: &str) -> Vec<Site<'_>> {
    let mut sites = Vec::new();
    let mut above = Vec::new();
    for (line, text) in (1..).zip(source.lines().map(str::trim)) {
        if text.starts_with("//") || text.is_empty() {
            above.extend(text.strip_prefix(MARK).map(str::trim));
        } else {
            let at_end = text.rsplit_once(MARK).map(|(_, label)| label.trim());
            sites.extend(above.drain(..).chain(at_end).map(|label| Site { label, line }));
        }
    }
    sites
}

/// Lists the labels that share a word with this one, or all labels if none does.
fn near(sites: &[Site<'_>], label: &str) -> String {
    let shares_a_word =
        |site: &&Site<'_>| site.label.split('-').any(|word| label.split('-').any(|w| w == word));
    let list =
        |labels: Vec<&str>| labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    let near: Vec<&str> = sites.iter().filter(shares_a_word).map(|site| site.label).collect();
    match (near.is_empty(), sites.is_empty()) {
        (false, _) => format!("near it are {}", list(near)),
        (true, false) => format!("it has {}", list(sites.iter().map(|site| site.label).collect())),
        (true, true) => "it has no labels at all".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn a() {
    a.store(1, Release); // site: publish-a
    // site: take-b
    // Acquire: pairs with the store.
    if b
        .load(Acquire)
    {}
    b
        // site: change-b
        .swap(2, AcqRel);
    // site: twice
    c.wake(); // site: publish-c
    d.wake(); // site: twice
}
";

    fn find(label: &str) -> Result<u32, String> {
        site_of(SOURCE, "f.rs", label, Change::DropStore).map(|mutation| mutation.line)
    }

    #[test]
    fn a_label_names_its_line_or_the_next_line_of_code() {
        assert_eq!(["publish-a", "take-b", "change-b"].map(|label| find(label).expect("a site")), [2, 5, 10]);
    }

    #[test]
    fn a_label_that_stands_twice_is_refused_with_its_lines() {
        assert!(find("twice").expect_err("two sites").contains("[12, 13]"));
        assert_eq!(find("publish-c"), Ok(12));
    }

    #[test]
    fn an_unknown_label_is_refused_with_those_that_are_near() {
        let told = find("publish-b").expect_err("none");
        assert!(told.contains("near it are `publish-a`, `take-b`, `change-b`, `publish-c`"), "{told}");
        assert!(find("wake").expect_err("none").contains("it has `publish-a`, `take-b`"));
        let told = site_of("fn a() {}\n", "f.rs", "a", Change::DropStore).expect_err("none");
        assert!(told.contains("no labels at all"), "{told}");
    }
}
