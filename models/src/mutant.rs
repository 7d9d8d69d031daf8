//! Mutants: the same model with one site of the code under test changed, which must fail.

use selvedge::rt::sync::atomic::Ordering::{self, Relaxed};
use selvedge_check::{Change, Engine, FailureKind, Mutation, Report, site_of};

/// What an engine must be able to do to catch a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
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
pub struct Mutant {
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
    needs: Needs,
    shows_in: &'static str,
}

/// The change to another ordering, for tables.
pub const fn order(order: Ordering) -> Change {
    Change::Order(order)
}

impl Mutant {
    /// The start of every mutant of a file: its source, and the end of its path.
    pub const fn of(file: &'static str, source: &'static str) -> Mutant {
        Mutant {
            file,
            source,
            site: "",
            and: None,
            change: Change::DropStore,
            kind: FailureKind::Panic,
            or: [None; 3],
            needs: Needs::Interleavings,
            shows_in: "",
        }
    }

    /// A mutant with any change.
    pub const fn mutant(self, site: &'static str, change: Change, kind: FailureKind, needs: Needs) -> Mutant {
        Mutant { site, change, kind, needs, ..self }
    }

    /// A mutant whose site orders nothing; it must fail with a data race.
    pub const fn weaken(self, site: &'static str) -> Mutant {
        self.mutant(site, order(Relaxed), FailureKind::Race, Needs::Orderings)
    }

    /// A mutant whose SeqCst site only acquires or releases; it must fail with this kind.
    pub const fn demote(self, site: &'static str, to: Ordering, kind: FailureKind) -> Mutant {
        self.mutant(site, order(to), kind, Needs::SeqCst)
    }

    /// A mutant that wakes nobody; it must fail with a deadlock.
    pub const fn drop_wake(self, site: &'static str) -> Mutant {
        self.mutant(site, Change::DropUnpark, FailureKind::Deadlock, Needs::Interleavings)
    }

    /// A mutant whose write is lost; it must fail with this kind.
    pub const fn lose(self, site: &'static str, kind: FailureKind) -> Mutant {
        self.mutant(site, Change::DropStore, kind, Needs::Interleavings)
    }

    /// The same change at a second site of the file.
    pub const fn and(self, site: &'static str) -> Mutant {
        Mutant { and: Some(site), ..self }
    }

    /// The same mutant in a model where it fails in another way.
    pub const fn fails_with(self, kind: FailureKind) -> Mutant {
        Mutant { kind, ..self }
    }

    /// Or so, under an engine that sees more.
    pub const fn or(self, kind: FailureKind) -> Mutant {
        let or = match self.or {
            [None, ..] => [Some(kind), None, None],
            [first, None, _] => [first, Some(kind), None],
            [first, second, _] => [first, second, Some(kind)],
        };
        Mutant { or, ..self }
    }

    /// What an engine needs to catch it.
    pub const fn needs(self, needs: Needs) -> Mutant {
        Mutant { needs, ..self }
    }

    /// The failure must name a site in a file whose path ends so.
    pub const fn shows_in(self, file: &'static str) -> Mutant {
        Mutant { shows_in: file, ..self }
    }

    /// Whether an engine can be expected to catch it.
    pub fn is_seen_by(&self, engine: Engine) -> bool {
        match (engine, self.needs) {
            (Engine::Native, _) => false,
            (_, Needs::SeqCst | Needs::Freeing) => engine.judges_seq_cst(),
            (_, Needs::Orderings) => engine.sees_orderings(),
            (_, Needs::Interleavings) => true,
        }
    }

    /// What distinguishes it from the other mutants of its model: the site, and what becomes of it.
    pub fn name(&self) -> String {
        format!("{} {:?}", self.site, self.change)
    }

    /// The mutations, found in today's source.
    ///
    /// # Panics
    /// If the source has no such label any more.
    pub fn mutations(&self) -> Vec<Mutation> {
        let Mutant { source, file, change, .. } = *self;
        let found =
            core::iter::once(self.site).chain(self.and).map(|site| site_of(source, file, site, change));
        found.map(|site| site.unwrap_or_else(|error| panic!("a mutant has lost its site: {error}"))).collect()
    }

    /// Whether the report of the mutated model is the failure that the mutant must have; or what it is.
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
    use crate::models::MODELS;

    #[test]
    fn every_mutant_finds_its_site() {
        for mutant in MODELS.iter().flat_map(|model| &model.mutants) {
            assert!(!mutant.mutations().is_empty());
        }
    }
}
