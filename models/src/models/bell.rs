//! What stops a wait in a model of a queue.

use core::mem::replace;
use selvedge::rt::park::Unparker;
use selvedge::rt::sync::Mutex;
use selvedge::rt::until::{Nudge, Stop, Until};

/// Stops one wait.
#[derive(Default)]
pub(super) struct Bell(Mutex<Rung>);

enum Rung {
    NotYet(Option<Unparker>),
    Already,
}

impl Default for Rung {
    fn default() -> Rung {
        Rung::NotYet(None)
    }
}

impl Bell {
    /// Returns how long the wait may last: until the bell is rung.
    pub(super) fn limit(&self) -> Until<'_> {
        Until { deadline: None, stop: Some(self) }
    }

    /// Stops the wait, now or when it begins.
    pub(super) fn ring(&self) {
        let mut rung = self.0.lock();
        if let Rung::NotYet(Some(unparker)) = replace(&mut *rung, Rung::Already) {
            unparker.unpark();
        }
    }
}

impl Stop for Bell {
    fn watch(&self, nudge: Nudge) -> Option<usize> {
        let mut rung = self.0.lock();
        let (Rung::NotYet(place), Nudge::Unpark(unparker)) = (&mut *rung, nudge) else { return None };
        *place = Some(unparker);
        Some(0)
    }

    fn unwatch(&self, _: usize) -> bool {
        match &mut *self.0.lock() {
            Rung::NotYet(place) => place.take().is_some(),
            Rung::Already => false,
        }
    }
}
