//! Barrier fetch: several fetches at once, and one wait for all of them, or for the first one.
//!
//! Each fetch leaves its result in a place of its own, so the fetches have no order with each other. The caller reads
//! the places when all fetches have ended.

use selvedge::chan::{Receiver, bounded};
use selvedge::context::Context;
use selvedge::rt::twin::is_twin;
use selvedge::sync::ErrGroup;

/// Calls all `fetches` at once and returns their results, in the order of the fetches.
///
/// Each fetch gets a context below `context`, which is done when another fetch has failed or panicked. This returns
/// when all fetches have ended; a fetch that does not look at its context keeps the caller waiting.
///
/// # Errors
/// The first error of a fetch; the results of the others are dropped.
///
/// # Panics
/// If a fetch does, with the first panic, even if a fetch has failed before; or if the operating system cannot make a
/// thread.
///
/// ```
/// use selvedge::context::{Context, background};
/// use selvedge_go::patterns::fetch_all;
///
/// let length = |word: &'static str| move |_: &Context| if word.is_empty() { Err("no word") } else { Ok(word.len()) };
/// selvedge_go::run(|| {
///     assert_eq!(fetch_all(&background(), ["warp", "weft", "selvedge"].map(length)), Ok(vec![4, 4, 8]));
///     assert_eq!(fetch_all(&background(), ["warp", ""].map(length)), Err("no word"));
/// });
/// ```
pub fn fetch_all<T, E, F>(context: &Context, fetches: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    T: Send + 'static,
    E: Send + 'static,
    F: FnOnce(&Context) -> Result<T, E> + Send + 'static,
{
    // Before the first one starts: the iterator is the caller's code and may panic.
    let fetches: Vec<F> = fetches.into_iter().collect();
    let (group, below) = ErrGroup::with_context(context);
    let start = |fetch: F| {
        let (context, (place, result)) = (below.clone(), bounded(1));
        group.go(move |_stop| {
            // The send fails only if the caller has given up, since no thread could be made for another fetch.
            drop(place.send(fetch(&context)?));
            Ok(())
        });
        result
    };
    let results: Vec<Receiver<T>> = fetches.into_iter().map(start).collect();
    let waits = !is_twin(); // site: await-all
    if waits {
        group.wait()?;
    }
    let value = |result: Receiver<T>| result.try_recv().expect("a fetch that has succeeded leaves a result");
    Ok(results.into_iter().map(value).collect())
}

/// Calls all `fetches` at once and returns the first result.
///
/// Each fetch gets a context below `context`, which is done as soon as another fetch has succeeded or panicked. This
/// returns when all fetches have ended; a fetch that does not look at its context keeps the caller waiting. Of
/// several results one is returned, and the others are dropped.
///
/// # Errors
/// If none succeeds: all errors, in the order of the fetches.
///
/// # Panics
/// If a fetch does, with the first panic, even if a fetch has succeeded; or if the operating system cannot make a
/// thread.
///
/// ```
/// use selvedge::context::{Context, background};
/// use selvedge_go::patterns::fetch_first;
///
/// /// Asks a replica; the second one does not answer.
/// fn ask(replica: u32) -> impl FnOnce(&Context) -> Result<u32, &'static str> {
///     move |context| {
///         if replica == 2 {
///             let _done = context.done().recv();
///             return Err("given up");
///         }
///         Ok(replica)
///     }
/// }
/// selvedge_go::run(|| assert_eq!(fetch_first(&background(), [1, 2].map(ask)), Ok(1)));
/// ```
pub fn fetch_first<T, E, F>(context: &Context, fetches: impl IntoIterator<Item = F>) -> Result<T, Vec<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    F: FnOnce(&Context) -> Result<T, E> + Send + 'static,
{
    let fetches: Vec<F> = fetches.into_iter().collect();
    // A result ends the group, as an error ends the group of `fetch_all`.
    let (group, below) = ErrGroup::with_context(context);
    let tells_others = !is_twin(); // site: tell-others
    let start = |fetch: F| {
        let context = if tells_others { below.clone() } else { context.clone() };
        let (place, failed) = bounded(1);
        group.go(move |_stop| match fetch(&context) {
            Ok(value) => Err(value),
            Err(error) => {
                drop(place.send(error)); // It fails only if the caller has given up.
                Ok(())
            }
        });
        failed
    };
    let failed: Vec<Receiver<E>> = fetches.into_iter().map(start).collect();
    match group.wait() {
        Err(value) => Ok(value),
        Ok(()) => Err(failed.into_iter().filter_map(|error| error.try_recv().ok()).collect()),
    }
}
