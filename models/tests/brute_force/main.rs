//! The graph engine against brute force: for random programs the tests enumerate all ways in which reads take their
//! values from writes and in which writes follow each other, and check the axioms of each memory model on matrices, in
//! the words of its source. The number of consistent executions must be the number that the engine explores.
#![cfg(feature = "graph")]
#![allow(clippy::disallowed_types, reason = "tests run models; they are none")]

mod axioms;
mod candidates;
mod matrix;
mod programs;

use candidates::{Counts, count};
use programs::{Kind, Operation, Program, Random, cycle, from_text, program, text};
use selvedge_check::{Checker, Engine, MemoryModel, Verdict};
use selvedge_models::litmus::{Compiled, Mode, PROGRAMS, parse};
use std::sync::Arc;

/// Returns how many executions the engine finds under a model.
fn explored(program: &Program, model: MemoryModel) -> u64 {
    let text = text(program);
    let parsed = parse(&text).unwrap_or_else(|error| panic!("{error}")).remove(0);
    let compiled = Arc::new(Compiled::new(&parsed, Mode::Graph, None));
    let checker = Checker::new().ignore_environment().engines([Engine::Graph]).memory_model(model);
    let report = checker.run(move || compiled.run()).remove(0);
    // Threads that share nothing are no more than searched.
    let apart =
        matches!(&report.verdict, Verdict::Searched { bounds, .. } if bounds.contains("saw no conflict"));
    assert!(apart || matches!(report.verdict, Verdict::Exhaustive), "{model}: {text}: {report}");
    report.executions
}

/// Holds the engine against the axioms of every model; the executions under the default one.
fn agreed(program: &Program) -> u64 {
    all_agreed(program)[0]
}

/// Holds the engine against the axioms of every model; the executions under each.
fn all_agreed(program: &Program) -> Counts {
    let expected = count(program);
    for (model, expected) in MemoryModel::ALL.into_iter().zip(expected) {
        assert_eq!(explored(program, model), expected, "{model}: {}", text(program));
    }
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

#[test]
fn random_cycles_have_as_many_executions_as_brute_force_finds_and_tell_models_apart() {
    let mut random = Random(7);
    let counts: Vec<Counts> = (0..400).map(|_| all_agreed(&cycle(&mut random))).collect();
    let at = |model: MemoryModel| MemoryModel::ALL.iter().position(|other| *other == model);
    let alike = |a: MemoryModel, b: MemoryModel| {
        counts.iter().all(|counts| at(a).map(|at| counts[at]) == at(b).map(|at| counts[at]))
    };
    for (n, a) in MemoryModel::ALL.into_iter().enumerate() {
        for b in MemoryModel::ALL.into_iter().skip(n + 1) {
            assert!(!alike(a, b), "no program tells {a} from {b}");
        }
    }
}

/// The programs that tell models apart have the numbers that brute force finds.
#[test]
fn the_counts_of_the_programs_that_tell_models_apart_are_those_of_brute_force() {
    let programs = parse(PROGRAMS).expect("the file is good");
    let apart: Vec<_> = programs.iter().filter(|program| program.suite == "models").collect();
    assert!(apart.len() >= 30, "{}", apart.len());
    for program in apart {
        let counts = count(&from_text(&program.to_string()));
        for (model, count) in MemoryModel::ALL.into_iter().zip(counts) {
            assert_eq!(program.expectation.under(model.name()), Some(count), "{model}: {program}");
        }
    }
}
