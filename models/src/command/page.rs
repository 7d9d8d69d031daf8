//! A verification as a page that needs nothing else.

use super::row::Row;
use cargo_selvedge::{STYLE, Summary, section};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use selvedge_check::Engine;
use std::collections::BTreeMap;

/// The models of one primitive, by name in the order of the models, with what each engine says.
type Group<'a> = Vec<(&'a str, Vec<&'a Row<'a>>)>;

/// Returns the page: models by primitive, engines side by side, and an audit if there is one.
pub(super) fn page(rows: &[Row<'_>], audit: Option<&Summary>) -> String {
    let groups = groups(rows);
    let engines: Vec<&str> = Engine::available()
        .iter()
        .map(|engine| engine.name())
        .filter(|name| rows.iter().any(|row| row.engine == *name))
        .collect();
    let good = rows.iter().filter(|row| row.ok).count();
    let mutants: usize = rows.iter().map(|row| row.mutants_caught).sum();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "verification" } style { (PreEscaped(STYLE)) } }
            body {
                h1 { "Verification" }
                p class=(if good == rows.len() { "good" } else { "bad" }) {
                    (good) " of " (rows.len()) " as expected, " (mutants) " mutants caught"
                }
                @for (primitive, models) in &groups {
                    section id=(primitive) {
                        h2 { (primitive) }
                        table {
                            tr { th { "property" } @for engine in &engines { th { (engine) } } }
                            @for (name, cells) in models { (line(name, cells, &engines)) }
                        }
                    }
                }
                @if let Some(summary) = audit { (section(summary)) }
            }
        }
    };
    page.into_string()
}

fn groups<'a>(rows: &'a [Row<'a>]) -> BTreeMap<&'a str, Group<'a>> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for row in rows {
        let primitive = row.model.split("::").next().unwrap_or_default();
        let group = groups.entry(primitive).or_default();
        match group.iter_mut().find(|(name, _)| *name == row.model) {
            Some((_, cells)) => cells.push(row),
            None => group.push((row.model, vec![row])),
        }
    }
    groups
}

fn line(name: &str, cells: &[&Row<'_>], engines: &[&str]) -> Markup {
    html! {
        tr {
            td { (cells[0].property) br; code.dim { (name) } }
            @for engine in engines {
                td {
                    @for row in cells.iter().filter(|row| row.engine == *engine) { (cell(row)) }
                }
            }
        }
    }
}

fn cell(row: &Row<'_>) -> Markup {
    let tried = row.mutants_caught + row.mutants_missed.len();
    html! {
        span class=(if row.ok { "good" } else { "bad" }) { (row.verdict) }
        br;
        span.dim {
            (row.executions) " executions, " (format!("{:.1}", row.seconds)) " s"
            @if tried > 0 { ", mutants " (row.mutants_caught) "/" (tried) }
        }
        @if !row.ok {
            details {
                summary { "what went wrong" }
                pre {
                    (row.detail)
                    @for missed in row.mutants_missed { "\n" (missed) }
                }
            }
        }
        @if let Some(page) = &row.counterexample { a href=(page) { "the execution" } }
    }
}
