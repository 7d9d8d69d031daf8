//! The books of one run: what began, what came of it, and what the channel promised.
//!
//! Kept in std's mutex, never held across an operation of `rt`: an engine must not see the books, or
//! it would explore their interleavings too. For each side they count the operations that *may* have
//! had their effect (in flight, or successful) and those that *must* have had it (successful and
//! returned). Effects lie between the two, which is what every promise below is measured by.

use super::Operation;
use crate::call::Answer;
use core::fmt;
use selvedge::rt::park::Unparker;

/// An operation that returned.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The thread; the body comes after the program's threads.
    pub thread: usize,
    /// What it did.
    pub operation: Operation,
    /// What it sent, if it was a send.
    pub value: u32,
    /// What came of it.
    pub answer: Answer,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { thread, operation, value, answer } = self;
        write!(f, "thread {}: {} -> {answer}", thread + 1, operation.line(*value))
    }
}

/// What the books said when an operation began.
#[derive(Debug)]
pub struct Begun {
    sends: Count,
    receives: Count,
    closed: bool,
}

/// The operations of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    begun: usize,
    successful: usize,
    failed: usize,
}

impl Count {
    fn returned(&mut self, successful: bool) {
        if successful {
            self.successful += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Returns how many may have had their effect.
    fn may(self) -> usize {
        self.begun - self.failed
    }

    /// Returns how many must have had their effect.
    fn must(self) -> usize {
        self.successful
    }

    /// Returns how many were in flight at some moment since `earlier`.
    fn in_flight_since(self, earlier: Count) -> usize {
        self.begun - earlier.successful - earlier.failed
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Runs,
    /// In a `send` without a timeout.
    Sends,
    /// In a `recv` without a timeout.
    Receives,
    Done,
}

#[derive(Debug)]
struct Books {
    activities: Vec<Activity>,
    sends: Count,
    receives: Count,
    /// Closes: begun, and returned.
    closes: Count,
    entries: Vec<Entry>,
    broken: Vec<String>,
    /// Wakes the body when no thread can go on.
    quiet: Option<Unparker>,
}

/// The books, shared by the threads of a run.
#[derive(Debug)]
pub struct Ledger {
    capacity: usize,
    #[allow(clippy::disallowed_types, reason = "the books are outside the model, see the module")]
    books: std::sync::Mutex<Books>,
}

impl Ledger {
    /// Makes empty books of a channel and a number of threads; `quiet` is woken when no thread can go on.
    pub fn new(capacity: usize, threads: usize, quiet: Unparker) -> Ledger {
        let books = Books {
            activities: vec![Activity::Runs; threads],
            sends: Count::default(),
            receives: Count::default(),
            closes: Count::default(),
            entries: Vec::new(),
            broken: Vec::new(),
            quiet: Some(quiet),
        };
        Ledger { capacity, books: books.into() }
    }

    /// Notes that an operation is about to begin.
    pub fn begin(&self, thread: usize, operation: Operation) -> Begun {
        self.change(|books| {
            let begun =
                Begun { sends: books.sends, receives: books.receives, closed: books.closes.must() > 0 };
            books.sends.begun += usize::from(operation.sends().is_some());
            books.receives.begun += usize::from(operation.receives().is_some());
            books.closes.begun += usize::from(operation == Operation::Close);
            let activity = match operation {
                Operation::Send => Activity::Sends,
                Operation::Recv => Activity::Receives,
                _ => Activity::Runs,
            };
            books.becomes(thread, activity);
            begun
        })
    }

    /// Notes that an operation has returned.
    pub fn end(&self, entry: Entry, begun: &Begun) {
        self.change(|books| {
            books.becomes(entry.thread, Activity::Runs);
            if let Some(broken) = books.post(self.capacity, &entry.answer, begun) {
                books.broken.push(format!("{entry}, but {broken}"));
            }
            books.entries.push(entry);
        });
    }

    /// Notes that a handle said that so many values are buffered.
    pub fn observe(&self, len: usize) {
        if len > self.capacity {
            let broken = format!("len() is {len}, the capacity {}", self.capacity);
            self.change(|books| books.broken.push(broken));
        }
    }

    /// Notes that a thread has come to its end.
    pub fn done(&self, thread: usize) {
        self.change(|books| books.becomes(thread, Activity::Done));
    }

    /// Returns the operations of the run, in the order in which they returned.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Checks the whole history, given what was received after every thread had ended.
    ///
    /// # Panics
    /// If a promise was broken, with the history.
    pub fn settle(&self, rest: &[u32]) {
        let mut broken = core::mem::take(&mut self.lock().broken);
        let entries = self.entries();
        broken.extend(lost_or_doubled(&entries, rest));
        broken.extend(out_of_order(&entries, rest));
        let closes = entries.iter().filter(|entry| entry.answer == Answer::Closed(true)).count();
        if closes != 1 {
            broken.push(format!("{closes} calls of close() succeeded instead of one"));
        }
        assert!(broken.is_empty(), "{}\n{self}  the rest: {rest:?}", broken.join("\n"));
    }

    /// Changes the books, and wakes the body if no thread can go on any more. That state is stable: every thread that
    /// could change it is done, or waits.
    fn change<R>(&self, change: impl FnOnce(&mut Books) -> R) -> R {
        let (result, quiet) = {
            let mut books = self.lock();
            let result = change(&mut books);
            let is_quiet = books.is_quiet(self.capacity);
            (result, if is_quiet { books.quiet.take() } else { None })
        };
        if let Some(quiet) = quiet {
            quiet.unpark();
        }
        result
    }

    #[allow(clippy::disallowed_types, reason = "the books are outside the model, see the module")]
    fn lock(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics with the books open")
    }
}

impl Books {
    /// Notes what a thread does. The body has no activity, since the books do not wait for it.
    fn becomes(&mut self, thread: usize, activity: Activity) {
        if let Some(current) = self.activities.get_mut(thread) {
            *current = activity;
        }
    }

    /// Enters an answer, and returns the promise that it breaks, if it breaks one.
    fn post(&mut self, capacity: usize, answer: &Answer, begun: &Begun) -> Option<&'static str> {
        match answer {
            Answer::Sent => {
                self.sends.returned(true);
                if begun.closed {
                    return Some("the channel was closed before");
                }
                (self.sends.must() > capacity + self.receives.may())
                    .then_some("more sends have completed than the capacity and the receives allow")
            }
            Answer::Full(_) | Answer::SendTimedOut(_) => {
                self.sends.returned(false);
                if begun.closed {
                    return Some("the channel was closed before");
                }
                // A receive that stops halfway may take one place with it.
                let taken = self.sends.may() + self.receives.in_flight_since(begun.receives);
                (taken < capacity + begun.receives.must()).then_some("there was room all along")
            }
            Answer::NotSent(_) => {
                self.sends.returned(false);
                (self.closes.may() == 0).then_some("nobody had closed the channel")
            }
            Answer::Received(_) => {
                self.receives.returned(true);
                (self.receives.must() > self.sends.may()).then_some("nobody had sent so many values")
            }
            Answer::Empty | Answer::RecvTimedOut | Answer::NothingLeft => {
                self.receives.returned(false);
                let knows_closed = *answer == Answer::NothingLeft;
                if begun.closed && !knows_closed {
                    return Some("the channel was closed before");
                }
                if self.closes.may() == 0 && knows_closed {
                    return Some("nobody had closed the channel");
                }
                (self.receives.may() < begun.sends.must()).then_some("a value was there all along")
            }
            Answer::Closed(_) => {
                self.closes.returned(true);
                None
            }
            Answer::Values(_) | Answer::Done => None,
        }
    }

    /// Returns whether every thread is done, or waits for what no other thread will do.
    fn is_quiet(&self, capacity: usize) -> bool {
        let (sends, receives) = (self.number(Activity::Sends), self.number(Activity::Receives));
        if self.number(Activity::Runs) > 0 {
            return false;
        }
        if self.closes.must() > 0 {
            return sends + receives == 0;
        }
        // No other thread runs, so an operation that may have had its effect and has not returned is that of one of
        // the waiting threads.
        let can_send = sends > 0 && (receives > 0 || self.sends.must() < capacity + self.receives.must());
        let can_receive = receives > 0 && (sends > 0 || self.sends.must() > self.receives.must());
        !can_send && !can_receive
    }

    fn number(&self, activity: Activity) -> usize {
        self.activities.iter().filter(|current| **current == activity).count()
    }
}

/// Returns how a run breaks the promise that the values sent are those received, each once.
fn lost_or_doubled(entries: &[Entry], rest: &[u32]) -> Option<String> {
    let mut sent = Vec::new();
    let mut received = rest.to_vec();
    for entry in entries {
        match &entry.answer {
            Answer::Sent => sent.push(entry.value),
            Answer::Received(value) => received.push(*value),
            _ => (),
        }
    }
    sent.sort_unstable();
    received.sort_unstable();
    (sent != received).then(|| format!("sent {sent:?}, but received {received:?}"))
}

/// Returns how a run breaks the promise that each receiver gets the values of each sender in the order of the sends, as
/// the body does when it receives the rest after all others have ended.
fn out_of_order(entries: &[Entry], rest: &[u32]) -> Option<String> {
    let receivers = entries.iter().map(|entry| entry.thread).max().unwrap_or(0);
    (0..=receivers).find_map(|receiver| {
        let received = entries.iter().filter(|entry| entry.thread == receiver);
        let values = received.filter_map(|entry| match entry.answer {
            Answer::Received(value) => Some(value),
            _ => None,
        });
        let values: Vec<_> = values.chain(rest.iter().copied()).collect();
        let later_first = |sender: u32| {
            let of_one: Vec<_> = values.iter().filter(|value| *value / 10 == sender).collect();
            !of_one.is_sorted()
        };
        let number = receiver + 1;
        (1..10).any(later_first).then(|| format!("thread {number} received out of order: {values:?}"))
    })
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "in the order in which they returned:")?;
        self.entries().iter().try_for_each(|entry| writeln!(f, "  {entry}"))
    }
}
