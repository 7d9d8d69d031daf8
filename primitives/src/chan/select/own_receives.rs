//! Receives of a select that its own sends must not meet.

use super::handle::Handle;
use super::run::Case;

/// The channels without a buffer from which cases of a select receive, if any case sends to such: one address for each
/// case, in order.
pub(super) struct OwnReceives(Vec<usize>);

impl OwnReceives {
    pub(super) fn of(cases: &[Case<'_>]) -> OwnReceives {
        let rendezvous = |sends: bool| {
            let all = cases.iter().filter_map(|case| case.handle.rendezvous());
            all.filter(move |(_, sending)| *sending == sends).map(|(channel, _)| channel)
        };
        let mut channels =
            if rendezvous(true).next().is_some() { rendezvous(false).collect() } else { Vec::new() };
        channels.sort_unstable();
        OwnReceives(channels)
    }

    /// How many cases receive from the channel without a buffer to which this one sends.
    pub(super) fn meeting(&self, handle: &dyn Handle) -> u64 {
        let Some((channel, true)) = handle.rendezvous() else { return 0 };
        let from = self.0.partition_point(|other| *other < channel);
        self.0[from..].partition_point(|other| *other == channel) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::handle::{Look, Slot, Stamp};
    use super::*;
    use crate::chan::claim::Claim;
    use crate::chan::watch::Watchers;
    use crate::rt::sync::Arc;
    use core::cell::Cell;

    /// A side of a channel without a buffer that counts how often it is asked for that.
    struct Asked<'a>((usize, bool), &'a Cell<usize>);

    impl Handle for Asked<'_> {
        fn stamp(&self) -> Stamp {
            [0; 7]
        }
        fn attempt(&self, _: &mut Slot) -> bool {
            false
        }
        fn register(&self, _: &mut Slot, _: &Arc<Claim>, _: usize) -> bool {
            false
        }
        fn look(&self, _: &mut Slot, _: bool) -> Look {
            Look::Waits
        }
        fn chosen(&self, _: &mut Slot, _: bool) -> bool {
            false
        }
        fn withdraw(&self, _: &mut Slot) {}
        fn is_ready(&self, _: u64) -> bool {
            false
        }
        fn watchers(&self) -> Option<&Watchers> {
            None
        }
        fn identity(&self) -> (usize, bool) {
            self.0
        }
        fn rendezvous(&self) -> Option<(usize, bool)> {
            self.1.set(self.1.get() + 1);
            Some(self.0)
        }
    }

    #[test]
    fn each_send_knows_the_receives_that_it_must_not_meet_without_asking_all_cases() {
        let asked = Cell::new(0);
        let sends = (0..1000).map(|channel| Asked((channel, true), &asked));
        // From channel n there are n % 3 receives.
        let receives = (0..1000).flat_map(|channel| (0..channel % 3).map(move |_| channel));
        let sides: Vec<_> = sends.chain(receives.map(|channel| Asked((channel, false), &asked))).collect();
        let cases: Vec<_> = sides.iter().map(|side| Case::new(side)).collect();
        let own = OwnReceives::of(&cases);
        for (channel, case) in cases.iter().enumerate().take(1000) {
            assert_eq!(own.meeting(case.handle), channel as u64 % 3);
        }
        assert!(cases[1000..].iter().all(|case| own.meeting(case.handle) == 0), "receives meet nobody");
        assert!(asked.get() <= 3 * cases.len() + 3, "{} cases were asked {} times", cases.len(), asked.get());
    }
}
