//! A daemon that shuts down gracefully: at SIGTERM or SIGINT it begins no further job, ends those that it has begun, and
//! returns. A second such signal ends it at once. SIGHUP makes it read its settings again, and SIGUSR1 say how it does.
//!
//! `cargo run --release -p selvedge-go --example daemon`, and then `kill -HUP`, `kill -USR1` and `kill` with the number that
//! it says.

#[cfg(unix)]
mod unix {
    use selvedge::chan::{Receiver, bounded, select, tick};
    use selvedge::context::background;
    use selvedge::rt::sync::Arc;
    use selvedge::rt::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use selvedge::sync::WaitGroup;
    use selvedge_go::signal::{Signal, notify, notify_context};
    use selvedge_go::sleep;
    use std::io;
    use std::time::Duration;

    /// How many jobs were begun, and ended.
    struct Jobs {
        begun: AtomicU32,
        ended: AtomicU32,
    }

    /// Does jobs until there are none.
    fn work(jobs: &Receiver<u32>, counts: &Jobs) {
        for job in jobs {
            counts.begun.fetch_add(1, Relaxed); // Relaxed: the end of the group publishes the counts.
            sleep(Duration::from_micros(u64::from(job % 7) * 100));
            counts.ended.fetch_add(1, Relaxed); // Relaxed: the end of the group publishes the counts.
        }
    }

    fn serve() -> io::Result<()> {
        let (context, stop) = notify_context(&background(), [Signal::SIGTERM, Signal::SIGINT])?;
        let (sender, asked) = bounded(1);
        notify(&sender, [Signal::SIGHUP, Signal::SIGUSR1])?;

        let (tx, jobs) = bounded(4);
        let (workers, counts) =
            (WaitGroup::new(), Arc::new(Jobs { begun: AtomicU32::new(0), ended: AtomicU32::new(0) }));
        for _ in 0..4 {
            let (jobs, counts) = (jobs.clone(), Arc::clone(&counts));
            workers.go(move || work(&jobs, &counts));
        }
        println!("process {}: ready", std::process::id());

        let (ticks, mut number) = (tick(Duration::from_millis(1)), 0);
        while context.err().is_none() {
            select! {
                recv(context.done()) -> _ => (),
                recv(asked) -> signal => match signal {
                    Ok(Signal::SIGHUP) => println!("read the settings again"),
                    _ => println!("{} jobs done", counts.ended.load(Relaxed)), // Relaxed: a number to look at.
                },
                recv(ticks) -> _ => {
                    number += 1;
                    // If the workers are late, the job waits for them, or for the end.
                    _ = tx.send_ctx(&context, number);
                }
            }
        }

        println!("{}: shutting down", context.cause().expect("it is done"));
        // From now on a second signal ends the process at once.
        drop(stop);
        // No further job comes, so the workers return once the queue is empty.
        drop(tx);
        workers.wait();
        // Relaxed: the end of the group publishes the counts.
        println!("{} jobs begun, {} ended", counts.begun.load(Relaxed), counts.ended.load(Relaxed));
        Ok(())
    }

    pub(super) fn main() {
        selvedge_go::run(|| serve().expect("the system has a thread for signals"));
    }
}

/// Runs the daemon.
pub fn main() {
    #[cfg(unix)]
    unix::main();
    #[cfg(not(unix))]
    println!("this system has no signals");
}
