//! No signals, on a system that has none.

use super::executor::Outcome;
use core::convert::Infallible;
use selvedge::chan::{Receiver, never};
use selvedge::context::{AnyError, Context};
use std::io;

#[derive(Default)]
pub(super) struct Traps;

pub(super) struct Trapped(Receiver<Infallible>);

impl Traps {
    pub(super) fn set(&self) -> io::Result<Trapped> {
        Ok(Trapped(never()))
    }

    pub(super) fn handle(&self, signal: Infallible, _: &Context) -> Outcome {
        match signal {}
    }
}

impl Trapped {
    pub(super) fn stops(&self) -> &Receiver<Infallible> {
        &self.0
    }

    pub(super) fn handled(&self) -> &Receiver<Infallible> {
        &self.0
    }

    pub(super) fn release_stops(&mut self) {}
}

pub(super) fn received(signal: Infallible) -> AnyError {
    match signal {}
}
