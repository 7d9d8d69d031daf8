//! Twins: the same model with one site of the code under test changed, which must fail.

use selvedge::rt::sync::atomic::Ordering::{self, Relaxed};
use selvedge_check::{Change, Engine, FailureKind, Mutation, Report, site_of};

/// What an engine must be able to do to catch a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teeth {
    /// Tell SeqCst from acquire and release.
    SeqCst,
    /// See a missing Acquire or Release.
    Orderings,
    /// See that memory is freed too early, though every run frees it last.
    Freeing,
    /// Explore interleavings.
    Interleavings,
}

/// A change to one site, and how the model must fail because of it.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    file: &'static str,
    source: &'static str,
    /// The label of the site.
    site: &'static str,
    /// The label of a second site with the same change, where one alone would only break the books.
    and: Option<&'static str>,
    change: Change,
    kind: FailureKind,
    /// Other kinds, which an engine that sees more reports first.
    or: [Option<FailureKind>; 3],
    teeth: Teeth,
    shows_in: &'static str,
}

/// The change to another ordering, for tables.
pub const fn order(order: Ordering) -> Change {
    Change::Order(order)
}

impl Twin {
    /// The start of every twin of a file: its source, and the end of its path.
    pub const fn of(file: &'static str, source: &'static str) -> Twin {
        Twin {
            file,
            source,
            site: "",
            and: None,
            change: Change::DropStore,
            kind: FailureKind::Panic,
            or: [None; 3],
            teeth: Teeth::Interleavings,
            shows_in: "",
        }
    }

    /// A twin with any change.
    pub const fn twin(self, site: &'static str, change: Change, kind: FailureKind, teeth: Teeth) -> Twin {
        Twin { site, change, kind, teeth, ..self }
    }

    /// A twin whose site orders nothing; it must fail with a data race.
    pub const fn weaken(self, site: &'static str) -> Twin {
        self.twin(site, order(Relaxed), FailureKind::Race, Teeth::Orderings)
    }

    /// A twin whose SeqCst site only acquires or releases; it must fail with this kind.
    pub const fn demote(self, site: &'static str, to: Ordering, kind: FailureKind) -> Twin {
        self.twin(site, order(to), kind, Teeth::SeqCst)
    }

    /// A twin that wakes nobody; it must fail with a deadlock.
    pub const fn drop_wake(self, site: &'static str) -> Twin {
        self.twin(site, Change::DropUnpark, FailureKind::Deadlock, Teeth::Interleavings)
    }

    /// A twin whose write is lost; it must fail with this kind.
    pub const fn lose(self, site: &'static str, kind: FailureKind) -> Twin {
        self.twin(site, Change::DropStore, kind, Teeth::Interleavings)
    }

    /// The same change at a second site of the file.
    pub const fn and(self, site: &'static str) -> Twin {
        Twin { and: Some(site), ..self }
    }

    /// The same twin in a model where it fails in another way.
    pub const fn fails_with(self, kind: FailureKind) -> Twin {
        Twin { kind, ..self }
    }

    /// Or so, under an engine that sees more.
    pub const fn or(self, kind: FailureKind) -> Twin {
        let or = match self.or {
            [None, ..] => [Some(kind), None, None],
            [first, None, _] => [first, Some(kind), None],
            [first, second, _] => [first, second, Some(kind)],
        };
        Twin { or, ..self }
    }

    /// What an engine needs to catch it.
    pub const fn needs(self, teeth: Teeth) -> Twin {
        Twin { teeth, ..self }
    }

    /// The failure must name a site in a file whose path ends so.
    pub const fn shows_in(self, file: &'static str) -> Twin {
        Twin { shows_in: file, ..self }
    }

    /// Whether an engine can be expected to catch it.
    pub fn is_seen_by(&self, engine: Engine) -> bool {
        match (engine, self.teeth) {
            (Engine::Native, _) => false,
            (_, Teeth::SeqCst | Teeth::Freeing) => engine.judges_seq_cst(),
            (_, Teeth::Orderings) => engine.sees_orderings(),
            (_, Teeth::Interleavings) => true,
        }
    }

    /// What distinguishes it from the other twins of its model: the site, and what becomes of it.
    pub fn name(&self) -> String {
        format!("{} {:?}", self.site, self.change)
    }

    /// The mutations, found in today's source.
    ///
    /// # Panics
    /// If the source has no such label any more.
    pub fn mutations(&self) -> Vec<Mutation> {
        let Twin { source, file, change, .. } = *self;
        let found =
            core::iter::once(self.site).chain(self.and).map(|site| site_of(source, file, site, change));
        found.map(|site| site.unwrap_or_else(|error| panic!("a twin has lost its site: {error}"))).collect()
    }

    /// Whether the report of the mutated model is the failure that the twin must have; or what it is.
    ///
    /// # Errors
    /// What the run came to instead.
    pub fn judge(&self, report: &Report) -> Result<(), String> {
        if report.mutated == 0 {
            return Err(format!("the site `{}` was never reached", self.site));
        }
        let Some(found) = report.verdict.failure() else {
            return Err(format!("not caught: {report}"));
        };
        let failure = &found.failure;
        if failure.kind != self.kind && !self.or.contains(&Some(failure.kind)) {
            return Err(format!("failed with a {} instead of a {}: {report}", failure.kind, self.kind));
        }
        if !self.shows_in.is_empty() && !failure.sites.iter().any(|site| site.file().ends_with(self.shows_in))
        {
            return Err(format!("failed, but not in {}: {report}", self.shows_in));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::table::MODELS;

    #[test]
    fn every_twin_finds_its_site() {
        for twin in MODELS.iter().flat_map(|model| model.twins) {
            assert!(!twin.mutations().is_empty());
        }
    }
}
