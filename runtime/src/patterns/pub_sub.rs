//! Publish and subscribe: each message goes to every subscriber whose filter matches, or is counted as missed.
//!
//! The list of subscribers is replaced as a whole when one comes or goes, so a publisher works on the list that it
//! has found, and no lock is held while it waits. A subscriber that leaves or is evicted meanwhile has a closed
//! channel, and a send to it fails.
//!
//! A publisher first gives the message to all that have room, and then waits for the others, until one deadline for
//! all.

use super::team::{Panic, dispose};
use core::fmt;
use core::ops::Deref;
use selvedge::chan::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use selvedge::rt::sync::Arc;
use selvedge::rt::time::now;
use selvedge::rt::twin::is_twin;
use selvedge::sync::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// How long a publisher bears with slow subscribers.
///
/// ```
/// use selvedge_go::patterns::Patience;
/// use std::time::Duration;
/// // Never waits, and never evicts.
/// assert_eq!(Patience::default(), Patience { wait: Duration::ZERO, misses: None });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// How long a message waits for room with the subscribers that have none.
    pub wait: Duration,
    /// How many messages in a row a subscriber may miss: with one more it is evicted. `None`: it never is.
    pub misses: Option<u32>,
}

/// What has become of a message.
///
/// ```
/// use selvedge_go::patterns::{Broker, Patience, Published};
/// let broker = Broker::new(Patience::default());
/// assert_eq!(broker.publish("nobody listens"), Published { delivered: 0, missed: 0, evicted: 0 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many subscribers have it in their channels.
    pub delivered: usize,
    /// How many subscribers had no room in time.
    pub missed: usize,
    /// How many of these have missed too many messages and were evicted.
    pub evicted: usize,
}

/// Hands each message to the subscribers that want it.
///
/// Each subscriber has a filter and a channel of its own. A message that is published goes to every subscriber that
/// is there and whose filter matches, or it is counted as missed by that subscriber. The messages of one publisher
/// come to a subscriber in the order published; two publishers at the same time have no order, and two subscribers
/// may see their messages in different orders.
///
/// A publisher that waits for a slow subscriber keeps no other publisher, and no subscriber that has room, waiting.
///
/// Dropping the broker closes it.
///
/// ```
/// use selvedge_go::patterns::{Broker, Patience};
///
/// selvedge_go::run(|| {
///     let broker = Broker::new(Patience::default());
///     let sports = broker.subscribe(4, |(topic, _)| *topic == "sports");
///     let all = broker.subscribe(4, |_| true);
///     broker.publish(("sports", "one to nil"));
///     broker.publish(("weather", "rain"));
///     broker.close();
///     assert!(sports.iter().eq([("sports", "one to nil")]));
///     assert_eq!(all.iter().count(), 2);
/// });
/// ```
pub struct Broker<T> {
    shared: Arc<Shared<T>>,
    patience: Patience,
}

/// The subscribers at one moment.
type List<T> = Arc<Vec<Arc<Subscriber<T>>>>;

struct Shared<T> {
    /// `None`: the broker is closed.
    subscribers: Mutex<Option<List<T>>>,
}

struct Subscriber<T> {
    tx: Sender<T>,
    filter: Box<dyn Fn(&T) -> bool + Send + Sync>,
    misses: Mutex<Misses>,
}

#[derive(Clone, Copy, Default)]
struct Misses {
    total: u64,
    in_a_row: u32,
    is_evicted: bool,
}

impl<T: Clone + Send + 'static> Broker<T> {
    /// Creates a broker without subscribers.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// assert_eq!(Broker::<u32>::new(Patience::default()).subscribers(), 0);
    /// ```
    pub fn new(patience: Patience) -> Broker<T> {
        let subscribers = Mutex::new(Some(Arc::new(Vec::new())));
        Broker { shared: Arc::new(Shared { subscribers }), patience }
    }

    /// Adds a subscriber: it gets the messages that are published from now on and for which `filter` returns `true`.
    /// Up to `capacity` of them wait in its channel. If the broker is closed, the channel is, too.
    ///
    /// Publishers call the filter, several perhaps at once, and while nothing is locked.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// let broker = Broker::new(Patience::default());
    /// let even = broker.subscribe(1, |n| n % 2 == 0);
    /// [1, 2].map(|n| broker.publish(n));
    /// assert_eq!(even.recv(), Ok(2));
    /// ```
    pub fn subscribe(
        &self,
        capacity: usize,
        filter: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Subscription<T> {
        let (tx, rx) = bounded(capacity);
        let subscriber =
            Arc::new(Subscriber { tx, filter: Box::new(filter), misses: Mutex::new(Misses::default()) });
        let is_added = self.shared.change(|list| list.push(Arc::clone(&subscriber)));
        if !is_added {
            subscriber.close();
        }
        Subscription { rx, subscriber, shared: Arc::clone(&self.shared) }
    }

    /// Hands a message to the subscribers that want it, and says what has become of it. It waits for those without
    /// room, for as long as [`Patience`] says; they are evicted if they have missed too many.
    ///
    /// # Panics
    /// If a filter or a clone of the message does: with the first panic, after the other subscribers have been
    /// served.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience, Published};
    /// let broker = Broker::new(Patience::default());
    /// let slow = broker.subscribe(1, |_| true);
    /// assert_eq!(broker.publish('a').delivered, 1);
    /// assert_eq!(broker.publish('b'), Published { delivered: 0, missed: 1, evicted: 0 });
    /// assert_eq!((slow.recv(), slow.missed()), (Ok('a'), 1));
    /// ```
    #[track_caller]
    pub fn publish(&self, message: T) -> Published {
        let mut publishing = Publishing { counts: Published::default(), slow: Vec::new(), panic: None };
        let list = self.shared.subscribers.lock().clone();
        for subscriber in list.iter().flat_map(|list| list.iter()) {
            publishing.offer(subscriber, &message);
        }
        let deadline = now().checked_add(self.patience.wait);
        for (subscriber, message) in core::mem::take(&mut publishing.slow) {
            let misses = publishing.insist(&subscriber, message, deadline);
            if misses > 0 && self.patience.misses.is_some_and(|borne| misses > borne) {
                publishing.counts.evicted += usize::from(self.shared.evict(&subscriber));
            }
        }
        if let Some(panic) = publishing.panic {
            resume_unwind(panic);
        }
        publishing.counts
    }
}

impl<T> Broker<T> {
    /// Returns how many subscribers there are.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// let broker = Broker::<u32>::new(Patience::default());
    /// let subscription = broker.subscribe(1, |_| true);
    /// assert_eq!(broker.subscribers(), 1);
    /// drop(subscription);
    /// assert_eq!(broker.subscribers(), 0);
    /// ```
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers.lock().as_ref().map_or(0, |list| list.len())
    }

    /// Closes the channels of all subscribers, which still get what waits there. What is published later goes to
    /// nobody.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// let broker = Broker::new(Patience::default());
    /// let subscription = broker.subscribe(1, |_| true);
    /// broker.publish(1);
    /// broker.close();
    /// assert_eq!(broker.publish(2).delivered, 0);
    /// assert!(subscription.iter().eq([1]));
    /// ```
    pub fn close(&self) {
        let list = self.shared.subscribers.lock().take();
        list.iter().flat_map(|list| list.iter()).for_each(|subscriber| subscriber.close());
    }
}

impl<T> Drop for Broker<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> Shared<T> {
    /// Changes the list, and returns whether there is one.
    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Subscriber<T>>>)) -> bool {
        let mut subscribers = self.subscribers.lock();
        let Some(list) = &*subscribers else { return false };
        let mut changed = Vec::clone(list);
        change(&mut changed);
        let before = subscribers.replace(Arc::new(changed));
        drop(subscribers);
        drop(before); // The last owner of a subscriber drops its filter, which is user code.
        true
    }

    fn remove(&self, subscriber: &Arc<Subscriber<T>>) {
        let stays = is_twin(); // site: leave-list
        self.change(|list| list.retain(|other| stays || !Arc::ptr_eq(other, subscriber)));
    }

    /// Returns whether this call has evicted it.
    fn evict(&self, subscriber: &Arc<Subscriber<T>>) -> bool {
        let is_first = !core::mem::replace(&mut subscriber.misses.lock().is_evicted, true);
        if is_first {
            self.remove(subscriber);
            let closes = !is_twin(); // site: close-evicted
            if closes {
                subscriber.close();
            }
        }
        is_first
    }
}

impl<T> Subscriber<T> {
    fn close(&self) {
        let _again = self.tx.close();
    }

    /// Counts a message as missed, and returns how many were missed in a row.
    fn miss(&self) -> u32 {
        let mut misses = self.misses.lock();
        let counts = !is_twin(); // site: count-missed
        misses.total += u64::from(counts);
        misses.in_a_row += 1;
        misses.in_a_row
    }
}

/// A message that is being published.
struct Publishing<T> {
    counts: Published,
    /// Subscribers without room, each with its clone of the message.
    slow: Vec<(Arc<Subscriber<T>>, T)>,
    panic: Option<Panic>,
}

impl<T: Clone> Publishing<T> {
    /// Hands the message to a subscriber that wants it and has room.
    fn offer(&mut self, subscriber: &Arc<Subscriber<T>>, message: &T) {
        let wanted = || (subscriber.filter)(message).then(|| message.clone());
        match catch_unwind(AssertUnwindSafe(wanted)) {
            Err(panic) if self.panic.is_none() => self.panic = Some(panic),
            Err(panic) => dispose(panic),
            Ok(None) => (),
            Ok(Some(message)) => match subscriber.tx.try_send(message) {
                Ok(()) => self.is_delivered(subscriber),
                Err(TrySendError::Full(message)) => self.slow.push((Arc::clone(subscriber), message)),
                Err(TrySendError::Disconnected(_)) => (),
            },
        }
    }

    /// Waits until the subscriber has room, and returns how many messages in a row it has missed.
    fn insist(&mut self, subscriber: &Subscriber<T>, message: T, deadline: Option<Instant>) -> u32 {
        let sent = match deadline {
            Some(deadline) => subscriber.tx.send_deadline(message, deadline),
            None => subscriber
                .tx
                .send(message)
                .map_err(|error| SendTimeoutError::Disconnected(error.into_inner())),
        };
        match sent {
            Ok(()) => {
                self.is_delivered(subscriber);
                0
            }
            Err(SendTimeoutError::Timeout(_)) => {
                self.counts.missed += 1;
                subscriber.miss()
            }
            Err(SendTimeoutError::Disconnected(_)) => 0,
        }
    }

    fn is_delivered(&mut self, subscriber: &Subscriber<T>) {
        self.counts.delivered += 1;
        subscriber.misses.lock().in_a_row = 0;
    }
}

/// A subscriber's end: a [`Receiver`] of its messages. The channel closes when the subscriber is evicted or the
/// broker is closed.
///
/// Dropping this ends the subscription. One that is forgotten fills up, and misses what comes then.
///
/// ```
/// use selvedge_go::patterns::{Broker, Patience};
/// let broker = Broker::new(Patience::default());
/// let subscription = broker.subscribe(1, |_| true);
/// broker.publish(7);
/// assert_eq!(subscription.recv(), Ok(7));
/// ```
#[must_use = "the subscription ends when this is dropped"]
pub struct Subscription<T> {
    rx: Receiver<T>,
    subscriber: Arc<Subscriber<T>>,
    shared: Arc<Shared<T>>,
}

impl<T> Subscription<T> {
    /// Returns how many messages this subscriber has missed.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// let broker = Broker::new(Patience::default());
    /// let subscription = broker.subscribe(1, |_| true);
    /// [1, 2, 3].map(|n| broker.publish(n));
    /// assert_eq!(subscription.missed(), 2);
    /// ```
    pub fn missed(&self) -> u64 {
        self.subscriber.misses.lock().total
    }

    /// Returns whether this subscriber was evicted for having missed too many messages.
    ///
    /// ```
    /// use selvedge_go::patterns::{Broker, Patience};
    /// use std::time::Duration;
    /// let broker = Broker::new(Patience { wait: Duration::ZERO, misses: Some(1) });
    /// let subscription = broker.subscribe(1, |_| true);
    /// [1, 2, 3].map(|n| broker.publish(n));
    /// assert!(subscription.is_evicted() && subscription.iter().eq([1]));
    /// ```
    pub fn is_evicted(&self) -> bool {
        self.subscriber.misses.lock().is_evicted
    }
}

impl<T> Deref for Subscription<T> {
    type Target = Receiver<T>;

    fn deref(&self) -> &Receiver<T> {
        &self.rx
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.subscriber.close();
        self.shared.remove(&self.subscriber);
    }
}

impl<T> fmt::Debug for Broker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("subscribers", &self.subscribers()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("rx", &self.rx).field("missed", &self.missed()).finish()
    }
}
