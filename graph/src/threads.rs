//! The program's threads, as coroutines of one OS thread.

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::io;

/// Bytes of stack for each thread.
const STACK_SIZE: usize = 256 * 1024;

type Body = Box<dyn FnOnce()>;
type Fiber = Coroutine<(), (), ()>;

/// A thread's coroutine, from when it is first scheduled until it ends.
#[derive(Default)]
struct Slot {
    body: Option<Body>,
    fiber: Option<Fiber>,
    yielder: Option<*const Yielder<(), ()>>,
    /// The highest address of its stack.
    base: usize,
}

/// The coroutines of a run, and a pool of stacks.
#[derive(Default)]
pub(crate) struct Threads {
    slots: Vec<Slot>,
    stacks: Vec<DefaultStack>,
}

/// Runs a body, having told where its yielder is.
fn enter(body: Body, yielder: &Yielder<(), ()>, report: impl FnOnce(*const Yielder<(), ()>)) {
    report(yielder);
    body();
}

impl Threads {
    /// Gives a thread its body.
    pub(crate) fn make(&mut self, thread: u32, body: Body) {
        let at = thread as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, Slot::default);
        }
        self.slots[at].body = Some(body);
    }

    /// Takes a thread's coroutine out to be resumed, making it if need be. `report` is told where its
    /// yielder is.
    pub(crate) fn take(
        &mut self,
        thread: u32,
        report: impl FnOnce(*const Yielder<(), ()>) + 'static,
    ) -> io::Result<Option<Fiber>> {
        let slot = &mut self.slots[thread as usize];
        if let Some(fiber) = slot.fiber.take() {
            return Ok(Some(fiber));
        }
        let Some(body) = slot.body.take() else { return Ok(None) };
        let stack = match self.stacks.pop() {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_SIZE)?,
        };
        slot.base = stack.base().get();
        Ok(Some(Coroutine::with_stack(stack, move |yielder, ()| enter(body, yielder, report))))
    }

    /// Notes where a running thread's yielder is.
    pub(crate) fn set_yielder(&mut self, thread: u32, yielder: *const Yielder<(), ()>) {
        self.slots[thread as usize].yielder = Some(yielder);
    }

    /// Where the thread's yielder is.
    pub(crate) fn yielder(&self, thread: u32) -> Option<*const Yielder<(), ()>> {
        self.slots[thread as usize].yielder
    }

    /// The highest address of the stack of a thread that has begun.
    pub(crate) fn base(&self, thread: u32) -> usize {
        self.slots[thread as usize].base
    }

    /// Puts a coroutine back that has been suspended; or its stack into the pool, if it has ended.
    pub(crate) fn put(&mut self, thread: u32, fiber: Fiber, result: CoroutineResult<(), ()>) {
        match result {
            CoroutineResult::Yield(()) => self.slots[thread as usize].fiber = Some(fiber),
            CoroutineResult::Return(()) => self.stacks.push(fiber.into_stack()),
        }
    }

    /// Gives the pooled stacks back to the system.
    pub(crate) fn free_stacks(&mut self) {
        self.stacks = Vec::new();
    }

    /// Gives up all threads that have not ended. Nothing of them is dropped: what their stacks own is
    /// leaked, because a destructor could run into a state that no execution has (the native values hold
    /// what was written last in the order of this run, which need not be last in modification order).
    pub(crate) fn abandon(&mut self) {
        for mut slot in self.slots.drain(..) {
            if let Some(mut fiber) = slot.fiber.take() {
                // SAFETY: the coroutine is never resumed again, and the memory of its frames is used again
                // only as the stack of another one: its values are leaked. Whoever borrows from these frames
                // is a thread of the same run (scoped threads), which is abandoned too.
                unsafe { fiber.force_reset() };
                self.stacks.push(fiber.into_stack());
            }
            // A body that has not begun owns nothing of the run but handles, whose destructors would act on
            // it.
            core::mem::forget(slot.body.take());
        }
    }
}
