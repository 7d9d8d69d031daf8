//! Random programs of steps and accesses.

use core::ops::Range;
use fastrand::Rng;

/// States that an object has, at most.
pub(crate) const STATES: usize = 4;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    /// A step on an object: for each state the state that it leaves, or that it is disabled. `ordered`: the object's step
    /// before it happens before it.
    Step {
        object: usize,
        table: [Option<u8>; STATES],
        ordered: bool,
        /// How long the step waits at most: then it leaves the state as it is.
        within: Option<u8>,
    },
    /// Waits until an object has had so many steps, and finds the state that the last of these left.
    Observe {
        object: usize,
        steps: usize,
        ordered: bool,
    },
    Load {
        location: usize,
    },
    Store {
        location: usize,
    },
    Add {
        location: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) deed: Deed,
    /// How long the thread sleeps before.
    pub(crate) sleep: u8,
    /// The operation is left out unless the result before it has this parity.
    pub(crate) only_after: Option<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) threads: Vec<Vec<Op>>,
    /// The threads that are alike.
    pub(crate) alike: Range<usize>,
    /// The objects that threads share. Number `objects` stands for one that each thread has apart.
    pub(crate) objects: usize,
    pub(crate) locations: usize,
    /// Whether time is discrete.
    pub(crate) discrete: bool,
    /// How often a thread may begin anew, which it does after each odd result.
    pub(crate) retries: Option<u32>,
}

impl Program {
    /// Returns the operation that a thread comes to from the position `at`, after the result `last`, and how long it sleeps
    /// before.
    pub(crate) fn next(&self, thread: usize, at: usize, last: u8) -> Option<(usize, Deed, u8)> {
        let ops = self.threads[thread].iter().enumerate().skip(at);
        let mut possible = ops.filter(|(_, op)| op.only_after.is_none_or(|parity| last % 2 == parity));
        possible.next().map(|(at, op)| (at, self.on_own_objects(op.deed, thread), op.sleep))
    }

    fn on_own_objects(&self, deed: Deed, thread: usize) -> Deed {
        let own = |object: usize| if object == self.objects { self.objects + thread } else { object };
        match deed {
            Deed::Step { object, table, ordered, within } => {
                Deed::Step { object: own(object), table, ordered, within }
            }
            Deed::Observe { object, steps, ordered } => Deed::Observe { object: own(object), steps, ordered },
            Deed::Load { .. } | Deed::Store { .. } | Deed::Add { .. } => deed,
        }
    }

    /// Returns how many objects there are.
    pub(crate) fn all_objects(&self) -> usize {
        self.objects + self.threads.len()
    }

    /// Returns a number for a store to write, which is no other's but those of threads that are alike.
    pub(crate) fn stored(&self, thread: usize, at: usize) -> u8 {
        let thread = if self.alike.contains(&thread) { self.alike.start } else { thread };
        (thread * 8 + at + 1) as u8
    }
}

fn table(random: &mut Rng) -> [Option<u8>; STATES] {
    match random.u8(..20) {
        // A lock: taken by 1, given back by 0.
        0..5 => [Some(1), None, None, None],
        5..9 => [Some(0); STATES],
        // A semaphore, or a channel of three places.
        9..11 => [Some(1), Some(2), Some(3), None],
        11..13 => [None, Some(0), Some(1), Some(2)],
        // It may fail.
        13..15 => [Some(1), Some(1), Some(2), Some(3)],
        _ => [(); STATES].map(|()| random.choice([None, Some(0), Some(1), Some(2), Some(3)]).unwrap()),
    }
}

/// Returns a program of threads that have a lock so many times each.
pub(crate) fn critical_sections(threads: usize, each: usize) -> Program {
    let deed = |table| Deed::Step { object: 0, table, ordered: true, within: None };
    let step = |table| Op { deed: deed(table), sleep: 0, only_after: None };
    let (lock, unlock) = (step([Some(1), None, None, None]), step([Some(0); STATES]));
    let thread: Vec<Op> = (0..each).flat_map(|_| [lock, unlock]).collect();
    let threads = vec![thread; threads];
    Program { threads, alike: 0..0, objects: 1, locations: 0, discrete: false, retries: None }
}

/// Returns a random program, two or all of whose threads are alike.
pub(crate) fn random_alike(random: &mut Rng, accesses: u8) -> Program {
    let mut program = self::random(random, accesses);
    let first = random.usize(..program.threads.len() - 1);
    program.alike = first..random.usize(first + 2..=program.threads.len());
    let mut thread = program.threads[first].clone();
    for op in &mut thread {
        if let Deed::Step { object, .. } = &mut op.deed
            && random.u8(..4) == 0
        {
            *object = program.objects;
        }
    }
    program.threads[program.alike.clone()].fill(thread);
    program
}

/// Returns a random program, of steps alone if `accesses` is 0, else of so many accesses in ten operations.
pub(crate) fn random(random: &mut Rng, accesses: u8) -> Program {
    let (objects, locations) = (random.usize(1..3), 2);
    let threads = random.usize(2..4);
    let longest = if threads == 2 { 4 } else { 3 };
    let op = |random: &mut Rng, first: bool| {
        let location = random.usize(..locations);
        let deed = if random.u8(..10) < accesses {
            match random.u8(..5) {
                0..2 => Deed::Load { location },
                2..4 => Deed::Store { location },
                _ => Deed::Add { location },
            }
        } else {
            let object = random.usize(..objects);
            match random.u8(..7) {
                0 => Deed::Observe { object, steps: random.usize(1..3), ordered: random.bool() },
                _ => Deed::Step { object, table: table(random), ordered: random.bool(), within: None },
            }
        };
        let only_after = (!first && random.u8(..4) == 0).then(|| random.u8(..2));
        Op { deed, sleep: 0, only_after }
    };
    let mut thread = |_| (0..random.usize(1..=longest)).map(|at| op(random, at == 0)).collect();
    let threads = (0..threads).map(&mut thread).collect();
    Program { threads, alike: 0..0, objects, locations, discrete: false, retries: None }
}

impl Program {
    /// Lets threads sleep and steps be timed, at random, where time is discrete.
    pub(crate) fn timed(mut self, random: &mut Rng) -> Program {
        self.discrete = true;
        for op in self.threads.iter_mut().flatten() {
            op.sleep = random.u8(..4).saturating_sub(1);
            if let Deed::Step { within, .. } = &mut op.deed {
                *within = random.bool().then(|| random.u8(..4));
            }
        }
        // Threads that are alike do the same.
        let first = self.threads[self.alike.start].clone();
        self.threads[self.alike.clone()].fill(first);
        self
    }
}
