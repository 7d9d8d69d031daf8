//! Crawls that find everything, fail, panic, and are ended.

use super::{Value, everywhere, panic_of, panic_quietly};
use core::ops::ControlFlow;
use selvedge::context::{Context, Error, background, with_cancel};
use selvedge_go::patterns::{Fault, crawl};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

const PAGES: u32 = 30;

/// The keys on a page: every page can be reached from 1.
fn keys(key: u32) -> Vec<u32> {
    vec![(key * 2) % PAGES, (key * 2 + 1) % PAGES, key]
}

#[test]
fn every_page_is_found_once_by_few_fetches_at_once() {
    everywhere(|values| {
        for limit in [1, 2, 5] {
            let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (at_once, makes) = (Arc::clone(&most), values.clone());
            let fetch = move |_: &Context, key: &u32| {
                at_once.fetch_max(busy.fetch_add(1, SeqCst) + 1, SeqCst);
                selvedge::rt::thread::yield_now();
                busy.fetch_sub(1, SeqCst);
                Ok::<_, ()>((makes.make(*key), keys(*key)))
            };
            let pages = Arc::new(Mutex::new(Vec::new()));
            let theirs = Arc::clone(&pages);
            let found = move |key, page: Value| {
                assert_eq!(key, page.number);
                theirs.lock().expect("no panic").push(key);
                ControlFlow::Continue(())
            };
            assert_eq!(crawl(&background(), limit, [1], fetch, found), Ok(PAGES as usize));
            let pages = pages.lock().expect("no panic");
            assert!(pages.iter().copied().collect::<BTreeSet<_>>().into_iter().eq(0..PAGES));
            assert_eq!(pages.len(), PAGES as usize);
            assert!((1..=limit).contains(&most.load(SeqCst)));
        }
        let nothing = |_: &Context, _: &u32| Ok::<_, ()>(((), vec![]));
        assert_eq!(crawl(&background(), 3, [], nothing, |_, ()| ControlFlow::Continue(())), Ok(0));
    });
}

#[test]
fn the_callback_may_end_the_crawl_at_each_page() {
    everywhere(|values| {
        for wanted in 1..10 {
            let (makes, mut count) = (values.clone(), 0);
            let fetch = move |_: &Context, key: &u32| Ok::<_, ()>((makes.make(*key), keys(*key)));
            let found = move |_, _page| {
                count += 1;
                assert!(count <= wanted, "it is not called after its end");
                if count == wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            assert_eq!(crawl(&background(), 3, [1], fetch, found), Ok(wanted));
        }
    });
}

#[test]
fn a_fetch_or_a_callback_that_fails_at_each_page_ends_the_crawl() {
    everywhere(|values| {
        for bad in 0..PAGES {
            let makes = values.clone();
            let fails = move |_: &Context, key: &u32| match *key {
                key if key == bad => Err(key),
                key => Ok((makes.make(key), keys(key))),
            };
            let go_on = |_, _: Value| ControlFlow::Continue(());
            assert_eq!(crawl(&background(), 3, [1], fails, go_on), Err(Fault::Failed(bad)));
            let makes = values.clone();
            let panics = move |_: &Context, key: &u32| match *key {
                key if key == bad => panic_quietly("a fetch"),
                key => Ok::<_, ()>((makes.make(key), keys(key))),
            };
            assert_eq!(panic_of(|| crawl(&background(), 3, [1], panics, go_on)), "a fetch");
            let makes = values.clone();
            let fetch = move |_: &Context, key: &u32| Ok::<_, ()>((makes.make(*key), keys(*key)));
            let panics = move |key, _| {
                if key == bad { panic_quietly("a callback") } else { ControlFlow::Continue(()) }
            };
            assert_eq!(panic_of(|| crawl(&background(), 3, [1], fetch, panics)), "a callback");
        }
    });
}

#[test]
fn a_context_may_be_cancelled_at_each_page() {
    everywhere(|values| {
        for when in 1..10 {
            let (context, cancel) = with_cancel(&background());
            let (makes, mut count) = (values.clone(), 0);
            let fetch = move |_: &Context, key: &u32| Ok::<_, ()>((makes.make(*key), keys(*key)));
            let found = move |_, _| {
                count += 1;
                if count == when {
                    cancel.cancel();
                }
                ControlFlow::Continue(())
            };
            assert_eq!(crawl(&context, 3, [1], fetch, found), Err(Fault::Done(Error::Canceled)));
        }
    });
}

#[test]
#[should_panic(expected = "a crawl without workers")]
fn a_crawl_has_workers() {
    let fetch = |_: &Context, _: &u32| Ok::<_, ()>(((), vec![]));
    let _none = crawl(&background(), 0, [1], fetch, |_, ()| ControlFlow::Continue(()));
}
