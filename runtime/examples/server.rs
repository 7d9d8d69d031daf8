//! A server that shuts down by a context: it stops taking requests, lets those under way end until a deadline, and then
//! abandons them.
//!
//! `cargo run --release -p selvedge-go --example server -- 20`

use selvedge::chan::{Receiver, Sender, bounded, select};
use selvedge::context::{
    Context, Key, background, with_cancel_cause, with_timeout, with_timeout_cause, with_value, without_cancel,
};
use selvedge::sync::WaitGroup;
use selvedge_go::{go, run, sleep};
use std::time::Duration;

/// The number of a request, for logs.
#[derive(PartialEq, Eq)]
struct Number;
impl Key for Number {
    type Value = u32;
}

struct Request {
    number: u32,
    /// How long the answer takes.
    work: Duration,
    answer: Sender<Result<u32, String>>,
}

/// Works for a while, unless the context is done before.
fn answer(context: &Context, work: Duration) -> Result<u32, String> {
    let number = *context.value(&Number).expect("a request has a number");
    let (done, finished) = bounded(1);
    go(move || {
        sleep(work);
        // Nobody waits for work that is late.
        let _late = done.send(number * number);
    });
    match finished.recv_ctx(context) {
        Ok(square) => Ok(square),
        Err(_) => Err(context.cause().map_or_else(String::new, |cause| cause.to_string())),
    }
}

/// Takes requests until the context is done; then waits for those under way, each of which has its own limit.
fn serve(context: &Context, requests: &Receiver<Request>) -> u32 {
    let (group, mut taken) = (WaitGroup::new(), 0);
    // Requests outlive the shutdown of the server, but keep its values.
    let on = without_cancel(context);
    loop {
        select! {
            recv(requests) -> request => {
                let Ok(request) = request else { break };
                taken += 1;
                let limit = Duration::from_millis(50);
                let (own, cancel) = with_timeout_cause(&on, limit, "the request took too long");
                let own = with_value(&own, Number, request.number);
                group.go(move || {
                    let _cancel = cancel;
                    let _gone = request.answer.send(answer(&own, request.work));
                });
            }
            recv(context.done()) -> _ => break,
        }
    }
    group.wait();
    taken
}

/// Runs the server, and the clients that ask it.
pub fn main() {
    let count = std::env::args().nth(1).map_or(20, |text| text.parse().expect("a number"));
    run(move || {
        let (context, shut_down) = with_cancel_cause(&background());
        let (tx, requests) = bounded(0);
        let server = selvedge_go::spawn({
            let context = context.clone();
            move || serve(&context, &requests)
        });
        let (answer, answers) = bounded(count as usize);
        for number in 0..count {
            // One in four takes longer than it may.
            let work = Duration::from_millis(if number % 4 == 3 { 500 } else { 1 });
            let request = Request { number, work, answer: answer.clone() };
            tx.send_ctx(&context, request).expect("the server takes requests");
        }
        drop(answer);
        shut_down.cancel("the operator said so");
        let (patience, _cancel) = with_timeout(&background(), Duration::from_secs(300));
        let (mut squares, mut late) = (0, 0);
        while let Ok(answer) = answers.recv_ctx(&patience) {
            match answer {
                Ok(_) => squares += 1,
                Err(_) => late += 1,
            }
        }
        let taken = server.join().expect("no panic");
        let why = context.cause().expect("it is cancelled");
        println!("{taken} requests, {squares} answered, {late} too late; the server stopped: {why}");
        assert_eq!((taken, squares + late), (count, count));
        assert!(late >= count / 4, "long work is late");
    });
}
