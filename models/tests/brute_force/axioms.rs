//! The axioms of each memory model, on matrices, in the words of its source.

use crate::candidates::Event;
use crate::matrix::{Matrix, between, closure, empty, is_irreflexive, or_same, then, transposed, union};
use selvedge_check::MemoryModel;

/// Events, and how they are related.
pub(crate) struct Candidate<'a> {
    events: &'a [Event],
    happens: &'a [bool],
    orders: &'a [&'a str],
    po: Matrix,
    rf: Matrix,
    mo: Matrix,
    rb: Matrix,
    rmw: Matrix,
    eco: Matrix,
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(
        events: &'a [Event],
        happens: &'a [bool],
        orders: &'a [&'a str],
        sources: &[usize],
        orders_of_writes: &[Vec<usize>; 2],
    ) -> Candidate<'a> {
        let n = events.len();
        let (mut po, mut rf, mut mo, mut rmw) = (empty(n), empty(n), empty(n), empty(n));
        for a in 0..n {
            for b in a + 1..n {
                let same = events[a].thread == events[b].thread && a > 1;
                po.set(a, b, happens[a] && happens[b] && (same || (a < 2 && b > 1)));
            }
            if events[a].reads {
                rf.set(sources[a], a, true);
            }
            if let Some(read) = events[a].half_of.filter(|_| happens[a]) {
                rmw.set(read, a, true);
            }
        }
        for writes in orders_of_writes {
            for (at, a) in writes.iter().enumerate() {
                writes[at + 1..].iter().for_each(|b| mo.set(*a, *b, true));
            }
        }
        let mut rb = then(&transposed(&rf), &mo);
        (0..n).for_each(|at| rb.set(at, at, false));
        let eco = closure(&union(&union(&rf, &mo), &rb));
        Candidate { events, happens, orders, po, rf, mo, rb, rmw, eco }
    }

    fn is_access(&self, at: usize) -> bool {
        self.events[at].reads || self.events[at].writes
    }

    fn is_fence(&self, at: usize) -> bool {
        self.events[at].fence
    }

    fn is_sc(&self, at: usize) -> bool {
        self.happens[at] && self.orders[at] == "sc"
    }

    fn is_sc_fence(&self, at: usize) -> bool {
        self.is_sc(at) && self.is_fence(at)
    }

    fn is_same_location(&self, a: usize, b: usize) -> bool {
        self.is_access(a) && self.is_access(b) && self.events[a].location == self.events[b].location
    }

    fn external(&self, relation: &Matrix) -> Matrix {
        relation.filtered(|a, b| self.events[a].thread != self.events[b].thread)
    }
}

/// Whether the candidate is consistent under a model.
pub(crate) fn is_consistent(candidate: &Candidate<'_>, model: MemoryModel) -> bool {
    let Candidate { po, rf, mo, rb, rmw, eco, .. } = candidate;
    let thin_air = is_irreflexive(&closure(&union(po, rf)));
    let atomic = is_irreflexive(&then(&then(rb, mo), &transposed(rmw)));
    if !thin_air || !atomic {
        return false;
    }
    match model {
        MemoryModel::Sc => return is_irreflexive(&closure(&union(&union(po, rf), &union(mo, rb)))),
        MemoryModel::Tso => return is_tso(candidate),
        _ => {}
    }
    let hb = happens_before(candidate, model);
    let coherent = is_irreflexive(&hb) && is_irreflexive(&then(&hb, eco));
    coherent
        && match model {
            MemoryModel::Rc11 | MemoryModel::Genmc => is_psc(candidate, &hb, model),
            _ => has_total_order(candidate, &hb, model != MemoryModel::C20Published),
        }
}

fn happens_before(candidate: &Candidate<'_>, model: MemoryModel) -> Matrix {
    let Candidate { events, orders, po, rf, rmw, .. } = candidate;
    let ra = model == MemoryModel::Ra;
    let strong = |at: usize| ra && at > 1 && candidate.is_access(at);
    let acquires = |at: usize| strong(at) || matches!(orders[at], "acq" | "acqrel" | "sc");
    let releases = |at: usize| strong(at) || matches!(orders[at], "rel" | "acqrel" | "sc");
    let any = |_: usize| true;
    let fence = |at: usize| events[at].fence;
    // rs = [W]; (rf; rmw)*, and for RC11 as published [W]; (po=loc; [W])?; (rf; rmw)*
    let chain = or_same(&closure(&then(rf, rmw)));
    let chain = if model == MemoryModel::Rc11 {
        let later = po.filtered(|a, b| events[b].writes && candidate.is_same_location(a, b));
        then(&or_same(&later), &chain)
    } else {
        chain
    };
    let rs = between(&chain, |at| events[at].writes, any);
    // sw = [rel]; ([F]; po)?; rs; rf; (po; [F])?; [acq]
    let before = or_same(&between(po, fence, any));
    let after = or_same(&between(po, any, fence));
    let sw = then(&then(&then(&before, &rs), rf), &after);
    let sw = between(&sw, |at| releases(at) && at > 1, |at| acquires(at) && (events[at].reads || fence(at)));
    let sw = between(&sw, |at| events[at].writes || fence(at), any);
    closure(&union(po, &sw))
}

/// RC11's `psc`: as published, or as GenMC has it.
fn is_psc(candidate: &Candidate<'_>, hb: &Matrix, model: MemoryModel) -> bool {
    let Candidate { po, mo, rb, eco, .. } = candidate;
    let n = po.len();
    let sc_access = |at: usize| candidate.is_sc(at) && !candidate.is_fence(at);
    let sc_fence = |at: usize| candidate.is_sc_fence(at);
    let same_place = hb.filtered(|a, b| candidate.is_same_location(a, b));
    let steps = match model {
        MemoryModel::Genmc => po.clone(),
        _ => po.filtered(|a, b| !candidate.is_same_location(a, b)),
    };
    let through = then(&then(&steps, hb), &steps);
    let scb = union(&union(&union(po, &through), &same_place), &union(mo, rb));
    let identity = or_same(&empty(n));
    let from = union(&between(&identity, sc_access, |_| true), &between(&or_same(hb), sc_fence, |_| true));
    let to = union(&between(&identity, |_| true, sc_access), &between(&or_same(hb), |_| true, sc_fence));
    let base = then(&then(&from, &scb), &to);
    let fences = union(hb, &then(&then(hb, eco), hb));
    let fences = between(&fences, sc_fence, sc_fence);
    is_irreflexive(&closure(&union(&base, &fences)))
}

/// C++20's total order of SeqCst operations. A read-modify-write is one event: its halves stand for each other.
fn has_total_order(candidate: &Candidate<'_>, hb: &Matrix, repaired: bool) -> bool {
    let Candidate { po, rf, mo, rb, rmw, eco, .. } = candidate;
    let one = or_same(&union(rmw, &transposed(rmw)));
    let merge = |relation: &Matrix| then(&then(&one, relation), &one);
    let is_half = |a: usize, b: usize| a != b && one.has(a, b);
    let po = merge(po).filtered(|a, b| a != b && !is_half(a, b));
    let hb = merge(hb).filtered(|a, b| a != b && !is_half(a, b));
    let shb = union(&po, &then(&then(&po, &hb), &po));
    let rfe = candidate.external(rf);
    let followed = union(mo, rb);
    let cob = match repaired {
        true => union(&union(&followed, &rfe), &then(&followed, &rfe)),
        false => eco.clone(),
    };
    let sc = |at: usize| candidate.is_sc(at);
    let fence = |at: usize| candidate.is_sc_fence(at);
    let identity = or_same(&empty(po.len()));
    let from_self = between(&identity, sc, |_| true);
    let from_fence = between(&hb, fence, |_| true);
    let to_self = between(&identity, |_| true, sc);
    let to_fence = between(&hb, |_| true, fence);
    let others = |relation: &Matrix| relation.filtered(|a, b| !is_half(a, b));
    let (cob, fences) = (merge(&others(&cob)), merge(&others(eco)));
    let accesses = then(&then(&union(&from_self, &from_fence), &cob), &union(&to_self, &to_fence));
    let fences = then(&then(&from_fence, &fences), &to_fence);
    let order = union(&union(&between(&shb, sc, sc), &accesses), &fences);
    is_irreflexive(&closure(&order))
}

/// Sequential consistency of each location, and `ppo ∪ rfe ∪ mo ∪ rb` acyclic.
fn is_tso(candidate: &Candidate<'_>) -> bool {
    let Candidate { events, po, rf, mo, rb, .. } = candidate;
    let communication = union(mo, rb);
    let same_location = po.filtered(|a, b| candidate.is_same_location(a, b));
    let coherent = is_irreflexive(&closure(&union(&union(&same_location, rf), &communication)));
    let updates = |at: usize| match events[at].operation {
        Some(operation) => operation.is_update(),
        None => false,
    };
    let locked = |at: usize| updates(at) || (candidate.is_sc(at) && !events[at].reads);
    let through_lock = then(&between(po, |_| true, locked), &between(po, locked, |_| true));
    // A fence that is no locked instruction is none at all.
    let counts = |at: usize| !events[at].fence || locked(at);
    let ppo = po.filtered(|a, b| counts(a) && counts(b)).filtered(|a, b| {
        !(events[a].writes && events[b].reads) || a < 2 || locked(a) || locked(b) || through_lock.has(a, b)
    });
    let order = union(&union(&ppo, &candidate.external(rf)), &communication);
    coherent && is_irreflexive(&closure(&order))
}
