//! Replay tokens: each names an engine and one of its executions.
//!
//! - `shuttle:0*12-1*3-c1-0*2`: thread 0 runs 12 steps, thread 1 runs 3, a choice of 1, …
//! - `shuttle:0*3-(1*2-0*2)*50`: after three steps of thread 0, both threads take two steps in turn, fifty times.
//! - `graph:0*5-1*3/7=1`: see `selvedge_graph::Token`.
//! - `loom:17/2` or `loom:17/none:1.0`: execution 17 of the exploration with at most two preemptions, or
//!   with any number and the choices 1, 0.
//!
//! A user sees the token with the form of the primitives, the version that made it, and the model's name:
//! `loom:real~17/2@0.1.0:my model`. A token without a form is replayed in the checker's. If the execution was drawn at
//! random, the seed stands before the version: `graph:specified~0*5-1*3~seed=7@0.1.0:my model`. A replay does not need the
//! seed.

use crate::Primitives;
use core::fmt;
use core::str::FromStr;

/// One decision of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This thread runs next.
    Thread(usize),
    /// `rt::choose` returns this number.
    Choice(usize),
}

/// An execution that can be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Shuttle(Vec<Decision>),
    Loom {
        execution: u64,
        /// The bound of the exploration.
        preemptions: Option<usize>,
        choices: Vec<usize>,
    },
    /// The engine's own text.
    Graph(String),
}

/// A decision, and how often it is taken in a row.
type Run = (Decision, usize);

/// No engine writes a longer schedule, so a token of a longer one is refused.
const LONGEST: usize = 10_000_000;

/// The most runs of a group whose repetition is found.
const LONGEST_GROUP: usize = 32;

fn runs(decisions: &[Decision]) -> Vec<Run> {
    decisions.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect()
}

/// Writes runs, with a group of them that repeats written once.
fn write_groups(f: &mut fmt::Formatter<'_>, runs: &[Run]) -> fmt::Result {
    let mut rest = runs;
    while !rest.is_empty() {
        let longest = LONGEST_GROUP.min(rest.len() / 2);
        let group = (2..=longest).find(|length| rest[..*length] == rest[*length..2 * length]);
        let length = group.unwrap_or(1);
        let times = rest.chunks_exact(length).take_while(|next| *next == &rest[..length]).count();
        f.write_str(if rest.len() == runs.len() { "" } else { "-" })?;
        if times > 1 {
            f.write_str("(")?;
        }
        for (position, (decision, times)) in rest[..length].iter().enumerate() {
            f.write_str(if position == 0 { "" } else { "-" })?;
            match decision {
                Decision::Thread(thread) => write!(f, "{thread}")?,
                Decision::Choice(choice) => write!(f, "c{choice}")?,
            }
            if *times > 1 {
                write!(f, "*{times}")?;
            }
        }
        if times > 1 {
            write!(f, ")*{times}")?;
        }
        rest = &rest[length * times..];
    }
    Ok(())
}

/// Returns the decisions that the text of runs and groups stands for, or what is wrong with the text.
fn decisions(text: &str) -> Result<Vec<Decision>, &'static str> {
    let mut decisions = Vec::new();
    let mut rest = text;
    loop {
        let end = match rest.strip_prefix('(') {
            Some(group) => 1 + group.find(')').ok_or("a group without an end")?,
            None => 0,
        };
        let end = rest[end..].find('-').map_or(rest.len(), |at| end + at);
        let (what, times) = match rest[..end].strip_prefix('(') {
            Some(group) => group.split_once(")*").ok_or("a group without a repetition")?,
            None => rest[..end].split_once('*').unwrap_or((&rest[..end], "1")),
        };
        let once = if rest.starts_with('(') { self::decisions(what)? } else { vec![decision(what)?] };
        let times: usize = times.parse().map_err(|_| "a bad repetition")?;
        if times.saturating_mul(once.len()) > LONGEST - decisions.len() {
            return Err("a repetition that is too long");
        }
        decisions.extend(once.repeat(times));
        match rest[end..].strip_prefix('-') {
            Some(next) => rest = next,
            None => return Ok(decisions),
        }
    }
}

fn decision(text: &str) -> Result<Decision, &'static str> {
    let decision = match text.strip_prefix('c') {
        Some(choice) => choice.parse().map(Decision::Choice),
        None => text.parse().map(Decision::Thread),
    };
    decision.map_err(|_| "a bad decision")
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Loom { execution, preemptions, choices } => {
                write!(f, "loom:{execution}/")?;
                match preemptions {
                    Some(bound) => write!(f, "{bound}")?,
                    None => f.write_str("none")?,
                }
                let choices: Vec<_> = choices.iter().map(usize::to_string).collect();
                if choices.is_empty() { Ok(()) } else { write!(f, ":{}", choices.join(".")) }
            }
            Token::Graph(token) => write!(f, "graph:{token}"),
            Token::Shuttle(decisions) => {
                f.write_str("shuttle:")?;
                write_groups(f, &runs(decisions))?;
                Ok(())
            }
        }
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Token, String> {
        let wrong = |what: &str| {
            format!(
                "`{text}` is not a replay token ({what}); copy the whole token from a failure's report, \
                 such as `shuttle:0*12-1*3@0.1.0:my model`"
            )
        };
        let (engine, rest) = text.split_once(':').ok_or_else(|| wrong("no engine"))?;
        match engine {
            "loom" => {
                let (execution, choices) = rest.split_once(':').unwrap_or((rest, ""));
                let (execution, bound) =
                    execution.split_once('/').ok_or_else(|| wrong("no preemption bound"))?;
                let execution = execution.parse().map_err(|_| wrong("no execution number"))?;
                let preemptions = match bound {
                    "none" => None,
                    bound => Some(bound.parse().map_err(|_| wrong("a bad preemption bound"))?),
                };
                let choices = choices.split('.').filter(|choice| !choice.is_empty());
                let choices = choices.map(str::parse).collect::<Result<_, _>>();
                Ok(Token::Loom {
                    execution,
                    preemptions,
                    choices: choices.map_err(|_| wrong("a bad choice"))?,
                })
            }
            // `rc11` is the engine's former name.
            "graph" | "rc11" if !rest.is_empty() => Ok(Token::Graph(rest.to_string())),
            "shuttle" => {
                let decisions = decisions(rest).map_err(wrong)?;
                Ok(Token::Shuttle(decisions))
            }
            _ => Err(wrong("unknown engine")),
        }
    }
}

/// The version of the engines for which a token is valid: other versions may decide otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A token with the model that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) token: Token,
    /// The form of the primitives in the execution, if the token names it.
    pub(crate) form: Option<Primitives>,
    /// The seed from which the execution was drawn, if it was.
    pub(crate) seed: Option<u64>,
    pub(crate) model: String,
}

/// Stands before the seed.
const SEED: &str = "~seed=";

/// Stands between the form of the primitives and the execution.
const FORM: char = '~';

/// Takes the form of the primitives, if there is one, out of the text of a token.
fn take_form(text: &str) -> Result<(Option<Primitives>, String), String> {
    let parts = text.split_once(':');
    let Some((engine, form, execution)) =
        parts.and_then(|(engine, rest)| rest.split_once(FORM).map(|(form, rest)| (engine, form, rest)))
    else {
        return Ok((None, text.to_string()));
    };
    match form.parse() {
        Ok(form @ (Primitives::Specified | Primitives::Real)) => {
            Ok((Some(form), format!("{engine}:{execution}")))
        }
        _ => Err(format!("`{text}` is not a replay token (a bad form of the primitives)")),
    }
}

impl fmt::Display for Tagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.to_string();
        match (self.form, token.split_once(':')) {
            (Some(form), Some((engine, execution))) => write!(f, "{engine}:{form}{FORM}{execution}")?,
            _ => f.write_str(&token)?,
        }
        if let Some(seed) = self.seed {
            write!(f, "{SEED}{seed}")?;
        }
        write!(f, "@{VERSION}:{}", self.model)
    }
}

impl FromStr for Tagged {
    type Err = String;

    fn from_str(text: &str) -> Result<Tagged, String> {
        let parts = text.trim().split_once('@');
        let parts = parts
            .and_then(|(token, tag)| tag.split_once(':').map(|(version, model)| (token, version, model)));
        let Some((token, version, model)) = parts else {
            // What is wrong with the rest comes first, if something is.
            text.parse::<Token>()?;
            return Err(format!(
                "`{text}` is not a whole replay token (no version and model); copy it up to its end, such as \
                 `shuttle:0*12-1*3@{VERSION}:my model`"
            ));
        };
        if version != VERSION {
            return Err(format!(
                "the token was made by selvedge-check {version}, and this is {VERSION}, which decides otherwise; \
                 run the model again for a new token"
            ));
        }
        let (token, seed) = match token.split_once(SEED) {
            Some((token, seed)) => match seed.parse() {
                Ok(seed) => (token, Some(seed)),
                Err(_) => return Err(format!("`{text}` is not a replay token (a bad seed)")),
            },
            None => (token, None),
        };
        let (form, token) = take_form(token)?;
        Ok(Tagged { token: token.parse()?, form, seed, model: model.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_their_text() {
        use Decision::{Choice, Thread};
        for token in [
            Token::Shuttle(vec![Thread(0), Thread(0), Choice(2), Thread(11), Thread(0)]),
            Token::Shuttle([vec![Choice(1)], [Thread(1), Thread(0), Thread(0)].repeat(7)].concat()),
            Token::Graph("0*5-1*3/7=1".to_string()),
            Token::Loom { execution: 17, preemptions: Some(2), choices: vec![] },
            Token::Loom { execution: 3, preemptions: None, choices: vec![1, 0, 2] },
        ] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn a_tagged_token_says_version_and_model() {
        let seeds = [("", None), ("~seed=7", Some(7))];
        let forms =
            [("", None), ("real~", Some(Primitives::Real)), ("specified~", Some(Primitives::Specified))];
        for ((seed, seed_in_it), (form, form_in_it)) in
            seeds.into_iter().flat_map(|seed| forms.map(|form| (seed, form)))
        {
            let text = format!("shuttle:{form}1*3-0*3{seed}@{VERSION}:my model: the second");
            let parsed: Tagged = text.parse().expect("whole");
            assert_eq!((parsed.to_string(), parsed.model.as_str()), (text, "my model: the second"));
            assert_eq!((parsed.form, parsed.seed), (form_in_it, seed_in_it));
        }
        for form in ["both", "Real", ""] {
            let bad = format!("graph:{form}~0*5@{VERSION}:m").parse::<Tagged>().expect_err("a bad form");
            assert!(bad.contains("a bad form"), "{bad}");
        }
        let bad = format!("graph:0*5~seed=x@{VERSION}:m").parse::<Tagged>().expect_err("a bad seed");
        assert!(bad.contains("a bad seed"), "{bad}");
        let old = "shuttle:1@0.0.1:m".parse::<Tagged>().expect_err("an old version");
        assert!(old.contains("0.0.1") && old.contains(VERSION), "{old}");
        let cut = "shuttle:1*3".parse::<Tagged>().expect_err("cut off");
        assert!(cut.contains("not a whole replay token"), "{cut}");
        assert!("shutle:1@0.1.0:m".parse::<Tagged>().is_err());
    }

    #[test]
    fn runs_are_folded() {
        let token = Token::Shuttle([[Decision::Thread(1); 3], [Decision::Thread(0); 3]].concat());
        assert_eq!(token.to_string(), "shuttle:1*3-0*3");
        let rounds = [Decision::Thread(1), Decision::Thread(1), Decision::Thread(0)].repeat(40);
        let token = Token::Shuttle([&[Decision::Choice(2)], &rounds[..], &rounds[..2]].concat());
        assert_eq!(token.to_string(), "shuttle:c2-(1*2-0)*40-1*2");
    }

    #[test]
    fn a_bad_token_says_so() {
        for bad in [
            "",
            "x",
            "loom:",
            "loom:x",
            "loom:7",
            "loom:7/x",
            "shuttle:1*",
            "genmc:1",
            "shuttle:1*99999999999",
            "shuttle:(1-2)*9999999",
            "shuttle:(1-2",
            "shuttle:(1-2)",
            "shuttle:()*2",
            "shuttle:((1)*2)*2",
        ] {
            assert!(bad.parse::<Token>().expect_err(bad).contains("not a replay token"), "{bad}");
        }
    }
}
