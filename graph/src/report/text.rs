//! An execution as text.

use super::{Event, EventId, Execution, Source};
use core::fmt::Write;

/// Returns the execution as text for a terminal: each thread's events with what they read from, each location's
/// modification order, and what happens before what between threads.
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
        let expected = format!(
            "data race: <one> & another\n\nT0 (writer)\n!    0  cell write  {site}\n     1  store flag.Relaxed := 1  {site}\nT1\n     \
             0  load flag.Acquire = 1  ← T0.1  {site}\n!    1  cell read  {site}\n      waits: park\n\nmodification order (co)\n  \
             flag: 0 → 1 (T0.1)\n\nhappens before (hb), between threads\n"
        );
        assert_eq!(text(&example::race()), expected);
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
