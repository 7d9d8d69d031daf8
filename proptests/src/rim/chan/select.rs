//! Selects of a program, and what becomes of their operations.

use super::machine::{Machine, agree, keep, nth};
use super::step::{Leave, Step};
use super::task::{Rx, Tx};
use crate::call::Answer;
use crate::rim::End;
use crate::rim::user::{Came, Script, Scripted, Value};
use crate::sequential::Side;
use core::time::Duration;
use selvedge::chan::{RecvError, Select, SelectedOperation, SendError, select, unbounded};
use std::panic::panic_any;
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

    /// Returns the cases that need not wait; for a select that tries them, without receives of what is to come from its own
    /// thread.
    fn ready_cases(&self, cases: &[Case], tries: bool) -> Vec<usize> {
        let is_ready = |case: &Case| match case {
            Case::Send(_) => self.model.is_closed() || self.model.may_send(),
            Case::Recv(_) => self.model.may_receive() && (!tries || !self.model.is_behind_chosen_send()),
        };
        (0..cases.len()).filter(|at| is_ready(&cases[*at])).collect()
    }

    pub(super) fn ready(&mut self, cases: &[(Side, usize)], timed: bool) {
        let cases = self.cases(cases);
        let mut select = Select::new();
        add(&mut select, &cases);
        let found = if timed { select.ready_timeout(Duration::ZERO).ok() } else { select.try_ready().ok() };
        let ready = self.ready_cases(&cases, false);
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
        let mut ready = self.ready_cases(&cases, true);
        let receives = cases.iter().any(|case| matches!(case, Case::Recv(_)));
        if timed && ready.is_empty() && receives {
            self.model.pass_chosen_sends();
            ready = self.ready_cases(&cases, true);
        }
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
            Case::Send(tx) => {
                let late = self.choose_send();
                self.settle();
                steps.iter().for_each(|step| self.step(step));
                self.end_send(operation, tx, late, script, end);
            }
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

    /// Chooses a send in the model; `None`: the channel is closed, so the send is to fail.
    fn choose_send(&mut self) -> Option<usize> {
        (!self.model.is_closed()).then(|| self.model.choose_send())
    }

    /// Brings the value of a send that was chosen, in the model.
    fn finish_send(&mut self, late: Option<usize>, id: u32) -> Answer {
        late.map_or(Answer::NotSent(id), |late| self.model.finish_send(late, id))
    }

    /// A `select!` chooses a send, evaluates its value, during which come the steps, and leaves or sends the value.
    pub(super) fn value(&mut self, at: usize, steps: &[Step], how: Leave) {
        let Some(tx) = nth(&self.txs, at).cloned() else { return };
        let is_ready = self.model.is_closed() || self.model.may_send();
        let mut chosen = None;
        let came = Came::of(|| {
            let sent = select! {
                send(tx.handle, {
                    let late = self.choose_send();
                    chosen = Some((late, None));
                    self.settle();
                    steps.iter().for_each(|step| self.step(step));
                    match how {
                        Leave::Returns => return None,
                        Leave::Panics => panic_any(Scripted),
                        Leave::Comes => {
                            let value = self.world.value(None);
                            chosen = Some((late, Some(value.id())));
                            value
                        }
                    }
                }) -> sent => sent,
                default => return None,
            };
            Some(sent)
        });
        assert_eq!(chosen.is_some(), is_ready, "a send is chosen if it need not wait");
        let came = came.back("a select whose value misbehaves").flatten();
        match chosen {
            Some((late, Some(id))) => {
                let expected = self.finish_send(late, id);
                let answer = came.map(|sent| {
                    sent.map_or_else(|SendError(value)| Answer::NotSent(value), |()| Answer::Sent)
                });
                let back = answer.map(|answer| {
                    keep(answer, |answer| agree("the send of a select", Some(answer), &expected))
                });
                self.settle();
                self.discard(back);
            }
            Some((Some(late), None)) => self.model.give_up_send(late),
            Some((None, None)) | None => (),
        }
        self.settle();
        self.discard(tx);
    }

    fn end_send(
        &mut self,
        operation: SelectedOperation<'_>,
        tx: &Arc<Tx>,
        late: Option<usize>,
        script: Script,
        end: End,
    ) {
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
                // Its place stays taken, and the task that was to get its value waits for ever.
                std::mem::forget(operation);
                self.forgotten += 1;
                return self.discard(value);
            }
        };
        match (came, end) {
            (Came::Back(result), End::Complete | End::Clone) => {
                let answer = result.map_or_else(|SendError(value)| Answer::NotSent(value), |()| Answer::Sent);
                let expected = self.finish_send(late, id);
                let back = keep(answer, |answer| agree("a selected send", Some(answer), &expected));
                self.settle();
                self.discard(back);
            }
            (Came::Scripted, End::Complete | End::Clone) => drop(self.finish_send(late, id)),
            (Came::Panicked(_) | Came::Scripted, End::Drop | End::Other) => {
                // By `Other` the value was dropped before the operation, with its callback.
                if end == End::Other {
                    self.settle();
                }
                late.into_iter().for_each(|late| self.model.give_up_send(late));
            }
            (came, end) => panic!("a selected send came to {came:?} by {end:?}"),
        }
    }
}
