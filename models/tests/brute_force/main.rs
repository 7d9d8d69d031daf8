//! rc11 against brute force: for random programs the test enumerates all ways in which reads take their values from
//! writes and in which writes follow each other, and checks the axioms of RC11 on matrices, as the paper writes them.
//! The number of consistent executions must be the number that the engine explores.
#![cfg(feature = "rc11")]
#![allow(clippy::disallowed_types, reason = "tests run models; they are none")]

mod matrix;

use matrix::{Matrix, between, closure, empty, is_irreflexive, or_same, then, transposed, union};
use selvedge_check::{Checker, Engine, Verdict};
use selvedge_models::litmus::{Compiled, Mode, parse};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Read,
    Write,
    /// Writes what it read and this.
    Add(i64),
    /// Writes `new` if it read `old`.
    Exchange {
        old: i64,
        new: i64,
    },
    Fence,
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    kind: Kind,
    location: usize,
    value: i64,
    order: &'static str,
}

type Program = Vec<Vec<Operation>>;

/// A small generator of random numbers: what matters is that the programs are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn program(random: &mut Random) -> Program {
    let threads = 2 + random.below(2);
    let length = if threads == 2 { 3 } else { 2 };
    let mut value = 0;
    (0..threads)
        .map(|_| {
            (0..1 + random.below(length))
                .map(|_| {
                    value += 1;
                    let location = random.below(2);
                    let (kind, order) = match random.below(7) {
                        0 | 1 => (Kind::Read, random.pick(&["rlx", "acq", "sc"])),
                        2 | 3 => (Kind::Write, random.pick(&["rlx", "rel", "sc"])),
                        4 => (Kind::Add(10), random.pick(&["rlx", "acq", "rel", "acqrel", "sc"])),
                        5 => {
                            let old = random.below(3) as i64;
                            (
                                Kind::Exchange { old, new: 20 + value },
                                random.pick(&["rlx", "acq", "rel", "sc"]),
                            )
                        }
                        _ => (Kind::Fence, random.pick(&["acq", "rel", "acqrel", "sc", "sc"])),
                    };
                    Operation { kind, location, value, order }
                })
                .collect()
        })
        .collect()
}

/// The program as a litmus program.
fn text(program: &Program) -> String {
    let operation = |(number, operation): (usize, &Operation)| {
        let Operation { kind, location, value, order } = *operation;
        let name = ["x", "y"][location];
        match kind {
            Kind::Read => format!("r{number}=R.{order} {name}"),
            Kind::Write => format!("W.{order} {name} {value}"),
            Kind::Add(added) => format!("r{number}=FADD.{order} {name} {added}"),
            Kind::Exchange { old, new } => {
                let failure = match order {
                    "acq" | "acqrel" => "acq",
                    "sc" => "sc",
                    _ => "rlx",
                };
                format!("r{number}=CAS.{order}.{failure} {name} {old} {new}")
            }
            Kind::Fence => format!("F.{order}"),
        }
    };
    let threads = program.iter().enumerate().map(|(number, thread)| {
        let operations: Vec<_> = thread.iter().enumerate().map(operation).collect();
        format!(" | T{number}: {}", operations.join("; "))
    });
    format!("random{}", threads.collect::<String>())
}

/// An event of a candidate; the two initial writes come first.
#[derive(Clone, Copy, Debug)]
struct Event {
    thread: usize,
    location: usize,
    order: &'static str,
    reads: bool,
    writes: bool,
    fence: bool,
    /// For the write half of a read-modify-write: its read half.
    half_of: Option<usize>,
    operation: Option<Operation>,
}

fn events(program: &Program) -> Vec<Event> {
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

/// Counts the consistent executions of a program.
fn count(program: &Program) -> u64 {
    let events = events(program);
    let reads: Vec<usize> = (0..events.len()).filter(|at| events[*at].reads).collect();
    let mut total = 0;
    let mut sources = vec![usize::MAX; events.len()];
    choose_sources(&events, &reads, &mut sources, &mut total);
    total
}

fn choose_sources(events: &[Event], reads: &[usize], sources: &mut Vec<usize>, total: &mut u64) {
    let Some((read, rest)) = reads.split_first() else {
        *total += with_sources(events, sources);
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

/// Returns the value that an event reads or writes; `None` if it depends on itself, or on a write that does not
/// happen.
fn value(events: &[Event], sources: &[usize], at: usize, depth: usize) -> Option<i64> {
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

fn with_sources(events: &[Event], sources: &[usize]) -> u64 {
    // A compare-exchange that fails has no write half.
    let mut happens = vec![true; events.len()];
    for at in 0..events.len() {
        if let (Some(read), Some(operation)) = (events[at].half_of, events[at].operation) {
            let Some(found) = value(events, sources, read, 0) else { return 0 };
            happens[at] = !matches!(operation.kind, Kind::Exchange { old, .. } if found != old);
        }
    }
    let reads = (0..events.len()).filter(|at| events[*at].reads);
    if reads.clone().any(|at| !happens[sources[at]] || value(events, sources, at, 0).is_none()) {
        return 0;
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
    let mut total = 0;
    for x in permutations(&writes_to(0)) {
        for y in permutations(&writes_to(1)) {
            let co = [[vec![0], x.clone()].concat(), [vec![1], y].concat()];
            total += u64::from(is_consistent(events, &happens, &orders, sources, &co));
        }
    }
    total
}

fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
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

/// The axioms, in the words of the paper.
fn is_consistent(
    events: &[Event],
    happens: &[bool],
    orders: &[&str],
    sources: &[usize],
    orders_of_writes: &[Vec<usize>; 2],
) -> bool {
    let n = events.len();
    let (mut po, mut rf, mut co, mut rmw) = (empty(n), empty(n), empty(n), empty(n));
    for a in 0..n {
        for b in a + 1..n {
            let same = events[a].thread == events[b].thread && a > 1;
            po[a][b] = happens[a] && happens[b] && (same || (a < 2 && b > 1));
        }
        if events[a].reads {
            rf[sources[a]][a] = true;
        }
        if let Some(read) = events[a].half_of.filter(|_| happens[a]) {
            rmw[read][a] = true;
        }
    }
    for writes in orders_of_writes {
        for (at, a) in writes.iter().enumerate() {
            writes[at + 1..].iter().for_each(|b| co[*a][*b] = true);
        }
    }
    let acquires = |at: usize| matches!(orders[at], "acq" | "acqrel" | "sc");
    let releases = |at: usize| matches!(orders[at], "rel" | "acqrel" | "sc");
    let fence = |at: usize| events[at].fence;
    let any = |_: usize| true;
    // rs = [W]; (rf; rmw)*
    let rs = between(&or_same(&closure(&then(&rf, &rmw))), |at| events[at].writes, any);
    // sw = [rel]; ([F]; po)?; rs; rf; (po; [F])?; [acq]
    let before = or_same(&between(&po, fence, any));
    let after = or_same(&between(&po, any, fence));
    let sw = then(&then(&then(&before, &rs), &rf), &after);
    let sw = between(&sw, |at| releases(at) && at > 1, |at| acquires(at) && (events[at].reads || fence(at)));
    let sw = between(&sw, |at| events[at].writes || fence(at), any);
    let hb = closure(&union(&po, &sw));
    let mut rb = then(&transposed(&rf), &co);
    (0..n).for_each(|at| rb[at][at] = false);
    let eco = closure(&union(&union(&rf, &co), &rb));
    let thin_air = is_irreflexive(&closure(&union(&po, &rf)));
    let coherent = is_irreflexive(&hb) && is_irreflexive(&then(&hb, &eco));
    let atomic = is_irreflexive(&then(&then(&rb, &co), &transposed(&rmw)));
    thin_air && coherent && atomic && is_sc(events, orders, &po, &hb, &co, &rb, &eco)
}

fn is_sc(
    events: &[Event],
    orders: &[&str],
    po: &Matrix,
    hb: &Matrix,
    co: &Matrix,
    rb: &Matrix,
    eco: &Matrix,
) -> bool {
    let n = events.len();
    let sc_fence = |at: usize| orders[at] == "sc" && events[at].fence;
    let sc_access = |at: usize| orders[at] == "sc" && !events[at].fence;
    let accesses = |at: usize| events[at].reads || events[at].writes;
    let mut same_place = hb.clone();
    for (a, row) in same_place.iter_mut().enumerate() {
        for (b, cell) in row.iter_mut().enumerate() {
            *cell &= accesses(a) && accesses(b) && events[a].location == events[b].location;
        }
    }
    let through = then(&then(po, hb), po);
    let scb = union(&union(&union(po, &through), &same_place), &union(co, rb));
    let identity = or_same(&empty(n));
    let from = union(&between(&identity, sc_access, |_| true), &between(&or_same(hb), sc_fence, |_| true));
    let to = union(&between(&identity, |_| true, sc_access), &between(&or_same(hb), |_| true, sc_fence));
    let base = then(&then(&from, &scb), &to);
    let fences = union(hb, &then(&then(hb, eco), hb));
    let fences = between(&fences, sc_fence, sc_fence);
    is_irreflexive(&closure(&union(&base, &fences)))
}

/// Returns how many executions the engine finds.
fn agreed(program: &Program) -> u64 {
    let (text, expected) = (text(program), count(program));
    let parsed = parse(&text).unwrap_or_else(|error| panic!("{error}")).remove(0);
    let compiled = Arc::new(Compiled::new(&parsed, Mode::Rc11, None));
    let checker = Checker::new().ignore_environment().engines([Engine::Rc11]);
    let report = checker.run(move || compiled.run()).remove(0);
    // Threads that share no location are no more than searched.
    let apart =
        matches!(&report.verdict, Verdict::Searched { bounds, .. } if bounds.contains("saw no conflict"));
    assert!(apart || matches!(report.verdict, Verdict::Exhaustive), "{text}: {report}");
    assert_eq!(report.executions, expected, "{text}");
    expected
}

#[test]
fn random_programs_have_as_many_executions_as_brute_force_finds() {
    let mut random = Random(2026);
    let total: u64 = (0..400).map(|_| agreed(&program(&mut random))).sum();
    // Not all of them are trivial.
    assert!(total > 1_000, "{total}");
}

/// A SeqCst fence, then a SeqCst access that is no place for the fence's edges to end: three threads, of
/// which two have a fence among accesses that may be SeqCst, and the third one write.
#[test]
fn random_programs_around_fences_have_as_many_executions_as_brute_force_finds() {
    let mut random = Random(11);
    let mut value = 0;
    let mut access = |random: &mut Random, location: usize| {
        value += 1;
        let (kind, order) = match random.below(2) {
            0 => (Kind::Read, random.pick(&["rlx", "sc"])),
            _ => (Kind::Write, random.pick(&["rlx", "sc"])),
        };
        Operation { kind, location, value, order }
    };
    let fence = Operation { kind: Kind::Fence, location: 0, value: 0, order: "sc" };
    let mut total = 0;
    for _ in 0..300 {
        let [a, b, c, d, mut e] = [0, 1, 1, 0, 1].map(|location| access(&mut random, location));
        e.kind = Kind::Write;
        let mut threads = vec![vec![fence, a, b], vec![c, fence, d], vec![e]];
        threads.rotate_left(random.below(3));
        total += agreed(&threads);
    }
    assert!(total > 1_000, "{total}");
}
