//! The names of pointers: `&node` for memory whose variable is known, `p0`, `p1`, … for others.

use std::collections::HashMap;

/// The low bits of a pointer, in which a program may keep a tag.
const TAG: u64 = 7;

/// The pointers of an execution, by their addresses without tags.
#[derive(Clone, Debug, Default)]
pub(super) struct Pointers {
    names: HashMap<u64, String>,
    /// How many of the names are numbers.
    numbered: usize,
}

impl Pointers {
    /// Gives an address a name.
    pub(super) fn call(&mut self, address: u64, name: String) {
        self.names.insert(address, name);
    }

    /// Gives a value the next number, if it is a pointer without a name.
    pub(super) fn learn(&mut self, value: u64) {
        if is_pointer(value) && !self.names.contains_key(&(value & !TAG)) {
            self.names.insert(value & !TAG, format!("p{}", self.numbered));
            self.numbered += 1;
        }
    }

    /// Returns a pointer's name, with the tag in its low bits.
    pub(super) fn name(&self, value: u64) -> Option<String> {
        let name = self.names.get(&(value & !TAG))?;
        Some(if value & TAG == 0 { name.clone() } else { format!("{name}|{}", value & TAG) })
    }
}

/// Returns whether a value looks like an address of this process: in the region of the heap, the stack or the program.
fn is_pointer(value: u64) -> bool {
    static PROGRAM: u8 = 0;
    let (heap, stack) = (Box::new(0_u8), 0_u8);
    let regions = [&raw const *heap, &raw const stack, &raw const PROGRAM];
    let region = |address: u64| address >> 40;
    regions.iter().any(|known| region(value) != 0 && region(value) == region(known.addr() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_numbered_as_they_appear() {
        let (one, two) = (Box::new(1_u64), Box::new(2_u64));
        let (one, two) = ((&raw const *one).addr() as u64, (&raw const *two).addr() as u64);
        let mut pointers = Pointers::default();
        let mut named = |value: u64| {
            pointers.learn(value);
            pointers.name(value)
        };
        let named =
            [two, 7, one, two | 1, 1 << 33].map(|value| named(value).unwrap_or_else(|| value.to_string()));
        assert_eq!(named, ["p0", "7", "p1", "p0|1", "8589934592"]);
    }

    #[test]
    fn memory_with_a_name_has_no_number() {
        let value = Box::new(1_u64);
        let address = (&raw const *value).addr() as u64;
        let mut pointers = Pointers::default();
        pointers.call(address, "&node".to_string());
        pointers.learn(address);
        assert_eq!(
            [address, address | 3].map(|value| pointers.name(value)),
            [Some("&node".to_string()), Some("&node|3".to_string())]
        );
    }
}
