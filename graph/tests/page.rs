//! The counterexample page in a real browser, where there is one.

use selvedge_graph::{End, Machine, Options, Order, report};
use std::panic::Location;
use std::process::Command;
use std::rc::Rc;

/// Returns the last execution of message passing.
fn execution() -> report::Execution {
    let machine = Rc::new(Machine::new(Options::default()));
    let theirs = Rc::clone(&machine);
    let end = machine.run(Box::new(move || {
        let site = Location::caller();
        let [data, flag] = [theirs.new_location(0, None), theirs.new_location(0, None)];
        let m = Rc::clone(&theirs);
        let writer = theirs.spawn(
            Box::new(move || {
                let _ = m.store(data, 1, Order::Relaxed, site);
                let _ = m.store(flag, 1, Order::Release, site);
            }),
            site,
        );
        theirs.join(writer, site);
        let _ = theirs.load(flag, Order::Acquire, site);
        let _ = theirs.load(data, Order::Relaxed, site);
    }));
    assert!(matches!(end, End::Complete), "{end:?}");
    machine.execution("an example")
}

#[test]
fn the_page_shows_every_event_in_a_browser() {
    let execution = execution();
    let boxes: usize = execution.threads.iter().map(|thread| thread.events.len()).sum();
    let arrows = execution.threads.iter().flat_map(|thread| &thread.events);
    let arrows = arrows.filter(|event| matches!(event.reads_from, Some(report::Source::Write(_)))).count();
    assert_eq!((boxes, arrows), (7, 2));
    let page = std::env::temp_dir().join(format!("selvedge-page-{}.html", std::process::id()));
    std::fs::write(&page, report::html(&execution)).expect("a temporary file can be written");
    let dumped = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|browser| {
        let url = format!("file://{}", page.display());
        let options = ["--headless", "--disable-gpu", "--no-sandbox", "--dump-dom", &url];
        Command::new(browser).args(options).output().ok()
    });
    let Some(output) = dumped else {
        println!("skipped: no Chromium on PATH");
        return;
    };
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("data-ready=\"yes\""), "the page's script did not come to its end:\n{dom}");
    assert_eq!(dom.matches("class=\"event").count(), boxes);
    assert_eq!(dom.matches("class=\"rf\"").count(), arrows);
}
