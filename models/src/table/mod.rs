//! The table of models: what each is about, how far it is searched, and which mutants it must catch.

mod chan;
mod layer;
mod map;
mod pool;
mod reclaim;
mod select;
mod shared;
mod sync;

use crate::mutant::Mutant;

/// A model, and how it is checked.
#[derive(Clone, Copy)]
pub struct Model {
    /// Its name: `chan_close::one_of_two_closers_succeeds`.
    pub name: &'static str,
    /// The property, in words.
    pub property: &'static str,
    /// The model itself.
    pub body: fn(),
    /// The preemption bound of searches; `None`: none.
    pub bound: Option<usize>,
    /// Mutations of the code under test that the model must catch.
    pub mutants: &'static [Mutant],
}

/// The bound of models whose full search takes more than a few seconds.
const TWO: Option<usize> = Some(2);

/// The models of one group.
macro_rules! models {
    ($($module:ident :: $body:ident, $bound:expr, $property:literal, [$($mutant:expr),* $(,)?];)*) => {
        pub(super) const MODELS: &[super::Model] = &[$(
            super::Model {
                name: concat!(stringify!($module), "::", stringify!($body)),
                property: $property,
                body: crate::models::$module::$body,
                bound: $bound,
                mutants: &[$($mutant),*],
            },
        )*];
    };
}
use models;

const GROUPS: [&[Model]; 7] =
    [chan::MODELS, select::MODELS, sync::MODELS, reclaim::MODELS, map::MODELS, pool::MODELS, layer::MODELS];

const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// Every model.
pub static MODELS: [Model; COUNT] = {
    let mut models = [GROUPS[0][0]; COUNT];
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut model = 0;
        while model < GROUPS[group].len() {
            models[count] = GROUPS[group][model];
            count += 1;
            model += 1;
        }
        group += 1;
    }
    models
};
