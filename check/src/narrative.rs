//! The steps of a failed execution, folded for a reader.
//!
//! What a thread does inside a call of `selvedge` becomes one line, with the line of the caller: the steps themselves
//! are the library's. A block of lines that repeats is printed once, with the number of repetitions. Pointers are
//! called `p0`, `p1`, … in the order in which they appear. With `SELVEDGE_STEPS=all`, or with `{:#}`, each step is a
//! line of its own.

use crate::names::{Names, Sources};
use core::fmt;
use selvedge::rt::seam::{Call, Failure, Site, Step, is_own_source};
use std::collections::HashMap;

/// Set to `all` for each step.
const STEPS: &str = "SELVEDGE_STEPS";

/// The most lines of a block whose repetition is found.
const LONGEST_BLOCK: usize = 200;

/// How many lines of a long list are printed at its beginning and at its end.
const FIRST: usize = 100;
const LAST: usize = 150;

/// A line, with the number of its first step.
struct Line {
    number: usize,
    text: String,
}

/// Writes the steps of a failure, if it has any.
pub(crate) fn write(
    f: &mut fmt::Formatter<'_>,
    failure: &Failure,
    names: &Names,
    sources: &mut Sources,
) -> fmt::Result {
    if failure.steps.is_empty() {
        return Ok(());
    }
    let named = (1..failure.names.len()).filter_map(|thread| Some((thread, names.thread(thread)?)));
    let threads = named.map(|(thread, name)| format!(", T{thread} is `{name}`")).collect::<String>();
    writeln!(f, "  the interleaving (T0 is the model's body{threads}):")?;
    let mut names = Teller { names, sources, calls: HashMap::new() };
    if f.alternate() || std::env::var(STEPS).is_ok_and(|steps| steps == "all") {
        let lines = failure.steps.iter().enumerate().map(|(at, step)| names.step(at + 1, step));
        return lines.into_iter().try_for_each(|line| write_line(f, &line));
    }
    let lines = names.units(&failure.steps);
    let hidden = lines.len() < failure.steps.len();
    write_short(f, &folded(lines))?;
    if hidden {
        let steps = failure.steps.len();
        writeln!(f, "        (what selvedge does in a call is folded; {STEPS}=all shows all {steps} steps)")?;
    }
    Ok(())
}

fn write_line(f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
    match line.number {
        0 => writeln!(f, "        {}", line.text),
        number => writeln!(f, "  {number:>4}  {}", line.text),
    }
}

fn write_short(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    if lines.len() <= FIRST + LAST {
        return lines.iter().try_for_each(|line| write_line(f, line));
    }
    let (first, last) = (&lines[..FIRST], &lines[lines.len() - LAST..]);
    first.iter().try_for_each(|line| write_line(f, line))?;
    writeln!(f, "        … {} lines; {STEPS}=all shows them …", lines.len() - FIRST - LAST)?;
    last.iter().try_for_each(|line| write_line(f, line))
}

/// Returns the lines, of which each block that repeats stands once.
fn folded(lines: Vec<Line>) -> Vec<Line> {
    let same = |a: &[Line], b: &[Line]| a.iter().zip(b).all(|(a, b)| a.text == b.text);
    let mut folded = Vec::new();
    let mut rest = &lines[..];
    while let Some(first) = rest.first() {
        let longest = LONGEST_BLOCK.min(rest.len() / 2);
        let repeats = (1..=longest).find(|length| {
            let next = &rest[*length..2 * length];
            next[0].text == first.text && same(&rest[..*length], next)
        });
        let (length, rounds) = match repeats {
            None => (1, 1),
            Some(length) => {
                let rounds = rest.chunks_exact(length).take_while(|round| same(&rest[..length], round));
                (length, rounds.count())
            }
        };
        let copy = |line: &Line| Line { number: line.number, text: line.text.clone() };
        if length * (rounds - 1) > 2 {
            folded.extend(rest[..length].iter().map(copy));
            let what = if length == 1 { "this line".to_string() } else { format!("these {length} lines") };
            folded.push(Line { number: 0, text: format!("… {what} {} times more", rounds - 1) });
        } else {
            folded.extend(rest[..length * rounds].iter().map(copy));
        }
        rest = &rest[length * rounds..];
    }
    folded
}

/// Tells steps by the names of objects, pointers and calls.
struct Teller<'a> {
    names: &'a Names,
    sources: &'a mut Sources,
    /// The last call of each thread.
    calls: HashMap<usize, u32>,
}

impl Teller<'_> {
    /// Returns a line for each step, and one line for consecutive steps of one thread inside one call.
    fn units(&mut self, steps: &[Step]) -> Vec<Line> {
        let mut lines = Vec::new();
        let inside = |step: &Step| is_own_source(step.site.file());
        let same = |a: &Step, b: &Step| {
            a.thread == b.thread && a.call == b.call && inside(a) == inside(b) && inside(a)
        };
        let mut number = 1;
        for unit in steps.chunk_by(same) {
            let first = &unit[0];
            lines.push(match first.call {
                Some(call) if inside(first) => self.call(number, first.thread, call),
                None if unit.len() > 1 => inside_of(number, unit),
                _ => self.step(number, first),
            });
            number += unit.len();
        }
        lines
    }

    fn step(&mut self, number: usize, step: &Step) -> Line {
        let (names, of) = (self.names, step.object());
        let text = step.text(|family, number| names.object(family, number), |value| names.value(of, value));
        Line { number, text: format!("{text}  {}:{}", step.site.file(), step.site.line()) }
    }

    fn call(&mut self, number: usize, thread: usize, call: Call) -> Line {
        let goes_on = self.calls.insert(thread, call.number) == Some(call.number);
        let (name, goes_on) = (self.called(call.site), if goes_on { " goes on" } else { "" });
        Line { number, text: format!("T{thread} {name}{goes_on}  {}:{}", call.site.file(), call.site.line()) }
    }

    /// Returns the name of the function that is called at `site`, read from the source.
    fn called(&mut self, site: Site) -> String {
        let line = self.sources.line(site.file(), site.line(), site.column());
        let path = line.map(|line| {
            let call = line.text.chars().skip(line.start);
            call.take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect::<String>()
        });
        let name = path.as_deref().and_then(|path| path.rsplit(':').find(|part| !part.is_empty()));
        name.unwrap_or("a call").to_string()
    }
}

/// Returns the line for steps inside the library whose call is not known.
fn inside_of(number: usize, steps: &[Step]) -> Line {
    let (first, count) = (&steps[0], steps.len());
    let text = format!(
        "T{} {count} steps of selvedge from  {}:{}",
        first.thread,
        first.site.file(),
        first.site.line()
    );
    Line { number, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller<'a>(names: &'a Names, sources: &'a mut Sources) -> Teller<'a> {
        Teller { names, sources, calls: HashMap::new() }
    }

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|line| line.text).collect()
    }

    fn lines(text: &str) -> Vec<Line> {
        (1..).zip(text.chars()).map(|(number, c)| Line { number, text: c.to_string() }).collect()
    }

    #[test]
    fn blocks_that_repeat_are_printed_once() {
        assert_eq!(texts(folded(lines("abcdx"))), ["a", "b", "c", "d", "x"]);
        assert_eq!(texts(folded(lines("aabb"))), ["a", "a", "b", "b"]);
        assert_eq!(texts(folded(lines("xaaaaay"))), ["x", "a", "… this line 4 times more", "y"]);
        assert_eq!(
            texts(folded(lines("xabcabcabcab"))),
            ["x", "a", "b", "c", "… these 3 lines 2 times more", "a", "b"]
        );
    }

    #[test]
    fn a_call_is_named_as_in_its_source() {
        #[track_caller]
        fn here<T>(_: T) -> Site {
            core::panic::Location::caller()
        }
        let (names, mut sources) = (Names::default(), Sources::default());
        let mut teller = teller(&names, &mut sources);
        assert_eq!(teller.called(here::<u8>(1)), "here");
        assert_eq!(teller.called(self::tests_help::method().site()), "site");
    }

    mod tests_help {
        pub(super) struct Method;
        pub(super) fn method() -> Method {
            Method
        }
        impl Method {
            #[track_caller]
            pub(super) fn site(self) -> super::Site {
                core::panic::Location::caller()
            }
        }
    }
}
