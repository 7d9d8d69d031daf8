//! The objects of a recorded execution, and where each was made, for reports that call them by their names in the source.

use super::{Session, Site};

/// The kinds of objects that are numbered apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Atomics, and the tokens of parkers that have an atomic.
    Atomic,
    /// Cells.
    Cell,
    /// Tokens of parkers without an atomic.
    Token,
    /// Tracked memory.
    Memory,
    /// Objects of steps, by their kind.
    Specified(&'static str),
}

/// An object of an execution.
#[derive(Clone, Debug)]
pub struct Made {
    /// Among which objects it is numbered.
    pub family: Family,
    /// Its number, as steps have it.
    pub number: u32,
    /// Its type: `AtomicBool`, `UnsafeCell`, `Parker`.
    pub type_name: &'static str,
    /// Of memory the address, else 0.
    pub address: usize,
    /// The line that made it.
    pub site: Site,
    /// The line that called the public operation in which it was made or, for one that is made at its first use, used
    /// first; if there is such a call.
    pub called_at: Option<Site>,
}

impl Session {
    /// Lists a new object, if the execution is recorded.
    #[inline]
    pub(super) fn list(&self, family: Family, number: u32, type_name: &'static str, site: Site) {
        if self.is_recording() {
            self.list_now(family, number, type_name, site);
        }
    }

    #[cold]
    fn list_now(&self, family: Family, number: u32, type_name: &'static str, site: Site) {
        let mut state = self.state.borrow_mut();
        let called_at = state.threads.call().map(|call| call.site);
        state.objects.listed.push(Made { family, number, type_name, address: 0, site, called_at });
    }

    /// Lists new memory, if the execution is recorded.
    pub(super) fn list_memory(&self, address: usize, site: Site) {
        if self.is_recording() {
            let mut state = self.state.borrow_mut();
            let called_at = state.threads.call().map(|call| call.site);
            let number = state.objects.listed.len() as u32;
            let made = Made { family: Family::Memory, number, type_name: "memory", address, site, called_at };
            state.objects.listed.push(made);
        }
    }
}
