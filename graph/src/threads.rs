//! The program's threads, as coroutines of one OS thread.

use crate::overflow::{self, Ended};
use crate::stack::{Bounds, DEFAULT_STACK_SIZE, Pool};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::alloc::{Layout, dealloc};
use std::io;

type Body = Box<dyn FnOnce()>;
type Fiber = Coroutine<(), (), Ended>;

/// A thread whose coroutine is taken out to run.
pub(crate) struct Running {
    fiber: Fiber,
    bounds: Bounds,
}

impl Running {
    /// Resumes the coroutine until it suspends itself or ends.
    pub(crate) fn resume(&mut self) -> CoroutineResult<(), Ended> {
        let trap = self.fiber.trap_handler();
        overflow::watched(self.bounds, trap, || self.fiber.resume(()))
    }
}

/// The memory of a body's box.
struct Memory(*mut u8, Layout);

impl Memory {
    fn of(body: &mut Body) -> Memory {
        let layout = Layout::for_value(&**body);
        Memory((&raw mut **body).cast(), layout)
    }

    /// Frees it.
    ///
    /// # Safety
    /// The box, or the call that consumes it, has been given up: neither frees it, and nothing in it is used again.
    unsafe fn free(self) {
        let Memory(at, layout) = self;
        if layout.size() > 0 {
            // SAFETY: the global allocator gave a box of this layout this memory, and the caller promises the rest.
            unsafe { dealloc(at, layout) };
        }
    }
}

/// A thread's coroutine, from when it is first scheduled until it ends.
#[derive(Default)]
struct Slot {
    body: Option<Body>,
    /// The memory of the body's box, until the body has returned.
    memory: Option<Memory>,
    /// Bytes of stack that the thread asks for.
    stack_size: usize,
    running: Option<Running>,
    yielder: Option<*const Yielder<(), ()>>,
    /// Its stack, once it has begun.
    bounds: Bounds,
}

/// The coroutines of a run, and a pool of stacks.
#[derive(Default)]
pub(crate) struct Threads {
    slots: Vec<Slot>,
    stacks: Pool,
}

/// Runs a body, after `report` has received the address of its yielder.
fn enter(body: Body, yielder: &Yielder<(), ()>, report: impl FnOnce(*const Yielder<(), ()>)) -> Ended {
    report(yielder);
    body();
    Ended::Returned
}

impl Threads {
    /// Gives a thread its body, and the size of its stack if it asks for one.
    pub(crate) fn make(&mut self, thread: u32, stack_size: Option<usize>, mut body: Body) {
        let at = thread as usize;
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, Slot::default);
        }
        self.slots[at].stack_size = stack_size.unwrap_or(DEFAULT_STACK_SIZE);
        self.slots[at].memory = Some(Memory::of(&mut body));
        self.slots[at].body = Some(body);
    }

    /// Takes a thread's coroutine out to be resumed, making it if need be. `report` receives the address of its
    /// yielder.
    pub(crate) fn take(
        &mut self,
        thread: u32,
        report: impl FnOnce(*const Yielder<(), ()>) + 'static,
    ) -> io::Result<Option<Running>> {
        let slot = &mut self.slots[thread as usize];
        if let Some(running) = slot.running.take() {
            return Ok(Some(running));
        }
        if slot.body.is_none() {
            return Ok(None);
        }
        let stack = self.stacks.take(slot.stack_size)?;
        let Some(body) = slot.body.take() else { return Ok(None) };
        slot.bounds = stack.bounds;
        let fiber = Coroutine::with_stack(stack.stack, move |yielder, ()| enter(body, yielder, report));
        Ok(Some(Running { fiber, bounds: stack.bounds }))
    }

    /// Notes where a running thread's yielder is.
    pub(crate) fn set_yielder(&mut self, thread: u32, yielder: *const Yielder<(), ()>) {
        self.slots[thread as usize].yielder = Some(yielder);
    }

    /// Returns where the thread's yielder is.
    pub(crate) fn yielder(&self, thread: u32) -> Option<*const Yielder<(), ()>> {
        self.slots[thread as usize].yielder
    }

    /// Returns the highest address of the stack of a thread that has begun.
    pub(crate) fn base(&self, thread: u32) -> usize {
        self.slots[thread as usize].bounds.base
    }

    /// Returns the bytes of stack that the program has in a thread that has begun.
    pub(crate) fn stack_size(&self, thread: u32) -> usize {
        self.slots[thread as usize].bounds.size()
    }

    /// Puts a coroutine back that has been suspended; or its stack into the pool, if its body has returned. The stack of
    /// a thread that has overflowed stays mapped: its fence may be lifted, and other threads may point into it.
    pub(crate) fn put(&mut self, thread: u32, running: Running, result: CoroutineResult<(), Ended>) {
        let (bounds, slot) = (running.bounds, &mut self.slots[thread as usize]);
        match result {
            CoroutineResult::Yield(()) => slot.running = Some(running),
            CoroutineResult::Return(ended) => {
                // The call has freed the box, or an overflow has ended the call somewhere.
                slot.memory = None;
                match ended {
                    Ended::Returned => self.stacks.put(running.fiber.into_stack(), bounds),
                    Ended::Overflowed => core::mem::forget(running.fiber.into_stack()),
                }
            }
        }
    }

    /// Gives the pooled stacks back to the system, and what else a run needs.
    pub(crate) fn retire(&mut self) {
        self.stacks.clear();
        self.slots = Vec::new();
    }

    /// Gives up all threads that have not ended. No value of theirs is dropped: what their stacks and bodies own is
    /// leaked, because a destructor could run into a state that no execution has (the native values hold
    /// what was written last in the order of this run, which need not be last in modification order). The memory of the
    /// bodies themselves is freed.
    pub(crate) fn abandon(&mut self) {
        for mut slot in self.slots.drain(..) {
            if let Some(Running { mut fiber, bounds }) = slot.running.take() {
                // SAFETY: the coroutine is never resumed again, and the memory of its frames is used again
                // only as the stack of another one: its values are leaked. What borrows from these frames
                // is a thread of the same run (scoped threads), which is abandoned too.
                unsafe { fiber.force_reset() };
                self.stacks.put(fiber.into_stack(), bounds);
            }
            // A body that has not begun owns handles of the run, whose destructors would act on the run.
            core::mem::forget(slot.body.take());
            if let Some(memory) = slot.memory.take() {
                // SAFETY: the box has just been forgotten, or its call is in a frame of the coroutine that has been given up
                // above: a thread whose body has returned, or overflowed, has no memory here.
                unsafe { memory.free() };
            }
        }
    }
}
