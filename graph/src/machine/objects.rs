//! Locations, cells and statics.

use super::{Machine, State};
use crate::event::{LocationId, Site, Value};
use crate::race::{self, CellAccess, Epoch, Race};
use std::sync::{Arc, Mutex, PoisonError};

/// The statics that a program uses, numbered as they are met. Machines that share an exploration share them.
#[derive(Clone, Debug, Default)]
pub struct Statics(Arc<Mutex<Vec<isize>>>);

/// The address from which the addresses of statics are counted: their distances are the same in every process of one
/// program.
static ANCHOR: u8 = 0;

impl Statics {
    /// Returns the statics as an earlier process of the same program numbered them.
    pub fn from_distances(distances: Vec<isize>) -> Statics {
        Statics(Arc::new(Mutex::new(distances)))
    }

    /// Returns the statics' distances in memory from a fixed point of the program.
    pub fn distances(&self) -> Vec<isize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of the static at this distance.
    fn number(&self, distance: isize) -> usize {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().position(|other| *other == distance).unwrap_or_else(|| {
            known.push(distance);
            known.len() - 1
        })
    }
}

impl Machine {
    /// Makes a location.
    pub fn new_location(&self, initial: Value, site: Option<Site>) -> LocationId {
        self.fail_if_rehearsing();
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let thread = run.current;
        let k = run.me().made;
        run.me().made += 1;
        let location = exploration.graph.made_by(thread, k);
        exploration.graph.location_mut(location).initial = initial;
        if run.births.len() <= location as usize {
            run.births.resize(location as usize + 1, None);
        }
        run.births[location as usize] = Some((run.epoch(), site));
        location
    }

    /// Returns the location of a static, as if it were made before the program began.
    pub fn static_location(&self, address: usize, initial: Value) -> LocationId {
        self.static_at(address.wrapping_sub((&raw const ANCHOR).addr()) as isize, initial)
    }

    /// Returns the location of the static at a distance from the fixed point.
    pub(super) fn static_at(&self, distance: isize, initial: Value) -> LocationId {
        let n = self.statics.number(distance);
        let mut state = self.state.borrow_mut();
        let location = state.exploration.graph.static_location(n);
        state.exploration.graph.location_mut(location).initial = initial;
        location
    }

    /// Makes a cell, which is a plain write by the current thread.
    pub fn new_cell(&self, site: Site) -> u32 {
        self.add_cell(Some(site))
    }

    /// Makes the cell of a static, as if it were made before the program began.
    pub fn static_cell(&self) -> u32 {
        self.add_cell(None)
    }

    fn add_cell(&self, made_at: Option<Site>) -> u32 {
        self.fail_if_rehearsing();
        let mut state = self.state.borrow_mut();
        let epoch = state.run.epoch();
        let cell = made_at.map_or_else(race::Cell::default, |site| race::Cell::made(epoch, site));
        state.run.cells.push(cell);
        state.run.cells.len() as u32 - 1
    }

    /// Begins an access to a cell.
    ///
    /// # Errors
    /// The access with which this access races.
    pub fn cell_begin(&self, cell: u32, write: bool, site: Site) -> Result<(), Race> {
        if write {
            self.fail_if_rehearsing();
        }
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        run.me().cell_writes += u32::from(write);
        if !self.options.races {
            return Ok(());
        }
        let (epoch, last) = (run.epoch(), run.last_event(&exploration.graph));
        let ordered = |other: Epoch| race::is_ordered(&exploration.graph, other, epoch.thread, last);
        let result = run.cells[cell as usize].begin(epoch, write, site, ordered);
        if let Err(race) = &result {
            run.race = vec![
                CellAccess { cell, epoch, write, site },
                CellAccess { cell, epoch: race.epoch, write: race.write, site: race.site.unwrap_or(site) },
            ];
        }
        result
    }

    /// Ends the access to a cell that this thread began last.
    pub fn cell_end(&self, cell: u32, write: bool) {
        if self.options.races {
            let mut state = self.state.borrow_mut();
            let epoch = state.run.epoch();
            state.run.cells[cell as usize].end(epoch, write);
        }
    }
}
