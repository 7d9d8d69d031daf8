//! The map.

use super::{TWO, models};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::atomic::Ordering::Acquire;
use selvedge_check::FailureKind;

const MAP: Mutant =
    Mutant::of("primitives/src/map/mod.rs", include_str!("../../../primitives/src/map/mod.rs"));
const TABLE: Mutant =
    Mutant::of("primitives/src/map/table.rs", include_str!("../../../primitives/src/map/table.rs"));

/// A slot is changed, and orders nothing; or is not changed.
const WEAK_SLOT: Mutant = TABLE.weaken("change-slot").needs(Needs::SeqCst);
const LOST_SLOT: Mutant = TABLE.lose("change-slot", FailureKind::Panic);
/// Slots are changed while their table is being replaced.
const UNFROZEN: Mutant = TABLE.lose("freeze-slot", FailureKind::Panic);
const WEAK_FREEZE: Mutant = TABLE.weaken("freeze-slot");
const WEAK_TABLE: Mutant = MAP.weaken("replace-table").needs(Needs::SeqCst);
/// A pin is not seen, and what was found goes.
const STALE_SLOT: Mutant =
    TABLE.demote("load-slot", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::SeqCst);

const STALE_TABLE: Mutant =
    MAP.demote("load-table", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::SeqCst);

models! {
    map::a_store_happens_before_its_load, TWO, "storing happens before loading", [WEAK_SLOT];
    map::one_of_two_first_values_is_stored, TWO, "one of two first values is stored", [LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)];
    map::nothing_is_lost_when_the_table_is_replaced, TWO, "nothing is lost when the table is replaced", [UNFROZEN.or(FailureKind::Leak).or(FailureKind::Race), WEAK_FREEZE, WEAK_TABLE];
    map::what_was_found_is_not_dropped, TWO, "what was found is not dropped", [STALE_SLOT];
    map::a_table_that_is_read_is_not_dropped, TWO, "a table that is read is not dropped", [STALE_TABLE];
    map::a_key_is_deleted_once, TWO, "a key is deleted once", [LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)];
    map::compare_and_swap_is_one_step, TWO, "compare-and-swap is one step", [LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)];
    map::range_meets_each_key_once, TWO, "range meets each key once", [WEAK_SLOT];
    map::clear_is_one_step, TWO, "clear is one step", [UNFROZEN.or(FailureKind::Leak)];
    map::a_deletion_passes_on_what_was_done, TWO, "a deletion passes on what was done", [WEAK_SLOT];
}
