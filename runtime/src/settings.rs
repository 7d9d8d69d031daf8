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

/// Which goroutines that have begun may go on on another thread.
///
/// The default is [`never`](Migration::never). The two others mend what that costs, when goroutines that talk have begun on
/// different threads, and rely on the program: Rust lets code rely on its thread, and the compiler does not see what a goroutine
/// keeps across a wait. A goroutine waits in the operations of `selvedge` that wait, and in [`gosched`](crate::gosched),
/// [`sleep`](crate::sleep), [`block_on`](crate::block_on) and [`blocking_on_pool`](crate::blocking_on_pool).
///
/// A goroutine stays on its thread in every mode while it has [locked](crate::lock_os_thread) it, and once it was started by
/// [`go_local`](crate::go_local), or has called that. So it does while it unwinds, and inside [`blocking`](crate::blocking).
///
/// ```
/// use selvedge_go::{Builder, Migration};
/// // SAFETY: the goroutines keep nothing across their waits that belongs to a thread.
/// let checked = unsafe { Migration::checked() };
/// assert_eq!(Builder::new().migration(checked).run(|| 1 + 1), 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Migration(pub(crate) Mode);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Never,
    Checked,
    Free,
}

impl Migration {
    /// Lets only goroutines that have not begun be taken by another thread.
    pub const fn never() -> Migration {
        Migration(Mode::Never)
    }

    /// Lets a goroutine go on on another thread if no word of its stack points into the thread-locals of the thread on which it ran,
    /// or is a pointer found there, such as that of an `Rc` whose other owner is a thread-local; otherwise it goes on where it
    /// was. Words that the stack no longer uses count too. Where the loader does not tell where the thread-locals are, this is
    /// [`never`](Migration::never).
    ///
    /// # Safety
    /// Of the values that a goroutine keeps across a wait, each has to be `Send`, or stand for itself alone (such as an `Rc`
    /// whose owners are all on the goroutine's stack), or be found by the check. It does not find: a pointer that is only reached
    /// through the heap, such as a `Box` of an `Rc` that a thread-local shares; a pointer that a structure on the heap, of which a
    /// thread-local holds the address, holds in its turn; a handle that is a number, and that the system or a library ties to a
    /// thread; memory that was asked for below 4 GiB, in a program that is loaded above. What the section *May a goroutine change
    /// its thread?* of the guide says of code that sets a thread-local for its extent and calls back is undefined behaviour here
    /// too, if the value set does not stand on the stack.
    pub const unsafe fn checked() -> Migration {
        Migration(Mode::Checked)
    }

    /// Lets any goroutine go on on any thread, as in Go.
    ///
    /// # Safety
    /// No goroutine keeps across a wait what belongs to its thread: a reference to a thread-local, in a closure of
    /// [`std::thread::LocalKey::with`] or otherwise; a value that is not `Send`, unless it stands for itself alone; a guard that must be
    /// dropped on the thread that made it, such as that of a std mutex; a handle that the system or a library ties to a thread. No
    /// function that waits, and is inlined, uses a `std::thread_local!` itself before and after: the compiler may keep the address.
    /// The values of [`selvedge::rt::thread_local!`] belong to the goroutine, and may be kept.
    pub const unsafe fn free() -> Migration {
        Migration(Mode::Free)
    }
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
    pub(crate) migration: Migration,
    pub(crate) deadlock: Deadlock,
    pub(crate) leftover: Leftover,
    pub(crate) on_panic: Option<OnPanic>,
    pub(crate) on_deadlock: Option<OnReport>,
    pub(crate) on_hog: Option<OnReport>,
    /// Is told of waits whose stacks refer to thread-locals; `None`: no stack is looked at.
    pub(crate) on_local: Option<OnReport>,
    /// The seed of a schedule that is to be unusual.
    pub(crate) fuzz: Option<u64>,
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
impl Settings {
    /// Returns whether goroutines say where their stacks end, so that the words can be looked at.
    pub(crate) fn scans_stacks(&self) -> bool {
        self.migration.0 == Mode::Checked || self.on_local.is_some()
    }
}
