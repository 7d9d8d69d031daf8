//! An audit in the terminal.

use crate::summary::{Row, Status, Summary};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// The table, and the summary in one line.
pub fn show(summary: &Summary) -> String {
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
        table.add_row([place, ordering, change, Cell::new(status.label()).fg(colour), because]);
    }
    format!("{table}\n{}", summary.headline())
}
