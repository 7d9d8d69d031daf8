//! Receives of a select that its own sends must not meet.

use super::case::{Handle, Identity};
use super::order::FEW;
use crate::chan::algorithm::cell::{RECEIVER, SENDER};
use crate::queue::Party;

/// The channels without a buffer from which cases of a select receive, if any case sends to such: one address for each
/// case, in order.
pub(super) struct OwnReceives {
    /// Those of up to so many cases, for which nothing is allocated.
    few: [usize; FEW],
    count: usize,
    /// Those of all the cases, if there are more.
    many: Vec<usize>,
}

impl OwnReceives {
    pub(super) fn of<'a>(handles: impl Iterator<Item = &'a dyn Handle> + Clone) -> OwnReceives {
        let rendezvous = |party: Party| {
            let all = handles.clone().filter_map(|handle| handle.rendezvous());
            all.filter(move |case| case.party == party).map(|case| case.channel)
        };
        let mut own = OwnReceives { few: [0; FEW], count: 0, many: Vec::new() };
        if rendezvous(SENDER).next().is_none() {
            return own;
        }
        let mut receives = rendezvous(RECEIVER);
        for (place, channel) in own.few.iter_mut().zip(&mut receives) {
            *place = channel;
            own.count += 1;
        }
        own.many.extend(receives);
        if !own.many.is_empty() {
            own.many.extend(own.few);
        }
        match &mut own {
            OwnReceives { few, count, many } if many.is_empty() => few[..*count].sort_unstable(),
            OwnReceives { many, .. } => many.sort_unstable(),
        }
        own
    }

    fn channels(&self) -> &[usize] {
        if self.many.is_empty() { &self.few[..self.count] } else { &self.many }
    }

    /// How many cases receive from the channel without a buffer to which this one sends.
    pub(super) fn meeting(&self, handle: &dyn Handle) -> u64 {
        let Some(Identity { channel, party: SENDER }) = handle.rendezvous() else { return 0 };
        let channels = self.channels();
        let from = channels.partition_point(|other| *other < channel);
        channels[from..].partition_point(|other| *other == channel) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Look, Progress, Round, Slot, Stamp};
    use super::*;
    use crate::chan::algorithm::deferred::Mark;
    use crate::chan::select::observers::Observers;
    use crate::chan::select::state::{Cause, SelectWait};
    use crate::rt::bubble::Owner;
    use core::cell::Cell;

    /// A side of a channel without a buffer that counts how often it is asked for that.
    struct Asked<'a>(Identity, &'a Cell<usize>);

    impl Handle for Asked<'_> {
        fn stamp(&self) -> Stamp {
            [0; 7]
        }
        fn attempt(&self, _: &mut Slot, _: Mark) -> Progress {
            Progress::NotYet
        }
        fn register(&self, _: &mut Slot, _: &SelectWait, _: usize) -> Progress {
            Progress::NotYet
        }
        fn look(&self, _: &mut Slot, _: Round) -> Look {
            Look::Waits
        }
        fn chosen(&self, _: &mut Slot, _: Cause) -> Progress {
            Progress::NotYet
        }
        fn withdraw(&self, _: &mut Slot) {}
        fn is_ready(&self, _: u64) -> bool {
            false
        }
        fn observers(&self) -> Option<&Observers> {
            None
        }
        fn owner(&self) -> Option<Owner> {
            None
        }
        fn identity(&self) -> Identity {
            self.0
        }
        fn rendezvous(&self) -> Option<Identity> {
            self.1.set(self.1.get() + 1);
            Some(self.0)
        }
    }

    #[test]
    fn each_send_knows_the_receives_that_it_must_not_meet_without_asking_all_cases() {
        let asked = Cell::new(0);
        let sends = (0..1000).map(|channel| Asked(Identity { channel, party: SENDER }, &asked));
        // From channel n there are n % 3 receives.
        let receives = (0..1000).flat_map(|channel| (0..channel % 3).map(move |_| channel));
        let sides: Vec<_> = sends
            .chain(receives.map(|channel| Asked(Identity { channel, party: RECEIVER }, &asked)))
            .collect();
        let cases: Vec<&dyn Handle> = sides.iter().map(|side| side as &dyn Handle).collect();
        let own = OwnReceives::of(cases.iter().copied());
        for (channel, case) in cases.iter().enumerate().take(1000) {
            assert_eq!(own.meeting(*case), channel as u64 % 3);
        }
        assert!(cases[1000..].iter().all(|case| own.meeting(*case) == 0), "receives meet nobody");
        assert!(asked.get() <= 3 * cases.len() + 3, "{} cases were asked {} times", cases.len(), asked.get());
    }
}
