//! The word of a [`RawRwMutex`](super::RawRwMutex).

/// A flag of a [`State`].
#[derive(Clone, Copy)]
pub(super) struct Flag(usize);

impl Flag {
    /// A writer has the lock.
    pub(super) const WRITER: Flag = Flag(1);
    /// A writer may sleep, so readers that arrive wait behind it.
    pub(super) const WRITERS_WAIT: Flag = Flag(2);
    /// A reader may sleep.
    pub(super) const READERS_WAIT: Flag = Flag(4);
    /// The upgradable reader may sleep until the other readers have left, so readers that arrive wait behind it.
    pub(super) const UPGRADE_WAITS: Flag = Flag(8);

    pub(super) const fn bit(self) -> usize {
        self.0
    }
}

/// Four [`Flag`]s, and in the bits from [`READER`](Self::READER) on the number of readers that have the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(pub(super) usize);

impl State {
    /// What one reader adds.
    pub(super) const READER: usize = 16;
    pub(super) const FREE: State = State(0);

    pub(super) const fn has(self, flag: Flag) -> bool {
        self.0 & flag.0 != 0
    }

    pub(super) const fn with(self, flag: Flag) -> State {
        State(self.0 | flag.0)
    }

    pub(super) const fn without(self, flag: Flag) -> State {
        State(self.0 & !flag.0)
    }

    /// Adds a reader.
    ///
    /// # Panics
    /// If the word cannot count it.
    pub(super) fn with_reader(self) -> State {
        assert!(self.0 <= isize::MAX as usize, "more readers than a lock can count");
        State(self.0 + State::READER)
    }

    pub(super) const fn without_reader(self) -> State {
        State(self.0 - State::READER)
    }

    pub(super) const fn readers(self) -> usize {
        self.0 / State::READER
    }

    /// Returns whether neither a writer nor a reader has the lock.
    pub(super) const fn is_free(self) -> bool {
        !self.has(Flag::WRITER) && self.readers() == 0
    }

    /// Returns whether a reader that arrives must wait.
    pub(super) const fn blocks_readers(self) -> bool {
        self.has(Flag::WRITER) || self.has(Flag::WRITERS_WAIT) || self.has(Flag::UPGRADE_WAITS)
    }

    /// Returns whether a writer that arrives must wait.
    pub(super) const fn blocks_writers(self) -> bool {
        !self.is_free()
    }

    /// Returns whether the upgradable reader must wait: for other readers, or for the writer that let it in and has not
    /// cleared its flag yet.
    pub(super) const fn blocks_upgrade(self) -> bool {
        self.has(Flag::WRITER) || self.readers() > 1
    }
}
