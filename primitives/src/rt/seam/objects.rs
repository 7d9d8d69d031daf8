//! The atomics, cells, statics and allocations of an execution.

use super::made::Family;
use super::meeting::{self, Deed};
use super::memory::Access;
use super::slot::{MAX_OBJECTS, Place, Slot};
use super::{FailureKind, Made, Moment, Outcome, Session, Site, ThreadId, Values, Width};
use core::alloc::Layout;
use core::sync::atomic::Ordering::Relaxed;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A static that has to be made before the body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StaticKey {
    address: usize,
    /// The width and initial value of an atomic; `None` for a cell.
    atomic: Option<(Width, u64)>,
}

impl StaticKey {
    /// Returns the key of an atomic that is 0 at first and stands for something else at `address`.
    pub(super) fn of_atomic(address: usize) -> StaticKey {
        StaticKey { address, atomic: Some((Width::U32, 0)) }
    }
}

/// The last accesses to an object, to name the other side of a race.
#[derive(Debug, Default)]
struct History {
    write: Option<(ThreadId, Site)>,
    reads: Vec<(ThreadId, Site)>,
}

/// Returns an allocation's memory.
type Release = Box<dyn FnOnce()>;

struct Allocation {
    layout: Layout,
    /// Where the memory was allocated or, if it has been freed, freed.
    site: Site,
    release: Release,
    /// For each thread its last access, if the engine has moments. To allocate the memory is the first.
    touched: Vec<(Moment, Site)>,
}

#[derive(Default)]
pub(super) struct Objects {
    atomics: Vec<History>,
    cells: Vec<History>,
    statics: Vec<StaticKey>,
    made: HashMap<usize, u32>,
    live: BTreeMap<usize, Allocation>,
    freed: BTreeMap<usize, Allocation>,
    conflict: Option<Site>,
    /// What has been made, if the execution is recorded.
    pub(super) listed: Vec<Made>,
}

impl Objects {
    pub(super) fn new(statics: Vec<StaticKey>) -> Objects {
        Objects { statics, ..Objects::default() }
    }

    pub(super) fn reset(&mut self) {
        self.atomics.clear();
        self.cells.clear();
        self.made.clear();
        self.conflict = None;
        self.listed.clear();
    }

    pub(super) fn conflicting_site(&self) -> Option<Site> {
        self.conflict
    }

    /// Takes the tracked memory of an abandoned execution. No destructor of a value in it runs.
    pub(super) fn abandon(&mut self) -> Vec<Release> {
        let live = core::mem::take(&mut self.live).into_values();
        live.chain(core::mem::take(&mut self.freed).into_values())
            .map(|allocation| allocation.release)
            .collect()
    }

    fn histories(&mut self, family: Family) -> &mut Vec<History> {
        match family {
            Family::Atomic => &mut self.atomics,
            // No engine looks for races in the others.
            _ => &mut self.cells,
        }
    }

    /// Takes the sites of allocations that were never freed, and the freed memory that is still kept.
    pub(super) fn take_allocations(&mut self) -> (Vec<Site>, Vec<Release>) {
        let leaked = self.live.values().map(|allocation| allocation.site).collect();
        let freed = core::mem::take(&mut self.freed);
        (leaked, freed.into_values().map(|allocation| allocation.release).collect())
    }
}

/// A cell and an access to it, as a session sees them.
#[derive(Clone, Copy)]
pub(crate) struct CellAccess<'a> {
    pub(crate) slot: &'a Slot,
    pub(crate) address: usize,
    pub(crate) site: Site,
}

impl Session {
    /// Registers a new atomic with the running execution.
    pub(crate) fn atomic_created(&self, access: Access<'_>) {
        let index = self.backend.memory().map(|memory| memory.atomic_new(access.width, access.initial));
        let index = self.place(access.slot, Family::Atomic, index, false);
        self.list_atomic(index, &access);
    }

    fn list_atomic(&self, index: u32, access: &Access<'_>) {
        self.list(Family::Atomic, index, access.shadow.type_name(), access.slot.made_at());
    }

    /// Registers a new cell with the running execution.
    pub(crate) fn cell_created(&self, slot: &Slot) {
        self.backend.at(slot.made_at());
        let index = self.backend.memory().map(|memory| memory.cell_new());
        let index = self.place(slot, Family::Cell, index, false);
        self.list(Family::Cell, index, "UnsafeCell", slot.made_at());
    }

    fn place(&self, slot: &Slot, family: Family, index: Option<u32>, lazy: bool) -> u32 {
        let mut state = self.state.borrow_mut();
        let epoch = state.epoch;
        let histories = state.objects.histories(family);
        let index = index.unwrap_or(histories.len() as u32);
        assert!(index < MAX_OBJECTS, "an execution may make {MAX_OBJECTS} objects at most");
        // An engine that explores graphs names both sides of a race itself, without these histories.
        if self.backend.graph().is_none() && histories.len() <= index as usize {
            histories.resize_with(index as usize + 1, History::default);
        }
        slot.set(Place { lazy, epoch, index });
        index
    }

    /// Returns the engine's atomic behind `access`; `None`: the operation acts on the shadow.
    pub(super) fn atomic(&self, access: Access<'_>) -> Option<u32> {
        self.touch(access.shadow.address(), access.site);
        let (place, epoch) = (access.slot.get(), self.state.borrow().epoch);
        if place.epoch == epoch {
            return Some(place.index);
        }
        if place.lazy {
            access.shadow.set(access.initial);
            let key =
                StaticKey { address: access.shadow.address(), atomic: Some((access.width, access.initial)) };
            let index = match self.backend.graph() {
                Some(graph) => Some(graph.static_atomic(key.address, access.initial)),
                None => self.lazy_object(key),
            };
            let index = self.place(access.slot, Family::Atomic, index, true);
            self.list_atomic(index, &access);
            return Some(index);
        }
        self.refuse_native(place, "an atomic", access.site)
    }

    fn cell(&self, access: CellAccess<'_>) -> Option<u32> {
        self.touch(access.address, access.site);
        let (place, epoch) = (access.slot.get(), self.state.borrow().epoch);
        if place.epoch == epoch {
            return Some(place.index);
        }
        if place.lazy {
            let index = match self.backend.graph() {
                Some(graph) => Some(graph.static_cell().unwrap_or_else(|| self.refuse_static(access.site))),
                None => self.lazy_object(StaticKey { address: access.address, atomic: None }),
            };
            let index = self.place(access.slot, Family::Cell, index, true);
            self.list(Family::Cell, index, "UnsafeCell", access.slot.made_at());
            return Some(index);
        }
        self.refuse_native(place, "a cell", access.site)
    }

    fn refuse_static(&self, site: Site) -> ! {
        self.fail(
            FailureKind::Refused,
            format!(
                "executions run at once, and would share the memory of the static cell used at {}:{}; explore with one job",
                site.file(),
                site.line()
            ),
            vec![site],
        )
    }

    /// Refuses the run if the object was made outside any model. An operation on an object of an earlier execution acts on
    /// the shadow.
    fn refuse_native<T>(&self, place: Place, what: &str, site: Site) -> Option<T> {
        if place.epoch != 0 || self.is_unwinding() {
            return None;
        }
        self.fail(
            FailureKind::Refused,
            format!(
                "{what} that was made outside the model is used inside it, at {}:{}; make it inside the \
                 closure, so that every execution starts from the same state (or with `const_new`, for a static)",
                site.file(),
                site.line()
            ),
            vec![site],
        )
    }

    /// Returns the object behind a static that this execution meets for the first time.
    pub(super) fn lazy_object(&self, key: StaticKey) -> Option<u32> {
        self.lazy_object_and(key, std::iter::empty())
    }

    /// As [`lazy_object`](Self::lazy_object); if the exploration has to start over for it, then with `others` made too.
    pub(super) fn lazy_object_and(
        &self,
        key: StaticKey,
        others: impl Iterator<Item = StaticKey>,
    ) -> Option<u32> {
        let memory = self.backend.memory()?;
        let (made, alone) = {
            let state = self.state.borrow();
            (state.objects.made.get(&key.address).copied(), state.threads.only_main())
        };
        if made.is_some() {
            return made;
        }
        if alone {
            return Some(make(memory, key));
        }
        // loom takes the making of an object for an exclusive access by the thread that makes it. Only the main thread,
        // before it spawns others, can make that access before those of all other threads. The exploration therefore
        // starts over, with this static made before the body.
        let mut statics = self.state.borrow().objects.statics.clone();
        let known: HashSet<StaticKey> = statics.iter().copied().collect();
        statics.push(key);
        statics.extend(others.filter(|other| *other != key && !known.contains(other)));
        self.stop(Outcome::Restart(statics))
    }

    /// Returns the atomic of something that is there from the beginning of the execution, though nothing has made it;
    /// `None` if the engine has no memory model. `address` stands in a static.
    pub(super) fn given_atomic(&self, address: usize) -> Option<u32> {
        match self.backend.graph() {
            Some(graph) => Some(graph.static_atomic(address, 0)),
            None => self.lazy_object(StaticKey { address, atomic: Some((Width::U32, 0)) }),
        }
    }

    pub(super) fn make_statics(&self) {
        let Some(memory) = self.backend.memory() else { return };
        let statics = self.state.borrow().objects.statics.clone();
        for key in statics {
            let index = make(memory, key);
            self.state.borrow_mut().objects.made.insert(key.address, index);
        }
    }

    /// Remembers an access, and the other side should the engine report a race.
    pub(super) fn remember_access(&self, family: Family, object: u32, site: Site, write: bool) {
        if self.backend.graph().is_some() {
            // Such an engine names both sides of a race itself.
            return;
        }
        let mut state = self.state.borrow_mut();
        let me = state.threads.current;
        let objects = &mut state.objects;
        let Some(history) = objects.histories(family).get_mut(object as usize) else { return };
        let by_others = |access: &&(ThreadId, Site)| access.0 != me;
        let mut conflict = history.write.as_ref().filter(by_others).copied();
        if write {
            conflict = conflict.or_else(|| history.reads.iter().rev().find(by_others).copied());
            history.write = Some((me, site));
        } else {
            history.reads.retain(|read| read.0 != me);
            history.reads.push((me, site));
        }
        objects.conflict = conflict.map(|access| access.1);
    }

    /// Begins an access to a cell, and returns its number for `cell_end`; `None`: the access acts on the shadow.
    pub(crate) fn cell_begin(&self, access: CellAccess<'_>, write: bool) -> Option<u32> {
        let cell = self.cell(access)?;
        self.begin_at(cell, write, access.site);
        Some(cell)
    }

    fn begin_at(&self, cell: u32, write: bool, site: Site) {
        self.remember_access(Family::Cell, cell, site, write);
        let deed = if write { Deed::Write } else { Deed::Read };
        self.visit(meeting::Place::Cell(cell), deed);
        self.step(site, |backend| match backend.memory() {
            Some(memory) => memory.cell_begin(cell, write),
            None => backend.plain(),
        });
        let operation = if write { "cell write" } else { "cell read" };
        self.record(operation, site, Some(cell), None, Values::None);
    }

    /// Makes an access to a cell of this execution that lasts no longer than the call. The memory of the cell, at
    /// `address`, may have been freed.
    pub(crate) fn cell_used(&self, cell: u32, address: usize, write: bool, site: Site) {
        self.touch(address, site);
        self.begin_at(cell, write, site);
        self.cell_end(cell, write);
    }

    /// Ends the access that `cell_begin` began.
    pub(crate) fn cell_end(&self, cell: u32, write: bool) {
        if let Some(memory) = self.backend.memory() {
            memory.cell_end(cell, write);
        }
    }

    /// Notes a tracked allocation; `release` returns its memory when the execution ends.
    pub(crate) fn allocated(&self, address: usize, layout: Layout, site: Site, release: Release) {
        let touched = self.backend.graph().map(|graph| (graph.moment(), site)).into_iter().collect();
        let allocation = Allocation { layout, site, release, touched };
        self.state.borrow_mut().objects.live.insert(address, allocation);
        self.list_memory(address, site);
    }

    /// Begins to free the memory at `address`, and returns whether it is a tracked allocation of this execution. Fails the
    /// execution if the memory has been freed before, if it was allocated with another layout, or if an access to it is
    /// not ordered before now.
    pub(crate) fn begins_to_free(&self, address: usize, layout: Layout, site: Site) -> bool {
        self.disturb();
        let (live, freed, around) = {
            let state = self.state.borrow();
            let objects = &state.objects;
            let live = objects.live.get(&address);
            let before = objects.live.range(..address).next_back();
            let around =
                before.filter(|(start, outer)| live.is_none() && address < *start + outer.layout.size());
            (
                live.map(|allocation| {
                    (allocation.layout, allocation.site, self.unordered_access(allocation))
                }),
                objects.freed.get(&address).map(|allocation| allocation.site),
                around.map(|(_, outer)| outer.site),
            )
        };
        if let Some((allocated, made, access)) = live {
            if let Some(access) = access {
                self.fail_free(
                    FailureKind::Race,
                    "data race: memory is freed, and nothing orders the access",
                    site,
                    access,
                );
            }
            if allocated != layout {
                let what = format!(
                    "memory is freed as {}; it was allocated as {},",
                    words(layout),
                    words(allocated)
                );
                self.fail_free(FailureKind::WrongLayout, &what, site, made);
            }
            return true;
        }
        if let Some(first) = freed {
            self.fail_free(FailureKind::DoubleFree, "an allocation is freed twice, first", site, first);
        }
        if let Some(outer) = around {
            let what = "memory is freed from its middle; it was allocated";
            self.fail_free(FailureKind::WrongLayout, what, site, outer);
        }
        false
    }

    /// Fails the execution for memory that is freed at `site`. `what` ends before the place of the other side.
    fn fail_free(&self, kind: FailureKind, what: &str, site: Site, other: Site) -> ! {
        let message = format!("{what} at {}:{}", other.file(), other.line());
        self.fail(kind, message, vec![site, other])
    }

    /// Counts an operation of a primitive as specified.
    pub(crate) fn note_specified(&self) {
        // Relaxed: a statistic.
        self.counters.specified.fetch_add(1, Relaxed);
    }

    /// Notes that an owner of the memory at `address` lets it go. The accesses that happen before now need no other order
    /// before the memory is freed.
    pub(crate) fn let_go(&self, address: usize) {
        self.disturb();
        self.note_specified();
        let Some(graph) = self.backend.graph() else { return };
        if let Some(allocation) = self.state.borrow_mut().objects.live.get_mut(&address) {
            allocation.touched.retain(|(moment, _)| !graph.is_ordered(*moment));
        }
    }

    /// Ends what [`begins_to_free`](Self::begins_to_free) began, after the destructor of the value has run. The memory is
    /// kept until the execution ends, so that a later use of it is noticed.
    pub(crate) fn freed(&self, address: usize, site: Site) {
        let objects = &mut self.state.borrow_mut().objects;
        if let Some(allocation) = objects.live.remove(&address) {
            objects.freed.insert(address, Allocation { site, ..allocation });
        }
    }

    /// Returns an access to an allocation that does not happen before now, if there is one.
    fn unordered_access(&self, allocation: &Allocation) -> Option<Site> {
        let graph = self.backend.graph()?;
        let unordered = |(moment, _): &&(Moment, Site)| !graph.is_ordered(*moment);
        allocation.touched.iter().find(unordered).map(|(_, site)| *site)
    }

    /// Notes an access to memory, and fails the execution if the memory has been freed.
    fn touch(&self, address: usize, site: Site) {
        let mut state = self.state.borrow_mut();
        if let Some(graph) = self.backend.graph()
            && let Some((start, allocation)) = state.objects.live.range_mut(..=address).next_back()
            && address < *start + allocation.layout.size()
        {
            let moment = graph.moment();
            match allocation.touched.iter_mut().find(|(known, _)| known.thread == moment.thread) {
                Some(last) => *last = (moment, site),
                None => allocation.touched.push((moment, site)),
            }
        }
        if !state.objects.freed.is_empty() {
            drop(state);
            self.check_freed(address, site);
        }
    }

    fn check_freed(&self, address: usize, site: Site) {
        let freed = {
            let state = self.state.borrow();
            let before = state.objects.freed.range(..=address).next_back();
            before
                .filter(|(start, freed)| address < *start + freed.layout.size().max(1))
                .map(|(_, freed)| freed.site)
        };
        if let Some(freed) = freed {
            self.fail(
                FailureKind::UseAfterFree,
                format!("memory is used after it was freed at {}:{}", freed.file(), freed.line()),
                vec![site, freed],
            );
        }
    }
}

/// Returns a layout in words.
fn words(layout: Layout) -> String {
    format!("{} bytes aligned to {}", layout.size(), layout.align())
}

fn make(memory: &dyn super::Memory, key: StaticKey) -> u32 {
    match key.atomic {
        Some((width, value)) => memory.atomic_new(width, value),
        None => memory.cell_new(),
    }
}
