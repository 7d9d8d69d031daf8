//! Small random programs of a few threads.
//!
//! A [`Program`] is drawn and shrunk by quickcheck; [`run`] executes it as a model's body, and panics
//! if its history breaks a promise of the channel. The promises are the [`Ledger`]'s to check.

mod ledger;
mod program;
mod run;

pub use ledger::{Entry, Ledger};
pub use program::{Operation, Program, value_of};
pub use run::run;
