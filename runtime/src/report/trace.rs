//! Stack traces of goroutines that wait.
//!
//! A thread that wants a trace claims the goroutine's stack (`core::ready::begin_scan`), and resumes the goroutine with the
//! command to trace itself, which it does on the stack of that thread. So no unwinder of our own is needed, no page of the
//! goroutine's stack is touched beyond what is in use, and no goroutine that runs is stopped.

use crate::core::ready;
use crate::goroutine::slot;
use crate::machine::{Command, make_runnable};
use core::fmt::Write;
use std::backtrace::Backtrace;

/// Returns the frames of a goroutine, if it is parked: down from the call that waits.
pub(super) fn of(task: u32) -> Option<String> {
    let slot = slot(task);
    ready::begin_scan(&slot.word)?;
    let mut trace = None;
    // SAFETY: S1 of the table: the goroutine is parked, and from `begin_scan` to `end_scan` its parts are this thread's. The
    // place for the trace outlives the call, in which the goroutine suspends itself again.
    if let Some(coroutine) = unsafe { (*slot.own()).coroutine.as_mut() } {
        _ = coroutine.resume(Command::Trace(&raw mut trace));
    }
    if ready::end_scan(&slot.word) {
        make_runnable(task);
    }
    trace.map(|trace| between(&trace.to_string()))
}

/// Returns the frames of the goroutine that runs here.
pub(super) fn of_this() -> String {
    between(&Backtrace::force_capture().to_string())
}

/// Returns the frames between the hooks of the runtime and the base of the goroutine's stack, as Go prints them.
fn between(text: &str) -> String {
    let mut frames: Vec<(&str, &str)> = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("at ") {
            if let Some(last) = frames.last_mut() {
                last.1 = place;
            }
        } else if let Some((number, name)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            frames.push((name, ""));
        }
    }
    // Symbols may come without their paths; these functions have names that stand for themselves.
    let is_at = |frame: &(&str, &str), names: &[&str]| names.iter().any(|name| frame.0.contains(name));
    let end = frames.iter().position(|frame| is_at(frame, &["goroutine_begins_here"])).unwrap_or(frames.len());
    let ours = frames[..end].iter().rposition(|frame| is_at(frame, &["goroutine_waits_here", "goroutine_yields_here", "list_goroutines_here"]));
    let begin = ours.map_or(0, |at| at + 1);
    // What is between the closure and the base is std's catching of panics.
    let is_std =
        |frame: &(&str, &str)| is_at(frame, &["call_once", "catch_unwind", "do_call", "__rust_try", "call_once_force"]);
    let end = begin + frames[begin..end].iter().rposition(|frame| !is_std(frame)).map_or(0, |at| at + 1);
    let mut out = String::new();
    for (name, place) in &frames[begin..end] {
        let _ = writeln!(out, "{name}");
        if !place.is_empty() {
            let _ = writeln!(out, "\t{place}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn the_frames_of_the_program_are_left() {
        let text = "   0: std::backtrace::Backtrace::force_capture
             at /rustc/std/src/backtrace.rs:3:5
   1: selvedge_go::machine::hooks::goroutine_waits_here
             at ./src/machine/hooks.rs:9:5
   2: selvedge::rt::park::Parker::park
             at ./src/rt/park.rs:170:9
   3: program::wait::{{closure}}
             at ./src/main.rs:12:3
   4: <core::panic::unwind_safe::AssertUnwindSafe<F> as core::ops::function::FnOnce<()>>::call_once
   5: std::panicking::catch_unwind::do_call
   6: selvedge_go::goroutine::entry::goroutine_begins_here
   7: corosensei::coroutine::coroutine_func";
        let expected = "selvedge::rt::park::Parker::park\n\t./src/rt/park.rs:170:9\nprogram::wait::{{closure}}\n\t./src/main.rs:12:3\n";
        assert_eq!(between(text), expected);
    }

    #[test]
    fn a_trace_without_names_is_left_as_it_is() {
        assert_eq!(between("   0: <unknown>\n   1: <unknown>"), "<unknown>\n<unknown>\n");
        assert_eq!(between(""), "");
    }
}
