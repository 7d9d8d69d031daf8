//! `select!` as crossbeam-channel's users of the 2015 edition reach it.

#[macro_use]
extern crate selvedge;

use selvedge::chan::bounded;

#[test]
fn the_macros_are_at_the_root_of_the_crate() {
    let (tx, rx) = bounded(1);
    select! {
        send(tx, 1) -> sent => assert_eq!(sent, Ok(())),
        recv(rx) -> _ => unreachable!("it is empty"),
    }
    assert_eq!(select_biased! { recv(rx) -> got => got }, Ok(1));
    assert!(selvedge::select! { recv(rx) -> _ => false, default => true });
}
