//! Memory models: which execution graphs a program may have.

use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A memory model.
///
/// All of them but [`Tso`](Self::Tso) and [`Sc`](Self::Sc) share happens-before, coherence, atomicity of
/// read-modify-writes, and `po ∪ rf` acyclic; they differ in release sequences and in what SeqCst means. Data races
/// are judged by C++20's happens-before under every model, so that a program is never called free of races because
/// a model for study orders more than the language does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Model {
    /// C++20, which is Rust's, repaired so that it allows what x86-64 shows: a read from the reader's own thread is
    /// not followed where SeqCst accesses are put in order (LWG 3941).
    #[default]
    C20,
    /// C++20 as its text has it. It forbids an outcome of store buffering with reads of one's own stores that x86-64
    /// shows: for study, not for verdicts.
    C20Published,
    /// RC11 as published: Lahav, Vafeiadis, Kang, Hur, Dreyer, *Repairing Sequential Consistency in C/C++11* (PLDI
    /// 2017).
    Rc11,
    /// RC11 as GenMC 0.11 counts it: with C++20's release sequences, and without the condition on locations in the
    /// order of SeqCst accesses.
    Genmc,
    /// C++20 with every access at least Acquire or Release.
    Ra,
    /// What x86-64 shows of the compiled program: total store order.
    Tso,
    /// Sequential consistency: interleavings.
    Sc,
}

impl Model {
    /// All models.
    pub const ALL: [Model; 7] =
        [Model::C20, Model::C20Published, Model::Rc11, Model::Genmc, Model::Ra, Model::Tso, Model::Sc];

    /// Returns the model's name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Model::C20 => "c20",
            Model::C20Published => "c20-published",
            Model::Rc11 => "rc11",
            Model::Genmc => "genmc",
            Model::Ra => "ra",
            Model::Tso => "tso",
            Model::Sc => "sc",
        }
    }

    /// Returns whether the model's happens-before is not the one by which races are judged.
    pub(crate) fn has_own_happens_before(self) -> bool {
        matches!(self, Model::Rc11 | Model::Ra)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no model has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel(String);

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Model::ALL.iter().map(|model| model.name()).collect();
        write!(f, "there is no memory model `{}`; the models are {}", self.0, names.join(", "))
    }
}

impl core::error::Error for UnknownModel {}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Model, UnknownModel> {
        let wanted = name.trim();
        let found = Model::ALL.into_iter().find(|model| model.name() == wanted);
        found.ok_or_else(|| UnknownModel(wanted.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Model;

    #[test]
    fn a_name_is_read_as_it_is_printed() {
        for model in Model::ALL {
            assert_eq!(model.to_string().parse(), Ok(model));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_there_are() {
        let error = "c++".parse::<Model>().unwrap_err().to_string();
        assert!(error.contains("`c++`") && error.contains("c20, c20-published, rc11"), "{error}");
    }
}
