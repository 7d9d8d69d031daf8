//! The layer itself, and well-known programs about orderings.

use super::{TWO, models};
use crate::twin::{Teeth, Twin};
use selvedge::rt::sync::atomic::Ordering::{self, Acquire, Release};
use selvedge_check::{Change, FailureKind};

const LAYER: Twin = Twin::of("models/src/models/layer.rs", include_str!("../models/layer.rs"));
const ORDERS: Twin = Twin::of("models/src/models/orders.rs", include_str!("../models/orders.rs"));
const ARC: Twin =
    Twin::of("primitives/src/rt/sync/arc.rs", include_str!("../../../primitives/src/rt/sync/arc.rs"));
const MUTEX: Twin =
    Twin::of("primitives/src/rt/sync/mutex.rs", include_str!("../../../primitives/src/rt/sync/mutex.rs"));

models! {
    layer::a_flag_publishes_what_came_before, None, "message passing by Release and Acquire", [
        LAYER.weaken("ready.store(true, Release)"),
        LAYER.weaken("if ready.load(Acquire)"),
    ];
    layer::fences_publish_what_came_before, None, "message passing by fences", [
        LAYER.twin("fence(Release)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
        LAYER.twin("fence(Acquire)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
    ];
    layer::a_spin_lock_excludes, None, "a spin lock excludes", [
        LAYER.weaken("locked.swap(true, Acquire)"),
        LAYER.weaken("locked.swap(false, Release)"),
    ];
    layer::unpark_happens_before_park_returns, None, "unpark happens before park returns", [
        LAYER.drop_wake("unparker.unpark()"),
    ];
    layer::the_mutex_excludes_and_wakes, TWO, "the models' mutex excludes and wakes", [
        MUTEX.drop_wake("next.unpark()"),
        MUTEX.weaken("self.locked.swap(false, Release)"),
    ];
    layer::the_condvar_wakes_who_waits, None, "no notification is lost", [
        LAYER.drop_wake("changed.notify_one()"),
    ];
    layer::the_last_owner_of_an_arc_frees_it, None, "the last owner frees the value", [
        ARC.weaken("shared.strong.fetch_sub(1, Release)"),
    ];
    layer::the_value_of_an_arc_is_dropped_after_its_last_use, None, "the value is dropped after its last use", [
        ARC.twin("fence(Acquire);", Change::DropFence, FailureKind::Race, Teeth::Orderings).after("fn release_strong"),
    ];
    layer::a_weak_pointer_does_not_outlive_the_value, None, "a weak pointer does not keep the value", [
        ARC.lose("if shared.weak.fetch_sub(1, Release) == 1", FailureKind::Leak),
    ];
    orders::one_of_two_that_announce_themselves_is_seen, None, "Dekker: one of two sees the other", [
        ORDERS.demote("flags[me].store(true, SeqCst)", Release, FailureKind::Race),
        ORDERS.demote("if !flags[1 - me].load(SeqCst)", Acquire, FailureKind::Race),
    ];
    orders::one_of_two_that_announce_themselves_by_fences_is_seen, None, "the same by fences", [
        ORDERS.twin("fence(SeqCst)", Change::DropFence, FailureKind::Race, Teeth::Orderings),
    ];
    orders::petersons_lock_excludes, None, "Peterson's lock excludes", [
        ORDERS.demote("wants[me].store(true, SeqCst)", Release, FailureKind::Race),
        ORDERS.demote("while wants[1 - me].load(SeqCst)", Acquire, FailureKind::Race),
        ORDERS.weaken("wants[me].store(false, Release)"),
    ];
    orders::readers_agree_on_the_order_of_independent_writes, None, "readers agree on the order of independent writes", [
        ORDERS.demote("let one = scope.spawn(|| x.load(SeqCst)", Acquire, FailureKind::Panic),
    ];
    orders::work_and_its_sleeper_do_not_miss_each_other, None, "work and its sleeper do not miss each other", [
        ORDERS.demote("work.store(true, SeqCst)", Release, FailureKind::Panic),
        ORDERS.demote("let woken = sleeps.load(SeqCst)", Acquire, FailureKind::Panic),
    ];
    orders::what_was_seen_is_passed_on, None, "what was seen is passed on", [
        ORDERS.twin("y.store(1, Release)", Change::Order(Ordering::Relaxed), FailureKind::Panic, Teeth::Orderings),
    ];
}
