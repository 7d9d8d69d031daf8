//! What audits have found, put together: which orderings, fences and wake-ups the models of a crate need.
//!
//! The binary is `cargo selvedge`, whose `audit` runs a crate's tests with `SELVEDGE_AUDIT` set, and shows
//! the outcome. Its parts serve the `selvedge` command as well: [`Source::scan`] finds the operations in a
//! source, [`Summary`] joins them with what the models said, and [`report`] shows the summary. [`Proposal`] says which
//! orderings can be weaker.

mod page;
mod scan;
mod show;
mod summary;
mod weaken;

pub use page::{STYLE, section};
pub use scan::{Site, Source, sources};
pub use show::{coloured, report};
pub use summary::{Row, Status, Summary};
pub use weaken::{Explained, Kept, Proposal, Trial, price};
