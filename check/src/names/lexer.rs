//! Splits Rust source into tokens with their places, leniently: any text has tokens.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword; of a raw identifier the part behind `r#`.
    Name,
    Number,
    /// A string, byte string or character.
    Text,
    Lifetime,
    /// An operator or bracket.
    Sign,
}

/// A token, and where it begins: line and column count from 1, the column in characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// The operators of several characters, the longest first. `>=` and `>>` are split, since they may close generics.
const OPERATORS: [&str; 21] = [
    "..=", "...", "<<=", "::", "->", "=>", "==", "!=", "<=", "&&", "||", "..", "+=", "-=", "*=", "/=", "%=",
    "^=", "&=", "|=", "<<",
];

struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

/// Returns the tokens of a text, without its comments.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { rest: text, line: 1, column: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    tokens
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    /// Takes so many bytes, which end at a character's boundary.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            match c {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                _ => self.column += 1,
            }
        }
        self.rest = rest;
        taken
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let first = self.rest.chars().next()?;
        let (line, column) = (self.line, self.column);
        let (kind, bytes) = self.measure(first);
        let text = self.take(bytes);
        let text = if kind == Kind::Name { text.strip_prefix("r#").unwrap_or(text) } else { text };
        Some(Token { kind, text, line, column })
    }

    /// Skips white space and comments, which may be nested.
    fn skip_blanks(&mut self) {
        loop {
            let blank = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
            self.take(blank);
            if self.rest.starts_with("//") {
                self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                self.take(comment(self.rest));
            } else {
                return;
            }
        }
    }

    /// Returns the kind of the next token, and its length in bytes.
    fn measure(&self, first: char) -> (Kind, usize) {
        let rest = self.rest;
        if let Some(bytes) = string(rest) {
            return (Kind::Text, bytes);
        }
        if is_start(first) {
            let raw = rest.strip_prefix("r#").filter(|name| name.starts_with(is_start));
            return (Kind::Name, raw.map_or(word(rest), |name| 2 + word(name)));
        }
        if first.is_ascii_digit() {
            return (Kind::Number, number(rest));
        }
        if first == '\'' {
            return quote(rest);
        }
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
        (Kind::Sign, operator.map_or(first.len_utf8(), |operator| operator.len()))
    }
}

/// Returns the length of the identifier with which a text begins.
fn word(text: &str) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// Returns the length of the number with which a text begins; a dot belongs to it if a digit follows.
fn number(text: &str) -> usize {
    let whole = word(text);
    match text[whole..].strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => whole + 1 + word(fraction),
        _ => whole,
    }
}

/// Returns the length of the block comment with which a text begins.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the length of the string with which a text begins, if it begins with one.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let quoted = text.strip_prefix(prefix).unwrap_or_default().trim_start_matches('#');
        let raw = prefix.ends_with('r');
        quoted.starts_with('"') && (raw || text[prefix.len()..].starts_with('"'))
            || *prefix == "b" && text.starts_with("b'")
    })?;
    let rest = &text[prefix.len()..];
    if rest.starts_with('\'') {
        let (kind, bytes) = quote(rest);
        return (kind == Kind::Text).then_some(prefix.len() + bytes);
    }
    if prefix.ends_with('r') {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &rest[hashes + 1..];
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    Some(prefix.len() + 1 + quoted(&rest[1..], '"'))
}

/// Returns the length of a text up to and with the quotation mark that is not escaped.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == mark => return at + c.len_utf8(),
            _ => (),
        }
    }
    text.len()
}

/// Returns what begins with a single quotation mark: a lifetime, or a character.
fn quote(text: &str) -> (Kind, usize) {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => (Kind::Text, 1 + quoted(&text[1..], '\'')),
        (Some(c), Some('\'')) => (Kind::Text, 2 + c.len_utf8()),
        (Some(c), _) if is_start(c) => (Kind::Lifetime, 1 + word(&text[1..])),
        _ => (Kind::Sign, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_lifetimes_hide_what_is_in_them() {
        assert_eq!(texts("a /* x /* y */ z */ b // c\nd"), ["a", "b", "d"]);
        assert_eq!(texts(r##"f("a\"b", r#"c"d"#, b'\'', 'x', '"')"##).len(), 12);
        assert_eq!(texts("&'a str"), ["&", "'a", "str"]);
        assert_eq!(texts("r#type.r#fn"), ["type", ".", "fn"]);
        assert_eq!(texts("self.0.load(1.5)"), ["self", ".", "0", ".", "load", "(", "1.5", ")"]);
        assert_eq!(texts("Arc<T>=a==b"), ["Arc", "<", "T", ">", "=", "a", "==", "b"]);
    }

    #[test]
    fn places_count_characters() {
        let found = tokens("é = \"ü\";\n  x");
        let places: Vec<_> = found.iter().map(|token| (token.text, token.line, token.column)).collect();
        assert_eq!(places, [("é", 1, 1), ("=", 1, 3), ("\"ü\"", 1, 5), (";", 1, 8), ("x", 2, 3)]);
    }

    #[test]
    fn every_text_has_tokens() {
        let random = &mut fastrand::Rng::with_seed(7);
        let parts = [
            "r#", "\"", "'", "\\", "/*", "*/", "//", "\n", "b", "é", "0.", "{", ")", "r", "#", "'a", "::",
            "\u{301}",
        ];
        for _ in 0..3_000 {
            let text: String = (0..random.usize(..24)).map(|_| parts[random.usize(..parts.len())]).collect();
            let found = tokens(&text);
            assert!(found.iter().all(|token| !token.text.is_empty()), "{text:?}: {found:?}");
        }
    }
}
