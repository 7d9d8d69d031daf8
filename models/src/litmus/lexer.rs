//! The words of a line.

/// A word, and where it begins: the column, from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) column: usize,
}

/// Signs, those of two characters before those that they begin with.
const SIGNS: [&str; 20] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "=", "+", "-", "^", "(", ")", "[", "]", "{", "}", ";", ".",
];

/// Splits a part of a line into words: names and numbers, and signs. `column` is where the part begins.
pub(super) fn words(text: &str, column: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let column = column + text[..text.len() - trimmed.len()].chars().count();
        let Some(first) = trimmed.chars().next() else { return words };
        let length = match SIGNS.iter().find(|sign| trimmed.starts_with(**sign)) {
            Some(sign) => sign.len(),
            None if is_part_of_name(first) => trimmed.find(|c| !is_part_of_name(c)).unwrap_or(trimmed.len()),
            None => first.len_utf8(),
        };
        words.push(Word { text: trimmed[..length].to_string(), column });
        rest = &trimmed[length..];
    }
}

fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
