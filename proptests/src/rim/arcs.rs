//! Strong and weak pointers of `rt` between threads: a thread that has a `&mut` is alone with the value.

use super::drive::headline;
use super::smaller::{Smaller, smaller_lists};
use core::fmt;
use proptest::collection::vec;
use proptest::strategy::{Just, Strategy, Union};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::{Arc, Weak};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, Primitives, Strategy as Way};

/// A step of a thread, on its newest pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as what they call")]
pub enum Step {
    Clone,
    Drop,
    Downgrade,
    Upgrade,
    CloneWeak,
    DropWeak,
    /// `downgrade`, `drop`, `upgrade`
    Return,
    GetMut,
    TryUnwrap,
    IntoInner,
    IntoRaw,
    Counts,
}

const STEPS: &[(u32, Step)] = &[
    (1, Step::Clone),
    (2, Step::Drop),
    (2, Step::Downgrade),
    (2, Step::Upgrade),
    (2, Step::Return),
    (1, Step::CloneWeak),
    (1, Step::DropWeak),
    (4, Step::GetMut),
    (1, Step::TryUnwrap),
    (1, Step::IntoInner),
    (1, Step::IntoRaw),
    (1, Step::Counts),
];

/// What each of two threads does with its pointer.
#[derive(Clone)]
pub struct Program([Vec<Step>; 2]);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|thread| writeln!(f, "  thread {thread:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let [first, second] = &self.0;
        let of_first = smaller_lists(first, |_| Vec::new()).into_iter();
        let of_second = smaller_lists(second, |_| Vec::new()).into_iter();
        let of_first = of_first.map(|first| Program([first, second.clone()]));
        of_first.chain(of_second.map(|second| Program([first.clone(), second]))).collect()
    }
}

/// Programs of two threads.
pub fn programs() -> impl Strategy<Value = Program> {
    let step = || Union::new_weighted(STEPS.iter().map(|(weight, step)| (*weight, Just(*step))).collect());
    let steps = || vec(step(), 1..5);
    (steps(), steps()).prop_map(|(first, second)| Program([first, second]))
}

/// The value that the pointers share: any overlap of a `&` with a `&mut` is a race.
struct Shared(UnsafeCell<u32>);

// SAFETY: whether accesses are ordered is what is under test; the engines report a race before an access that is not.
unsafe impl Sync for Shared {}

impl Shared {
    fn read(&self) {
        // SAFETY: the engines report a race before an access that is not ordered.
        let _value = self.0.with(|value| unsafe { *value });
    }

    fn write(&mut self) {
        // SAFETY: the engines report a race before an access that is not ordered.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }
}

fn follow(steps: &[Step], first: Arc<Shared>) {
    let (mut strong, mut weak): (Vec<_>, Vec<Weak<Shared>>) = (vec![first], Vec::new());
    for step in steps {
        match step {
            Step::Clone => strong.extend(strong.last().cloned()),
            Step::Drop => drop(strong.pop()),
            Step::Downgrade => weak.extend(strong.last().map(Arc::downgrade)),
            Step::Upgrade => {
                let again = weak.last().and_then(Weak::upgrade);
                again.iter().for_each(|again| again.read());
                strong.extend(again);
            }
            Step::Return => {
                let shared = strong.pop();
                let again = shared.as_ref().map(Arc::downgrade);
                drop(shared);
                let again = again.and_then(|again| again.upgrade());
                again.iter().for_each(|again| again.read());
                strong.extend(again);
            }
            Step::CloneWeak => weak.extend(weak.last().cloned()),
            Step::DropWeak => drop(weak.pop()),
            Step::GetMut => {
                if let Some(alone) = strong.last_mut().and_then(Arc::get_mut) {
                    alone.write();
                }
            }
            Step::TryUnwrap => match strong.pop().map(Arc::try_unwrap) {
                Some(Ok(mut alone)) => alone.write(),
                Some(Err(shared)) => strong.push(shared),
                None => (),
            },
            Step::IntoInner => {
                if let Some(mut alone) = strong.pop().and_then(Arc::into_inner) {
                    alone.write();
                }
            }
            Step::IntoRaw => {
                if let Some(raw) = strong.pop().map(Arc::into_raw) {
                    // SAFETY: the pointer comes from `into_raw`, whose count it carries.
                    strong.push(unsafe { Arc::from_raw(raw) });
                }
            }
            Step::Counts => {
                if let Some(shared) = strong.last() {
                    assert!(Arc::strong_count(shared) >= strong.len(), "it counts too few");
                    shared.read();
                }
            }
        }
    }
}

/// Runs a program under every engine.
///
/// # Panics
/// With the first report of a failure.
pub fn run(program: &Program) -> isize {
    let mut engines = vec![Engine::Native];
    if cfg!(feature = "shuttle") {
        engines.push(Engine::Shuttle(Way::DepthFirst));
    }
    if cfg!(feature = "graph") {
        engines.push(Engine::Graph);
    }
    let theirs = program.clone();
    let checker = Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .name("arcs")
        .shrink(false)
        .iterations(20);
    let reports = checker.engines(engines).max_executions(1_000).run(move || {
        let mine = Arc::new(Shared(UnsafeCell::new(0)));
        let other = Arc::clone(&mine);
        let steps = theirs.0[1].clone();
        let thread = thread::spawn(move || follow(&steps, other));
        follow(&theirs.0[0], mine);
        thread.join().expect("it does not panic");
    });
    for report in reports {
        assert!(report.verdict.failure().is_none(), "{}", headline(&report));
    }
    isize::MAX // the engines look after memory
}
