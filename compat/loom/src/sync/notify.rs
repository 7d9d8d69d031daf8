//! A token that one thread gives and another waits for.

use selvedge::rt::park::Token;

/// A token that threads give and wait for. A token that is given while it is there stays one token; what was done before it
/// was given happens before the wait for it returns.
///
/// A wait never returns without a token: loom's may do so once.
#[derive(Debug, Default)]
pub struct Notify(Token);

impl Notify {
    /// Returns a token that has not been given.
    #[track_caller]
    pub fn new() -> Notify {
        Notify(Token::new())
    }

    /// Gives the token.
    #[track_caller]
    pub fn notify(&self) {
        self.0.give();
    }

    /// Blocks until the token is there, and takes it.
    #[track_caller]
    pub fn wait(&self) {
        self.0.wait();
    }
}
