//! Parts of an exploration that other machines can explore: each part is a level of its own.

use super::{Exploration, Item, Level, What};
use crate::Model;
use crate::graph::Graph;
use serde::{Deserialize, Serialize};

/// A part of an exploration, independent of all other parts. Another OS thread, or another process of the same program,
/// can explore it, now or later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part(pub(crate) Box<Level>);

impl Part {
    /// Returns the whole exploration under a memory model.
    pub fn whole(model: Model) -> Part {
        let items = vec![Item { what: What::Start, weight: 1.0 }];
        Part(Box::new(Level { graph: Box::new(Graph::empty(model)), items }))
    }
}

impl Exploration {
    /// Gives away the oldest branch left to explore, which tends to be the largest, unless it is the only branch.
    pub(crate) fn give(&mut self) -> Option<Part> {
        if self.pending() < 2 {
            return None;
        }
        for level in &mut self.below {
            if !level.items.is_empty() {
                let item = level.items.remove(0);
                return Some(part(&level.graph, item));
            }
        }
        let item = self.items.remove(0);
        Some(part(&self.graph, item))
    }

    /// Gives away everything left to explore, the oldest first.
    pub(crate) fn give_all(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        for level in self.below.drain(..) {
            parts.extend(level.items.into_iter().map(|item| part(&level.graph, item)));
        }
        let items = core::mem::take(&mut self.items);
        parts.extend(items.into_iter().map(|item| part(&self.graph, item)));
        parts
    }

    /// Gives away the current branch, which has not been run.
    pub(crate) fn give_current(&mut self) -> Part {
        let items = vec![Item { what: What::Start, weight: self.weight }];
        let model = self.graph.model;
        let graph = core::mem::replace(&mut self.graph, Box::new(Graph::new(model)));
        Part(Box::new(Level { graph, items }))
    }

    /// Returns the number of branches left to explore, besides the current one.
    pub(crate) fn pending(&self) -> usize {
        self.items.len() + self.below.iter().map(|level| level.items.len()).sum::<usize>()
    }

    /// Takes a part on. The exploration must have no branch left.
    pub(crate) fn take(&mut self, part: Part) {
        let Level { graph, items } = *part.0;
        if !graph.events.is_empty() {
            self.graph = graph;
        } else if !self.graph.is_new() {
            *self.graph = Graph::new(graph.model);
        }
        self.items = items;
        self.below.clear();
    }
}

fn part(graph: &Graph, item: Item) -> Part {
    let graph = match &item.what {
        What::Add { length, .. } => {
            let mut graph = graph.clone();
            graph.cut(*length);
            graph
        }
        // Such a branch brings its own graph, or begins anew.
        What::Revisit { .. } | What::Start => Graph::empty(graph.model),
    };
    Part(Box::new(Level { graph: Box::new(graph), items: vec![item] }))
}
