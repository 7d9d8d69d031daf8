//! `SELVEDGE_AUDIT`: the files that a check writes, made by a process of its own.
#![cfg(feature = "graph")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests run models; they are none"
)]

#[path = "audit/subject.rs"]
mod subject;

use selvedge::rt::thread;
use selvedge_check::audit::{Candidate, Entry, Outcome, candidates};
use selvedge_check::{Change, Checker, Engine, Operation, Use};
use std::process::Command;
use std::sync::atomic::Ordering;
use subject::Flag;

fn message_passing() {
    let flag = Flag::new();
    thread::scope(|scope| {
        scope.spawn(|| flag.raise(1));
        assert!(flag.read().is_none_or(|value| value == 1));
    });
}

fn graph() -> Checker {
    Checker::new().engines([Engine::Graph])
}

fn of_subject(uses: Vec<Use>) -> Vec<Use> {
    uses.into_iter().filter(|met| met.site.file().ends_with("subject.rs")).collect()
}

#[test]
fn a_survey_meets_every_operation_with_its_ordering() {
    let (report, uses) = graph().survey(message_passing);
    assert!(report.verdict.passed(), "{report}");
    let mut met = of_subject(uses);
    met.sort_by_key(|met| (met.site.line(), met.site.column()));
    let met: Vec<_> = met.iter().map(|met| (met.operation, met.order)).collect();
    let expected = [
        (Operation::Store, Some(Ordering::Release)),
        (Operation::Load, Some(Ordering::SeqCst)),
        (Operation::Load, Some(Ordering::Acquire)),
    ];
    assert_eq!(met, expected);
}

#[test]
fn of_two_operations_on_a_line_one_is_changed() {
    let (_, uses) = graph().survey(message_passing);
    let outcome = |candidate: &Candidate| {
        let report = graph().shrink(false).mutate(candidate.mutation.clone()).run(message_passing).remove(0);
        (candidate.mutation.change, report.verdict.failure().is_some())
    };
    let outcomes: Vec<_> = candidates(&of_subject(uses)).iter().map(outcome).collect();
    use Ordering::{Acquire, Relaxed};
    let expected = [(Relaxed, true), (Acquire, false), (Relaxed, true)];
    assert_eq!(outcomes, expected.map(|(order, fails)| (Change::Order(order), fails)));
}

#[test]
fn a_check_leaves_an_audit_where_the_environment_says() {
    const INNER: &str = "SELVEDGE_TEST_AUDITED";
    if std::env::var_os(INNER).is_some() {
        graph().name("message passing").check(message_passing);
        // A run with a mutant writes no entry.
        graph().name("ignored").ignore_environment().check(message_passing);
        return;
    }
    let folder = std::env::temp_dir().join(format!("selvedge-audit-{}", std::process::id()));
    let this = std::env::current_exe().expect("a test has a path");
    let status = Command::new(this)
        .args(["--exact", "a_check_leaves_an_audit_where_the_environment_says"])
        .env(INNER, "1")
        .env("SELVEDGE_AUDIT", &folder)
        .output()
        .expect("the test can run itself")
        .status;
    assert!(status.success());
    let files: Vec<_> = std::fs::read_dir(&folder).expect("it was made").flatten().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(files[0].path()).expect("it can be read");
    let entries: Vec<Entry> = serde_json::from_str(&text).expect("it is an audit");
    // The subject is in tests/, which is not under test, so no entry is left.
    assert_eq!(entries, []);
    std::fs::remove_dir_all(folder).expect("the test's own folder");
}

#[test]
fn outcomes_of_several_models_are_put_together() {
    let needed = Outcome::Needed {
        model: "m".to_string(),
        engine: "graph".to_string(),
        kind: "race".to_string(),
        failure: String::new(),
    };
    let passed =
        |model: &str| Outcome::NotShownNeeded { models: vec![model.to_string()], load_buffering: false };
    let unjudged = Outcome::CannotJudge { models: vec!["c".to_string()] };
    assert_eq!(passed("a").and(needed.clone()), needed);
    assert_eq!(unjudged.clone().and(passed("a")), passed("a"));
    let both =
        Outcome::NotShownNeeded { models: vec!["a".to_string(), "b".to_string()], load_buffering: false };
    assert_eq!(passed("a").and(passed("b")), both);
    assert_eq!(unjudged.label(), "can't judge");
}
