//! What is sent: small, large, zero-sized, with a destructor, and channels themselves.

use core::cell::Cell;
use selvedge::chan::{Receiver, bounded};

selvedge::rt::thread_local! {
    static ALIVE: Cell<usize> = Cell::new(0);
}

/// Returns how many values with a destructor this thread has made and not dropped.
pub fn alive() -> usize {
    ALIVE.with(Cell::get)
}

/// Counts a value from its making to its drop; has no size.
#[derive(Debug)]
struct Life;

impl Life {
    fn begin() -> Life {
        ALIVE.with(|alive| alive.set(alive.get() + 1));
        Life
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        ALIVE.with(|alive| {
            let others = alive.get().checked_sub(1).expect("a value was dropped twice");
            alive.set(others);
        });
    }
}

/// A type of values that a channel is tried with.
pub trait Payload: Sized {
    /// Whether a value knows its number, and whether its life is counted.
    const TRAITS: Traits;
    /// Returns the value with this number.
    fn make(number: u32) -> Self;
    /// Returns the number; 0 if values of this type do not carry one.
    fn show(self) -> u32;
}

/// What can be said about the values of a type.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Values carry their number.
    pub numbered: bool,
    /// [`alive`] counts them.
    pub counted: bool,
}

impl Payload for u32 {
    const TRAITS: Traits = Traits { numbered: true, counted: false };
    fn make(number: u32) -> u32 {
        number
    }
    fn show(self) -> u32 {
        self
    }
}

/// On the heap, with a counted life.
#[derive(Debug)]
pub struct Counted(Box<u32>, Life);

impl Payload for Counted {
    const TRAITS: Traits = Traits { numbered: true, counted: true };
    fn make(number: u32) -> Counted {
        Counted(Box::new(number), Life::begin())
    }
    fn show(self) -> u32 {
        *self.0
    }
}

/// Larger than a cache line or two, and filled.
#[derive(Debug)]
pub struct Large([u32; 65]);

impl Payload for Large {
    const TRAITS: Traits = Traits { numbered: true, counted: false };
    fn make(number: u32) -> Large {
        Large([number; 65])
    }
    fn show(self) -> u32 {
        assert!(self.0.iter().all(|word| *word == self.0[0]), "a value came in parts: {:?}", self.0);
        self.0[0]
    }
}

/// No size at all, but a destructor.
#[derive(Debug)]
pub struct Zero(Life);

impl Payload for Zero {
    const TRAITS: Traits = Traits { numbered: false, counted: true };
    fn make(_: u32) -> Zero {
        Zero(Life::begin())
    }
    fn show(self) -> u32 {
        0
    }
}

/// A channel in which the number waits.
#[derive(Debug)]
pub struct Chan(Receiver<Counted>);

impl Payload for Chan {
    const TRAITS: Traits = Traits { numbered: true, counted: true };
    fn make(number: u32) -> Chan {
        let (tx, rx) = bounded(1);
        tx.send(Counted::make(number)).expect("there is room, and a receiver");
        Chan(rx)
    }
    fn show(self) -> u32 {
        self.0.recv().expect("it was sent before").show()
    }
}
