//! Depth-first search of all schedules.
//!
//! The stack holds, for each decision of the current execution, what else could have been decided.
//! An execution follows the stack as far as it goes and then takes first options; afterwards the
//! last decision that has another option takes it, and what came after it is forgotten.
//!
//! First options keep the running thread running, so bugs that need few preemptions come early. A
//! thread that yields is not an option as long as another thread can run: it waits for that one. Unless it has
//! promised that it would only wait again, this leaves something out.

use selvedge::rt::seam::Site;

struct Node {
    options: Vec<usize>,
    /// The operation that asked.
    site: Option<Site>,
    taken: usize,
}

/// The search.
pub(super) struct DepthFirst {
    stack: Vec<Node>,
    position: usize,
    preemptions: usize,
    bound: Option<usize>,
    /// Whether the bound has ever taken an option away.
    pub(super) bound_cut: bool,
    /// Whether a thread that yielded has ever been kept from going on, though it might have.
    pub(super) yield_cut: bool,
    /// The thread that yields now would only wait again.
    pub(super) promised: bool,
    /// An execution met another operation, or other options, than an earlier one that had decided as it did:
    /// the model is not deterministic. At which decision, with the operations.
    pub(super) astray: Option<(usize, [Option<Site>; 2])>,
    /// The operation that asks now.
    pub(super) site: Option<Site>,
}

impl DepthFirst {
    pub(super) fn new(bound: Option<usize>) -> DepthFirst {
        DepthFirst {
            stack: Vec::new(),
            position: 0,
            preemptions: 0,
            bound,
            bound_cut: false,
            yield_cut: false,
            promised: false,
            astray: None,
            site: None,
        }
    }

    /// Moves on to the next execution; `false` if there is none.
    pub(super) fn advance(&mut self) -> bool {
        self.position = 0;
        self.preemptions = 0;
        while let Some(node) = self.stack.last_mut() {
            node.taken += 1;
            if node.taken < node.options.len() {
                return true;
            }
            self.stack.pop();
        }
        false
    }

    /// Returns which share of the tree has been left behind, if all ways count alike at each branch.
    pub(super) fn progress(&self) -> f64 {
        let (mut behind, mut share) = (0.0, 1.0);
        for node in &self.stack {
            share /= node.options.len() as f64;
            behind += share * node.taken as f64;
        }
        behind
    }

    /// The thread to run next.
    pub(super) fn schedule(&mut self, runnable: &[usize], current: Option<usize>, yielding: bool) -> usize {
        let current = current.filter(|thread| runnable.contains(thread));
        let could_go_on = current.filter(|_| !yielding);
        let others = runnable.iter().copied().filter(|thread| Some(*thread) != current);
        let mut options: Vec<usize> = could_go_on.into_iter().chain(others).collect();
        if options.is_empty() {
            // Only the yielding thread can run.
            options.extend(current);
        } else {
            self.yield_cut |= yielding && current.is_some() && !self.promised;
        }
        if could_go_on.is_some() && self.bound.is_some_and(|bound| self.preemptions >= bound) {
            self.bound_cut |= options.len() > 1;
            options.truncate(1);
        }
        let next = self.decide(options);
        if could_go_on.is_some_and(|thread| thread != next) {
            self.preemptions += 1;
        }
        next
    }

    /// A choice below `n`.
    pub(super) fn choose(&mut self, n: usize) -> usize {
        self.decide((0..n).collect())
    }

    fn decide(&mut self, options: Vec<usize>) -> usize {
        if self.position == self.stack.len() {
            self.stack.push(Node { options: options.clone(), site: self.site, taken: 0 });
        }
        let node = &self.stack[self.position];
        self.position += 1;
        if node.options != options || node.site != self.site {
            self.astray.get_or_insert((self.position, [self.site, node.site]));
            return options[0];
        }
        node.options[node.taken]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All interleavings of two threads with `steps` steps each, as the search finds them.
    fn interleavings(steps: usize, bound: Option<usize>) -> (Vec<Vec<usize>>, bool) {
        let mut search = DepthFirst::new(bound);
        let mut found = Vec::new();
        loop {
            let (mut left, mut current, mut order) = ([steps; 2], None, Vec::new());
            while left != [0, 0] {
                let runnable: Vec<usize> = (0..2).filter(|thread| left[*thread] > 0).collect();
                let next = search.schedule(&runnable, current, false);
                left[next] -= 1;
                current = Some(next);
                order.push(next);
            }
            found.push(order);
            if !search.advance() {
                return (found, search.bound_cut);
            }
        }
    }

    #[test]
    fn without_a_bound_every_interleaving_is_met_once() {
        let (mut found, cut) = interleavings(3, None);
        assert_eq!((found.len(), cut), (20, false)); // 6 over 3
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 20);
    }

    #[test]
    fn progress_grows_from_nothing_to_nearly_all() {
        let mut search = DepthFirst::new(None);
        let mut seen = Vec::new();
        loop {
            search.choose(2);
            search.choose(3);
            seen.push((search.progress() * 6.0).round() as u32);
            if !search.advance() {
                break;
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_bound_cuts_and_says_so() {
        let (found, cut) = interleavings(3, Some(0));
        assert_eq!((found.len(), cut), (2, true));
        assert_eq!(interleavings(3, Some(1)).0.len(), 6);
    }

    #[test]
    fn a_yielding_thread_lets_the_other_run() {
        let mut search = DepthFirst::new(None);
        assert_eq!(search.schedule(&[0, 1], Some(0), true), 1);
        assert!(search.yield_cut && !search.advance());
    }

    #[test]
    fn a_thread_that_can_do_nothing_else_or_promises_to_loses_nothing_by_yielding() {
        let mut search = DepthFirst::new(None);
        assert_eq!(search.schedule(&[0], Some(0), true), 0);
        search.promised = true;
        assert_eq!(search.schedule(&[0, 1], Some(0), true), 1);
        assert!(!search.yield_cut);
    }
}
