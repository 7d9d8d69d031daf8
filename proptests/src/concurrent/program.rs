//! The programs: how they are drawn, shrunk and printed.

use crate::call::Wait;
use core::fmt;
use core::time::Duration;
use quickcheck::{Arbitrary, Gen};

/// How long the timed operations wait natively; under an engine the schedule decides.
const PATIENCE: Duration = Duration::from_micros(50);

const MOST_THREADS: usize = 3;
const MOST_OPERATIONS: usize = 4;
const LARGEST_CAPACITY: usize = 3;

/// One operation of a thread, by rising complexity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `send`
    Send,
    /// `recv`
    Recv,
    /// `try_send`
    TrySend,
    /// `try_recv`
    TryRecv,
    /// `send_timeout`
    SendTimeout,
    /// `recv_timeout`
    RecvTimeout,
    /// `close`
    Close,
}

impl Operation {
    /// Returns how a send waits.
    pub fn sends(self) -> Option<Wait> {
        match self {
            Operation::Send => Some(Wait::Forever),
            Operation::TrySend => Some(Wait::Never),
            Operation::SendTimeout => Some(Wait::Timeout(PATIENCE)),
            _ => None,
        }
    }

    /// Returns how a receive waits.
    pub fn receives(self) -> Option<Wait> {
        match self {
            Operation::Recv => Some(Wait::Forever),
            Operation::TryRecv => Some(Wait::Never),
            Operation::RecvTimeout => Some(Wait::Timeout(PATIENCE)),
            _ => None,
        }
    }

    /// Returns the operation as a line of Rust; a send sends `value`.
    pub fn line(self, value: u32) -> String {
        match self {
            Operation::Send => format!("tx.send({value})"),
            Operation::Recv => "rx.recv()".to_string(),
            Operation::TrySend => format!("tx.try_send({value})"),
            Operation::TryRecv => "rx.try_recv()".to_string(),
            Operation::SendTimeout => format!("tx.send_timeout({value}, time)"),
            Operation::RecvTimeout => "rx.recv_timeout(time)".to_string(),
            Operation::Close => "tx.close()".to_string(),
        }
    }
}

/// Returns the value that an operation of a thread sends: 21 is the first of thread 2.
pub fn value_of(thread: usize, position: usize) -> u32 {
    (10 * (thread + 1) + position + 1) as u32
}

/// A channel, and what each thread does with it.
///
/// Every thread may use both sides. A program may well block for ever: [`run`](super::run) closes the
/// channel once that has come about.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// The channel's capacity.
    pub capacity: usize,
    /// The operations of each thread, in order.
    pub threads: Vec<Vec<Operation>>,
}

impl Program {
    /// Returns the number of operations of all threads.
    pub fn operations(&self) -> usize {
        self.threads.iter().map(Vec::len).sum()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nlet (tx, rx) = bounded({});", self.capacity)?;
        for (thread, operations) in self.threads.iter().enumerate() {
            let lines: Vec<_> = (operations.iter().enumerate())
                .map(|(position, operation)| operation.line(value_of(thread, position)) + ";")
                .collect();
            write!(f, "\nspawn(|| {{ {} }});", lines.join(" "))?;
        }
        write!(f, "\n// once nobody can go on: tx.close(), join, and receive the rest\n")
    }
}

impl Arbitrary for Operation {
    fn arbitrary(random: &mut Gen) -> Operation {
        use Operation::{Close, Recv, RecvTimeout, Send, SendTimeout, TryRecv, TrySend};
        // Half of the operations block, so that most programs have a waiter to wake; one in twenty closes.
        let drawn = [
            [Send, Send, Send, Send, Send, TrySend, TrySend, SendTimeout, SendTimeout, Close],
            [Recv, Recv, Recv, Recv, Recv, TryRecv, TryRecv, RecvTimeout, RecvTimeout, Recv],
        ];
        *random.choose(drawn.as_flattened()).expect("not empty")
    }

    /// Returns the blocking form of the operation, whose report says most about a failure.
    fn shrink(&self) -> Box<dyn Iterator<Item = Operation>> {
        let simpler = match self {
            Operation::Send | Operation::Recv | Operation::Close => None,
            Operation::TrySend | Operation::SendTimeout => Some(Operation::Send),
            Operation::TryRecv | Operation::RecvTimeout => Some(Operation::Recv),
        };
        Box::new(simpler.into_iter())
    }
}

impl Arbitrary for Program {
    fn arbitrary(random: &mut Gen) -> Program {
        let mut up_to = |least: usize, most: usize| {
            let range: Vec<_> = (least..=most).collect();
            *random.choose(&range).expect("not empty")
        };
        let capacity = up_to(0, LARGEST_CAPACITY);
        let lengths: Vec<_> = (0..up_to(2, MOST_THREADS)).map(|_| up_to(1, MOST_OPERATIONS)).collect();
        let mut thread = |length| (0..length).map(|_| Operation::arbitrary(random)).collect();
        Program { capacity, threads: lengths.into_iter().map(&mut thread).collect() }
    }

    /// Returns programs with fewer threads, then with fewer and simpler operations, then with less capacity.
    fn shrink(&self) -> Box<dyn Iterator<Item = Program>> {
        let (capacity, threads) = (self.capacity, self.threads.clone());
        let smaller = self.threads.shrink().map(move |threads| Program { capacity, threads });
        let narrower = capacity.shrink().map(move |capacity| Program { capacity, threads: threads.clone() });
        Box::new(smaller.chain(narrower).filter(|program| program.operations() > 0))
    }
}
