//! What a program sets for a run.

/// What a program that cannot go on gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadlock {
    /// A report, and the end of the process with status 2; where threads outside the runtime could still wake a goroutine, a
    /// report only.
    #[default]
    Fatal,
    /// A report, once.
    Warn,
    /// Nothing.
    Off,
}

/// What becomes of goroutines that have not ended when the main goroutine returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leftover {
    /// They run no more, as in Go: none of their destructors runs, and their stacks are leaked.
    #[default]
    Abandon,
    /// The run waits for them.
    Wait,
    /// The run panics with a list of them, once each of them waits for something. Goroutines that run are waited for.
    Fail,
}

/// Is told of a goroutine's panic: its number, and the panic's text.
pub(crate) type OnPanic = Box<dyn Fn(u64, &str) + Send + Sync>;

/// Is told a report.
pub(crate) type OnReport = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    allow(dead_code, reason = "threads in place of goroutines make no use of them")
)]
pub(crate) struct Settings {
    /// `None`: as many as the environment or the processors say.
    pub(crate) procs: Option<usize>,
    /// `None`: the default.
    pub(crate) stack_size: Option<usize>,
    pub(crate) deadlock: Deadlock,
    pub(crate) leftover: Leftover,
    pub(crate) on_panic: Option<OnPanic>,
    pub(crate) on_deadlock: Option<OnReport>,
    pub(crate) on_hog: Option<OnReport>,
    /// The seed of a schedule that is to be unusual.
    pub(crate) fuzz: Option<u64>,
}
