//! Stacks: their sizes, and the report on a thread that overflows its stack.
#![allow(unconditional_recursion, reason = "overflows are what is tested")]

use super::{checker, kind, run};
use core::hint::black_box;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::thread::{self, Builder};
use selvedge_check::{FailureKind, Report};

const KIB: usize = 1024;

/// Recurses until `bytes` of stack are in use below `base`; returns how deep that was.
#[inline(never)]
fn dig(bytes: usize, base: usize) -> usize {
    let frame = black_box([0_u8; 256]);
    let used = base - (&raw const frame).addr();
    let below = if used < bytes { dig(bytes, base) } else { 0 };
    black_box(&frame);
    below + 1
}

fn dig_here(bytes: usize) -> usize {
    let here = 0_u8;
    dig(bytes, (&raw const here).addr())
}

/// Recurses with an operation on each level.
#[inline(never)]
fn dig_and_load(bytes: usize, base: usize, atomic: &AtomicUsize) -> usize {
    let frame = black_box([0_u8; 64]);
    let used = base - (&raw const frame).addr();
    let below = if used < bytes { dig_and_load(bytes, base, atomic) } else { 0 };
    black_box(&frame);
    below + atomic.load(Relaxed)
}

#[inline(never)]
fn dig_and_load_first(atomic: &AtomicUsize) -> usize {
    let read = atomic.load(Relaxed);
    black_box(read) + dig_and_load_first(black_box(atomic)) + black_box(1)
}

/// Recurses with memory that is allocated on each level.
#[inline(never)]
fn dig_and_allocate(level: usize) -> usize {
    let memory = black_box(vec![level; 3 + level % 100]);
    dig_and_allocate(level + 1) + black_box(memory)[0]
}

#[inline(never)]
fn dig_and_print(level: usize) -> usize {
    let text = black_box(format!("level {level} of {:?}", Some(level)));
    dig_and_print(level + 1) + text.len()
}

/// Recurses with the locks of std's outputs taken and released on each level.
#[inline(never)]
fn dig_and_write(level: usize) -> usize {
    println!("level {level}");
    let written = OUT.lock().map_or(0, |mut out| {
        out.push(format!("level {level} of many"));
        out.len()
    });
    dig_and_write(level + 1) + black_box(written)
}

/// A lock of std that the test takes after the model.
static OUT: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// Recurses with frames larger than those of what it calls.
#[inline(never)]
fn dig_in_large_steps(level: usize) -> usize {
    let frame = black_box([level; 1000]);
    let memory = black_box(vec![level; 3 + level % 100]);
    dig_in_large_steps(level + 1) + black_box(frame)[0] + memory[0]
}

#[inline(never)]
fn one_large_frame() -> usize {
    black_box([1_u8; 512 * 1024]).iter().map(|byte| usize::from(*byte)).sum()
}

#[inline(never)]
fn dig_for_ever(level: usize) -> usize {
    black_box(level) + dig_for_ever(black_box(level + 1)) + black_box(1)
}

/// A list whose destructor recurses.
struct List(Option<Box<List>>);

fn list(length: usize) -> List {
    (0..length).fold(List(None), |next, _| List(Some(Box::new(next))))
}

fn overflows(report: &Report, thread: &str, size: &str) {
    assert_eq!(kind(report), Some(FailureKind::StackOverflow), "{report}");
    let text = report.to_string();
    assert!(text.contains(&format!("stack overflow in {thread}: its stack is {size}")), "{text}");
    assert!(text.contains("thread::Builder::stack_size"), "{text}");
}

fn passes(report: &Report) {
    assert!(report.verdict.failure().is_none() && report.executions == 1, "{report}");
}

/// Returns a model whose second thread runs `body` on a stack of this size.
fn model(
    size: Option<usize>,
    body: impl Fn() -> usize + Send + Sync + Clone + 'static,
) -> impl Fn() + Send + Sync {
    move || {
        let body = body.clone();
        let mut builder = Builder::new().name("digger".to_string());
        if let Some(size) = size {
            builder = builder.stack_size(size);
        }
        let digger = builder.spawn(body).expect("there is memory");
        assert!(digger.join().expect("no panic") < usize::MAX);
    }
}

#[test]
fn an_overflow_is_a_report_with_the_thread_and_its_size() {
    overflows(&run(model(None, || dig_for_ever(0))), "T1 (digger)", "256 KiB");
    overflows(&run(model(Some(1024 * KIB), || dig_for_ever(0))), "T1 (digger)", "1024 KiB");
    overflows(&run(model(Some(1), || dig_for_ever(0))), "T1 (digger)", "64 KiB");
}

#[test]
fn the_body_of_the_model_has_a_stack_too() {
    overflows(&run(|| assert!(dig_for_ever(0) > 0)), "T0", "256 KiB");
    overflows(&run(|| assert!(dig_here(900 * KIB) > 0)), "T0", "256 KiB");
}

#[test]
fn an_overflow_with_operations_on_each_level_is_a_report() {
    let first = model(None, || dig_and_load_first(&AtomicUsize::new(1)));
    overflows(&run(first), "T1 (digger)", "256 KiB");
    let last = model(None, || {
        let atomic = AtomicUsize::new(1);
        dig_and_load(260 * KIB, (&raw const atomic).addr(), &atomic)
    });
    overflows(&run(last), "T1 (digger)", "256 KiB");
}

#[test]
fn an_overflow_inside_of_the_allocator_is_a_report() {
    overflows(&run(model(None, || dig_and_allocate(0))), "T1 (digger)", "256 KiB");
    overflows(&run(model(None, || dig_and_print(0))), "T1 (digger)", "256 KiB");
    // The allocator works as before.
    assert_eq!(list(1000).0.map(|list| list.0.is_some()), Some(true));
}

#[test]
fn an_overflow_leaves_no_lock_taken_that_the_recursion_has_released() {
    overflows(&run(model(None, || dig_and_write(0))), "T1 (digger)", "256 KiB");
    println!("the test writes, too");
    assert!(OUT.lock().is_ok_and(|out| !out.is_empty()));
}

#[test]
fn large_frames_overflow_too() {
    overflows(&run(model(None, || dig_in_large_steps(0))), "T1 (digger)", "256 KiB");
    overflows(&run(model(None, one_large_frame)), "T1 (digger)", "256 KiB");
}

#[test]
fn an_overflow_in_destructors_is_a_report() {
    let drops = || {
        drop(list(100_000));
        0
    };
    overflows(&run(model(None, drops)), "T1 (digger)", "256 KiB");
}

#[test]
fn a_bigger_stack_makes_the_model_pass() {
    overflows(&run(model(None, || dig_here(900 * KIB))), "T1 (digger)", "256 KiB");
    passes(&run(model(Some(1024 * KIB), || dig_here(900 * KIB))));
    // The engine's frames have room of their own, beyond the size that the thread asks for.
    passes(&run(model(Some(64 * KIB), || dig_here(50 * KIB))));
}

#[test]
fn a_scoped_thread_has_the_stack_that_it_asks_for() {
    let model = |size: usize| {
        move || {
            thread::scope(|scope| {
                let builder = Builder::new().name("scoped".to_string()).stack_size(size);
                builder.spawn_scoped(scope, || assert!(dig_here(900 * KIB) > 0)).expect("there is memory");
            });
        }
    };
    passes(&run(model(1024 * KIB)));
    overflows(&run(model(512 * KIB)), "T1 (scoped)", "512 KiB");
}

/// Overflows only where the reader finds the store.
fn overflows_in_one_execution() {
    let flag = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&flag);
    let reads = Builder::new().name("reader".to_string());
    let reader = reads.spawn(move || if theirs.load(Relaxed) == 1 { dig_for_ever(0) } else { 0 });
    flag.store(1, Relaxed);
    assert_eq!(reader.expect("there is memory").join().expect("no panic"), 0);
}

#[test]
fn an_overflow_is_replayed_by_its_token() {
    let report = run(overflows_in_one_execution);
    overflows(&report, "T1 (reader)", "256 KiB");
    let found = report.verdict.failure().expect("it overflows");
    assert!(!found.failure.steps.is_empty() && found.graph().is_some(), "{report}");
    let again = checker().replay(&found.token).run(overflows_in_one_execution).remove(0);
    overflows(&again, "T1 (reader)", "256 KiB");
    let found_again = again.verdict.failure().expect("it overflows");
    assert_eq!((&found_again.token, &found_again.failure.message), (&found.token, &found.failure.message));
}

#[test]
fn the_smallest_stack_is_enough_for_a_panic() {
    let report = run(model(Some(0), || {
        let one = black_box(1);
        assert_eq!(one, 2, "one is not two: {:?}", [one; 10]);
        0
    }));
    assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
}

#[test]
fn a_stack_that_no_memory_holds_is_an_error_of_the_run() {
    let report = run(model(Some(usize::MAX / 4), || 0));
    assert!(report.to_string().contains("no stack for a thread"), "{report}");
}

/// A fault that is no overflow goes to the handler that was there before, which ends the process.
#[test]
#[cfg(target_os = "linux")]
fn another_fault_ends_the_process_as_ever() {
    use std::os::unix::process::ExitStatusExt;
    const SIGSEGV: i32 = 11;
    let in_child = "SELVEDGE_TEST_OF_A_FAULT";
    if std::env::var_os(in_child).is_some() {
        run(model(None, || {
            let nowhere = black_box(core::ptr::without_provenance::<usize>(8));
            // SAFETY: none; the process that the test has started for this is to end here.
            unsafe { nowhere.read_volatile() }
        }));
    } else {
        let this = std::env::current_exe().expect("the test has a program");
        let mut child = std::process::Command::new(this);
        child.args(["--exact", "stacks::another_fault_ends_the_process_as_ever"]).env(in_child, "1");
        let output = child.output().expect("the test can be started");
        assert_eq!(output.status.signal(), Some(SIGSEGV), "{output:?}");
    }
}
