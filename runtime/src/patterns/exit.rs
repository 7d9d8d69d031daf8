//! Safe exit: a channel whose closing tells every goroutine to end, and a wait for all of them.

use super::team::Team;
use core::fmt;
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::rt::twin::is_twin;
use std::time::Duration;

/// Tells goroutines to end, and waits for them.
///
/// Each goroutine gets the *quit channel*, on which nothing is ever sent: [`quit`](Self::quit) closes it, which all
/// of them notice, be they ten or ten thousand, and those that look later. A goroutine looks at it in a `select!`
/// beside whatever it waits for.
///
/// Dropping this closes the channel and does not wait: nobody gets the panic of a goroutine then, and a model in which one has
/// panicked fails.
///
/// ```
/// use selvedge::chan::{bounded, select};
/// use selvedge_go::patterns::Exit;
///
/// selvedge_go::run(|| {
///     let (tx, numbers) = bounded(0);
///     let exit = Exit::new();
///     for first in [1, 2] {
///         let tx = tx.clone();
///         exit.go(move |quit| {
///             for n in (first..).step_by(2) {
///                 select! {
///                     send(tx, n) -> _ => (),
///                     recv(quit) -> _ => return,
///                 }
///             }
///         });
///     }
///     assert!(numbers.iter().take(4).all(|n: u32| n > 0));
///     exit.finish();
///     drop(tx);
///     assert!(numbers.recv().is_err(), "all senders have ended");
/// });
/// ```
#[must_use = "the goroutines end when this is dropped"]
pub struct Exit {
    team: Team,
    tx: Sender<()>,
    quit: Receiver<()>,
}

impl Exit {
    /// Creates one without goroutines.
    ///
    /// ```
    /// selvedge_go::patterns::Exit::new().finish();
    /// ```
    pub fn new() -> Exit {
        let (tx, quit) = bounded(0);
        Exit { team: Team::new(), tx, quit }
    }

    /// Starts a goroutine, or a thread if the caller is one, with the quit channel.
    ///
    /// # Panics
    /// If the operating system cannot make a thread.
    ///
    /// ```
    /// let exit = selvedge_go::patterns::Exit::new();
    /// exit.go(|quit| assert!(quit.recv().is_err(), "it is closed at some time"));
    /// exit.finish();
    /// ```
    #[track_caller]
    pub fn go(&self, f: impl FnOnce(&Receiver<()>) + Send + 'static) {
        let quit = self.quit.clone();
        self.team.go(move || f(&quit));
    }

    /// Returns the quit channel, for a goroutine that was started elsewhere.
    ///
    /// ```
    /// let exit = selvedge_go::patterns::Exit::new();
    /// assert!(!exit.quit_channel().is_closed());
    /// ```
    pub fn quit_channel(&self) -> &Receiver<()> {
        &self.quit
    }

    /// Tells all goroutines to end, those included that are started later. Returns whether this call was the first.
    ///
    /// ```
    /// let exit = selvedge_go::patterns::Exit::new();
    /// assert!(exit.quit() && !exit.quit());
    /// ```
    pub fn quit(&self) -> bool {
        let tells_one = is_twin(); // site: close-quit
        if tells_one {
            return self.tx.try_send(()).is_ok();
        }
        self.tx.close().is_ok()
    }

    /// Waits until all goroutines have ended, without telling them to.
    ///
    /// # Panics
    /// If a goroutine has panicked, with its panic; with the first one of several.
    ///
    /// ```
    /// let exit = selvedge_go::patterns::Exit::new();
    /// exit.go(|_quit| ());
    /// exit.wait();
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        self.team.wait();
    }

    /// Tells all goroutines to end, and waits until they have.
    ///
    /// # Panics
    /// If a goroutine has panicked, with its panic; with the first one of several.
    ///
    /// ```
    /// let exit = selvedge_go::patterns::Exit::new();
    /// exit.go(|quit| _ = quit.recv());
    /// exit.finish();
    /// ```
    #[track_caller]
    pub fn finish(self) {
        self.quit();
        self.team.wait();
    }

    /// Tells all goroutines to end, and waits until they have, but for no longer than `patience`; returns whether
    /// they have. Those that have not run on.
    ///
    /// # Panics
    /// If a goroutine has panicked and all have ended, with its panic; with the first one of several.
    ///
    /// ```
    /// use selvedge::chan::bounded;
    /// use std::time::Duration;
    /// let exit = selvedge_go::patterns::Exit::new();
    /// let (tx, rx) = bounded::<()>(0);
    /// exit.go(move |_quit| _ = rx.recv()); // does not listen
    /// assert!(!exit.finish_within(Duration::from_millis(1)));
    /// drop(tx);
    /// ```
    #[track_caller]
    pub fn finish_within(self, patience: Duration) -> bool {
        self.quit();
        self.team.wait_timeout(patience)
    }
}

impl Default for Exit {
    fn default() -> Exit {
        Exit::new()
    }
}

impl fmt::Debug for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exit").field("quit", &self.quit.is_closed()).finish_non_exhaustive()
    }
}
