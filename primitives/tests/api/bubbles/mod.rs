//! Virtual time: what Go's `testing/synctest` promises, by the names ST-01 to ST-13 of its list of behaviours.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these tests are no models")]

mod clock;
mod members;
mod rests;
mod timed;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A flag that a goroutine sets.
fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (Arc::clone(&flag), flag)
}
