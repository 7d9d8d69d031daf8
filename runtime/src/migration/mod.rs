//! What tells whether a goroutine that has begun may go on on another thread: the words of its stack, and the thread-locals of
//! the thread on which it ran.

mod block;
mod words;

pub(crate) use block::{Block, Library};
pub(crate) use words::{Registers, words};

/// Returns a word of a stack that would mean something else on another thread: one that points into the thread-locals of the
/// stack's thread, or that is a pointer found there, such as that of an `Rc` whose other owner is a thread-local.
///
/// # Safety
/// The words from `low` to `end` are a stack that does not run, and the calling thread may read it. The block's thread has not
/// ended, or is the calling one.
pub(crate) unsafe fn tied(block: &Block, low: usize, end: usize) -> Option<usize> {
    // SAFETY: `tied` has the same contract: the words are readable, and the thread of the block has not ended.
    unsafe {
        let shared = block.pointers();
        words(low, end).find(|word| block.has(*word) || shared.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::hint::black_box;
    use std::rc::Rc;

    std::thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
        static SHARED: Cell<Option<Rc<u64>>> = const { Cell::new(None) };
    }

    /// Asks about a stack of three words, the middle one of which is this.
    fn is_tied(block: &Block, word: usize) -> bool {
        let stack = black_box([0, word, 1_usize]);
        let low = stack.as_ptr().addr();
        // SAFETY: the array does not change meanwhile, and the block is this thread's.
        unsafe { tied(block, low, low + size_of_val(&stack)).is_some() }
    }

    #[test]
    fn what_belongs_to_the_thread_is_found_and_nothing_else() {
        let block = Block::of_this_thread(0).expect("the loader tells where thread-locals are");
        let rc = Rc::new(1);
        let pointer = Rc::as_ptr(&rc).addr() - 2 * size_of::<usize>();
        assert!(!is_tied(&block, pointer), "an Rc of the stack's own");
        SHARED.set(Some(Rc::clone(&rc)));
        assert!(is_tied(&block, pointer), "an Rc that a thread-local shares");
        let but_this = Block::of_this_thread(pointer).expect("as before");
        assert!(!is_tied(&but_this, pointer), "a pointer that is left out");
        SHARED.take();
        assert!(!is_tied(&block, pointer), "the thread-local has none any more");
        assert!(is_tied(&block, NUMBER.with(|number| core::ptr::from_ref(number).addr())));
        let theirs = std::thread::spawn(|| NUMBER.with(|number| core::ptr::from_ref(number).addr()));
        let local = 5_u64;
        for word in [0, 7, theirs.join().expect("no panic"), (&raw const local).addr(), is_tied as *const () as usize] {
            assert!(!is_tied(&block, word), "{word:#x}");
        }
    }

    #[test]
    fn a_small_number_is_no_pointer() {
        let block = Block::of_this_thread(0).expect("the tests run where thread-locals are found");
        // What a `None` for an `Instant` has in the place of the nanoseconds.
        let none = 1_000_000_000;
        NUMBER.set(none);
        assert!(!is_tied(&block, none as usize));
        NUMBER.set(1 << 40);
        assert!(is_tied(&block, 1 << 40), "it may be one");
    }

    #[test]
    fn a_thread_control_block_belongs_to_the_thread() {
        let block = Block::of_this_thread(0).expect("the loader tells where thread-locals are");
        // SAFETY: the call returns the address of a variable of the thread.
        let errno = unsafe { libc::__errno_location() }.addr();
        // SAFETY: the call only returns the thread's handle, which is the address of its control block here.
        let handle = unsafe { libc::pthread_self() } as usize;
        assert!(is_tied(&block, errno) && is_tied(&block, handle));
    }
}
