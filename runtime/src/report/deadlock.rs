//! The report that no goroutine can go on.

use super::{dump::list, say};
use crate::machine::{Expects, Instance, is_live, outsiders};
use crate::settings::Deadlock;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The instances whose goroutines have all been found asleep while a thread outside could wake them. Such a thread may park
/// later; then they look again.
static SUSPECTS: Mutex<Vec<Weak<Instance>>> = Mutex::new(Vec::new());

/// How many suspects there are, to be looked at without the lock.
static SUSPECTED: AtomicUsize = AtomicUsize::new(0);

/// Lets the suspects look again, after a thread outside has counted itself as parked.
pub(crate) fn look_again() {
    // SeqCst: this thread was counted before; pairs with the SeqCst in `suspect`, after which the threads are counted. So the
    // suspect counts this thread as parked, or this thread sees the suspect.
    if SUSPECTED.load(SeqCst) == 0 {
        return;
    }
    let suspects = core::mem::take(&mut *SUSPECTS.lock().unwrap_or_else(PoisonError::into_inner));
    SUSPECTED.fetch_sub(suspects.len(), SeqCst);
    for instance in suspects.iter().filter_map(Weak::upgrade) {
        let all = instance.ms().all.clone();
        _ = all.iter().any(|m| m.poke());
    }
}

/// Makes an instance a suspect, unless it is one.
fn suspect(instance: &Arc<Instance>) {
    let mut suspects = SUSPECTS.lock().unwrap_or_else(PoisonError::into_inner);
    if !suspects.iter().any(|other| core::ptr::eq(other.as_ptr(), Arc::as_ptr(instance))) {
        suspects.push(Arc::downgrade(instance));
        SUSPECTED.fetch_add(1, SeqCst);
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
    if outsiders(ms) > 0 || Expects::are_there() {
        suspect(instance);
    }
    if Expects::are_there() {
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
