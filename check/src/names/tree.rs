//! The tokens of a source file, with the pairs of its brackets.

use super::lexer::{Kind, tokens};
use core::ops::Range;

/// A source file and its tokens.
pub(super) struct Tree {
    text: String,
    tokens: Vec<Word>,
    /// For each bracket the other one of its pair.
    pairs: Vec<Option<usize>>,
}

/// A token, by the bytes of the text.
struct Word {
    kind: Kind,
    bytes: Range<usize>,
    place: (u32, u32),
}

impl Tree {
    pub(super) fn new(text: String) -> Tree {
        let tokens = tokens(&text);
        let mut pairs = vec![None; tokens.len()];
        let mut open: Vec<(usize, &str)> = Vec::new();
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Sign) {
            match token.text {
                "(" => open.push((at, ")")),
                "[" => open.push((at, "]")),
                "{" => open.push((at, "}")),
                ")" | "]" | "}" => {
                    // A bracket that nothing closes is no bracket.
                    if let Some(depth) = open.iter().rposition(|(_, closing)| *closing == token.text) {
                        let (begin, _) = open[depth];
                        open.truncate(depth);
                        (pairs[begin], pairs[at]) = (Some(at), Some(begin));
                    }
                }
                _ => (),
            }
        }
        let begin = text.as_ptr().addr();
        let words = tokens.iter().map(|token| {
            let start = token.text.as_ptr().addr() - begin;
            let (kind, place) = (token.kind, (token.line, token.column));
            Word { kind, bytes: start..start + token.text.len(), place }
        });
        let tokens = words.collect();
        Tree { text, tokens, pairs }
    }

    /// Returns a line of the text.
    pub(super) fn line(&self, line: u32) -> Option<&str> {
        self.text.lines().nth(line.checked_sub(1)? as usize)
    }

    /// Returns the token that begins at this place.
    pub(super) fn at(&self, line: u32, column: u32) -> Option<usize> {
        self.tokens.binary_search_by_key(&(line, column), |token| token.place).ok()
    }

    pub(super) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.text[token.bytes.clone()])
    }

    /// Returns the token's text if it is an operator or bracket, else nothing.
    pub(super) fn sign(&self, at: usize) -> &str {
        if self.kind(at) == Some(Kind::Sign) { self.text(at) } else { "" }
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    /// Returns the token's text if it is a name or keyword.
    pub(super) fn name(&self, at: usize) -> Option<&str> {
        (self.kind(at) == Some(Kind::Name)).then(|| self.text(at))
    }

    pub(super) fn is_number(&self, at: usize) -> bool {
        self.kind(at) == Some(Kind::Number)
    }

    /// Returns the other bracket of a pair.
    pub(super) fn pair(&self, at: usize) -> Option<usize> {
        self.pairs.get(at).copied().flatten()
    }

    /// Returns the token before `at`, or the one that opens the group which the token before `at` closes.
    pub(super) fn before(&self, at: usize) -> Option<usize> {
        let before = at.checked_sub(1)?;
        match self.sign(before) {
            ")" | "]" | "}" => Some(self.pair(before).unwrap_or(before)),
            _ => Some(before),
        }
    }

    /// Returns whether a group has this sign, not counting groups in it.
    pub(super) fn has(&self, open: usize, sign: &str) -> bool {
        let Some(close) = self.pair(open) else { return false };
        let mut at = open + 1;
        while at < close {
            if self.sign(at) == sign {
                return true;
            }
            at = self.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
        }
        false
    }
}
