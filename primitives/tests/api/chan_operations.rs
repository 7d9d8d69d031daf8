//! Selected operations, and the functions that the macros call, in every state: dropped, forgotten, completed with
//! another handle.

use crate::common::panic_of;
use selvedge::chan::__select::{Cases, Order, handle_of};
use selvedge::chan::{
    Receiver, RecvError, Select, SelectedOperation, SendError, Ticker, Timer, TryRecvError, TrySendError,
    after, at, bounded, never, tick, unbounded,
};
use selvedge::rt::time::now;
use std::time::{Duration, Instant};

const NANOSECOND: Duration = Duration::from_nanos(1);

/// The ways to end an operation that is not completed.
const ENDS: [fn(SelectedOperation<'_>); 3] = [
    |operation| assert!(panic_of(|| drop(operation)).contains("dropped without being completed")),
    |operation| {
        let text = panic_of(|| {
            let _operation = operation;
            panic!("before it is completed")
        });
        assert_eq!(text, "before it is completed");
    },
    |operation| {
        let stranger = never::<String>();
        assert!(panic_of(|| operation.recv(&stranger)).contains("is not the one"));
    },
];

fn select<T: Send>(receiver: &Receiver<T>, end: fn(SelectedOperation<'_>)) {
    let mut select = Select::new();
    select.recv(receiver);
    end(select.select());
}

#[test]
fn the_instant_of_a_dropped_operation_counts_as_received() {
    for end in ENDS {
        let timer = Timer::new(Duration::ZERO);
        select(timer.receiver(), end);
        assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
        assert!(!timer.reset(Duration::ZERO), "its instant was received");
        assert!(timer.receiver().recv().is_ok());

        for receiver in [after(Duration::ZERO), at(now())] {
            select(&receiver, end);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }

        let ticker = Ticker::new(NANOSECOND).expect("a period");
        for receiver in [ticker.receiver(), &tick(NANOSECOND)] {
            select(receiver, end);
            let before: Instant = receiver.recv().expect("the next one");
            select(receiver, end);
            assert!(receiver.recv().expect("the next one") > before);
        }
        ticker.stop();
        assert!(ticker.receiver().try_recv().is_err());
    }
}

#[test]
fn the_instant_of_a_dropped_wait_counts_as_received() {
    for end in ENDS {
        let timer = Timer::new(Duration::from_millis(1));
        select(timer.receiver(), end);
        assert!(!timer.stop(), "its instant was received");
        timer.reset(Duration::from_millis(1));
        assert!(timer.receiver().recv().is_ok());
    }
}

#[test]
fn the_value_of_a_dropped_operation_goes_to_the_next_receiver() {
    for end in ENDS {
        for (tx, rx) in [bounded(1), bounded(4), unbounded()] {
            tx.send(Box::new(1)).expect("room");
            select(&rx, end);
            assert_eq!(rx.try_recv(), Ok(Box::new(1)));
            tx.close().expect("open");
            select(&rx, end);
            assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
        }
    }
}

#[test]
fn a_dropped_send_frees_its_place() {
    for end in ENDS {
        for (tx, rx) in [bounded(1), unbounded()] {
            let mut select = Select::new();
            select.send(&tx);
            end(select.select());
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            tx.try_send(Box::new(1)).expect("there is room again");
            assert_eq!(rx.try_recv(), Ok(Box::new(1)));
            rx.close().expect("open");
            end(select.select());
            assert_eq!(tx.try_send(Box::new(2)), Err(TrySendError::Disconnected(Box::new(2))));
        }
    }
}

#[test]
fn a_forgotten_operation_takes_its_value_with_it() {
    let (tx, rx) = bounded(2);
    (0..2).for_each(|n| tx.send(n).expect("room"));
    select(&rx, |operation| std::mem::forget(operation));
    assert_eq!(rx.try_recv(), Ok(1));
    select(&tick(NANOSECOND), |operation| std::mem::forget(operation));
    let timer = Timer::new(Duration::ZERO);
    select(timer.receiver(), |operation| std::mem::forget(operation));
    assert!(!timer.stop(), "its instant was received");
    let mut select = Select::new();
    select.send(&tx);
    std::mem::forget(select.select());
    tx.try_send(3).expect("one place is lost, one is left");
    assert_eq!(rx.recv(), Ok(3));
}

#[test]
fn a_case_is_completed_with_its_own_handle_alone() {
    let ((tx, numbers), (_texts, text)) = (bounded::<usize>(1), bounded::<String>(1));
    let mut cases = Cases::new([handle_of(&numbers)]);
    tx.send(0x1000).expect("room");
    cases.wait(Order::Random);
    assert!(panic_of(|| cases.recv(&text)).contains("another one's handle"));
    // A clone receives from the same channel, but the case was made with the other handle.
    let another = numbers.clone();
    assert!(panic_of(|| cases.recv(&another)).contains("another one's handle"));
    assert_eq!(cases.recv(&numbers), Ok(0x1000), "the case is chosen still");
    assert!(panic_of(|| cases.recv(&numbers)).contains("only a case that was chosen"));
    assert!(panic_of(|| cases.chosen()).contains("only a case that was chosen"));

    tx.send(0x1001).expect("room");
    cases.wait(Order::Random);
    let case = cases.chosen();
    assert!(panic_of(|| case.send(&tx, 1)).contains("another one's handle"));
    assert_eq!(numbers.try_recv(), Ok(0x1001), "the value goes to the next receiver");
}

#[test]
fn a_sending_case_is_completed_with_its_own_handle_alone() {
    let ((tx, rx), (texts, _text)) = (bounded::<usize>(1), bounded::<String>(1));
    let mut cases = Cases::new([handle_of(&tx)]);
    let mut chosen = || {
        cases.wait(Order::Given);
        cases.chosen()
    };
    let case = chosen();
    assert!(panic_of(|| case.send(&texts, String::from("seven"))).contains("another one's handle"));
    assert_eq!((rx.try_recv(), tx.len()), (Err(TryRecvError::Empty), 0), "the case has not happened");
    assert_eq!(chosen().send(&tx, 7), Ok(()));
    assert_eq!(rx.recv(), Ok(7));
    drop(chosen());
    assert_eq!((rx.try_recv(), tx.len()), (Err(TryRecvError::Empty), 0), "the case has not happened");
    drop(rx);
    assert_eq!(chosen().send(&tx, 8), Err(SendError(8)));
}

#[test]
fn a_select_of_the_macros_runs_once() {
    let (tx, rx) = bounded(2);
    (0..2).for_each(|n| tx.send(n).expect("room"));
    let mut cases = Cases::new([handle_of(&rx)]);
    cases.wait(Order::Given);
    assert!(cases.is_next() && !cases.is_next());
    assert!(panic_of(|| cases.wait(Order::Given)).contains("before the select runs again"));
    assert_eq!(cases.recv(&rx), Ok(0));
    cases.attempt(Order::Given);
    assert_eq!(cases.recv(&rx), Ok(1));
    drop(tx);
    cases.wait_timeout(Order::Given, Duration::ZERO);
    assert_eq!(cases.recv(&rx), Err(RecvError));
}

#[test]
fn an_operation_is_completed_with_its_own_handle_alone() {
    let ((tx, rx), (texts, text)) = (bounded::<usize>(1), bounded::<String>(1));
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    assert!(panic_of(|| operation.send(&texts, String::from("seven"))).contains("is not the one"));
    let operation = select.select();
    assert!(panic_of(|| operation.recv(&text)).contains("is not the one"));
    assert_eq!((rx.len(), text.len()), (0, 0));
    drop(rx);
    assert_eq!(select.select().send(&tx, 1), Err(SendError(1)));
}
