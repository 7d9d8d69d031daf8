//! Litmus programs: small concurrent programs in a notation of their own, with the number of executions that each
//! memory model allows.
//!
//! A line is a program:
//!
//! ```text
//! MP | T0: W.rel x 1; W.rel y 1 | T1: r0=R.acq y; r1=R.acq x | expect=3 | suite=litmus
//! ```
//!
//! Its parts stand between bars: the name; `init x=1 y=2` if a location does not begin as 0; the threads
//! `T0:`, `T1:` …; `main: join; …` if the main thread waits for the others and then goes on; `expect=N`, or
//! `expect=RACE` and `norace=N`, for the model `genmc`; `counts=c20:N,tso:N` for other models; `suite=NAME`; anything else is a comment. Empty lines and lines that begin with `#` are
//! left out.
//!
//! Operations, separated by semicolons:
//!
//! | operation | meaning |
//! | --- | --- |
//! | `W.rel x 1` | store |
//! | `r0=R.acq x` | load |
//! | `r0=FADD.rlx x 1` | fetch-and-add; `r0` is the value read |
//! | `r0=XCHG.acqrel x 1` | exchange |
//! | `r0=CAS.acq.rlx x 0 1` | compare-exchange 0 for 1, with its two orders; `r0` is the value read |
//! | `F.sc` | fence |
//! | `NA.W x 1`, `r0=NA.R x` | plain accesses |
//! | `if r0==1 { …; … }` | a condition |
//! | `assume r0==1` | an execution in which this is false does not count |
//! | `assert r0==1` | an execution in which this is false is a failure |
//!
//! Orders: `rlx`, `acq`, `rel`, `acqrel`, `sc`. A location is a name, or an element of an array: `y[0]`,
//! `y[r0]`. Values are expressions of numbers, registers, `+`, `-`, `^` and parentheses; conditions compare
//! two of them with `==`, `!=`, `<`, `<=`, `>`, `>=` and may be joined by `&&` and `||`. Registers begin as
//! 0.

mod interpret;
mod lexer;
#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it runs on real threads, outside any model"
)]
mod native;
mod outcome;
mod parse;
mod syntax;

pub use interpret::{Compiled, Mode};
pub use native::run_natively;
pub use outcome::{Outcome, Outcomes};
pub use parse::{ParseError, parse};
pub use syntax::{Expectation, Program};

/// The programs that come with this crate, as text.
pub const PROGRAMS: &str = include_str!("../../data/litmus.txt");
