//! Loops that were not explored to their end.

use crate::event::Site;

/// Why a loop was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LoopCut {
    /// The loop may go round more often.
    Rounds,
    /// The loop keeps count where no snapshot sees it.
    HiddenState,
    /// A weak compare-exchange in the loop may fail spuriously more often.
    SpuriousFailures,
}

impl LoopCut {
    /// Says what was cut, where, and at which number of rounds.
    pub(crate) fn describe(self, site: Site, rounds: u32) -> String {
        let at = format!("{}:{}", site.file(), site.line());
        match self {
            LoopCut::Rounds => format!("at most {} rounds of the loop at {at}", rounds),
            LoopCut::SpuriousFailures => format!("at most {} spurious failures at {at}", rounds),
            LoopCut::HiddenState => {
                format!(
                    "the loop at {at} keeps count elsewhere than on its thread's stack, where the graph engine does not look"
                )
            }
        }
    }
}
