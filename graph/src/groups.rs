//! Groups of things whose operations are steps on one object.
//!
//! A step has one object, whose steps are in one order. Things that no step touches together, such as channels without a
//! `select!` over them, have objects of their own, so that their steps have no order with each other. Which things a
//! program touches together shows only while it runs. Then the things are put into one group, and the exploration begins
//! anew: from then on the things of a group have their steps on the one object of the group.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A thing by its maker, which does not depend on the order in which threads happen to run: the path of the thread that
/// makes it, and how many locations the thread has made before. A static has no maker, but a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Thing {
    Made { path: Vec<u32>, made: u32 },
    Static(u32),
}

/// The groups of a program's things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// The group of each thing that is in one.
    of: BTreeMap<Thing, u32>,
    /// How many groups there have been: numbers are not used again.
    numbers: u32,
    /// Whether all things are in one group, number 0, whatever they are.
    all: bool,
}

impl Groups {
    /// Returns groups in which all things are together, for explorations that cannot begin anew: one of several that have
    /// to explore the same tree.
    pub fn all_together() -> Groups {
        Groups { all: true, ..Groups::default() }
    }

    /// Returns whether no thing is in a group.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty() && !self.all
    }

    /// Returns the group of a thing.
    pub(crate) fn of(&self, thing: &Thing) -> Option<u32> {
        if self.all { Some(0) } else { self.of.get(thing).copied() }
    }

    /// Returns whether things are in one group.
    pub(crate) fn are_together(&self, things: &[Thing]) -> bool {
        let mut groups = things.iter().map(|thing| self.of(thing));
        let first = groups.next().flatten();
        first.is_some() && groups.all(|group| group == first)
    }

    /// Puts things into one group, with all that are in a group with one of them.
    pub(crate) fn join(&mut self, things: &[Thing]) {
        let old: Vec<u32> = things.iter().filter_map(|thing| self.of(thing)).collect();
        let new = self.numbers;
        self.numbers += 1;
        self.of.values_mut().filter(|group| old.contains(group)).for_each(|group| *group = new);
        self.of.extend(things.iter().map(|thing| (thing.clone(), new)));
    }

    /// Joins what others have found to be touched together.
    pub fn extend(&mut self, other: &Groups) {
        other.lists().for_each(|group| self.join(&group));
    }

    /// Returns the things of each group.
    fn lists(&self) -> impl Iterator<Item = Vec<Thing>> {
        let mut lists: BTreeMap<u32, Vec<Thing>> = BTreeMap::new();
        for (thing, group) in &self.of {
            lists.entry(*group).or_default().push(thing.clone());
        }
        lists.into_values()
    }
}

/// `all`; or `0.1m2+m3,s4+m5`: the third location of thread 0.1, counted from 0 as its path is, is together with the fourth of the
/// body; the static 4 with the sixth of the body.
impl core::fmt::Display for Groups {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.all {
            return f.write_str("all");
        }
        for (at, group) in self.lists().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            for (at, thing) in group.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { "+" })?;
                match thing {
                    Thing::Static(number) => write!(f, "s{number}")?,
                    Thing::Made { path, made } => {
                        let path: Vec<String> = path.iter().map(u32::to_string).collect();
                        write!(f, "{}m{made}", path.join("."))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl core::str::FromStr for Groups {
    type Err = String;

    fn from_str(text: &str) -> Result<Groups, String> {
        if text == "all" {
            return Ok(Groups::all_together());
        }
        let mut groups = Groups::default();
        for group in text.split(',').filter(|group| !group.is_empty()) {
            let things: Option<Vec<Thing>> = group.split('+').map(thing_of).collect();
            groups.join(&things.ok_or_else(|| format!("`{group}` in the groups"))?);
        }
        Ok(groups)
    }
}

fn thing_of(text: &str) -> Option<Thing> {
    if let Some(number) = text.strip_prefix('s') {
        return number.parse().ok().map(Thing::Static);
    }
    let (path, made) = text.split_once('m')?;
    let path: Result<Vec<u32>, _> = path.split('.').filter(|part| !part.is_empty()).map(str::parse).collect();
    Some(Thing::Made { path: path.ok()?, made: made.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(made: u32) -> Thing {
        Thing::Made { path: Vec::new(), made }
    }

    #[test]
    fn things_that_were_joined_with_one_thing_are_together() {
        let mut groups = Groups::default();
        groups.join(&[made(0), made(1)]);
        groups.join(&[made(2), Thing::Static(3)]);
        assert!(!groups.are_together(&[made(0), made(2)]));
        assert!(!groups.are_together(&[made(4), made(5)]), "neither is in a group");
        groups.join(&[made(1), made(2)]);
        assert!(groups.are_together(&[made(0), made(1), made(2), Thing::Static(3)]));
    }

    #[test]
    fn groups_survive_their_text() {
        for text in ["", "all", "m0+m1", "0.1m2+m3,s4+s5"] {
            let groups: Groups = text.parse().expect("they are groups");
            assert_eq!(groups.to_string().parse(), Ok(groups));
        }
        assert!("1+m2".parse::<Groups>().is_err_and(|error| error.contains("`1+m2` in the groups")));
    }
}
