//! Selects of a program, and what becomes of their operations.

use super::machine::{Machine, agree, keep, nth};
use super::step::Step;
use super::task::{Rx, Tx};
use crate::call::Answer;
use crate::rim::End;
use crate::rim::user::{Came, Script, Value};
use crate::sequential::Side;
use core::time::Duration;
use selvedge::chan::{RecvError, Select, SelectedOperation, SendError, unbounded};
use std::sync::Arc;

/// A case of a select; its handle stays where it is as long as the select needs it.
enum Case {
    Send(Arc<Tx>),
    Recv(Arc<Rx>),
}

fn add<'a>(select: &mut Select<'a>, cases: &'a [Case]) {
    for case in cases {
        match case {
            Case::Send(tx) => select.send(&tx.handle),
            Case::Recv(rx) => select.recv(&rx.handle),
        };
    }
}

impl Machine {
    fn cases(&self, cases: &[(Side, usize)]) -> Vec<Case> {
        let find = |&(side, at)| match side {
            Side::Sender => nth(&self.txs, at).map(|tx| Case::Send(Arc::clone(tx))),
            Side::Receiver => nth(&self.rxs, at).map(|rx| Case::Recv(Arc::clone(rx))),
        };
        cases.iter().filter_map(find).collect()
    }

    /// Returns the cases that need not wait.
    fn ready_cases(&self, cases: &[Case]) -> Vec<usize> {
        let is_ready = |case: &Case| match case {
            Case::Send(_) => self.model.is_closed() || self.model.may_send(),
            Case::Recv(_) => self.model.may_receive(),
        };
        (0..cases.len()).filter(|at| is_ready(&cases[*at])).collect()
    }

    pub(super) fn ready(&mut self, cases: &[(Side, usize)], timed: bool) {
        let cases = self.cases(cases);
        let mut select = Select::new();
        add(&mut select, &cases);
        let found = if timed { select.ready_timeout(Duration::ZERO).ok() } else { select.try_ready().ok() };
        let ready = self.ready_cases(&cases);
        self.is_one_of(found, &ready);
        drop(select);
        self.discard(cases);
    }

    fn is_one_of(&self, found: Option<usize>, ready: &[usize]) {
        match found {
            Some(index) => {
                assert!(ready.contains(&index), "case {index} was chosen, and {ready:?} are ready")
            }
            None => assert!(ready.is_empty(), "no case was chosen, and {ready:?} are ready"),
        }
    }

    pub(super) fn select(
        &mut self,
        cases: &[(Side, usize)],
        timed: bool,
        script: Script,
        steps: &[Step],
        end: End,
    ) {
        let cases = self.cases(cases);
        // If a panic hides what was chosen, it must be known.
        let mut select = if self.panics { Select::new_biased() } else { Select::new() };
        add(&mut select, &cases);
        let ready = self.ready_cases(&cases);
        let chosen = Came::of(|| {
            if timed { select.select_timeout(Duration::ZERO).ok() } else { select.try_select().ok() }
        });
        match chosen.back("a select") {
            Some(operation) => {
                self.is_one_of(operation.as_ref().map(SelectedOperation::index), &ready);
                if let Some(operation) = operation {
                    self.chosen(operation, &cases, script, steps, end);
                }
            }
            None => {
                if matches!(ready.first().map(|at| &cases[*at]), Some(Case::Recv(_))) {
                    self.half_received();
                }
                self.settle();
            }
        }
        drop(select);
        self.discard(cases);
    }

    fn chosen(
        &mut self,
        operation: SelectedOperation<'_>,
        cases: &[Case],
        script: Script,
        steps: &[Step],
        end: End,
    ) {
        match &cases[operation.index()] {
            Case::Recv(rx) => {
                let one = self.model.receive();
                let held = self.hold(one);
                self.settle();
                steps.iter().for_each(|step| self.step(step));
                self.end_receive(operation, rx, held, end);
            }
            // A chosen send waits if its place is gone, so nothing may happen meanwhile.
            Case::Send(tx) => self.end_send(operation, tx, script, end),
        }
        self.settle();
    }

    fn end_receive(&mut self, operation: SelectedOperation<'_>, rx: &Arc<Rx>, held: Answer, end: End) {
        let came = match end {
            End::Complete => Came::of(|| operation.recv(&rx.handle)),
            End::Drop => Came::of(|| {
                drop(operation);
                Err(RecvError)
            }),
            End::Clone => {
                let other = rx.handle.clone();
                Came::of(|| operation.recv(&other))
            }
            End::Other => {
                let (_tx, other) = unbounded::<Value>();
                Came::of(|| operation.recv(&other))
            }
            End::Forget => {
                std::mem::forget(operation);
                self.forgotten += 1;
                self.operations_forgotten = true;
                return;
            }
        };
        match (came, end, held) {
            (Came::Back(answer), End::Complete | End::Clone, held) => {
                self.model.held -= usize::from(matches!(held, Answer::Received(_)));
                let answer = answer.map_or(Answer::NothingLeft, Answer::Received);
                let value = keep(answer, |answer| agree("a selected receive", Some(answer), &held));
                self.settle();
                self.discard(value);
            }
            (Came::Scripted, End::Complete | End::Clone, Answer::Received(id)) => {
                self.model.held -= 1;
                self.model.received_in_vain(id);
            }
            // The operation was to panic, or a callback did.
            (Came::Panicked(_), End::Drop | End::Other, held) | (Came::Scripted, _, held) => {
                self.return_held(held)
            }
            (came, end, held) => panic!("a selected receive of {held:?} came to {came:?} by {end:?}"),
        }
    }

    fn end_send(&mut self, operation: SelectedOperation<'_>, tx: &Arc<Tx>, script: Script, end: End) {
        let value = self.world.value(script);
        let id = value.id();
        let came = match end {
            End::Complete => Came::of(|| operation.send(&tx.handle, value)),
            End::Drop => Came::of(|| {
                drop(operation);
                Err(SendError(value))
            }),
            End::Clone => {
                let other = tx.handle.clone();
                Came::of(|| operation.send(&other, value))
            }
            End::Other => {
                let (other, _rx) = unbounded();
                Came::of(|| operation.send(&other, value))
            }
            End::Forget => {
                std::mem::forget(operation);
                self.forgotten += 1;
                self.operations_forgotten = true;
                return self.discard(value);
            }
        };
        match (came, end) {
            (Came::Back(result), End::Complete | End::Clone) => {
                let answer = result.map_or_else(|SendError(value)| Answer::NotSent(value), |()| Answer::Sent);
                let expected = self.model.send(id);
                let back = keep(answer, |answer| agree("a selected send", Some(answer), &expected));
                self.settle();
                self.discard(back);
            }
            (Came::Scripted, End::Complete | End::Clone) => drop(self.model.send(id)),
            (Came::Panicked(_) | Came::Scripted, End::Drop | End::Other) if self.model.is_closed() => (),
            (Came::Panicked(_) | Came::Scripted, End::Drop | End::Other) => self.model.forsake(),
            (came, end) => panic!("a selected send came to {came:?} by {end:?}"),
        }
    }
}
