//! The names that a pattern binds, as far as a value can be followed into it.

use super::tree::Tree;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Name(String),
    /// A tuple, an array, or the arguments of a variant.
    Items(Vec<Pattern>),
    /// Anything else.
    Other,
}

impl Pattern {
    /// Returns the pattern between two tokens.
    pub(super) fn between(tree: &Tree, mut from: usize, to: usize) -> Pattern {
        while matches!(tree.text(from), "&" | "&&" | "mut" | "ref") && from < to {
            from += 1;
        }
        if from >= to {
            return Pattern::Other;
        }
        if matches!(tree.sign(from), "(" | "[") {
            return Pattern::items(tree, from, to);
        }
        let Some(name) = tree.name(from) else { return Pattern::Other };
        match tree.sign(from + 1) {
            _ if from + 1 == to && name == "_" => Pattern::Other,
            _ if from + 1 == to => Pattern::Name(name.to_string()),
            "@" => Pattern::Name(name.to_string()),
            // The arguments of a variant: the last group.
            _ => match tree.pair(to - 1).filter(|open| *open > from && tree.sign(*open) == "(") {
                Some(open) => Pattern::items(tree, open, to),
                None => Pattern::Other,
            },
        }
    }

    fn items(tree: &Tree, open: usize, to: usize) -> Pattern {
        let Some(close) = tree.pair(open).filter(|close| *close < to) else { return Pattern::Other };
        let (mut items, mut from, mut at) = (Vec::new(), open + 1, open + 1);
        while at < close {
            if tree.sign(at) == "," {
                items.push(Pattern::between(tree, from, at));
                from = at + 1;
            }
            at = tree.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
        }
        if from < close {
            items.push(Pattern::between(tree, from, close));
        }
        Pattern::Items(items)
    }

    /// Returns the first name that the pattern binds.
    pub(super) fn first(&self) -> Option<&str> {
        match self {
            Pattern::Name(name) => Some(name),
            Pattern::Items(items) => items.iter().find_map(Pattern::first),
            Pattern::Other => None,
        }
    }
}
