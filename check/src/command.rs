//! The command that runs a model again, in a shell's words.

/// Returns the command that runs this program again; in a test, only this test, after which the current thread is named.
pub(crate) fn of_this_program() -> String {
    let Ok(program) = std::env::current_exe() else { return "cargo test".to_string() };
    let thread = std::thread::current().name().filter(|name| *name != "main").map(str::to_string);
    let is_test = program.parent().is_some_and(|folder| folder.ends_with("deps"));
    let arguments = match thread {
        Some(test) if is_test => vec!["--exact".to_string(), test, "--nocapture".to_string()],
        _ => std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    let words = std::iter::once(program.to_string_lossy().into_owned()).chain(arguments);
    words.map(|word| if is_plain(&word) { word } else { quoted(&word) }).collect::<Vec<_>>().join(" ")
}

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c))
}

/// Returns the word in quotes within which a shell changes nothing.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_may_hold_quotes() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert!(is_plain("/target/debug/deps/a-1f") && !is_plain("a b") && !is_plain("$x") && !is_plain(""));
    }
}
