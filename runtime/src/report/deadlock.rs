//! The report that no goroutine can go on.

use super::{dump::list, say};
use crate::machine::{Instance, SUSPECTS, is_live, outsiders};
use crate::settings::Deadlock;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The instances whose goroutines have all been found asleep while a thread outside could wake them. Such a thread may park
/// later; then they look again. [`SUSPECTS`] counts them, so that most threads need no lock.
static LIST: Mutex<Vec<Weak<Instance>>> = Mutex::new(Vec::new());

/// Lets the suspects look again, after a thread outside has counted itself as parked, or an expectation has ended.
pub(crate) fn look_again() {
    if !SUSPECTS.are_there() {
        return;
    }
    let suspects = core::mem::take(&mut *LIST.lock().unwrap_or_else(PoisonError::into_inner));
    SUSPECTS.take(suspects.len());
    for instance in suspects.iter().filter_map(Weak::upgrade) {
        let all = instance.ms().all.clone();
        _ = all.iter().any(|m| m.poke());
    }
}

/// Makes an instance a suspect, unless it is one.
fn suspect(instance: &Arc<Instance>) {
    let mut suspects = LIST.lock().unwrap_or_else(PoisonError::into_inner);
    if !suspects.iter().any(|other| core::ptr::eq(other.as_ptr(), Arc::as_ptr(instance))) {
        suspects.push(Arc::downgrade(instance));
        SUSPECTS.add();
    }
}

/// Does what the program wants if no goroutine will run again, for the M that brought the count of Ms awake to 0. A deadline
/// that is not stale could wake a goroutine, and so could a signal, or a thread outside that is not parked; the count is asked last.
pub(crate) fn decide(instance: &Arc<Instance>) {
    let is_off = instance.settings.deadlock == Deadlock::Off && instance.settings.on_deadlock.is_none();
    if is_off
        || instance.has_ended()
        || instance.timers.iter().any(|timers| timers.is_waited_for(is_live))
    {
        return;
    }
    let ms = instance.ms().all.len();
    if outsiders(ms) > 0 || SUSPECTS.is_expected() {
        suspect(instance);
    }
    if SUSPECTS.is_expected() {
        return;
    }
    let outsiders = outsiders(ms);
    if !instance.idle.decide() {
        return;
    }
    report(instance, outsiders);
    _ = instance.idle.leave();
}

/// Reports that all goroutines are asleep, as the program wants it.
fn report(instance: &Instance, outsiders: usize) {
    let settings = &instance.settings;
    // Relaxed: the swap tells one caller that it is the first.
    let is_first = !instance.has_warned.swap(true, Relaxed);
    if let Some(on_deadlock) = &settings.on_deadlock {
        if is_first {
            on_deadlock(&list(Some(instance), None));
        }
    } else if outsiders == 0 && settings.deadlock == Deadlock::Fatal {
        let reason = match instance.main_has_exited.load(Acquire) {
            true => "no goroutines (main called goexit) - deadlock!",
            false => "all goroutines are asleep - deadlock!",
        };
        say(format_args!("fatal error: {reason}\n{}\n", list(Some(instance), None)));
        std::process::exit(2);
    } else if is_first {
        say(format_args!(
            "warning: all goroutines are asleep; {outsiders} threads outside the runtime may wake them\n{}\n",
            list(Some(instance), None)
        ));
    }
}
