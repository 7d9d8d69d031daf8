//! All ways in which a program's reads take their values from writes, and in which writes follow each other.

use crate::axioms::{Candidate, is_consistent};
use crate::programs::{Kind, Operation, Program};
use selvedge_check::MemoryModel;

const MODELS: usize = MemoryModel::ALL.len();

/// A number for each model, as [`MemoryModel::ALL`] has them.
pub(crate) type Counts = [u64; MODELS];

/// An event of a candidate; the two initial writes come first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) thread: usize,
    pub(crate) location: usize,
    pub(crate) order: &'static str,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    pub(crate) fence: bool,
    /// For the write half of a read-modify-write its read half.
    pub(crate) half_of: Option<usize>,
    pub(crate) operation: Option<Operation>,
}

pub(crate) fn events(program: &Program) -> Vec<Event> {
    let initial = |location| Event {
        thread: usize::MAX,
        location,
        order: "rlx",
        reads: false,
        writes: true,
        fence: false,
        half_of: None,
        operation: None,
    };
    let mut events = vec![initial(0), initial(1)];
    for (thread, operations) in program.iter().enumerate() {
        for operation in operations {
            let updates = matches!(operation.kind, Kind::Add(_) | Kind::Exchange { .. });
            let event = Event {
                thread,
                location: operation.location,
                order: operation.order,
                reads: operation.kind == Kind::Read || updates,
                writes: operation.kind == Kind::Write,
                fence: operation.kind == Kind::Fence,
                half_of: None,
                operation: Some(*operation),
            };
            events.push(event);
            if updates {
                let half_of = Some(events.len() - 1);
                events.push(Event { reads: false, writes: true, half_of, ..event });
            }
        }
    }
    events
}

/// Counts the consistent executions of a program, under each model.
pub(crate) fn count(program: &Program) -> Counts {
    let events = events(program);
    let reads: Vec<usize> = (0..events.len()).filter(|at| events[*at].reads).collect();
    let mut total = [0; MODELS];
    let mut sources = vec![usize::MAX; events.len()];
    choose_sources(&events, &reads, &mut sources, &mut total);
    total
}

pub(crate) fn choose_sources(
    events: &[Event],
    reads: &[usize],
    sources: &mut Vec<usize>,
    total: &mut Counts,
) {
    let Some((read, rest)) = reads.split_first() else {
        with_sources(events, sources, total);
        return;
    };
    for write in 0..events.len() {
        let fits = events[write].writes && events[write].location == events[*read].location;
        if fits && events[write].half_of != Some(*read) {
            sources[*read] = write;
            choose_sources(events, rest, sources, total);
        }
    }
}

/// The value that an event reads or writes; nothing if it depends on itself, or on a write that does not
/// happen.
pub(crate) fn value(events: &[Event], sources: &[usize], at: usize, depth: usize) -> Option<i64> {
    if depth > 2 * events.len() {
        return None;
    }
    let event = &events[at];
    let Some(operation) = event.operation else { return Some(0) };
    if event.reads {
        return value(events, sources, sources[at], depth + 1);
    }
    let Some(read) = event.half_of else { return Some(operation.value) };
    let found = value(events, sources, read, depth + 1)?;
    match operation.kind {
        Kind::Add(added) => Some(found + added),
        Kind::Exchange { old, new } => (found == old).then_some(new),
        _ => None,
    }
}

pub(crate) fn with_sources(events: &[Event], sources: &[usize], total: &mut Counts) {
    // A compare-exchange that fails has no write half.
    let mut happens = vec![true; events.len()];
    for at in 0..events.len() {
        if let (Some(read), Some(operation)) = (events[at].half_of, events[at].operation) {
            let Some(found) = value(events, sources, read, 0) else { return };
            happens[at] = !matches!(operation.kind, Kind::Exchange { old, .. } if found != old);
        }
    }
    let reads = (0..events.len()).filter(|at| events[*at].reads);
    if reads.clone().any(|at| !happens[sources[at]] || value(events, sources, at, 0).is_none()) {
        return;
    }
    let order = |at: usize| {
        let event = &events[at];
        let failed = matches!(event.operation, Some(Operation { kind: Kind::Exchange { .. }, .. }))
            && event.reads
            && !happens[at + 1];
        match event.order {
            "rel" if failed => "rlx",
            order => order,
        }
    };
    let orders: Vec<&str> = (0..events.len()).map(order).collect();
    let writes_to = |location: usize| -> Vec<usize> {
        let here = |at: &usize| events[*at].writes && happens[*at] && events[*at].location == location;
        (2..events.len()).filter(here).collect()
    };
    for x in permutations(&writes_to(0)) {
        for y in permutations(&writes_to(1)) {
            let co = [[vec![0], x.clone()].concat(), [vec![1], y].concat()];
            let candidate = Candidate::new(events, &happens, &orders, sources, &co);
            let consistent = MemoryModel::ALL.map(|model| is_consistent(&candidate, model));
            assert_inclusions(&consistent);
            total.iter_mut().zip(consistent).for_each(|(count, is)| *count += u64::from(is));
        }
    }
}

pub(crate) fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
    }
    all
}

/// What one model allows another one allows too: interleavings are possible everywhere, and Rust's model allows what
/// the compiled program does on x86-64.
fn assert_inclusions(consistent: &[bool; MODELS]) {
    let is = |model: MemoryModel| {
        let at = MemoryModel::ALL.iter().position(|other| *other == model);
        consistent[at.expect("every model is listed")]
    };
    let tso = is(MemoryModel::Tso);
    assert!(!is(MemoryModel::Sc) || consistent.iter().all(|is| *is), "sc is in every model");
    assert!(
        !tso || is(MemoryModel::C20) && is(MemoryModel::Rc11) && is(MemoryModel::Genmc),
        "tso is in them"
    );
    assert!(!is(MemoryModel::Ra) || is(MemoryModel::C20), "ra is in c20");
    assert!(!is(MemoryModel::C20Published) || is(MemoryModel::C20), "c20 as published is in c20");
}
