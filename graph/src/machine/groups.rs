//! Things of a group, and their common object.

use super::Machine;
use crate::event::LocationId;
use crate::groups::{Groups, Thing};
use crate::step::ObjectState;

/// The first of the numbers that stand for the addresses of groups' objects. No static is so far away from another.
const FIRST_GROUP: isize = isize::MIN;

impl Machine {
    /// Lets things be in these groups.
    pub fn grouping(mut self, groups: &Groups) -> Machine {
        self.groups = groups.clone();
        self
    }

    /// Returns the groups that the exploration needs, if a run has touched things together that are in no common group.
    /// The exploration has then to begin anew, with these groups.
    pub fn regrouped(&self) -> Option<Groups> {
        self.regrouped.borrow().clone()
    }

    /// Returns the object on which steps of a thing are made, whose state is `first` at first: that of the thing's group,
    /// or its own.
    pub fn object_of_thing(&self, thing: LocationId, first: ObjectState) -> LocationId {
        if self.groups.is_empty() {
            return thing;
        }
        match self.groups.of(&self.thing(thing)) {
            Some(group) => self.static_object_at(FIRST_GROUP + group as isize, first),
            None => thing,
        }
    }

    /// Goes on only if the things are in one group. If they are not, the run is given up, and the exploration has to begin
    /// anew.
    pub fn need_together(&self, things: &[LocationId]) {
        let things: Vec<Thing> = things.iter().map(|thing| self.thing(*thing)).collect();
        if self.groups.are_together(&things) {
            return;
        }
        let mut groups = self.groups.clone();
        groups.join(&things);
        self.regrouped.replace(Some(groups));
        self.dead_end()
    }

    fn thing(&self, location: LocationId) -> Thing {
        self.state.borrow().exploration.graph.thing(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, Options, StepId, StepName, Taken};
    use core::panic::Location;
    use core::time::Duration;
    use std::any::Any;
    use std::rc::Rc;

    fn step(machine: &Machine, thing: LocationId) {
        let object = machine.object_of_thing(thing, Rc::new(0_u32));
        let name = StepName { operation: "count", kind: "counter", number: 0 };
        let attempt = |state: &Rc<dyn Any>, _: StepId, _: Option<Duration>| {
            let count: &u32 = state.downcast_ref().expect("the states are counts");
            Ok(Taken { state: Rc::new(count + 1), after: Vec::new() })
        };
        machine
            .step(object, name, (&attempt, false), Location::caller())
            .expect("no plain access races with a step");
    }

    /// Two threads that step on one thing and then on another; `together`: one of them touches both at once.
    fn run(machine: &Rc<Machine>, together: bool) -> End {
        let me = Rc::clone(machine);
        machine.run(Box::new(move || {
            let things = [(); 2].map(|()| me.new_object(Rc::new(0_u32)));
            for thread in 0..2 {
                let machine = Rc::clone(&me);
                let body = move || {
                    if together && thread == 1 {
                        machine.need_together(&things);
                    }
                    things.into_iter().for_each(|thing| step(&machine, thing));
                };
                me.spawn(Box::new(body), Location::caller());
            }
        }))
    }

    fn explore(together: bool) -> (u64, Groups) {
        let mut groups = Groups::default();
        loop {
            let machine = Rc::new(Machine::new(Options::default()).grouping(&groups));
            loop {
                let end = run(&machine, together);
                if let Some(regrouped) = machine.regrouped() {
                    assert!(matches!(end, End::Blocked), "the run counts for nothing");
                    groups = regrouped;
                    break;
                }
                let token = machine.token().to_string().parse().expect("it is a token");
                let replay = Rc::new(Machine::replaying(Options::default(), &token));
                assert!(matches!(run(&replay, together), End::Complete) && !replay.went_astray());
                if !machine.advance() {
                    return (machine.statistics().executions, groups);
                }
            }
        }
    }

    #[test]
    fn things_that_nobody_touches_together_have_an_order_each() {
        assert_eq!(explore(false), (4, Groups::default()));
    }

    #[test]
    fn things_that_are_touched_together_have_one_order() {
        let (executions, groups) = explore(true);
        assert_eq!((executions, groups.to_string()), (6, "m0+m1".to_string()));
    }
}
