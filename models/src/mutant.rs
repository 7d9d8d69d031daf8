//! Mutants: the same model with one site of the code under test changed, which must fail.

use selvedge::rt::sync::atomic::Ordering::{self, Relaxed};
use selvedge_check::{Change, Engine, FailureKind, Mutation, Report, site_of};

/// What an engine must be able to do to catch a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Tells SeqCst from acquire and release.
    SeqCst,
    /// Sees a missing Acquire or Release.
    Orderings,
    /// Sees that memory is freed too early, though every execution frees it last.
    Freeing,
    /// Explores interleavings.
    Interleavings,
    /// Explores interleavings, and so few of each kind that it comes to a rare one in seconds.
    Graphs,
}

/// A change to one site, and how the model must fail because of it.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    file: &'static str,
    source: &'static str,
    /// The label of the site.
    site: &'static str,
    /// The label of a second site with the same change, where one change alone would only make counts wrong.
    and: Option<&'static str>,
    change: Change,
    kind: FailureKind,
    /// Other kinds of failure, which an engine that sees more reports first.
    or: [Option<FailureKind>; 3],
    needs: Needs,
    shows_in: &'static str,
}

/// Returns the change to another ordering.
pub const fn order(order: Ordering) -> Change {
    Change::Order(order)
}

impl Mutant {
    /// Starts the mutants of a source file, given the end of its path and its text.
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

    /// Makes a mutant with any change.
    pub const fn mutant(self, site: &'static str, change: Change, kind: FailureKind, needs: Needs) -> Mutant {
        Mutant { site, change, kind, needs, ..self }
    }

    /// Makes a mutant whose site orders nothing; it must fail with a data race.
    pub const fn weaken(self, site: &'static str) -> Mutant {
        self.mutant(site, order(Relaxed), FailureKind::Race, Needs::Orderings)
    }

    /// Makes a mutant whose SeqCst site only acquires or releases; it must fail with this kind.
    pub const fn demote(self, site: &'static str, to: Ordering, kind: FailureKind) -> Mutant {
        self.mutant(site, order(to), kind, Needs::SeqCst)
    }

    /// Makes a mutant whose site wakes no thread; it must fail with a deadlock.
    pub const fn drop_wake(self, site: &'static str) -> Mutant {
        self.mutant(site, Change::DropUnpark, FailureKind::Deadlock, Needs::Interleavings)
    }

    /// Makes a mutant whose site does not write; it must fail with this kind.
    pub const fn lose(self, site: &'static str, kind: FailureKind) -> Mutant {
        self.mutant(site, Change::DropStore, kind, Needs::Interleavings)
    }

    /// Adds a second site of the file with the same change.
    pub const fn and(self, site: &'static str) -> Mutant {
        Mutant { and: Some(site), ..self }
    }

    /// Returns the mutant for a model in which it fails with another kind.
    pub const fn fails_with(self, kind: FailureKind) -> Mutant {
        Mutant { kind, ..self }
    }

    /// Accepts another kind of failure, which an engine that sees more reports first.
    pub const fn or(self, kind: FailureKind) -> Mutant {
        let or = match self.or {
            [None, ..] => [Some(kind), None, None],
            [first, None, _] => [first, Some(kind), None],
            [first, second, _] => [first, second, Some(kind)],
        };
        Mutant { or, ..self }
    }

    /// Says what an engine must be able to do to catch the mutant.
    pub const fn needs(self, needs: Needs) -> Mutant {
        Mutant { needs, ..self }
    }

    /// Requires that the failure names a site in a file whose path ends so.
    pub const fn shows_in(self, file: &'static str) -> Mutant {
        Mutant { shows_in: file, ..self }
    }

    /// Returns whether an engine can be expected to catch the mutant.
    pub fn is_seen_by(&self, engine: Engine) -> bool {
        match (engine, self.needs) {
            (Engine::Native, _) => false,
            (_, Needs::SeqCst | Needs::Freeing) => engine.judges_seq_cst(),
            (_, Needs::Orderings) => engine.sees_orderings(),
            (_, Needs::Interleavings) => true,
            (_, Needs::Graphs) => engine == Engine::Graph,
        }
    }

    /// Returns what tells the mutant from the others of its model: the site, and the change.
    pub fn name(&self) -> String {
        format!("{} {:?}", self.site, self.change)
    }

    /// Returns the mutations, with their sites found in today's source.
    ///
    /// # Panics
    /// If the source does not have the label of a site.
    pub fn mutations(&self) -> Vec<Mutation> {
        let Mutant { source, file, change, .. } = *self;
        let found =
            core::iter::once(self.site).chain(self.and).map(|site| site_of(source, file, site, change));
        found.map(|site| site.unwrap_or_else(|error| panic!("a mutant has lost its site: {error}"))).collect()
    }

    /// Returns whether the mutant changes a line of the source.
    pub fn is_at(&self, file: &str, line: u32) -> bool {
        let is_here = |mutation: Mutation| mutation.line == line && file.ends_with(&mutation.file);
        self.mutations().into_iter().any(is_here)
    }

    /// Judges the report of the mutated model: it must be the failure that the mutant must have.
    ///
    /// # Errors
    /// If it is not: what the run came to.
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
