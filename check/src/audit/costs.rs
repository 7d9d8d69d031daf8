//! What an operation compiles to, by its ordering, on x86-64 and AArch64.
//!
//! The source is the table *C/C++11 mappings to processors* of Sewell, Sarkar, Batty and others
//! (<https://www.cl.cam.ac.uk/~pes20/cpp/cpp0xmappings.html>), with what LLVM emits where the table leaves a choice: `xchg`
//! for a SeqCst store on x86-64; on AArch64 `ldapr` in place of `ldar` for an Acquire load where FEAT_LRCPC is enabled, and one
//! instruction in place of a loop for a read-modify-write where FEAT_LSE is.

use selvedge::rt::seam::Operation;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

/// What an operation with an ordering compiles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// On x86-64.
    pub x86_64: &'static str,
    /// On AArch64.
    pub aarch64: &'static str,
    /// The rank among the orderings of all operations: the higher, the dearer. A rank is no number of cycles.
    pub rank: u32,
}

const fn instructions(x86_64: &'static str, aarch64: &'static str, rank: u32) -> Instructions {
    Instructions { x86_64, aarch64, rank }
}

/// No instruction.
pub const NOTHING: Instructions = instructions("nothing", "nothing", 0);

/// Returns what an operation with an ordering compiles to.
pub fn costs(operation: Operation, order: Ordering) -> Instructions {
    match (operation, order) {
        (Operation::Load, Relaxed) => instructions("mov", "ldr", 1),
        (Operation::Load, Acquire) => instructions("mov", "ldar (ldapr with RCpc)", 2),
        (Operation::Load, _) => instructions("mov", "ldar", 3),
        (Operation::Store, Relaxed) => instructions("mov", "str", 1),
        (Operation::Store, Release) => instructions("mov", "stlr", 2),
        (Operation::Store, _) => instructions("xchg", "stlr", 5),
        (Operation::Rmw | Operation::CompareExchange, order) => read_modify_write(operation, order),
        (Operation::Fence, Acquire) => instructions("nothing", "dmb ishld", 4),
        (Operation::Fence, Release | AcqRel) => instructions("nothing", "dmb ish", 6),
        (Operation::Fence, SeqCst) => instructions("mfence", "dmb ish", 9),
        _ => NOTHING,
    }
}

fn read_modify_write(operation: Operation, order: Ordering) -> Instructions {
    let is_exchange = operation == Operation::CompareExchange;
    let x86_64 = if is_exchange { "lock cmpxchg" } else { "lock xadd, xchg or a loop" };
    let (exchange, other, rank) = match order {
        Acquire => ("ldaxr/stxr (casa with LSE)", "ldaxr/stxr (ldadda, swpa … with LSE)", 3),
        Release => ("ldxr/stlxr (casl with LSE)", "ldxr/stlxr (ldaddl, swpl … with LSE)", 3),
        AcqRel | SeqCst => ("ldaxr/stlxr (casal with LSE)", "ldaxr/stlxr (ldaddal, swpal … with LSE)", 4),
        _ => ("ldxr/stxr (cas with LSE)", "ldxr/stxr (ldadd, swp … with LSE)", 2),
    };
    instructions(x86_64, if is_exchange { exchange } else { other }, rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_ordering_never_ranks_below_a_weaker_one() {
        for operation in [Operation::Load, Operation::Store, Operation::Rmw, Operation::CompareExchange] {
            let rank = |order| costs(operation, order).rank;
            assert!(rank(Relaxed) < rank(SeqCst));
            let middle = if operation == Operation::Load { Acquire } else { Release };
            assert!(rank(Relaxed) < rank(middle) && rank(middle) <= rank(SeqCst));
        }
        assert!(costs(Operation::Fence, Acquire).rank < costs(Operation::Fence, SeqCst).rank);
    }

    #[test]
    fn the_sequentially_consistent_store_is_the_one_that_x86_pays_for() {
        assert_eq!(costs(Operation::Store, SeqCst).x86_64, "xchg");
        assert_eq!(costs(Operation::Store, Release).x86_64, "mov");
        assert_eq!(costs(Operation::Store, Release).aarch64, "stlr");
        assert_eq!(costs(Operation::Store, Relaxed).aarch64, "str");
    }
}
