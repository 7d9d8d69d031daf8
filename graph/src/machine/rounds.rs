//! Threads that repeat rounds of a loop.
//!
//! A *round* is what a thread does between two passes of one line with `spin` (or from one `begin_wait` to
//! its `wait_again`). A round is a *stutter* if it leaves the thread in the state in which it began, wrote nothing,
//! and read what the round before it read. The execution without the round is consistent too, and brings the thread
//! to the same state, so nothing is lost if the thread stops there for good: whatever it would read in later rounds,
//! the reads of this round are revisited to read. A read-modify-write that leaves the value as it was counts as its
//! read, and a read of its write counts as a read of the write that it read.
//!
//! Other rounds are explored, up to [`Options::rounds`](super::Options::rounds).

use super::{Machine, State};
use crate::event::{Event, EventId, Kind, LocationId, SPURIOUS, Site};
use crate::explore::loop_cut::LoopCut;
use crate::graph::Graph;
use crate::run::{Line, Spin, Status};
use crate::snapshot::{Frames, Snapshot};

/// The cost of a round that leaves the thread in the state in which it began, though it is no stutter: only
/// other threads can end such a loop. Any other round costs 1.
pub(super) const SAME_STATE: u32 = 8;

/// What a thread did in a round.
enum Round {
    /// The round repeats the round before it, and the thread would only repeat it again.
    Stutter,
    /// The round is no stutter.
    Differs(Difference),
}

/// A round that is no stutter.
#[derive(Clone, Copy)]
struct Difference {
    cost: u32,
    /// Whether all reads of the round read the newest write.
    fair: bool,
    /// Whether the round may have changed something.
    wrote: bool,
    /// Whether the thread would only repeat the round, if no other thread writes.
    forever: bool,
}

/// What is known of a round besides its events.
#[derive(Clone, Copy)]
struct Around {
    /// Whether the thread's state is what it was before the round.
    same_state: bool,
    /// Whether the thread has written to cells.
    wrote_cells: bool,
}

impl Machine {
    /// Lets other threads go first, at a line to which the current thread may come back.
    pub fn spin(&self, site: Site, frames: Frames) {
        if self.state.borrow().run.rehearsal.is_some() {
            if let Some(begun) = self.rehearse_pass(site, frames) {
                let spin = self.judge(site, begun);
                self.wait(Status::Spins(spin));
            }
            return;
        }
        self.note_yield();
        let Some((begun, round)) = self.pass(site, frames) else { return };
        match round {
            Round::Stutter => {
                let spin = self.judge(site, begun);
                if !self.begin_rehearsal(site, begun) {
                    self.wait(Status::Spins(spin));
                }
            }
            Round::Differs(difference) => self.wait_if_spent(site, difference),
        }
    }

    /// Passes a line. Returns what the thread did since it was there last, and how many events it had had then; `None`
    /// if the thread has never been there, or is known to go on.
    fn pass(&self, site: Site, frames: Frames) -> Option<(u32, Round)> {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let base = self.threads.borrow().base(run.current);
        let recorded = run.next_recorded(&exploration.graph).is_some();
        let me = run.me();
        let cursor = me.cursor;
        let Some(at) = me.lines.iter().position(|line| line.site == site) else {
            let cell_writes = me.cell_writes;
            let mut line = Line { site, events: cursor, cell_writes, state: Snapshot::default(), spent: 0 };
            line.state.update(frames, base, me.kept());
            me.lines.push(line);
            return None;
        };
        let mut snapshot = core::mem::take(&mut me.lines[at].state);
        let same = snapshot.update(frames, base, me.kept());
        me.lines[at].state = snapshot;
        let cell_writes = core::mem::replace(&mut me.lines[at].cell_writes, me.cell_writes);
        let around = Around { same_state: same, wrote_cells: me.cell_writes != cell_writes };
        let begun = core::mem::replace(&mut me.lines[at].events, cursor);
        let events = &exploration.graph.threads[run.current as usize].events[..cursor as usize];
        let mut round = classify(&exploration.graph, events, begun as usize, around);
        if exploration.suspects.contains(site) && matches!(round, Round::Stutter) {
            let fair = reads_of(&exploration.graph, &events[begun as usize..]);
            let fair = fair.iter().all(|id| is_newest(&exploration.graph, *id));
            round = Round::Differs(Difference { cost: 1, fair, wrote: false, forever: false });
        }
        let me = run.me();
        let doubted = me.doubted.take();
        if let Round::Differs(Difference { cost, wrote, .. }) = round {
            me.lines[at].spent += self.cost(cost);
            let beyond = wrote && me.lines[at].spent > self.options.rounds;
            exploration.loops_cut.extend(doubted.map(|site| (LoopCut::HiddenState, site)));
            if beyond {
                run.beyond = Some((run.current, site));
            }
        }
        (!recorded).then_some((begun, round))
    }

    /// Returns the round of a thread that would only repeat it. If a read has not read the newest write, no revisit can
    /// end the loop, and the branch is given up.
    fn judge(&self, site: Site, begun: u32) -> Spin {
        let (spin, stale) = {
            let state = self.state.borrow();
            let graph = &state.exploration.graph;
            let me = state.run.current as usize;
            let events = &graph.threads[me].events[begun as usize..state.run.threads[me].cursor as usize];
            let reads = reads_of(graph, events);
            let stale = |id: &EventId| !is_newest(graph, *id) || graph.event(*id).argument == SPURIOUS;
            let stale = reads.iter().any(stale);
            let chose = events.iter().any(|id| graph.event(*id).kind == Kind::Choice);
            (Spin { site, reads, seen: Vec::new(), chose, promised: false }, stale)
        };
        if stale {
            self.dead_end();
        }
        spin
    }

    /// Goes on as long as the line's rounds do not cost too much; then only if no other thread can run.
    fn wait_if_spent(&self, site: Site, Difference { fair, wrote, forever, .. }: Difference) {
        let spent = {
            let mut state = self.state.borrow_mut();
            let line = state.run.me().lines.iter().find(|line| line.site == site);
            line.map_or(0, |line| line.spent)
        };
        if spent <= self.options.rounds {
            return;
        }
        // Other threads may wait for the end of a thread that has gone on from here in an earlier run.
        while self.state.borrow().run.remaining > 0 {
            self.wait(Status::Pauses);
            if self.state.borrow().run.remaining > 0 {
                return;
            }
        }
        if !fair {
            self.cut_loop(LoopCut::Rounds, site);
        }
        self.wait(Status::Yields { site, forever });
        if wrote && !forever && self.others_are_unfinished() {
            self.cut_loop(LoopCut::Rounds, site);
        }
    }

    /// Lets all other threads go on as far as they can, once in a run.
    pub fn let_all_others_go(&self, site: Site) {
        let first = !core::mem::replace(&mut self.state.borrow_mut().run.me().let_go, true);
        let recorded = {
            let state = self.state.borrow();
            state.run.next_recorded(&state.exploration.graph).is_some()
        };
        if first && !recorded && self.turn().is_none() {
            self.wait(Status::Yields { site, forever: false });
        }
    }

    /// Returns what a round of this cost takes of the bound. Under fair schedules the other threads end loops that would go
    /// round for ever, so all rounds cost the same.
    fn cost(&self, cost: u32) -> u32 {
        if self.options.fair_schedules { cost.min(1) } else { cost }
    }

    /// Notes the cost of a round at a line where no state is compared.
    fn note_cost(&self, site: Site, cost: u32) {
        let cost = self.cost(cost);
        let mut state = self.state.borrow_mut();
        let me = state.run.me();
        let (events, cell_writes) = (me.cursor, me.cell_writes);
        let spent = match me.lines.iter_mut().find(|line| line.site == site) {
            Some(line) => {
                line.spent += cost;
                line.spent
            }
            None => {
                me.lines.push(Line { site, events, cell_writes, state: Snapshot::default(), spent: cost });
                cost
            }
        };
        if spent > self.options.rounds {
            state.run.beyond = Some((state.run.current, site));
        }
    }

    /// Cuts the run if another thread has gone round too often before a new event: that thread was to let the current
    /// one go first.
    pub(super) fn cut_if_overtaken(&self) {
        let overtaken = {
            let state = self.state.borrow();
            let beyond = state.run.beyond.filter(|(thread, _)| *thread != state.run.current);
            beyond.filter(|_| !state.exploration.is_guided())
        };
        if let Some((_, site)) = overtaken {
            self.cut_loop(LoopCut::Rounds, site);
        }
    }

    fn others_are_unfinished(&self) -> bool {
        let state = self.state.borrow();
        let others = state.run.threads.iter().enumerate();
        let mut others = others.filter(|(thread, _)| *thread != state.run.current as usize);
        others.any(|(_, other)| !matches!(other.status, Status::Done | Status::Absent))
    }

    fn cut_loop(&self, why: LoopCut, site: Site) -> ! {
        self.state.borrow_mut().exploration.loops_cut.insert((why, site));
        self.dead_end()
    }

    /// Begins a round of a wait that changes nothing and keeps nothing. Returns what [`wait_again`](Self::wait_again)
    /// takes.
    pub fn begin_wait(&self) -> u32 {
        self.state.borrow_mut().run.me().cursor
    }

    /// Ends a round of a wait whose condition was false: the current thread waits until there is a newer write to read.
    pub fn wait_again(&self, begun: u32, site: Site) {
        let round = {
            let state = self.state.borrow();
            let me = state.run.current as usize;
            let graph = &state.exploration.graph;
            let events = &graph.threads[me].events[..state.run.threads[me].cursor as usize];
            let wrote = events[begun as usize..].iter().any(|id| changes(graph, *id));
            let around = Around { same_state: true, wrote_cells: false };
            wrote.then(|| differs(graph, &events[begun as usize..], around))
        };
        if let Some(difference) = &round {
            self.note_cost(site, difference.cost);
        }
        let known = {
            let state = self.state.borrow();
            let me = state.run.current;
            state.run.next_recorded(&state.exploration.graph).is_some() || state.exploration.has_more_of(me)
        };
        if known {
            return;
        }
        // The condition does not keep the promise, so the wait is a loop as any other.
        if let Some(difference) = round {
            return self.wait_if_spent(site, difference);
        }
        let spin = self.judge(site, begun);
        let spin = self.take_out(begun, Spin { promised: true, ..spin });
        self.wait(Status::Spins(spin));
    }

    /// Takes the reads of a promised wait out of the graph again, if each read had one way only: the thread
    /// repeats the reads anyway.
    fn take_out(&self, begun: u32, spin: Spin) -> Spin {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let graph = &exploration.graph;
        let events = run.me().cursor - begun;
        let first = graph.len() - events;
        let mine = &graph.threads[run.current as usize].events[begun as usize..];
        let at_the_end = mine.iter().zip(first..).all(|(event, end)| *event == end);
        let alone = |id: &EventId| graph.event(*id).position == ONE_WAY;
        let simple = events as usize == spin.reads.len() && spin.reads.iter().all(alone);
        if events == 0 || !at_the_end || !simple || exploration.is_guided() {
            return spin;
        }
        let location = |id: &EventId| graph.event(*id).location;
        let seen = spin.reads.iter().map(location).map(|at| (at, graph.location(at).writes.len())).collect();
        let in_vain = match spin.reads[..] {
            [read] => Some((location(&read), graph.event(read).source)),
            _ => None,
        };
        run.me().in_vain = in_vain;
        run.me().cursor = begun;
        run.me().lines.iter_mut().for_each(|line| line.events = line.events.min(begun));
        run.order.truncate(run.order.len() - events as usize);
        exploration.graph.cut(first);
        Spin { reads: Vec::new(), seen, ..spin }
    }
}

/// How often a thread is let go round beyond its bound when no other thread can run.
pub(super) const IDLE_ROUNDS: u32 = 200;

/// The position of a read that could be added in one way only.
pub(super) const ONE_WAY: u32 = 1;

/// Returns what kind of round the events from `first` on are.
fn classify(graph: &Graph, events: &[EventId], first: usize, around: Around) -> Round {
    let round = &events[first..];
    let difference = differs(graph, round, around);
    let before = first.checked_sub(round.len()).map(|start| &events[start..first]);
    let repeats =
        before.is_some_and(|before| before.iter().zip(round).all(|(a, b)| is_repeated(graph, *a, *b)));
    if around.same_state && !difference.wrote && repeats {
        return Round::Stutter;
    }
    Round::Differs(difference)
}

fn differs(graph: &Graph, round: &[EventId], Around { same_state: same, wrote_cells }: Around) -> Difference {
    let wrote = wrote_cells || round.iter().any(|id| changes(graph, *id));
    let fair = reads_of(graph, round).iter().all(|id| reads_newest_or_own(graph, *id, round));
    let forever = same && fair && wrote && leaves_memory_as_it_was(graph, round);
    Difference { cost: if same { SAME_STATE } else { 1 }, fair, wrote, forever }
}

fn reads_of(graph: &Graph, events: &[EventId]) -> Vec<EventId> {
    events.iter().copied().filter(|id| graph.event(*id).is_read()).collect()
}

/// Returns whether an event may change something: all but reads, fences, choices, and a read-modify-write that leaves
/// the value as it was.
fn changes(graph: &Graph, id: EventId) -> bool {
    match graph.event(id).kind {
        Kind::Read | Kind::Wait | Kind::Observe | Kind::Fence | Kind::Choice => false,
        Kind::RmwWrite => !keeps_value(graph, id),
        _ => true,
    }
}

/// Returns whether a thread with these events may have changed something since it was at a line.
pub(super) fn wrote_since(graph: &Graph, events: &[EventId], line: &Line, cell_writes: u32) -> bool {
    line.cell_writes != cell_writes || events[line.events as usize..].iter().any(|id| changes(graph, *id))
}

/// Returns whether a write is that of a read-modify-write that leaves the value as it was.
fn keeps_value(graph: &Graph, id: EventId) -> bool {
    let event = graph.event(id);
    event.kind == Kind::RmwWrite && graph.event(graph.before(id)).value == event.value
}

/// Returns the write that a read reads, skipping writes that leave the value as it was.
fn origin(graph: &Graph, read: EventId) -> EventId {
    let mut source = graph.event(read).source;
    while source != crate::event::NONE && keeps_value(graph, source) {
        source = graph.event(graph.before(source)).source;
    }
    source
}

/// Returns whether a thread's event `b` repeats its event `a`.
fn is_repeated(graph: &Graph, a: EventId, b: EventId) -> bool {
    let (first, second) = (graph.event(a), graph.event(b));
    let accesses = |event: &Event| matches!(event.kind, Kind::Read | Kind::Write | Kind::RmwWrite);
    first.kind == second.kind
        && first.order == second.order
        && first.argument == second.argument
        && (!accesses(first) || first.location == second.location)
        && (!first.is_read() || origin(graph, a) == origin(graph, b))
        && (first.kind != Kind::Observe || first.source == second.source)
}

/// Returns whether nothing but writes that leave the value as it was comes after what a read reads.
pub(super) fn is_newest(graph: &Graph, read: EventId) -> bool {
    let event = graph.event(read);
    let later = &graph.location(event.location).writes[graph.position_of(event.source) as usize..];
    later.iter().all(|write| keeps_value(graph, *write))
}

/// Returns whether only writes of the round, and writes that leave the value as it was, come after what a read reads.
fn reads_newest_or_own(graph: &Graph, read: EventId, round: &[EventId]) -> bool {
    let event = graph.event(read);
    let later = &graph.location(event.location).writes[graph.position_of(event.source) as usize..];
    later.iter().all(|write| keeps_value(graph, *write) || round.contains(write))
}

/// Returns whether each location that a round writes has the value at its end that it had before, all of its last
/// writes being the round's.
fn leaves_memory_as_it_was(graph: &Graph, round: &[EventId]) -> bool {
    let only_accesses = |id: &EventId| {
        let kind = graph.event(*id).kind;
        matches!(kind, Kind::Read | Kind::Write | Kind::RmwWrite | Kind::Fence)
    };
    let written: Vec<LocationId> =
        round.iter().filter(|id| graph.event(**id).is_write()).map(|id| graph.event(*id).location).collect();
    let unchanged = |location: &LocationId| {
        let writes = &graph.location(*location).writes;
        let own = writes.iter().rev().take_while(|write| round.contains(write)).count();
        let all =
            round.iter().filter(|id| graph.event(**id).is_write() && graph.event(**id).location == *location);
        let value_at =
            |position: usize| graph.value_of(*location, graph.write_at(*location, position as u32));
        own == all.count() && value_at(writes.len()) == value_at(writes.len() - own)
    };
    round.iter().all(only_accesses) && written.iter().all(unchanged)
}
