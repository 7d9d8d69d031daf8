//! The crate whose tests a subcommand runs, and how it runs them.

use clap::Args;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which tests to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Tests {
    /// Features to test with; by default `graph`, or `rc11` if the crate has only that
    #[arg(long)]
    features: Option<String>,
    /// The package, if it is not that of the current folder
    #[arg(short, long)]
    package: Option<String>,
    /// Passed on to `cargo test`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// A crate, and the tests of it.
pub(crate) struct Project {
    pub(crate) name: String,
    /// The folder of the package.
    pub(crate) folder: PathBuf,
    /// The folder of the workspace, from which the compiler names files.
    pub(crate) root: PathBuf,
    /// Where reports go.
    pub(crate) target: PathBuf,
    features: Option<String>,
    rest: Vec<String>,
}

/// A run of the tests.
pub(crate) struct Run {
    pub(crate) passed: bool,
    /// The tests that failed, as libtest names them.
    pub(crate) failed: BTreeSet<String>,
}

/// Flags of `cargo test` that choose targets.
const TARGETS: [&str; 8] =
    ["--lib", "--bin", "--bins", "--test", "--tests", "--example", "--doc", "--all-targets"];

impl Project {
    /// Finds the crate.
    ///
    /// # Errors
    /// If there is none, or if its features do not compile an engine in.
    pub(crate) fn find(tests: &Tests) -> Result<Project, String> {
        let metadata = metadata()?;
        let path = |name: &str| metadata[name].as_str().map(PathBuf::from);
        let (Some(root), Some(target)) = (path("workspace_root"), path("target_directory")) else {
            return Err("`cargo metadata` names no workspace or no target folder".to_string());
        };
        let here = std::env::current_dir().map_err(|error| format!("the current folder: {error}"))?;
        let package = package(&metadata, tests.package.as_deref(), &here)?;
        let features = match &tests.features {
            Some(features) => Some(features.clone()),
            None => engine_feature(package)?,
        };
        let folder = folder(package);
        let name = package["name"].as_str().unwrap_or_default().to_string();
        let target = target.join("selvedge").join(&name);
        Ok(Project { name, folder, root, target, features, rest: tests.rest.clone() })
    }

    /// Empties a folder below the reports' and returns its path.
    pub(crate) fn emptied(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.target.join(name);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("{} cannot be emptied: {error}", folder.display()))
            }
            _ => Ok(folder),
        }
    }

    /// Compiles the tests, and shows what the compiler says.
    ///
    /// # Errors
    /// If they do not compile.
    pub(crate) fn compile(&self) -> Result<(), String> {
        let status = self.cargo_test(&["--no-run"]).status();
        let status = status.map_err(|error| format!("cargo cannot be run: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("the tests of {} do not compile", self.name)) }
    }

    /// Runs all tests, those of the documentation too.
    pub(crate) fn run(&self, variables: &[(&str, &OsStr)]) -> Result<Run, String> {
        self.run_with(&["--no-fail-fast"], variables)
    }

    /// Runs the tests as far as the first failure, without those of the documentation.
    pub(crate) fn run_quickly(&self, variables: &[(&str, &OsStr)]) -> Result<Run, String> {
        let own = self.rest.iter().take_while(|argument| *argument != "--");
        let chosen = own.into_iter().any(|argument| TARGETS.contains(&argument.as_str()));
        self.run_with(if chosen { &[] } else { &["--tests"] }, variables)
    }

    fn run_with(&self, flags: &[&str], variables: &[(&str, &OsStr)]) -> Result<Run, String> {
        let mut test = self.cargo_test(flags);
        test.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
        let output = test.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
        let failed = failed_tests(&String::from_utf8_lossy(&output.stdout));
        Ok(Run { passed: output.status.success(), failed })
    }

    fn cargo_test(&self, flags: &[&str]) -> Command {
        let mut test = cargo();
        test.args(["test", "--quiet", "--package", &self.name]);
        if let Some(features) = self.features.as_deref().filter(|features| !features.is_empty()) {
            test.args(["--features", features]);
        }
        test.args(flags).args(&self.rest);
        test
    }
}

/// Returns the command `cargo`.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn metadata() -> Result<Value, String> {
    let asked = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let told = asked.map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).trim().to_string());
    }
    serde_json::from_slice(&told.stdout)
        .map_err(|error| format!("`cargo metadata` is not understood: {error}"))
}

fn folder(package: &Value) -> PathBuf {
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    Path::new(manifest).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns the package that is named, or else the one that the current folder is in.
fn package<'m>(metadata: &'m Value, name: Option<&str>, here: &Path) -> Result<&'m Value, String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = || {
        let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
        names.join(", ")
    };
    if let Some(name) = name {
        let named = packages.iter().find(|package| package["name"] == name);
        return named.ok_or_else(|| format!("no package is called `{name}`; there are {}", names()));
    }
    if let [only] = packages {
        return Ok(only);
    }
    let around = packages.iter().filter(|package| here.starts_with(folder(package)));
    let nearest = around.max_by_key(|package| folder(package).components().count());
    nearest.ok_or_else(|| format!("name a package with `--package`: {}", names()))
}

/// Returns the feature that compiles the graph engine in; `None` if it is always compiled in.
fn engine_feature(package: &Value) -> Result<Option<String>, String> {
    let names_engine = |feature: &Value| {
        feature.as_str().is_some_and(|name| matches!(name.rsplit('/').next(), Some("graph" | "rc11")))
    };
    let features = &package["features"];
    let feature = ["graph", "rc11"].into_iter().find(|name| features.get(name).is_some());
    if let Some(feature) = feature {
        return Ok(Some(feature.to_string()));
    }
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let harness: Vec<&Value> =
        dependencies.iter().filter(|dependency| dependency["name"] == "selvedge-check").collect();
    let lists_engine = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(names_engine));
    if harness.iter().any(|dependency| lists_engine(&dependency["features"])) {
        return Ok(None);
    }
    // The feature may have a name of its own.
    let own = features.as_object().and_then(|all| all.iter().find(|(_, list)| lists_engine(list)));
    if let Some((name, _)) = own {
        return Ok(Some(name.clone()));
    }
    let name = package["name"].as_str().unwrap_or_default();
    let missing =
        if harness.is_empty() { "does not depend on selvedge-check" } else { "has no feature `graph`" };
    let dependency = "[dev-dependencies]\nselvedge-check = \"0.1\"\n\n";
    let dependency = if harness.is_empty() { dependency } else { "" };
    Err(format!(
        "the package `{name}` {missing}, so no engine can judge it; add to its Cargo.toml\n\n{dependency}\
         [features]\ngraph = [\"selvedge-check/graph\"]\n\nor name features with `--features`"
    ))
}

/// Returns the tests that libtest lists as failed.
fn failed_tests(output: &str) -> BTreeSet<String> {
    let mut failed = BTreeSet::new();
    let mut in_list = false;
    for line in output.lines() {
        match line.strip_prefix("    ") {
            _ if line == "failures:" => in_list = true,
            Some(name) if in_list && !name.contains(' ') => drop(failed.insert(name.to_string())),
            _ if line.is_empty() => (),
            _ => in_list = false,
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_feature_with_the_engine_is_found_by_its_name_or_by_what_it_turns_on() {
        let harness = |features: &[&str]| json!([{ "name": "selvedge-check", "features": features }]);
        let package = |features: Value, dependencies: Value| json!({ "name": "p", "features": features, "dependencies": dependencies });
        let engine = ["selvedge-check/graph"];
        let found = |features, dependencies| engine_feature(&package(features, dependencies));
        let both = json!({ "rc11": engine, "graph": engine });
        assert_eq!(found(both, harness(&[])), Ok(Some("graph".to_string())));
        assert_eq!(found(json!({ "rc11": engine }), harness(&[])), Ok(Some("rc11".to_string())));
        assert_eq!(found(json!({ "check": engine }), harness(&[])), Ok(Some("check".to_string())));
        assert_eq!(found(json!({}), harness(&["graph"])), Ok(None));
        let without = found(json!({ "loom": [] }), harness(&[])).expect_err("no engine");
        assert!(
            without.contains("has no feature `graph`") && without.contains("[features]\ngraph ="),
            "{without}"
        );
        let stranger = found(json!({}), json!([])).expect_err("no harness");
        assert!(stranger.contains("does not depend on selvedge-check"), "{stranger}");
    }

    #[test]
    fn the_package_is_the_one_around_the_current_folder() {
        let package_at = |name: &str, folder: &str| json!({ "name": name, "manifest_path": format!("{folder}/Cargo.toml") });
        let metadata = json!({ "packages": [package_at("outer", "/w"), package_at("inner", "/w/inner")] });
        let name =
            |asked, here| package(&metadata, asked, Path::new(here)).map(|package| package["name"].clone());
        assert_eq!(name(None, "/w/inner/src"), Ok(json!("inner")));
        assert_eq!(name(None, "/w/other"), Ok(json!("outer")));
        assert_eq!(name(Some("outer"), "/w/inner"), Ok(json!("outer")));
        assert!(name(Some("none"), "/w").is_err_and(|told| told.contains("outer, inner")));
        assert!(name(None, "/elsewhere").is_err());
    }

    #[test]
    fn failed_tests_are_read_from_the_list_at_the_end() {
        let output = "\nrunning 2 tests\n.F\nfailures:\n\n---- one stdout ----\n    at src/lib.rs:1\nfailures:\n    one\n    a::two\n\ntest result: FAILED. 1 passed\n    other\n";
        let failed: Vec<String> = failed_tests(output).into_iter().collect();
        assert_eq!(failed, ["a::two", "one"]);
    }
}
