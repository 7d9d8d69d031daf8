//! The algorithm: cells, tickets, and what each operation does with them.

pub(in crate::chan) mod cancel;
pub(in crate::chan) mod cell;
pub(in crate::chan) mod chan;
pub(in crate::chan) mod close;
pub(crate) mod deferred;
pub(in crate::chan) mod expand;
pub(in crate::chan) mod force_send;
pub(in crate::chan) mod late;
pub(in crate::chan) mod look;
pub(in crate::chan) mod recv;
pub(in crate::chan) mod redeliver;
pub(in crate::chan) mod send;
pub(in crate::chan) mod settled;
pub(in crate::chan) mod snapshot;
pub(in crate::chan) mod specified;
pub(in crate::chan) mod try_send;
pub(in crate::chan) mod undelivered;
