//! What the `selvedge` command writes: pages, JUnit's XML, and plain text where there is no terminal.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests run a command; they are no models"
)]

use selvedge_check::Engine;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn selvedge(arguments: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).output();
    command.expect("the command can be run")
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("selvedge-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Returns the page as a browser renders it; `None`, with a message, if there is no browser.
fn in_browser(page: &Path) -> Option<String> {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let address = format!("file://{}", page.display());
    for browser in browsers {
        let arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", &address];
        if let Ok(output) = Command::new(browser).args(arguments).output()
            && output.status.success()
        {
            return Some(text(&output.stdout));
        }
    }
    eprintln!("no browser: the page was not looked at ({})", browsers.join(", "));
    None
}

#[test]
fn a_verification_is_written_as_a_page_and_as_xml() {
    let folder = folder("verify");
    let (page, xml, audit) = (folder.join("page.html"), folder.join("junit.xml"), folder.join("audit.json"));
    let row = r#"{"file": "a.rs", "line": 7, "column": 3, "operation": "load", "ordering": "Acquire", "change": "Relaxed",
        "status": "needed", "because": "race in m under graph", "failure": "the <counterexample>"}"#;
    std::fs::write(&audit, format!("{{\"rows\": [{row}]}}")).expect("an audit");
    let [page_name, xml_name, audit_name] = [&page, &xml, &audit].map(|path| path.to_str().expect("UTF-8"));
    let output = selvedge(&[
        "verify",
        "--engine",
        "native",
        "--filter",
        "chan_close::one_of",
        "--html",
        page_name,
        "--junit",
        xml_name,
        "--audit",
        audit_name,
    ]);
    let shown = text(&output.stdout);
    assert!(
        output.status.success() && shown.contains("1 of 1 as expected"),
        "{shown}{}",
        text(&output.stderr)
    );
    // No terminal: no colours, no progress.
    assert!(!shown.contains('\u{1b}') && output.stderr.is_empty(), "{shown:?} {:?}", text(&output.stderr));
    let xml = std::fs::read_to_string(&xml).expect("it was written");
    assert!(xml.contains("<testsuite name=\"native\" tests=\"1\""), "{xml}");
    assert!(xml.contains("<testcase name=\"chan_close::one_of_two_closers_succeeds\""), "{xml}");
    let page = in_browser(&page).unwrap_or_else(|| std::fs::read_to_string(&page).expect("it was written"));
    for part in [
        "<h2>chan_close</h2>",
        "of two closers exactly one succeeds",
        "stressed",
        "1 change: 1 needed",
        "the &lt;counterexample&gt;",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    std::fs::remove_dir_all(folder).expect("the test's own folder");
}

#[test]
fn what_cannot_be_done_says_why() {
    // Another package of the same build may have asked for an engine.
    let explores = Engine::available().iter().any(|engine| *engine != Engine::Native);
    let nothing = if explores { "nothing of the audited source fits" } else { "no engine that explores" };
    let wrong: [(&[&str], &str); 6] = [
        (&["verify", "--time-limit", "0"], "a number of seconds above 0"),
        (&["verify", "--time-limit", "NaN"], "a number of seconds above 0"),
        (&["verify", "--filter", "nothing-like-that"], "nothing is named `nothing-like-that`"),
        (&["verify", "--audit", "x.json"], "--html"),
        (&["audit", "--filter", "nothing-like-that"], nothing),
        (&["litmus", "--native", "no-such-program"], "no program named"),
    ];
    for (arguments, why) in wrong {
        let output = selvedge(arguments);
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(why), "{arguments:?}: {told}");
    }
}
