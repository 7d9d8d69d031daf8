//! Total store order, as x86-64 has it: `ppo ∪ rfe ∪ mo ∪ rb` is acyclic, where `ppo` is program order without
//! pairs of a store and a later load, unless one of them is locked, or a locked operation stands between.
//!
//! Compiled for x86-64, SeqCst stores and all read-modify-writes are locked instructions, a failing compare-exchange
//! too; a SeqCst fence is one as far as order goes. Everything else is a plain move. Making a thread, and waiting for
//! its end, are taken to be locked. Owens, Sarkar, Sewell, *A Better x86 Memory Model: x86-TSO* (TPHOLs 2009);
//! Alglave, Maranget, Tautschnig, *Herding Cats* (TOPLAS 2014).

use crate::event::{Event, EventId, Kind, Reading, SPURIOUS};
use crate::graph::Graph;

/// Whether program order is kept between two events of a thread.
pub(super) fn orders(graph: &Graph, from: &Event, between: &[EventId], to: &Event) -> bool {
    let is_store_and_load = from.is_write() && to.is_read();
    !is_store_and_load
        || is_locked(from)
        || is_locked(to)
        || between.iter().any(|id| is_locked(graph.event(*id)))
}

fn is_locked(event: &Event) -> bool {
    match event.kind {
        // Steps are ordered by their objects, and promise no more.
        _ if event.is_step() => false,
        Kind::Read => event.read.reading != Reading::Load || event.argument == SPURIOUS,
        Kind::Write | Kind::Fence => event.order.is_seq_cst(),
        Kind::RmwWrite | Kind::Spawn | Kind::Join => true,
        Kind::Root | Kind::Choice | Kind::Wait | Kind::Observe => false,
    }
}
