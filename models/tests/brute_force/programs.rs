//! Random programs.

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
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
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) location: usize,
    pub(crate) value: i64,
    pub(crate) order: &'static str,
}

impl Operation {
    pub(crate) fn is_update(&self) -> bool {
        matches!(self.kind, Kind::Add(_) | Kind::Exchange { .. })
    }
}

pub(crate) type Program = Vec<Vec<Operation>>;

/// A small generator of random numbers: what matters is that the programs are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

pub(crate) fn program(random: &mut Random) -> Program {
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
pub(crate) fn text(program: &Program) -> String {
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

/// Reads what [`text`] writes.
pub(crate) fn from_text(text: &str) -> Program {
    let threads = text.split(" | ").filter_map(|part| part.strip_prefix('T')?.split_once(": "));
    threads.map(|(_, operations)| operations.split("; ").map(operation_from).collect()).collect()
}

fn operation_from(text: &str) -> Operation {
    const ORDERS: [&str; 5] = ["rlx", "acq", "rel", "acqrel", "sc"];
    let text = text.split_once('=').map_or(text, |(_, operation)| operation);
    let words: Vec<&str> = text.split(' ').collect();
    let (name, order) = words[0].split_once('.').expect("an operation has an order");
    let order = ORDERS.into_iter().find(|known| *known == order).expect("a known order");
    let location = usize::from(words.get(1) == Some(&"y"));
    let value = words.get(2).map_or(0, |value| value.parse().expect("a number"));
    let kind = match name {
        "R" => Kind::Read,
        "W" => Kind::Write,
        "FADD" => Kind::Add(value),
        "F" => Kind::Fence,
        other => panic!("{other} is not read here"),
    };
    Operation { kind, location, value, order }
}

/// How a thread's access leads on to the next thread's, at one location.
#[derive(Clone, Copy, PartialEq)]
enum Edge {
    /// The next one reads from it.
    ReadsFrom,
    /// The next one comes after it in modification order.
    ModificationOrder,
    /// The next one overwrites what it reads.
    ReadsBefore,
}

impl Edge {
    /// Whether it begins, and ends, at a read.
    fn reads(self) -> (bool, bool) {
        match self {
            Edge::ReadsFrom => (false, true),
            Edge::ModificationOrder => (false, false),
            Edge::ReadsBefore => (true, false),
        }
    }
}

/// A program in whose executions the accesses can stand in a cycle, as store buffering and IRIW have them: such
/// shapes tell models apart, and uniformly drawn programs hardly ever have one.
pub(crate) fn cycle(random: &mut Random) -> Program {
    loop {
        let program = any_cycle(random);
        // More would take brute force too long.
        if program.iter().map(Vec::len).sum::<usize>() <= 7 {
            return program;
        }
    }
}

fn any_cycle(random: &mut Random) -> Program {
    let threads = 2 + random.below(3);
    let edges: Vec<Edge> = (0..threads)
        .map(|_| {
            random.pick(&[Edge::ReadsFrom, Edge::ModificationOrder, Edge::ReadsBefore, Edge::ReadsBefore])
        })
        .collect();
    let mut location = 0;
    let mut value = 0;
    // Orders are SeqCst, or Release and Acquire, or any: the strong ones tell models apart.
    let strength = random.below(3);
    (0..threads)
        .map(|thread| {
            let reads = (edges[(thread + threads - 1) % threads].reads().1, edges[thread].reads().0);
            segment(random, strength, reads, &mut location, &mut value, thread + 1 == threads)
        })
        .collect()
}

/// A thread of the cycle: one access, or two of which the second is to the other location; the second may follow a
/// read of the thread's own store, or a fence. The last thread comes back to the first location.
fn segment(
    random: &mut Random,
    strength: usize,
    (first, last): (bool, bool),
    location: &mut usize,
    value: &mut i64,
    closes: bool,
) -> Vec<Operation> {
    let turns = if closes { *location == 1 } else { random.below(3) > 0 };
    let mut access = |random: &mut Random, kind: Kind, location: usize| {
        *value += 1;
        let any: [&'static [&'static str]; 3] = match kind {
            Kind::Read => [&["sc", "sc", "acq"], &["acq", "sc"], &["rlx", "acq", "sc"]],
            Kind::Write => [&["sc", "sc", "rel"], &["rel", "rlx"], &["rlx", "rel", "sc"]],
            Kind::Fence => [&["sc"], &["sc", "acqrel"], &["sc", "rel", "acq"]],
            _ => [&["sc"], &["acqrel", "sc"], &["rlx", "acqrel", "sc"]],
        };
        Operation { kind, location, value: *value, order: random.pick(any[strength]) }
    };
    let kind = |reads: bool| if reads { Kind::Read } else { Kind::Write };
    if !turns {
        let kind = if first == last { kind(first) } else { Kind::Add(10) };
        return vec![access(random, kind, *location)];
    }
    let mut operations = vec![access(random, kind(first), *location)];
    match random.below(4) {
        0 | 1 if !first => operations.push(access(random, Kind::Read, *location)),
        2 => operations.push(access(random, Kind::Fence, *location)),
        _ => {}
    }
    *location = 1 - *location;
    operations.push(access(random, kind(last), *location));
    operations
}
