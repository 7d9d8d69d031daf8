//! Chunks of slots: mappings, and their guards.
//!
//! A guard is made by `MADV_GUARD_INSTALL` (Linux 6.13), which leaves the mapping whole. Where the kernel refuses it, by
//! `mprotect`, which splits the mapping: then there may be about half as many stacks as the system allows mappings.

use super::SLOTS;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use std::io;
use std::sync::OnceLock;

/// The most chunks: of the default size, four million goroutines.
const CHUNKS: usize = 4096;

/// What a chunk is: the signal handler reads it without a lock.
struct Chunk {
    /// The lowest address; 0: there is no such chunk yet.
    start: AtomicUsize,
    slot_size: AtomicUsize,
}

static MAPPED: [Chunk; CHUNKS] =
    [const { Chunk { start: AtomicUsize::new(0), slot_size: AtomicUsize::new(0) } }; CHUNKS];
static COUNT: AtomicUsize = AtomicUsize::new(0);

pub(super) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: `sysconf` only reads a number of the system's.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096)
    })
}

/// Maps a chunk of slots of this size, and returns its lowest address.
pub(super) fn chunk(slot_size: usize) -> io::Result<usize> {
    let length = SLOTS * slot_size;
    // A slot is aligned to its size, so that an address in a stack names the slot: what is mapped too much goes back.
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel picks touches no memory that is in use.
    let mapped = unsafe { libc::mmap(null_mut(), length + slot_size, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let first = mapped.addr();
    let start = first.next_multiple_of(slot_size);
    // SAFETY: both ranges are whole pages of the new mapping, outside the chunk, and nobody knows them yet. The advice
    // concerns the chunk alone, and its failure costs memory only.
    unsafe {
        if start > first {
            libc::munmap(mapped, start - first);
        }
        if start < first + slot_size {
            libc::munmap(at(start + length), first + slot_size - start);
        }
        libc::madvise(at(start), length, libc::MADV_NOHUGEPAGE);
    }
    note(start, slot_size)?;
    Ok(start)
}

fn at(address: usize) -> *mut libc::c_void {
    core::ptr::with_exposed_provenance_mut(address)
}

fn note(start: usize, slot_size: usize) -> io::Result<()> {
    // Relaxed: the read-modify-write gives each place once; the store of `start` publishes.
    let place = COUNT.fetch_add(1, Relaxed);
    let chunk = MAPPED.get(place).ok_or_else(|| io::Error::other("there are too many goroutines"))?;
    // Relaxed: published by the store below.
    chunk.slot_size.store(slot_size, Relaxed);
    // Release: publishes the size to the Acquire load in `guard_at`.
    chunk.start.store(start, Release);
    Ok(())
}

/// Makes the lowest page of a slot its guard.
pub(super) fn guard(slot: usize) -> io::Result<()> {
    /// Whether the kernel refuses `MADV_GUARD_INSTALL`.
    static REFUSED: AtomicBool = AtomicBool::new(false);
    const MADV_GUARD_INSTALL: libc::c_int = 102;
    let page = page_size();
    // Relaxed: a hint; a thread that reads an old value is refused once more.
    if !REFUSED.load(Relaxed) {
        // SAFETY: the page is the lowest of a slot that no goroutine has yet.
        if unsafe { libc::madvise(at(slot), page, MADV_GUARD_INSTALL) } == 0 {
            return Ok(());
        }
        // Relaxed: the value stands for itself.
        REFUSED.store(true, Relaxed);
    }
    // SAFETY: the page is the lowest of a slot that no goroutine has yet.
    match unsafe { libc::mprotect(at(slot), page, libc::PROT_NONE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the size of the slot whose guard has this address, if one has. A signal handler may call this.
pub(super) fn guard_at(address: usize, page: usize) -> Option<usize> {
    MAPPED.iter().find_map(|chunk| {
        // Acquire: synchronizes with the Release store in `note`, so that the size is the chunk's.
        let start = chunk.start.load(Acquire);
        let size = chunk.slot_size.load(Relaxed); // Relaxed: published by `start`.
        let inside = start != 0 && (start..start + SLOTS * size).contains(&address);
        (inside && address % size < page).then_some(size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_found_by_its_addresses() {
        let (size, page) = (1 << 16, page_size());
        let start = chunk(size).expect("there is address space");
        assert_eq!(start % size, 0);
        guard(start + size).expect("a guard can be made");
        assert_eq!(guard_at(start + size, page), Some(size));
        assert_eq!(guard_at(start + size + page - 1, page), Some(size));
        assert_eq!(guard_at(start + size + page, page), None);
        assert_eq!(guard_at(start.wrapping_sub(1 << 40), page), None);
    }
}
