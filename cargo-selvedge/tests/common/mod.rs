//! Crates of users, written to a folder of their own, and `cargo selvedge` run in them.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests start processes; no engine runs them"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate.
pub(crate) struct User {
    folder: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) told: String,
    pub(crate) complained: String,
}

const MANIFEST: &str = r#"[package]
name = "NAME"
version = "0.0.0"
edition = "2024"

FEATURES
[dependencies]
selvedge = { path = "ROOT/primitives" }

[dev-dependencies]
selvedge-check = { path = "ROOT/check" }

[profile.dev]
debug = "line-tables-only"

[profile.dev.package]
"*" = { debug = false }

[workspace]
"#;

/// A model of a crate's `Slot`: one thread puts a value, another takes it.
pub(crate) const SLOT_MODEL: &str = "
use CRATE::Slot;
#[test]
fn handed_over() {
    check(|| {
        let slot = Slot::new();
        thread::scope(|scope| {
            scope.spawn(|| slot.put(7));
            assert!(matches!(slot.take(), None | Some(7)));
        });
    });
}
";

const FEATURES: &str = "[features]\ngraph = [\"selvedge-check/graph\"]\n";

/// What the sources of all crates begin with.
pub(crate) const USES: &str = "#![allow(unused_imports, dead_code)]
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence, Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst}};
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

impl User {
    /// Writes a crate with a library and one file of tests.
    pub(crate) fn new(name: &str, library: &str, model: &str) -> User {
        User::with_features(name, FEATURES, library, model)
    }

    /// Writes a crate with this part of its manifest.
    pub(crate) fn with_features(name: &str, features: &str, library: &str, model: &str) -> User {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let manifest = MANIFEST.replace("NAME", name).replace("FEATURES", features);
        let manifest = manifest.replace("ROOT", &root().display().to_string());
        for (file, text) in [
            ("Cargo.toml", manifest.as_str()),
            ("src/lib.rs", &format!("{USES}{library}")),
            (
                "tests/model.rs",
                &format!(
                    "#![allow(unused_imports)]\nuse selvedge::rt::thread;\nuse selvedge_check::{{Checker, check}};\n{model}"
                ),
            ),
        ] {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the workspace has one");
        User { folder }
    }

    /// Returns the page of a model's failure.
    #[allow(dead_code, reason = "not every file of tests looks at pages")]
    pub(crate) fn page(model: &str) -> String {
        let page =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("target/selvedge").join(format!("{model}.html"));
        fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
    }

    /// Runs `cargo selvedge` in the crate's folder.
    pub(crate) fn selvedge(&self, arguments: &[&str]) -> Ended {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target");
        let output = Command::new(env!("CARGO_BIN_EXE_cargo-selvedge"))
            .arg("selvedge")
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", target)
            .output()
            .expect("the command was built");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { status: output.status.code(), told: text(&output.stdout), complained: text(&output.stderr) }
    }
}

/// Returns the line, from 1, of a library that contains a text.
pub(crate) fn line(library: &str, text: &str) -> usize {
    let source = format!("{USES}{library}");
    let found = source.lines().position(|line| line.contains(text));
    found.map(|at| at + 1).unwrap_or_else(|| panic!("no line has `{text}`"))
}
