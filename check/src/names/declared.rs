//! The name of what is made at a place of the source: the variable, field or static to which the value goes.
//!
//! From the expression that makes the value the tokens are read backwards, out of the calls, tuples, arrays and blocks
//! around it, until one binds a name. Where the value cannot be followed (another function returns it, a closure makes it
//! whose calls are not known) there is no name.

use super::pattern::Pattern;
use super::tree::Tree;

/// The closures that these functions call make the values that they return.
const MAKERS: [&str; 14] = [
    "map",
    "from_fn",
    "repeat_with",
    "flat_map",
    "new",
    "new_cyclic",
    "get_or_init",
    "get_or_insert_with",
    "or_insert_with",
    "unwrap_or_else",
    "then",
    "resize_with",
    "call_once",
    "collect",
];

/// Methods that keep their argument.
const KEEPERS: [&str; 10] = [
    "push",
    "push_back",
    "push_front",
    "insert",
    "extend",
    "set",
    "replace",
    "resize_with",
    "get_or_init",
    "store",
];

/// How a value lies in what a name is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// In a tuple.
    Field(usize),
    /// In an array.
    Item(usize),
    /// As one of those that one expression makes.
    Each,
}

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) pattern: Pattern,
    /// The way from the pattern to the value, the outermost part first.
    pub(super) parts: Vec<Part>,
    /// Of a field the type that has it.
    pub(super) owner: Option<String>,
    /// Of a field where the struct goes.
    pub(super) outer: Option<Box<Declared>>,
    /// Whether the name is that of a `const`, of which each use is a value of its own.
    pub(super) is_const: bool,
}

/// A walk backwards through the tokens.
struct Walk<'t> {
    tree: &'t Tree,
    /// The parts that have been left, the innermost first.
    parts: Vec<Part>,
    /// The commas passed since the last bracket.
    commas: usize,
    /// Whether a closure has been left whose caller is not known yet.
    in_closure: bool,
}

/// What a step of a walk comes to.
enum Step {
    /// Go on before this token.
    On(usize),
    Found(Declared),
    Lost,
}

/// Returns where the value goes that the expression makes which begins at this place.
pub(super) fn declared(tree: &Tree, line: u32, column: u32) -> Option<Declared> {
    from_token(tree, tree.at(line, column)?)
}

fn from_token(tree: &Tree, start: usize) -> Option<Declared> {
    let mut walk = Walk { tree, parts: Vec::new(), commas: 0, in_closure: false };
    let mut at = start;
    loop {
        at = match walk.step(at.checked_sub(1)?, at) {
            Step::On(next) => next,
            Step::Found(found) => return Some(found),
            Step::Lost => return None,
        };
    }
}

impl Walk<'_> {
    /// Looks at the token `at`; what is between it and `inner` has been passed.
    fn step(&mut self, at: usize, inner: usize) -> Step {
        let tree = self.tree;
        match tree.sign(at) {
            ")" | "]" | "}" => Step::On(tree.pair(at).unwrap_or(at)),
            "," => {
                self.commas += 1;
                Step::On(at)
            }
            ";" | ".." => Step::Lost,
            "(" => self.leave_parenthesis(at),
            "[" => self.leave_bracket(at),
            "{" => self.leave_brace(at),
            "|" | "||" => self.leave_closure(at),
            ":" => self.field(at),
            "=" => self.binding(at, inner),
            _ if tree.name(at) == Some("return") => Step::Lost,
            _ => Step::On(at),
        }
    }

    fn part(&mut self, part: Part) {
        self.parts.push(part);
        self.commas = 0;
    }

    fn leave_parenthesis(&mut self, open: usize) -> Step {
        let (tree, commas) = (self.tree, core::mem::take(&mut self.commas));
        let several = tree.has(open, ",");
        let Some(callee) = callee(tree, open) else {
            if several {
                self.part(Part::Field(commas));
            }
            return Step::On(open);
        };
        let name = tree.name(callee).unwrap_or_default();
        let is_method = callee.checked_sub(1).is_some_and(|dot| tree.sign(dot) == ".");
        if is_method && KEEPERS.contains(&name) {
            let kept =
                super::used::receiver(tree, callee).filter(|_| !self.in_closure || MAKERS.contains(&name));
            self.part(Part::Each);
            return kept.map_or(Step::Lost, |kept| self.found(Pattern::Name(kept)));
        }
        if self.in_closure {
            if !MAKERS.contains(&name) {
                return Step::Lost;
            }
            self.in_closure = false;
            // `LazyLock::new(|| …)` calls its closure once.
            if !matches!(name, "new" | "new_cyclic" | "get_or_init" | "unwrap_or_else" | "then" | "call_once")
            {
                self.part(Part::Each);
            }
        } else if several && name.starts_with(char::is_uppercase) {
            self.part(Part::Field(commas));
        }
        Step::On(callee)
    }

    fn leave_bracket(&mut self, open: usize) -> Step {
        let (tree, commas) = (self.tree, core::mem::take(&mut self.commas));
        match open.checked_sub(1).map(|before| (tree.sign(before), tree.name(before))) {
            // An index, an attribute, or the end of a path: none of these is a value made of the item.
            Some(("]" | ")" | "#" | "?", _)) => return Step::Lost,
            Some((_, Some(name))) if !is_keyword(name) => return Step::Lost,
            _ => (),
        }
        self.part(if tree.has(open, ";") { Part::Each } else { Part::Item(commas) });
        Step::On(open)
    }

    /// Leaves a block, whose last expression is its value, or a struct whose field has no name of its own.
    fn leave_brace(&mut self, open: usize) -> Step {
        let tree = self.tree;
        // The value is of a statement before the last one.
        if tree.has(open, ";") {
            return Step::Lost;
        }
        self.commas = 0;
        let mut at = open;
        while let Some(before) = tree.before(at) {
            match (tree.sign(before), tree.name(before)) {
                (";" | "{" | "(" | "[" | "," | "=" | "=>" | "|" | "||", _) => return Step::On(before + 1),
                (
                    _,
                    Some("if" | "match" | "while" | "unsafe" | "const" | "else" | "loop" | "async" | "move"),
                ) => {
                    return Step::On(before);
                }
                (
                    _,
                    Some(
                        "fn" | "impl" | "mod" | "trait" | "struct" | "enum" | "union" | "for" | "macro_rules",
                    ),
                ) => {
                    return Step::Lost;
                }
                _ => at = before,
            }
        }
        Step::Lost
    }

    /// Leaves a closure's body, or passes an operator.
    fn leave_closure(&mut self, at: usize) -> Step {
        let tree = self.tree;
        let is_operand = |at: usize| {
            let name = tree.name(at).is_some_and(|name| !is_keyword(name));
            name || tree.is_number(at) || matches!(tree.sign(at), ")" | "]" | "}")
        };
        if tree.sign(at) == "||" {
            if !at.checked_sub(1).is_some_and(is_operand) {
                self.in_closure = true;
                self.commas = 0;
            }
            return Step::On(at);
        }
        let mut begin = at;
        while let Some(before) = tree.before(begin) {
            match tree.sign(before) {
                "|" => {
                    self.in_closure = true;
                    self.commas = 0;
                    return Step::On(before);
                }
                ";" | "{" | "(" | "[" | "=" | "=>" => return Step::On(at),
                _ => begin = before,
            }
        }
        Step::Lost
    }

    /// Looks at a colon: that of a field, if a name and a brace are before it.
    fn field(&mut self, colon: usize) -> Step {
        let tree = self.tree;
        let Some(name) = colon.checked_sub(1).and_then(|at| tree.name(at)) else { return Step::On(colon) };
        if self.in_closure {
            return Step::Lost;
        }
        let mut at = colon - 1;
        while let Some(before) = tree.before(at) {
            if tree.sign(before) == "{" && tree.pair(before).is_none_or(|close| close > colon) {
                let owner = before.checked_sub(1).and_then(|at| tree.name(at));
                let owner =
                    owner.map(|owner| if owner == "Self" { implementing(tree, before) } else { Some(owner) });
                let Step::Found(found) = self.found(Pattern::Name(name.to_string())) else {
                    return Step::Lost;
                };
                return Step::Found(Declared {
                    owner: owner.flatten().map(str::to_string),
                    outer: from_token(tree, before).map(Box::new),
                    ..found
                });
            }
            if matches!(tree.sign(before), ";" | "(" | "[")
                && tree.pair(before).is_none_or(|close| close > colon)
            {
                return Step::On(colon);
            }
            at = before;
        }
        Step::On(colon)
    }

    /// Looks at an equals sign: that of a `let`, a static, a constant, or an assignment.
    fn binding(&mut self, equals: usize, inner: usize) -> Step {
        let tree = self.tree;
        debug_assert!(equals < inner, "the walk goes backwards");
        let mut at = equals;
        let keyword = loop {
            let Some(before) = tree.before(at) else { break None };
            match (tree.sign(before), tree.name(before)) {
                (_, Some("let" | "static" | "const")) => break Some(before),
                (";" | "{" | "(" | "[" | "|" | "=>", _)
                    if tree.pair(before).is_none_or(|close| close > equals) =>
                {
                    break None;
                }
                _ => at = before,
            }
        };
        if self.in_closure {
            return Step::Lost;
        }
        let Some(keyword) = keyword else {
            // `a >= b` comes as two signs.
            let is_comparison = tree.sign(equals.wrapping_sub(1)) == ">";
            let assigned = super::used::place(tree, equals).filter(|_| !is_comparison);
            return assigned.map_or(Step::Lost, |name| self.found(Pattern::Name(name)));
        };
        let mut end = keyword + 1;
        while end < equals && tree.sign(end) != ":" {
            end = tree.pair(end).filter(|close| *close > end && *close < equals).unwrap_or(end) + 1;
        }
        match self.found(Pattern::between(tree, keyword + 1, end.min(equals))) {
            Step::Found(found) => Step::Found(Declared { is_const: tree.text(keyword) == "const", ..found }),
            other => other,
        }
    }

    fn found(&mut self, pattern: Pattern) -> Step {
        let parts = self.parts.drain(..).rev().collect();
        Step::Found(Declared { pattern, parts, owner: None, outer: None, is_const: false })
    }
}

/// Returns the name of the function, method or macro whose arguments begin at `open`, if it is a call.
fn callee(tree: &Tree, open: usize) -> Option<usize> {
    let mut at = open.checked_sub(1)?;
    if tree.sign(at) == "!" {
        at = at.checked_sub(1)?;
    } else if tree.sign(at) == ">" {
        // The end of `name::<…>`.
        let mut depth = 0_usize;
        loop {
            match tree.sign(at) {
                ">" => depth += 1,
                "<" => depth -= 1,
                ";" | "{" | "}" | "=" => return None,
                _ => (),
            }
            at = at.checked_sub(1)?;
            if depth == 0 {
                break;
            }
        }
        at = if tree.sign(at) == "::" { at.checked_sub(1)? } else { at };
    }
    tree.name(at).filter(|name| !is_keyword(name)).map(|_| at)
}

/// Returns the type of the `impl` around a token.
fn implementing(tree: &Tree, mut at: usize) -> Option<&str> {
    loop {
        at = at.checked_sub(1)?;
        at = match tree.sign(at) {
            ")" | "]" | "}" => tree.pair(at).unwrap_or(at),
            "{" => {
                let mut begin = at;
                let mut name = None;
                while let Some(before) = tree.before(begin) {
                    match (tree.sign(before), tree.name(before)) {
                        (_, Some("impl")) => return name,
                        (_, Some("for")) => break,
                        (_, Some("where")) => name = None,
                        (";" | "{" | "}", _) => {
                            name = None;
                            break;
                        }
                        (_, Some(word)) if word.starts_with(char::is_uppercase) => name = Some(word),
                        _ => (),
                    }
                    begin = before;
                }
                if name.is_some() {
                    return name;
                }
                at
            }
            _ => at,
        };
    }
}

fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "as" | "async"
            | "await"
            | "break"
            | "const"
            | "continue"
            | "dyn"
            | "else"
            | "for"
            | "if"
            | "in"
            | "let"
            | "loop"
            | "match"
            | "move"
            | "mut"
            | "ref"
            | "return"
            | "static"
            | "unsafe"
            | "where"
            | "while"
            | "yield"
    )
}

/// Returns the struct whose derive stands at this place, and its fields with their types.
pub(super) fn derived(tree: &Tree, line: u32, column: u32) -> Option<(String, Vec<(String, String)>)> {
    let at = tree.at(line, column)?;
    let open = (0..at).rev().find(|open| tree.pair(*open).is_some_and(|close| close > at))?;
    open.checked_sub(1).filter(|before| tree.name(*before) == Some("derive"))?;
    let mut name = tree.pair(open)?;
    // Other attributes and a visibility may stand in between.
    while tree.name(name) != Some("struct") {
        name = tree.pair(name).filter(|close| *close > name).unwrap_or(name) + 1;
        if matches!(tree.text(name), "" | ";" | "{" | "enum" | "fn") {
            return None;
        }
    }
    let owner = tree.name(name + 1)?.to_string();
    let body =
        (name + 2..).take_while(|at| !matches!(tree.text(*at), "" | ";")).find(|at| tree.sign(*at) == "{")?;
    let close = tree.pair(body)?;
    let (mut fields, mut at) = (Vec::new(), body + 1);
    while at < close {
        if tree.sign(at) == ":" {
            let ends = |end: &usize| *end >= close || tree.sign(*end) == ",";
            let types =
                (at + 1..).take_while(|end| !ends(end)).map(|part| tree.text(part)).collect::<String>();
            fields.push((tree.name(at - 1)?.to_string(), types));
        }
        at = tree.pair(at).filter(|end| *end > at).unwrap_or(at) + 1;
    }
    Some((owner, fields))
}
