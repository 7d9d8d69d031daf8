//! Chapter 1: processes that talk.

use super::{Chapter, Checked};
use selvedge::chan::{Sender, bounded};
use selvedge_check::FailureKind;
use selvedge_go::{go, run};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "1-processes.md",
    source: include_str!("processes.rs"),
    programs: &[squares, ask],
    checked: &[
        Checked("both_listen", both_listen, Some(FailureKind::Deadlock)),
        Checked("one_asks", one_asks, None),
    ],
};

fn squares() {
    let sum = run(|| {
        let (tx, rx) = bounded(0);
        go(move || (1..=3).for_each(|n: u32| tx.send(n * n).expect("main receives")));
        rx.iter().sum::<u32>()
    });
    assert_eq!(sum, 14);
}

fn ask() {
    let answer = run(|| {
        let (questions, asked) = bounded::<(u32, Sender<u32>)>(0);
        go(move || {
            for (number, reply) in asked.iter() {
                reply.send(number * 2).expect("the asker waits");
            }
        });
        let (reply, answer) = bounded(0);
        questions.send((21, reply)).expect("the server listens");
        answer.recv()
    });
    assert_eq!(answer, Ok(42));
}

fn both_listen() {
    let ((questions, asked), (replies, replied)) = (bounded(0), bounded(0));
    go(move || {
        let question: u32 = asked.recv().expect("somebody asks");
        replies.send(question * 2).expect("somebody waits for the answer");
    });
    let answer = replied.recv();
    questions.send(21).expect("the server listens");
    assert_eq!(answer, Ok(42));
}

fn one_asks() {
    let ((questions, asked), (replies, replied)) = (bounded(0), bounded(0));
    go(move || {
        let question: u32 = asked.recv().expect("somebody asks");
        replies.send(question * 2).expect("somebody waits for the answer");
    });
    questions.send(21).expect("the server listens");
    assert_eq!(replied.recv(), Ok(42));
}
