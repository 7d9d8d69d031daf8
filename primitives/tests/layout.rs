//! In the default build the layer `rt` costs nothing.
#![cfg(not(feature = "checking"))]
#![allow(clippy::disallowed_types, reason = "core is what it is compared with")]

use core::sync::atomic as native;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic as rt;
use selvedge::sync::{Barrier, Cond, Lazy, Mutex, Once, RawMutex, RwMutex, Semaphore};

macro_rules! same_layout {
    ($($rt:ty, $native:ty;)*) => {
        $(
            assert_eq!(size_of::<$rt>(), size_of::<$native>(), stringify!($rt));
            assert_eq!(align_of::<$rt>(), align_of::<$native>(), stringify!($rt));
        )*
    };
}

#[test]
fn size_and_alignment_equal_those_of_core() {
    same_layout! {
        rt::AtomicBool, native::AtomicBool;
        rt::AtomicU8, native::AtomicU8;
        rt::AtomicU16, native::AtomicU16;
        rt::AtomicU32, native::AtomicU32;
        rt::AtomicU64, native::AtomicU64;
        rt::AtomicUsize, native::AtomicUsize;
        rt::AtomicI8, native::AtomicI8;
        rt::AtomicI16, native::AtomicI16;
        rt::AtomicI32, native::AtomicI32;
        rt::AtomicI64, native::AtomicI64;
        rt::AtomicIsize, native::AtomicIsize;
        rt::AtomicPtr<u8>, native::AtomicPtr<u8>;
        UnsafeCell<[u16; 3]>, core::cell::UnsafeCell<[u16; 3]>;
    }
}

/// `new` is `const` in the default build.
static COUNT: rt::AtomicUsize = rt::AtomicUsize::new(3);

/// The constructors of types that are built of atomics are `const` too.
static LOCK: Mutex<u32> = Mutex::new(1);
static SHARED: RwMutex<u32> = RwMutex::new(1);
static START: Barrier = Barrier::new(1);
static ONE: Lazy<u32> = Lazy::new(|| 1);
static PERMITS: Semaphore = Semaphore::new(1);

#[test]
fn statics_are_initialised_by_const_functions() {
    START.wait();
    assert_eq!((*LOCK.lock(), *SHARED.read(), *ONE, PERMITS.available()), (1, 1, 1, 1));
}

#[test]
fn locks_are_a_few_words() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<Mutex<()>>(), 2 * word);
    assert_eq!(size_of::<RwMutex<()>>(), 4 * word);
    assert_eq!(size_of::<Cond>(), 2 * word);
    assert_eq!(size_of::<RawMutex>(), 2 * word);
    assert_eq!(size_of::<Once>(), 2 * word);
    assert_eq!(size_of::<Semaphore>(), 4 * word);
    assert_eq!(size_of::<Barrier>(), 3 * word);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn selvedge_layout_rt(atomic: &rt::AtomicUsize) -> usize {
    atomic.store(5, rt::Ordering::Release);
    atomic.fetch_add(2, rt::Ordering::AcqRel) + atomic.load(rt::Ordering::Acquire)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn selvedge_layout_core(atomic: &native::AtomicUsize) -> usize {
    atomic.store(5, native::Ordering::Release);
    atomic.fetch_add(2, native::Ordering::AcqRel) + atomic.load(native::Ordering::Acquire)
}

/// Returns the machine code of a function, up to and with its first return instruction.
#[cfg(all(target_arch = "x86_64", not(debug_assertions)))]
fn code_of(function: usize) -> Vec<u8> {
    const RETURN: u8 = 0xc3;
    let mut code = Vec::new();
    for offset in 0..64 {
        // SAFETY: the address is that of a function's code, which can be read, and the loop ends at the return
        // instruction that each of the functions has.
        let byte = unsafe { *core::ptr::with_exposed_provenance::<u8>(function + offset) };
        code.push(byte);
        if byte == RETURN {
            return code;
        }
    }
    panic!("no return instruction within 64 bytes");
}

#[test]
fn the_code_of_a_small_function_equals_that_of_core() {
    let (ours, cores) = (rt::AtomicUsize::new(0), native::AtomicUsize::new(0));
    assert_eq!(selvedge_layout_rt(&ours), 12);
    assert_eq!(selvedge_layout_core(&cores), 12);
    assert_eq!(COUNT.load(rt::Ordering::Relaxed), 3);
    // Without optimisation nothing is inlined, so there is nothing to compare.
    #[cfg(all(target_arch = "x86_64", not(debug_assertions)))]
    assert_eq!(
        code_of(selvedge_layout_rt as *const () as usize),
        code_of(selvedge_layout_core as *const () as usize)
    );
}
