//! Stacks that no goroutine has.

use super::{SLOTS, Stack, map};
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

/// The stacks of one size.
#[derive(Default)]
struct Class {
    free: Vec<Stack>,
    /// The slots of the newest chunk that have never been used: the next one's address, and how many.
    fresh: (usize, usize),
}

static CLASSES: Mutex<Option<HashMap<usize, Class>>> = Mutex::new(None);

/// Takes stacks of one size from the process's pool, or makes one; at most as many as `most`, and at least one.
fn take(size: usize, most: usize) -> io::Result<Vec<Stack>> {
    let mut classes = CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
    let class = classes.get_or_insert_default().entry(size).or_default();
    let from = class.free.len().saturating_sub(most);
    let used = class.free.split_off(from);
    if !used.is_empty() {
        return Ok(used);
    }
    if class.fresh.1 == 0 {
        class.fresh = (map::chunk(size)?, SLOTS);
    }
    let slot = class.fresh.0;
    map::guard(slot)?;
    class.fresh = (slot + size, class.fresh.1 - 1);
    Ok(vec![Stack::new(slot, size)])
}

fn put(stacks: impl Iterator<Item = Stack>) {
    let mut classes = CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
    let classes = classes.get_or_insert_default();
    for stack in stacks {
        classes.entry(stack.size()).or_default().free.push(stack);
    }
}

/// The stacks that a thread keeps for its next goroutines, of one size.
#[derive(Default)]
pub(crate) struct Cache(Vec<Stack>);

impl Cache {
    /// The most stacks.
    const ROOM: usize = 64;

    /// Takes a stack, the one that was left last.
    pub(crate) fn take(&mut self, size: usize) -> io::Result<Stack> {
        if let Some(stack) = self.0.pop_if(|stack| stack.size() == size) {
            return Ok(stack);
        }
        let mut stacks = take(size, Self::ROOM / 2)?;
        let stack = stacks.pop().ok_or_else(|| io::Error::other("the pool has given no stack"))?;
        if self.0.first().is_none_or(|kept| kept.size() == size) {
            self.0.append(&mut stacks);
        } else {
            put(stacks.into_iter());
        }
        Ok(stack)
    }

    /// Keeps a stack, if there is room for one of its size.
    pub(crate) fn put(&mut self, stack: Stack) {
        let is_alike = self.0.first().is_none_or(|kept| kept.size() == stack.size());
        match is_alike {
            true if self.0.len() < Self::ROOM => self.0.push(stack),
            true => put(self.0.drain(Self::ROOM / 2..).chain([stack])),
            false => put([stack].into_iter()),
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        put(self.0.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use corosensei::stack::Stack as _;

    #[test]
    fn a_stack_that_was_left_is_used_again() {
        let size = 1 << 17;
        let mut cache = Cache::default();
        let stack = cache.take(size).expect("there is memory");
        let base = stack.base();
        cache.put(stack);
        assert_eq!(cache.take(size).expect("there is memory").base(), base);
    }

    #[test]
    fn more_than_the_room_goes_to_the_process_and_comes_back() {
        let size = 1 << 18;
        let mut cache = Cache::default();
        let stacks: Vec<_> =
            (0..3 * Cache::ROOM).map(|_| cache.take(size).expect("there is memory")).collect();
        let mut before: Vec<_> = stacks.iter().map(|stack| stack.limit()).collect();
        stacks.into_iter().for_each(|stack| cache.put(stack));
        assert!(cache.0.len() <= Cache::ROOM);
        drop(cache);
        let mut cache = Cache::default();
        let mut after: Vec<_> =
            (0..3 * Cache::ROOM).map(|_| cache.take(size).expect("there is memory").limit()).collect();
        before.sort_unstable();
        after.sort_unstable();
        assert_eq!(before, after);
    }
}
