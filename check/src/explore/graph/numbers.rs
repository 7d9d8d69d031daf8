//! One numbering of threads: a machine numbers them by their makers, a report in the order in which they were made.

use selvedge::rt::seam::Failure;
use selvedge_graph::report::{EventId, Execution, Source};

/// The graph with the threads' numbers and names of the report, and what they wait for. `machine` has the machine's numbers of the report's
/// threads; what the failed execution did not come to make comes after those.
pub(super) fn as_reported(mut graph: Execution, machine: &[u32], failure: &Failure) -> Execution {
    let count = graph.threads.len();
    let known = machine.iter().map(|thread| *thread as usize).filter(|thread| *thread < count);
    let mut order: Vec<usize> = known.collect();
    let missing: Vec<usize> = (0..count).filter(|thread| !order.contains(thread)).collect();
    order.extend(missing);
    let mut reported = vec![0; count];
    for (number, thread) in order.iter().enumerate() {
        reported[*thread] = number;
    }
    let renumber = |event: &mut EventId| event.thread = reported[event.thread];
    let mut threads: Vec<_> = core::mem::take(&mut graph.threads).into_iter().map(Some).collect();
    graph.threads = order.iter().filter_map(|thread| threads[*thread].take()).collect();
    for (number, thread) in graph.threads.iter_mut().enumerate() {
        let name = failure.names.get(number).cloned().flatten();
        thread.name = thread.name.take().or(name.filter(|_| number > 0));
        let waits = failure.blocked.iter().find(|blocked| blocked.thread == number);
        thread.waits_for = thread.waits_for.take().or(waits.map(|blocked| blocked.waits_for.clone()));
        for event in &mut thread.events {
            if matches!(event.operation, "spawn" | "join") {
                event.argument = event.argument.map(|thread| reported.get(thread).copied().unwrap_or(thread));
            }
            if let Some(Source::Write(write)) = &mut event.reads_from {
                renumber(write);
            }
            let before = &event.happens_before;
            event.happens_before =
                order.iter().map(|thread| before.get(*thread).copied().unwrap_or(0)).collect();
        }
    }
    graph.locations.iter_mut().flat_map(|location| &mut location.writes).for_each(renumber);
    graph.culprits.iter_mut().for_each(renumber);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge::rt::seam::{Blocked, FailureKind};
    use selvedge_graph::report::{Event, Thread};

    fn event(operation: &'static str, argument: Option<usize>, happens_before: &[usize]) -> Event {
        Event {
            operation,
            location: None,
            object: None,
            cell: None,
            order: None,
            read: None,
            written: None,
            reads_from: None,
            argument,
            site: None,
            happens_before: happens_before.to_vec(),
            waits: false,
        }
    }

    #[test]
    fn threads_get_the_numbers_of_the_report() {
        let thread = |events| Thread { events, ..Thread::default() };
        let read = Event {
            reads_from: Some(Source::Write(EventId { thread: 1, index: 0 })),
            ..event("load", None, &[1, 0, 1])
        };
        let graph = Execution {
            threads: vec![
                thread(vec![event("spawn", Some(2), &[1, 0, 0])]),
                thread(vec![event("store", None, &[1, 1, 0])]),
                thread(vec![read]),
            ],
            culprits: vec![EventId { thread: 2, index: 0 }],
            ..Execution::default()
        };
        // The machine's thread 2 is the report's T1; the one it calls 1 was not made in this execution.
        let blocked = Blocked {
            thread: 1,
            name: None,
            waits_for: "park".to_string(),
            site: core::panic::Location::caller(),
            called_at: None,
            holder: None,
        };
        let failure = Failure {
            kind: FailureKind::Deadlock,
            message: String::new(),
            thread: 1,
            sites: Vec::new(),
            blocked: vec![blocked],
            names: vec![Some("main".to_string()), Some("reader".to_string())],
            execution: 1,
            steps: Vec::new(),
            objects: Vec::new(),
        };
        let graph = as_reported(graph, &[0, 2], &failure);
        assert_eq!(graph.threads[0].events[0].argument, Some(1));
        assert_eq!(
            (graph.threads[0].name.as_deref(), graph.threads[1].name.as_deref()),
            (None, Some("reader"))
        );
        assert_eq!(graph.threads[1].waits_for.as_deref(), Some("park"));
        let load = &graph.threads[1].events[0];
        assert_eq!(load.reads_from, Some(Source::Write(EventId { thread: 2, index: 0 })));
        assert_eq!(load.happens_before, [1, 1, 0]);
        assert_eq!(graph.culprits, [EventId { thread: 1, index: 0 }]);
    }
}
