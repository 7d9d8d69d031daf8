//! The signals that a program can catch: [`Signal`].

use core::fmt;

/// A signal that a program can catch.
///
/// There is none for SIGKILL and SIGSTOP, which no program catches; nor for SIGSEGV, SIGBUS, SIGFPE and SIGILL, after which the
/// faulty instruction would run again.
///
/// ```
/// use selvedge_go::signal::Signal;
/// assert_eq!(Signal::SIGTERM.to_string(), "terminated");
/// assert_eq!(Signal::new(Signal::SIGTERM.number()), Ok(Signal::SIGTERM));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias("os.Signal", "syscall.Signal"))]
pub struct Signal(i32);

/// The number of a signal that no program can catch.
///
/// ```
/// use selvedge_go::signal::Signal;
/// let error = Signal::new(9).expect_err("it kills");
/// assert!(error.to_string().starts_with("signal 9 cannot be caught"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncatchable(i32);

/// One more than the highest number of a signal.
pub(super) const NUMBERS: usize = 65;

const NO: [i32; 6] = [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

macro_rules! signals {
    ($($name:ident $text:literal;)*) => {
        impl Signal {
            $(
                #[doc = concat!("Signal ", stringify!($name), ": ", $text, ".")]
                pub const $name: Signal = Signal(libc::$name);
            )*
        }

        /// The signals that have names, with their texts, which are Go's.
        const NAMED: &[(Signal, &str, &str)] = &[$((Signal::$name, stringify!($name), $text)),*];
    };
}

signals! {
    SIGHUP "hangup";
    SIGINT "interrupt";
    SIGQUIT "quit";
    SIGTRAP "trace/breakpoint trap";
    SIGABRT "aborted";
    SIGUSR1 "user defined signal 1";
    SIGUSR2 "user defined signal 2";
    SIGPIPE "broken pipe";
    SIGALRM "alarm clock";
    SIGTERM "terminated";
    SIGCHLD "child exited";
    SIGCONT "continued";
    SIGTSTP "stopped";
    SIGTTIN "stopped (tty input)";
    SIGTTOU "stopped (tty output)";
    SIGURG "urgent I/O condition";
    SIGXCPU "CPU time limit exceeded";
    SIGXFSZ "file size limit exceeded";
    SIGVTALRM "virtual timer expired";
    SIGPROF "profiling timer expired";
    SIGWINCH "window changed";
    SIGIO "I/O possible";
    SIGSYS "bad system call";
}

impl Signal {
    /// Returns the signal with this number.
    ///
    /// # Errors
    /// If no program can catch it, or there is none.
    pub fn new(number: i32) -> Result<Signal, Uncatchable> {
        let signal = Signal(number);
        if signal.is_named() || is_real_time(number) { Ok(signal) } else { Err(Uncatchable(number)) }
    }

    /// Returns its number on this system.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Returns every signal that has a name here, for `notify`, `ignore` and `reset` of all; Go takes an empty list for that.
    ///
    /// ```
    /// use selvedge_go::signal::Signal;
    /// assert!(Signal::all().any(|signal| signal == Signal::SIGHUP));
    /// ```
    pub fn all() -> impl Iterator<Item = Signal> {
        NAMED.iter().map(|(signal, _, _)| *signal)
    }

    fn is_named(self) -> bool {
        NAMED.iter().any(|(signal, _, _)| *signal == self)
    }

    pub(super) fn index(self) -> usize {
        // A number of a signal is positive and below 65.
        self.0 as usize
    }

    pub(super) fn at(index: usize) -> Signal {
        Signal(index as i32)
    }
}

#[cfg(target_os = "linux")]
fn is_real_time(number: i32) -> bool {
    (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number)
}

#[cfg(not(target_os = "linux"))]
fn is_real_time(_: i32) -> bool {
    false
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(signal, _, _)| signal == self) {
            Some((_, _, text)) => f.pad(text),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(signal, _, _)| signal == self) {
            Some((_, name, _)) => f.pad(name),
            None => write!(f, "Signal({})", self.0),
        }
    }
}

impl fmt::Display for Uncatchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if NO.contains(&self.0) {
            write!(
                f,
                "signal {} cannot be caught: SIGTERM and SIGINT are how a program is asked to end",
                self.0
            )
        } else {
            write!(f, "there is no signal {}: `Signal` has constants for those that there are", self.0)
        }
    }
}

impl std::error::Error for Uncatchable {}

/// A set of signals.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn of(signals: impl IntoIterator<Item = Signal>) -> Set {
        Set(signals.into_iter().fold(0, |set, signal| set | 1 << (signal.index() - 1)))
    }

    pub(super) fn has(self, signal: Signal) -> bool {
        self.0 & 1 << (signal.index() - 1) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn and(self, others: Set) -> Set {
        Set(self.0 | others.0)
    }

    pub(super) fn without(self, others: Set) -> Set {
        Set(self.0 & !others.0)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Signal> {
        (1..NUMBERS).map(Signal::at).filter(move |signal| self.has(*signal))
    }
}
