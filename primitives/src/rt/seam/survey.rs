//! Which operations a run has met, for audits.

use super::{Session, Site};
use core::sync::atomic::Ordering;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
pub struct Survey(Option<Mutex<Surveyed>>);

#[derive(Debug, Default)]
struct Surveyed {
    uses: HashSet<Use>,
    exposed: Option<Site>,
    meets_edits: bool,
}

impl Survey {
    /// Returns a survey that collects.
    pub fn on() -> Survey {
        Survey(Some(Mutex::default()))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn add(&self, met: Use) {
        if let Some(mut surveyed) = self.surveyed() {
            surveyed.uses.insert(met);
        }
    }

    fn surveyed(&self) -> Option<MutexGuard<'_, Surveyed>> {
        self.0.as_ref().map(|surveyed| surveyed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the survey has collected.
    pub fn take(&self) -> Vec<Use> {
        self.surveyed()
            .map(|mut surveyed| core::mem::take(&mut surveyed.uses))
            .into_iter()
            .flatten()
            .collect()
    }

    /// Returns a site whose ordering may be what forbids load buffering: the edits or mutations of the run take it away,
    /// and an execution has a cycle of program order and reads-from that only it keeps from closing.
    pub fn exposed(&self) -> Option<Site> {
        self.surveyed().and_then(|surveyed| surveyed.exposed)
    }

    /// Returns whether the run has met an operation that is edited.
    pub fn meets_edits(&self) -> bool {
        self.surveyed().is_some_and(|surveyed| surveyed.meets_edits)
    }

    pub(super) fn meet_edit(&self) {
        if let Some(mut surveyed) = self.surveyed() {
            surveyed.meets_edits = true;
        }
    }

    pub(super) fn expose(&self, site: Site) {
        if let Some(mut surveyed) = self.surveyed() {
            surveyed.exposed = Some(site);
        }
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
