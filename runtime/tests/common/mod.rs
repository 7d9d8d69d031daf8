//! What the programs of tests share: they run on 1, 2 and 4 Ps, and once more in each mode in which goroutines may change their
//! threads.

#![allow(dead_code, reason = "not every program makes use of all of it")]

use selvedge_go::{Builder, Migration};
use std::process::Command;

/// The environment variable that names the mode of a process.
pub(crate) const MODE: &str = "SELVEDGE_GO_TEST_MODE";

/// The modes by their names.
pub(crate) const MODES: [&str; 3] = ["never", "checked", "free"];

/// Returns the mode of this process.
pub(crate) fn mode() -> Migration {
    match std::env::var(MODE).as_deref() {
        // SAFETY: the goroutines of these programs keep no reference to a thread-local, no value that is not `Send`, and no guard of a
        // thread across a wait, but where a test says so and chooses its mode itself; or, in mode Checked, the check finds it.
        Ok("checked") => unsafe { Migration::checked() },
        // SAFETY: the programs of this mode keep across a wait what is `Send` only, and use thread-locals by functions that are not inlined.
        Ok("free") => unsafe { Migration::free() },
        _ => Migration::never(),
    }
}

/// Returns the settings of a run in the mode of this process.
pub(crate) fn builder() -> Builder {
    Builder::new().migration(mode())
}

/// Runs a program on 1, 2 and 4 Ps.
pub(crate) fn on_each(program: impl Fn()) {
    for procs in [1, 2, 4] {
        builder().procs(procs).run(&program);
    }
}

/// Runs the tests of this program once more in each mode, but for those with one of these names.
pub(crate) fn again_in_each_mode(but: &[&str], environment: &[(&str, String)]) {
    for mode in ["checked", "free"] {
        again_in(mode, but, environment);
    }
}

/// Runs the tests of this program once more in a mode, but for those with one of these names.
pub(crate) fn again_in(mode: &str, but: &[&str], environment: &[(&str, String)]) {
    if std::env::var_os(MODE).is_some() {
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    command
        .env(MODE, mode)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .arg("--test-threads=4");
    for name in but {
        command.args(["--skip", name]);
    }
    let output = command.output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{mode}, {environment:?}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("test result: ok.") && !text.contains(" 0 passed"), "{mode}: {text}");
}
