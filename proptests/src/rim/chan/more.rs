//! Steps of a program beside plain sends and receives: forced ones, many at once, weak handles.

use super::machine::{Machine, agree, keep, nth};
use super::task::Held;
use crate::call::Answer;
use crate::rim::user::{Came, Script};
use crate::sequential::Side;
use selvedge::chan::SendError;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Machine {
    pub(super) fn force(&mut self, at: usize, script: Script) {
        let Some(tx) = nth(&self.txs, at).cloned() else { return };
        let value = self.world.value(script);
        let id = value.id();
        let came = Came::of(|| tx.handle.force_send(value)).back("a forced send");
        let (expected, oldest) = self.model.force(id);
        match came {
            Some(Ok(taken)) => {
                assert_eq!((Answer::Sent, taken.as_ref().map(|value| value.id())), (expected, oldest));
                self.settle();
                self.discard(taken);
            }
            Some(Err(SendError(value))) => {
                let back =
                    keep(Answer::NotSent(value), |answer| agree("a forced send", Some(answer), &expected));
                self.settle();
                self.discard(back);
            }
            // What was taken out goes to the next receiver, after what callbacks did.
            None => {
                let held = oldest.map(|oldest| self.hold(Answer::Received(oldest)));
                self.settle();
                held.into_iter().for_each(|held| self.return_held(held));
                self.settle();
            }
        }
    }

    pub(super) fn send_many(&mut self, at: usize, many: usize) {
        let Some(tx) = nth(&self.txs, at).cloned() else { return };
        // A callback could take the room for the second value, and then the send would wait.
        let many = if self.entrance { many.min(1) } else { many };
        let (mut tried, mut ids, mut values) = (self.model.clone(), Vec::new(), Vec::new());
        while values.len() < many && (tried.is_closed() || tried.may_send()) {
            let value = self.world.value(None);
            ids.push(value.id());
            drop(tried.send(value.id()));
            values.push(value);
        }
        let mut values = values.into_iter();
        let came = Came::of(|| tx.handle.send_many(values.by_ref())).back("a send of many");
        let sent = ids.len() - values.len();
        let expected: Vec<_> = ids[..sent].iter().map(|id| self.model.send(*id)).collect();
        let closed = expected.last().is_some_and(|answer| matches!(answer, Answer::NotSent(_)));
        let back = match came {
            Some(Ok(())) => {
                assert!(!closed && values.len() == 0, "all are sent, and should be {expected:?}");
                None
            }
            Some(Err(SendError(value))) => {
                assert!(closed && ids[sent - 1] == value.id(), "a send of many stopped at {value:?}");
                Some(value)
            }
            None => None,
        };
        self.settle();
        self.discard((back, values));
    }

    pub(super) fn drain(&mut self, at: usize) {
        let Some(rx) = nth(&self.rxs, at).cloned() else { return };
        let (mut drain, there) = (rx.handle.drain(), self.model.drainable());
        for received in 0.. {
            let Some(next) = Came::of(|| drain.next()).back("a drain") else {
                self.half_received();
                self.settle();
                continue;
            };
            let Some(value) = next else {
                assert!(received >= there || !self.model.has_next(), "a drain left something behind");
                break;
            };
            assert_eq!(self.model.receive(), Answer::Received(value.id()), "a drain");
            self.settle();
            self.discard(value);
        }
        self.settle();
    }

    pub(super) fn close_and_discard(&mut self, at: usize) {
        if self.entrance {
            return;
        }
        let Some(rx) = nth(&self.rxs, at).cloned() else { return };
        let came = Came::of(|| rx.handle.close_and_discard().is_ok()).back("a close that discards");
        let expected = self.model.close();
        self.model.discard();
        assert!(came.is_none_or(|first| first == expected), "close said {came:?}");
        self.settle();
    }

    pub(super) fn weaken(&mut self, side: Side, at: usize) {
        match side {
            Side::Sender => {
                let weak = nth(&self.txs, at).map(|tx| tx.handle.downgrade());
                self.weak_txs.extend(weak);
            }
            Side::Receiver => {
                let weak = nth(&self.rxs, at).map(|rx| rx.handle.downgrade());
                self.weak_rxs.extend(weak);
            }
        }
    }

    pub(super) fn upgrade(&mut self, side: Side) {
        match side {
            Side::Sender => {
                let Some(weak) = self.weak_txs.last() else { return };
                let tx = weak.upgrade();
                assert_eq!(tx.is_some(), self.senders.load(Relaxed) > 0, "a weak sender becomes one");
                self.txs.extend(tx.map(|tx| Arc::new(Held::new(tx, &self.senders))));
            }
            Side::Receiver => {
                let Some(weak) = self.weak_rxs.last() else { return };
                let rx = weak.upgrade();
                assert_eq!(rx.is_some(), self.receivers.load(Relaxed) > 0, "a weak receiver becomes one");
                self.rxs.extend(rx.map(|rx| Arc::new(Held::new(rx, &self.receivers))));
            }
        }
    }
}
