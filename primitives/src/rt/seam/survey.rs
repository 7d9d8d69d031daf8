//! Which operations a run has met, for audits.

use super::{Session, Site};
use core::sync::atomic::Ordering;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What stands at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// A load.
    Load,
    /// A store.
    Store,
    /// A read-modify-write other than a compare-exchange.
    Rmw,
    /// A compare-exchange.
    CompareExchange,
    /// A fence.
    Fence,
    /// A wake-up.
    Unpark,
}

/// An operation that a run has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Use {
    /// Where it stands.
    pub site: Site,
    /// What it is.
    pub operation: Operation,
    /// Its ordering in the source, of a compare-exchange on success; a wake-up has none.
    pub order: Option<Ordering>,
    /// The ordering of a compare-exchange on failure.
    pub failure: Option<Ordering>,
}

/// Collects the operations of a run, if it is asked to.
#[derive(Debug, Default)]
pub struct Survey(Option<Mutex<HashSet<Use>>>);

impl Survey {
    /// Returns a survey that collects.
    pub fn on() -> Survey {
        Survey(Some(Mutex::default()))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn add(&self, met: Use) {
        if let Some(uses) = &self.0 {
            uses.lock().unwrap_or_else(PoisonError::into_inner).insert(met);
        }
    }

    /// Takes what the survey has collected.
    pub fn take(&self) -> Vec<Use> {
        let Some(uses) = &self.0 else { return Vec::new() };
        core::mem::take(&mut *uses.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

/// Returns whether a source file, as its sites name it, is one of this crate's own.
pub fn is_own_source(file: &str) -> bool {
    file!().strip_suffix("rt/seam/survey.rs").is_some_and(|folder| file.starts_with(folder))
}

impl Session {
    /// Notes an operation, if the survey collects.
    pub(super) fn met(
        &self,
        site: Site,
        operation: Operation,
        order: Option<Ordering>,
        failure: Option<Ordering>,
    ) {
        if self.surveys {
            let met = Use { site, operation, order, failure };
            if self.seen.borrow_mut().insert(met) {
                self.counters.survey.add(met);
            }
        }
    }
}
