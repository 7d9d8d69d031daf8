//! Handles of channels: what a user holds.

pub(in crate::chan) mod channel;
pub(in crate::chan) mod counted;
pub(in crate::chan) mod iter;
pub(in crate::chan) mod lapsing;
pub(in crate::chan) mod make;
pub(in crate::chan) mod query;
pub(in crate::chan) mod receiver;
pub(in crate::chan) mod sender;
pub(in crate::chan) mod weak;
