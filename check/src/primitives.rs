//! In which form an execution's primitives stand.

use core::fmt;
use core::str::FromStr;

/// The form in which the primitives of `selvedge` stand in a model's executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Primitives {
    /// An operation of a primitive is one step on an abstract state, and has the happens-before edges that its
    /// documentation promises. A primitive without a specification is real.
    #[default]
    Specified,
    /// An operation is the primitive's own code, with every access to memory in it.
    Real,
    /// The model is explored as specified, and then with real primitives in what is left of the limits. A report names what
    /// came of either form.
    Both,
}

impl Primitives {
    const ALL: [Primitives; 3] = [Primitives::Specified, Primitives::Real, Primitives::Both];

    /// Returns the name that `SELVEDGE_PRIMITIVES` uses.
    pub fn name(self) -> &'static str {
        match self {
            Primitives::Specified => "specified",
            Primitives::Real => "real",
            Primitives::Both => "both",
        }
    }
}

impl fmt::Display for Primitives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Primitives {
    type Err = String;

    fn from_str(name: &str) -> Result<Primitives, String> {
        let named = Primitives::ALL.into_iter().find(|form| form.name() == name.trim());
        named.ok_or_else(|| {
            format!("`{name}` is no form of the primitives; use `specified`, `real` or `both`")
        })
    }
}
