//! A crawl: work that finds more work, done by a few goroutines that share a list and a lock, and call back with what
//! they find.
//!
//! A worker takes a key from the list, or waits while the list is empty and another worker is busy, since that one
//! may find more keys. When the list is empty and no worker is busy, all end. A worker that fails or panics stops the
//! others.

use super::fault::Fault;
use core::hash::Hash;
use core::ops::ControlFlow;
use selvedge::context::Context;
use selvedge::rt::sync::Arc;
use selvedge::rt::twin::is_twin;
use selvedge::sync::{Cond, ErrGroup, Mutex, MutexGuard};
use std::collections::{HashSet, VecDeque};

/// Fetches what each key stands for, once, and what the keys found there stand for, and so on; Go's example of a web
/// crawler.
///
/// At most `limit` fetches run at once. A fetch returns a page and the keys on it; a key that was met before is left
/// out. `found` is called back with each key and its page, one call at a time, and ends the crawl by
/// [`ControlFlow::Break`]: then it is not called any more, and the pages of fetches that are under way are dropped.
/// It runs under a lock, so it may change what it owns without a lock of its own, and must not wait for a fetch. Its
/// calls come in any order, but that a page comes before the pages to which it alone leads.
///
/// Returns for how many pages `found` was called, once all workers have ended.
///
/// # Errors
/// The first error of a fetch; or why the context was done, if a worker saw that before. Fetches get a context below
/// `context`, which is done when another fetch has failed or panicked.
///
/// # Panics
/// If `limit` is zero; if a fetch or `found` panics, with the first panic; or if the operating system cannot make a
/// thread.
///
/// ```
/// use core::ops::ControlFlow;
/// use selvedge::context::{Context, background};
/// use selvedge::rt::sync::Arc;
/// use selvedge::sync::Mutex;
/// use selvedge_go::patterns::crawl;
///
/// // Each number leads to two others.
/// let fetch = |_: &Context, n: &u32| Ok::<_, ()>((n * n, vec![(n + 1) % 7, (n * 2) % 7]));
/// let squares = Arc::new(Mutex::new(Vec::new()));
/// let theirs = Arc::clone(&squares);
/// let found = move |n, square| {
///     theirs.lock().push((n, square));
///     ControlFlow::Continue(())
/// };
/// assert_eq!(selvedge_go::run(move || crawl(&background(), 3, [1], fetch, found)), Ok(7));
/// let mut squares = squares.lock().clone();
/// squares.sort();
/// assert_eq!(squares[..3], [(0, 0), (1, 1), (2, 4)]);
/// ```
#[track_caller]
pub fn crawl<K, P, E>(
    context: &Context,
    limit: usize,
    start: impl IntoIterator<Item = K>,
    fetch: impl Fn(&Context, &K) -> Result<(P, Vec<K>), E> + Send + Sync + 'static,
    found: impl FnMut(K, P) -> ControlFlow<()> + Send + 'static,
) -> Result<usize, Fault<E>>
where
    K: Clone + Eq + Hash + Send + 'static,
    P: 'static,
    E: Send + 'static,
{
    assert!(limit > 0, "a crawl without workers would find nothing: let one or more fetches run at once");
    let mut list =
        List { waiting: VecDeque::new(), met: HashSet::new(), busy: 0, found: 0, is_stopped: false };
    list.add(start);
    let (group, context) = ErrGroup::with_context(context);
    let shared = Arc::new(Crawl {
        list: Mutex::new(list),
        changed: Cond::new(),
        found: Mutex::new(Some(found)),
        fetch,
    });
    for _ in 0..limit {
        let (shared, context) = (Arc::clone(&shared), context.clone());
        group.go(move |_stop| shared.work(&context));
    }
    group.wait()?;
    let found = shared.list.lock().found;
    Ok(found)
}

/// What the workers share.
struct Crawl<K, F, C> {
    list: Mutex<List<K>>,
    /// Signals that there are more keys, or that no worker is busy.
    changed: Cond,
    /// `None`: it has ended the crawl.
    found: Mutex<Option<C>>,
    fetch: F,
}

struct List<K> {
    waiting: VecDeque<K>,
    met: HashSet<K>,
    /// How many workers fetch.
    busy: usize,
    found: usize,
    is_stopped: bool,
}

impl<K: Clone + Eq + Hash> List<K> {
    fn add(&mut self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            let is_new = self.met.insert(key.clone()) || is_twin(); // site: leave-out-met
            if is_new {
                self.waiting.push_back(key);
            }
        }
    }
}

impl<K: Clone + Eq + Hash, F, C> Crawl<K, F, C> {
    fn work<P, E>(&self, context: &Context) -> Result<(), Fault<E>>
    where
        F: Fn(&Context, &K) -> Result<(P, Vec<K>), E>,
        C: FnMut(K, P) -> ControlFlow<()>,
    {
        while let Some(key) = self.next() {
            let mut busy = Busy { crawl: self, more: None };
            if let Some(why) = context.err() {
                return Err(Fault::Done(why));
            }
            let (page, keys) = (self.fetch)(context, &key).map_err(Fault::Failed)?;
            if !self.call_back(key, page) {
                return Ok(());
            }
            self.list.lock().found += 1;
            busy.more = Some(keys);
        }
        Ok(())
    }

    /// Calls back with a page, unless the crawl has been ended; returns whether the crawl goes on.
    fn call_back<P>(&self, key: K, page: P) -> bool
    where
        C: FnMut(K, P) -> ControlFlow<()>,
    {
        let mut found = self.found.lock();
        let Some(call) = found.as_mut() else { return false };
        if call(key, page).is_continue() {
            return true;
        }
        self.list.lock().found += 1;
        let ended = found.take();
        drop(found);
        drop(ended); // Its destructor is the caller's code.
        false
    }

    /// Takes a key, waiting for one as long as there may come one. The caller is busy then.
    fn next(&self) -> Option<K> {
        let mut list = self.list.lock();
        while list.waiting.is_empty() && list.busy > 0 && !list.is_stopped {
            self.changed.wait(&mut list);
        }
        let key = if list.is_stopped { None } else { list.waiting.pop_front() };
        list.busy += usize::from(key.is_some());
        key
    }

    fn wake(&self, list: MutexGuard<'_, List<K>>) {
        drop(list);
        let wakes = !is_twin(); // site: wake-workers
        if wakes {
            self.changed.broadcast();
        }
    }
}

/// A worker that fetches, until it is dropped.
struct Busy<'a, K: Clone + Eq + Hash, F, C> {
    crawl: &'a Crawl<K, F, C>,
    /// The keys that it has found; `None`: the crawl ends here.
    more: Option<Vec<K>>,
}

impl<K: Clone + Eq + Hash, F, C> Drop for Busy<'_, K, F, C> {
    fn drop(&mut self) {
        let mut list = self.crawl.list.lock();
        list.busy -= 1;
        match self.more.take() {
            Some(keys) => list.add(keys),
            None => list.is_stopped = true,
        }
        self.crawl.wake(list);
    }
}
