//! Cargo's target folder, where reports and audits are left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Returns the target folder that the running test was built in.
pub(crate) fn target_folder() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    find(std::env::var_os("CARGO_TARGET_DIR"), &program, &here)
}

/// Returns the folder that the variable `CARGO_TARGET_DIR` names, else the one that cargo has marked as its own above
/// the running program (`build.target-dir` may name it), else `target` of the workspace that the current folder is in.
fn find(variable: Option<OsString>, program: &Path, here: &Path) -> PathBuf {
    // Tests run in the folder of their package.
    let workspace = here.ancestors().filter(|folder| folder.join("Cargo.lock").exists()).last();
    let workspace = workspace.unwrap_or(here);
    if let Some(named) = variable.filter(|named| !named.is_empty()) {
        return workspace.join(named);
    }
    let marked = program.ancestors().filter(|folder| folder.join("CACHEDIR.TAG").exists()).last();
    marked.map_or_else(|| workspace.join("target"), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_variable_counts_more_than_cargos_mark_and_that_more_than_the_workspace() {
        let folder = std::env::temp_dir().join(format!("selvedge-target-{}", std::process::id()));
        let package = folder.join("workspace/member");
        let built = folder.join("elsewhere/debug/deps");
        fs::create_dir_all(&package).expect("it can be made");
        fs::create_dir_all(&built).expect("it can be made");
        fs::write(folder.join("workspace/Cargo.lock"), "").expect("it can be written");
        let program = built.join("test-1f");
        let find = |variable: &str| find(Some(variable.into()), &program, &package);
        assert_eq!(find(""), folder.join("workspace/target"));
        fs::write(folder.join("elsewhere/CACHEDIR.TAG"), "").expect("it can be written");
        assert_eq!(find(""), folder.join("elsewhere"));
        assert_eq!(find("named"), folder.join("workspace/named"));
        assert_eq!(find("/named"), Path::new("/named"));
        fs::remove_dir_all(folder).expect("it is there");
    }
}
