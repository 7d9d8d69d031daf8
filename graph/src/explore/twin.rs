//! Broken twins of the exploration, which the tests by brute force have to tell from it.

/// What is wrong with a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    /// A step is offered the last place only, as if the next event of a thread could always be added there.
    OffersTheEndOnly,
    /// A thread that has waited is offered the last place only.
    OffersTheEndAfterWaiting,
    /// A wait is maximally added only if it comes after the last step.
    WaitIsRead,
    /// A step is maximally added though it has disabled another that was there before.
    WaitIsUnread,
    /// Of threads that are alike neither may come first.
    NoneComesFirst,
    /// No write comes between the updates of threads that are alike.
    EveryPlaceIsFixed,
    /// A timed step times out though time has not passed.
    TimesOutAtOnce,
    /// Time passes to the latest moment for which a thread waits.
    LatestComesFirst,
    /// What was written at an earlier time need not be seen.
    ForgetsEarlierTimes,
    /// An event reads what is written at a later time.
    ReadsLaterTimes,
    /// A thread that begins anew too often takes the whole run with it.
    RetryEndsTheRun,
    /// That a thread has begun anew too often is not noted.
    RetryIsNotNoted,
}

#[cfg(test)]
std::thread_local! {
    /// The twin that explores on this thread.
    pub(crate) static TWIN: core::cell::Cell<Option<Twin>> = const { core::cell::Cell::new(None) };
}

/// Returns whether this twin explores, which only a test has do so.
#[inline]
pub(crate) fn is(twin: Twin) -> bool {
    #[cfg(test)]
    return TWIN.get() == Some(twin);
    #[cfg(not(test))]
    {
        let _ = twin;
        false
    }
}
