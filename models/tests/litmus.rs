//! The litmus notation, and what exploring its programs gives.

#![allow(clippy::disallowed_types, reason = "tests run models; they are none")]

use selvedge_models::litmus::{PROGRAMS, parse};

#[test]
fn every_program_survives_its_text() {
    let programs = parse(PROGRAMS).expect("the file is good");
    assert!(programs.len() > 120);
    for program in programs {
        let text = program.to_string();
        let again = parse(&text).unwrap_or_else(|error| panic!("{text}\n{error}")).remove(0);
        assert_eq!(again.to_string(), text);
        assert_eq!(again.expectation, program.expectation, "{text}");
    }
}

#[test]
fn a_bad_line_gets_its_place_and_what_was_expected() {
    for (line, column, message) in [
        ("x | T0: W.foo x 1", 11, "expected an order (rlx, acq, rel, acqrel, sc), found `foo`"),
        ("x | T0: W x 1", 11, "expected `.`, found `x`"),
        ("x | T0: W.acq x 1", 11, "there is no store with order `acq`"),
        ("x | T0: r0=R.rel x", 14, "there is no load with order `rel`"),
        ("x | T0: r0=CAS.sc.acqrel x 0 1", 19, "there is no failing compare-exchange with order `acqrel`"),
        ("x | T0: r0=CAS.sc x 0 1", 19, "expected `.`, found `x`"),
        ("x | T0: F.rlx", 11, "there is no fence with order `rlx`"),
        ("x | T1: F.sc", 5, "expected thread `T0:`, found `T1:`"),
        ("x | T0: W.rlx x", 16, "expected a number, a register or `(`, found the end"),
        ("x | T0: W.rlx x 1 2", 19, "expected `;`, found `2`"),
        ("x | T0: r0=FOO.rlx x", 12, "expected R, FADD, XCHG, CAS or NA.R, found `FOO`"),
        ("x | T0: if r0=1 { F.sc }", 14, "expected a comparison (==, !=, <, <=, >, >=), found `=`"),
        ("x | T0: if r0==1 { F.sc", 24, "expected `;`, found the end"),
        ("x | T0: F.sc | main: W.rlx x 1", 22, "expected `join`, found `W`"),
        ("x | T0: F.sc | expect=many", 16, "expected a number of executions, found `many`"),
        (
            "x | T0: F.sc | suit=a",
            16,
            "expected `T0:`, `main:`, `init`, `expect=`, `norace=`, `counts=`, `suite=` or `note:`, found `suit=a`",
        ),
        ("x | T0: F.sc | counts=tso", 16, "expected a model and a number such as `tso:3`, found `tso`"),
        ("x | init x", 11, "expected `=`, found the end"),
        ("x", 2, "expected a thread: `| T0: …`"),
    ] {
        let error = parse(&format!("# a comment\n\n{line}")).expect_err(line);
        assert_eq!((error.line, error.column, error.message.as_str()), (3, column, message), "{line}");
    }
}

#[test]
fn two_programs_of_one_name_are_told() {
    let error = parse("x | T0: F.sc\nx | T0: F.sc").expect_err("the same name twice");
    assert!(error.to_string().starts_with("2:1: line 1 has a program of this name already"), "{error}");
}

#[cfg(feature = "graph")]
mod graph {
    use selvedge_check::{Checker, Engine, FailureKind, MemoryModel, Report, Verdict};
    use selvedge_models::litmus::{Compiled, Mode, Outcomes, PROGRAMS, Program, parse, run_natively};
    use std::sync::Arc;
    use std::time::Duration;

    fn checker(engine: Engine) -> Checker {
        Checker::new()
            .ignore_environment()
            .engines([engine])
            .memory_model(MemoryModel::Genmc)
            .preemption_bound(None)
            .spurious_failures(false)
            .time_limit(Duration::from_secs(3600))
    }

    fn run(checker: &Checker, program: &Program) -> Report {
        let compiled = Arc::new(Compiled::new(program, Mode::Graph, None));
        checker.clone().name(&program.name).run(move || compiled.run()).remove(0)
    }

    fn program(name: &str) -> Program {
        let programs = parse(PROGRAMS).expect("the file is good");
        programs.into_iter().find(|program| program.name == name).expect("there is such a program")
    }

    /// Fewer executions than published would be unsound, and more not optimal.
    #[test]
    fn every_program_has_the_known_number_of_executions_under_every_model() {
        let programs = parse(PROGRAMS).expect("the file is good");
        for program in programs {
            for model in MemoryModel::ALL {
                let Some(expected) =
                    program.expectation.under(model.name()).filter(|count| *count <= 100_000)
                else {
                    continue;
                };
                let report = run(&checker(Engine::Graph).memory_model(model).detect_races(false), &program);
                assert!(matches!(report.verdict, Verdict::Exhaustive), "{}: {report}", program.name);
                assert_eq!(report.executions, expected, "{model}: {program}");
            }
        }
    }

    /// A compiled program may do nothing that the default model forbids, and on x86-64 nothing that `tso` forbids.
    #[test]
    fn what_this_machine_shows_is_allowed() {
        let models = [Some(MemoryModel::C20), cfg!(target_arch = "x86_64").then_some(MemoryModel::Tso)];
        let programs = parse(PROGRAMS).expect("the file is good");
        let small = |program: &&Program| program.expectation.executions.is_some_and(|count| count <= 1_000);
        let mut seen = 0;
        for program in programs.iter().filter(small) {
            let observed = run_natively(program, 4_096);
            seen += observed.len();
            for model in models.into_iter().flatten() {
                let outcomes = Arc::new(Outcomes::default());
                let compiled = Arc::new(Compiled::new(program, Mode::Graph, Some(Arc::clone(&outcomes))));
                let checker = checker(Engine::Graph).memory_model(model).detect_races(false);
                let report = checker.run(move || compiled.run()).remove(0);
                assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
                let allowed = outcomes.take();
                let forbidden: Vec<_> =
                    observed.keys().filter(|outcome| !allowed.contains(outcome)).collect();
                assert!(forbidden.is_empty(), "{model} forbids {forbidden:?}, which was seen: {program}");
            }
        }
        assert!(seen > programs.len(), "each program has outcomes");
    }

    #[test]
    fn a_token_names_its_memory_model_and_replays_under_it() {
        // Forbidden by interleavings, allowed by total store order.
        let text = "SB | T0: W.rlx x 1; r0=R.rlx y; W.rlx a r0 | T1: W.rlx y 1; r0=R.rlx x; W.rlx b r0 \
                    | main: join; r0=R.rlx a; r1=R.rlx b; assert r0+r1!=0";
        let program = parse(text).expect("a good line").remove(0);
        let checker = checker(Engine::Graph).name("store buffering");
        let model = |program: &Program| {
            let compiled = Arc::new(Compiled::new(program, Mode::Graph, None));
            move || compiled.run()
        };
        let allowed = checker.clone().memory_model(MemoryModel::Sc).run(model(&program)).remove(0);
        assert!(matches!(allowed.verdict, Verdict::Exhaustive), "{allowed}");
        let failed = checker.clone().memory_model(MemoryModel::Tso).run(model(&program)).remove(0);
        let token = failed.verdict.failure().expect("it fails").token.clone();
        assert!(token.starts_with("graph:specified~tso:"), "{token}");
        let again = checker.memory_model(MemoryModel::Sc).replay(&token).run(model(&program)).remove(0);
        let kind = again.verdict.failure().map(|found| found.failure.kind);
        assert_eq!(kind, failed.verdict.failure().map(|found| found.failure.kind), "{again}");
    }

    #[test]
    fn racy_programs_race() {
        let programs = parse(PROGRAMS).expect("the file is good");
        let racy: Vec<_> = programs.iter().filter(|program| program.expectation.race).collect();
        assert!(racy.len() > 10);
        for program in racy {
            let report = run(&checker(Engine::Graph), program);
            let kind = report.verdict.failure().map(|found| found.failure.kind);
            assert_eq!(kind, Some(FailureKind::Race), "{program}\n{report}");
        }
    }

    #[test]
    fn programs_whose_plain_accesses_are_ordered_do_not_race() {
        for name in ["MP+relf+acq", "MP+relf+acqf", "MPU+rel+acqf", "S+rel+acq", "S+relf+acqf"] {
            let report = run(&checker(Engine::Graph), &program(name));
            assert!(matches!(report.verdict, Verdict::Exhaustive), "{name}: {report}");
        }
    }

    #[test]
    fn the_count_is_the_same_for_any_number_of_jobs_and_shards() {
        let program = program("dekker2-fixed[N=4]");
        let many = super::graph::program("casrot[N=7]");
        for (program, expected) in [(&program, 6), (&many, 523)] {
            for jobs in 1..=3 {
                let report = run(&checker(Engine::Graph).jobs(jobs), program);
                assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
                assert_eq!(report.executions, expected, "{jobs} jobs");
            }
            let shards = (1..=3).map(|shard| run(&checker(Engine::Graph).shard(shard, 3), program));
            let shards: Vec<Report> = shards.collect();
            assert!(shards.iter().all(|report| matches!(report.verdict, Verdict::Searched { .. })));
            assert_eq!(shards.iter().map(|report| report.executions).sum::<u64>(), expected);
        }
    }

    #[test]
    fn a_checkpoint_goes_on_where_the_limit_stopped() {
        let program = program("casrot[N=7]");
        let file = std::env::temp_dir().join(format!("selvedge-checkpoint-{}", std::process::id()));
        let limited = checker(Engine::Graph).max_executions(200).checkpoint(&file);
        let first = run(&limited, &program);
        assert!(matches!(first.verdict, Verdict::Searched { .. }), "{first}");
        let second = run(&limited, &program);
        assert_eq!((first.executions, second.executions), (200, 400), "{second}");
        let other = run(&limited, &super::graph::program("MP"));
        assert!(other.to_string().contains("it is of another exploration"), "{other}");
        let last = run(&checker(Engine::Graph).checkpoint(&file), &program);
        assert!(matches!(last.verdict, Verdict::Exhaustive), "{last}");
        assert_eq!((last.executions, file.exists()), (523, false));
    }

    #[test]
    fn checkpoints_on_the_way_change_nothing() {
        let program = program("casrot[N=8]");
        let file = std::env::temp_dir().join(format!("selvedge-checkpoints-{}", std::process::id()));
        for jobs in 1..=2 {
            let often = checker(Engine::Graph).jobs(jobs).checkpoint(&file).checkpoint_every(Duration::ZERO);
            let report = run(&often, &program);
            assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
            assert_eq!((report.executions, file.exists()), (2048, false));
        }
    }

    #[test]
    fn samples_estimate_the_number_of_executions() {
        let program = program("casrot[N=5]");
        let compiled = Arc::new(Compiled::new(&program, Mode::Graph, None));
        let estimate = checker(Engine::Graph).seed(7).estimate(3_000, move || compiled.run());
        let estimate = estimate.expect("nothing fails");
        // 43 executions; the seed is fixed, so this is one value, well within a quarter of the truth.
        assert!((32.0..54.0).contains(&estimate), "{estimate}");
    }

    /// What Dekker's algorithm needs, and what separates RC11 from interleavings.
    #[test]
    fn outcomes_are_those_of_the_model() {
        let outcomes = |text: &str| {
            let program = parse(text).expect("a good line").remove(0);
            let outcomes = Arc::new(Outcomes::default());
            let compiled = Arc::new(Compiled::new(&program, Mode::Graph, Some(Arc::clone(&outcomes))));
            let report = checker(Engine::Graph).run(move || compiled.run()).remove(0);
            assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
            let text: Vec<String> = outcomes.take().iter().map(|outcome| outcome.to_string()).collect();
            text
        };
        let store_buffering = |store: &str, load: &str| {
            outcomes(&format!("SB | T0: W.{store} x 1; r0=R.{load} y | T1: W.{store} y 1; r0=R.{load} x"))
        };
        assert_eq!(store_buffering("rel", "acq").len(), 4);
        assert_eq!(store_buffering("sc", "acq").len(), 4);
        assert_eq!(store_buffering("sc", "sc"), ["T0.r0=0 T1.r0=1", "T0.r0=1 T1.r0=0", "T0.r0=1 T1.r0=1"]);
        // RC11 forbids load buffering, which the hardware may show for relaxed accesses.
        let load_buffering = outcomes("LB | T0: r0=R.rlx x; W.rlx y 1 | T1: r0=R.rlx y; W.rlx x 1");
        assert!(!load_buffering.contains(&"T0.r0=1 T1.r0=1".to_string()));
        assert_eq!(load_buffering.len(), 3);
    }
}

/// What this machine shows of small programs is allowed under the strongest model that they name.
mod native {
    use selvedge_models::litmus::{PROGRAMS, parse, run_natively};

    #[test]
    fn an_instance_for_each_run_and_no_outcome_that_coherence_forbids() {
        let programs = parse(PROGRAMS).expect("the file is good");
        let message_passing = programs.iter().find(|program| program.name == "MP").expect("there is MP");
        let counts = run_natively(message_passing, 10_000);
        assert_eq!(counts.values().sum::<u64>(), 3 * 4096, "whole batches");
        let text: Vec<String> = counts.keys().map(ToString::to_string).collect();
        assert!(!text.contains(&"T1.r0=1 T1.r1=0".to_string()), "{text:?}");
    }

    #[test]
    fn a_failed_assumption_leaves_the_instance_out_and_main_comes_last() {
        let text = "A | init x=2 | T0: r0=R.rlx x; assume r0==3 | expect=0\n\
                    B | init x=2 | T0: r0=FADD.rlx x 1 | main: join; r0=R.rlx x | expect=1";
        let programs = parse(text).expect("two programs");
        assert!(run_natively(&programs[0], 1).is_empty());
        let counts = run_natively(&programs[1], 1);
        let text: Vec<String> = counts.iter().map(|(outcome, count)| format!("{outcome}: {count}")).collect();
        assert_eq!(text, ["T0.r0=2 main.r0=3: 4096"]);
    }
}
