//! Every method of every atomic returns under every engine what the method of std returns.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "std is what we compare with")]

use selvedge::rt::sync::atomic as rt;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use selvedge_check::Checker;
use std::sync::atomic as native;

/// Returns the results of all methods, as text, on an atomic of the given crate.
macro_rules! integer_results {
    ($module:ident, $atomic:ident, $start:expr, $operand:expr) => {{
        let atomic = $module::$atomic::new($start);
        let mut results = vec![
            atomic.swap($operand, AcqRel),
            atomic.fetch_add($operand, Relaxed),
            atomic.fetch_add($operand, SeqCst),
            atomic.fetch_sub($start, Acquire),
            atomic.fetch_and($operand, Release),
            atomic.fetch_nand($operand, Relaxed),
            atomic.fetch_or($start, Relaxed),
            atomic.fetch_xor($operand, SeqCst),
            atomic.fetch_max($operand, Relaxed),
            atomic.fetch_min($start, Relaxed),
            atomic.load(Acquire),
        ];
        atomic.store($start, Release);
        let exchanges = [
            atomic.compare_exchange($start, $operand, AcqRel, Acquire),
            atomic.compare_exchange($start, $operand, SeqCst, Relaxed),
            atomic.fetch_update(AcqRel, Relaxed, |n| n.checked_add(1)),
            atomic.fetch_update(AcqRel, Relaxed, |_| None),
        ];
        results.push(atomic.update(AcqRel, Acquire, |n| n ^ 1));
        results.push(atomic.try_update(Relaxed, Relaxed, |n| Some(n ^ 1)).expect("always some"));
        results.push(atomic.into_inner());
        format!("{results:?} {exchanges:?}")
    }};
}

macro_rules! integer_test {
    ($test:ident, $atomic:ident, $start:expr, $operand:expr) => {
        #[test]
        fn $test() {
            let expected = integer_results!(native, $atomic, $start, $operand);
            assert_eq!(integer_results!(rt, $atomic, $start, $operand), expected, "outside a model");
            Checker::new().ignore_environment().iterations(1).check(move || {
                assert_eq!(integer_results!(rt, $atomic, $start, $operand), expected);
                let mut atomic = rt::$atomic::const_new($start);
                assert_eq!(atomic.fetch_max($operand, Relaxed), $start);
                atomic.with_mut(|n| *n ^= 1);
                // SAFETY: no other thread has the atomic.
                assert_eq!(unsafe { atomic.unsync_load() }, ($start).max($operand) ^ 1);
                assert_eq!(format!("{atomic:?}"), format!("{:?}", ($start).max($operand) ^ 1));
            });
        }
    };
}

integer_test!(u8_agrees, AtomicU8, 200_u8, 77);
integer_test!(u16_agrees, AtomicU16, 60_000_u16, 9_999);
integer_test!(u32_agrees, AtomicU32, u32::MAX - 3, 1_000);
integer_test!(u64_agrees, AtomicU64, u64::MAX - 3, 1 << 40);
integer_test!(usize_agrees, AtomicUsize, usize::MAX - 3, 5);
integer_test!(i8_agrees, AtomicI8, -100_i8, 77);
integer_test!(i16_agrees, AtomicI16, -30_000_i16, 9_999);
integer_test!(i32_agrees, AtomicI32, i32::MIN + 3, -1_000);
integer_test!(i64_agrees, AtomicI64, i64::MIN + 3, -(1 << 40));
integer_test!(isize_agrees, AtomicIsize, isize::MIN + 3, -5);

macro_rules! bool_results {
    ($module:ident) => {{
        let mut results = Vec::new();
        for start in [false, true] {
            for operand in [false, true] {
                let atomic = $module::AtomicBool::new(start);
                results.push(atomic.fetch_nand(operand, SeqCst));
                results.push(atomic.fetch_and(operand, Relaxed));
                results.push(atomic.fetch_or(start, AcqRel));
                results.push(atomic.fetch_xor(operand, Acquire));
                results.push(atomic.fetch_not(Release));
                results.push(atomic.swap(operand, Relaxed));
                results
                    .push(atomic.compare_exchange(operand, !operand, AcqRel, Relaxed).expect("it is there"));
                results.push(atomic.load(Relaxed));
            }
        }
        results
    }};
}

#[test]
fn bool_agrees() {
    let expected = bool_results!(native);
    assert_eq!(bool_results!(rt), expected, "outside a model");
    Checker::new().ignore_environment().iterations(1).check(move || assert_eq!(bool_results!(rt), expected));
}

macro_rules! pointer_results {
    ($module:ident, $base:expr) => {{
        let base: *mut u32 = $base;
        let atomic = $module::AtomicPtr::new(base);
        let mut results = vec![
            atomic.fetch_ptr_add(2, Relaxed),
            atomic.fetch_ptr_sub(1, AcqRel),
            atomic.fetch_byte_add(8, SeqCst),
            atomic.fetch_byte_sub(12, Relaxed),
            atomic.fetch_or(1, Release),
            atomic.fetch_xor(3, Relaxed),
            atomic.fetch_and(!3, Acquire),
            atomic.swap(core::ptr::null_mut(), AcqRel),
        ];
        results.push(atomic.compare_exchange(core::ptr::null_mut(), base, AcqRel, Relaxed).expect("null"));
        results.push(atomic.load(Acquire));
        results.into_iter().map(|pointer| pointer.addr().wrapping_sub(base.addr())).collect::<Vec<_>>()
    }};
}

#[test]
fn pointers_agree_and_stay_usable() {
    let mut words = [1_u32, 2, 3, 4];
    let expected = pointer_results!(native, &raw mut words[1]);
    assert_eq!(pointer_results!(rt, &raw mut words[1]), expected, "outside a model");
    Checker::new().ignore_environment().iterations(1).check(move || {
        let mut words = [1_u32, 2, 3, 4];
        let differences = pointer_results!(rt, &raw mut words[1]);
        // A null pointer's difference depends on the address.
        let null = expected.iter().rposition(|d| *d > 64).expect("there is one");
        assert!((0..null).chain(null + 1..expected.len()).all(|i| differences[i] == expected[i]));
        let pointer = rt::AtomicPtr::new(&raw mut words[2]).load(Relaxed);
        // SAFETY: the pointer points into `words`, which lives until the end of the test.
        assert_eq!(unsafe { *pointer }, 3);
    });
}

#[test]
fn orderings_that_do_not_exist_panic_under_every_engine_as_natively() {
    Checker::new().ignore_environment().iterations(1).check(|| {
        let n = rt::AtomicU32::new(0);
        let bad: [&dyn Fn(); 5] = [
            &|| assert_eq!(n.load(Release), 0),
            &|| assert_eq!(n.load(AcqRel), 0),
            &|| n.store(1, Acquire),
            &|| assert_eq!(n.compare_exchange(0, 1, SeqCst, Release), Ok(0)),
            &|| rt::fence(Relaxed),
        ];
        for operation in bad {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(operation)).is_err());
        }
        assert_eq!(n.load(Relaxed), 0);
    });
}
