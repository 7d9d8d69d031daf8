//! Running all tests with edits.

use crate::project::Project;
use selvedge_check::audit::{EDITS, FAIL_FAST, SourceEdit};
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::path::Path;

/// Returns whether every test passes with edits; the run ends at the first failure.
pub(crate) fn passes(project: &Project, edits: &[SourceEdit]) -> Result<bool, String> {
    let text = edits_text(edits)?;
    Ok(project.run_quickly(&[(EDITS, OsStr::new(&text)), (FAIL_FAST, OsStr::new("1"))])?.passed)
}

/// Returns edits as the variable has them.
pub(crate) fn edits_text(edits: &[SourceEdit]) -> Result<String, String> {
    serde_json::to_string(edits).map_err(|error| error.to_string())
}

/// Reads the JSON files in a folder, in the order of their names; none if there is no folder.
pub(crate) fn read_all<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    paths.iter().map(|path| read(path)).collect()
}
