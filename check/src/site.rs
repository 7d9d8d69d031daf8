//! Naming the site of a mutation by what stands there.

use selvedge::rt::engine::{Change, Mutation};

/// A mutation of the one line of `source` that contains `fragment`.
///
/// `source` is the text of the file (from `include_str!`), `file` the end of its path. So a twin
/// survives edits elsewhere in the file, and tells when its own line is gone.
///
/// # Errors
/// If no line or more than one contains the fragment; the message lists the lines.
///
/// ```
/// use selvedge_check::{Change, site_of};
/// use std::sync::atomic::Ordering;
/// let source = "fn set(&self) {\n    self.ready.store(true, Release);\n}\n";
/// let twin = site_of(source, "src/flag.rs", "ready.store", Change::Order(Ordering::Relaxed)).unwrap();
/// assert_eq!(twin.line, 2);
/// ```
pub fn site_of(source: &str, file: &str, fragment: &str, change: Change) -> Result<Mutation, String> {
    let line = only_line(source, file, fragment)?;
    Ok(Mutation { file: file.to_string(), line, column: None, change })
}

/// As [`site_of`], for a line that stands several times in the file: the first one with `fragment` after
/// the one line that contains `anchor`, such as the head of its function.
///
/// # Errors
/// If the anchor is not on exactly one line, or no line after it contains the fragment.
pub fn site_after(
    source: &str,
    file: &str,
    anchor: &str,
    fragment: &str,
    change: Change,
) -> Result<Mutation, String> {
    let start = only_line(source, file, anchor)?;
    let after = (1..).zip(source.lines()).find(|(line, text)| *line > start && text.contains(fragment));
    let (line, _) =
        after.ok_or_else(|| format!("no line of {file} after line {start} contains `{fragment}`"))?;
    Ok(Mutation { file: file.to_string(), line, column: None, change })
}

fn only_line(source: &str, file: &str, fragment: &str) -> Result<u32, String> {
    let numbered = (1..).zip(source.lines());
    let lines: Vec<u32> =
        numbered.filter(|(_, line)| line.contains(fragment)).map(|(number, _)| number).collect();
    match lines[..] {
        [line] => Ok(line),
        [] => Err(format!("no line of {file} contains `{fragment}`")),
        _ => Err(format!("several lines of {file} contain `{fragment}`: {lines:?}; give more of the line")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_must_name_one_line() {
        let source = "a.load(x);\nb.load(x);\n";
        let find = |fragment| site_of(source, "f.rs", fragment, Change::DropStore);
        assert_eq!(find("b.load").expect("one line").line, 2);
        assert!(find("load").expect_err("two lines").contains("[1, 2]"));
        assert!(find("store").expect_err("none").contains("no line"));
    }

    #[test]
    fn an_anchor_tells_equal_lines_apart() {
        let source = "fn a() {\n  x.wake();\n}\nfn b() {\n  x.wake();\n}\n";
        let find = |anchor| site_after(source, "f.rs", anchor, "wake", Change::DropUnpark);
        assert_eq!((find("fn a").expect("one").line, find("fn b").expect("one").line), (2, 5));
        assert!(find("fn").is_err() && find("fn c").is_err());
    }
}
