//! The graph of the current run as plain data, for reports.

use super::{Machine, State};
use crate::event::{EventId, Kind, NONE, Reading, Site};
use crate::graph::Graph;
use crate::race::CellAccess;
use crate::report::{Event, EventId as Place, Execution, Line, Location, Source, Thread, Values};
use crate::run::Run;

/// Where the graph's events stand in the report: the two halves of a read-modify-write are one there, and
/// the accesses of a race on a cell are put in.
struct Places {
    /// For each thread and number of events, how many entries of the report they are.
    counts: Vec<Vec<usize>>,
}

impl Places {
    fn new(graph: &Graph, race: &[CellAccess]) -> Places {
        let counts = graph.threads.iter().enumerate().map(|(number, thread)| {
            let racing = |events: usize| {
                let here = |access: &&CellAccess| {
                    access.epoch.thread as usize == number && access.epoch.events as usize == events
                };
                race.iter().filter(here).count()
            };
            let mut counts = vec![0];
            for (at, id) in thread.events.iter().enumerate() {
                let new =
                    usize::from(!matches!(graph.event(*id).kind, Kind::RmwWrite | Kind::Wait)) + racing(at);
                counts.push(counts[at] + new);
            }
            counts
        });
        Places { counts: counts.collect() }
    }

    /// Returns for each thread how many entries of the report happen before an event, itself included.
    fn before(&self, graph: &Graph, id: EventId) -> Vec<usize> {
        let counts = self.counts.iter().zip(graph.clocks.hb(id));
        counts.map(|(counts, events)| counts[(*events as usize).min(counts.len() - 1)]).collect()
    }

    /// Returns the entry that an event is, or is part of.
    fn of(&self, graph: &Graph, id: EventId) -> Place {
        let event = graph.event(id);
        let (thread, index) = (event.thread as usize, event.index as usize);
        Place { thread, index: self.counts[thread][index + 1].saturating_sub(1) }
    }
}

impl Machine {
    /// Returns the execution that is running, as far as it has come.
    pub fn execution(&self, headline: &str) -> Execution {
        let state = self.state.borrow();
        let State { exploration, run, .. } = &*state;
        let graph = &exploration.graph;
        let places = Places::new(graph, &run.race);
        let used: Vec<_> = graph
            .all_locations()
            .filter(|(_, location)| !location.writes.is_empty() || !location.reads.is_empty())
            .collect();
        let locations = used.iter().enumerate().map(|(number, (id, location))| Location {
            number: *id,
            name: object_name(graph, run, location).unwrap_or_else(|| format!("#{number}")),
            values: Values::default(),
            initial: location.initial,
            writes: location.writes.iter().map(|id| places.of(graph, *id)).collect(),
        });
        let number_of = |wanted: u32| used.iter().position(|(location, _)| *location == wanted);
        let mut culprits = Vec::new();
        let threads = (0..graph.threads.len())
            .map(|number| thread(graph, number, &places, run, &number_of, &mut culprits));
        let threads = threads.collect();
        Execution {
            headline: headline.to_string(),
            threads,
            locations: locations.collect(),
            culprits,
            ..Execution::default()
        }
    }
}

fn thread(
    graph: &Graph,
    number: usize,
    places: &Places,
    run: &Run,
    number_of: &dyn Fn(u32) -> Option<usize>,
    culprits: &mut Vec<Place>,
) -> Thread {
    let mut thread = Thread::default();
    let events = &graph.threads[number].events;
    for at in 0..=events.len() {
        for access in &run.race {
            if access.epoch.thread as usize == number && access.epoch.events as usize == at {
                culprits.push(Place { thread: number, index: thread.events.len() });
                let before = match thread.events.last() {
                    Some(event) => event.happens_before.clone(),
                    None => places.before(graph, graph.threads[number].spawn),
                };
                thread.events.push(cell_event(access, before, number));
            }
        }
        let Some(id) = events.get(at) else { break };
        if graph.event(*id).kind == Kind::RmwWrite {
            let write = graph.event(*id);
            if let Some(read) = thread.events.last_mut().filter(|_| !write.is_step()) {
                read.written = Some(write.value);
            }
            continue;
        }
        if graph.event(*id).kind == Kind::Wait {
            continue;
        }
        thread.events.push(event(graph, run, *id, places, number_of, thread.events.len()));
    }
    thread
}

/// Returns the name of an object that has had steps.
fn object_name(graph: &Graph, run: &Run, location: &crate::graph::Location) -> Option<String> {
    let first = location.writes.first()?;
    let step = run.name_of(graph.other_half(*first))?;
    Some(format!("{}#{}", step.kind, step.number))
}

fn line(site: Site) -> Line {
    let (file, line, column) = (site.file().to_string(), site.line(), site.column());
    Line { file, line, column, text: None, mark: 0..0 }
}

fn cell_event(access: &CellAccess, mut happens_before: Vec<usize>, thread: usize) -> Event {
    if happens_before.len() <= thread {
        happens_before.resize(thread + 1, 0);
    }
    happens_before[thread] += 1;
    Event {
        operation: if access.write { "cell write" } else { "cell read" },
        location: None,
        object: None,
        cell: Some(access.cell),
        order: None,
        read: None,
        written: None,
        reads_from: None,
        argument: None,
        site: Some(line(access.site)),
        happens_before,
        waits: false,
    }
}

fn event(
    graph: &Graph,
    run: &Run,
    id: EventId,
    places: &Places,
    number_of: &dyn Fn(u32) -> Option<usize>,
    index: usize,
) -> Event {
    let event = graph.event(id);
    let (reads, writes) = (matches!(event.kind, Kind::Read | Kind::Observe), event.kind == Kind::Write);
    let step = run.name_of(id);
    let operation = match event.kind {
        Kind::Read | Kind::Observe if event.is_step() => step.map_or("step", |step| step.operation),
        Kind::Root => "begin",
        Kind::Wait => "wait",
        Kind::Observe => "observe",
        Kind::Read if event.read.reading == Reading::Load => "load",
        Kind::Read if event.read.reading == Reading::Update => "read-modify-write",
        Kind::Read if event.read.reading == Reading::Await => "await",
        Kind::Read => "compare_exchange",
        Kind::Write | Kind::RmwWrite => "store",
        Kind::Fence => "fence",
        Kind::Spawn => "spawn",
        Kind::Join => "join",
        Kind::Choice => "choose",
    };
    let mut happens_before = places.before(graph, id);
    if let Some(own) = happens_before.get_mut(event.thread as usize) {
        *own = index + 1;
    }
    Event {
        operation,
        location: (reads || writes).then(|| number_of(event.location)).flatten(),
        object: step.map(|step| (step.kind, step.number)),
        cell: None,
        order: event.order.ordering().filter(|_| !event.is_step()),
        // The values of a step are states, which have no number.
        read: reads.then_some(event.value).filter(|_| !event.is_step()),
        written: writes.then_some(event.value),
        reads_from: reads.then(|| match event.source {
            NONE => Source::Initial,
            source => Source::Write(places.of(graph, source)),
        }),
        argument: matches!(event.kind, Kind::Spawn | Kind::Join | Kind::Choice)
            .then_some(event.argument as usize),
        site: event.site.map(line),
        happens_before,
        waits: event.kind == Kind::Read && event.read.waits(event.value),
    }
}
