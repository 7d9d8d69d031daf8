//! A group of which a program uses additions, ends of tasks and waits without a deadline, and uses them so that the order of
//! the ends tells nothing.
//!
//! The threads are in a few *lanes*, and the end of a task is a step on the lane of its thread. A wait is a step among the
//! additions, which counts them, and then waits for as many ends, which it observes. So ends in different lanes have no
//! order: the tasks of `n` threads have one execution where they had `n!`.
//!
//! Three things make the program *look* at the group: the exploration begins anew then, with one order of all operations.
//! - A thread ends a task, and with this one there are more ends than additions of which the thread knows. In no order of
//!   the operations is the count below zero otherwise: of any `k` ends in it the one that was made last knew of `k`
//!   additions, so these come before it.
//! - A thread adds tasks to a group for which another thread has waited before, or a wait comes after an addition of which
//!   its thread does not know. Otherwise no task is added while a thread waits, so the ends that it waits for are all that
//!   there will be, and the count stays at zero until the wait is over. Nor can an addition race with a wait then.
//! - The program asks for the count, waits with a deadline, or adds more tasks than a group counts.

use super::State;
use crate::rt::shard;
use crate::rt::spec::{Common, Done, Object, StepId};
use crate::rt::twin::is_twin;
use crate::spec::sorted::Sorted;
use core::array;

/// How many lanes there are. The ends of tasks of threads with numbers that differ by a multiple of this have an order.
const LANES: usize = 8;

/// What a group has as long as nothing looks at it.
pub(super) struct Apart {
    /// The additions and the waits.
    additions: Common<World>,
    /// Together with the additions if the program looks.
    look: Common<World>,
    lanes: [Common<World>; LANES],
}

/// What has become of the parts of groups, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct World(Sorted<u32, Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Additions(Additions),
    /// The ends of tasks in a lane.
    Ends(Vec<StepId>),
}

/// The additions to a group, and the waits among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Additions {
    total: u64,
    waits: Vec<StepId>,
}

impl World {
    fn with(&self, key: u32, part: Part) -> World {
        let mut world = self.clone();
        world.0.insert(key, part);
        world
    }

    fn additions(&self, key: u32) -> Additions {
        match self.0.get(&key) {
            Some(Part::Additions(additions)) => additions.clone(),
            _ => Additions::default(),
        }
    }

    fn ends(&self, key: u32) -> &[StepId] {
        match self.0.get(&key) {
            Some(Part::Ends(ends)) => ends,
            _ => &[],
        }
    }
}

impl Apart {
    #[track_caller]
    pub(super) fn new(group: &Object<State>) -> Apart {
        Apart {
            additions: Common::part_of("additions", group),
            look: Common::part_of("look", group),
            lanes: array::from_fn(|_| Common::part_of("lane", group)),
        }
    }

    /// Returns whether the program looks at the group in this exploration.
    pub(super) fn is_looked_at(&self) -> bool {
        Common::are_together(&[&self.additions, &self.look])
    }

    /// Lets the group be looked at: the exploration begins anew, and this does not return.
    pub(super) fn look(&self) {
        Common::need_together(&[&self.additions, &self.look]);
    }

    #[track_caller]
    pub(super) fn add(&self, n: u32) {
        let key = self.additions.key();
        let looks = self.additions.step("add", |world, me| {
            let Additions { total, waits } = world.additions(key);
            let total = total + u64::from(n);
            let looks = total > u64::from(u32::MAX) || waits.iter().any(|wait| wait.thread != me.thread);
            let state = world.with(key, Part::Additions(Additions { total, waits }));
            Some(Done { state, result: looks, after: Vec::new() })
        });
        if looks {
            self.look();
        }
    }

    #[track_caller]
    pub(super) fn done(&self) {
        let key = self.additions.key();
        let known = self.additions.known(|world| world.additions(key).total);
        let lane = &self.lanes[shard::of_thread() % LANES];
        let key = lane.key();
        lane.step("done", |world, me| {
            let mut ends = world.ends(key).to_vec();
            ends.extend((!is_twin()).then_some(me)); // site: apart-lost-done
            Some(Done { state: world.with(key, Part::Ends(ends)), result: (), after: Vec::new() })
        });
        if self.ends_now().is_some_and(|ends| ends > known) {
            self.look();
        }
    }

    /// Returns how many tasks have ended; `None` in a replay.
    fn ends_now(&self) -> Option<u64> {
        self.lanes.iter().try_fold(0, |ends, lane| {
            let key = lane.key();
            lane.newest(|world| ends + world.ends(key).len() as u64)
        })
    }

    /// Waits for the end of each task, and returns whether there was any.
    #[track_caller]
    pub(super) fn wait(&self) -> bool {
        let key = self.additions.key();
        let known = self.additions.known(|world| world.additions(key).total);
        let (total, tasks) = self.additions.step("wait", |world, me| {
            let Additions { total, mut waits } = world.additions(key);
            waits.push(me);
            let tasks = total.saturating_sub(u64::from(is_twin())); // site: apart-early-wait
            let state = world.with(key, Part::Additions(Additions { total, waits }));
            Some(Done { state, result: (total, tasks), after: Vec::new() })
        });
        if total > known {
            self.look();
        }
        let keys = self.lanes.each_ref().map(Common::key);
        let mut seen = [0; LANES];
        while (seen.iter().sum::<usize>() as u64) < tasks {
            let lane = self.additions.await_one_of("wait", &|| keys.to_vec(), &|state| {
                let ends = keys.map(|key| state(key).ends(key).len());
                let next = (0..LANES).find(|lane| ends[*lane] > seen[*lane])?;
                (ends.iter().sum::<usize>() as u64 >= tasks).then_some(keys[next])
            });
            let lane = keys.iter().position(|key| *key == lane).expect("the lane is one of these");
            self.observe(lane, seen[lane]);
            seen[lane] += 1;
        }
        total > 0
    }

    /// Observes the end of a task, of which the lane had `earlier` before.
    #[track_caller]
    fn observe(&self, lane: usize, earlier: usize) {
        let lane = &self.lanes[lane];
        let key = lane.key();
        lane.observe("wait", |world| {
            let end = *world.ends(key).get(earlier)?;
            let after = if is_twin() { Vec::new() } else { vec![end] }; // site: apart-no-edge-from-done
            Some(((), after))
        });
    }
}
