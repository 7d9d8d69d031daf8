//! The report that no goroutine can go on.

use crate::goroutine::{Slot, TABLE};
use crate::machine::{Deadlock, Instance, PARKED_OUTSIDERS};
use core::fmt::Write;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use selvedge::rt::task::Why;
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

/// Does what the program wants if no goroutine will run again. `decide` says whether that is so, and counts this M as awake
/// then; it is asked after everything that could still wake a goroutine was looked at.
pub(crate) fn decide(instance: &Arc<Instance>, decide: impl FnOnce() -> bool) {
    let policy = instance.settings.deadlock;
    if policy == Deadlock::Off {
        return;
    }
    if outsiders(instance) > 0 {
        suspect(instance);
    }
    let outsiders = outsiders(instance);
    if !decide() {
        return;
    }
    if outsiders == 0 && policy == Deadlock::Fatal {
        let reason = match instance.main_has_exited.load(Acquire) {
            true => "no goroutines (main called goexit) - deadlock!",
            false => "all goroutines are asleep - deadlock!",
        };
        eprintln!("fatal error: {reason}\n{}", list(instance));
        std::process::exit(2);
    }
    // Relaxed: the swap tells one caller that it is the first.
    if !instance.has_warned.swap(true, Relaxed) {
        eprintln!(
            "warning: all goroutines are asleep; {outsiders} threads outside the runtime may wake them\n{}",
            list(instance)
        );
    }
    _ = instance.idle.leave();
}

/// Returns how many threads of the process might wake a goroutine: those that are no Ms of the instance, and are not
/// parked by a primitive without a deadline.
fn outsiders(instance: &Instance) -> usize {
    // A thread that unparks another and then parks itself may be counted twice, and none is missed for that: the queues are
    // looked at once more afterwards.
    let parked = PARKED_OUTSIDERS.load(SeqCst); // SeqCst: `look_again` says why.
    let threads = std::fs::read_dir("/proc/self/task").map_or(usize::MAX, Iterator::count);
    threads.saturating_sub(parked).saturating_sub(instance.ms().all.len())
}

/// Returns a line for each goroutine.
fn list(instance: &Instance) -> String {
    let mut slots: Vec<&Slot> = TABLE.all().filter(|slot| slot.is_of(instance)).collect();
    slots.sort_by_key(|slot| slot.id());
    let mut text = String::new();
    for slot in slots {
        let _ = write!(text, "\ngoroutine {} [{}]", slot.id(), slot.why().map_or("runnable", name));
        if let Some(site) = slot.site() {
            let _ = writeln!(text, "\n\tstarted at {site}");
        }
    }
    text
}

/// Returns a reason in the words of Go's reports.
fn name(why: Why) -> &'static str {
    match why {
        Why::Receive => "chan receive",
        Why::Send => "chan send",
        Why::Select => "select",
        Why::Lock => "sync.Mutex.Lock",
        Why::RwLock => "sync.RWMutex.Lock",
        Why::Condition => "sync.Cond.Wait",
        Why::Permits => "semacquire",
        Why::Group => "sync.WaitGroup.Wait",
        Why::Once => "sync.Once.Do",
        Why::Barrier => "barrier",
        Why::Join => "join",
        Why::Permit => "park",
        Why::Sleep => "sleep",
    }
}
