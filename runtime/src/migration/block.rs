//! Where the thread-locals of a thread are.

use super::words;
use core::ffi::{CStr, c_int, c_void};
use core::fmt;
use core::ops::Range;

/// Bytes of a thread's control block, about as many as glibc's has: from the thread pointer up on x86-64, and below it on AArch64.
const CONTROL_BLOCK: usize = 2304;

/// The smallest page.
const PAGE: usize = 4096;

/// The system maps nothing below.
const FIRST_ADDRESS: usize = 1 << 16;

/// A number of four bytes is less.
const ABOVE_SMALL_NUMBERS: usize = 1 << 32;

/// The thread-locals of a thread, in each program and library, and its control block.
pub(crate) struct Block {
    locals: Vec<(Library, Range<usize>)>,
    control: Range<usize>,
    /// How many libraries had ever been loaded.
    loaded: u64,
    /// The lowest word that is taken for a pointer.
    lowest: usize,
    /// A pointer that the runtime itself keeps in a thread-local, and that means nothing to a goroutine.
    but: usize,
}

/// A library, or the program, by the loader's name for it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Library(String);

impl Library {
    /// Returns where its file is.
    pub(crate) fn path(&self) -> &str {
        // The program's name is empty.
        if self.0.is_empty() { "/proc/self/exe" } else { &self.0 }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the program" } else { &self.0 })
    }
}

/// What the loader tells of the program and its libraries.
#[derive(Default)]
struct Told {
    locals: Vec<(Library, Range<usize>)>,
    loaded: u64,
    /// Whether something is loaded among the small numbers, as a program is that is linked to fixed addresses.
    is_low: bool,
    /// Whether the thread-locals of a library do not exist yet for this thread, and will when they are first used.
    is_part: bool,
}

impl Block {
    /// Returns where the thread-locals of this thread are, if all of them can be found.
    pub(crate) fn of_this_thread(but: usize) -> Option<Block> {
        let mut told = Told::default();
        // SAFETY: the callback takes what it is told as `Told`, which lives until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(tell), (&raw mut told).cast()) };
        let pointer = thread_pointer();
        let control = match cfg!(target_arch = "x86_64") {
            // The block ends where the thread's memory does, with a page, but for the first thread's.
            true => pointer..pointer.next_multiple_of(PAGE).max(pointer + CONTROL_BLOCK),
            false => pointer - CONTROL_BLOCK..pointer + 2 * size_of::<usize>(),
        };
        // The heap begins behind the program, and what is mapped for it lies above, unless somebody asks for a low address. So a
        // number such as the 1,000,000,000 in a `None` for an `Instant`, of which thread-locals and stacks have many, is no pointer.
        let lowest = if told.is_low { FIRST_ADDRESS } else { ABOVE_SMALL_NUMBERS };
        // A loader that does not count what it has loaded could load more without a trace.
        let is_known = !told.is_part && told.loaded > 0;
        is_known.then_some(Block { locals: told.locals, control, loaded: told.loaded, lowest, but })
    }

    /// Returns whether no library has been loaded since, whose thread-locals the block would not have.
    pub(crate) fn is_current(&self) -> bool {
        let mut loaded = 0_u64;
        // SAFETY: the callback takes what it is told as a number, which lives until the call returns.
        unsafe { libc::dl_iterate_phdr(Some(count), (&raw mut loaded).cast()) };
        loaded == self.loaded
    }

    /// Returns whether an address is that of a thread-local.
    pub(crate) fn has(&self, address: usize) -> bool {
        self.control.contains(&address) || self.locals.iter().any(|(_, range)| range.contains(&address))
    }

    /// Returns the library whose thread-local has this address, and where among the library's it is.
    pub(crate) fn variable(&self, address: usize) -> Option<(Library, usize)> {
        let (library, range) = self.locals.iter().find(|(_, range)| range.contains(&address))?;
        Some((library.clone(), address - range.start))
    }

    /// Returns the pointers that the thread-locals hold.
    ///
    /// # Safety
    /// The thread of the block has not ended.
    pub(super) unsafe fn pointers(&self) -> Vec<usize> {
        let is_pointer = |word: &usize| {
            *word >= self.lowest && word.is_multiple_of(size_of::<usize>()) && *word <= isize::MAX as usize
        };
        // SAFETY: the thread lives, and with it its thread-locals. (Of the control block only the beginning is surely mapped.)
        let words = self.locals.iter().flat_map(|(_, range)| unsafe { words(range.start, range.end) });
        words.filter(|word| is_pointer(word) && *word != self.but).collect()
    }
}

/// Takes down the thread-locals of one library, or of the program.
unsafe extern "C" fn tell(info: *mut libc::dl_phdr_info, _: usize, told: *mut c_void) -> c_int {
    // SAFETY: the loader passes the description of a library that is loaded, with so many headers, and `of_this_thread` its own
    // value.
    unsafe {
        let (info, told) = (&*info, &mut *told.cast::<Told>());
        told.loaded = info.dlpi_adds;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        told.is_low |= headers.iter().any(|header| {
            header.p_type == libc::PT_LOAD && info.dlpi_addr.wrapping_add(header.p_vaddr) < ABOVE_SMALL_NUMBERS as u64
        });
        for header in headers.iter().filter(|header| header.p_type == libc::PT_TLS && header.p_memsz > 0) {
            let start = info.dlpi_tls_data.addr();
            told.is_part |= start == 0;
            let name = CStr::from_ptr(info.dlpi_name).to_string_lossy().into_owned();
            told.locals.push((Library(name), start..start + header.p_memsz as usize));
        }
    }
    0
}

/// Takes down how many libraries have ever been loaded, and asks for no more.
unsafe extern "C" fn count(info: *mut libc::dl_phdr_info, _: usize, loaded: *mut c_void) -> c_int {
    // SAFETY: the loader passes the description of a library, and `is_current` its own number.
    unsafe { *loaded.cast::<u64>() = (*info).dlpi_adds };
    1
}

/// Returns the address from which the thread's block is reckoned.
fn thread_pointer() -> usize {
    let pointer;
    // SAFETY: the instruction reads the register, or the word of the control block that holds the block's own address.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        core::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags));
    }
    pointer
}
