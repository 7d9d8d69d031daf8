//! Replay tokens: which engine, and which of its executions.
//!
//! - `shuttle:0*12-1*3-c1-0*2`: thread 0 runs 12 steps, thread 1 runs 3, a choice of 1, …
//! - `rc11:0*5-1*3/7=1`: see `selvedge_engine::Token`.
//! - `loom:17` or `loom:17:1.0`: execution 17 of the exploration with the choices 1, 0.

use core::fmt;
use core::str::FromStr;

/// One decision of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This thread runs next.
    Thread(usize),
    /// A choice came out as this.
    Choice(usize),
}

/// An execution that can be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Shuttle(Vec<Decision>),
    Loom {
        execution: u64,
        choices: Vec<usize>,
    },
    /// The engine's own text.
    Rc11(String),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Loom { execution, choices } => {
                write!(f, "loom:{execution}")?;
                let choices: Vec<_> = choices.iter().map(usize::to_string).collect();
                if choices.is_empty() { Ok(()) } else { write!(f, ":{}", choices.join(".")) }
            }
            Token::Rc11(token) => write!(f, "rc11:{token}"),
            Token::Shuttle(decisions) => {
                f.write_str("shuttle:")?;
                for (position, run) in decisions.chunk_by(|a, b| a == b).enumerate() {
                    f.write_str(if position == 0 { "" } else { "-" })?;
                    match run[0] {
                        Decision::Thread(thread) => write!(f, "{thread}")?,
                        Decision::Choice(choice) => write!(f, "c{choice}")?,
                    }
                    if run.len() > 1 {
                        write!(f, "*{}", run.len())?;
                    }
                }
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
                 such as `shuttle:0*12-1*3` or `loom:17`"
            )
        };
        let (engine, rest) = text.split_once(':').ok_or_else(|| wrong("no engine"))?;
        match engine {
            "loom" => {
                let (execution, choices) = rest.split_once(':').unwrap_or((rest, ""));
                let execution = execution.parse().map_err(|_| wrong("no execution number"))?;
                let choices = choices.split('.').filter(|choice| !choice.is_empty());
                let choices = choices.map(str::parse).collect::<Result<_, _>>();
                Ok(Token::Loom { execution, choices: choices.map_err(|_| wrong("a bad choice"))? })
            }
            "rc11" if !rest.is_empty() => Ok(Token::Rc11(rest.to_string())),
            "shuttle" => {
                let mut decisions = Vec::new();
                for run in rest.split('-') {
                    let (what, times) = run.split_once('*').unwrap_or((run, "1"));
                    let decision = match what.strip_prefix('c') {
                        Some(choice) => choice.parse().map(Decision::Choice),
                        None => what.parse().map(Decision::Thread),
                    };
                    let decision = decision.map_err(|_| wrong("a bad decision"))?;
                    let times = times.parse().map_err(|_| wrong("a bad repetition"))?;
                    if times > 10_000_000 {
                        return Err(wrong("a repetition that is too long"));
                    }
                    decisions.extend(core::iter::repeat_n(decision, times));
                }
                Ok(Token::Shuttle(decisions))
            }
            _ => Err(wrong("unknown engine")),
        }
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
            Token::Rc11("0*5-1*3/7=1".to_string()),
            Token::Loom { execution: 17, choices: vec![] },
            Token::Loom { execution: 3, choices: vec![1, 0, 2] },
        ] {
            assert_eq!(token.to_string().parse(), Ok(token));
        }
    }

    #[test]
    fn runs_are_folded() {
        let token = Token::Shuttle([[Decision::Thread(1); 3], [Decision::Thread(0); 3]].concat());
        assert_eq!(token.to_string(), "shuttle:1*3-0*3");
    }

    #[test]
    fn a_bad_token_says_so() {
        for bad in ["", "x", "loom:", "loom:x", "shuttle:1*", "genmc:1", "shuttle:1*99999999999"] {
            assert!(bad.parse::<Token>().expect_err(bad).contains("not a replay token"), "{bad}");
        }
    }
}
