//! The models of channels and of collections as specified: each property of the real form is one of the specified form.

use selvedge_check::{Change, Checker, Engine, Primitives, Report, site_of};
use selvedge_models::model::Model;
use selvedge_models::models::MODELS;

/// The files whose models are of channels.
const CHANNELS: [&str; 10] = [
    "chan_order::",
    "chan_room::",
    "chan_full::",
    "chan_close::",
    "chan_edges::",
    "chan_force::",
    "select::",
    "select_values::",
    "timers::",
    "futures::",
];

/// The files whose models are of collections, some of which are real in both forms.
const COLLECTIONS: [&str; 3] = ["pool::", "map::", "reclaim::"];

/// Models that look into the real form, to know which thread waits.
const LOOK_INSIDE: &[&str] = &[
    "chan_order::blocked_receivers_are_served_in_order",
    "chan_order::blocked_receivers_of_a_buffer_are_served_in_order",
    "chan_order::blocked_senders_are_served_in_order",
    "chan_order::a_new_receiver_does_not_overtake_a_blocked_one",
    "chan_order::a_new_sender_does_not_overtake_a_blocked_one",
    "chan_order::receivers_that_gave_up_in_between_leave_the_order",
    "chan_order::receivers_of_a_buffer_that_gave_up_in_between_leave_the_order",
    "chan_order::a_sender_that_gave_up_in_between_leaves_the_order",
    "chan_order::a_select_that_gave_up_in_between_leaves_the_order",
    "chan_room::a_waiting_sender_is_not_counted",
    "chan_full::the_value_of_a_select_that_was_let_in_counts",
    "chan_close::dropping_the_last_receiver_ends_the_sender",
    "select::a_select_does_not_overtake_a_blocked_receiver",
    "select_values::a_try_recv_gets_the_value_of_a_select_that_waits",
    "select_values::a_value_that_does_not_come_lets_a_select_go",
    "select_values::a_select_does_not_lose_its_turn_while_its_value_comes",
    "timers::a_select_whose_timer_others_received_keeps_its_place",
];

#[test]
fn properties_of_channels_hold_as_specified() {
    let engines = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    for report in engines.flat_map(|engine| reports(&CHANNELS, engine)) {
        assert_eq!(report.primitives, Primitives::Specified, "{report}");
    }
}

#[test]
fn properties_of_collections_hold_as_specified() {
    let engines = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    let pools = engines.flat_map(|engine| reports(&COLLECTIONS[..1], engine));
    assert!(pools.into_iter().all(|report| report.primitives == Primitives::Specified));
    let reports = reports(&COLLECTIONS[1..], Engine::Graph);
    let specified = reports.iter().filter(|report| report.primitives == Primitives::Specified).count();
    assert!(specified > reports.len() / 2, "{specified} of {} are specified", reports.len());
}

/// Twins of late sends: the file, the label, and the model that catches it.
const TWINS: [(&str, &str, &str, &str); 3] = [
    (
        "primitives/src/spec/chan/late.rs",
        include_str!("../../../primitives/src/spec/chan/late.rs"),
        "met-receiver-gives-up",
        "select_values::a_send_of_a_select_meets_a_receiver_that_gives_up",
    ),
    (
        "primitives/src/spec/chan/late.rs",
        include_str!("../../../primitives/src/spec/chan/late.rs"),
        "passes-late-send",
        "select_values::a_try_recv_waits_for_the_value_of_a_select",
    ),
    (
        "primitives/src/spec/chan/channel.rs",
        include_str!("../../../primitives/src/spec/chan/channel.rs"),
        "late-send-has-no-place",
        "select_values::a_send_of_a_select_keeps_its_place",
    ),
];

#[test]
fn models_catch_the_twins_of_late_sends() {
    for (file, source, label, name) in TWINS {
        let twin = site_of(source, file, label, Change::Twin).unwrap_or_else(|error| panic!("{error}"));
        let model = MODELS.iter().find(|model| model.name == name).unwrap_or_else(|| panic!("no {name}"));
        let report = checker(model, Engine::Graph).mutate(twin).run(model.body).remove(0);
        assert!(report.verdict.failure().is_some(), "{label} is not caught by {name}: {report}");
    }
}

/// Returns a checker of a model as specified, under one engine.
fn checker(model: &Model, engine: Engine) -> Checker {
    Checker::new()
        .name(model.name)
        .ignore_environment()
        .engines([engine])
        .primitives(Primitives::Specified)
        .iterations(20)
        .max_executions(1_000)
        .event_bound(Some(600))
        .shrink(false)
}

/// Returns the reports of models under an engine, all of which hold.
fn reports(files: &[&str], engine: Engine) -> Vec<Report> {
    let models = MODELS.iter().filter(|model| files.iter().any(|file| model.name.starts_with(file)));
    let models = models.filter(|model| !LOOK_INSIDE.contains(&model.name));
    let run = |model: &Model| {
        let report = checker(model, engine).run(model.body).remove(0);
        assert!(report.executions > 0 && report.verdict.passed(), "{} under {engine}: {report}", model.name);
        report
    };
    models.map(run).collect()
}
