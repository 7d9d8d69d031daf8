//! The ledger tells a broken channel from a good one: histories written by hand, each with one thing
//! wrong.

use selvedge::rt::park::Parker;
use selvedge_proptests::call::Answer::{
    self, Closed, Empty, Full, NotSent, NothingLeft, Received, RecvTimedOut, SendTimedOut, Sent,
};
use selvedge_proptests::concurrent::Operation::{
    Close, Recv, RecvTimeout, Send, SendTimeout, TryRecv, TrySend,
};
use selvedge_proptests::concurrent::{Entry, Ledger, Operation};
use std::panic::catch_unwind;

/// A thread (from 1), its operation, the value if it sends, and the answer.
type Event = (usize, Operation, u32, Answer);

/// What the ledger has to say about events, one after the other, on a channel of capacity 1, after which
/// `rest` was received.
fn verdict(events: &[Event], rest: &[u32]) -> String {
    let result = catch_unwind(|| {
        let parker = Parker::new();
        let ledger = Ledger::new(1, 3, parker.unparker());
        for (thread, operation, value, answer) in events.iter().cloned() {
            let begun = ledger.begin(thread - 1, operation);
            ledger.end(Entry { thread: thread - 1, operation, value, answer }, &begun);
        }
        ledger.settle(rest);
    });
    match result {
        Ok(()) => "fine".to_string(),
        Err(panic) => panic.downcast_ref::<String>().expect("assertions have a text").clone(),
    }
}

#[track_caller]
fn breaks(what: &str, events: &[Event], rest: &[u32]) {
    let verdict = verdict(events, rest);
    assert!(verdict.contains(what), "expected `{what}`, got `{verdict}`");
}

const CLOSED: Event = (3, Close, 0, Closed(true));

#[test]
fn a_history_of_a_good_channel_is_fine() {
    let events = [
        (1, TryRecv, 0, Empty),
        (1, Send, 11, Sent),
        (2, TrySend, 21, Full(21)),
        (2, SendTimeout, 22, SendTimedOut(22)),
        (3, Recv, 0, Received(11)),
        (3, RecvTimeout, 0, RecvTimedOut),
        (1, Send, 12, Sent),
        CLOSED,
        (2, Close, 0, Closed(false)),
        (2, Send, 23, NotSent(23)),
        (3, Recv, 0, Received(12)),
        (3, TryRecv, 0, NothingLeft),
    ];
    assert_eq!(verdict(&events, &[]), "fine");
}

#[test]
fn values_that_are_lost_doubled_or_invented() {
    breaks("sent [11], but received []", &[(1, Send, 11, Sent), CLOSED], &[]);
    breaks("sent [], but received [11]", &[CLOSED], &[11]);
    let doubled = [(1, Send, 11, Sent), (2, Recv, 0, Received(11)), CLOSED];
    breaks("sent [11], but received [11, 11]", &doubled, &[11]);
    let failed = [CLOSED, (1, Send, 11, NotSent(11))];
    breaks("sent [], but received [11]", &failed, &[11]);
    breaks("nobody had sent so many values", &[(2, Recv, 0, Received(11)), CLOSED], &[]);
}

#[test]
fn values_out_of_order() {
    let two = |first, second| {
        let (first, second) = ((2, Recv, 0, Received(first)), (2, Recv, 0, Received(second)));
        [(1, Send, 11, Sent), first, (1, Send, 12, Sent), second, CLOSED]
    };
    breaks("thread 2 received out of order: [12, 11]", &two(12, 11), &[]);
    let late = [(1, Send, 11, Sent), (2, Recv, 0, Received(12)), (1, Send, 12, Sent), CLOSED];
    breaks("thread 2 received out of order: [12, 11]", &late, &[11]);
    assert_eq!(verdict(&two(11, 12), &[]), "fine");
}

#[test]
fn more_values_than_the_capacity() {
    let too_many = [(1, Send, 11, Sent), (1, Send, 12, Sent), CLOSED];
    breaks("more sends have completed than the capacity", &too_many, &[11, 12]);
    let ledger = Ledger::new(1, 1, Parker::new().unparker());
    ledger.observe(2);
    let text = catch_unwind(std::panic::AssertUnwindSafe(|| ledger.settle(&[]))).expect_err("too long");
    assert!(text.downcast_ref::<String>().is_some_and(|text| text.contains("len() is 2, the capacity 1")));
}

#[test]
fn refusals_without_a_reason() {
    breaks("there was room all along", &[(1, TrySend, 11, Full(11)), CLOSED], &[]);
    breaks("there was room all along", &[(1, SendTimeout, 11, SendTimedOut(11)), CLOSED], &[]);
    breaks("nobody had closed", &[(1, Send, 11, NotSent(11)), CLOSED], &[]);
    let there = (1, Send, 11, Sent);
    breaks("a value was there all along", &[there.clone(), (2, TryRecv, 0, Empty), CLOSED], &[11]);
    breaks("a value was there all along", &[there.clone(), (2, RecvTimeout, 0, RecvTimedOut), CLOSED], &[11]);
    breaks("a value was there all along", &[there, CLOSED, (2, Recv, 0, NothingLeft)], &[11]);
    breaks("nobody had closed", &[(2, Recv, 0, NothingLeft), CLOSED], &[]);
}

#[test]
fn a_close_that_is_not_kept() {
    breaks("the channel was closed before", &[CLOSED, (1, Send, 11, Sent)], &[11]);
    breaks("the channel was closed before", &[CLOSED, (1, TrySend, 11, Full(11))], &[]);
    breaks("the channel was closed before", &[CLOSED, (2, TryRecv, 0, Empty)], &[]);
    breaks("2 calls of close() succeeded", &[CLOSED, CLOSED], &[]);
    breaks("0 calls of close() succeeded", &[(3, Close, 0, Closed(false))], &[]);
}

#[test]
fn the_body_is_woken_when_nobody_can_go_on_and_not_before() {
    let parker = Parker::new();
    let ledger = Ledger::new(1, 2, parker.unparker());
    let long_ago = selvedge::rt::time::now();
    let received = |ledger: &Ledger, begun, value| {
        let entry = Entry { thread: 0, operation: Recv, value: 0, answer: Received(value) };
        ledger.end(entry, &begun);
    };
    let waits = ledger.begin(0, Recv);
    assert!(!parker.park_deadline(Some(long_ago)), "thread 2 may still send");
    let begun = ledger.begin(1, Send);
    assert!(!parker.park_deadline(Some(long_ago)), "thread 1 waits, and thread 2 sends");
    ledger.end(Entry { thread: 1, operation: Send, value: 21, answer: Sent }, &begun);
    ledger.done(1);
    assert!(!parker.park_deadline(Some(long_ago)), "a value is there for thread 1");
    received(&ledger, waits, 21);
    assert!(!parker.park_deadline(Some(long_ago)), "thread 1 runs");
    let _waits_for_ever = ledger.begin(0, Recv);
    assert!(parker.park_deadline(Some(long_ago)), "nobody is left to send");
}
