use super::channel::Waiter;
use super::late::Manner;
use super::{Ended, Key, Received, Turn, World};
use crate::rt::spec::{StepId, Token};
use crate::spec::testing::step;

const KEY: Key = 7;

/// A channel of this capacity, with the last step that was made.
struct Chan {
    world: World,
    capacity: Option<usize>,
    steps: u32,
}

/// What a step has come to, and the steps that happen before it.
type Made<R> = (R, Vec<StepId>);

fn value(number: u32) -> Token {
    Token { thread: 0, number }
}

impl Chan {
    fn new(capacity: impl Into<Option<usize>>) -> Chan {
        Chan { world: World::default(), capacity: capacity.into(), steps: 0 }
    }

    /// Makes the next step.
    fn step<R>(&mut self, act: impl Fn(&mut Turn) -> R) -> Made<R> {
        self.steps += 1;
        let mut turn = Turn::new(&self.world, step(self.steps));
        turn.channel(KEY, self.capacity);
        let result = act(&mut turn);
        let done = turn.done(result);
        self.world = done.state;
        (done.result.0, done.after)
    }

    fn send(&mut self, number: u32) -> Made<Option<Ended>> {
        self.step(|turn| {
            let ended = turn.try_send(KEY, value(number));
            if ended.is_none() {
                turn.wait_to_send(KEY, value(number), waiter(turn.me));
            }
            ended
        })
    }

    fn recv(&mut self) -> Made<Option<u32>> {
        let (ended, after) = self.step(|turn| turn.receive(KEY, waiter(turn.me), Manner::Waits).ended());
        (ended.map(|ended| number(&ended)), after)
    }

    /// Completes the wait that began with this step.
    fn complete(&mut self, arrival: u32) -> Made<Option<Ended>> {
        self.step(|turn| turn.complete(KEY, step(arrival)))
    }
}

fn waiter(arrival: StepId) -> Waiter {
    Waiter { arrival, case: None, bell: None, borrows: false }
}

/// Returns the number of the value that was received; 99: the channel is closed.
fn number(ended: &Ended) -> u32 {
    match ended {
        Ended::Received(Received { item, .. }) => item.value.number,
        Ended::Closed => 99,
        Ended::Sent | Ended::Broken => unreachable!("a receive sends nothing, and nobody was to send late"),
    }
}

#[test]
fn values_come_in_the_order_in_which_they_were_sent_and_their_sends_before_them() {
    let mut chan = Chan::new(None);
    assert_eq!((chan.send(1), chan.send(2)), ((Some(Ended::Sent), vec![]), (Some(Ended::Sent), vec![])));
    assert_eq!(chan.recv(), (Some(1), vec![step(1)]));
    assert_eq!(chan.recv(), (Some(2), vec![step(2)]));
    assert_eq!(chan.recv(), (None, vec![]));
}

#[test]
fn a_send_waits_for_a_place_and_comes_after_the_receive_that_makes_it() {
    let mut chan = Chan::new(1);
    chan.send(1);
    assert_eq!(chan.send(2), (None, vec![]));
    assert_eq!(chan.send(3), (None, vec![]));
    assert_eq!(chan.complete(2), (None, vec![]));
    assert_eq!(chan.recv(), (Some(1), vec![step(1)]));
    assert_eq!(chan.complete(3).0, None, "the second sender that waits has no place yet");
    assert_eq!(chan.complete(2), (Some(Ended::Sent), vec![step(5)]));
    assert_eq!(chan.recv(), (Some(2), vec![step(2)]));
    assert_eq!(chan.complete(3), (Some(Ended::Sent), vec![step(8)]));
}

#[test]
fn a_place_that_was_there_comes_after_nothing() {
    let mut chan = Chan::new(2);
    chan.send(1);
    chan.recv();
    assert_eq!(chan.send(2), (Some(Ended::Sent), vec![]), "the second place has never been used");
    assert_eq!(chan.send(3), (Some(Ended::Sent), vec![step(2)]));
}

#[test]
fn in_a_rendezvous_each_comes_before_the_other_is_done() {
    let mut chan = Chan::new(0);
    assert_eq!(chan.send(1), (None, vec![]));
    assert_eq!(chan.recv(), (Some(1), vec![step(1)]));
    assert_eq!(chan.complete(1), (Some(Ended::Sent), vec![step(2)]));
    assert_eq!(chan.recv(), (None, vec![]));
    assert_eq!(chan.send(2), (Some(Ended::Sent), vec![step(4)]));
    let (ended, after) = chan.complete(4);
    assert_eq!((ended.map(|ended| number(&ended)), after), (Some(2), vec![step(5)]));
}

#[test]
fn a_close_ends_waits_and_leaves_what_was_sent() {
    let mut chan = Chan::new(1);
    chan.send(1);
    chan.send(2);
    assert!(chan.step(|turn| turn.close(KEY)).0);
    assert_eq!(chan.step(|turn| turn.close(KEY)), (false, vec![step(3)]));
    assert_eq!(chan.complete(2), (Some(Ended::Closed), vec![step(3)]));
    assert_eq!(chan.send(3), (Some(Ended::Closed), vec![step(3)]));
    assert_eq!(chan.recv(), (Some(1), vec![step(1)]));
    assert_eq!(chan.recv(), (Some(99), vec![step(3)]));
}

#[test]
fn a_receiver_that_waits_is_told_of_the_close() {
    let mut chan = Chan::new(1);
    chan.recv();
    chan.step(|turn| turn.close(KEY));
    assert_eq!(chan.complete(1), (Some(Ended::Closed), vec![step(2)]));
}

#[test]
fn who_withdraws_gets_nothing_and_leaves_no_trace() {
    let mut chan = Chan::new(0);
    chan.recv();
    chan.recv();
    chan.step(|turn| turn.withdraw(KEY, step(1)));
    assert_eq!(chan.send(1).0, Some(Ended::Sent));
    assert_eq!(chan.complete(1).0, None);
    assert!(chan.complete(2).0.is_some());
}

#[test]
fn a_forced_send_takes_the_oldest_value_out_and_keeps_its_turn() {
    let forced = |chan: &mut Chan, number| {
        let forced = chan.step(|turn| turn.force_send(KEY, value(number)).ok().flatten()).0;
        forced.map(|oldest| oldest.number)
    };
    let mut chan = Chan::new(1);
    assert_eq!(forced(&mut chan, 1), None);
    assert_eq!(forced(&mut chan, 2), Some(1));
    assert_eq!(chan.send(3).0, None);
    assert_eq!(forced(&mut chan, 4), Some(2), "the sender that waits gets the place");
    assert_eq!((chan.recv().0, chan.recv().0), (Some(3), Some(4)));
    assert_eq!(forced(&mut Chan::new(0), 1), Some(1), "no receiver waits");
}

#[test]
fn a_value_on_loan_keeps_a_closed_channel_from_being_over() {
    let mut chan = Chan::new(1);
    chan.send(1);
    let lent = chan.step(|turn| {
        turn.lend(KEY);
        turn.receive(KEY, waiter(turn.me), Manner::Tries).ended()
    });
    let Some(Ended::Received(lent)) = lent.0 else { unreachable!("a value was there") };
    chan.step(|turn| turn.close(KEY));
    assert_eq!(chan.recv().0, None, "the value may come back");
    chan.step(|turn| turn.give_back(KEY, lent));
    assert_eq!(chan.complete(4).0.map(|ended| number(&ended)), Some(1));
    assert_eq!(chan.recv().0, Some(99));
}

#[test]
fn the_last_handle_of_all_frees() {
    use super::Side::{Receivers, Senders};
    let mut chan = Chan::new(1);
    let mut leave = |side| chan.step(|turn| turn.leave(KEY, side, 1)).0;
    assert!(!leave(Some(Senders)) && !leave(None) && leave(Some(Receivers)));
}
