//! `cargo selvedge audit`: which orderings, fences and wake-ups the tests of a crate need.

use crate::judge::read_all;
use crate::project::{Project, Tests};
use cargo_selvedge::{Site, Summary, report, sources};
use clap::Args;
use selvedge_check::audit::Entry;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder with the source; by default `src` of the package
    #[arg(long)]
    source: Option<PathBuf>,
    /// Only operations whose file and line contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// One JSON document on standard output instead of a table
    #[arg(long)]
    json: bool,
    /// Write a page too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    tests: Tests,
}

/// Runs the tests, shows what the audit has found, and returns whether everything is needed or explained.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    report(&summary(arguments)?, arguments.html.as_deref(), arguments.json)
}

fn summary(arguments: &Arguments) -> Result<Summary, String> {
    let project = Project::find(&arguments.tests)?;
    project.compile()?;
    let folder = project.emptied("audit")?;
    if !project.run(&[("SELVEDGE_AUDIT", folder.as_os_str())])?.passed {
        return Err(
            "the tests fail as they are; an audit begins with tests that pass (`cargo test` says more, and \
                    `cargo selvedge repair` looks for orderings with which they pass)"
                .to_string(),
        );
    }
    if !folder.exists() {
        return Err("no test was audited: none calls `check` or `Checker::check` on a model".to_string());
    }
    let mut entries: Vec<Entry> = read_all::<Vec<Entry>>(&folder)?.into_iter().flatten().collect();
    let mut sites = sites(&project, arguments.source.as_deref())?;
    if let Some(filter) = &arguments.filter {
        entries.retain(|entry| format!("{}:{}", entry.file, entry.line).contains(filter));
        sites.retain(|site| format!("{}:{}", site.file, site.lines.0).contains(filter));
    }
    if entries.is_empty() && sites.is_empty() {
        return Err(
            "nothing to audit: no ordering, fence or wake-up fits; look at --source and --filter".to_string()
        );
    }
    Ok(Summary::new(entries, &sites, |file| std::fs::read_to_string(project.root.join(file)).ok()))
}

/// Returns the operations in a crate's source, which stands in `src` if no other folder is named.
pub(crate) fn sites(project: &Project, folder: Option<&Path>) -> Result<Vec<Site>, String> {
    let folder = folder.map_or_else(|| project.folder.join("src"), Path::to_path_buf);
    let folder = std::path::absolute(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut sites = Vec::new();
    for source in sources(&project.root, &folder)? {
        sites.extend(source.scan()?);
    }
    Ok(sites)
}
