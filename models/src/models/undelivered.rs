//! Models of the heap of values that have come back from dropped futures, without the channel around it.

use super::{Model, both, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::chan::Undelivered;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, SeqCst};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    two_takes_get_a_value_each,
    a_take_finds_what_was_there_beside_a_put,
    a_put_reads_no_node_that_a_take_frees,
    a_value_is_found_as_it_was_put,
    two_puts_at_once_are_both_there,
    two_puts_beside_a_value_are_both_there,
    a_take_goes_on_though_a_smaller_ticket_came_and_went,
    a_take_that_has_lost_a_value_finds_the_next,
    a_value_that_comes_back_or_its_receiver_is_seen,
];

const UNDELIVERED: Mutant = mutant_of!("primitives/src/chan/algorithm/undelivered.rs");
/// A walk finds nodes that are freed, since it does not begin after the walks that took them out; or they are freed before
/// its reads of them.
const FOUND_LATE: Mutant = freed("begin-walk");
const UNORDERED_WALK: Mutant = freed("end-walk");
const UNSEEN_WALK: Mutant = freed("count-walkers");
/// Nodes are read before they are made.
const UNMADE_ALONE: Mutant = UNDELIVERED.weaken("put-alone").needs(Needs::SeqCst);
const UNMADE: Mutant = UNDELIVERED.weaken("take-undelivered").needs(Needs::SeqCst);
const UNMADE_BESIDE: Mutant = UNDELIVERED.weaken("add-undelivered").needs(Needs::SeqCst);
const READ_UNMADE: Mutant = UNDELIVERED.weaken("read-root").needs(Needs::SeqCst);
/// Nodes are taken out of limbo before they have come there, or are freed without regard to the walk that brought them.
const UNLINKED: Mutant = freed("put-in-limbo").or(FailureKind::Leak);
const LIMBO_UNREAD: Mutant = freed("take-limbo").or(FailureKind::Leak);
/// Two take one value.
const TAKEN_TWICE: Mutant = UNDELIVERED
    .lose("take-undelivered", FailureKind::Panic)
    .or(FailureKind::Race)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::DoubleFree);
/// Of two values that are put at once one is lost.
const OVERWRITTEN: Mutant = UNDELIVERED
    .lose("add-undelivered", FailureKind::Panic)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::DoubleFree)
    .or(FailureKind::Race);
/// A value that is counted, or of which the count is read, need not be there.
const UNCOUNTED: Mutant = UNDELIVERED.weaken("give-value-back").or(FailureKind::Panic).needs(Needs::SeqCst);
const UNREAD: Mutant = UNDELIVERED.weaken("read-census").or(FailureKind::Panic).needs(Needs::SeqCst);
/// A value is counted, or the count is read, in no order with the receiver's announcement.
const COUNTED_APART: Mutant = UNDELIVERED.demote("give-value-back", AcqRel, FailureKind::Panic);
const READ_APART: Mutant = UNDELIVERED.demote("read-census", Acquire, FailureKind::Panic);

/// A node is freed that a walk has found, or is about to read.
const fn freed(site: &'static str) -> Mutant {
    UNDELIVERED.weaken(site).or(FailureKind::UseAfterFree).needs(Needs::SeqCst)
}

/// Returns a heap with values that are their tickets.
fn with(tickets: impl IntoIterator<Item = u64>) -> Arc<Undelivered<u64>> {
    let heap = Arc::new(Undelivered::new());
    tickets.into_iter().for_each(|ticket| heap.put(ticket, ticket));
    heap
}

/// Takes all values, and asserts that they come in the order of their tickets.
#[track_caller]
fn assert_holds(heap: &Undelivered<u64>, tickets: &[u64]) {
    let rest: Vec<(u64, u64)> = core::iter::from_fn(|| heap.take()).collect();
    assert_eq!(rest, tickets.iter().map(|ticket| (*ticket, *ticket)).collect::<Vec<_>>());
    assert!(heap.is_empty());
}

/// Two threads that take at once get a value each, and leave the third; no node is freed that one of them reads.
fn two_takes_get_a_value_each() -> Model {
    model("two takes get a value each", || {
        let heap = with([1, 2, 3]);
        let (here, there) = both(&heap, Undelivered::take);
        let mut taken = [here, there].map(|taken| taken.expect("three values are there").0);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        assert_holds(&heap, &[3]);
    })
    .reaches(Reach::Everything)
    .catches([FOUND_LATE, UNORDERED_WALK, UNMADE, UNLINKED, LIMBO_UNREAD, TAKEN_TWICE])
}

/// A thread that takes gets one of the values that are there or come, and the put loses none.
fn a_take_finds_what_was_there_beside_a_put() -> Model {
    model("a take beside a put finds a value", || {
        let heap = with([1, 3]);
        let theirs = Arc::clone(&heap);
        let puts = thread::spawn(move || theirs.put(2, 2));
        assert_eq!(heap.take(), Some((1, 1)));
        puts.join().expect("no panic");
        assert_holds(&heap, &[2, 3]);
    })
    .reaches(Reach::Everything)
    .catches([UNMADE_BESIDE, READ_UNMADE, TAKEN_TWICE, OVERWRITTEN])
}

/// A thread that puts a value before all others reads the node of the first one, which another thread takes out and frees. A
/// walk that takes nothing out says only by its end that it has read.
fn a_put_reads_no_node_that_a_take_frees() -> Model {
    model("a put reads no node that a take frees", || {
        let heap = with([2]);
        let theirs = Arc::clone(&heap);
        let puts = thread::spawn(move || theirs.put(1, 1));
        let (taken, ticket) = heap.take().expect("a value is there");
        puts.join().expect("no panic");
        assert_eq!(taken, ticket);
        assert_holds(&heap, &[3 - taken]);
    })
    .reaches(Reach::Everything)
    .catches([UNSEEN_WALK, UNORDERED_WALK])
}

/// A thread that finds a value reads what was put, and the node around it.
fn a_value_is_found_as_it_was_put() -> Model {
    model("a value is found as it was put", || {
        let heap = with([]);
        let theirs = Arc::clone(&heap);
        let puts = thread::spawn(move || theirs.put(1, 1));
        let taken = heap.take();
        puts.join().expect("no panic");
        assert!(matches!(taken, None | Some((1, 1))));
        assert_holds(&heap, if taken.is_some() { &[] } else { &[1] });
    })
    .reaches(Reach::Everything)
    .catches([UNCOUNTED, UNREAD])
}

/// Two threads that put at once both find a place, whichever comes first.
fn two_puts_at_once_are_both_there() -> Model {
    model("two values that are put at once are both there", || {
        let heap = with([]);
        let theirs = Arc::clone(&heap);
        let puts = thread::spawn(move || theirs.put(1, 1));
        heap.put(2, 2);
        puts.join().expect("no panic");
        assert_holds(&heap, &[1, 2]);
    })
    .reaches(Reach::Everything)
    .catches([UNMADE_ALONE, OVERWRITTEN])
}

/// Two threads put values behind a value that is there: the one that comes second goes by what the first has made.
fn two_puts_beside_a_value_are_both_there() -> Model {
    model("two values that are put beside another are both there", || {
        let heap = with([1]);
        let theirs = Arc::clone(&heap);
        let puts = thread::spawn(move || theirs.put(2, 2));
        heap.put(3, 3);
        puts.join().expect("no panic");
        assert_holds(&heap, &[1, 2, 3]);
    })
    .reaches(Reach::Everything)
    .catches([UNMADE_BESIDE, OVERWRITTEN])
}

/// A thread takes, while a smaller ticket comes and goes, after which the root is the same as before.
fn a_take_goes_on_though_a_smaller_ticket_came_and_went() -> Model {
    model("a take goes on though a smaller ticket came and went", || {
        let heap = with([2, 3]);
        let theirs = Arc::clone(&heap);
        let other = thread::spawn(move || {
            theirs.put(1, 1);
            theirs.take().expect("there are more values than takes").0
        });
        let mut taken = vec![heap.take().expect("there are more values than takes").0];
        taken.push(other.join().expect("no panic"));
        taken.extend(core::iter::from_fn(|| heap.take()).map(|(value, _)| value));
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3]);
    })
    .reaches(Reach::Everything)
    .catches([TAKEN_TWICE])
}

/// A thread that is about to take the only value loses it to another, which puts a value in its place: the first one finds
/// that value.
fn a_take_that_has_lost_a_value_finds_the_next() -> Model {
    model("a take that has lost a value finds the next", || {
        let heap = with([1]);
        let theirs = Arc::clone(&heap);
        let other = thread::spawn(move || {
            let taken = theirs.take();
            theirs.put(2, 2);
            taken.is_some()
        });
        let taken = heap.take();
        let others = other.join().expect("no panic");
        assert!(others || taken == Some((1, 1)));
        assert_holds(&heap, if others && taken.is_some() { &[] } else { &[2] });
    })
    .reaches(Reach::Everything)
    .catches([TAKEN_TWICE])
}

/// A thread puts a value and looks for a receiver, while a receiver announces that it waits and looks for values: one of the
/// two sees the other.
fn a_value_that_comes_back_or_its_receiver_is_seen() -> Model {
    model("a value that comes back sees its receiver, or is seen", || {
        let heap = with([]);
        let theirs = Arc::new((heap, AtomicBool::new(false)));
        let ours = Arc::clone(&theirs);
        let returns = thread::spawn(move || {
            theirs.0.put(1, 1);
            theirs.1.load(SeqCst)
        });
        ours.1.store(true, SeqCst);
        let sees_value = !ours.0.is_empty();
        let sees_receiver = returns.join().expect("no panic");
        assert!(sees_value || sees_receiver, "the receiver waits, and nobody sends to it");
    })
    .reaches(Reach::Everything)
    .catches([COUNTED_APART, READ_APART])
}
