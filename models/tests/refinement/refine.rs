//! Holds a specification against the real form, and its twins against both.

use crate::explore::{Outcome, Outcomes, Seen, explore};
use crate::program::{Draw, Program};
use crate::subjects::Subject;
use selvedge_check::{Change, Mutation, Primitives, site_of};

/// A program with what its real form comes to.
struct Case {
    program: Program,
    real: Outcomes,
}

/// Returns whether two outcomes are equal but for what is ordered, which `orders` judges.
fn agree(one: &Outcome, other: &Outcome, orders: fn(u8, u8) -> bool) -> bool {
    one.iter().flatten().zip(other.iter().flatten()).all(|pair| match pair {
        (Some(Seen::Order(one)), Some(Seen::Order(other))) => {
            one.iter().zip(other).all(|(a, b)| orders(*a, *b))
        }
        (one, other) => one == other,
    })
}

/// How the two forms of a program differ.
fn difference<S: Subject>(case: &Case, specified: &Outcomes) -> Option<String> {
    let (program, real) = (&case.program, &case.real);
    if let Some(failure) = real.failure.iter().chain(&specified.failure).next() {
        return Some(failure.clone());
    }
    if real.races && !specified.races {
        return Some(format!("{program:?}: only the real form has a data race"));
    }
    // The programs access no cells beside those of the primitive.
    if specified.races && !real.races && real.complete {
        return Some(format!("{program:?}: only the specified form has a data race"));
    }
    // An attempt that fails is a load in the real form, which may be stale where nothing orders the change before it. As
    // specified an attempt finds the latest state that it can know of. The difference shows to a thread that has learned of
    // the change by a relaxed load.
    let is_stale = |outcome: &Outcome| !program.is_pure() && program.fails(outcome, S::ATTEMPTS);
    // The real form may order more than is specified.
    let is_allowed =
        |real: &&Outcome| specified.outcomes.iter().any(|outcome| agree(outcome, real, |a, b| a <= b));
    if let Some(outcome) =
        real.outcomes.iter().find(|real| specified.complete && !is_allowed(real) && !is_stale(real))
    {
        return Some(format!("{program:?}: only the real form comes to {outcome:?}"));
    }
    let equal: fn(u8, u8) -> bool = if S::EXACT_ORDER { |a, b| a == b } else { |_, _| true };
    let is_real = |specified: &&Outcome| real.outcomes.iter().any(|outcome| agree(outcome, specified, equal));
    let surplus =
        specified.outcomes.iter().find(|outcome| is_compared::<S>(case, specified) && !is_real(outcome));
    surplus.map(|outcome| format!("{program:?}: only the specified form comes to {outcome:?}"))
}

/// Returns whether the outcomes of the two forms have to be equal.
fn is_compared<S: Subject>(case: &Case, specified: &Outcomes) -> bool {
    (case.program.is_pure() || S::EXACT_ORDER) && case.real.complete && specified.complete
}

/// Draws so many programs, and holds the specification and each of its twins against the real form. At least
/// `complete` pure programs must be explored to the end in both forms.
#[track_caller]
pub(crate) fn refine<S: Subject>(programs: usize, complete: usize) {
    let mut draw = Draw(S::SEED);
    let [real, given_real, limit] = S::LIMITS;
    let drawn = (0..programs).map(|_| (draw.program(S::OPERATIONS), real));
    let given = S::programs().into_iter().map(|program| (program, given_real));
    let cases: Vec<Case> = drawn
        .chain(given)
        .map(|(program, limit)| Case { real: explore::<S>(&program, Primitives::Real, limit, None), program })
        .collect();
    let mut compared = 0;
    let mut differences = Vec::new();
    for case in &cases {
        let specified = explore::<S>(&case.program, Primitives::Specified, limit, None);
        compared += usize::from(is_compared::<S>(case, &specified));
        differences.extend(difference::<S>(case, &specified));
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(compared >= complete, "only {compared} programs were explored to the end in both forms");
    let missed: Vec<&str> = S::TWINS.iter().copied().filter(|twin| !is_caught::<S>(twin, &cases)).collect();
    assert!(missed.is_empty(), "no program tells these twins from the specification: {missed:?}");
}

fn is_caught<S: Subject>(twin: &str, cases: &[Case]) -> bool {
    let (file, source) = S::SPECIFICATION;
    let twin: Mutation = site_of(source, file, twin, Change::Twin).unwrap_or_else(|error| panic!("{error}"));
    cases.iter().any(|case| {
        let specified = explore::<S>(&case.program, Primitives::Specified, S::LIMITS[2], Some(&twin));
        specified.mutated && difference::<S>(case, &specified).is_some()
    })
}
