//! Hints to the processor or the compiler.

pub use selvedge::rt::hint::spin_loop;

/// Fails: the caller has promised that this place is never reached.
///
/// # Safety
/// As of [`core::hint::unreachable_unchecked`]. A call is a failure of the model, and no undefined behaviour.
///
/// # Panics
/// Always.
#[track_caller]
pub unsafe fn unreachable_unchecked() -> ! {
    panic!("`unreachable_unchecked` was reached")
}
