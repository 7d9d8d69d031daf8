//! What the documents say of how far models are explored is what the models' rows say, which the tests of the models check.

use selvedge_models::model::Model;
use selvedge_models::models::MODELS;
use selvedge_models::reach::table;
use std::fs;
use std::path::Path;

/// Files of models of channels and of the queue on which they are built.
fn is_of_channels(model: &&Model) -> bool {
    let file = model.file();
    file.starts_with("chan_")
        || file.starts_with("select")
        || ["futures", "queue", "timers", "undelivered"].contains(&file)
}

#[test]
fn the_page_on_models_of_channels_says_what_their_rows_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explored.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let expected = table(MODELS.iter().filter(is_of_channels));
    assert!(page.contains(&expected), "docs/explored.md is to have this table:\n{expected}");
    let rows =
        |text: &str| text.lines().filter(|line| line.starts_with("| `") && line.contains("::")).count();
    assert_eq!(rows(&page), rows(&expected), "docs/explored.md has a row too many");
}
