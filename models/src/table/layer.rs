//! The layer itself, and well-known programs about orderings.

use super::{TWO, models};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::atomic::Ordering::{self, Acquire, Release};
use selvedge_check::{Change, FailureKind};

const LAYER: Mutant = Mutant::of("models/src/models/layer.rs", include_str!("../models/layer.rs"));
const ORDERS: Mutant = Mutant::of("models/src/models/orders.rs", include_str!("../models/orders.rs"));
const ARC: Mutant =
    Mutant::of("primitives/src/rt/sync/arc.rs", include_str!("../../../primitives/src/rt/sync/arc.rs"));
const MUTEX: Mutant =
    Mutant::of("primitives/src/rt/sync/mutex.rs", include_str!("../../../primitives/src/rt/sync/mutex.rs"));

models! {
    layer::a_flag_publishes_what_came_before, None, "message passing by Release and Acquire", [
        LAYER.weaken("set-flag"),
        LAYER.weaken("read-flag"),
    ];
    layer::fences_publish_what_came_before, None, "message passing by fences", [
        LAYER.mutant("fence-before-flag", Change::DropFence, FailureKind::Race, Needs::Orderings),
        LAYER.mutant("fence-after-flag", Change::DropFence, FailureKind::Race, Needs::Orderings),
    ];
    layer::a_spin_lock_excludes, None, "a spin lock excludes", [
        LAYER.weaken("acquire-spin-lock"),
        LAYER.weaken("release-spin-lock"),
    ];
    layer::unpark_happens_before_park_returns, None, "unpark happens before park returns", [
        LAYER.drop_wake("unpark"),
    ];
    layer::the_mutex_excludes_and_wakes, TWO, "the models' mutex excludes and wakes", [
        MUTEX.drop_wake("wake-next"),
        MUTEX.weaken("unlock"),
    ];
    layer::the_condvar_wakes_who_waits, None, "no notification is lost", [
        LAYER.drop_wake("notify-condvar"),
    ];
    layer::the_last_owner_of_an_arc_frees_it, None, "the last owner frees the value", [
        ARC.weaken("drop-strong"),
    ];
    layer::the_value_of_an_arc_is_dropped_after_its_last_use, None, "the value is dropped after its last use", [
        ARC.mutant("fence-before-dropping-value", Change::DropFence, FailureKind::Race, Needs::Orderings),
    ];
    layer::a_weak_pointer_does_not_outlive_the_value, None, "a weak pointer does not keep the value", [
        ARC.lose("drop-weak", FailureKind::Leak),
    ];
    layer::an_owner_that_is_alone_has_the_value_alone, None, "an owner that is alone has the value alone", [
        ARC.weaken("count-owners"),
    ];
    layer::two_owners_that_ask_at_once_are_not_both_alone, None, "two owners are not both alone", [
        ARC.weaken("count-owners"),
    ];
    layer::an_owner_that_is_alone_comes_after_the_others, None, "an owner that is alone comes after the others", [
        ARC.weaken("count-owners"),
    ];
    layer::an_owner_that_was_a_weak_pointer_counts, None, "an owner that was a weak pointer counts", [
        ARC.weaken("read-weak"),
    ];
    layer::a_value_that_is_taken_out_is_given_to_nobody_else, None, "a value that is taken out is given to nobody else", [
        ARC.weaken("take-value"),
        ARC.lose("take-value", FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::Orderings),
    ];
    orders::one_of_two_that_announce_themselves_is_seen, None, "Dekker: one of two sees the other", [
        ORDERS.demote("announce", Release, FailureKind::Race),
        ORDERS.demote("look-for-the-other", Acquire, FailureKind::Race),
    ];
    orders::one_of_two_that_announce_themselves_by_fences_is_seen, None, "the same by fences", [
        ORDERS.mutant("fence-between-store-and-load", Change::DropFence, FailureKind::Race, Needs::Orderings),
    ];
    orders::petersons_lock_excludes, None, "Peterson's lock excludes", [
        ORDERS.demote("want-lock", Release, FailureKind::Race),
        ORDERS.demote("wait-for-turn", Acquire, FailureKind::Race),
        ORDERS.weaken("leave-section"),
    ];
    orders::readers_agree_on_the_order_of_independent_writes, None, "readers agree on the order of independent writes", [
        ORDERS.demote("first-reader", Acquire, FailureKind::Panic),
    ];
    orders::work_and_its_sleeper_do_not_miss_each_other, None, "work and its sleeper do not miss each other", [
        ORDERS.demote("publish-work", Release, FailureKind::Panic),
        ORDERS.demote("look-for-sleeper", Acquire, FailureKind::Panic),
    ];
    orders::what_was_seen_is_passed_on, None, "what was seen is passed on", [
        ORDERS.mutant("pass-on", Change::Order(Ordering::Relaxed), FailureKind::Panic, Needs::Orderings),
    ];
}
