//! Tasks that join a routine while it runs, tasks at moments of the wall clock, and records of what runs.

use super::{HOUR, Log, MOMENT, everywhere, fails, text, until_done};
use chrono::{DateTime, Utc};
use cron::Schedule;
use selvedge::chan::bounded;
use selvedge::context::{Context, background, with_cancel, with_timeout};
use selvedge::rt::task;
use selvedge::testing::{bubble, wall};
use selvedge_go::routine::{Event, Executor, Outcome, Profile, Routine, Task, Trace, child};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// XR-06.
#[test]
fn a_task_that_is_added_is_stopped_and_waited_for() {
    everywhere(|| {
        let log = Log::default();
        let (told, ends) = (log.clone(), log.clone());
        let adds = move |context: &Context| {
            let (begins, begun) = bounded(0);
            let ends = ends.clone();
            let inner = move |context: &Context| {
                begins.send(())?;
                until_done(context)?;
                ends.add("the child of a child ends");
                Ok(())
            };
            let outer = move |context: &Context| {
                assert!(child(context, "inner", Task::new(inner.clone())).is_ok());
                Ok(())
            };
            // The child does not have the shorter time of the task that adds it.
            let (short, _cancel) = with_timeout(context, Duration::ZERO);
            assert!(child(&short, "outer", Task::new(outer)).is_ok());
            begun.recv()?;
            assert!(child(context, "fails", fails("no luck")).is_ok(), "its error decides nothing");
            Ok(())
        };
        let hook = move |event: &Event<'_>| {
            if let Event::Ends { name, .. } = event {
                told.add(*name);
            }
        };
        let routine = Routine::new(adds).cleanup(log.task("cleanup")).observe(hook);
        assert_eq!(text(routine.execute(&background())), "well");
        let mut log = log.take();
        assert_eq!(log.split_off(log.len() - 2), ["cleanup", "cleanup"], "the task, and its end");
        log.sort();
        assert_eq!(log, ["fails", "inner", "main", "outer", "the child of a child ends"]);
    });
}

/// A name that adds a task when it is made.
struct Adds(Context);

impl From<Adds> for String {
    fn from(Adds(context): Adds) -> String {
        assert!(child(&context, "first", Task::new(|_| Ok(()))).is_ok());
        "second".to_string()
    }
}

#[test]
fn a_name_may_be_made_by_what_adds_a_task_too() {
    everywhere(|| {
        let log = Log::default();
        let told = log.clone();
        let main = |context: &Context| {
            assert!(child(context, Adds(context.clone()), Task::new(|_| Ok(()))).is_ok());
            Ok(())
        };
        let hook = move |event: &Event<'_>| {
            if let Event::Ends { name, .. } = event {
                told.add(*name);
            }
        };
        assert_eq!(text(Routine::new(main).observe(hook).execute(&background())), "well");
        let mut log = log.take();
        log.sort();
        assert_eq!(log, ["first", "main", "second"]);
    });
}

/// XR-06.
#[test]
fn a_routine_takes_tasks_only_while_it_runs() {
    let kept = Arc::new(Mutex::new(None));
    let keeps = Arc::clone(&kept);
    let late =
        |context: &Context| child(context, "late", Task::new(|_| unreachable!("it has ended"))).is_err();
    assert!(late(&background()));
    let routine = Routine::new(move |context: &Context| {
        *keeps.lock().expect("no panic") = Some(context.clone());
        Ok(())
    });
    assert_eq!(
        text(
            routine
                .cleanup(move |context| {
                    assert!(late(context));
                    Ok(())
                })
                .execute(&background())
        ),
        "well"
    );
    assert!(late(&kept.lock().expect("no panic").take().expect("it has run")));
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns the moments of an expression, in universal time.
fn cron(expression: &str) -> impl Fn(SystemTime) -> Option<SystemTime> + Send + Sync + 'static {
    let schedule: Schedule = expression.parse().expect("an expression");
    move |now| schedule.after(&DateTime::<Utc>::from(now)).next().map(SystemTime::from)
}

/// Returns a task that notes when it begins, in hours since the clock of bubbles begins, and then takes so long.
fn notes(times: &Arc<Mutex<Vec<u64>>>, takes: Duration) -> Task {
    let times = Arc::clone(times);
    Task::new(move |context: &Context| {
        let passed = wall().duration_since(SystemTime::UNIX_EPOCH).expect("it is later") - 10_957 * DAY;
        times.lock().expect("no panic").push(passed.as_secs() / 3600);
        assert_eq!(passed.subsec_nanos(), 0);
        _ = context.done().recv_timeout(takes);
        Ok(())
    })
}

/// The clock begins on a Saturday. XR-08 cron.
#[test]
fn a_task_is_executed_at_moments_of_the_wall_clock() {
    everywhere(|| {
        let times = Arc::new(Mutex::new(Vec::new()));
        let run = |task: Task, days: u32| {
            let outcome = bubble(|_| {
                let (context, _cancel) = with_timeout(&background(), days * DAY);
                task.execute(&context)
            });
            (text(outcome), std::mem::take(&mut *times.lock().expect("no panic")))
        };
        let over = "context deadline exceeded".to_string();
        let weekdays = notes(&times, Duration::ZERO).scheduled(cron("0 30 9 * * Mon-Fri"));
        assert_eq!(run(weekdays, 5), (over.clone(), vec![2 * 24 + 9, 3 * 24 + 9, 4 * 24 + 9]));
        // What comes while the task runs is left out.
        let hourly = notes(&times, 90 * Duration::from_secs(60)).scheduled(cron("0 0 * * * *"));
        assert_eq!(run(hourly, 1).1, (1..24).step_by(2).collect::<Vec<_>>());
        let (quiet, hours) = (22..24_u64, cron("0 0 * * * *"));
        let muted = move |mut now: SystemTime| loop {
            now = hours(now)?;
            let hour = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs() / 3600 % 24;
            if !quiet.contains(&hour) {
                return Some(now);
            }
        };
        assert_eq!(run(notes(&times, Duration::ZERO).scheduled(muted), 1).1, (1..22).collect::<Vec<_>>());
    });
}

#[test]
fn a_schedule_ends_by_itself_by_an_error_and_with_the_context() {
    let run = |task: Task| text(bubble(|_| task.execute(&background())));
    let began = SystemTime::UNIX_EPOCH + 10_957 * DAY;
    let once = move |now| (now < began + HOUR).then_some(began + HOUR);
    assert_eq!(run(Task::new(|_: &Context| Ok(())).scheduled(once)), "well");
    assert_eq!(run(fails("no luck").scheduled(once)), "no luck");
    let errors = Log::default();
    let told = errors.clone();
    assert_eq!(
        run(fails("no luck").guaranteed(move |error| told.add(error.to_string())).scheduled(once)),
        "well"
    );
    assert_eq!(errors.take(), ["no luck"]);
    let endless = run(Task::new(|_: &Context| Ok(())).scheduled(Some));
    assert!(endless.contains("not after the time"), "{endless}");
    let (context, cancel) = with_cancel(&background());
    let never = Task::new(|_: &Context| unreachable!("it is cancelled")).scheduled(|now| Some(now + MOMENT));
    cancel.cancel();
    assert_eq!(text(never.execute(&context)), "context canceled");
}

/// A task that takes an hour of a bubble.
fn takes_an_hour(context: &Context) -> Outcome {
    _ = context.done().recv_timeout(HOUR);
    Ok(())
}

/// XR-09 profiles.
#[test]
fn a_profile_has_what_tasks_took() {
    everywhere(|| {
        let profile = Profile::new();
        bubble(|_| {
            let slow = Task::new(takes_an_hour).observed("slow", profile.hook());
            assert_eq!(text(slow.clone().copies(2).repeat(2, Duration::ZERO).execute(&background())), "well");
            let routine = Routine::new(fails("no luck")).daemon("slow", takes_an_hour);
            assert_eq!(text(routine.observe(profile.hook()).execute(&background())), "no luck");
        });
        let took = profile.took("slow").expect("it has run");
        assert_eq!((took.times, took.failed, took.longest), (5, 0, HOUR));
        assert!((4 * HOUR..=5 * HOUR).contains(&took.total));
        let main = profile.took("main").expect("it has run");
        assert_eq!((main.times, main.failed), (1, 1));
        assert_eq!(profile.took("another"), None);
        let names: Vec<_> = profile.rows().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["main", "slow"]);
        assert!(profile.to_string().starts_with("slow: 5 times, 0 failed"), "{profile}");
    });
}

/// XR-06 traces.
#[test]
fn a_trace_has_a_bar_for_each_task_that_has_ended() {
    everywhere(|| {
        let trace = Trace::new(Vec::new()).expect("memory");
        let hook = trace.hook();
        let routine = Routine::new(takes_an_hour).worker("a \"worker\"", takes_an_hour).cleanup(fails_not);
        bubble(|_| assert_eq!(text(routine.observe(trace.hook()).execute(&background())), "well"));
        let bytes = trace.clone().finish().expect("memory");
        let text = String::from_utf8(bytes).expect("text");
        hook(&Event::Ends { name: "late", elapsed: HOUR, outcome: &Ok(()) });
        assert!(trace.finish().is_err(), "it is finished already");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines[0], lines[lines.len() - 1], lines.len()), ("[", "]", 5), "{text}");
        let bar = |name: &str, row: u32| {
            let start = format!("{{\"name\":\"{name}\",\"ph\":\"X\",\"ts\":");
            lines.iter().any(|line| line.starts_with(&start) && line.contains(&format!("\"tid\":{row},")))
        };
        let overlap =
            bar("main", 0) && bar("a \\\"worker\\\"", 1) || bar("main", 1) && bar("a \\\"worker\\\"", 0);
        assert!(overlap && lines[3].contains("\"name\":\"cleanup\""), "{text}");
        assert_eq!(text.matches("\"dur\":3600000000.000").count(), 2, "{text}");
        assert!(lines[1..3].iter().all(|line| line.ends_with(',')) && lines[3].ends_with('}'), "{text}");
    });
}

fn fails_not(_: &Context) -> Outcome {
    Ok(())
}

/// A writer that fails at the third line.
struct Full(u32);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += u32::from(bytes.contains(&b'\n'));
        if self.0 > 2 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_trace_that_cannot_be_written_says_so_at_its_end() {
    let trace = Trace::new(Full(0)).expect("it has room at first");
    let task = Task::new(fails_not).observed("a task", trace.hook()).repeat(9, Duration::ZERO);
    assert_eq!(text(task.execute(&background())), "well");
    let error = trace.finish().err().map(|error| error.kind());
    assert_eq!(error, Some(std::io::ErrorKind::StorageFull));
}

/// A writer that calls this at each write but the first, which begins the trace.
struct Calls<F>(Vec<u8>, F);

impl<F: FnMut()> std::io::Write for Calls<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.0.is_empty() {
            (self.1)();
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Tells a hook that a task of this name has ended.
fn ends(hook: &impl Fn(&Event<'_>), name: &str) {
    hook(&Event::Ends { name, elapsed: HOUR, outcome: &Ok(()) });
}

fn text_of<F>(trace: Trace<Calls<F>>) -> String
where
    F: FnMut() + Send + 'static,
{
    String::from_utf8(trace.finish().expect("memory").0).expect("text")
}

#[test]
fn a_writer_of_a_trace_that_waits_keeps_no_other_task() {
    everywhere(|| {
        let ((begins, begun), (tx, rx)) = (bounded(2), bounded::<()>(2));
        let writer = Calls(Vec::new(), move || {
            begins.send(()).expect("the test waits");
            rx.recv().expect("the test sends");
        });
        let trace = Trace::new(writer).expect("memory");
        let hook = trace.hook();
        let first = task::spawn(move || ends(&hook, "first"));
        begun.recv().expect("it writes");
        // It would not come back if it waited for the writer.
        ends(&trace.hook(), "second");
        (0..2).for_each(|_| tx.send(()).expect("the writer waits"));
        let text = text_of(trace);
        first.join().expect("no panic");
        assert!(text.contains("first") && text.contains("second") && text.ends_with("\n]\n"), "{text}");
    });
}

/// What a writer calls, once it is there.
type Own = Mutex<Option<Box<dyn Fn() + Send>>>;

#[test]
fn a_writer_of_a_trace_may_end_tasks_of_the_same_trace() {
    let own: Arc<Own> = Arc::default();
    let theirs = Arc::clone(&own);
    let trace =
        Trace::new(Calls(Vec::new(), move || theirs.lock().expect("no panic").iter().for_each(|end| end())))
            .expect("memory");
    let hook = trace.hook();
    *own.lock().expect("no panic") = Some(Box::new(move || ends(&hook, "inner")));
    ends(&trace.hook(), "outer");
    *own.lock().expect("no panic") = None;
    let text = text_of(trace);
    assert_eq!((text.matches("outer").count(), text.matches("inner").count()), (1, 1), "{text}");
}

#[test]
fn a_writer_of_a_trace_that_panics_ends_it() {
    let trace = Trace::new(Calls(Vec::new(), || panic!("full"))).expect("memory");
    let hook = trace.hook();
    assert!(catch_unwind(AssertUnwindSafe(|| ends(&hook, "first"))).is_err());
    ends(&hook, "second");
    let error = trace.finish().err().expect("it has failed");
    assert!(error.to_string().contains("the writer has panicked"), "{error}");
}
