//! The pool.

use super::{TWO, models};
use crate::mutant::{Mutant, Needs};
use selvedge_check::FailureKind;

const POOL: Mutant = Mutant::of("primitives/src/pool.rs", include_str!("../../../primitives/src/pool.rs"));
const WEAK_PUT: Mutant = POOL.weaken("put-into-shared-slot").needs(Needs::SeqCst);
const WEAK_OWN: Mutant = POOL.weaken("put-into-own-slot").needs(Needs::SeqCst);
const WEAK_TAKE: Mutant = POOL.weaken("take-item").needs(Needs::SeqCst);
const LOST_TAKE: Mutant =
    POOL.lose("take-item", FailureKind::DoubleFree).or(FailureKind::UseAfterFree).or(FailureKind::Race);

models! {
    pool::what_is_got_was_put_before, TWO, "what is got was put before", [WEAK_OWN, WEAK_TAKE];
    pool::what_is_got_elsewhere_was_put_before, TWO, "also what has been put elsewhere", [WEAK_PUT, WEAK_TAKE];
    pool::a_thread_without_a_lane_puts_things_too, TWO, "and by a thread without a lane", [WEAK_PUT, WEAK_TAKE];
    pool::one_of_two_gets_it, TWO, "one of two gets it", [LOST_TAKE];
    pool::what_is_idle_is_dropped_once, TWO, "what is idle is dropped once, or got", [LOST_TAKE];
}
