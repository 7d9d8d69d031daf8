//! An audit in the terminal.

use crate::page::page;
use crate::summary::{Row, Status, Summary};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use std::path::Path;

/// Prints the audit, as a JSON document or as a table, and writes its page if `html` names a file; returns whether
/// everything is needed or explained.
///
/// # Errors
/// If the page cannot be written.
pub fn report(summary: &Summary, html: Option<&Path>, json: bool) -> Result<bool, String> {
    if let Some(path) = html {
        let failed = |error| format!("{} cannot be written: {error}", path.display());
        std::fs::write(path, page(summary)).map_err(failed)?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(summary).map_err(|error| error.to_string())?);
    } else {
        println!("{}", show(summary));
    }
    Ok(summary.is_good())
}

/// Returns a cell in a colour, or a plain one if `NO_COLOR` is set; a table has no colours where there is no terminal.
pub fn coloured(text: &str, colour: Color) -> Cell {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain { Cell::new(text) } else { Cell::new(text).fg(colour) }
}

/// Returns the table, and the headline.
fn show(summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["operation", "ordering", "change", "outcome", "because"]);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for row in &summary.rows {
        let Row { file, line, operation, ordering, change, status, because, .. } = row;
        let place = format!("{operation} {file}:{line}");
        let colour = match status {
            Status::Needed => Color::Green,
            Status::Explained => Color::DarkGrey,
            _ => Color::Red,
        };
        let [place, ordering, change, because] = [&place, ordering, change, because].map(Cell::new);
        table.add_row([place, ordering, change, coloured(status.label(), colour), because]);
    }
    format!("{table}\n{}", summary.headline())
}
