//! The graph engine: every execution graph, each once.
//!
//! The machine decides by itself which thread runs and which thread waits for which, so its backend implements
//! [`Graph`] too, and the session only counts, records and mutates.

use core::cell::{Cell, RefCell};
use core::panic::Location;
use core::sync::atomic::Ordering::{self, Acquire};
use selvedge::rt::seam::{
    Attempt, Backend, Disabled, Exchange, Graph, Memory, Moment, Raced, Rmw, Sight, Site, StepId, StepName,
    Taken, ThreadId, Width,
};
use selvedge_graph::{Frames, Machine, Order, Race};
use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

/// A machine behind the seam.
pub(super) struct GraphBackend {
    machine: Rc<Machine>,
    site: Cell<Site>,
    /// Whether no other machine runs executions of the same model at the same time.
    alone: bool,
    /// The machine's threads by the session's numbers.
    threads: Rc<RefCell<Vec<u32>>>,
}

impl GraphBackend {
    /// The engine of a machine, which the caller runs. `alone`: no other machine runs executions of the same
    /// model at the same time.
    #[track_caller]
    pub(super) fn new(machine: Rc<Machine>, alone: bool) -> GraphBackend {
        GraphBackend { machine, site: Cell::new(Location::caller()), alone, threads: Rc::default() }
    }

    /// The machine's threads by the numbers that reports use.
    pub(super) fn numbers(&self) -> Rc<RefCell<Vec<u32>>> {
        Rc::clone(&self.threads)
    }

    fn site(&self) -> Site {
        self.site.get()
    }

    fn thread(&self, thread: ThreadId) -> u32 {
        self.threads.borrow()[thread]
    }
}

/// Throws a race at the session, which catches it in its `step`.
fn unless_raced<T>(result: Result<T, Race>) -> T {
    match result {
        Ok(value) => value,
        // No panic hook sees it.
        Err(race) => std::panic::resume_unwind(Box::new(Raced(race.site))),
    }
}

fn seam_step(step: selvedge_graph::StepId) -> StepId {
    StepId { thread: step.thread, index: step.index }
}

fn graph_step(step: StepId) -> selvedge_graph::StepId {
    selvedge_graph::StepId { thread: step.thread, index: step.index }
}

fn graph_name(StepName { operation, kind, number }: StepName) -> selvedge_graph::StepName {
    selvedge_graph::StepName { operation, kind, number }
}

fn graph_attempt(
    attempt: Attempt<'_>,
) -> impl Fn(
    &Rc<dyn Any>,
    selvedge_graph::StepId,
    Option<Duration>,
) -> Result<selvedge_graph::Taken, selvedge_graph::Disabled> {
    move |state, me, now| match attempt(state, seam_step(me), now) {
        Ok(Taken { state, after }) => {
            Ok(selvedge_graph::Taken { state, after: after.into_iter().map(graph_step).collect() })
        }
        Err(Disabled { until }) => Err(selvedge_graph::Disabled { until }),
    }
}

impl Backend for GraphBackend {
    fn name(&self) -> &'static str {
        "graph"
    }

    fn begin(&self) {
        let mut threads = self.threads.borrow_mut();
        threads.clear();
        threads.push(0);
    }

    fn at(&self, site: Site) {
        self.site.set(site);
    }

    fn hold(&self, _on: bool) {
        // A destructor's operations are events like all others; nothing else runs meanwhile, unless a replay
        // asks for it.
    }

    fn switch(&self, _yielding: bool) {
        // The machine decides at each operation which thread continues.
    }

    fn spin(&self, frames: usize) {
        // SAFETY: 0, or the stack pointer that the function had which has called `spin_loop` or `yield_now` on this
        // stack, and waits for it to return.
        let frames = unsafe { Frames::from(frames) };
        self.machine.spin(self.site(), frames);
    }

    fn let_all_others_go(&self) {
        self.machine.let_all_others_go(self.site());
    }

    fn block(&self) {
        unreachable!("the session leaves the waiting to an engine that implements `Graph`")
    }

    fn unblock(&self, _thread: ThreadId) {
        // The machine sees by itself when a thread can continue.
    }

    fn spawn(&self, thread: ThreadId, stack_size: usize, body: Box<dyn FnOnce()>) {
        let mut threads = self.threads.borrow_mut();
        debug_assert_eq!(
            threads.len(),
            thread,
            "the session numbers threads in the order in which it makes them"
        );
        // The machine may let others make threads before it returns.
        threads.push(u32::MAX);
        drop(threads);
        let made = self.machine.spawn_on(Some(stack_size), body, self.site());
        self.threads.borrow_mut()[thread] = made;
    }

    fn check_stack(&self) {
        self.machine.check_stack();
    }

    fn choose(&self, n: usize) -> Option<usize> {
        let ways = u32::try_from(n).ok()?;
        Some(self.machine.choose(ways, self.site()) as usize)
    }

    fn graph(&self) -> Option<&dyn Graph> {
        Some(self)
    }

    fn memory(&self) -> Option<&dyn Memory> {
        Some(self)
    }
}

impl Memory for GraphBackend {
    fn atomic_new(&self, _width: Width, value: u64) -> u32 {
        self.machine.new_location(value.into(), None)
    }

    fn load(&self, atomic: u32, order: Ordering) -> u64 {
        unless_raced(self.machine.load(atomic, order.into(), self.site())) as u64
    }

    fn store(&self, atomic: u32, value: u64, order: Ordering) {
        unless_raced(self.machine.store(atomic, value.into(), order.into(), self.site()));
    }

    fn rmw(&self, atomic: u32, op: Rmw, width: Width, order: Ordering) -> u64 {
        let update = |old: u128| u128::from(op.apply(old as u64, width));
        unless_raced(self.machine.update(atomic, &update, order.into(), self.site())) as u64
    }

    fn compare_exchange(&self, atomic: u32, exchange: Exchange) -> Result<u64, u64> {
        let Exchange { current, new, success, failure, weak } = exchange;
        let orders = (success.into(), failure.into());
        // SAFETY: 0, or the stack pointer that the function had which has called `compare_exchange_weak` on this
        // stack, and waits for it to return.
        let weak = weak.map(|frames| unsafe { Frames::from(frames) });
        let site = self.site();
        let result = self.machine.compare_exchange(atomic, current.into(), new.into(), orders, weak, site);
        unless_raced(result).map(|old| old as u64).map_err(|found| found as u64)
    }

    fn fence(&self, order: Ordering) {
        self.machine.fence(order.into(), self.site());
    }

    fn unsync_load(&self, atomic: u32) -> u64 {
        unless_raced(self.machine.load(atomic, Order::Plain, self.site())) as u64
    }

    fn unsync_store(&self, atomic: u32, value: u64) {
        unless_raced(self.machine.store(atomic, value.into(), Order::Plain, self.site()));
    }

    fn exclusive(&self, atomic: u32, new: Option<u64>) -> u64 {
        match new {
            None => self.unsync_load(atomic),
            Some(new) => {
                self.unsync_store(atomic, new);
                new
            }
        }
    }

    fn cell_new(&self) -> u32 {
        self.machine.new_cell(self.site())
    }

    fn cell_begin(&self, cell: u32, write: bool) {
        unless_raced(self.machine.cell_begin(cell, write, self.site()));
    }

    fn cell_end(&self, cell: u32, write: bool) {
        self.machine.cell_end(cell, write);
    }
}

impl Graph for GraphBackend {
    fn alike(&self, threads: &[ThreadId]) -> bool {
        let threads: Vec<u32> = threads.iter().map(|thread| self.thread(*thread)).collect();
        self.machine.alike(&threads)
    }

    fn join(&self, thread: ThreadId) {
        self.machine.join(self.thread(thread), self.site());
    }

    fn take(&self, atomic: u32) {
        // Acquire: what happened before the unpark happens before this returns.
        unless_raced(self.machine.await_exchange(atomic, 1, 0, Acquire.into(), self.site()));
    }

    fn take_until(&self, atomic: u32, deadline: Duration) -> bool {
        // Acquire: synchronizes with the Release swap of `unpark`.
        let result = self.machine.await_exchange_until(atomic, (1, 0), Acquire.into(), deadline, self.site());
        unless_raced(result)
    }

    fn object_new(&self, state: Rc<dyn Any>) -> u32 {
        self.machine.new_object(state)
    }

    fn object_of_static(&self, address: usize, state: Rc<dyn Any>) -> u32 {
        self.machine.static_object(address, state)
    }

    fn object_of_thing(&self, thing: u32, first: Rc<dyn Any>) -> u32 {
        self.machine.object_of_thing(thing, first)
    }

    fn need_together(&self, things: &[u32]) {
        self.machine.need_together(things);
    }

    fn step(
        &self,
        object: u32,
        name: StepName,
        (attempt, assumes): (Attempt<'_>, bool),
    ) -> (Rc<dyn Any>, StepId) {
        let (attempt, name) = (graph_attempt(attempt), graph_name(name));
        let made = self.machine.step(object, name, (&attempt, assumes), self.site());
        let (state, me) = unless_raced(made);
        (state, seam_step(me))
    }

    fn newest_state(&self, object: u32) -> Option<Rc<dyn Any>> {
        self.machine.newest_state(object)
    }

    fn known_state(&self, object: u32) -> Rc<dyn Any> {
        self.machine.known_state(object)
    }

    fn observe(&self, object: u32, name: StepName, sees: Sight<'_>) -> Rc<dyn Any> {
        let sees = |state: &Rc<dyn Any>| Some(sees(state)?.into_iter().map(graph_step).collect());
        unless_raced(self.machine.observe(object, graph_name(name), &sees, self.site()))
    }

    fn rename_step(&self, name: StepName) {
        self.machine.rename_step(graph_name(name));
    }

    fn await_one_of(
        &self,
        objects: &dyn Fn() -> Vec<u32>,
        ready: &dyn Fn(&dyn Fn(u32) -> Rc<dyn Any>) -> Option<u32>,
    ) -> u32 {
        self.machine.await_one_of(objects, ready)
    }

    fn begin_wait(&self) -> u32 {
        self.machine.begin_wait()
    }

    fn wait_again(&self, begun: u32) {
        self.machine.wait_again(begun, self.site());
    }

    fn stop(&self) -> ! {
        self.machine.stop()
    }

    fn bounds_retries(&self) -> bool {
        self.machine.bounds_retries()
    }

    fn note_retry(&self) {
        self.machine.note_retry();
    }

    fn static_atomic(&self, address: usize, value: u64) -> u32 {
        self.machine.static_location(address, value.into())
    }

    fn static_cell(&self) -> Option<u32> {
        self.alone.then(|| self.machine.static_cell())
    }

    fn now(&self) -> Duration {
        self.machine.now()
    }

    fn advance_to(&self, time: Duration) {
        self.machine.advance_to(time);
    }

    fn is_time_discrete(&self) -> bool {
        self.machine.is_time_discrete()
    }

    fn moment(&self) -> Moment {
        let selvedge_graph::Epoch { thread, events } = self.machine.epoch();
        Moment { thread, events }
    }

    fn is_ordered(&self, moment: Moment) -> bool {
        let Moment { thread, events } = moment;
        self.machine.is_ordered(selvedge_graph::Epoch { thread, events })
    }
}
