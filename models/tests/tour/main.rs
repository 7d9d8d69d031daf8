//! The programs of the tour in `docs/tour/`: they run, a checker says of them what the pages say, and the pages show
//! them as they are.
//!
//! In a page, `<!-- program NAME -->` stands before the text of a function of its chapter's file, and `<!-- report
//! NAME -->` before what the graph engine reports of it. `<!-- verdict NAME -->` stands before the beginning of a
//! report whose rest is about the inside of contexts and patterns, which changes with their code. With the
//! environment variable `SELVEDGE_TOUR=write` the test writes all of these into the pages.

#![cfg(feature = "graph")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test of programs, outside any model"
)]

mod channels;
mod leaks;
mod locks;
mod patterns;
mod processes;
mod runtime;
mod selects;
mod sync;
mod threads;

use selvedge_check::{Checker, Engine, FailureKind, Verdict};
use std::path::PathBuf;

/// A chapter: its page, and the file of its programs.
struct Chapter {
    page: &'static str,
    source: &'static str,
    /// Programs that run as they are.
    programs: &'static [fn()],
    /// Programs that are checked.
    checked: &'static [Checked],
}

/// A program that is checked, by its name in the file, and how it must fail; `None`: every execution must pass.
struct Checked(&'static str, fn(), Option<FailureKind>);

const CHAPTERS: [Chapter; 9] = [
    processes::CHAPTER,
    threads::CHAPTER,
    channels::CHAPTER,
    selects::CHAPTER,
    locks::CHAPTER,
    patterns::CHAPTER,
    leaks::CHAPTER,
    sync::CHAPTER,
    runtime::CHAPTER,
];

#[test]
fn the_programs_run() {
    for chapter in CHAPTERS {
        assert!(!chapter.programs.is_empty(), "{} shows nothing that runs", chapter.page);
        chapter.programs.iter().for_each(|program| program());
    }
}

#[test]
fn each_chapter_has_a_fault_and_its_repair() {
    for chapter in CHAPTERS {
        let fails = chapter.checked.iter().filter(|checked| checked.2.is_some()).count();
        assert!(fails > 0 && fails < chapter.checked.len(), "{}", chapter.page);
    }
}

#[test]
fn the_pages_show_the_programs_and_what_the_checker_says() {
    let rewrites = std::env::var("SELVEDGE_TOUR").is_ok_and(|what| what == "write");
    let stale = CHAPTERS.iter().filter(|chapter| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/tour").join(chapter.page);
        let page = std::fs::read_to_string(&path).expect("the page can be read");
        let fresh = refreshed(&page, chapter);
        if rewrites {
            std::fs::write(&path, &fresh).expect("the page can be written");
        }
        fresh != page
    });
    let stale: Vec<_> = stale.map(|chapter| chapter.page).collect();
    assert!(
        rewrites || stale.is_empty(),
        "run this test with SELVEDGE_TOUR=write, and read what it changes in {stale:?}"
    );
}

/// Returns the page with each block as it must be.
fn refreshed(page: &str, chapter: &Chapter) -> String {
    let (mut out, mut lines, mut shown) = (Vec::new(), page.lines(), Vec::new());
    while let Some(line) = lines.next() {
        out.push(line.to_string());
        let Some(mark) = line.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->")) else {
            continue;
        };
        let (language, text) = match mark.split_once(' ') {
            Some(("program", name)) => ("rust", program(chapter.source, name)),
            Some(("report", name)) => ("text", report(chapter, name)),
            Some(("verdict", name)) => ("text", verdict(&report(chapter, name))),
            _ => panic!("{}: `{mark}` is no program, report or verdict", chapter.page),
        };
        shown.push(mark);
        // Skips the block that stands there, if one does.
        let mut rest = lines.clone();
        if rest.next().is_some_and(|line| line.starts_with("```")) {
            rest.by_ref().take_while(|line| *line != "```").for_each(drop);
            lines = rest;
        }
        out.extend([format!("```{language}"), text, "```".to_string()]);
    }
    for Checked(name, ..) in chapter.checked {
        let has = |kind: &str| shown.iter().any(|mark| *mark == format!("{kind} {name}"));
        assert!(
            has("program") && (has("report") || has("verdict")),
            "{} does not show {name} and its report",
            chapter.page
        );
    }
    out.push(String::new());
    out.join("\n")
}

/// Returns the text of a function.
fn program(source: &str, name: &str) -> String {
    let start = format!("fn {name}(");
    let lines = source.lines().skip_while(|line| !line.starts_with(&start));
    let mut text: Vec<_> = lines.take_while(|line| *line != "}").collect();
    assert!(!text.is_empty(), "there is no function {name}");
    text.push("}");
    text.join("\n")
}

/// Returns what the graph engine reports of a program, without what differs from run to run.
fn report(chapter: &Chapter, name: &str) -> String {
    let found = chapter.checked.iter().find(|checked| checked.0 == name);
    let Checked(_, body, kind) = found.unwrap_or_else(|| panic!("{name} is not checked"));
    let checker = Checker::new().name(name).ignore_environment().engines([Engine::Graph]);
    let report = checker.run(body).remove(0);
    let failed = report.verdict.failure().map(|found| found.failure.kind);
    assert_eq!(failed, *kind, "{name}: {report}");
    assert!(kind.is_some() || matches!(report.verdict, Verdict::Exhaustive), "{name}: {report}");
    let text = without_lines(&report.to_string().replace("models/tests/tour/", ""));
    let varies = ["  replay it: ", "  found in ", "  the execution as a page: "];
    let lines = text.lines().filter(|line| !varies.iter().any(|start| line.starts_with(start)));
    let mut lines: Vec<_> = lines.map(str::to_string).collect();
    if kind.is_none() {
        let end = lines.last_mut().expect("a report has a line");
        let time = end.rfind(" in ").expect("it says how long it took");
        end.truncate(time);
    }
    lines.join("\n")
}

/// Returns the text without the numbers of lines in the library's own files, which change with any edit there.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let path = out.rsplit([' ', '(']).next().unwrap_or_default();
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let is_own = path.starts_with("primitives/") || path.starts_with("runtime/");
        out = if is_own { out + ".rs" + &part[digits..] } else { out + ".rs:" + part };
    }
    out
}

/// Returns the beginning of a report, up to the steps.
fn verdict(report: &str) -> String {
    let mut lines = report.lines().take_while(|line| !line.contains("the interleaving"));
    let first = lines.next().expect("a report has a line");
    let first = match (first.split_once(" in execution "), first.rsplit_once(", ")) {
        (Some((kind, rest)), _) => {
            format!("{kind}{}", rest.trim_start_matches(|letter: char| letter.is_ascii_digit()))
        }
        (None, Some((verdict, _executions))) => verdict.to_string(),
        (None, None) => first.to_string(),
    };
    core::iter::once(first).chain(lines.map(str::to_string)).collect::<Vec<_>>().join("\n")
}
