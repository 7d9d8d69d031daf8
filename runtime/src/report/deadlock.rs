//! The report that no goroutine can go on.

use super::{dump::list, say, tell};
use crate::machine::Instance;
use crate::settings::Deadlock;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

/// Reports that all goroutines are asleep, as the program wants it.
pub(crate) fn report(instance: &Instance, outsiders: usize) {
    let settings = &instance.env.settings;
    // Relaxed: the swap tells one caller that it is the first.
    let is_first = !instance.env.has_warned.swap(true, Relaxed);
    if let Some(on_deadlock) = &settings.on_deadlock {
        if is_first {
            tell("on_deadlock", || on_deadlock(&list(Some(instance), None)));
        }
    } else if outsiders == 0 && settings.deadlock == Deadlock::Fatal {
        let reason = match instance.env.main_has_exited.load(Acquire) {
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
