//! The packed words of a segment: its census, the links and cursors that lead to it, and what is noted of dead ones.

use super::state::Party;

/// What has happened in a segment: how many cells one party has abandoned (bits 0 to 28), whether the segment has been
/// taken out (29), and which parties have come (30 and 31).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Census(u32);

impl Census {
    const TAKEN_OUT: u32 = 1 << 29;
    const COUNT: u32 = Census::TAKEN_OUT - 1;
    /// What a party adds that abandons a cell.
    pub(super) const ONE_ABANDONED: u32 = 1;

    pub(super) const fn from_bits(bits: u32) -> Census {
        Census(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// The census of a segment to which one party has come.
    pub(super) const fn come(party: Party) -> Census {
        Census(1 << (30 + party.index()))
    }

    /// The census of a segment to which both parties have come.
    pub(super) const fn both() -> Census {
        Census(Census::come(Party::First).0 | Census::come(Party::Second).0)
    }

    pub(super) const fn has_come(self, party: Party) -> bool {
        self.0 & Census::come(party).0 != 0
    }

    pub(super) const fn both_have_come(self) -> bool {
        self.0 & Census::both().0 == Census::both().0
    }

    pub(super) const fn is_taken_out(self) -> bool {
        self.0 & Census::TAKEN_OUT != 0
    }

    pub(super) const fn taken_out(self) -> Census {
        Census(self.0 | Census::TAKEN_OUT)
    }

    /// Returns whether a party has abandoned so many cells, and the other one has not come.
    pub(super) const fn all_abandoned_by(self, party: Party, cells: usize) -> bool {
        self.0 & (Census::COUNT | Census::come(party.other()).0) == cells as u32
    }
}

/// Dead segments in the middle of a list that have been noted, and whether a thread takes them out (bit 0).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted(usize);

impl Noted {
    const TAKING: usize = 1;
    /// What a thread adds that notes a dead segment.
    pub(super) const ONE_DEAD: usize = 2;

    pub(super) const fn from_bits(bits: usize) -> Noted {
        Noted(bits)
    }

    pub(super) const fn bits(self) -> usize {
        self.0
    }

    pub(super) const fn is_taking(self) -> bool {
        self.0 & Noted::TAKING != 0
    }

    pub(super) const fn taking(self) -> Noted {
        Noted(self.0 | Noted::TAKING)
    }

    pub(super) const fn with_one_more(self) -> Noted {
        Noted(self.0 + Noted::ONE_DEAD)
    }

    pub(super) const fn dead(self) -> usize {
        self.0 / Noted::ONE_DEAD
    }

    /// Returns what has been noted since `seen`. If both say that a thread takes segments out, the result does not.
    pub(super) const fn since(self, seen: Noted) -> Noted {
        Noted(self.0 - seen.0)
    }
}

/// In a link: it does not change any more.
const SEALED: usize = 1;

const LOW_BITS: u32 = 7;
const HIGH_SHIFT: u32 = 48;
const LOW: usize = (1 << LOW_BITS) - 1;
const ADDRESS: usize = ((1 << HIGH_SHIFT) - 1) & !LOW;

const _: () = assert!(usize::BITS == 64, "a cursor's tag needs the free bits of a 64-bit address");

/// Returns whether the address leaves the bits free that a tag needs.
pub(super) fn is_taggable<S>(segment: *mut S) -> bool {
    segment.addr() & !ADDRESS == 0
}

/// Returns the low and the high part of a segment's tag.
const fn tag(id: u64) -> (usize, usize) {
    (id as usize & LOW, (id >> LOW_BITS) as usize & 0xffff)
}

/// Returns the cursor's word for a segment.
pub(super) fn tagged<S>(segment: *mut S, id: u64) -> *mut S {
    let (low, high) = tag(id);
    segment.map_addr(|address| address | low | high << HIGH_SHIFT)
}

/// Returns whether a cursor's word has the tag of segment `id`.
#[inline]
pub(super) fn has_tag<S>(word: *mut S, id: u64) -> bool {
    (word.addr() & LOW, word.addr() >> HIGH_SHIFT) == tag(id)
}

/// Returns the segment of a cursor's word, or of a link.
#[inline]
pub(super) fn untagged<S>(word: *mut S) -> *mut S {
    word.map_addr(|address| address & ADDRESS)
}

/// Returns the link to the same segment that does not change any more.
pub(super) fn sealed<S>(link: *mut S) -> *mut S {
    link.map_addr(|address| address | SEALED)
}

pub(super) fn is_sealed<S>(link: *mut S) -> bool {
    link.addr() & SEALED != 0
}
