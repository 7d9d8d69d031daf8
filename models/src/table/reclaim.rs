//! Reclamation, and what is built on it.

use super::{TWO, models};
use crate::mutant::{Mutant, Needs, order};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge_check::{Change, FailureKind};

const RECLAIM: Mutant =
    Mutant::of("primitives/src/reclaim.rs", include_str!("../../../primitives/src/reclaim.rs"));
const STACK: Mutant =
    Mutant::of("primitives/src/atomic/stack.rs", include_str!("../../../primitives/src/atomic/stack.rs"));
const ARC_CELL: Mutant = Mutant::of(
    "primitives/src/atomic/arc_cell.rs",
    include_str!("../../../primitives/src/atomic/arc_cell.rs"),
);
const SEQ_LOCK: Mutant = Mutant::of(
    "primitives/src/atomic/seq_lock.rs",
    include_str!("../../../primitives/src/atomic/seq_lock.rs"),
);

/// Readers are not counted, or not in time, or no longer while they read.
const UNCOUNTED: Mutant =
    RECLAIM.lose("pin", FailureKind::UseAfterFree).and("unpin").or(FailureKind::Race).needs(Needs::Orderings);
const UNSEEN: Mutant = RECLAIM.demote("pin", Release, FailureKind::UseAfterFree).or(FailureKind::Race);
/// The same for those without a lane.
const UNCOUNTED_OTHER: Mutant = RECLAIM
    .lose("pin-without-lane", FailureKind::UseAfterFree)
    .and("unpin-without-lane")
    .or(FailureKind::Race)
    .needs(Needs::Orderings);
const UNSEEN_OTHER: Mutant =
    RECLAIM.demote("pin-without-lane", Release, FailureKind::UseAfterFree).or(FailureKind::Race);
const UNORDERED_OTHER: Mutant =
    RECLAIM.weaken("unpin-without-lane").or(FailureKind::UseAfterFree).needs(Needs::SeqCst);
const UNFENCED: Mutant = RECLAIM
    .mutant("fence-before-counting-pins", Change::DropFence, FailureKind::UseAfterFree, Needs::SeqCst)
    .or(FailureKind::Race);
const UNORDERED: Mutant = RECLAIM.weaken("unpin").or(FailureKind::UseAfterFree).needs(Needs::SeqCst);
const UNORDERED_LIST: Mutant = RECLAIM.weaken("push-garbage");
/// Nobody sees that somebody collects.
const TWO_COLLECT: Mutant = RECLAIM
    .lose("begin-collecting", FailureKind::Race)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Panic)
    .needs(Needs::Orderings);

/// Parts of two writes are read.
const TORN_END: Mutant =
    SEQ_LOCK.mutant("end-write", order(Relaxed), FailureKind::Panic, Needs::Orderings).or(FailureKind::Race);
const TORN_BEGIN: Mutant =
    SEQ_LOCK.mutant("fence-before-writing", Change::DropFence, FailureKind::Panic, Needs::Orderings);
const TORN_READ: Mutant =
    SEQ_LOCK.mutant("fence-after-reading", Change::DropFence, FailureKind::Panic, Needs::Orderings);

models! {
    reclaim::what_a_pinned_reader_finds_is_not_dropped, TWO, "what a pinned reader finds is not dropped",
        [UNCOUNTED, UNSEEN, UNFENCED, UNORDERED];
    reclaim::readers_of_two_epochs_are_waited_for, TWO, "readers of both epochs are waited for", [UNCOUNTED, UNORDERED];
    reclaim::a_reader_without_a_lane_is_waited_for, TWO, "readers without a lane are waited for",
        [UNCOUNTED_OTHER, UNSEEN_OTHER, UNORDERED_OTHER];
    reclaim::a_pin_may_end_on_another_thread, TWO, "a pin may end on another thread", [UNCOUNTED, UNORDERED_OTHER];
    reclaim::a_pin_that_ends_elsewhere_counts_for_itself_alone, TWO, "and counts for itself alone", [UNCOUNTED, UNSEEN];
    reclaim::two_may_retire_at_once, TWO, "two may retire at once", [TWO_COLLECT, UNORDERED_LIST];
    reclaim::a_stack_gives_each_value_once, TWO, "a stack gives each value once", [
        STACK.weaken("push-node"),
        STACK
.lose("pop-node", FailureKind::DoubleFree)
.or(FailureKind::UseAfterFree).or(FailureKind::Race),
    ];
    reclaim::a_stack_does_not_mistake_a_node_for_another, TWO, "a stack does not mistake a node for another", [
        UNCOUNTED,
        STACK.demote("load-top-for-pop", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race),
    ];
    reclaim::an_arc_cell_gives_whole_values, TWO, "an ArcCell gives whole values", [
        ARC_CELL.weaken("swap-value"),
        UNCOUNTED,
    ];
    reclaim::swaps_of_an_arc_cell_come_one_after_another, TWO, "swaps of an ArcCell come one after another",
        [ARC_CELL.weaken("swap-value")];
    reclaim::compare_and_swap_loses_no_increment, TWO, "compare-and-swap loses no increment",
        [ARC_CELL.weaken("compare-and-swap-value").needs(Needs::SeqCst)];
    reclaim::a_seq_lock_is_read_as_a_whole, TWO, "a SeqLock is read as a whole", [TORN_END, TORN_BEGIN, TORN_READ];
    reclaim::writes_of_a_seq_lock_come_one_after_another, None, "writes of a SeqLock come one after another", [
        SEQ_LOCK.mutant("begin-write", order(Relaxed),
            FailureKind::Panic, Needs::Orderings),
    ];
}
