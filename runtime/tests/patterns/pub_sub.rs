//! Publishers with subscribers that are slow, panic, leave, and are forgotten.

use super::{Value, everywhere, panic_of, panic_quietly};
use selvedge::sync::WaitGroup;
use selvedge_go::patterns::{Broker, Patience, Published};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn each_subscriber_gets_what_its_filter_wants_in_order() {
    everywhere(|values| {
        let broker = Broker::new(Patience { wait: HOUR, misses: None });
        let group = WaitGroup::new();
        for divisor in 1..=4 {
            let subscription = broker.subscribe(2, move |value: &Value| value.number.is_multiple_of(divisor));
            group.go(move || {
                let got = subscription.iter().map(|value| value.number);
                assert!(got.eq((0..40).filter(|n| n % divisor == 0)));
                assert_eq!(subscription.missed(), 0);
            });
        }
        for n in 0..40 {
            let wanted = (1..=4).filter(|divisor| n % divisor == 0).count();
            let published = broker.publish(values.make(n));
            assert_eq!(published, Published { delivered: wanted, missed: 0, evicted: 0 });
        }
        drop(broker);
        group.wait();
    });
}

/// PA-04.
#[test]
fn a_slow_subscriber_misses_what_it_has_no_room_for_and_keeps_nobody_waiting() {
    everywhere(|values| {
        let broker = Broker::new(Patience { wait: MOMENT, misses: Some(2) });
        let (slow, quick) = (broker.subscribe(1, |_| true), broker.subscribe(100, |_| true));
        let published: Vec<_> = (0..5).map(|n| broker.publish(values.make(n))).collect();
        let both = Published { delivered: 2, missed: 0, evicted: 0 };
        let one = Published { delivered: 1, missed: 1, evicted: 0 };
        let alone = Published { delivered: 1, missed: 0, evicted: 0 };
        assert_eq!(published, [both, one, one, Published { evicted: 1, ..one }, alone]);
        assert!(slow.is_evicted() && !quick.is_evicted());
        assert_eq!((slow.missed(), quick.missed(), broker.subscribers()), (3, 0, 1));
        assert!(slow.iter().map(|value| value.number).eq([0]), "what it had room for is there");
        broker.close();
        assert!(quick.iter().map(|value| value.number).eq(0..5));
    });
}

#[test]
fn a_message_that_is_received_ends_the_row_of_misses() {
    everywhere(|values| {
        let broker = Broker::new(Patience { wait: Duration::ZERO, misses: Some(1) });
        let subscription = broker.subscribe(1, |_| true);
        for n in 0..10 {
            broker.publish(values.make(2 * n));
            assert_eq!(broker.publish(values.make(2 * n + 1)).missed, 1);
            assert_eq!(subscription.recv().map(|value| value.number), Ok(2 * n));
        }
        assert_eq!((subscription.missed(), subscription.is_evicted()), (10, false));
    });
}

#[test]
fn a_subscription_that_is_forgotten_is_evicted() {
    everywhere(|values| {
        let broker = Broker::new(Patience { wait: Duration::ZERO, misses: Some(3) });
        std::mem::forget(broker.subscribe(0, |_: &Value| true));
        for n in 0..4 {
            assert_eq!(broker.publish(values.make(n)).missed, 1);
        }
        assert_eq!(broker.subscribers(), 0);
    });
}

#[test]
fn a_filter_that_panics_does_not_keep_the_message_from_others() {
    everywhere(|values| {
        let broker = Broker::new(Patience::default());
        let first = broker.subscribe(3, |_| true);
        let wild = broker.subscribe(3, |value: &Value| value.number == 0 || panic_quietly("a filter"));
        let last = broker.subscribe(3, |_| true);
        assert_eq!(broker.publish(values.make(0)).delivered, 3);
        assert_eq!(panic_of(|| broker.publish(values.make(1))), "a filter");
        drop(broker);
        assert_eq!([first.iter().count(), wild.iter().count(), last.iter().count()], [2, 1, 2]);
    });
}

#[test]
fn a_clone_that_panics_does_not_keep_the_message_from_others() {
    struct Wild(AtomicU32);
    impl Clone for Wild {
        fn clone(&self) -> Wild {
            match self.0.fetch_sub(1, SeqCst) {
                1 => panic_quietly("a clone"),
                _ => Wild(AtomicU32::new(0)),
            }
        }
    }
    everywhere(|_| {
        for bad in 1..=3 {
            let broker = Broker::new(Patience::default());
            let subscriptions = [(); 3].map(|()| broker.subscribe(1, |_| true));
            assert_eq!(panic_of(|| broker.publish(Wild(AtomicU32::new(bad)))), "a clone");
            let got = subscriptions.each_ref().map(|subscription| subscription.len());
            assert_eq!(got.iter().sum::<usize>(), 2, "the other two have it");
        }
    });
}

#[test]
fn a_filter_may_use_the_broker() {
    everywhere(|_| {
        let broker = Arc::new(Broker::new(Patience::default()));
        let theirs = Arc::downgrade(&broker);
        let first = broker.subscribe(4, move |n| {
            let broker = theirs.upgrade().expect("it publishes");
            drop(broker.subscribe(1, |_| true));
            *n > 0 || broker.publish(*n + 1).delivered == 1
        });
        assert_eq!(broker.publish(0).delivered, 1);
        broker.close();
        assert!(first.iter().eq([1, 0]));
    });
}

/// PA-04.
#[test]
fn subscribers_come_and_go_while_messages_are_published() {
    everywhere(|values| {
        let broker = Arc::new(Broker::new(Patience { wait: MOMENT, misses: Some(0) }));
        let group = WaitGroup::new();
        for first in [0, 100] {
            let (broker, values) = (Arc::clone(&broker), values.clone());
            group.go(move || (first..first + 50).for_each(|n| _ = broker.publish(values.make(n))));
        }
        for taken in 0..30 {
            let broker = Arc::clone(&broker);
            group.go(move || {
                let subscription = broker.subscribe(1, |_| true);
                let got: Vec<_> = subscription.try_iter().take(taken).map(|value| value.number).collect();
                for first in [0, 100] {
                    assert!(got.iter().filter(|n| (first..first + 50).contains(*n)).is_sorted());
                }
            });
        }
        group.wait();
        assert_eq!(broker.subscribers(), 0);
    });
}

#[test]
fn a_broker_that_closes_ends_publishers_that_wait() {
    everywhere(|values| {
        let broker = Arc::new(Broker::new(Patience { wait: HOUR, misses: None }));
        let subscription = broker.subscribe(0, |_| true);
        let (theirs, message) = (Arc::clone(&broker), values.make(0));
        let group = WaitGroup::new();
        let publisher = group.go(move || theirs.publish(message));
        while broker.subscribers() > 0 {
            broker.close();
        }
        let published = publisher.join().expect("no panic");
        assert_eq!(published, Published::default(), "nobody came for it");
        assert!(subscription.recv().is_err());
        assert!(broker.subscribe(1, |_| true).recv().is_err(), "a subscriber of a closed broker is told");
        assert!(catch_unwind(AssertUnwindSafe(|| broker.publish(values.make(1)))).is_ok());
    });
}
