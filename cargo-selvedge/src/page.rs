//! An audit as a page.

use crate::summary::{Row, Summary};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of pages.
pub const STYLE: &str = "
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #d0d5dd; --good: #067647; --bad: #c4320a; --dim: #667085; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --paper: #15181d; --line: #344054; --good: #47cd89; --bad: #ff692e; --dim: #98a2b3; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em auto; max-width: 80em; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0; border-bottom: 1px solid var(--line); }
code, pre { font: 12px/1.4 ui-monospace, monospace; } pre { overflow-x: auto; white-space: pre; }
.good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--dim); } details summary { cursor: pointer; }
";

/// Returns the audit as a section of a page.
pub fn section(summary: &Summary) -> Markup {
    html! {
        section id="audit" {
            h2 { "Audit" }
            p { (summary.headline()) }
            table {
                tr { th { "operation" } th { "ordering" } th { "change" } th { "outcome" } th { "because" } }
                @for row in &summary.rows { (line(row)) }
            }
        }
    }
}

fn line(row: &Row) -> Markup {
    let class = match row.status {
        crate::Status::Needed => "good",
        crate::Status::Explained => "dim",
        _ => "bad",
    };
    html! {
        tr {
            td { code { (row.operation) " " (row.file) ":" (row.line) } }
            td { (row.ordering) }
            td { (row.change) }
            td class=(class) { (row.status.label()) }
            td {
                @if let Some(failure) = &row.failure {
                    details { summary { (row.because) } pre { (failure) } }
                } @else {
                    (row.because)
                }
            }
        }
    }
}

/// Returns the audit as a page that needs nothing else.
pub(crate) fn page(summary: &Summary) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "audit" } style { (PreEscaped(STYLE)) } }
            body { (section(summary)) }
        }
    };
    page.into_string()
}
