//! Threads that are alike, so that a checker need not tell them apart.

#[cfg(feature = "checking")]
use super::ScopedJoinHandle;
use super::{JoinHandle, Scope, spawn};

/// Permission to wait for threads that are alike; see [`spawn_symmetric`].
#[derive(Debug)]
pub struct Symmetric(Vec<JoinHandle<()>>);

/// Starts `count` threads that are alike: each runs a closure of one type, which `make` returns.
///
/// Natively this is [`spawn`] in a loop. Under the graph engine executions that differ only in which of these threads is
/// which are one: of each set of such executions at least one is explored, and the verdict says *exhaustive up to symmetry*.
/// Fewer executions are left for threads that part at an operation of a primitive as specified, such as workers that take
/// jobs from one channel and threads that take one lock, or at a `fetch_add`, `swap` or other operation that writes
/// whatever it finds. There `count` threads have up to `count!` times fewer executions. Threads that part at
/// other accesses to atomics are explored in every order, as are all threads under the other engines.
///
/// The closures have to do the same: `make` captures the same values for each, or clones of the same handles, and no
/// number. Nobody may treat one of the threads otherwise than another, so there is no result and no handle for a single
/// thread: a thread that wants to tell something sends it. A program that does distinguish the threads, by a
/// [`ThreadId`](super::ThreadId) in an assertion for instance, may have failures that are not explored.
///
/// All closures are made before the first thread starts.
///
/// # Panics
/// If the operating system cannot make a thread.
///
/// # Examples
/// ```
/// use selvedge::{chan::unbounded, rt::thread};
///
/// let (jobs, queue) = unbounded();
/// let (done, results) = unbounded();
/// let workers = thread::spawn_symmetric(3, || {
///     let (queue, done) = (queue.clone(), done.clone());
///     move || queue.iter().for_each(|n: u64| done.send(n * n).unwrap())
/// });
/// drop((queue, done));
/// (1..=4).for_each(|n| jobs.send(n).unwrap());
/// drop(jobs);
/// assert_eq!(results.iter().sum::<u64>(), 30);
/// workers.join().unwrap();
/// ```
#[track_caller]
pub fn spawn_symmetric<F>(count: usize, make: impl Fn() -> F) -> Symmetric
where
    F: FnOnce() + Send + 'static,
{
    let bodies: Vec<F> = (0..count).map(|_| make()).collect();
    let mut threads = Vec::with_capacity(count);
    for body in bodies {
        threads.push(spawn(body));
    }
    #[cfg(feature = "checking")]
    super::checked::note_symmetric(threads.iter().map(JoinHandle::raw));
    Symmetric(threads)
}

/// Starts threads that are alike in a scope, which waits for them; see [`spawn_symmetric`].
///
/// # Panics
/// If the operating system cannot make a thread.
///
/// # Examples
/// ```
/// use selvedge::{rt::thread, sync::Mutex};
///
/// let sum = Mutex::new(0);
/// let add = || *sum.lock() += 1;
/// thread::scope(|scope| thread::spawn_symmetric_scoped(scope, 3, || add));
/// assert_eq!(*sum.lock(), 3);
/// ```
#[track_caller]
pub fn spawn_symmetric_scoped<'scope, F>(scope: &'scope Scope<'scope, '_>, count: usize, make: impl Fn() -> F)
where
    F: FnOnce() + Send + 'scope,
{
    let bodies: Vec<F> = (0..count).map(|_| make()).collect();
    let mut threads = Vec::with_capacity(count);
    for body in bodies {
        threads.push(scope.spawn(body));
    }
    #[cfg(feature = "checking")]
    super::checked::note_symmetric(threads.iter().map(ScopedJoinHandle::raw));
}

impl Symmetric {
    /// Blocks until all of the threads have ended, which happens before this returns.
    ///
    /// # Errors
    /// The panic of one of the threads that have panicked.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<()> {
        let mut first = Ok(());
        for thread in self.0 {
            let result = thread.join();
            if first.is_ok() {
                first = result;
            }
        }
        first
    }

    /// Returns whether all of the threads have ended.
    pub fn is_finished(&self) -> bool {
        self.0.iter().all(JoinHandle::is_finished)
    }
}
