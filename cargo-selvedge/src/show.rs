//! An audit in the terminal.

use crate::summary::{Row, Status, Summary};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

/// A cell in a colour, where the terminal shows colours and `NO_COLOR` is not set.
pub fn coloured(text: &str, colour: Color) -> Cell {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain { Cell::new(text) } else { Cell::new(text).fg(colour) }
}

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
        table.add_row([place, ordering, change, coloured(status.label(), colour), because]);
    }
    format!("{table}\n{}", summary.headline())
}
