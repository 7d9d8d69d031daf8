//! The state of a thread, as far as a snapshot sees it: the registers and the stack of the thread, and what the
//! machine keeps of the thread.
//!
//! A thread that comes to one line twice in one state, and between the two reads what it would read again,
//! repeats its round until one of those reads finds another value. A snapshot does not see memory elsewhere:
//! a counter in a `Box` is not part of the state.

/// The address at which the frames of an operation's caller begin. A snapshot compares the stack from that address to
/// its base. The caller has stored the callee-saved registers among these frames.
#[derive(Clone, Copy, Debug)]
pub struct Frames(pub(crate) Option<usize>);

impl Frames {
    /// Takes the frames from this address on.
    ///
    /// # Safety
    /// The address is on the stack of the running thread, aligned to a word, and in or above the frame of the function
    /// that passes these frames to an operation of the machine.
    pub unsafe fn from(address: usize) -> Frames {
        Frames((address != 0).then_some(address))
    }

    /// Returns frames of which nothing is known: a state with them differs from every other state.
    pub fn unknown() -> Frames {
        Frames(None)
    }
}

/// A thread's state when it passed a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    /// The words of the stack; `None` if they are unknown, so that the state differs from every other.
    frames: Option<Vec<usize>>,
    kept: [u64; 4],
}

impl Snapshot {
    /// Takes the state of the running thread, whose stack begins at `base`, and of which the machine keeps `kept`.
    /// Returns whether it is what it was when this was taken last.
    pub(crate) fn update(&mut self, frames: Frames, base: usize, kept: [u64; 4]) -> bool {
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
