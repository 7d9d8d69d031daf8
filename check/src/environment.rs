//! Overrides from the environment.

use crate::replay::Tagged;
use crate::{Checker, Engine};

pub(crate) const ENGINES: &str = "SELVEDGE_ENGINES";
pub(crate) const ITERATIONS: &str = "SELVEDGE_ITERATIONS";
pub(crate) const SEED: &str = "SELVEDGE_SEED";
pub(crate) const PREEMPTIONS: &str = "SELVEDGE_PREEMPTIONS";
pub(crate) const FIND_FIRST: &str = "SELVEDGE_FIND_FIRST";
pub(crate) const ROUNDS: &str = "SELVEDGE_ROUNDS";
pub(crate) const RETRIES: &str = "SELVEDGE_RETRIES";
pub(crate) const FAIR: &str = "SELVEDGE_FAIR";
#[cfg(feature = "graph")]
pub(crate) const MODEL: &str = "SELVEDGE_MODEL";
pub(crate) const PRIMITIVES: &str = "SELVEDGE_PRIMITIVES";
pub(crate) const REPLAY: &str = "SELVEDGE_REPLAY";

impl Checker {
    /// Returns the checker with the settings that `lookup` has for the `SELVEDGE_…` variables.
    pub(crate) fn overridden(mut self, lookup: impl Fn(&str) -> Option<String>) -> Result<Checker, String> {
        if let Some(list) = lookup(ENGINES) {
            self.engines = list
                .split(',')
                .map(|name| name.trim().parse::<Engine>())
                .collect::<Result<_, _>>()
                .map_err(|error| format!("{ENGINES}: {error}"))?;
        }
        if let Some(text) = lookup(ITERATIONS) {
            self.iterations = number(ITERATIONS, &text)?;
        }
        if let Some(text) = lookup(SEED) {
            self.seed = number(SEED, &text)?;
        }
        if let Some(text) = lookup(PREEMPTIONS) {
            self.preemptions = Some(bound(PREEMPTIONS, &text)?.map(|bound| bound as usize));
        }
        if let Some(text) = lookup(FIND_FIRST) {
            self.find_first = yes_or_no(FIND_FIRST, &text)?;
        }
        if let Some(text) = lookup(FAIR) {
            self = self.fair_schedules(yes_or_no(FAIR, &text)?);
        }
        if let Some(text) = lookup(ROUNDS) {
            let rounds = number(ROUNDS, &text)?;
            self = self.rounds(u32::try_from(rounds).unwrap_or(u32::MAX));
        }
        if let Some(text) = lookup(RETRIES) {
            self = self
                .retry_bound(bound(RETRIES, &text)?.map(|bound| u32::try_from(bound).unwrap_or(u32::MAX)));
        }
        #[cfg(feature = "graph")]
        if let Some(text) = lookup(MODEL) {
            self = self.memory_model(text.parse().map_err(|error| format!("{MODEL}: {error}"))?);
        }
        if let Some(text) = lookup(PRIMITIVES) {
            self.primitives = text.parse().map_err(|error| format!("{PRIMITIVES}: {error}"))?;
        }
        if let Some(text) = lookup(REPLAY) {
            let token: Tagged = text.parse().map_err(|error| format!("{REPLAY}: {error}"))?;
            // A token replays only the model that it names; the other models of the process explore.
            if token.model == self.model_name() && !self.never_replays {
                self.replay = Some(token);
            }
        }
        Ok(self)
    }
}

fn yes_or_no(variable: &str, text: &str) -> Result<bool, String> {
    match text.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{variable}: `{text}` is neither `yes` nor `no`")),
    }
}

fn bound(variable: &str, text: &str) -> Result<Option<u64>, String> {
    match text.trim() {
        "none" => Ok(None),
        text => number(variable, text).map(Some).map_err(|error| format!("{error}, or `none`")),
    }
}

fn number(variable: &str, text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{variable}: `{text}` is not a number; use one such as 1000"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Primitives, Strategy};

    fn with(variable: &'static str, value: &'static str) -> Result<Checker, String> {
        Checker::new().overridden(|name| (name == variable).then(|| value.to_string()))
    }

    #[test]
    fn good_values_override() {
        let engines = with(ENGINES, "native, shuttle-pct").expect("both exist").engines;
        assert_eq!(engines, [Engine::Native, Engine::Shuttle(Strategy::Pct)]);
        assert_eq!(with(ITERATIONS, "7").expect("a number").iterations, 7);
        assert_eq!(with(SEED, "9").expect("a number").seed, 9);
        assert!(!with(FIND_FIRST, "no").expect("a word").find_first);
        let plans = with(FAIR, "yes").expect("a word").plans().expect("all engines are compiled in");
        assert!(plans.iter().all(|plan| plan.graph.fair_schedules));
        let retries = |text| {
            let plans = with(RETRIES, text).expect("a bound").plans().expect("all engines are compiled in");
            plans[0].graph.retries
        };
        assert_eq!((retries("2"), retries("none")), (Some(2), None));
        assert_eq!(with(PREEMPTIONS, "none").expect("no bound").preemptions, Some(None));
        assert_eq!(with(PREEMPTIONS, "3").expect("a number").preemptions, Some(Some(3)));
        assert_eq!(with(PRIMITIVES, "real").expect("a form").primitives, Primitives::Real);
        assert_eq!(with(PRIMITIVES, "specified").expect("a form").primitives, Primitives::Specified);
        assert_eq!(with(PRIMITIVES, "both").expect("both forms").primitives, Primitives::Both);
    }

    #[test]
    fn one_bound_on_preemptions_is_for_every_engine() {
        let bounds = |checker: Checker| {
            let plans = checker.plans().expect("all engines are compiled in");
            plans.iter().map(|plan| plan.preemptions).collect::<Vec<_>>()
        };
        let engines = Engine::available();
        assert_eq!(bounds(with(PREEMPTIONS, "1").expect("a number")), vec![Some(1); engines.len()]);
        assert_eq!(bounds(with(PREEMPTIONS, "none").expect("no bound")), vec![None; engines.len()]);
        assert_eq!(bounds(Checker::new().preemption_bound(Some(3))), vec![Some(3); engines.len()]);
        let own = |engine: &Engine| engine.own_preemption_bound();
        assert_eq!(bounds(Checker::new()), engines.iter().map(own).collect::<Vec<_>>());
    }

    #[test]
    fn a_token_replays_the_model_that_it_belongs_to() {
        let with_token = |name: &str| {
            let token = "shuttle:0*3".parse().expect("a token");
            let token = Tagged { token, form: None, seed: None, model: "one".to_string() }.to_string();
            Checker::new().name(name).overridden(|name| (name == REPLAY).then(|| token.clone()))
        };
        assert!(with_token("one").expect("good").replay.is_some());
        assert!(with_token("two").expect("good").replay.is_none());
    }

    #[test]
    fn bad_values_name_the_variable_and_the_fix() {
        for (variable, value, fix) in [
            (ENGINES, "loon", "loom"),
            (ITERATIONS, "many", "1000"),
            (SEED, "-1", "1000"),
            (PREEMPTIONS, "x", "none"),
            (FIND_FIRST, "1", "yes"),
            (ROUNDS, "all", "1000"),
            (RETRIES, "few", "none"),
            (PRIMITIVES, "mock", "specified"),
            (REPLAY, "x", "shuttle:"),
            (REPLAY, "shuttle:0*3", "whole"),
        ] {
            let error = with(variable, value).map(|_| ()).expect_err("a bad value");
            assert!(error.contains(variable) && error.contains(fix), "{error}");
        }
    }
}
