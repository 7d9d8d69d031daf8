//! User code that misbehaves, and the books of what became of its values.
//!
//! A [`World`] belongs to one run of one program. Values and wakers know their world; each of their callbacks may
//! commit a [`Misdeed`]: panic, or call the object under test again.

use core::borrow::Borrow;
use core::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// The payload of a scripted panic.
#[derive(Clone, Copy, Debug)]
pub struct Scripted;

/// What a callback does besides its work, each time that it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misdeed {
    /// Nothing.
    #[default]
    None,
    /// It panics, unless the thread panics already.
    Panics,
    /// It calls the object under test, the first time.
    Enters(u8),
}

/// The callbacks of a value or a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    /// `Clone::clone`, of values and wakers.
    Clone,
    /// `Drop::drop`, of values and wakers.
    Drop,
    /// `Hash::hash`, of keys.
    Hash,
    /// `PartialEq::eq`, of keys and values.
    Eq,
    /// `Wake::wake`, of wakers.
    Wake,
}

/// Which callback misbehaves, and how.
pub type Script = Option<(Callback, Misdeed)>;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has been made.
    Alive,
    /// It has been dropped.
    Dropped,
}

type Entrance = Arc<dyn Fn(u8) + Send + Sync>;

/// The books of a run.
#[derive(Default)]
pub struct World {
    values: Mutex<Vec<Life>>,
    faults: Mutex<Vec<String>>,
    entrance: Mutex<Option<Entrance>>,
    wakers: AtomicUsize,
    panics: AtomicUsize,
}

impl core::fmt::Debug for World {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Makes empty books.
    pub fn new() -> Arc<World> {
        Arc::new(World::default())
    }

    /// Makes a value.
    pub fn value(self: &Arc<World>, script: Script) -> Value {
        self.of_root(None, script, Arc::default())
    }

    fn of_root(self: &Arc<World>, root: Option<u32>, script: Script, entered: Arc<AtomicBool>) -> Value {
        let mut values = lock(&self.values);
        values.push(Life::Alive);
        let id = u32::try_from(values.len() - 1).expect("few values");
        let root = root.unwrap_or(id);
        Value { id, root, body: Box::new(!id), script, entered, world: Arc::clone(self) }
    }

    /// Returns the number that the next value gets.
    pub fn next_id(&self) -> u32 {
        u32::try_from(lock(&self.values).len()).expect("few values")
    }

    /// Returns whether a value still lives.
    pub fn is_alive(&self, id: u32) -> bool {
        lock(&self.values)[id as usize] == Life::Alive
    }

    /// Returns the values that live.
    pub fn alive(&self) -> Vec<u32> {
        (0..self.next_id()).filter(|id| self.is_alive(*id)).collect()
    }

    /// Returns how many wakers there are, clones included.
    pub fn wakers(&self) -> usize {
        self.wakers.load(Relaxed)
    }

    /// Returns how many scripted panics have begun.
    pub fn panics(&self) -> usize {
        self.panics.load(Relaxed)
    }

    /// Says what callbacks that re-enter call, or that they call nothing any more.
    pub fn set_entrance(&self, entrance: Option<Entrance>) {
        let before = std::mem::replace(&mut *lock(&self.entrance), entrance);
        drop(before);
    }

    /// Notes something that must not be, where a panic would be lost.
    pub fn fault(&self, what: String) {
        lock(&self.faults).push(what);
    }

    /// Returns what has been noted.
    pub fn faults(&self) -> Vec<String> {
        lock(&self.faults).clone()
    }

    /// Does what a callback is scripted to do.
    pub fn commit(&self, misdeed: Misdeed) {
        match misdeed {
            Misdeed::None => (),
            Misdeed::Panics if std::thread::panicking() => (),
            Misdeed::Panics => {
                self.panics.fetch_add(1, Relaxed);
                panic_any(Scripted);
            }
            Misdeed::Enters(how) => {
                let entrance = lock(&self.entrance).clone();
                if let Some(entrance) = entrance {
                    entrance(how);
                }
            }
        }
    }
}

/// Returns the misdeed of a callback, if the callback is the one that misbehaves.
pub fn misdeed(script: Script, callback: Callback) -> Misdeed {
    script.filter(|(which, _)| *which == callback).map_or(Misdeed::None, |(_, misdeed)| misdeed)
}

/// A value on the heap whose life is in the books.
#[derive(Debug)]
pub struct Value {
    id: u32,
    /// The number of the value of which it is a clone, of a clone.
    root: u32,
    /// The complement of the number: memory that holds no value shows.
    body: Box<u32>,
    script: Script,
    /// Shared with its clones: entering makes more of them.
    entered: Arc<AtomicBool>,
    world: Arc<World>,
}

impl Value {
    /// Returns the value's number.
    pub fn id(&self) -> u32 {
        assert_eq!(*self.body, !self.id, "these bytes are no value");
        self.id
    }

    /// Returns the number of the first value of which this one is a clone; its own, if it is none.
    pub fn root(&self) -> u32 {
        assert_eq!(*self.body, !self.id, "these bytes are no value");
        self.root
    }

    fn commit(&self, callback: Callback) {
        let misdeed = misdeed(self.script, callback);
        if !matches!(misdeed, Misdeed::Enters(_)) || !self.entered.swap(true, Relaxed) {
            self.world.commit(misdeed);
        }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut lock(&self.world.values)[self.id as usize], Life::Dropped);
        if before == Life::Dropped {
            self.world.fault(format!("value {} is dropped twice", self.id));
        }
        if *self.body != !self.id {
            self.world.fault(format!("value {} has another's bytes", self.id));
        }
        self.commit(Callback::Drop);
    }
}

impl Clone for Value {
    fn clone(&self) -> Value {
        self.commit(Callback::Clone);
        self.world.of_root(Some(self.root), self.script, Arc::clone(&self.entered))
    }
}

/// A key of a map: equal to others with the same name, whatever their numbers.
#[derive(Clone, Debug)]
pub struct Key {
    /// What is compared and hashed.
    pub name: u8,
    /// Whose callbacks misbehave.
    pub value: Value,
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.value.commit(Callback::Eq);
        self.name == other.name
    }
}

impl Eq for Key {}

/// Keys can be found by their names, without a callback.
impl Borrow<u8> for Key {
    fn borrow(&self) -> &u8 {
        &self.name
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.commit(Callback::Hash);
        self.name.hash(state);
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.commit(Callback::Eq);
        self.root == other.root
    }
}

/// What the clones of a waker share.
#[derive(Debug)]
pub struct Woken {
    script: Script,
    wakes: AtomicUsize,
    entered: AtomicUsize,
    world: Arc<World>,
}

impl Woken {
    /// Makes the books of a waker, and the waker.
    pub fn new(world: &Arc<World>, script: Script) -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken {
            script,
            wakes: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
            world: Arc::clone(world),
        });
        world.wakers.fetch_add(1, Relaxed);
        // SAFETY: the functions of the table keep the contract of `RawWaker` with a pointer from `Arc::into_raw`.
        let waker = unsafe { Waker::from_raw(raw(Arc::clone(&woken))) };
        (woken, waker)
    }

    /// Returns how often the waker has been woken.
    pub fn wakes(&self) -> usize {
        self.wakes.load(Relaxed)
    }

    fn commit(&self, callback: Callback) {
        let misdeed = misdeed(self.script, callback);
        let enters = matches!(misdeed, Misdeed::Enters(_));
        if !enters || self.entered.fetch_add(1, Relaxed) == 0 {
            self.world.commit(misdeed);
        }
    }
}

fn raw(woken: Arc<Woken>) -> RawWaker {
    RawWaker::new(Arc::into_raw(woken).cast(), &TABLE)
}

/// A waker whose every callback may misbehave, as `std::task::Wake` would not let it.
static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

unsafe fn clone(pointer: *const ()) -> RawWaker {
    // SAFETY: the waker, which holds a count, lives during the call.
    let woken = unsafe { &*pointer.cast::<Woken>() };
    woken.commit(Callback::Clone);
    // SAFETY: the pointer is from `Arc::into_raw`, and the waker holds a count.
    let again = unsafe {
        Arc::increment_strong_count(pointer.cast::<Woken>());
        Arc::from_raw(pointer.cast::<Woken>())
    };
    again.world.wakers.fetch_add(1, Relaxed);
    raw(again)
}

unsafe fn wake(pointer: *const ()) {
    // SAFETY: the pointer is from `Arc::into_raw`, and the call takes over its count.
    let woken = unsafe { Arc::from_raw(pointer.cast::<Woken>()) };
    woken.world.wakers.fetch_sub(1, Relaxed);
    woken.wakes.fetch_add(1, Relaxed);
    woken.commit(Callback::Wake);
}

unsafe fn wake_by_ref(pointer: *const ()) {
    // SAFETY: the waker, which holds a count, lives during the call.
    let woken = unsafe { &*pointer.cast::<Woken>() };
    woken.wakes.fetch_add(1, Relaxed);
    woken.commit(Callback::Wake);
}

unsafe fn release(pointer: *const ()) {
    // SAFETY: the pointer is from `Arc::into_raw`, and the call takes over its count.
    let woken = unsafe { Arc::from_raw(pointer.cast::<Woken>()) };
    woken.world.wakers.fetch_sub(1, Relaxed);
    woken.commit(Callback::Drop);
}

/// How a call that may panic came back.
#[derive(Debug)]
pub enum Came<R> {
    /// It returned.
    Back(R),
    /// A scripted panic came out.
    Scripted,
    /// It panicked with this text.
    Panicked(String),
}

impl<R> Came<R> {
    /// Calls.
    pub fn of(call: impl FnOnce() -> R) -> Came<R> {
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(result) => Came::Back(result),
            Err(panic) if panic.is::<Scripted>() => Came::Scripted,
            Err(panic) => match panic.downcast::<String>() {
                Ok(text) => Came::Panicked(*text),
                Err(panic) => match panic.downcast::<&'static str>() {
                    Ok(text) => Came::Panicked((*text).to_string()),
                    Err(panic) => resume_unwind(panic),
                },
            },
        }
    }

    /// Returns what the call returned; `None` if a scripted panic came out.
    ///
    /// # Panics
    /// If the call panicked by itself.
    #[track_caller]
    pub fn back(self, what: &str) -> Option<R> {
        match self {
            Came::Back(result) => Some(result),
            Came::Scripted => None,
            Came::Panicked(text) => panic!("{what} panicked: {text}"),
        }
    }
}
