//! What audits have found, put together: which orderings, fences and wake-ups the models of a crate need.
//!
//! The binary is `cargo selvedge`, whose `audit` runs a crate's tests with `SELVEDGE_AUDIT` set, and shows
//! the outcome. The parts serve the `selvedge` command as well: [`scan`] finds in the source what no model
//! reaches, [`Summary`] joins that with what the models said, [`show`] and [`page`] make it readable.

mod page;
mod scan;
mod show;
mod summary;

pub use page::{STYLE, page, section};
pub use scan::{Site, scan, sources};
pub use show::{coloured, show};
pub use summary::{Row, Status, Summary};
