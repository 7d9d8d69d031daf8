//! The state of a thread, as far as it can be seen: its registers and its stack, and what the machine keeps
//! of it.
//!
//! A thread that comes to the same line twice in the same state, and reads between what it would read again,
//! goes round for ever until one of those reads finds something else. The state in memory elsewhere is not
//! seen: a counter in a `Box` is not part of it.

/// Where the frames of a thread's caller begin, to be compared from there to the base of its stack. The caller
/// has put the registers that a function has to preserve among them.
#[derive(Clone, Copy, Debug)]
pub struct Frames(pub(crate) Option<usize>);

impl Frames {
    /// They begin at this address.
    ///
    /// # Safety
    /// It is an address on the stack of the running thread, aligned to a word, in or above the frame of whoever
    /// calls the machine's operation that this is given to.
    pub unsafe fn from(address: usize) -> Frames {
        Frames((address != 0).then_some(address))
    }

    /// Nobody knows, so no two states are known to be the same.
    pub fn unknown() -> Frames {
        Frames(None)
    }
}

/// A thread's state at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// `None`: unknown, and different from every other.
    frames: Option<Vec<usize>>,
    kept: [u64; 3],
}

impl Snapshot {
    /// Takes the state of the running thread, whose stack begins at `base`, and of which the machine keeps `kept`.
    /// Returns whether it is what it was when this was taken last.
    pub(crate) fn update(&mut self, frames: Frames, base: usize, kept: [u64; 3]) -> bool {
        let mut same = self.kept == kept;
        self.kept = kept;
        let Frames(Some(start)) = frames else {
            self.frames = None;
            return false;
        };
        let words = (base - start) / size_of::<usize>();
        let saved = self.frames.get_or_insert_default();
        same &= saved.len() == words;
        saved.resize(words, 0);
        for (at, saved) in saved.iter_mut().enumerate() {
            let word = core::ptr::with_exposed_provenance::<usize>(start).wrapping_add(at);
            // SAFETY: `start` to `base` is the mapped upper part of the running thread's stack (`Frames::from`),
            // which is aligned to words. The read is volatile, since some words of frames are never written.
            let now = unsafe { word.read_volatile() };
            same &= *saved == now;
            *saved = now;
        }
        same
    }
}
