//! An execution as a Graphviz graph.

use super::{EventId, Execution, Source};
use core::fmt::Write;

/// Returns the execution in DOT, for Graphviz: a cluster for each thread, program order, reads-from (green),
/// modification order (brown, dashed), and happens-before between threads (grey, dotted).
pub fn dot(execution: &Execution) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, execution);
    text
}

fn name(id: EventId) -> String {
    format!("t{}_{}", id.thread, id.index)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn write_all(text: &mut String, execution: &Execution) -> core::fmt::Result {
    writeln!(text, "digraph execution {{")?;
    writeln!(
        text,
        "  label={}; labelloc=t; node [shape=box, fontname=monospace];",
        quoted(&execution.headline)
    )?;
    for (number, thread) in execution.threads.iter().enumerate() {
        writeln!(text, "  subgraph cluster_{number} {{")?;
        writeln!(text, "    label={};", quoted(&execution.title(number)))?;
        for (index, event) in thread.events.iter().enumerate() {
            let id = EventId { thread: number, index };
            let mut label = execution.describe(event);
            if let Some(site) = &event.site {
                label.push_str(&format!("\n{site}"));
                label.extend(site.text.iter().flat_map(|code| ["\n", code.as_str()]));
            }
            let colour = if execution.culprits.contains(&id) { ", color=red, penwidth=2" } else { "" };
            writeln!(text, "    {} [label={}{colour}];", name(id), quoted(&label))?;
        }
        writeln!(text, "  }}")?;
        for index in 1..thread.events.len() {
            let [from, to] = [index - 1, index].map(|index| name(EventId { thread: number, index }));
            writeln!(text, "  {from} -> {to} [label=po];")?;
        }
    }
    for id in execution.ids() {
        if let Some(Source::Write(write)) = execution.event(id).reads_from {
            writeln!(
                text,
                "  {} -> {} [label=rf, color=darkgreen, constraint=false];",
                name(write),
                name(id)
            )?;
        }
    }
    for location in &execution.locations {
        for pair in location.writes.windows(2) {
            let [from, to] = [name(pair[0]), name(pair[1])];
            writeln!(text, "  {from} -> {to} [label=co, color=brown, style=dashed, constraint=false];")?;
        }
    }
    for (from, to) in execution.edges_between_threads() {
        writeln!(text, "  {} -> {} [color=grey, style=dotted];", name(from), name(to))?;
    }
    writeln!(text, "}}")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::dot;

    #[test]
    fn the_graph_has_every_event_and_relation_with_its_labels_escaped() {
        let text = dot(&example::race());
        for part in [
            "label=\"data race: <one> & another\"",
            "t0_0 [label=\"cell write data\\nsrc/a \\\"b\\\" <c>.rs:7\\n<x>.cell write(&y)\", color=red, penwidth=2];",
            "t0_0 -> t0_1 [label=po];",
            "t0_1 -> t1_0 [label=rf, color=darkgreen, constraint=false];",
            "label=\"T0 (writer)\";",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
