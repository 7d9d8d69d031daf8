//! Where the program's code is, to tell it from the C library's.

use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// Where the program's code is mapped: code elsewhere is the C library's and its like.
static PROGRAM: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(usize::MAX)];

/// Notes where the program's code is mapped: where `inside` is.
pub(super) fn note_program(inside: usize) {
    if let Some([start, end]) = mapping_of(inside) {
        // Relaxed: the handler runs later on OS threads that have called this function, or not at all.
        PROGRAM[0].store(start, Relaxed);
        PROGRAM[1].store(end, Relaxed);
    }
}

/// Returns the addresses of the mapping that an address is in.
fn mapping_of(address: usize) -> Option<[usize; 2]> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let (start, rest) = line.split_once('-')?;
        let (end, _) = rest.split_once(' ')?;
        let range = [start, end].map(|text| usize::from_str_radix(text, 16).unwrap_or(0));
        (range[0]..range[1]).contains(&address).then_some(range)
    })
}

/// Returns whether an address is one of the program's code.
pub(super) fn is_program(address: usize) -> bool {
    // Relaxed: `note_program` wrote on this OS thread, before the coroutine that was interrupted.
    (PROGRAM[0].load(Relaxed)..PROGRAM[1].load(Relaxed)).contains(&address)
}
