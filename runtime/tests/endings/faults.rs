//! Panics, overflows and other faults.

use super::{Program, builder, run};
use selvedge::chan::bounded;
use selvedge_go::{go, gosched, spawn};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Overflows the stack.
fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + frame[(depth % 64) as usize] }
}

/// Prints when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        eprintln!("{}", self.0);
    }
}

pub(super) const PROGRAMS: &[Program] = &[
    Program::new("a_panic_ends_the_process", || {
        run(|| {
            go(|| panic!("as planned"));
            let (_tx, rx) = bounded::<()>(0);
            _ = rx.recv();
        });
    })
    .fails(&["as planned", "fatal error: goroutine 2 panicked, started at runtime/tests/endings/faults.rs:"]),
    Program::new("a_panic_is_told", || {
        let (tx, rx) = bounded(1);
        let tell = move |id, text: &str| tx.send(format!("{id} {text}")).expect("a receiver");
        builder().on_panic(tell).run(|| {
            go(|| panic!("as {}", "planned"));
            assert_eq!(rx.recv().expect("a text"), "2 as planned");
        });
    })
    .says(&["as planned"]),
    Program::new("a_joined_panic_is_a_result", || {
        run(|| assert!(spawn(|| panic!("as planned")).join().is_err()));
    })
    .says(&["as planned"]),
    Program::new("the_end_of_main_drops_nothing_of_others", || {
        builder().procs(1).run(|| {
            go(|| {
                let _says = Says("fatal: it was dropped");
                let (_tx, rx) = bounded::<()>(0);
                _ = rx.recv();
            });
            gosched();
        });
    }),
    Program::new("an_overflow_is_a_sentence", || {
        run(|| {
            go(|| _ = black_box(overflow(0)));
            let (_tx, rx) = bounded::<()>(0);
            _ = rx.recv();
        });
    })
    .fails(&[
        "fatal error: stack overflow: goroutine 2 has overflowed its stack of 64 KiB",
        "started at runtime/tests/endings/faults.rs:",
        "Builder::stack_size",
    ]),
    Program::new("an_overflow_of_main", || {
        builder().stack_size(1 << 20).run(|| _ = black_box(overflow(0)));
    })
    .fails(&["goroutine 1 has overflowed its stack of 1024 KiB"]),
    Program::new("an_overflow_on_another_thread", || {
        builder().procs(2).run(|| {
            go(|| _ = black_box(overflow(0)));
            // This P is busy, so the goroutine begins on the other one.
            loop {
                std::hint::spin_loop();
            }
        });
    })
    .fails(&["goroutine 2 has overflowed its stack of 64 KiB"]),
    Program::new("an_overflow_of_a_plain_thread_goes_to_std", || {
        run(|| ());
        _ = black_box(overflow(0));
    })
    .dies(&["has overflowed its stack"]),
    Program::new("another_fault_goes_on", || {
        // SAFETY: none: the program is to be killed for it.
        run(|| unsafe { black_box(core::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) });
    })
    .dies(&[]),
    Program::new("a_foreign_handler_has_its_faults", || {
        unsafe extern "C" fn foreign(_: i32) {
            eprintln!("the foreign handler");
            // SAFETY: the call may be made in a signal handler.
            unsafe { libc::_exit(0) };
        }
        // SAFETY: the handler ends the process.
        unsafe { libc::signal(libc::SIGSEGV, foreign as *const () as usize) };
        // SAFETY: none: the foreign handler is to see it.
        run(|| unsafe { black_box(core::ptr::without_provenance_mut::<u8>(8)).write_volatile(1) });
    })
    .says(&["the foreign handler"]),
    Program::new("an_overflow_beside_a_foreign_handler", || {
        unsafe extern "C" fn foreign(_: i32) {
            // SAFETY: the call may be made in a signal handler.
            unsafe { libc::_exit(3) };
        }
        // SAFETY: the handler ends the process.
        unsafe { libc::signal(libc::SIGSEGV, foreign as *const () as usize) };
        run(|| _ = black_box(overflow(0)));
    })
    .fails(&["goroutine 1 has overflowed its stack"]),
    Program::new("a_destructor_waits_while_unwinding", || {
        struct Receives(selvedge::chan::Receiver<i32>);
        impl Drop for Receives {
            fn drop(&mut self) {
                assert_eq!(self.0.recv(), Ok(1));
            }
        }
        builder().procs(2).run(|| {
            let (tx, rx) = bounded(0);
            let (begun, has_begun) = std::sync::mpsc::channel();
            let join = spawn(move || {
                let _receives = Receives(rx);
                begun.send(()).expect("the main goroutine waits");
                panic!("as planned");
            });
            // This thread is busy until the goroutine has begun, on another one.
            has_begun.recv().expect("it has begun");
            for _ in 0..10 {
                // Goroutines that panic and recover meanwhile, on this thread and wherever.
                assert!(catch_unwind(AssertUnwindSafe(|| panic!("in between"))).is_err());
                assert!(!std::thread::panicking());
                gosched();
            }
            tx.send(1).expect("the destructor waits");
            assert!(join.join().is_err());
            let others: Vec<_> = (0..20).map(|_| spawn(std::thread::panicking)).collect();
            assert!(others.into_iter().all(|other| !other.join().expect("no panic")));
        });
    })
    .says(&["in between"]),
    Program::new("a_run_inside_a_goroutine_is_refused", || {
        run(|| {
            assert!(catch_unwind(AssertUnwindSafe(|| run(|| ()))).is_err());
            assert_eq!(selvedge_go::blocking(|| run(|| 7)), 7);
        });
    })
    .says(&["`run` is called from a goroutine"]),
    Program::new("go_outside_a_run_is_refused", || {
        assert!(catch_unwind(|| go(|| ())).is_err());
    })
    .says(&["call `selvedge_go::run` first"]),
    Program::new("a_wrong_number_of_ps_is_refused", || {
        // SAFETY: the process has one thread.
        unsafe { std::env::set_var("SELVEDGE_PROCS", "many") };
        assert!(catch_unwind(|| run(|| ())).is_err());
        // SAFETY: the process has one thread.
        unsafe { std::env::set_var("SELVEDGE_PROCS", "3") };
        assert_eq!(run(selvedge_go::gomaxprocs), 3);
    })
    .says(&["SELVEDGE_PROCS is a number from 1 to 48, and not \"many\""]),
];
