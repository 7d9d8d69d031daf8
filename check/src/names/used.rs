//! The name by which an operation calls its object.

use super::tree::Tree;

/// Methods that return what their receiver owns or points to.
const ACCESSORS: [&str; 12] = [
    "as_ref",
    "as_mut",
    "borrow",
    "borrow_mut",
    "clone",
    "deref",
    "expect",
    "get",
    "get_mut",
    "iter",
    "lock",
    "unwrap",
];

/// Returns the name of the object on which the method is called whose name stands at this place, or which is the first
/// argument of the function there.
pub(super) fn used(tree: &Tree, line: u32, column: u32) -> Option<String> {
    let at = tree.at(line, column)?;
    tree.name(at)?;
    match at.checked_sub(1).map(|before| tree.sign(before)) {
        Some(".") => receiver(tree, at),
        _ => argument(tree, at),
    }
}

/// Returns the name of the object on which the method is called whose name is the token `method`.
pub(super) fn receiver(tree: &Tree, method: usize) -> Option<String> {
    let dot = method.checked_sub(1).filter(|dot| tree.sign(*dot) == ".")?;
    place(tree, dot)
}

/// Returns the name of the place whose expression ends before the token `end`: the last field or variable in it.
pub(super) fn place(tree: &Tree, end: usize) -> Option<String> {
    let last = end.checked_sub(1)?;
    if tree.is_number(last) {
        let whole =
            last.checked_sub(1).filter(|dot| tree.sign(*dot) == ".").and_then(|dot| place(tree, dot))?;
        return Some(format!("{whole}.{}", tree.text(last)));
    }
    match tree.sign(last) {
        "?" => place(tree, last),
        "]" => {
            let open = tree.pair(last)?;
            let whole = place(tree, open)?;
            let index = (open + 2 == last).then(|| tree.text(open + 1)).filter(|_| tree.is_number(open + 1));
            Some(index.map_or(whole.clone(), |index| format!("{whole}[{index}]")))
        }
        ")" => {
            let open = tree.pair(last)?;
            match open.checked_sub(1).and_then(|callee| tree.name(callee)) {
                Some(callee) if ACCESSORS.contains(&callee) => receiver(tree, open - 1),
                Some(callee) => Some(callee.to_string()),
                // `(*pointer)`, `(&mut *pointer)`
                None => inside(tree, open, last),
            }
        }
        _ => match tree.name(last)? {
            "await" => last.checked_sub(1).and_then(|dot| place(tree, dot)),
            "self" | "Self" | "super" | "crate" => None,
            name => Some(name.to_string()),
        },
    }
}

/// Returns the name of the place in parentheses, if there is nothing else but signs that borrow or dereference it.
fn inside(tree: &Tree, open: usize, close: usize) -> Option<String> {
    let is_sign = |at: &usize| matches!(tree.text(*at), "&" | "&&" | "*" | "mut" | "unsafe");
    (open + 1..close).find(|at| !is_sign(at)).filter(|first| tree.name(*first).is_some())?;
    place(tree, close)
}

/// Returns the name of the first argument of the function whose path begins at a token.
fn argument(tree: &Tree, path: usize) -> Option<String> {
    let mut open = path + 1;
    while tree.sign(open) == "::" {
        open += 2;
    }
    let close = tree.pair(open).filter(|close| tree.sign(open) == "(" && *close > open)?;
    let mut end = open + 1;
    while end < close && tree.sign(end) != "," {
        end = tree.pair(end).filter(|pair| *pair > end).unwrap_or(end) + 1;
    }
    place(tree, end.min(close))
}
