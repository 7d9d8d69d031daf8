//! A model: a small concurrent program, the property that it checks, how far it is searched, and the mutants that it
//! must catch.

use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge_check::{Engine, Primitives};

/// A model, and how it is checked.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name: `chan_close::one_of_two_closers_succeeds`.
    pub name: &'static str,
    /// The property, in words.
    pub property: &'static str,
    /// The program, which panics if the property does not hold.
    pub body: fn(),
    /// The preemption bound of searches; `None`: none.
    pub bound: Option<usize>,
    /// How far the graph engine explores it to the end, whatever the preemption bound is, in a few seconds; `None`: it
    /// searches within the preemption bound.
    reach: Option<Reach>,
    /// How far the graph engine explores it to the end where it has ten minutes, if it comes further then.
    full_reach: Option<Reach>,
    /// The form of the primitives that the code under test is built of.
    pub primitives: Primitives,
    /// An engine that raises a false alarm, and why.
    pub not_under: Option<(Engine, &'static str)>,
    /// Mutations of the code under test that the model must catch.
    pub mutants: Vec<Mutant>,
}

/// Starts a model's row: `body` checks `property`, and is searched without a preemption bound.
pub(crate) fn model(property: &'static str, body: fn()) -> Model {
    let (primitives, mutants) = (Primitives::Real, Vec::new());
    Model {
        name: "",
        property,
        body,
        bound: None,
        reach: None,
        full_reach: None,
        primitives,
        not_under: None,
        mutants,
    }
}

impl Model {
    /// Bounds the preemptions of a search, for a model whose full search takes more than a few seconds.
    pub(crate) fn bound(self, preemptions: usize) -> Model {
        Model { bound: Some(preemptions), ..self }
    }

    /// Lets the graph engine explore so much of it to the end.
    pub(crate) fn reaches(self, reach: Reach) -> Model {
        Model { reach: Some(reach), ..self }
    }

    /// Lets the graph engine explore so much of it to the end where it has ten minutes.
    pub(crate) fn reaches_in_full(self, reach: Reach) -> Model {
        Model { full_reach: Some(reach), ..self }
    }

    /// Returns how far the graph engine explores it to the end, in a few seconds or where it has ten minutes (`full`), if that
    /// is known.
    pub fn reach(&self, full: bool) -> Option<Reach> {
        match self.reach {
            Some(Reach::Everything) => self.reach,
            _ if full => self.full_reach,
            reach => reach,
        }
    }

    /// Takes primitives as specified, for code under test that is built of locks and channels, which have models of their own.
    pub(crate) fn of_specified(self) -> Model {
        Model { primitives: Primitives::Specified, ..self }
    }

    /// Leaves an engine out that would raise a false alarm, for this reason.
    pub(crate) fn not_under(self, engine: (Engine, &'static str)) -> Model {
        Model { not_under: Some(engine), ..self }
    }

    /// Returns the file of models that it is in.
    pub fn file(&self) -> &'static str {
        self.name.split("::").next().unwrap_or(self.name)
    }

    /// Returns whether the model is run under an engine.
    pub fn is_run_under(&self, engine: Engine) -> bool {
        self.not_under.is_none_or(|(left_out, _)| left_out != engine)
    }

    /// Names the mutants that the model must catch.
    pub(crate) fn catches(self, mutants: impl Into<Vec<Mutant>>) -> Model {
        Model { mutants: mutants.into(), ..self }
    }

    /// Names the model after its function, of which `path` is the full path, and the function's file.
    pub(crate) fn named(self, path: &'static str) -> Model {
        let file = path.rmatch_indices("::").nth(1).map_or(0, |(at, colons)| at + colons.len());
        Model { name: &path[file..], ..self }
    }
}
