//! An execution as text.

use super::{Event, EventId, Execution, Source};
use core::fmt::Write;

/// Returns the execution as text for a terminal: what went wrong, each thread's events with what they read from and their
/// source lines, each location's modification order, and what happens before what between threads.
pub fn text(execution: &Execution) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, execution);
    text
}

fn write_all(text: &mut String, execution: &Execution) -> core::fmt::Result {
    if !execution.headline.is_empty() {
        writeln!(text, "{}\n", execution.headline)?;
    }
    let said = execution.summary();
    for line in said.iter().chain(&execution.notes) {
        writeln!(text, "{line}")?;
    }
    if !(said.is_empty() && execution.notes.is_empty()) {
        writeln!(text)?;
    }
    for (number, thread) in execution.threads.iter().enumerate() {
        writeln!(text, "{}", execution.title(number))?;
        for (index, event) in thread.events.iter().enumerate() {
            writeln!(text, "{}", line(execution, EventId { thread: number, index }, event))?;
        }
        if let Some(what) = &thread.waits_for {
            writeln!(text, "      waits: {what}")?;
        }
    }
    writeln!(text, "\nmodification order (co)")?;
    for location in &execution.locations {
        writeln!(text, "  {}: {}", location.name, execution.modification_order(location))?;
    }
    writeln!(text, "\nhappens before (hb), between threads")?;
    for (from, to) in execution.edges_between_threads() {
        writeln!(text, "  {from} → {to}")?;
    }
    Ok(())
}

fn line(execution: &Execution, id: EventId, event: &Event) -> String {
    let mark = if execution.culprits.contains(&id) { '!' } else { ' ' };
    let mut line = format!("{mark} {:>4}  {}", id.index, execution.describe(event));
    match event.reads_from {
        Some(Source::Initial) => line.push_str("  ← initial"),
        Some(Source::Write(write)) => line.push_str(&format!("  ← {write}")),
        None => (),
    }
    if event.waits {
        line.push_str("  (waits)");
    }
    if let Some(site) = &event.site {
        line.push_str(&format!("  {site}"));
        if let Some(code) = &site.text {
            line.push_str(&format!("  {code}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::text;

    #[test]
    fn the_text_has_every_event_and_relation() {
        let site = "src/a \"b\" <c>.rs:7";
        let expected = [
            "data race: <one> & another",
            "",
            "nothing orders the two accesses of T0 and T1",
            &format!("  T0 cell write data  {site}  <x>.cell write(&y)"),
            &format!("  T1 cell read data  {site}  <x>.cell read(&y)"),
            &format!(
                "T1 `load flag.Acquire = true` ({site}) reads from T0 `store flag.Relaxed := true` ({site}) without \
                 synchronizing: the write is Relaxed, and only a Release (or a fence before it) publishes"
            ),
            "",
            "T0 (writer)",
            &format!("!    0  cell write data  {site}  <x>.cell write(&y)"),
            &format!("     1  store flag.Relaxed := true  {site}  <x>.store(&y)"),
            "T1",
            &format!("     0  load flag.Acquire = true  ← T0.1  {site}  <x>.load(&y)"),
            &format!("!    1  cell read data  {site}  <x>.cell read(&y)"),
            "      waits: park",
            "",
            "modification order (co)",
            "  flag: false → true (T0.1)",
            "",
            "happens before (hb), between threads",
            "",
        ];
        assert_eq!(text(&example::race()), expected.join("\n"));
    }

    #[test]
    fn an_edge_between_threads_is_told_once() {
        let mut execution = example::race();
        // The store releases: all of T0 happens before the load, and so before the read.
        execution.threads[1].events[0].happens_before = vec![2, 1];
        execution.threads[1].events[1].happens_before = vec![2, 2];
        assert!(text(&execution).ends_with("between threads\n  T0.1 → T1.0\n"));
    }
}
